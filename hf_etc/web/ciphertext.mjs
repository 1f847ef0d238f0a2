// Ciphertext image files: PNG or JPEG with a public marker (docs/spec.md, section 5).

import { insertMarker } from "./containers.mjs";
import { GeometryError, MarkerError, NotACiphertextError, ParameterError } from "./errors.mjs";
import { checkJpeg, encodeJpeg } from "./jpeg.mjs";
import { markerFromJson, markerToJson } from "./marker.mjs";
import { decodePicture, inspectPicture } from "./picture.mjs";
import { encodePng } from "./png.mjs";

/**
 * Write encrypted pixels as an image file with its marker.
 *
 * @param {{data: Uint8Array, height: number, width: number}} image RGB, already encrypted.
 * @param {object} marker from Cipher.marker().
 * @param {{format?: "png" | "jpeg", quality?: number, subsampling?: "4:4:4" | "4:2:0"}} options PNG is lossless.
 * @returns {Promise<Uint8Array>} the file.
 */
export async function encodeCiphertext(image, marker, { format = "png", quality = 85, subsampling = "4:4:4" } = {}) {
  checkFormat({ format, quality, subsampling });
  checkMarkedSize(image, marker);
  const file = format === "png" ? encodePng(image) : await encodeJpeg(image, quality, subsampling);
  return insertMarker(file, markerToJson(marker));
}

/** Read a ciphertext file (Blob, ArrayBuffer or Uint8Array): resolves to { image, marker }. */
export async function decodeCiphertext(file) {
  const facts = await inspectPicture(file);
  const marker = markerFromJson(markerText(facts));
  if (!facts.isRgb) throw new MarkerError("a ciphertext is 8-bit RGB, this one is not; encrypt the image again");
  const image = await decodePicture(facts);
  checkMarkedSize(image, marker);
  return { image, marker };
}

/** The marker text among the facts of a picture. Throws NotACiphertextError: there is none. */
export function markerText({ marker }) {
  if (marker === null) throw new NotACiphertextError("this is a plain image (no hf-etc marker); encrypt it first");
  return marker;
}

/** Throws ParameterError unless encodeCiphertext() can write this. */
export function checkFormat({ format = "png", quality = 85, subsampling = "4:4:4" }) {
  if (format !== "png" && format !== "jpeg") throw new ParameterError(`format "${format}": use png or jpeg`);
  checkJpeg(quality, subsampling);
}

/** Throws GeometryError unless an image has the size it was encrypted at. */
export function checkMarkedSize(found, marker) {
  if (found.height === marker.height && found.width === marker.width) return;
  const sizes = `encrypted at ${marker.height}x${marker.width}, now ${found.height}x${found.width}`;
  throw new GeometryError(
    `the ciphertext was resized or cropped after encryption (${sizes}); resize before encrypting`,
  );
}
