// hf-etc in the browser and in Node: keys, ciphers, and picture files in and ciphertext files out.
//
// Nothing here sends anything anywhere. The key stays inside WebCrypto, the plain picture inside this page.
//
//   import { encryptPicture, parseKey } from "./etc.mjs";
//   const key = await parseKey("hfetc1-...");
//   const { bytes, type } = await encryptPicture(input.files[0], key, { block_size: 16, size: 224 });
//
// docs/browser.md is the guide, docs/spec.md the specification.

import { Cipher, newNonce } from "./cipher.mjs";
import "./ciphers/etc.mjs";
import "./ciphers/legacy.mjs";
import { checkFormat, decodeCiphertext, encodeCiphertext } from "./ciphertext.mjs";
import { loadPicture } from "./picture.mjs";
import { makePreparation, prepare } from "./prepare.mjs";

export { Cipher, newNonce } from "./cipher.mjs";
export { gridOf, listCiphers, makeSpec } from "./ciphers/base.mjs";
export { decodeCiphertext, encodeCiphertext } from "./ciphertext.mjs";
export * from "./errors.mjs";
export { EtcKey, generateKey, isSalt, keyFromPassphrase, keyId, keyText, parseKey } from "./keys.mjs";
export { markerFromJson, markerToJson } from "./marker.mjs";
export { loadPicture } from "./picture.mjs";
export { makePreparation, overWhite, prepare, toRgba } from "./prepare.mjs";
export { resize } from "./resample.mjs";

/**
 * From a plain picture file to a ciphertext file.
 *
 * @param {Blob | ArrayBuffer | Uint8Array} file PNG, JPEG or WebP.
 * @param {EtcKey} key
 * @param {object} options what a processor's configuration says, all optional: the cipher (`cipher`, `key_scope`,
 *   `block_size`, `steps`, `shared_block_key`, see makeSpec), the size (`size`, `fit`, `resample`, see
 *   makePreparation) and the file (`format`, `quality`, `subsampling`, see encodeCiphertext).
 * @returns {Promise<{bytes: Uint8Array, type: string, marker: object, plain: object, encrypted: object}>} the file
 *   to send, its media type and marker; and the RGB images before and after encryption, to show.
 */
export async function encryptPicture(file, key, options = {}) {
  const { size, fit, resample, format = "png", quality, subsampling, ...params } = options;
  const cipher = new Cipher(key, params);
  const preparation = makePreparation({ size, fit, resample });
  checkFormat({ format, quality, subsampling });
  const plain = prepare(await loadPicture(file), preparation, cipher.grid);
  const nonce = cipher.spec.key_scope === "image" ? newNonce() : null;
  const encrypted = await cipher.encrypt(plain, nonce);
  const marker = cipher.marker(plain.height, plain.width, nonce);
  const bytes = await encodeCiphertext(encrypted, marker, { format, quality, subsampling });
  return { bytes, type: `image/${format}`, marker, plain, encrypted };
}

/**
 * From a ciphertext file back to the plain RGB image; its marker says how.
 * Throws KeyMismatchError: it was encrypted under another key.
 */
export async function decryptPicture(file, key) {
  const { image, marker } = await decodeCiphertext(file);
  const cipher = new Cipher(key, marker.spec);
  cipher.checkMarker(marker);
  return cipher.decrypt(image, marker.nonce);
}
