// Secret keys: the only module that touches key bytes (docs/spec.md, sections 1 and 2).
//
// An EtcKey keeps the master key inside WebCrypto. JavaScript sees its bytes only for the moment in which
// a text is read or shown. They are in no property, so no log, no JSON and no structured clone has them.

import { toHex } from "./bytes.mjs";
import { BrowserError, KeyFormatError, MissingKeyError } from "./errors.mjs";

const KEY_BYTES = 32;
const SALT_BYTES = 16;
const CHECKSUM_BYTES = 4;
const MIN_PASSPHRASE = 12;
const KEY_PREFIX = "hfetc1-";
const SALT_PREFIX = "hfetc1-scrypt-";
const DIGITS = "abcdefghijklmnopqrstuvwxyz234567";

/** A 256-bit master key. Make one with generateKey() or parseKey(). */
export class EtcKey {
  #master; // HKDF key, not extractable: it derives
  #vault; // the same bytes as an extractable AES key: they leave it only in reveal()
  #keyId;

  /** @param {Uint8Array} secret 32 bytes; zeroed here. */
  static async fromBytes(secret) {
    if (!(secret instanceof Uint8Array) || secret.length !== KEY_BYTES) {
      throw new KeyFormatError(`a key is ${KEY_BYTES} bytes; make one with generateKey()`);
    }
    try {
      const key = new EtcKey();
      key.#master = await webCrypto().importKey("raw", secret, "HKDF", false, ["deriveBits", "deriveKey"]);
      key.#vault = await webCrypto().importKey("raw", secret, "AES-CTR", true, ["encrypt"]);
      key.#keyId = toHex(await key.derive("hf-etc/v1/key-id", 8));
      return Object.freeze(key);
    } finally {
      secret.fill(0);
    }
  }

  /** 16 hexadecimal digits derived one-way from the key; public. */
  get keyId() {
    return this.#keyId;
  }

  /** HKDF-SHA256 of the master key: the `length` bytes named `info`. */
  async derive(info, length = 32) {
    return new Uint8Array(await webCrypto().deriveBits(hkdf(info), this.#master, 8 * length));
  }

  /** The subkey named `info` as an AES-CTR key that never leaves WebCrypto. */
  async subkey(info) {
    return webCrypto().deriveKey(hkdf(info), this.#master, { name: "AES-CTR", length: 256 }, false, ["encrypt"]);
  }

  /** The secret text form hfetc1-... Show it to its owner only. */
  async reveal() {
    const secret = new Uint8Array(await webCrypto().exportKey("raw", this.#vault));
    try {
      return await encodeText(secret, KEY_PREFIX);
    } finally {
      secret.fill(0);
    }
  }

  toString() {
    return `EtcKey(${this.#keyId})`;
  }

  toJSON() {
    return { key_id: this.#keyId };
  }
}

/** A fresh key from the system's random generator. */
export async function generateKey() {
  return EtcKey.fromBytes(crypto.getRandomValues(new Uint8Array(KEY_BYTES)));
}

/**
 * Read the text form hfetc1-... (surrounding white space and letter case do not matter).
 * Throws KeyFormatError: not a key text, truncated, or mistyped (the checksum tells).
 */
export async function parseKey(text) {
  if (isSalt(text)) throw new KeyFormatError("this is a passphrase salt, not a key; load it with its passphrase");
  return EtcKey.fromBytes(await decodeText(text, KEY_PREFIX, KEY_BYTES, "key"));
}

/** Whether a text is a passphrase salt hfetc1-scrypt-..., the content of a key file that needs its passphrase. */
export function isSalt(text) {
  return typeof text === "string" && normalized(text).startsWith(SALT_PREFIX);
}

/**
 * Derive a key with scrypt (about a second, 128 MiB).
 * Throws KeyFormatError: the passphrase is too short or the salt is malformed.
 */
export async function keyFromPassphrase(passphrase, salt) {
  if (typeof passphrase !== "string" || [...passphrase].length < MIN_PASSPHRASE) {
    throw new KeyFormatError(`the passphrase has fewer than ${MIN_PASSPHRASE} characters; use a longer one`);
  }
  if (/\p{Surrogate}/u.test(passphrase)) {
    throw new KeyFormatError("the passphrase is not valid Unicode text; pass it as UTF-8");
  }
  const saltBytes = await decodeText(salt, SALT_PREFIX, SALT_BYTES, "salt");
  const { scryptAsync } = await import("./vendor/noble-scrypt.mjs");
  return EtcKey.fromBytes(await scryptAsync(passphrase, saltBytes, { N: 2 ** 17, r: 8, p: 1, dkLen: KEY_BYTES }));
}

/** The secret text of a key. */
export async function keyText(key) {
  return checkKey(key).reveal();
}

/** The public id of a key. */
export function keyId(key) {
  return checkKey(key).keyId;
}

/** Throws MissingKeyError unless `key` is an EtcKey. */
export function checkKey(key) {
  if (!(key instanceof EtcKey)) throw new MissingKeyError("key must be an EtcKey: parseKey(text) or generateKey()");
  return key;
}

/** WebCrypto, which browsers give to secure pages alone. */
export function webCrypto() {
  const subtle = globalThis.crypto?.subtle;
  if (!subtle) throw new BrowserError("this page has no WebCrypto; open it over https or from localhost");
  return subtle;
}

function hkdf(info) {
  return { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(0), info: new TextEncoder().encode(info) };
}

function normalized(text) {
  const trimmed = text.replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, "");
  return /^[\0-\x7f]*$/.test(trimmed) ? trimmed.toLowerCase() : trimmed; // lower case makes a k of the Kelvin sign
}

/** The bytes of a key or salt text. */
async function decodeText(text, prefix, size, what) {
  if (typeof text !== "string") throw new KeyFormatError(`a ${what} is text that starts with ${prefix}`);
  const clean = normalized(text);
  if (!clean.startsWith(prefix)) throw new KeyFormatError(`not a ${what}: it must start with ${prefix}`);
  const digits = clean.slice(prefix.length);
  const expected = Math.ceil((8 * (size + CHECKSUM_BYTES)) / 5);
  if (digits.length !== expected) {
    const found = `${digits.length} characters after ${prefix}`;
    throw new KeyFormatError(`the ${what} has ${found}, not ${expected}; copy it whole`);
  }
  if (!/^[a-z2-7]+$/.test(digits)) {
    throw new KeyFormatError(`the ${what} has a character outside a-z and 2-7; copy it again`);
  }
  const bytes = new Uint8Array(size);
  for (let bit = 0; bit < 8 * size; bit++) {
    const digit = DIGITS.indexOf(digits[Math.floor(bit / 5)]);
    bytes[bit >> 3] |= ((digit >> (4 - (bit % 5))) & 1) << (7 - (bit & 7));
  }
  if ((await encodeText(bytes, prefix)) === clean) return bytes; // a right checksum, and zero padding bits
  bytes.fill(0);
  throw new KeyFormatError(`the checksum of the ${what} is wrong: a typing error; copy it again`);
}

async function encodeText(bytes, prefix) {
  const checksum = new Uint8Array(await webCrypto().digest("SHA-256", bytes));
  let digits = "";
  let buffer = 0;
  let bits = 0;
  for (const byte of [...bytes, ...checksum.subarray(0, CHECKSUM_BYTES)]) {
    buffer = ((buffer << 8) | byte) & 0xfff;
    for (bits += 8; bits >= 5; bits -= 5) digits += DIGITS[(buffer >> (bits - 5)) & 31];
  }
  if (bits) digits += DIGITS[(buffer << (5 - bits)) & 31];
  return prefix + digits;
}
