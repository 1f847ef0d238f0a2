// What a model's publisher says about the client's side, checked before a picture is touched (docs/spec.md,
// section 7). A server, repository or page may name any cipher it likes: only the owner's own is used, or one with a
// plan for each picture that names no owner.

import { checkKeyFor, cipherId, makeSpec, outputSize } from "./ciphers/base.mjs";
import { STEPS } from "./ciphers/etc.mjs";
import { KeyMismatchError, ParameterError } from "./errors.mjs";
import { makePreparation } from "./prepare.mjs";

const MIN_BLOCKS = 16;

/**
 * Refuse a configuration that the key's owner did not make, or whose settings are weak.
 *
 * @param {EtcKey | null} key null exactly where the cipher is `disposable`.
 * @param {object} configuration `cipher` (an object with the member `cipher` and the parameters), `size` ([height,
 *   width] or null), `fit`, `resample`, `cipher_id` (null or absent: see takesAnyKey()); other members are not looked at.
 * @param {{allowWeak?: boolean}} options allowWeak: the owner said so, knowing what is weak.
 * @returns {Promise<{spec: object, size: [number, number] | null, fit: string, resample: string,
 *   weaknesses: string[]}>} all that was checked.
 * Throws ParameterError, GeometryError: it makes no sense. KeyMismatchError: `cipher_id` is not this key's for exactly
 * this cipher and size. ParameterError with the member `weaknesses`: it is this key's, and weak.
 */
export async function checkConfiguration(key, configuration, { allowWeak = false } = {}) {
  const { cipher, size = null, fit = null, resample, cipher_id: id = null } = configuration ?? {};
  const spec = makeSpec(cipher ?? null);
  const preparation = makePreparation({ size, fit, resample });
  if (preparation.size !== null) outputSize(spec, ...preparation.size);
  if (takesAnyKey(configuration)) checkKeyFor(spec, key);
  else if ((await cipherId(key, spec, preparation.size)) !== id) {
    const why = "the key does not belong to it, or it asks for another cipher or size than the key's owner";
    throw new KeyMismatchError(`this configuration is refused: ${why}; use the key and the page of the same model`);
  }
  const weak = weaknesses(spec, preparation.size);
  if (weak.length && !allowWeak) {
    const remedy = "encrypt with stronger settings, or allow weak ones";
    const refusal = new ParameterError(`the settings are weak: ${weak.join("; ")}; ${remedy}`);
    throw Object.assign(refusal, { weaknesses: weak });
  }
  return Object.freeze({ spec, ...preparation, weaknesses: weak });
}

/** Whether a configuration names no owner: each picture has its own plan, and any key or a disposable one will do. */
export function takesAnyKey(configuration) {
  return configuration?.cipher?.key_scope === "image" && (configuration.cipher_id ?? null) === null;
}

/**
 * Why pictures encrypted with these settings are hardly protected; [] where nothing is wrong.
 *
 * @param {object} spec from makeSpec().
 * @param {[number, number] | null} size of the pictures; null: not known.
 */
export function weaknesses(spec, size) {
  if (spec.cipher !== "etc") return [`the cipher "${spec.cipher}" is broken`];
  const missing = STEPS.filter((step) => !spec.steps.includes(step));
  const sent = size && outputSize(spec, ...size);
  const blocks = sent ? (sent[0] * sent[1]) / spec.block_size ** 2 : MIN_BLOCKS;
  return [
    ...(missing.length ? [`these steps are left out: ${missing.join(", ")}`] : []),
    ...(spec.shared_block_key ? ["every block is turned, inverted and coloured alike"] : []),
    ...(blocks < MIN_BLOCKS ? [`a ciphertext has ${blocks} blocks only, fewer than ${MIN_BLOCKS}`] : []),
  ];
}
