// JPEG encoding: mozjpeg with libjpeg's tables and quality scale, loaded when it is first needed.

import { BrowserError, ParameterError } from "./errors.mjs";
import { toRgba } from "./prepare.mjs";

const SAMPLING = { "4:4:4": 1, "4:2:0": 2 };
const OPTIONS = {
  baseline: true,
  arithmetic: false,
  progressive: false,
  optimize_coding: true,
  smoothing: 0,
  color_space: 3, // YCbCr
  quant_table: 0, // the tables of JPEG's Annex K, libjpeg's
  trellis_multipass: false,
  trellis_opt_zero: false,
  trellis_opt_table: false,
  trellis_loops: 1,
  auto_subsample: false,
  separate_chroma_quality: false,
  chroma_quality: 75,
};
let encoder = null;

/**
 * A baseline YCbCr file of an RGB image.
 *
 * @param {{data: Uint8Array, height: number, width: number}} image
 * @param {number} quality 1 to 100, libjpeg's scale.
 * @param {"4:4:4" | "4:2:0"} subsampling of the chroma.
 */
export async function encodeJpeg(image, quality = 85, subsampling = "4:4:4") {
  checkJpeg(quality, subsampling);
  const { encode } = await loadEncoder();
  return encode(toRgba(image), image.width, image.height, {
    ...OPTIONS,
    quality,
    chroma_subsample: SAMPLING[subsampling],
  }).slice();
}

/** Throws ParameterError unless encodeJpeg() can write this. */
export function checkJpeg(quality, subsampling) {
  if (!Number.isInteger(quality) || quality < 1 || quality > 100) {
    throw new ParameterError(`quality ${quality}: use a whole number from 1 to 100`);
  }
  if (!Object.hasOwn(SAMPLING, subsampling)) {
    throw new ParameterError(`subsampling "${subsampling}": use 4:4:4 or 4:2:0`);
  }
}

/** Fetch the encoder; encodeJpeg() does so itself when it is first called. */
export async function loadEncoder() {
  encoder ??= startEncoder().catch((error) => {
    encoder = null; // a later call may find the network again
    throw new BrowserError(`cannot load the JPEG encoder (${error.message}); reload the page or use PNG`);
  });
  return encoder;
}

async function startEncoder() {
  const { default: start } = await import("./vendor/mozjpeg_enc.mjs");
  const wasmBinary = await readBinary(new URL("./vendor/mozjpeg_enc.wasm", import.meta.url));
  const silent = () => {};
  return start({ noInitialRun: true, wasmBinary, print: silent, printErr: silent });
}

async function readBinary(url) {
  if (url.protocol === "file:") return (await import("node:fs/promises")).readFile(url);
  const response = await fetch(url);
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  return response.arrayBuffer();
}
