// What a block-wise cipher does to a picture, without any key: which window of the picture each output block shows,
// and how (docs/spec.md, section 4.0). A layout is as secret as the key that drew it.

import { areBytes } from "./bytes.mjs";
import { GeometryError, ImageError, ParameterError, shown } from "./errors.mjs";

/** Output component c reads component COLORS[code][c]. */
export const COLORS = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
];
const codeOf = (order) => COLORS.findIndex((one) => one.join() === order.join());
const COLOR_AFTER = COLORS.map((first) => COLORS.map((second) => codeOf(second.map((component) => first[component]))));
const COLOR_INVERSE = COLORS.map((order) => codeOf([0, 1, 2].map((component) => order.indexOf(component))));
const TURNS = 8; // turn t mirrors left-right if t >= 4, then turns counter-clockwise by 90 degrees * (t % 4)
const MARK = 128; // the grey of what was not sent
const CHOICES = { turn: TURNS, negative: 2, color: COLORS.length };

/**
 * Blocks of B x B pixels: output block i, in raster order, is the window of the picture whose upper left pixel is
 * (top[i], left[i]), turned, negated and recoloured. Has all that a plan has, see plan.mjs.
 *
 *   const swapped = new Layout({ height: 16, width: 32, block_size: 16, columns: 2, top: [0, 0], left: [16, 0],
 *     turn: [0, 1], negative: [0, 1], color: [0, 0] });
 *   const { data } = swapped.undo(swapped.apply({ data, height: 16, width: 32 }));
 */
export class Layout {
  symbolBits = 8;

  /**
   * @param {object} fields the whole numbers `height`, `width`, `block_size` and `columns`, and the lists `top`,
   *   `left`, `turn`, `negative` and `color` of one whole number for each block. Throws ParameterError, GeometryError.
   */
  constructor({ height, width, block_size, columns, ...lists } = {}) {
    const sizes = { height, width, block_size, columns };
    const { top, left, turn, negative, color } = lists;
    for (const [name, value] of Object.entries(sizes)) {
      if (!Number.isSafeInteger(value)) throw new ParameterError(`${name} ${shown(value)}: give a whole number`);
    }
    const bounds = {};
    for (const [name, entries] of Object.entries({ top, left, turn, negative, color })) {
      if (!Array.isArray(entries) && !ArrayBuffer.isView(entries)) throw new ParameterError(`${name}: give a list`);
      if (entries.length !== top.length) throw new ParameterError(`${name}: give one number for each window`);
      bounds[name] = boundsOf(entries);
      if (!bounds[name]) throw new ParameterError(`${name}: give whole numbers`);
    }
    checkForm(sizes, top.length);
    const within = (name, last) => bounds[name][0] >= 0 && bounds[name][1] <= last;
    for (const [name, count] of Object.entries(CHOICES)) {
      if (!within(name, count - 1)) throw new ParameterError(`a ${name} outside of 0..${count - 1}`);
    }
    if (!within("top", height - block_size) || !within("left", width - block_size)) {
      throw new GeometryError(`a window leaves the picture of ${height}x${width}; keep it within`);
    }
    Object.assign(this, sizes, { top: new Uint32Array(top), left: new Uint32Array(left) });
    for (const name of Object.keys(CHOICES)) this[name] = new Uint8Array(lists[name]);
    if (overlap(this)) throw new GeometryError("two windows show the same pixels; keep them apart");
    Object.freeze(this);
  }

  /** [height, width] of what apply() returns. */
  get output() {
    return [(this.top.length / this.columns) * this.block_size, this.columns * this.block_size];
  }

  /** Whether every pixel of the picture is sent. */
  get tiles() {
    return this.top.length * this.block_size ** 2 === this.height * this.width; // windows share no pixel
  }

  /** The output for an RGB image { data, height, width }. Throws ImageError, GeometryError: another size. */
  apply(image) {
    checkImage(image, [this.height, this.width]);
    const [height, width] = this.output;
    const data = new Uint8Array(3 * height * width);
    this.#move(image.data, data, 255, false);
    return { data, height, width };
  }

  /** Put back what was sent; what was not is grey, see sent(). Throws as apply(). */
  undo(image) {
    checkImage(image, this.output);
    const { height, width } = this;
    const data = new Uint8Array(3 * height * width);
    if (!this.tiles) data.fill(MARK);
    this.#move(data, image.data, 255, true);
    return { data, height, width };
  }

  /** For each pixel of the picture, 1 where some block shows it, else 0. */
  sent() {
    const sent = new Uint8Array(this.height * this.width);
    this.top.forEach((top, i) => {
      for (let row = top; row < top + this.block_size; row++) {
        const start = row * this.width + this.left[i];
        sent.fill(1, start, start + this.block_size);
      }
    });
    return sent;
  }

  /** The layout that undoes this one. Throws GeometryError: parts of the picture are not sent. */
  inverse() {
    if (!this.tiles) {
      throw new GeometryError("windows do not cover the picture, so no layout undoes this one; use undo()");
    }
    const [height, width] = this.output;
    const size = this.block_size;
    const columns = this.width / size;
    const blocks = new Uint32Array(this.top.length); // that show each cell of the picture
    this.top.forEach((top, i) => (blocks[(top / size) * columns + this.left[i] / size] = i));
    return new Layout({
      ...{ height, width, block_size: size, columns },
      top: blocks.map((i) => Math.floor(i / this.columns) * size),
      left: blocks.map((i) => (i % this.columns) * size),
      turn: blocks.map((i) => (this.turn[i] >= 4 ? this.turn[i] : (4 - this.turn[i]) % 4)), // a mirror undoes itself
      negative: blocks.map((i) => this.negative[i]),
      color: blocks.map((i) => COLOR_INVERSE[this.color[i]]),
    });
  }

  /**
   * One layout equal to this one followed by `second`. No `then`, which would make a promise of it.
   * Throws GeometryError: `second` is for another size, or one of its windows shows parts of several blocks.
   */
  followedBy(second) {
    const size = this.block_size;
    if (`${[second.height, second.width, second.block_size]}` !== `${[...this.output, size]}`) {
      throw new GeometryError("cannot compose: the second layout is for another size of output or block");
    }
    if (second.top.some((top, j) => top % size || second.left[j] % size)) {
      throw new GeometryError("cannot compose: a window of the second layout shows parts of several blocks");
    }
    const blocks = second.top.map((top, j) => (top / size) * this.columns + second.left[j] / size);
    return new Layout({
      ...this,
      columns: second.columns,
      top: blocks.map((i) => this.top[i]),
      left: blocks.map((i) => this.left[i]),
      turn: blocks.map((i, j) => turnAfter(this.turn[i], second.turn[j])),
      negative: blocks.map((i, j) => this.negative[i] ^ second.negative[j]),
      color: blocks.map((i, j) => COLOR_AFTER[this.color[i]][second.color[j]]),
    });
  }

  /** The byte offset in the picture that each byte of the output shows. Throws GeometryError: this is no plan. */
  get index() {
    this.#checkPlan();
    const offsets = new Uint32Array(3 * this.height * this.width).map((_, i) => i);
    return this.#move(offsets, new Uint32Array(offsets.length), 0, false);
  }

  /** What is XORed to each byte of the output. Throws GeometryError: this is no plan. */
  get mask() {
    this.#checkPlan();
    const zeros = new Uint8Array(3 * this.height * this.width);
    return this.#move(zeros, new Uint8Array(zeros.length), 255, false);
  }

  #checkPlan() {
    if (!this.tiles || `${this.output}` !== `${[this.height, this.width]}`) {
      throw new GeometryError("only windows that fill a picture of the output's size make a plan");
    }
  }

  /** Move every block between picture and output, `back` into the picture; XOR `flip` into the negative ones. */
  #move(picture, output, flip, back) {
    const { block_size: size, columns, top, left } = this;
    const line = 3 * this.width;
    const outputLine = 3 * columns * size;
    const paths = Array.from({ length: TURNS }, (_, turn) => walk(turn, size, line));
    for (let block = 0; block < top.length; block++) {
      const mask = this.negative[block] ? flip : 0;
      const { start, down, right } = paths[this.turn[block]];
      const [red, green, blue] = COLORS[this.color[block]];
      let outer = (Math.floor(block / columns) * outputLine + (block % columns) * 3) * size;
      let inner = top[block] * line + left[block] * 3 + start;
      for (let row = 0; row < size; row++, outer += outputLine, inner += down) {
        let o = outer;
        let i = inner;
        if (back) {
          for (let column = 0; column < size; column++, o += 3, i += right) {
            picture[i + red] = output[o] ^ mask;
            picture[i + green] = output[o + 1] ^ mask;
            picture[i + blue] = output[o + 2] ^ mask;
          }
        } else {
          for (let column = 0; column < size; column++, o += 3, i += right) {
            output[o] = picture[i + red] ^ mask;
            output[o + 1] = picture[i + green] ^ mask;
            output[o + 2] = picture[i + blue] ^ mask;
          }
        }
      }
    }
    return output;
  }
}

/**
 * How a window is walked while its block is written in raster order: the byte offset of the first pixel within the
 * window, and the steps to the next row and the next column of the block.
 */
function walk(turn, size, line) {
  const last = size - 1;
  const source = (row, column) => {
    const [y, x] = [
      [row, column],
      [column, last - row],
      [last - row, last - column],
      [last - column, row],
    ][turn % 4];
    return y * line + 3 * (turn >= 4 ? last - x : x);
  };
  const start = source(0, 0);
  return { start, down: source(1, 0) - start, right: source(0, 1) - start };
}

/** The turn that equals `first` followed by `second`. */
function turnAfter(first, second) {
  const mirrored = second >= 4;
  return ((mirrored ? second + 4 - (first % 4) : second + first) % 4) + (mirrored === first >= 4 ? 0 : 4);
}

/** The smallest and the largest entry; null where one is no whole number. */
function boundsOf(entries) {
  let [least, most] = [Infinity, -Infinity];
  for (let i = 0; i < entries.length; i++) {
    const entry = entries[i];
    if (!Number.isSafeInteger(entry)) return null;
    if (entry < least) least = entry;
    if (entry > most) most = entry;
  }
  return [least, most];
}

function checkForm({ height, width, block_size: size, columns }, blocks) {
  if (size < 1 || size > Math.min(height, width)) {
    throw new GeometryError(`windows of ${size}x${size} in a picture of ${height}x${width}; use a smaller block`);
  }
  if (columns < 1 || !blocks || blocks % columns) {
    throw new GeometryError(
      `${blocks} blocks do not fill rows of ${columns}; choose a number of columns that divides them`,
    );
  }
}

function checkImage(image, [rows, columns]) {
  const { data, height, width } = image ?? {};
  if (height !== rows || width !== columns) {
    throw new GeometryError(`the layout takes ${rows}x${columns}, the image is ${height}x${width}`);
  }
  if (!areBytes(data) || data.length !== 3 * rows * columns) {
    throw new ImageError(`expected a Uint8Array of ${rows} * ${columns} * 3 RGB bytes`);
  }
}

/**
 * Whether two windows share a pixel. Windows that lie apart begin in different cells of a grid of B x B pixels, so
 * each can only meet those that begin in the cells around its own.
 */
function overlap({ height, width, block_size: size, top, left }) {
  const across = Math.floor(width / size) + 2;
  const begins = new Int32Array((Math.floor(height / size) + 2) * across).fill(-1); // which window does in each cell
  const cellOf = (i) => Math.floor(top[i] / size) * across + Math.floor(left[i] / size) + 1;
  let onGrid = true;
  for (let i = 0; i < top.length; i++) {
    const cell = cellOf(i);
    if (begins[cell] >= 0) return true;
    begins[cell] = i;
    onGrid &&= top[i] % size === 0 && left[i] % size === 0;
  }
  if (onGrid) return false;
  const meets = (i, other) => other >= 0 && top[other] - top[i] < size && Math.abs(left[other] - left[i]) < size;
  return top.some((_, i) => [1, across - 1, across, across + 1].some((step) => meets(i, begins[cellOf(i) + step])));
}
