// Secret keys: the only module that touches key bytes (docs/spec.md, sections 1 and 2).
//
// An EtcKey keeps the master key inside WebCrypto. JavaScript sees its bytes only for the moment in which
// a text is read or shown. They are in no property, so no log, no JSON and no structured clone has them.

import { toHex } from "./bytes.mjs";
import { BrowserError, KeyFormatError, KeyMismatchError, MissingKeyError } from "./errors.mjs";

const KEY_BYTES = 32;
const SALT_BYTES = 25; // the cost, 16 random bytes, 8 that check the passphrase
const CHECKSUM_BYTES = 4;
const TAG_BYTES = 16;
const MIN_PASSPHRASE = 12;
const COSTS = [17, 20];
const KEY_PREFIX = "hfetc2-";
const SALT_PREFIX = "hfetc2-scrypt-";
const DIGITS = "abcdefghijklmnopqrstuvwxyz234567";

/** A 256-bit master key. Make one with generateKey() or parseKey(). */
export class EtcKey {
  #master; // HKDF key, not extractable: it derives
  #vault; // the same bytes as an extractable AES key: they leave it only in reveal()
  #tagKey;
  #keyId;

  /** @param {Uint8Array} secret 32 bytes; zeroed here. */
  static async fromBytes(secret) {
    if (!(secret instanceof Uint8Array) || secret.length !== KEY_BYTES) {
      throw new KeyFormatError(`a key is ${KEY_BYTES} bytes; make one with generateKey()`);
    }
    try {
      const key = new EtcKey();
      key.#master = await webCrypto().importKey("raw", secret, "HKDF", false, ["deriveBits", "deriveKey"]);
      key.#tagKey = await key.#child("hf-etc/2/tag", { name: "HMAC", hash: "SHA-256", length: 256 }, "sign");
      key.#vault = await webCrypto().importKey("raw", secret, "AES-CTR", true, ["encrypt"]);
      key.#keyId = toHex(await key.derive("hf-etc/2/key-id", 8));
      return Object.freeze(key);
    } finally {
      secret.fill(0);
    }
  }

  /** 16 hexadecimal digits by which an owner's own programs tell keys apart; never sent or published. */
  get keyId() {
    return this.#keyId;
  }

  /** HKDF-SHA256 of the master key: the `length` bytes named `info`. */
  async derive(info, length = 32) {
    return new Uint8Array(await webCrypto().deriveBits(hkdf(info), this.#master, 8 * length));
  }

  /** The plan key named `info` as an AES-CTR key that never leaves WebCrypto. */
  async planKey(info) {
    return this.#child(info, { name: "AES-CTR", length: 256 }, "encrypt");
  }

  /** The tag of a message: 32 hexadecimal digits that nobody can make without the key. */
  async tag(message) {
    return toHex(new Uint8Array(await webCrypto().sign("HMAC", this.#tagKey, message), 0, TAG_BYTES));
  }

  #child(info, algorithm, use) {
    return webCrypto().deriveKey(hkdf(info), this.#master, algorithm, false, [use]);
  }

  /** The secret text form hfetc2-... Show it to its owner only. */
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
 * Read the text form hfetc2-... (surrounding white space and letter case do not matter).
 * Throws KeyFormatError: not a key text, truncated, or mistyped (the checksum tells).
 */
export async function parseKey(text) {
  if (isSalt(text)) throw new KeyFormatError("this is a passphrase salt, not a key; load it with its passphrase");
  return EtcKey.fromBytes(await decodeText(text, KEY_PREFIX, KEY_BYTES, "key"));
}

/** Whether a text is a passphrase salt hfetc2-scrypt-..., the content of a key file that needs its passphrase. */
export function isSalt(text) {
  return typeof text === "string" && normalized(text).startsWith(SALT_PREFIX);
}

/**
 * Derive a key with scrypt (about a second and 128 MiB, with the highest cost 1 GiB).
 * Throws KeyFormatError: the passphrase is too short or the salt is malformed. KeyMismatchError: the passphrase is
 * another than the one that the salt was made with.
 */
export async function keyFromPassphrase(passphrase, salt) {
  const password = checkPassphrase(passphrase);
  const payload = await decodeText(salt, SALT_PREFIX, SALT_BYTES, "salt");
  const [cost, random, check] = [payload[0], payload.subarray(1, 17), toHex(payload.subarray(17))];
  if (cost < COSTS[0] || cost > COSTS[1]) {
    throw new KeyFormatError(`the cost ${cost} of the salt is not in ${COSTS.join("..")}; make a new key file`);
  }
  const { scryptAsync } = await import("./vendor/noble-scrypt.mjs");
  const options = { N: 2 ** cost, r: 8, p: 1, dkLen: KEY_BYTES };
  const key = await EtcKey.fromBytes(await scryptAsync(password, random, options));
  if (toHex(await key.derive("hf-etc/2/passphrase", 8)) === check) return key;
  throw new KeyMismatchError("this is not the passphrase of this key file; type it again");
}

function checkPassphrase(passphrase) {
  const normal = typeof passphrase === "string" ? passphrase.normalize("NFC") : "";
  if ([...normal].length < MIN_PASSPHRASE) {
    throw new KeyFormatError(`the passphrase has fewer than ${MIN_PASSPHRASE} characters; use a longer one`);
  }
  if (/\p{Surrogate}/u.test(normal)) {
    throw new KeyFormatError("the passphrase is not valid Unicode text; pass it as UTF-8");
  }
  return normal;
}

/** The secret text of a key. */
export async function keyText(key) {
  return checkKey(key).reveal();
}

/** The id by which an owner tells keys apart. */
export function keyId(key) {
  return checkKey(key).keyId;
}

/** A random plan key for one picture. WebCrypto makes it and never gives it out: no script sees its bytes. */
export function disposablePlanKey() {
  return webCrypto().generateKey({ name: "AES-CTR", length: 256 }, false, ["encrypt"]);
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
  // ASCII letters only: toLowerCase() of the whole would make a k of the Kelvin sign
  return text.replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, "").replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
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
