// hf-etc in the browser and in Node: keys, ciphers, and picture files in and ciphertext files out.
//
// Nothing here sends anything anywhere. The key stays inside WebCrypto, the plain picture inside this page.
//
//   import { encryptPicture, parseKey } from "./etc.mjs";
//   const key = await parseKey("hfetc2-...");
//   const { bytes, type } = await encryptPicture(input.files[0], key, { block_size: 16, size: 224 });
//
// docs/browser.md is the guide, docs/spec.md the specification.

import { checkMarker, Cipher } from "./cipher.mjs";
import { makeSpec } from "./ciphers/base.mjs";
import "./ciphers/etc.mjs";
import "./ciphers/legacy.mjs";
import { checkFormat, readCiphertext } from "./ciphertext.mjs";
import { decodePixels, inspectPicture, loadPicture } from "./picture.mjs";
import { makePreparation, prepare } from "./prepare.mjs";

export { Cipher, newNonce } from "./cipher.mjs";
export { cipherId, gridOf, listCiphers, makeSpec, outputSize, settingsText } from "./ciphers/base.mjs";
export { decodeCiphertext } from "./ciphertext.mjs";
export { checkConfiguration, takesAnyKey, weaknesses } from "./configuration.mjs";
export * from "./errors.mjs";
export { EtcKey, generateKey, isSalt, keyFromPassphrase, keyId, keyText, parseKey } from "./keys.mjs";
export { markerFromJson, markerToJson } from "./marker.mjs";
export { Layout } from "./layout.mjs";
export { loadPicture } from "./picture.mjs";
export { makePreparation, overWhite, prepare, toRgba } from "./prepare.mjs";
export { resize } from "./resample.mjs";

/**
 * From a plain picture file to a ciphertext file.
 *
 * @param {Blob | ArrayBuffer | Uint8Array} file PNG, JPEG or WebP.
 * @param {EtcKey | null} key null exactly with `disposable: true`: a key is made for this picture, and thrown away.
 * @param {object} options yours, or those of a configuration that checkConfiguration() let through: the cipher
 *   (`block_size`, and what is not the default of `cipher`, `key_scope`, `steps`, `shared_block_key`, `gap`, `jitter`,
 *   `keep`, `disposable`, see makeSpec),
 *   the size (`size`, `fit`, `resample`, see makePreparation), the `window` of 16-bit grayscale (see loadPicture) and the
 *   file (`format`, `quality`, `subsampling`, see Cipher.seal).
 * @returns {Promise<{bytes: Uint8Array, type: string, marker: object, plain: object, encrypted: object}>} the file
 *   to send, its media type and marker; and the RGB images before and after encryption, to show.
 */
export async function encryptPicture(file, key, options = {}) {
  const { size, fit, resample, window, format = "png", quality, subsampling, ...params } = options;
  const cipher = new Cipher(key, params);
  const preparation = makePreparation({ size, fit, resample });
  checkFormat({ format, quality, subsampling });
  const plain = prepare(await loadPicture(file, window), preparation, cipher.grid);
  const sealed = await cipher.seal(plain, { format, quality, subsampling, anySize: preparation.size === null });
  return { type: `image/${format}`, plain, ...sealed };
}

/**
 * From a ciphertext file back to the plain RGB image, once its tag was checked.
 *
 * @param {Blob | ArrayBuffer | Uint8Array} file
 * @param {EtcKey} key
 * @param {object | null} params the cipher that you expect, see makeSpec(); null: any that this key's owner used.
 * Throws ParameterError: made with other parameters. KeyMismatchError: under another key, or a disposable one.
 * AuthenticationError: altered or re-encoded since. And what readCiphertext() throws.
 */
export async function decryptPicture(file, key, params = null) {
  const { marker } = await readCiphertext(file);
  const spec = makeSpec(params ?? marker.spec);
  await checkMarker(key, spec, marker); // says that a disposable key is gone, not that this one is too many
  return new Cipher(key, spec).unseal(file);
}

/**
 * From an image file to its decryption, without checking that it is the ciphertext that the key's owner made: for
 * your own ciphertexts that somebody honest stored in another format. The file's marker, if any, is not looked at.
 *
 * DANGER: whoever chooses the pixels and the nonce and learns the result learns the plan behind them, and with it
 * every picture encrypted with it. Never decrypt on behalf of others.
 *
 * @param {Blob | ArrayBuffer | Uint8Array} file PNG, JPEG or WebP.
 * @param {EtcKey} key
 * @param {object} params the cipher, see makeSpec().
 * @param {Uint8Array | null} nonce exactly with key_scope "image".
 * @param {[number, number]} [size] height and width before encryption, where outputSize() is another.
 */
export async function decryptUnauthenticated(file, key, params, nonce = null, size = undefined) {
  const cipher = new Cipher(key, params);
  return cipher.decrypt(await decodePixels(await inspectPicture(file)), nonce, size);
}
