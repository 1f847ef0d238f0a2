// EtC: block-wise encryption that still compresses as JPEG (docs/spec.md, section 4.1; paper section II-B).

import { GeometryError, ParameterError, shown } from "../errors.mjs";
import { range } from "../keystream.mjs";
import { Layout } from "../layout.mjs";
import { checkGrid, register } from "./base.mjs";

export const STEPS = Object.freeze(["permutation", "rotation", "negative-positive", "color"]);
const LARGEST = 65535; // of an edge, as in JPEG
const CODES = { rotation: 16, "negative-positive": 2, color: 6 };
const TURN_OF_CODE = [0, 1, 2, 3, 4, 7, 6, 5, 6, 5, 4, 7, 2, 3, 0, 1]; // of each code of the step rotation
const PER_IMAGE = { gap: 0, jitter: 0, keep: 1, disposable: false };

register({
  name: "etc",
  defaults: { block_size: undefined, steps: STEPS, shared_block_key: false, ...PER_IMAGE },

  check(params) {
    const { block_size: size, steps, shared_block_key: shared } = params;
    if (!isPixels(size) || size < 1) {
      throw new ParameterError(`block_size ${shown(size)}: must be a whole number of pixels, 1 or more`);
    }
    if (typeof shared !== "boolean") throw new ParameterError(`shared_block_key ${shown(shared)}: use true or false`);
    if (!Array.isArray(steps) || !steps.length || !steps.every((step) => STEPS.includes(step))) {
      throw new ParameterError(`steps ${shown(steps)}: give a list of one or more of ${STEPS.join(", ")}`);
    }
    checkPerImage(params);
    return { steps: Object.freeze(STEPS.filter((step) => steps.includes(step))) };
  },

  grid: (spec) => (spec.gap ? 1 : spec.block_size),

  output(spec, height, width) {
    const { sent, columns } = cellsOf(spec, height, width);
    return [(sent / columns) * spec.block_size, columns * spec.block_size];
  },

  async compile(streamOf, spec, height, width) {
    const { cells, sent, columns, top: y, left: x } = cellsOf(spec, height, width);
    const draw = async (step) => {
      if (!spec.steps.includes(step)) return step === "permutation" ? range(sent) : new Uint32Array(sent);
      const stream = streamOf(step);
      if (step === "permutation") return (await stream.permutation(cells)).subarray(0, sent);
      if (!spec.shared_block_key) return stream.integers(sent, CODES[step]);
      return new Uint32Array(sent).fill((await stream.integers(1, CODES[step]))[0]);
    };
    const [cell, rotation, negative, color] = await Promise.all(STEPS.map(draw));
    const shift = spec.jitter ? await streamOf("jitter").integers(2 * cells, spec.jitter + 1) : null; // down, then right
    const pitch = spec.block_size + spec.gap;
    return new Layout({
      ...{ height, width, block_size: spec.block_size, columns },
      top: cell.map((one) => y + Math.floor(one / columns) * pitch + (shift ? shift[one] : 0)),
      left: cell.map((one) => x + (one % columns) * pitch + (shift ? shift[cells + one] : 0)),
      turn: rotation.map((code) => TURN_OF_CODE[code]),
      ...{ negative, color },
    });
  },
});

function isPixels(value) {
  return Number.isInteger(value) && value >= 0 && value <= LARGEST;
}

function checkPerImage({ key_scope: scope, steps, ...params }) {
  const { gap, jitter, keep, disposable } = params;
  const pixels = "must be a whole number of pixels,";
  if (!isPixels(gap)) throw new ParameterError(`gap ${shown(gap)}: ${pixels} 0 to ${LARGEST}`);
  if (!isPixels(jitter) || jitter > gap) {
    throw new ParameterError(`jitter ${shown(jitter)}: ${pixels} 0 to the gap of ${gap}`);
  }
  if (typeof keep !== "number" || !(keep > 0 && keep <= 1) || keep !== Math.round(100 * keep) / 100) {
    throw new ParameterError(`keep ${shown(keep)}: must be a multiple of 0.01, from 0.01 to 1`);
  }
  if (typeof disposable !== "boolean") throw new ParameterError(`disposable ${shown(disposable)}: use true or false`);
  if (keep < 1 && !steps.includes("permutation")) {
    throw new ParameterError(`keep ${keep} needs the step permutation, which chooses the blocks; add it`);
  }
  const set = Object.keys(PER_IMAGE).find((name) => params[name] !== PER_IMAGE[name]);
  if (set && scope !== "image") throw new ParameterError(`${set} needs a key for each image; use key_scope "image"`);
}

/**
 * What can be sent of a picture: the number of `cells`, in rows of `columns`, the pixel (`top`, `left`) where they
 * begin, and how many are `sent`. Throws GeometryError.
 */
function cellsOf({ block_size: size, gap, jitter, keep }, height, width) {
  checkGrid(height, width, gap ? 1 : size);
  if (Math.min(height, width) < size + jitter) {
    const block = `a block of ${size} with a jitter of ${jitter}`;
    throw new GeometryError(`${height}x${width} is smaller than ${block}; use a larger image or a smaller block`);
  }
  const along = (edge) => Math.floor((edge - size - jitter) / (size + gap)) + 1;
  const spare = (edge) => Math.floor((edge - jitter - size - (along(edge) - 1) * (size + gap)) / 2);
  const [rows, columns] = [along(height), along(width)];
  const cells = rows * columns;
  if (gap && cells < 2) {
    throw new GeometryError(
      `a gap of ${gap} pixels leaves one block of ${height}x${width}; use a smaller gap or smaller blocks`,
    );
  }
  const sent = Math.floor((rows * Math.round(100 * keep) + 50) / 100) * columns;
  if (!sent) throw new GeometryError(`keep ${keep} leaves no block of the ${rows} x ${columns} blocks; keep more`);
  return { cells, sent, columns, top: spare(height), left: spare(width) };
}
