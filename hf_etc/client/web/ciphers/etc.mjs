// EtC: block-wise encryption that still compresses as JPEG (docs/spec.md, section 4.1; paper section II-B).

import { ParameterError, shown } from "../errors.mjs";
import { range } from "../keystream.mjs";
import { Layout } from "../layout.mjs";
import { register } from "./base.mjs";

export const STEPS = Object.freeze(["permutation", "rotation", "negative-positive", "color"]);
const LARGEST_BLOCK = 65535;
const CODES = { rotation: 16, "negative-positive": 2, color: 6 };
const TURN_OF_CODE = [0, 1, 2, 3, 4, 7, 6, 5, 6, 5, 4, 7, 2, 3, 0, 1]; // of each code of the step rotation

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
    const columns = width / size;
    const blocks = (height / size) * columns;
    const draw = async (step) => {
      if (!spec.steps.includes(step)) return step === "permutation" ? range(blocks) : new Uint32Array(blocks);
      const stream = streamOf(step);
      if (step === "permutation") return stream.permutation(blocks);
      if (!spec.shared_block_key) return stream.integers(blocks, CODES[step]);
      return new Uint32Array(blocks).fill((await stream.integers(1, CODES[step]))[0]);
    };
    const [source, rotation, negative, color] = await Promise.all(STEPS.map(draw));
    const [top, left, turn] = [new Uint32Array(blocks), new Uint32Array(blocks), new Uint8Array(blocks)];
    for (let i = 0; i < blocks; i++) {
      const row = Math.floor(source[i] / columns);
      top[i] = row * size;
      left[i] = (source[i] - row * columns) * size;
      turn[i] = TURN_OF_CODE[rotation[i]];
    }
    return new Layout({ height, width, block_size: size, columns, top, left, turn, negative, color });
  },
});
