// The parts of PNG, JPEG and WebP files: what kind it is, its size, labels and orientation, and the bare image.

import { concat, crc32, encodeLatin1, latin1, viewOf } from "./bytes.mjs";
import { ImageError } from "./errors.mjs";
import { EXIF_NAME, readExif } from "./exif.mjs";

const MARKER_NAME = "hf-etc";
const PREFIX = `${MARKER_NAME} `;
const XMP_NAME = "http://ns.adobe.com/xap/1.0/\0";
const PNG_IMAGE = ["IHDR", "PLTE", "tRNS", "IDAT", "IEND"];
const HEIC = ["heic", "heix", "heim", "heis", "hevc", "hevx", "hevm", "hevs", "mif1", "msf1"]; // brands
const WEBP_IMAGE = ["VP8X", "ANIM", "ANMF", "ALPH", "VP8 ", "VP8L"];

/** Throws ImageError: none of the three. */
function fileKind(bytes) {
  if (!bytes.length) throw new ImageError("the image file is empty (0 bytes)");
  if (latin1(bytes.subarray(0, 8)) === "\x89PNG\r\n\x1a\n") return "png";
  if (latin1(bytes.subarray(0, 3)) === "\xff\xd8\xff") return "jpeg";
  if (latin1(bytes.subarray(0, 4)) === "RIFF" && latin1(bytes.subarray(8, 12)) === "WEBP") return "webp";
  throw new ImageError("not a PNG, JPEG or WebP picture; save it as one of these");
}

/** Whether a file says that it is HEIC, as telephones write it. AVIF comes in the same box and is none. */
export function isHeic(bytes) {
  if (latin1(bytes.subarray(4, 8)) !== "ftyp") return false;
  const brands = latin1(bytes.subarray(8, Math.min(viewOf(bytes).getUint32(0), 256))).match(/.{4}/gs) ?? [];
  return brands.some((brand) => HEIC.includes(brand)) && !brands.some((brand) => brand.startsWith("avi"));
}

/**
 * What a file says beside its pixels.
 *
 * @param {Uint8Array} bytes a whole PNG, JPEG or WebP file.
 * @returns {{kind: string, height: number, width: number, isRgb: boolean,
 *   labels: {text: string, isInPlace: boolean}[], orientation: number, isAnimated: boolean, bare: Uint8Array}}
 *   kind: "png", "jpeg" or "webp"; isRgb: the pixels are 8-bit RGB by the headers; labels: what claims to be a
 *   ciphertext's marker, and whether it stands where this kind of file has it; orientation: EXIF's, 1 to 8;
 *   bare: the file without colour profile, EXIF and other metadata, so that every decoder gives the same pixels.
 * Throws ImageError: empty, damaged, or of another kind.
 */
export function inspectFile(bytes) {
  try {
    const kind = fileKind(bytes);
    return { kind, ...{ png: inspectPng, jpeg: inspectJpeg, webp: inspectWebp }[kind](bytes) };
  } catch (error) {
    if (error instanceof RangeError) throw new ImageError("the image is truncated or damaged");
    throw error;
  }
}

/** Put a marker into a PNG or JPEG file that was just encoded. */
export function insertMarker(bytes, text) {
  if (fileKind(bytes) === "png") {
    const headerEnd = 8 + 12 + viewOf(bytes).getUint32(8);
    return splice(bytes, headerEnd, pngChunk("tEXt", encodeLatin1(`${MARKER_NAME}\0${text}`)));
  }
  const jfifEnd = bytes[3] === 0xe0 ? 4 + viewOf(bytes).getUint16(4) : 2;
  const comment = encodeLatin1(PREFIX + text);
  const length = comment.length + 2;
  return splice(bytes, jfifEnd, Uint8Array.of(0xff, 0xfe, length >> 8, length & 255, ...comment));
}

function inspectPng(bytes) {
  const found = { labels: [], exif: [], isAnimated: false };
  const kept = [bytes.subarray(0, 8)];
  for (const { type, data, whole } of pngChunks(bytes)) {
    demand(type === "IHDR" ? kept.length > 1 || data.length === 13 : kept.length > 1); // which comes first
    if (PNG_IMAGE.includes(type)) kept.push(whole);
    if (type === "IHDR" && kept.length === 2) {
      Object.assign(found, { width: viewOf(data).getUint32(0), height: viewOf(data).getUint32(4) });
      found.isRgb = data[8] === 8 && data[9] === 2;
    }
    if (type === "tRNS") found.isRgb = false;
    if (type === "acTL") found.isAnimated = true;
    if (type === "eXIf") found.exif.push(data);
    if (["tEXt", "zTXt", "iTXt"].includes(type)) {
      const text = latin1(data);
      const value = text.slice(text.indexOf("\0") + 1);
      if (text.startsWith(`${MARKER_NAME}\0`)) found.labels.push({ text: value, isInPlace: type === "tEXt" });
      if (text.startsWith("XML:com.adobe.xmp\0") && type !== "zTXt") found.xmp = value;
    }
  }
  return summary(found, concat(kept));
}

function inspectJpeg(bytes) {
  const found = { labels: [], exif: [], isAnimated: false };
  const kept = [bytes.subarray(0, 2)];
  let frameHeaders = 0;
  for (const { code, data, whole } of jpegSegments(bytes)) {
    const isMetadata = code === 0xfe || (code >= 0xe1 && code <= 0xef && code !== 0xee); // all but JFIF and Adobe
    if (!isMetadata) kept.push(whole);
    if (code >= 0xc0 && code <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(code)) {
      if (found.width !== undefined) throw new RangeError("two frame headers");
      Object.assign(found, {
        height: viewOf(data).getUint16(1),
        width: viewOf(data).getUint16(3),
        isRgb: data[0] === 8 && data[5] === 3,
      });
    }
    const text = code === 0xe1 || code === 0xfe ? latin1(data) : "";
    if (code === 0xfe && text.startsWith(PREFIX)) {
      found.labels.push({ text: text.slice(PREFIX.length), isInPlace: true });
    } else if (code === 0xe1 && text.startsWith(EXIF_NAME)) found.exif.push(data);
    else if (code === 0xe1 && text.startsWith(XMP_NAME)) found.xmp = text;
  }
  return summary(found, concat(kept));
}

function inspectWebp(bytes) {
  const found = { labels: [], exif: [], isAnimated: false, isRgb: true };
  const kept = [];
  let canvas = null;
  for (const { type, data, whole } of webpChunks(bytes)) {
    if (WEBP_IMAGE.includes(type)) kept.push(type === "VP8X" ? withoutMetadataFlags(whole) : whole);
    const { isRgb = true, isAnimated = false, ...size } = webpHeader(type, data);
    if (type === "VP8X") canvas ??= size;
    else if (found.width === undefined) Object.assign(found, size);
    found.isRgb &&= isRgb;
    found.isAnimated ||= isAnimated;
    if (type === "EXIF") found.exif.push(data);
    if (type === "XMP ") found.xmp = latin1(data);
  }
  if (found.isAnimated) Object.assign(found, canvas); // its images are within the frames
  if (canvas && (canvas.width !== found.width || canvas.height !== found.height)) throw new RangeError("two sizes");
  const body = concat(kept);
  const header = encodeLatin1("RIFF\0\0\0\0WEBP");
  viewOf(header).setUint32(4, body.length + 4, true);
  return summary(found, concat([header, body]), true);
}

/** Size and kind of pixels; {} when the chunk does not say. */
function webpHeader(type, data) {
  const view = viewOf(data);
  const edge = (offset) => (view.getUint32(offset, true) & 0xffffff) + 1;
  if (type === "VP8X") {
    const flags = { isRgb: !(data[0] & 0x10), isAnimated: Boolean(data[0] & 0x02) };
    return { width: edge(4), height: (view.getUint32(6, true) >>> 8) + 1, ...flags };
  }
  if (type === "VP8 ")
    return { width: view.getUint16(6, true) & 0x3fff, height: view.getUint16(8, true) & 0x3fff, isRgb: true };
  if (type !== "VP8L") return {};
  const bits = view.getUint32(1, true); // 14 of width - 1, 14 of height - 1, 1 of alpha
  return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1, isRgb: !((bits >>> 28) & 1) };
}

/** `exifHasMarker`: a label in EXIF stands in its place. */
function summary({ exif, xmp, ...found }, bare, exifHasMarker = false) {
  const { labels, height, width } = found;
  if (!height || !width) throw new RangeError("size");
  const blocks = exif.map(readExif);
  for (const text of blocks.flatMap(({ descriptions }) => descriptions)) {
    if (text.startsWith(PREFIX)) labels.push({ text: text.slice(PREFIX.length), isInPlace: exifHasMarker });
  }
  const fromXmp = xmp?.match(/tiff:Orientation(?:="|>)([0-9])/)?.[1];
  return { ...found, orientation: blocks[0]?.orientation ?? Number(fromXmp ?? 1), bare };
}

function* pngChunks(bytes) {
  const view = viewOf(bytes);
  for (let offset = 8, type = ""; type !== "IEND";) {
    const length = view.getUint32(offset);
    type = latin1(bytes.subarray(offset + 4, offset + 8));
    const end = offset + 12 + length;
    if (end > bytes.length || (offset === 8 && type !== "IHDR")) throw new RangeError(type);
    if (view.getUint32(end - 4) !== crc32(bytes.subarray(offset + 4, end - 4))) throw new RangeError("checksum");
    yield { type, data: bytes.subarray(offset + 8, end - 4), whole: bytes.subarray(offset, end) };
    offset = end;
  }
}

/** The segments up to the first scan; the last one holds all the rest of the file. */
function* jpegSegments(bytes) {
  const view = viewOf(bytes);
  for (let offset = 2, code = 0; code !== 0xda;) {
    while (bytes[offset] === 0xff && bytes[offset + 1] === 0xff) offset++; // fill bytes
    demand(view.getUint8(offset) === 0xff);
    code = view.getUint8(offset + 1);
    const end = code === 0xda ? endOfImage(bytes, offset + 2) : endOfSegment(view, offset + 2, code);
    yield { code, data: bytes.subarray(offset + 4, end), whole: bytes.subarray(offset, end) };
    offset = end;
  }
}

function endOfSegment(view, offset, code) {
  const length = view.getUint16(offset);
  const hasNone = code <= 0x01 || (code >= 0xd0 && code <= 0xd9);
  if (hasNone || length < 2 || offset + length > view.byteLength) throw new RangeError("segment");
  return offset + length;
}

/** Browsers decode a JPEG that breaks off, and fill up with gray. */
function endOfImage(bytes, from) {
  for (let i = bytes.indexOf(0xff, from); i >= 0; i = bytes.indexOf(0xff, i + 1))
    if (bytes[i + 1] === 0xd9) return bytes.length;
  throw new RangeError("end");
}

function* webpChunks(bytes) {
  const view = viewOf(bytes);
  const fileEnd = 8 + view.getUint32(4, true);
  demand(fileEnd <= bytes.length);
  for (let offset = 12; offset < fileEnd;) {
    const length = view.getUint32(offset + 4, true);
    const end = offset + 8 + length + (length & 1);
    demand(offset + 8 + length <= fileEnd);
    const data = bytes.subarray(offset + 8, offset + 8 + length);
    yield { type: latin1(bytes.subarray(offset, offset + 4)), data, whole: bytes.subarray(offset, end) };
    offset = end;
  }
}

function demand(holds) {
  if (!holds) throw new RangeError("damaged");
}

function withoutMetadataFlags(chunk) {
  const copy = chunk.slice();
  copy[8] &= 0b00010010; // keeps alpha and animation
  return copy;
}

function pngChunk(type, data) {
  const chunk = concat([new Uint8Array(4), encodeLatin1(type), data, new Uint8Array(4)]);
  viewOf(chunk).setUint32(0, data.length);
  viewOf(chunk).setUint32(chunk.length - 4, crc32(chunk.subarray(4, chunk.length - 4)));
  return chunk;
}

function splice(bytes, at, inserted) {
  return concat([bytes.subarray(0, at), inserted, bytes.subarray(at)]);
}
