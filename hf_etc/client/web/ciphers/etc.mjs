// EtC: block-wise encryption that still compresses as JPEG (docs/spec.md, section 4.1; paper section II-B).

import { ParameterError, shown } from "../errors.mjs";
import { range } from "../keystream.mjs";
import { COLORS, register } from "./base.mjs";

export const STEPS = Object.freeze(["permutation", "rotation", "negative-positive", "color"]);
const LARGEST_BLOCK = 65535;
const CODES = { rotation: 16, "negative-positive": 2, color: 6 };

register({
  name: "etc",
  defaults: { block_size: undefined, steps: STEPS, shared_block_key: false },

  check({ block_size: size, steps, shared_block_key: shared }) {
    if (!Number.isInteger(size) || size < 1 || size > LARGEST_BLOCK) {
      throw new ParameterError(`block_size ${shown(size)}: must be a whole number of pixels, 1 or more`);
    }
    if (typeof shared !== "boolean") throw new ParameterError(`shared_block_key ${shown(shared)}: use true or false`);
    if (!Array.isArray(steps) || !steps.length || !steps.every((step) => STEPS.includes(step))) {
      throw new ParameterError(`steps ${shown(steps)}: give a list of one or more of ${STEPS.join(", ")}`);
    }
    return { steps: Object.freeze(STEPS.filter((step) => steps.includes(step))) };
  },

  grid: (spec) => spec.block_size,

  async compile(streamOf, spec, height, width) {
    const size = spec.block_size;
    const blocks = (height / size) * (width / size);
    const draw = async (step) => {
      if (!spec.steps.includes(step)) return step === "permutation" ? range(blocks) : new Uint32Array(blocks);
      const stream = streamOf(step);
      if (step === "permutation") return stream.permutation(blocks);
      if (!spec.shared_block_key) return stream.integers(blocks, CODES[step]);
      return new Uint32Array(blocks).fill((await stream.integers(1, CODES[step]))[0]);
    };
    const [source, rotation, negative, color] = await Promise.all(STEPS.map(draw));
    return new BlockPlan({ source, rotation, negative, color }, size, height, width);
  },
});

/** A plan kept as four draws per block: two orders of magnitude smaller than its arrays, and faster. */
class BlockPlan {
  #draws;
  #size;
  symbolBits = 8;

  constructor(draws, size, height, width) {
    this.#draws = draws;
    this.#size = size;
    this.height = height;
    this.width = width;
  }

  get index() {
    const offsets = range(this.height * this.width * 3);
    return this.#move(offsets, new Uint32Array(offsets.length), 0, false);
  }

  get mask() {
    const zeros = new Uint8Array(this.height * this.width * 3);
    return this.#move(zeros, new Uint8Array(zeros.length), 255, false);
  }

  apply(rgb) {
    return this.#move(rgb, new Uint8Array(rgb.length), 255, false);
  }

  unapply(rgb) {
    return this.#move(rgb, new Uint8Array(rgb.length), 255, true);
  }

  /** Move every block from `from` to `to`; XOR `flip` into the negative ones; backwards when `inverse`. */
  #move(from, to, flip, inverse) {
    const size = this.#size;
    const columns = this.width / size;
    const line = 3 * this.width;
    const corner = (block) => (Math.floor(block / columns) * line + (block % columns) * 3) * size;
    const paths = Array.from({ length: 16 }, (_, code) => walk(code, size, line));
    for (let block = 0; block < this.#draws.source.length; block++) {
      const mask = this.#draws.negative[block] ? flip : 0;
      const { start, down, right } = paths[this.#draws.rotation[block]];
      const [red, green, blue] = COLORS[this.#draws.color[block]];
      let outer = corner(block);
      let inner = corner(this.#draws.source[block]) + start;
      for (let row = 0; row < size; row++, outer += line, inner += down) {
        let o = outer;
        let i = inner;
        if (inverse) {
          for (let column = 0; column < size; column++, o += 3, i += right) {
            to[i + red] = from[o] ^ mask;
            to[i + green] = from[o + 1] ^ mask;
            to[i + blue] = from[o + 2] ^ mask;
          }
        } else {
          for (let column = 0; column < size; column++, o += 3, i += right) {
            to[o] = from[i + red] ^ mask;
            to[o + 1] = from[i + green] ^ mask;
            to[o + 2] = from[i + blue] ^ mask;
          }
        }
      }
    }
    return to;
  }
}

/**
 * How the source block is walked while the output block is written in raster order: the byte offset of the
 * first pixel within the block, and the steps to the next row and the next column of the output.
 */
function walk(code, size, line) {
  const last = size - 1;
  const source = (row, column) => {
    const u = code & 8 ? last - row : row; // inversion, bit 1: top-bottom
    const v = code & 4 ? last - column : column; // inversion, bit 0: left-right
    const [r, c] = [
      [u, v],
      [v, last - u],
      [last - u, last - v],
      [last - v, u],
    ][code & 3];
    return r * line + 3 * c;
  };
  const start = source(0, 0);
  return { start, down: source(1, 0) - start, right: source(0, 1) - start };
}
