// EXIF blocks, as PNG, JPEG and WebP files carry them (docs/spec.md, section 5.1).

import { latin1, viewOf } from "./bytes.mjs";

export const EXIF_NAME = "Exif\0\0";
const ORIENTATION = 0x0112;
const IMAGE_DESCRIPTION = 0x010e;
const ASCII = 2; // the type of texts

/**
 * What the first directory of an EXIF block says, as far as it lies within the block.
 *
 * @param {Uint8Array} block with or without its name.
 * @returns {{orientation: number | undefined, descriptions: string[]}} each ImageDescription, up to its first zero.
 */
export function readExif(block) {
  const exif = latin1(block.subarray(0, 6)) === EXIF_NAME ? block.subarray(6) : block;
  const found = { orientation: undefined, descriptions: [] };
  for (const { tag, type, value, short } of entries(exif)) {
    if (tag === ORIENTATION) found.orientation = short;
    if (tag === IMAGE_DESCRIPTION && type === ASCII && value) found.descriptions.push(latin1(value).split("\0", 1)[0]);
  }
  return found;
}

/** The entries of the first directory. `value`: `count` bytes, null outside of the block; `short`: a 16-bit value. */
function* entries(exif) {
  const little = { II: true, MM: false }[latin1(exif.subarray(0, 2))];
  if (little === undefined || exif.length < 8) return;
  const view = viewOf(exif);
  const directory = view.getUint32(4, little);
  if (directory + 2 > exif.length) return;
  const end = directory + 2 + 12 * view.getUint16(directory, little);
  for (let entry = directory + 2; entry < end && entry + 12 <= exif.length; entry += 12) {
    const count = view.getUint32(entry + 4, little);
    const start = count > 4 ? view.getUint32(entry + 8, little) : entry + 8;
    yield {
      tag: view.getUint16(entry, little),
      type: view.getUint16(entry + 2, little),
      value: start + count <= exif.length ? exif.subarray(start, start + count) : null,
      short: view.getUint16(entry + 8, little),
    };
  }
}
