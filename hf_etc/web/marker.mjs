// The public marker of a ciphertext image (docs/spec.md, section 5). A label, not a signature; no secret.

import { fromHex, toHex } from "./bytes.mjs";
import { checkGrid, gridOf, makeSpec, NONCE_BYTES } from "./ciphers/base.mjs";
import { EtcError, MarkerError } from "./errors.mjs";

const VERSION = 1;

/**
 * A marker is { spec, height, width, keyId, nonce }; nonce is a Uint8Array with key_scope "image", else null.
 * Its text is compact ASCII JSON.
 */
export function markerToJson({ spec, height, width, keyId, nonce }) {
  return JSON.stringify({
    "hf-etc": VERSION,
    ...spec,
    height,
    width,
    key_id: keyId,
    ...(nonce ? { nonce: toHex(nonce) } : {}),
  });
}

/** Read and check a marker. Throws MarkerError: damaged, or of another version. */
export function markerFromJson(text) {
  try {
    const { "hf-etc": version, height, width, key_id: keyId, nonce, ...params } = JSON.parse(text);
    if (version !== VERSION) throw new MarkerError(`marker version ${version} is unknown; upgrade hf-etc`);
    const spec = makeSpec(params);
    // Every parameter is there, and in its one form: no default fills a gap.
    const same = (name) => JSON.stringify(params[name]) === JSON.stringify(spec[name]);
    requireThat(Object.keys(spec).every(same), "a parameter is missing or not in its form");
    requireThat(Number.isInteger(height) && Number.isInteger(width), "height or width");
    requireThat(isHex(keyId, 8), "key_id");
    requireThat(spec.key_scope === "image" ? isHex(nonce, NONCE_BYTES) : nonce === undefined, "nonce");
    checkGrid(height, width, gridOf(spec));
    return { spec, height, width, keyId, nonce: nonce ? fromHex(nonce) : null };
  } catch (error) {
    if (error instanceof MarkerError) throw error;
    const reason = error instanceof EtcError ? error.message : "not a marker";
    throw new MarkerError(`the ciphertext marker is damaged (${reason}); encrypt the image again`);
  }
}

function isHex(text, bytes) {
  return typeof text === "string" && text.length === 2 * bytes && /^[0-9a-f]*$/.test(text);
}

function requireThat(holds, what) {
  if (!holds) throw new EtcError(what);
}
