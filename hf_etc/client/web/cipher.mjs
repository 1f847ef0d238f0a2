// A key and the public parameters of a cipher, applied to pixels and ciphertext files.

import { areBytes, randomBytes } from "./bytes.mjs";
import { checkKeyFor, cipherId, compilePlan, gridOf, makeSpec, NONCE_BYTES, settingsText } from "./ciphers/base.mjs";
import { authenticate, randomId, readCiphertext, writeCiphertext } from "./ciphertext.mjs";
import { ImageError, KeyMismatchError, ParameterError } from "./errors.mjs";
import { overWhite, toRgba } from "./prepare.mjs";

/**
 * Encrypts and decrypts images under one key, or encrypts each under a key that is thrown away.
 *
 *   const cipher = new Cipher(key, { cipher: "etc", block_size: 16 });
 *   const { bytes } = await cipher.seal({ data, height, width });
 *   const { data } = await cipher.unseal(bytes);
 */
export class Cipher {
  #key;
  #latest = { size: null, plan: null }; // a camera sends many images of one size

  /**
   * @param {EtcKey | null} key null exactly with `disposable: true`.
   * @param {object} params see makeSpec().
   */
  constructor(key, params) {
    this.spec = makeSpec(params);
    this.#key = checkKeyFor(this.spec, key);
    this.grid = gridOf(this.spec);
    Object.freeze(this);
  }

  /** The public id of this key and cipher, for pictures of one size or, without one, of any size. */
  async cipherId(height, width) {
    return cipherId(this.#key, this.spec, height === undefined ? null : [height, width]);
  }

  /** The encryption plan for one size; as secret as the key. */
  async plan(height, width, nonce = null) {
    return compilePlan(this.#key, this.spec, height, width, nonce);
  }

  /**
   * Encrypt one image.
   *
   * @param {{data: Uint8Array | Uint8ClampedArray, height: number, width: number}} image bytes of RGB, or of
   *   opaque RGBA as in an ImageData.
   * @param {Uint8Array | null} nonce 16 bytes, only with key_scope "image"; see newNonce().
   * @returns a new image of the same kind.
   */
  async encrypt(image, nonce = null) {
    return this.#applied(image, nonce, "apply");
  }

  /**
   * Undo encrypt(); exact unless the ciphertext went through a lossy format. Pixels that were not sent are grey.
   *
   * @param {[number, number]} size height and width before encryption, where outputSize() is another.
   * Throws KeyMismatchError: the key was disposable.
   */
  async decrypt(image, nonce = null, size = [image.height, image.width]) {
    refuseDisposable(this.spec);
    return this.#applied(image, nonce, "undo", size);
  }

  /**
   * Encrypt one image into a ciphertext file, with a fresh nonce where the key scope is "image".
   *
   * @param {object} image see encrypt().
   * @param {object} options `format`, `quality`, `subsampling` and `encode`, see writeCiphertext(); `anySize`: the id
   *   in the marker is the one for pictures of any size.
   * @returns {Promise<{bytes: Uint8Array, marker: object, encrypted: object}>} the file; its marker and RGB image.
   */
  async seal(image, { anySize = false, ...options } = {}) {
    const { height, width } = image;
    const nonce = this.spec.key_scope === "image" ? newNonce() : null;
    const encrypted = await this.encrypt({ data: rgbOf(image).rgb, height, width }, nonce);
    const size = anySize ? [] : [height, width];
    const cipherId = this.spec.disposable ? randomId() : await this.cipherId(...size);
    const untagged = { spec: this.spec, height, width, cipherId, nonce };
    return { encrypted, ...(await writeCiphertext(this.#key, encrypted, untagged, options)) };
  }

  /**
   * The plain RGB image of a ciphertext file that was made with this key and these parameters, and not altered since.
   * Throws the errors of readCiphertext() and checkMarker(), then AuthenticationError.
   */
  async unseal(file) {
    const found = await readCiphertext(file);
    await checkMarker(this.#key, this.spec, found.marker);
    const { height, width, nonce } = found.marker;
    return this.decrypt(await authenticate(this.#key, found), nonce, [height, width]);
  }

  async #applied(image, nonce, direction, size = [image.height, image.width]) {
    const { rgb, hasAlpha } = rgbOf(image);
    const { height, width } = image;
    const plan = await (nonce ? this.plan(...size, nonce) : this.#planOf(...size));
    const result = plan[direction]({ data: rgb, height, width });
    return hasAlpha ? { ...result, data: toRgba(result) } : result;
  }

  async #planOf(height, width) {
    const size = `${height}x${width}`;
    if (this.#latest.size !== size) Object.assign(this.#latest, { plan: await this.plan(height, width), size });
    return this.#latest.plan;
  }
}

/** A fresh random public nonce for key_scope "image". */
export function newNonce() {
  return randomBytes(NONCE_BYTES);
}

/** Throws ParameterError, then KeyMismatchError, unless a marker is of these parameters and this key. */
export async function checkMarker(key, spec, marker) {
  const [theirs, ours] = [marker.spec, spec].map((one) => settingsText(one));
  if (theirs !== ours) throw new ParameterError(`encrypted with ${theirs}, this cipher is ${ours}`);
  refuseDisposable(spec);
  const ids = await Promise.all([[marker.height, marker.width], null].map((size) => cipherId(key, spec, size)));
  if (ids.includes(marker.cipherId)) return;
  throw new KeyMismatchError("encrypted under another key than this; use the other key");
}

function refuseDisposable(spec) {
  if (spec.disposable) throw new KeyMismatchError("the key of this image was thrown away; nobody can decrypt it");
}

/** The RGB bytes of an image of RGB or opaque RGBA bytes. */
function rgbOf(image) {
  const { data, height, width } = image ?? {};
  if (!areBytes(data)) {
    throw new ImageError("pixels must be a Uint8Array or Uint8ClampedArray; scale to 0..255 and round first");
  }
  const hasAlpha = data.length > 0 && data.length === 4 * height * width;
  if (!hasAlpha && data.length !== 3 * height * width) {
    throw new ImageError(
      `expected height * width * 3 RGB or * 4 RGBA bytes, got ${data.length} for ${height}x${width}`,
    );
  }
  return { rgb: hasAlpha ? opaque(image) : data, hasAlpha };
}

function opaque({ data, height, width }) {
  for (let i = 3; i < data.length; i += 4) {
    if (data[i] !== 255) throw new ImageError("the image has transparent pixels; lay it over white first: overWhite()");
  }
  return overWhite({ data, height, width }).data;
}
