// The specified byte streams of a plan key, and the draws made from them (docs/spec.md, section 3).

import { ParameterError } from "./errors.mjs";
import { webCrypto } from "./keys.mjs";

const BLOCK = 16; // bytes of an AES block
const STEPS = ["permutation", "rotation", "negative-positive", "color", "nibbles", "jitter"]; // each at its number

/** Reads the stream of one step from its start; every draw advances it. */
export class KeyStream {
  #planKey;
  #step;
  #position = 0;

  /**
   * @param {CryptoKey} planKey AES-CTR key from EtcKey.planKey().
   * @param {string} step whose stream it is, one of STEPS.
   */
  constructor(planKey, step) {
    this.#planKey = planKey;
    this.#step = STEPS.indexOf(step);
    if (this.#step < 0) throw new ParameterError(`no step is named "${step}"; use one of ${STEPS.join(", ")}`);
  }

  /** The next `count` bytes. */
  async read(count) {
    const skip = this.#position % BLOCK;
    const counter = new Uint8Array(BLOCK);
    const counted = new DataView(counter.buffer);
    counted.setBigUint64(0, BigInt(this.#step));
    counted.setBigUint64(8, BigInt((this.#position - skip) / BLOCK));
    const zeros = new Uint8Array(skip + count);
    const stream = await webCrypto().encrypt({ name: "AES-CTR", counter, length: 64 }, this.#planKey, zeros);
    this.#position += count;
    return new Uint8Array(stream, skip);
  }

  /** A permutation of 0..n-1: the stable argsort of n 64-bit words. */
  async permutation(n) {
    return (await this.permutations(1, n))[0];
  }

  /** `count` permutations of 0..n-1, one after another from the stream. */
  async permutations(count, n) {
    const words = await this.read(8 * count * n);
    const sorted = Array.from({ length: count }, (_, i) => argsortWords(words.subarray(8 * i * n, 8 * (i + 1) * n)));
    words.fill(0);
    return sorted;
  }

  /** `n` unbiased integers in 0..below-1: 32-bit words, the biased tail rejected, modulo. */
  async integers(n, below) {
    if (!(below >= 1 && below <= 2 ** 32)) throw new ParameterError(`integers below ${below}: must be in 1..2**32`);
    const limit = 2 ** 32 - (2 ** 32 % below);
    const values = new Uint32Array(n);
    for (let filled = 0; filled < n;) {
      const words = await this.read(4 * (n - filled));
      const view = new DataView(words.buffer, words.byteOffset, words.byteLength);
      for (let offset = 0; offset < words.length; offset += 4) {
        const word = view.getUint32(offset, true);
        if (word < limit) values[filled++] = word % below;
      }
      words.fill(0);
    }
    return values;
  }
}

/** Stable argsort of little-endian 64-bit words, byte by byte from the lowest (radix sort). */
function argsortWords(bytes) {
  const n = bytes.length / 8;
  let order = range(n);
  let next = new Uint32Array(n);
  for (let digit = 0; digit < 8; digit++) {
    const start = new Uint32Array(257);
    for (let i = digit; i < bytes.length; i += 8) start[bytes[i] + 1]++;
    for (let value = 0; value < 256; value++) start[value + 1] += start[value];
    for (let i = 0; i < n; i++) next[start[bytes[8 * order[i] + digit]]++] = order[i];
    [order, next] = [next, order];
  }
  return order;
}

/** 0, 1, ... n-1. */
export function range(n) {
  const values = new Uint32Array(n);
  for (let i = 0; i < n; i++) values[i] = i;
  return values;
}
