// Ciphertext image files: PNG or JPEG with a public marker and a tag (docs/spec.md, section 5).

import { randomBytes, toHex } from "./bytes.mjs";
import { outputSize } from "./ciphers/base.mjs";
import { insertMarker, inspectFile } from "./containers.mjs";
import { AuthenticationError, GeometryError, MarkerError, NotACiphertextError, ParameterError } from "./errors.mjs";
import { checkJpeg, encodeJpeg } from "./jpeg.mjs";
import { markerFromJson, markerToJson, taggedMessage } from "./marker.mjs";
import { decodePixels, inspectPicture } from "./picture.mjs";

/**
 * Write encrypted pixels as an image file with its marker and tag. Cipher.seal() encrypts, too.
 *
 * @param {EtcKey | null} key makes the tag; null: a random one, where the key is disposable.
 * @param {{data: Uint8Array, height: number, width: number}} image RGB, already encrypted.
 * @param {object} untagged the marker, which as yet has no tag.
 * @param {{format?: "png" | "jpeg", quality?: number, subsampling?: "4:4:4" | "4:2:0"}} options PNG is lossless;
 *   `encode` in place of encodeFile() does the same elsewhere, as in a worker.
 * @returns {Promise<{bytes: Uint8Array, marker: object}>} the file, and its marker with the tag.
 */
export async function writeCiphertext(key, image, untagged, options = {}) {
  const { encode = encodeFile, ...encoding } = options;
  const { format = "png" } = encoding;
  checkFormat(encoding);
  const file = await encode(image, encoding);
  const [kind, data] = format === "png" ? ["pixels", image.data] : ["jpeg", inspectFile(file).bare];
  const tag = key === null ? randomId() : await key.tag(taggedMessage(untagged, kind, data));
  const marker = { ...untagged, tag };
  return { bytes: insertMarker(file, markerToJson(marker)), marker };
}

/** Pixels as an image file; see writeCiphertext() for the options. */
export async function encodeFile(image, { format = "png", quality = 85, subsampling = "4:4:4" } = {}) {
  if (format === "jpeg") return encodeJpeg(image, quality, subsampling);
  const { encodePng } = await import("./png.mjs");
  return encodePng(image);
}

/**
 * All that can be checked without a key and without decoding.
 *
 * @param {Blob | ArrayBuffer | Uint8Array} file
 * @returns {Promise<{facts: object, marker: object}>} facts: from inspectFile().
 * Throws, in this order, ImageError, NotACiphertextError, MarkerError, GeometryError.
 */
export async function readCiphertext(file) {
  const facts = await inspectPicture(file);
  const marker = markerFromJson(markerText(facts));
  if (!facts.isRgb) throw new MarkerError("a ciphertext is 8-bit RGB, this one is not; encrypt the image again");
  checkMarkedSize(facts, marker);
  return { facts, marker };
}

/** Read a ciphertext file without a key: resolves to { image, marker }. Whoever made it, its tag is not checked. */
export async function decodeCiphertext(file) {
  const { facts, marker } = await readCiphertext(file);
  return { image: await decodePixels(facts), marker };
}

/**
 * The encrypted pixels of what readCiphertext() found, once the tag was checked. Throws AuthenticationError.
 */
export async function authenticate(key, found) {
  const { image } = await checkTag(key, found);
  return image ?? (await decodePixels(found.facts));
}

/**
 * Resolves to what the tag covers, { kind, data }, and to the image where it had to be decoded for that: of a JPEG
 * nothing is decoded. Throws AuthenticationError.
 */
export async function checkTag(key, { facts, marker }) {
  const image = facts.kind === "jpeg" ? null : await decodePixels(facts);
  const [kind, data] = image ? ["pixels", image.data] : ["jpeg", facts.bare];
  if ((await key.tag(taggedMessage(marker, kind, data))) !== marker.tag) {
    const remedy = "get the file again as it was made";
    throw new AuthenticationError(`the ciphertext was altered or re-encoded after encryption; ${remedy}`);
  }
  return { kind, data, image };
}

/** The marker text among the facts of a picture. Throws NotACiphertextError: there is none; MarkerError: misplaced. */
export function markerText({ labels }) {
  if (!labels.length) throw new NotACiphertextError("this is a plain image (no hf-etc marker); encrypt it first");
  if (labels.length > 1) throw new MarkerError(`the image has ${labels.length} markers; encrypt the image again`);
  if (!labels[0].isInPlace) throw new MarkerError("the marker is not in its place; encrypt the image again");
  return labels[0].text;
}

/** Throws ParameterError unless writeCiphertext() can write this. */
export function checkFormat({ format = "png", quality = 85, subsampling = "4:4:4" }) {
  if (format !== "png" && format !== "jpeg") throw new ParameterError(`format "${format}": use png or jpeg`);
  checkJpeg(quality, subsampling);
}

/** 32 random hexadecimal digits, in place of an id or tag that a thrown away key cannot prove anyway. */
export function randomId() {
  return toHex(randomBytes(16));
}

/** Throws GeometryError unless an image has the size that its ciphertext was given. */
export function checkMarkedSize(found, { spec, ...marker }) {
  const [height, width] = outputSize(spec, marker.height, marker.width);
  if (found.height === height && found.width === width) return;
  const sizes = `encrypted at ${height}x${width}, now ${found.height}x${found.width}`;
  throw new GeometryError(
    `the ciphertext was resized or cropped after encryption (${sizes}); resize before encrypting`,
  );
}
