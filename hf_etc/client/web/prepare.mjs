// From decoded pixels to the RGB image of the right size that a cipher takes (docs/spec.md, section 6).
// Images are { data, height, width }; data is a Uint8Array of RGB bytes unless said otherwise.

import { checkGrid } from "./ciphers/base.mjs";
import { ImageError, ParameterError } from "./errors.mjs";
import { checkFilter, resize } from "./resample.mjs";

const MAX_PIXELS = 89478485;
const MAX_EDGE = 65535;
const MAX_PREPARED = 2 ** 25; // pixels

/**
 * How a picture is brought to size; always before encryption, never after.
 *
 * @param {{size?: number | [number, number] | null, fit?: string, resample?: string}} options
 *   size: [height, width] in pixels, or one edge of a square; null keeps the picture's own size.
 *   fit: with a size "crop" (default), "pad" or "stretch"; without one "exact" (default), "crop" or "pad".
 *   resample: "bicubic" (default) or "bilinear".
 */
export function makePreparation({ size = null, fit = null, resample = "bicubic" } = {}) {
  const edges = typeof size === "number" ? [size, size] : size;
  if (
    edges !== null &&
    !(Array.isArray(edges) && edges.length === 2 && edges.every((e) => Number.isInteger(e) && e > 0))
  ) {
    throw new ParameterError(`size ${JSON.stringify(size)}: give [height, width] in pixels`);
  }
  const allowed = edges === null ? ["exact", "crop", "pad"] : ["crop", "pad", "stretch"];
  if (fit !== null && !allowed.includes(fit)) {
    const given = edges === null ? "without a size" : "with a size";
    throw new ParameterError(`fit "${fit}" ${given}: use one of ${allowed.join(", ")}`);
  }
  checkFilter(resample);
  return Object.freeze({ size: edges, fit: fit ?? allowed[0], resample });
}

/**
 * Bring an RGB image to size. Throws GeometryError: the target size is off the grid; ImageError: something is over
 * the limits of section 6. All sizes are checked before memory is taken.
 */
export function prepare(image, { size, fit, resample }, grid = 1) {
  checkSize(image.height, image.width);
  const target = size ?? onGrid(image.height, image.width, fit, grid);
  checkGrid(...target, grid);
  checkPrepared(...target);
  const [height, width] = size === null ? [image.height, image.width] : scaledSize(image, size, fit);
  checkScaling(image, height, width);
  return center(resize(image, height, width, resample), ...target);
}

/**
 * RGB of RGBA bytes: transparency is laid over white.
 *
 * @param {{data: Uint8Array | Uint8ClampedArray, height: number, width: number}} image e.g. an ImageData.
 */
export function overWhite({ data, height, width }) {
  const out = new Uint8Array(height * width * 3);
  for (let i = 0, o = 0; o < out.length; i += 4, o += 3) {
    const alpha = data[i + 3];
    for (let c = 0; c < 3; c++) {
      const value = data[i + c];
      out[o + c] = alpha === 255 ? value : Math.floor((value * alpha + 255 * (255 - alpha) + 127) / 255);
    }
  }
  return { data: out, height, width };
}

/** RGBA bytes of an RGB image, for a canvas: new ImageData(toRgba(image), image.width). */
export function toRgba({ data }) {
  const out = new Uint8ClampedArray((data.length / 3) * 4).fill(255);
  for (let i = 0, o = 0; i < data.length; i += 3, o += 4) {
    out[o] = data[i];
    out[o + 1] = data[i + 1];
    out[o + 2] = data[i + 2];
  }
  return out;
}

/** Turn an image upright. Orientation: 1 to 8, as in EXIF; anything else counts as 1. */
export function upright({ data, height, width }, orientation) {
  const bottom = height - 1;
  const right = width - 1;
  const source = {
    2: (r, c) => [r, right - c],
    3: (r, c) => [bottom - r, right - c],
    4: (r, c) => [bottom - r, c],
    5: (r, c) => [c, r],
    6: (r, c) => [bottom - c, r],
    7: (r, c) => [bottom - c, right - r],
    8: (r, c) => [c, right - r],
  }[orientation];
  if (!source) return { data, height, width };
  const offset = (r, c) => source(r, c).reduce((row, column) => row * width + column) * 3;
  const start = offset(0, 0);
  const [down, across] = [offset(1, 0) - start, offset(0, 1) - start];
  const [rows, columns] = orientation >= 5 ? [width, height] : [height, width];
  const out = new Uint8Array(data.length);
  for (let row = 0, o = 0; row < rows; row++) {
    for (let column = 0, i = start + row * down; column < columns; column++, o += 3, i += across) {
      out[o] = data[i];
      out[o + 1] = data[i + 1];
      out[o + 2] = data[i + 2];
    }
  }
  return { data: out, height: rows, width: columns };
}

/** Throws ImageError for no pixels, above Pillow's limit against decompression bombs, and for an endless edge. */
export function checkSize(height, width) {
  const name = `${height}x${width}`;
  if (!height || !width) throw new ImageError(`the image has no pixels (${name})`);
  if (height * width > MAX_PIXELS) {
    throw new ImageError(`${name} is over the limit of ${MAX_PIXELS} pixels; make the picture smaller`);
  }
  if (Math.max(height, width) > MAX_EDGE) {
    throw new ImageError(`${name} has an edge over the limit of ${MAX_EDGE} pixels; cut the picture`);
  }
}

function checkPrepared(height, width) {
  checkSize(height, width);
  if (height * width <= MAX_PREPARED) return;
  throw new ImageError(`${height}x${width} is over the limit of ${MAX_PREPARED} pixels to encrypt; give a smaller size`);
}

/** The scaled picture, and the one between the two axes. */
function checkScaling(from, height, width) {
  checkSize(height, width);
  const tallFirst = from.height > 100 * from.width && height < from.height;
  checkSize(...(tallFirst ? [height, from.width] : [from.height, width]));
}

/** The size to resample to, in whole-number arithmetic: x * p / q rounded half up. */
function scaledSize({ height, width }, [rows, columns], fit) {
  if (fit === "stretch") return [rows, columns];
  const byHeight = rows * width >= columns * height === (fit === "crop");
  const rounded = (edge, p, q) => Math.max(1, Math.floor((2 * edge * p + q) / (2 * q)));
  return byHeight ? [rows, rounded(width, rows, height)] : [rounded(height, columns, width), columns];
}

function onGrid(height, width, fit, grid) {
  const edge = {
    exact: (n) => n,
    crop: (n) => Math.floor(n / grid) * grid || n, // checkGrid refuses a picture smaller than a block
    pad: (n) => Math.ceil(n / grid) * grid,
  }[fit];
  return [edge(height), edge(width)];
}

/** Cut the middle out where the target is smaller, repeat the edges where it is larger. */
function center({ data, height, width }, rows, columns) {
  if (rows === height && columns === width) return { data, height, width };
  const out = new Uint8Array(rows * columns * 3);
  const first = (found, wanted) => (found > wanted ? (found - wanted) >> 1 : -((wanted - found) >> 1));
  const clamp = (i, n) => Math.min(Math.max(i, 0), n - 1);
  const [top, left] = [first(height, rows), first(width, columns)];
  for (let row = 0, o = 0; row < rows; row++) {
    const line = clamp(row + top, height) * width;
    for (let column = 0; column < columns; column++, o += 3) {
      const i = (line + clamp(column + left, width)) * 3;
      out[o] = data[i];
      out[o + 1] = data[i + 1];
      out[o + 2] = data[i + 2];
    }
  }
  return { data: out, height: rows, width: columns };
}
