// The public marker of a ciphertext image (docs/spec.md, section 5). Without the key a label alone; no secret.

import { concat, encodeLatin1, fromHex, toHex } from "./bytes.mjs";
import { makeSpec, outputSize, settingsText } from "./ciphers/base.mjs";
import { EtcError, MarkerError, shown } from "./errors.mjs";

const VERSION = 2;

/**
 * The text of a marker.
 *
 * @param {{spec: object, height: number, width: number, cipherId: string, nonce: Uint8Array | null, tag: string}}
 *   marker spec from makeSpec(); nonce exactly with key_scope "image".
 */
export function markerToJson(marker) {
  return `${untagged(marker).slice(0, -1)},"tag":${JSON.stringify(marker.tag)}}`;
}

/** Read a marker. Throws MarkerError: not, byte for byte, what markerToJson() writes; or of another version. */
export function markerFromJson(text) {
  try {
    const { "hf-etc": version, height, width, id: cipherId, nonce, tag, ...params } = JSON.parse(text);
    if (version !== VERSION) {
      const remedy = "encrypt the image again, or upgrade hf-etc";
      throw new MarkerError(`the marker has version ${shown(version)}, this is version ${VERSION}; ${remedy}`);
    }
    const spec = makeSpec(params);
    outputSize(spec, height, width);
    requireThat(isHex(cipherId) && isHex(tag), "id or tag");
    requireThat(spec.key_scope === "image" ? isHex(nonce) : nonce === undefined, "nonce");
    const marker = { spec, height, width, cipherId, nonce: nonce ? fromHex(nonce) : null, tag };
    requireThat(markerToJson(marker) === text, "another form than hf-etc writes");
    return marker;
  } catch (error) {
    if (error instanceof MarkerError) throw error;
    const reason = error instanceof EtcError ? error.message : "not a marker";
    throw new MarkerError(`the ciphertext marker is damaged (${reason}); encrypt the image again`);
  }
}

/**
 * What the tag of a ciphertext is made of.
 *
 * @param {object} marker its tag is not looked at.
 * @param {"pixels" | "jpeg"} kind
 * @param {Uint8Array} data the RGB bytes of the encrypted image, or the JPEG file without its metadata.
 */
export function taggedMessage(marker, kind, data) {
  return concat([encodeLatin1(`${untagged(marker)}\0${kind}\0`), data]);
}

/** The marker without its tag: the settings, between version and ids. */
function untagged({ spec, height, width, cipherId, nonce }) {
  const ids = { id: cipherId, ...(nonce ? { nonce: toHex(nonce) } : {}) };
  return `{"hf-etc":${VERSION},${settingsText(spec, height, width).slice(1, -1)},${JSON.stringify(ids).slice(1)}`;
}

function isHex(text) {
  return typeof text === "string" && /^[0-9a-f]{32}$/.test(text);
}

function requireThat(holds, what) {
  if (!holds) throw new EtcError(what);
}
