// From a picture file to upright RGB pixels, as hf_etc.load_rgb does it in Python.
//
// PNG is decoded here, exactly. JPEG and WebP go through the browser's decoder, with every metadata segment
// cut out first: no colour management, no turning, the same pixels in every browser that decodes to the letter.
// HEIC is whatever the browser makes of it, in the few that can.

import { inspectFile, isHeic } from "./containers.mjs";
import { AlreadyEncryptedError, BrowserError, ImageError } from "./errors.mjs";
import { checkSize, overWhite, upright } from "./prepare.mjs";

/**
 * A plain picture.
 *
 * @param {Blob | ArrayBuffer | Uint8Array} file a PNG, JPEG or WebP file, or HEIC where the browser decodes it.
 * @param {string | null} window which values of 16-bit grayscale become black and white: "MIN:MAX", "CENTER/WIDTH", or
 *   "full" for the upper byte. Other pictures need none.
 * @returns {Promise<{data: Uint8Array, height: number, width: number}>} RGB, transparency laid over white.
 * Throws ImageError: empty, damaged, animated, too large, or of another kind. AlreadyEncryptedError: a ciphertext.
 * MissingWindowError: 16-bit grayscale, and no window. BrowserError: the browser cannot decode it.
 */
export async function loadPicture(file, window = null) {
  const bytes = await toBytes(file);
  if (isHeic(bytes)) return decodeHeic(bytes);
  const facts = await inspectPicture(bytes);
  if (facts.labels.length) throw new AlreadyEncryptedError("this image is encrypted already; decrypt it first");
  return upright(await decodePixels(facts, window), facts.orientation);
}

/** What inspectFile() says of a Blob, an ArrayBuffer or a Uint8Array. Throws ImageError: it cannot be used. */
export async function inspectPicture(file) {
  const facts = inspectFile(await toBytes(file));
  checkSize(facts.height, facts.width);
  if (facts.isAnimated) throw new ImageError("the image is animated; extract one frame first");
  return facts;
}

/** The RGB pixels, as they are stored, of a picture of which inspectPicture() gave the facts. */
export async function decodePixels({ kind, height, width, bare }, window = null) {
  const image = await (kind === "png" ? decodePng(bare, window) : decodeInBrowser(bare, `image/${kind}`));
  if (image.height !== height || image.width !== width) throw new ImageError("the image is truncated or damaged");
  return image;
}

/** Exactly, by a decoder that is loaded when it is first needed. */
async function decodePng(bytes, window) {
  return (await import("./png.mjs")).decodePng(bytes, window);
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
  const options = { premultiplyAlpha: "none", colorSpaceConversion: "none" };
  const bitmap = await createImageBitmap(new Blob([bytes], { type }), options).catch(() => {
    throw new ImageError("the image is truncated or damaged");
  });
  return pixelsOf(bitmap, type !== "image/jpeg");
}

/** By the browser's decoder, which turns the picture upright and converts its colours by itself. */
async function decodeHeic(bytes) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(new Blob([bytes], { type: "image/heic" }));
  } catch {
    throw new BrowserError("this browser cannot read HEIC; save the picture as JPEG or PNG");
  }
  checkSize(bitmap.height, bitmap.width);
  return pixelsOf(bitmap, true);
}

function pixelsOf(bitmap, mayBeTransparent) {
  checkCanvas();
  const context = makeCanvas(bitmap.height, bitmap.width);
  context.drawImage(bitmap, 0, 0);
  const image = context.getImageData(0, 0, bitmap.width, bitmap.height);
  bitmap.close();
  if (!mayBeTransparent && !isOpaque(image)) {
    throw new BrowserError(
      `${image.width}x${image.height} pixels are too many for this browser's canvas; make the picture smaller`,
    );
  }
  return overWhite(image);
}

function isOpaque({ data }) {
  for (let i = 3; i < data.length; i += 4) if (data[i] !== 255) return false;
  return true;
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
