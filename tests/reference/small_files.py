"""Small image files that can carry a marker, built piece by piece so that every machine writes the same bytes."""

import zlib

from . import runner
from .sample_files import JPEG, WEBP

HEIGHT, WIDTH = 8, 12
PIXELS = runner.read_pixels({"height": HEIGHT, "width": WIDTH, "pixels": {"fill": runner.FILL}})


# PNG


def png(before=(), after=(), size=(HEIGHT, WIDTH), pixels=PIXELS, form=b"\x08\x02", raw=None, parts=1):
    """`before` and `after` the pixels stand chunks; `form` is depth and colour type; `raw` are filtered rows."""
    if raw is None:
        raw = b"".join(b"\0" + row for row in rows_of(pixels, size[1] * 3))
    header = size[1].to_bytes(4, "big") + size[0].to_bytes(4, "big") + form + bytes(5 - len(form))
    data = stored(raw)
    step = -(-len(data) // parts)
    chunks = [(b"IDAT", data[at : at + step]) for at in range(0, len(data), step)]
    return png_file([(b"IHDR", header), *before, *chunks, *after, (b"IEND", b"")])


def png_file(chunks):
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*chunk) for chunk in chunks)


def png_chunk(kind, body):
    return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")


def text_chunk(text):
    return b"tEXt", b"hf-etc\0" + text


def rows_of(pixels, length):
    return [pixels[at : at + length] for at in range(0, len(pixels), length)]


def stored(data):
    """A zlib stream of one block without compression: compressors differ from machine to machine."""
    size = len(data).to_bytes(2, "little")
    block = b"\x01" + size + bytes(255 - byte for byte in size) + data
    return b"\x78\x01" + block + zlib.adler32(data).to_bytes(4, "big")


def filtered(pixels, length):
    """Rows of `length` bytes with the filter types 0 to 4 in turn."""
    raw, above = b"", bytes(length)
    for number, row in enumerate(rows_of(pixels, length)):
        raw += bytes([number % 5]) + bytes(
            (row[i] - predict(number % 5, row[i - 3] if i >= 3 else 0, above[i], above[i - 3] if i >= 3 else 0)) % 256
            for i in range(length)
        )
        above = row
    return raw


def predict(kind, left, up, corner):
    """The five predictors of PNG, in the words of its specification."""
    if kind < 4:
        return [0, left, up, (left + up) // 2][kind]
    estimate = left + up - corner
    to_left, to_up, to_corner = abs(estimate - left), abs(estimate - up), abs(estimate - corner)
    if to_left <= to_up and to_left <= to_corner:
        return left
    return up if to_up <= to_corner else corner


def interlaced(pixels, height, width):
    """The rows of the seven passes of Adam7, without filters."""
    raw = b""
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    for left, top, across, down in passes:
        for row in range(top, height, down):
            places = [(row * width + column) * 3 for column in range(left, width, across)]
            raw += (b"\0" if places else b"") + b"".join(pixels[place : place + 3] for place in places)
    return raw


# JPEG


def segment(marker, body):
    return bytes([0xFF, marker]) + (len(body) + 2).to_bytes(2, "big") + body


def comment(text):
    return segment(0xFE, b"hf-etc " + text)


def jpeg(*segments, source=JPEG):
    """The file with more segments at its start."""
    return source[:2] + b"".join(segments) + source[2:]


def before_scan(data, inserted):
    """A JPEG file with more bytes right before its first scan."""
    at = data.index(b"\xff\xda")
    return data[:at] + inserted + data[at:]


# WebP


def webp(*exif, source=WEBP, flags=0x08, before=(), after=()):
    """The extended format: VP8X with the EXIF flag, chunks, the image, EXIF chunks, chunks."""
    header = (b"VP8X", bytes([flags, 0, 0, 0]) + (WIDTH - 1).to_bytes(3, "little") + (HEIGHT - 1).to_bytes(3, "little"))
    return riff([header, *before], source[12:], [*((b"EXIF", block) for block in exif), *after])


def riff(before, image, after):
    body = b"".join(riff_chunk(*chunk) for chunk in before) + image + b"".join(riff_chunk(*chunk) for chunk in after)
    return b"RIFF" + (len(body) + 4).to_bytes(4, "little") + b"WEBP" + body


def riff_chunk(kind, body):
    return kind + len(body).to_bytes(4, "little") + body + b"\0" * (len(body) % 2)


# EXIF


def tiff(*entries, order="little", magic=42, count=None):
    """One directory at 8. An entry is (tag, type, count, value): bytes, which follow the directory, or a place."""

    def number(value, size):
        return value.to_bytes(size, order)

    table, values = b"", b""
    for tag, kind, length, value in entries:
        if isinstance(value, bytes):
            place = 14 + 12 * len(entries) + len(values)
            values += value + b"\0" * (len(value) % 2)
        else:
            place = value
        table += number(tag, 2) + number(kind, 2) + number(length, 4) + number(place, 4)
    head = (b"II" if order == "little" else b"MM") + number(magic, 2) + number(8, 4)
    return head + number(len(entries) if count is None else count, 2) + table + number(0, 4) + values


def description(text, kind=2):
    """The entry ImageDescription."""
    return 0x010E, kind, len(text) + 1, text + b"\0"


def labelled(text, order="little"):
    return tiff(description(b"hf-etc " + text), order=order)
