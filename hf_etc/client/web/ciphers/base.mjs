// What the ciphers share, and the registry of names. A cipher is one object:
//   name                                          as in the settings
//   defaults                                      its public parameters, in the settings' order; undefined: no default
//   check(params)                                 throws ParameterError; gives those that have a usual form in it
//   grid(params)                                  heights and widths are multiples of this many pixels
//   output(params, height, width)                 [height, width] of the ciphertext; left out: the picture's own
//   compile(streamOf, params, height, width)      resolves to a plan; streamOf(step) is a KeyStream

import { toHex } from "../bytes.mjs";
import { GeometryError, ParameterError, shown } from "../errors.mjs";
import { checkKey, disposablePlanKey } from "../keys.mjs";
import { KeyStream } from "../keystream.mjs";

export const NONCE_BYTES = 16;
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
 * The checked, complete public parameters of a cipher: a frozen object with the members `cipher`, `key_scope` and
 * the cipher's own. Whatever `params` leaves out takes its default; etc's block_size has none. Throws ParameterError.
 */
export function makeSpec(params = {}) {
  if (typeof params !== "object" || params === null || Array.isArray(params)) {
    throw new ParameterError(`cipher parameters ${shown(params)}: give an object such as {"block_size": 16}`);
  }
  const { cipher: name = "etc", ...given } = params;
  const cipher = registry.get(name);
  if (!cipher) throw new ParameterError(`unknown cipher ${shown(name)}; choose from ${listCiphers().join(", ")}`);
  const defaults = defaultsOf(cipher);
  for (const known of Object.keys(given)) {
    if (!Object.hasOwn(defaults, known)) {
      throw new ParameterError(
        `cipher "${name}" has no parameter "${known}"; it has ${Object.keys(defaults).join(", ")}`,
      );
    }
  }
  const spec = { cipher: name, ...defaults, ...given };
  const missing = Object.keys(spec).filter((param) => spec[param] === undefined);
  if (missing.length) throw new ParameterError(`cipher "${name}" needs its ${missing.join(", ")}; there is no default`);
  if (!["dataset", "image"].includes(spec.key_scope)) {
    throw new ParameterError(`key_scope ${shown(spec.key_scope)}: use "dataset" or "image"`);
  }
  return Object.freeze({ ...spec, ...cipher.check?.(spec) });
}

/**
 * The settings of a cipher in the one form that ids and keys are derived from (docs/spec.md, section 2).
 *
 * @param {object} spec from makeSpec().
 * @param {number} [height] with `width`, or neither: for pictures of any size.
 */
export function settingsText(spec, height, width) {
  const cipher = registry.get(spec.cipher);
  const members = { cipher: spec.cipher };
  for (const [name, usual] of Object.entries(defaultsOf(cipher))) {
    if (JSON.stringify(spec[name]) !== JSON.stringify(usual)) members[name] = spec[name];
  }
  return JSON.stringify(height === undefined ? members : { ...members, height, width });
}

/**
 * The public id of a key, cipher and size: 32 hexadecimal digits, which nobody can make for other settings without
 * the key. Throws ParameterError, GeometryError, MissingKeyError.
 *
 * @param {EtcKey} key
 * @param {object} params the cipher's, see makeSpec().
 * @param {[number, number] | null} size height and width; null: for pictures of any size.
 */
export async function cipherId(key, params, size = null) {
  const spec = makeSpec(params);
  if (spec.disposable) throw new ParameterError("a disposable key has no id; use another cipher_id, or none");
  if (size !== null) outputSize(spec, ...size);
  return toHex(await checkKey(key).derive(`hf-etc/2/id/${settingsText(spec, ...(size ?? []))}`, 16));
}

/** The key that a cipher works with: null where it makes one for each image. Throws MissingKeyError, ParameterError. */
export function checkKeyFor(spec, key) {
  if (!spec.disposable) return checkKey(key);
  if (key === null) return null;
  throw new ParameterError("a disposable key is made for each image; leave the key out");
}

function defaultsOf(cipher) {
  return { key_scope: "dataset", ...cipher.defaults };
}

/** Heights and widths must be multiples of this many pixels. */
export function gridOf(spec) {
  return registry.get(spec.cipher).grid(spec);
}

/**
 * [height, width] in pixels of the ciphertext of a picture: what is sent of it.
 *
 * @param {object} spec from makeSpec().
 * Throws GeometryError: a picture of this size cannot be encrypted.
 */
export function outputSize(spec, height, width) {
  checkGrid(height, width, gridOf(spec));
  return registry.get(spec.cipher).output?.(spec, height, width) ?? [height, width];
}

/** Throws GeometryError unless height and width are positive multiples of the grid. */
export function checkGrid(height, width, grid) {
  if (![height, width].every((edge) => Number.isSafeInteger(edge) && edge > 0)) {
    throw new GeometryError(`height ${shown(height)}, width ${shown(width)}: give whole numbers of pixels`);
  }
  if (height < grid || width < grid) {
    throw new GeometryError(`the block size ${grid} is larger than the image, ${height}x${width}; use a smaller block`);
  }
  if (height % grid || width % grid) {
    const remedy = 'resize, crop (fit "crop") or pad (fit "pad") first';
    throw new GeometryError(`${height}x${width} is not a multiple of the block size ${grid}; ${remedy}`);
  }
}

/** The plan for one key, spec, image size and (key_scope "image") nonce; with disposable keys another each time. */
export async function compilePlan(key, spec, height, width, nonce = null) {
  checkKeyFor(spec, key);
  outputSize(spec, height, width);
  const info = planInfo(spec, height, width, nonce);
  const planKey = await (spec.disposable ? disposablePlanKey() : key.planKey(info));
  return registry.get(spec.cipher).compile((step) => new KeyStream(planKey, step), spec, height, width);
}

/** The name of a plan key (docs/spec.md, section 2). Throws ParameterError: the nonce does not fit the key scope. */
export function planInfo(spec, height, width, nonce = null) {
  checkNonce(spec, nonce);
  return ["hf-etc/2/plan", settingsText(spec, height, width), ...(nonce ? [toHex(nonce)] : [])].join("/");
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
