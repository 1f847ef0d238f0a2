// A key and the public parameters of a cipher, applied to pixels.

import { compilePlan, gridOf, makeSpec, NONCE_BYTES } from "./ciphers/base.mjs";
import { ImageError, KeyMismatchError, ParameterError } from "./errors.mjs";
import { checkKey } from "./keys.mjs";
import { overWhite, toRgba } from "./prepare.mjs";

/**
 * Encrypts and decrypts images under one key.
 *
 *   const cipher = new Cipher(key, { cipher: "etc", block_size: 16 });
 *   const encrypted = await cipher.encrypt({ data, height, width });
 */
export class Cipher {
  #key;
  #latest = { size: null, plan: null }; // a camera sends many images of one size

  /** @param {object} params as in the marker, see makeSpec(). */
  constructor(key, params) {
    this.#key = checkKey(key);
    this.spec = makeSpec(params);
    this.grid = gridOf(this.spec);
    Object.freeze(this);
  }

  get keyId() {
    return this.#key.keyId;
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

  /** Undo encrypt(); exact unless the ciphertext went through a lossy format. */
  async decrypt(image, nonce = null) {
    return this.#applied(image, nonce, "unapply");
  }

  /** The public marker of an image encrypted by this cipher. */
  marker(height, width, nonce = null) {
    return { spec: this.spec, height, width, keyId: this.keyId, nonce };
  }

  /** Throws unless `marker` was made with this key and these parameters. */
  checkMarker(marker) {
    if (marker.keyId !== this.keyId) {
      throw new KeyMismatchError(`encrypted under key ${marker.keyId}, this is key ${this.keyId}; use the other key`);
    }
    const [theirs, ours] = [marker.spec, this.spec].map((spec) => JSON.stringify(spec));
    if (theirs !== ours) throw new ParameterError(`encrypted with ${theirs}, this cipher is ${ours}`);
  }

  async #applied(image, nonce, direction) {
    const { rgb, hasAlpha } = rgbOf(image);
    const plan = nonce ? await this.plan(image.height, image.width, nonce) : await this.#planOf(image);
    const result = { data: plan[direction](rgb), height: image.height, width: image.width };
    return hasAlpha ? { ...result, data: toRgba(result) } : result;
  }

  async #planOf({ height, width }) {
    const size = `${height}x${width}`;
    if (this.#latest.size !== size) Object.assign(this.#latest, { plan: await this.plan(height, width), size });
    return this.#latest.plan;
  }
}

/** A fresh random public nonce for key_scope "image". */
export function newNonce() {
  return crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
}

/** The RGB bytes of an image of RGB or opaque RGBA bytes. */
function rgbOf(image) {
  const { data, height, width } = image ?? {};
  if (!(data instanceof Uint8Array || data instanceof Uint8ClampedArray)) {
    throw new ImageError("pixels must be a Uint8Array or Uint8ClampedArray; scale to 0..255 and round first");
  }
  const channels = data.length / (height * width);
  if (!(height > 0 && width > 0) || (channels !== 3 && channels !== 4)) {
    throw new ImageError(
      `expected height * width * 3 RGB or * 4 RGBA bytes, got ${data.length} for ${height}x${width}`,
    );
  }
  return channels === 4 ? { rgb: opaque(image), hasAlpha: true } : { rgb: data, hasAlpha: false };
}

function opaque({ data, height, width }) {
  for (let i = 3; i < data.length; i += 4) {
    if (data[i] !== 255) throw new ImageError("the image has transparent pixels; lay it over white first: overWhite()");
  }
  return overWhite({ data, height, width }).data;
}
