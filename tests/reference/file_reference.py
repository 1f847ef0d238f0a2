"""What sections 5.1 and 5.2 of docs/spec.md read from the headers of PNG, JPEG and WebP files."""

import zlib
from dataclasses import dataclass

from .refusal import Refusal

MOST_PIXELS = 89_478_485
PNG_START, EXIF_START, LABEL = b"\x89PNG\r\n\x1a\n", b"Exif\0\0", b"hf-etc "
SOS, COM, APP1 = 0xDA, 0xFE, 0xE1
FRAME_HEADERS = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
WITHOUT_LENGTH = {0x00, 0x01, *range(0xD0, 0xDA)}
METADATA = {COM, *range(0xE1, 0xEE), 0xEF}


@dataclass
class File:
    """`labels` are pairs: whether the label is in its place, and what follows it."""

    format: str
    height: int
    width: int
    is_rgb: bool
    is_animated: bool
    labels: list


def read_file(data):
    """Step 1 of section 5.2, and what the next steps need."""
    if data[:8] == PNG_START:
        file = _read_png(data)
    elif data[:2] == b"\xff\xd8":
        file = _read_jpeg(data)
    elif data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        file = _read_webp(data)
    else:
        raise damaged("another format")
    if file.height < 1 or file.width < 1 or file.height * file.width > MOST_PIXELS or file.is_animated:
        raise damaged("too large, without pixels or animated")
    return file


def damaged(reason):
    return Refusal("ImageError", reason)


# PNG


def png_chunks(data):
    """(type, content) of each chunk up to IEND."""
    chunks, at = [], 8
    while not chunks or chunks[-1][0] != b"IEND":
        length = int.from_bytes(data[at : at + 4], "big")
        body, end = data[at + 4 : at + 8 + length], at + 12 + length
        if end > len(data) or zlib.crc32(body) != int.from_bytes(data[end - 4 : end], "big"):
            raise damaged("PNG chunk")
        chunks.append((body[:4], body[4:]))
        at = end
    return chunks


def _read_png(data):
    chunks = png_chunks(data)
    kind, header = chunks[0]
    if kind != b"IHDR" or len(header) != 13:
        raise damaged("PNG header")
    labels = []
    for kind, body in chunks:
        if kind in (b"tEXt", b"zTXt", b"iTXt") and body.startswith(b"hf-etc\0"):
            labels.append((kind == b"tEXt", body[7:]))
        elif kind == b"eXIf":
            labels += [(False, text) for text in exif_labels(body)]
    kinds = [kind for kind, _ in chunks]
    width, height = int.from_bytes(header[:4], "big"), int.from_bytes(header[4:8], "big")
    is_rgb = header[8:10] == b"\x08\x02" and b"tRNS" not in kinds
    return File("png", height, width, is_rgb, b"acTL" in kinds, labels)


# JPEG


def jpeg_parts(data):
    """The segments before the first scan as (marker, its bytes without fill bytes), and the rest from the scan on."""
    segments, at = [], 2
    while True:
        while data[at : at + 2] == b"\xff\xff":
            at += 1
        if at + 4 > len(data) or data[at] != 0xFF or data[at + 1] in WITHOUT_LENGTH:
            raise damaged("JPEG header")
        if data[at + 1] == SOS:
            break
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        if length < 2 or at + 2 + length > len(data):
            raise damaged("JPEG segment")
        segments.append((data[at + 1], data[at : at + 2 + length]))
        at += 2 + length
    if b"\xff\xd9" not in data[at + 2 :]:
        raise damaged("no end of the JPEG")
    return segments, data[at:]


def jpeg_data(data):
    """What the tag of a JPEG protects."""
    segments, rest = jpeg_parts(data)
    return b"\xff\xd8" + b"".join(segment for marker, segment in segments if marker not in METADATA) + rest


def _read_jpeg(data):
    segments, _ = jpeg_parts(data)
    frames = [segment[4:] for marker, segment in segments if marker in FRAME_HEADERS]
    if len(frames) != 1 or len(frames[0]) < 6:
        raise damaged("JPEG frame header")
    labels = []
    for marker, segment in segments:
        body = segment[4:]
        if marker == COM and body.startswith(LABEL):
            labels.append((True, body[7:]))
        elif marker == APP1 and body.startswith(EXIF_START):
            labels += [(False, text) for text in exif_labels(body)]
    frame = frames[0]
    height, width = int.from_bytes(frame[1:3], "big"), int.from_bytes(frame[3:5], "big")
    return File("jpeg", height, width, frame[0] == 8 and frame[5] == 3, False, labels)


# WebP


def webp_chunks(data):
    """(type, content) of each chunk inside RIFF."""
    end = 8 + int.from_bytes(data[4:8], "little")
    if end > len(data):
        raise damaged("RIFF")
    chunks, at = [], 12
    while at < end:
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        if at + 8 + length > end:
            raise damaged("WebP chunk")
        chunks.append((data[at : at + 4], data[at + 8 : at + 8 + length]))
        at += 8 + length + length % 2
    return chunks


def _read_webp(data):
    chunks = webp_chunks(data)
    first = dict(reversed(chunks))
    extended, alpha = first.get(b"VP8X", bytes(10)), False
    if b"VP8X" in first:
        width, height = (1 + int.from_bytes(extended[at : at + 3], "little") for at in (4, 7))
    if b"VP8L" in first:
        bits = int.from_bytes(first[b"VP8L"][1:5], "little")
        size, alpha = (1 + (bits >> 14) % 2**14, 1 + bits % 2**14), bits >> 28 & 1
    elif b"VP8 " in first:
        size = tuple(int.from_bytes(first[b"VP8 "][at : at + 2], "little") % 2**14 for at in (8, 6))
    elif b"ANMF" in first and b"VP8X" in first:
        size = (height, width)
    else:
        raise damaged("no image in the WebP")
    if b"VP8X" in first and size != (height, width):
        raise damaged("two sizes in one WebP")
    labels = [(True, text) for kind, body in chunks if kind == b"EXIF" for text in exif_labels(body)]
    return File("webp", *size, not alpha and not extended[0] & 0x10, bool(extended[0] & 0x02), labels)


# EXIF


def exif_labels(block):
    """What follows the label in each ImageDescription that has one."""
    tiff = block.removeprefix(EXIF_START)
    if tiff[:2] not in (b"II", b"MM") or len(tiff) < 8:
        return []
    order = "little" if tiff[:2] == b"II" else "big"

    def number(at, size):
        return int.from_bytes(tiff[at : at + size], order)

    directory, labels = number(4, 4), []
    for i in range(number(directory, 2)):
        entry = directory + 2 + 12 * i
        if entry + 12 > len(tiff):
            break
        count = number(entry + 4, 4)
        start = number(entry + 8, 4) if count > 4 else entry + 8
        if number(entry, 2) != 0x010E or number(entry + 2, 2) != 2 or start + count > len(tiff):
            continue
        value = tiff[start : start + count].split(b"\0")[0]
        if value.startswith(LABEL):
            labels.append(value[7:])
    return labels
