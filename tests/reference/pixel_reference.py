"""The pixels of PNG files, spelled out, and those of WebP files, by Pillow."""

import io
import zlib

from PIL import Image

from .file_reference import damaged, png_chunks

WHOLE = [(0, 0, 1, 1)]
ADAM7 = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]


def webp_pixels(data):
    try:
        return Image.open(io.BytesIO(data)).convert("RGB").tobytes()
    except (OSError, ValueError) as error:
        raise damaged(f"WebP: {error}") from None


def png_pixels(data):
    """The bytes of an 8-bit RGB file in byte-offset order."""
    chunks = png_chunks(data)
    header = chunks[0][1]
    width, height = int.from_bytes(header[:4], "big"), int.from_bytes(header[4:8], "big")
    if header[10:12] != b"\0\0" or header[12] > 1:
        raise damaged("unknown compression, filter or interlace method")
    try:
        raw = zlib.decompressobj().decompress(b"".join(body for kind, body in chunks if kind == b"IDAT"))
    except zlib.error as error:
        raise damaged(str(error)) from None
    pixels = bytearray(height * width * 3)
    for top, left, down, right in ADAM7 if header[12] else WHOLE:
        rows, columns = range(top, height, down), range(left, width, right)
        if not rows or not columns:
            continue
        above = bytes(3 * len(columns))
        for row in rows:
            above, raw = _unfilter(raw[: 1 + len(above)], above), raw[1 + len(above) :]
            for i, column in enumerate(columns):
                offset = (row * width + column) * 3
                pixels[offset : offset + 3] = above[3 * i : 3 * i + 3]
    return bytes(pixels)


def _unfilter(line, above):
    """One row of bytes from its filter type and filtered bytes."""
    if len(line) != 1 + len(above) or line[0] > 4:
        raise damaged("PNG rows")
    row = bytearray()
    for i, value in enumerate(line[1:]):
        left, corner = (row[i - 3], above[i - 3]) if i >= 3 else (0, 0)
        row.append((value + _predict(line[0], left, above[i], corner)) % 256)
    return bytes(row)


def _predict(kind, left, up, corner):
    guess = left + up - corner
    paeth = min((left, up, corner), key=lambda value: abs(guess - value))  # the first of equals
    return [0, left, up, (left + up) // 2, paeth][kind]
