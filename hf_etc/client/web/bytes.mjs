// Small things done to bytes.

/** One Uint8Array of several. */
export function concat(parts) {
  const out = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    out.set(part, offset);
    offset += part.length;
  }
  return out;
}

export function viewOf(bytes) {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Whether this is what holds the pixels of a picture. */
export function areBytes(data) {
  return data instanceof Uint8Array || data instanceof Uint8ClampedArray;
}

/** Text with one character per byte. */
export function latin1(bytes) {
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return text;
}

/** Inverse of latin1(). */
export function encodeLatin1(text) {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** Fresh random bytes. */
export function randomBytes(count) {
  return crypto.getRandomValues(new Uint8Array(count));
}

/** Lower-case hexadecimal digits. */
export function toHex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Inverse of toHex(). */
export function fromHex(text) {
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

const CRC_OF_BYTE = Int32Array.from({ length: 256 }, (_, crc) => {
  for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  return crc;
});

/** The checksum of PNG chunks. */
export function crc32(bytes) {
  let crc = -1;
  for (let i = 0; i < bytes.length; i++) crc = (crc >>> 8) ^ CRC_OF_BYTE[(crc ^ bytes[i]) & 255];
  return ~crc >>> 0;
}
