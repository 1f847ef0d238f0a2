// Broken ciphers, for comparison and audits only (docs/spec.md, sections 4.2 to 4.4). Never protect an image
// with one.

import { ParameterError, shown } from "../errors.mjs";
import { range } from "../keystream.mjs";
import { COLORS } from "../layout.mjs";
import { Plan } from "../plan.mjs";
import { register } from "./base.mjs";

const BLOCK = 4; // pixels
const SYMBOLS = 96; // nibbles of a block
const REVERSED_OVER = 48; // positions with a key value over this are reversed

register({
  name: "le",
  defaults: {},
  grid: () => BLOCK,
  async compile(streamOf, spec, height, width) {
    const shuffle = await streamOf("nibbles").permutation(SYMBOLS);
    const blocks = (height / BLOCK) * (width / BLOCK);
    return nibblePlan(() => shuffle, range(blocks), height, width);
  },
});

register({
  name: "ele",
  defaults: {},
  grid: () => BLOCK,
  async compile(streamOf, spec, height, width) {
    const blocks = (height / BLOCK) * (width / BLOCK);
    const shuffles = await streamOf("nibbles").permutations(blocks, SYMBOLS);
    const source = await streamOf("permutation").permutation(blocks);
    return nibblePlan((block) => shuffles[block], source, height, width);
  },
});

register({
  name: "pe",
  defaults: { shuffle_colors: true },
  check({ shuffle_colors: shuffle }) {
    if (typeof shuffle !== "boolean") throw new ParameterError(`shuffle_colors ${shown(shuffle)}: use true or false`);
  },
  grid: () => 1,
  async compile(streamOf, spec, height, width) {
    const pixels = height * width;
    const negative = await streamOf("negative-positive").integers(3 * pixels, 2);
    const codes = spec.shuffle_colors ? await streamOf("color").integers(pixels, 6) : new Uint32Array(pixels);
    const index = new Uint32Array(3 * pixels);
    for (let i = 0; i < index.length; i++) index[i] = i - (i % 3) + COLORS[codes[Math.floor(i / 3)]][i % 3];
    const mask = Uint8Array.from(index, (from) => 255 * negative[from]);
    return new Plan(index, mask, height, width);
  },
});

/** Shuffle and reverse the nibbles within each source block, then move the blocks. */
function nibblePlan(shuffleOf, source, height, width) {
  const index = new Uint32Array(6 * height * width);
  const mask = new Uint8Array(index.length);
  for (let block = 0; block < source.length; block++) {
    const shuffle = shuffleOf(source[block]);
    for (let i = 0; i < SYMBOLS; i++) {
      const to = symbolOf(block, i, height, width);
      index[to] = symbolOf(source[block], shuffle[i], height, width);
      const reversed = shuffle[i] > REVERSED_OVER !== shuffle[shuffle[i]] > REVERSED_OVER;
      mask[to] = reversed ? 15 : 0;
    }
  }
  return new Plan(index, mask, height, width, 4);
}

/** The plan's number of nibble i of a block: 48 low nibbles in (row, column, component) order, then 48 high ones. */
function symbolOf(block, i, height, width) {
  const columns = width / BLOCK;
  const byte = i % 48;
  const row = Math.floor(block / columns) * BLOCK + Math.floor(byte / 12);
  const offset = (row * width + (block % columns) * BLOCK) * 3 + (byte % 12);
  return i < 48 ? offset : offset + 3 * height * width;
}
