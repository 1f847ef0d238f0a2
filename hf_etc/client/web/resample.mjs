// Pillow's resampling of 8-bit images, bit for bit (docs/spec.md, section 6).

import { ParameterError } from "./errors.mjs";

const PRECISION = 22; // bits after the point of a weight
const ONE = 2 ** PRECISION;
const FILTERS = {
  bicubic: {
    support: 2,
    kernel(x) {
      x = Math.abs(x);
      if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
      return x < 2 ? (((x - 5) * x + 8) * x - 4) * -0.5 : 0;
    },
  },
  bilinear: { support: 1, kernel: (x) => Math.max(1 - Math.abs(x), 0) },
};

/** Throws ParameterError unless there is a filter of this name. */
export function checkFilter(name) {
  if (Object.hasOwn(FILTERS, name)) return;
  throw new ParameterError(`resample "${name}": use one of ${Object.keys(FILTERS).join(", ")}`);
}

/**
 * Resample an RGB image. Along the rows first, rounded to 8 bits, then along the columns; the other way round
 * for a picture over 100 times as tall as wide that becomes less tall. An axis that keeps its size is skipped.
 *
 * @param {{data: Uint8Array, height: number, width: number}} image RGB bytes.
 */
export function resize(image, height, width, filter = "bicubic") {
  checkFilter(filter);
  const toWidth = (from) => (width === from.width ? from : resizeColumns(from, width, FILTERS[filter]));
  const toHeight = (from) => (height === from.height ? from : resizeRows(from, height, FILTERS[filter]));
  const tallFirst = image.height > 100 * image.width && height < image.height;
  return tallFirst ? toWidth(toHeight(image)) : toHeight(toWidth(image));
}

function resizeColumns({ data, height, width }, columns, filter) {
  const out = new Uint8Array(height * columns * 3);
  const { firsts, counts, weights, stride } = windows(width, columns, filter);
  for (let row = 0, o = 0; row < height; row++) {
    for (let column = 0; column < columns; column++, o += 3) {
      let red = ONE / 2;
      let green = ONE / 2;
      let blue = ONE / 2;
      let i = (row * width + firsts[column]) * 3;
      const end = column * stride + counts[column];
      for (let k = column * stride; k < end; k++, i += 3) {
        red += data[i] * weights[k];
        green += data[i + 1] * weights[k];
        blue += data[i + 2] * weights[k];
      }
      out[o] = clip(red);
      out[o + 1] = clip(green);
      out[o + 2] = clip(blue);
    }
  }
  return { data: out, height, width: columns };
}

function resizeRows({ data, height, width }, rows, filter) {
  const line = 3 * width;
  const out = new Uint8Array(rows * line);
  const sums = new Int32Array(line);
  const { firsts, counts, weights, stride } = windows(height, rows, filter);
  for (let row = 0; row < rows; row++) {
    sums.fill(ONE / 2);
    for (let k = 0; k < counts[row]; k++) {
      const weight = weights[row * stride + k];
      const start = (firsts[row] + k) * line;
      for (let i = 0; i < line; i++) sums[i] += data[start + i] * weight;
    }
    for (let i = 0; i < line; i++) out[row * line + i] = clip(sums[i]);
  }
  return { data: out, height: rows, width };
}

/** For each output sample: the first input sample it reads, how many, and their fixed-point weights. */
function windows(from, to, { support, kernel }) {
  const scale = from / to;
  const filterScale = Math.max(scale, 1);
  const reach = support * filterScale;
  const stride = Math.ceil(reach) * 2 + 1;
  const firsts = new Int32Array(to);
  const counts = new Int32Array(to);
  const weights = new Int32Array(to * stride);
  for (let i = 0; i < to; i++) {
    const center = (i + 0.5) * scale;
    const first = Math.max(Math.trunc(center - reach + 0.5), 0);
    const count = Math.min(Math.trunc(center + reach + 0.5), from) - first;
    // Times the reciprocal, as Pillow does: dividing differs in the last bit.
    const exact = Array.from({ length: count }, (_, j) => kernel((j + first - center + 0.5) * (1 / filterScale)));
    const sum = exact.reduce((total, weight) => total + weight, 0);
    exact.forEach((weight, j) => {
      const share = sum === 0 ? weight : weight / sum;
      weights[i * stride + j] = Math.trunc(share * ONE + (share < 0 ? -0.5 : 0.5));
    });
    firsts[i] = first;
    counts[i] = count;
  }
  return { firsts, counts, weights, stride };
}

function clip(sum) {
  const value = sum >> PRECISION;
  return value < 0 ? 0 : value > 255 ? 255 : value;
}
