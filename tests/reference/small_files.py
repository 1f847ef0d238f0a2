"""The smallest image files that can carry a marker, built byte by byte: all are black, 16x16."""

import base64
import zlib


def png(before, after=()):
    """An 8-bit RGB file with more chunks before and after its pixels."""
    header = b"\0\0\0\x10\0\0\0\x10\x08\x02\0\0\0"
    pixels = zlib.compress((b"\0" + bytes(48)) * 16)
    chunks = [(b"IHDR", header), *before, (b"IDAT", pixels), *after, (b"IEND", b"")]
    parts = [len(body).to_bytes(4, "big") + kind + body + _crc(kind + body) for kind, body in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _crc(data):
    return zlib.crc32(data).to_bytes(4, "big")


# Two black 16x16 images, a baseline JPEG (4:4:4, quality 50) and a lossless WebP.
JPEG = base64.b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABALDA4MChAODQ4SERATGCgaGBYWGDEjJR0oOjM9PDkzODdASFxOQERXRTc4UG1RV19iZ2hnPk1xeXBkeFxlZ2P/2wBDARESEhgVGC8aGi9jQjhCY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2P/wAARCAAQABADAREAAhEBAxEB/8QAFQABAQAAAAAAAAAAAAAAAAAAAAf/xAAUEAEAAAAAAAAAAAAAAAAAAAAA/8QAFAEBAAAAAAAAAAAAAAAAAAAAAP/EABQRAQAAAAAAAAAAAAAAAAAAAAD/2gAMAwEAAhEDEQA/AJ+AAAD/2Q=="
)
WEBP = base64.b64decode("UklGRhoAAABXRUJQVlA4TA4AAAAvD8ADAAcQEf0PRET/Aw==")


def jpeg(comment):
    segment = b"" if comment is None else b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment
    return JPEG[:2] + segment + JPEG[2:]


def webp(exif):
    """The extended format: VP8X with the EXIF flag, the image, the EXIF chunk."""
    if exif is None:
        return WEBP
    size = (16 - 1).to_bytes(3, "little")
    chunks = _riff(b"VP8X", b"\x08\0\0\0" + size + size) + WEBP[12:] + _riff(b"EXIF", exif)
    return b"RIFF" + (len(chunks) + 4).to_bytes(4, "little") + b"WEBP" + chunks


def _riff(kind, body):
    return kind + len(body).to_bytes(4, "little") + body + b"\0" * (len(body) % 2)


def tiff(description, order):
    """One directory with the tag ImageDescription."""

    def number(value, size):
        return value.to_bytes(size, order)

    value = description + b"\0"
    head = (b"II" if order == "little" else b"MM") + number(42, 2) + number(8, 4)
    entry = number(0x010E, 2) + number(2, 2) + number(len(value), 4) + number(26, 4)
    return head + number(1, 2) + entry + number(0, 4) + value
