// PNG files to and from RGB pixels, with Pillow's reading of every PNG variant, bit for bit.

import { ImageError } from "./errors.mjs";
import { overWhite } from "./prepare.mjs";
import { decode, encode } from "./vendor/fast-png.mjs";
import { grayBytes } from "./window.mjs";

/**
 * Decode a PNG of any colour type, bit depth and interlacing.
 *
 * @param {Uint8Array} bytes the bare file, from inspectFile().
 * @param {string | null} window of 16-bit grayscale, see grayBytes(); other samples of 16 bits keep their upper byte.
 * @returns {{data: Uint8Array, height: number, width: number}} RGB, transparency laid over white.
 */
export function decodePng(bytes, window) {
  let png;
  try {
    png = decode(bytes); // inspectFile() compared the checksums
  } catch (error) {
    throw new ImageError(`the PNG is truncated or damaged: ${error.message}`);
  }
  const { height, width } = png;
  const samples = byteSamples(png, window);
  if (png.channels === 3 && !png.transparency) return { data: samples, height, width };
  const rgba = png.palette ? fromPalette(samples, png.palette) : fromChannels(samples, png);
  return overWhite({ data: rgba, height, width });
}

/** An 8-bit RGB file. */
export function encodePng({ data, height, width }) {
  return encode({ data, height, width, channels: 3, depth: 8 }, { zlib: { level: 6 } });
}

/** One byte per sample: palette numbers as they are, gray and colour scaled to 0..255. */
function byteSamples({ data, depth, channels, width, height, palette }, window) {
  if (depth === 16 && channels === 1) return grayBytes(data, window);
  if (depth === 16) return Uint8Array.from(data, (sample) => sample >> 8);
  if (depth === 8) return data;
  const samples = new Uint8Array(width * height);
  const line = Math.ceil((width * depth) / 8);
  const highest = (1 << depth) - 1;
  const scale = palette ? 1 : 255 / highest;
  for (let row = 0, o = 0; row < height; row++) {
    for (let bit = 0; bit < width * depth; bit += depth) {
      const byte = data[row * line + (bit >> 3)];
      samples[o++] = ((byte >> (8 - depth - (bit & 7))) & highest) * scale;
    }
  }
  return samples;
}

function fromPalette(samples, palette) {
  const entries = new Uint8Array(4 * 256);
  for (let i = 0; i < 256; i++) entries.set([0, 0, 0, 255], 4 * i); // a number without a colour is black
  palette.forEach((color, i) => entries.set(color, 4 * i));
  const rgba = new Uint8Array(4 * samples.length);
  for (let i = 0; i < samples.length; i++) {
    for (let c = 0; c < 4; c++) rgba[4 * i + c] = entries[4 * samples[i] + c];
  }
  return rgba;
}

function fromChannels(samples, { channels, depth, transparency }) {
  const colors = channels < 3 ? [0, 0, 0] : [0, 1, 2];
  const alpha = channels === 2 || channels === 4 ? channels - 1 : null;
  const clear = transparency ? transparentColor(transparency, colors, depth) : null;
  const rgba = new Uint8Array((4 * samples.length) / channels);
  for (let i = 0, o = 0; o < rgba.length; i += channels, o += 4) {
    for (let c = 0; c < 3; c++) rgba[o + c] = samples[i + colors[c]];
    const cleared = clear && rgba[o] === clear[0] && rgba[o + 1] === clear[1] && rgba[o + 2] === clear[2];
    rgba[o + 3] = alpha !== null ? samples[i + alpha] : cleared ? 0 : 255;
  }
  return rgba;
}

/**
 * The one colour that a tRNS chunk makes transparent, as Pillow compares it: with samples already scaled to
 * 8 bits, by the low byte of the chunk's value; never in 16-bit grayscale.
 */
function transparentColor(transparency, colors, depth) {
  if (colors[2] === 0 && depth === 16) return null;
  return colors.map((c) => (depth === 1 ? (transparency[c] ? 255 : 0) : transparency[c] & 255));
}
