// What the ciphers share, and the registry of names. A cipher is one object:
//   name                                          as in the marker
//   defaults                                      its public parameters, in the marker's order
//   check(params)                                 throws ParameterError
//   grid(params)                                  heights and widths are multiples of this many pixels
//   compile(streamOf, params, height, width)      resolves to a plan; streamOf(label, blockSize, step) is a KeyStream

import { toHex } from "../bytes.mjs";
import { GeometryError, ParameterError } from "../errors.mjs";
import { checkKey } from "../keys.mjs";
import { KeyStream } from "../keystream.mjs";

export const NONCE_BYTES = 16;
/** Output component c reads source component COLORS[code][c]. */
export const COLORS = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
];
const registry = new Map();

/** Make a cipher reachable by its name; a second use of a name throws. */
export function register(cipher) {
  if (registry.has(cipher.name)) throw new ParameterError(`a cipher named "${cipher.name}" is registered already`);
  registry.set(cipher.name, cipher);
}

export function listCiphers() {
  return [...registry.keys()].sort();
}

/**
 * The checked, complete public parameters of a cipher: a frozen object as in the marker, with the members
 * `cipher`, `key_scope` and the cipher's own. Whatever `params` leaves out takes its default.
 */
export function makeSpec(params = {}) {
  const { cipher: name = "etc", ...given } = params;
  const cipher = registry.get(name);
  if (!cipher) throw new ParameterError(`unknown cipher "${name}"; choose from ${listCiphers().join(", ")}`);
  const defaults = { key_scope: "dataset", ...cipher.defaults };
  for (const known of Object.keys(given)) {
    if (!Object.hasOwn(defaults, known)) {
      throw new ParameterError(
        `cipher "${name}" has no parameter "${known}"; it has ${Object.keys(defaults).join(", ")}`,
      );
    }
  }
  const spec = { cipher: name, ...defaults, ...given };
  if (!["dataset", "image"].includes(spec.key_scope)) {
    throw new ParameterError(`key_scope "${spec.key_scope}": use "dataset" or "image"`);
  }
  return Object.freeze({ ...spec, ...cipher.check?.(spec) });
}

/** Heights and widths must be multiples of this many pixels. */
export function gridOf(spec) {
  return registry.get(spec.cipher).grid(spec);
}

/** Throws GeometryError unless height and width are positive multiples of the grid. */
export function checkGrid(height, width, grid) {
  if (height < grid || width < grid) {
    throw new GeometryError(`the block size ${grid} is larger than the image, ${height}x${width}; use a smaller block`);
  }
  if (height % grid || width % grid) {
    const remedy = 'resize, crop (fit "crop") or pad (fit "pad") first';
    throw new GeometryError(`${height}x${width} is not a multiple of the block size ${grid}; ${remedy}`);
  }
}

/** The plan for one key, spec, image size and (key_scope "image") nonce. */
export async function compilePlan(key, spec, height, width, nonce = null) {
  checkKey(key);
  checkGrid(height, width, gridOf(spec));
  checkNonce(spec, nonce);
  const streamOf = async (label, blockSize, step) =>
    new KeyStream(await key.subkey(subkeyInfo(label, height, width, blockSize, step, nonce)));
  return registry.get(spec.cipher).compile(streamOf, spec, height, width);
}

/** The name of the subkey of one step (docs/spec.md, section 2). */
export function subkeyInfo(label, height, width, blockSize, step, nonce = null) {
  return ["hf-etc/v1", label, `${height}x${width}`, blockSize, step, ...(nonce ? [toHex(nonce)] : [])].join("/");
}

function checkNonce(spec, nonce) {
  const fits = nonce instanceof Uint8Array && nonce.length === NONCE_BYTES;
  if (spec.key_scope === "image" && !fits) {
    throw new ParameterError(`key_scope "image" needs a nonce of ${NONCE_BYTES} bytes; see newNonce()`);
  }
  if (spec.key_scope === "dataset" && nonce !== null) {
    throw new ParameterError('key_scope "dataset" takes no nonce; use key_scope "image"');
  }
}
