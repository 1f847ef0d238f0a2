// From a picture file to upright RGB pixels, as hf_etc.load_rgb does it in Python.
//
// PNG is decoded here, exactly. JPEG and WebP go through the browser's decoder, with every metadata segment
// cut out first: no colour management, no turning, the same pixels in every browser that decodes to the letter.

import { inspectFile } from "./containers.mjs";
import { AlreadyEncryptedError, BrowserError, ImageError } from "./errors.mjs";
import { decodePng } from "./png.mjs";
import { checkSize, overWhite, upright } from "./prepare.mjs";

/**
 * A plain picture.
 *
 * @param {Blob | ArrayBuffer | Uint8Array} file a PNG, JPEG or WebP file.
 * @returns {Promise<{data: Uint8Array, height: number, width: number}>} RGB, transparency laid over white.
 * Throws ImageError: empty, damaged, animated, too large, or of another kind. AlreadyEncryptedError: a ciphertext.
 */
export async function loadPicture(file) {
  const facts = await inspectPicture(file);
  if (facts.labels.length) throw new AlreadyEncryptedError("this image is encrypted already; decrypt it first");
  return upright(await decodePixels(facts), facts.orientation);
}

/** What inspectFile() says of a Blob, an ArrayBuffer or a Uint8Array. Throws ImageError: it cannot be used. */
export async function inspectPicture(file) {
  const facts = inspectFile(await toBytes(file));
  checkSize(facts.height, facts.width);
  if (facts.isAnimated) throw new ImageError("the image is animated; extract one frame first");
  return facts;
}

/** The RGB pixels, as they are stored, of a picture of which inspectPicture() gave the facts. */
export async function decodePixels({ kind, height, width, bare }) {
  const image = kind === "png" ? decodePng(bare) : await decodeInBrowser(bare, `image/${kind}`);
  if (image.height !== height || image.width !== width) throw new ImageError("the image is truncated or damaged");
  return image;
}

/**
 * The browser's own decoder, for JPEG and WebP.
 *
 * @param {Uint8Array} bytes the bare file, from inspectFile().
 */
async function decodeInBrowser(bytes, type) {
  if (!globalThis.createImageBitmap || !globalThis.OffscreenCanvas) {
    throw new BrowserError(`${type} is decoded by a browser, and this is none that can; use a PNG`);
  }
  checkCanvas();
  const options = { premultiplyAlpha: "none", colorSpaceConversion: "none" };
  const bitmap = await createImageBitmap(new Blob([bytes], { type }), options).catch(() => {
    throw new ImageError("the image is truncated or damaged");
  });
  const context = makeCanvas(bitmap.height, bitmap.width);
  context.drawImage(bitmap, 0, 0);
  const { data, height, width } = context.getImageData(0, 0, bitmap.width, bitmap.height);
  bitmap.close();
  if (type === "image/jpeg" && data.some((value, i) => i % 4 === 3 && value !== 255)) {
    throw new BrowserError(
      `${width}x${height} pixels are too many for this browser's canvas; make the picture smaller`,
    );
  }
  return overWhite({ data, height, width });
}

/**
 * Protection against fingerprinting lets a canvas return other pixels than were drawn. Encrypting those would
 * send noise without a word.
 */
function checkCanvas() {
  const context = makeCanvas(16, 16);
  const drawn = context.createImageData(16, 16);
  drawn.data.forEach((_, i, data) => (data[i] = i % 4 === 3 ? 255 : (i * 37) & 255));
  context.putImageData(drawn, 0, 0);
  const read = context.getImageData(0, 0, 16, 16).data;
  if (drawn.data.some((value, i) => value !== read[i])) {
    throw new BrowserError("this browser alters pixels that a page reads from a canvas; allow it here or use a PNG");
  }
}

function makeCanvas(height, width) {
  const canvas = new OffscreenCanvas(width, height);
  return canvas.getContext("2d", { willReadFrequently: true, colorSpace: "srgb" });
}

async function toBytes(file) {
  if (file instanceof Uint8Array) return file;
  if (file instanceof ArrayBuffer) return new Uint8Array(file);
  if (file instanceof Blob) return new Uint8Array(await file.arrayBuffer());
  throw new ImageError("expected a picture file: a Blob, an ArrayBuffer or a Uint8Array");
}
