"""The parts of PNG, JPEG and WebP files that matter for ciphertexts (docs/spec.md, section 5): size, kind of pixels,
labels, and the compressed image that JPEG's tag covers. Nothing is decoded here; the browser client reads files alike.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from ..errors import ImageError

Kind = Literal["png", "jpeg", "webp"]
NAME = "hf-etc"
PREFIX, _KEYWORD = b"hf-etc ", b"hf-etc\0"
_EXIF = b"Exif\0\0"
_IMAGE_DESCRIPTION, _ASCII = 0x010E, 2
_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
_FRAMES = frozenset([*range(0xC0, 0xD0)]) - {0xC4, 0xC8, 0xCC}
_METADATA = frozenset([0xFE, *range(0xE1, 0xF0)]) - {0xEE}  # all but JFIF and Adobe, which say how colours are stored
_WITHOUT_LENGTH = frozenset([0x00, 0x01, *range(0xD0, 0xDA)])
_ALPHA, _ANIMATION = 0x10, 0x02  # flags of VP8X


@dataclass
class Facts:
    """What a file says beside its pixels.

    Attributes:
        kind: "png", "jpeg" or "webp".
        height, width: in pixels.
        is_rgb: 8-bit RGB by the headers.
        animated: more than one picture.
        labels: the texts that claim to be a marker.
        misplaced: how many of them do not stand where this kind of file has its marker.
        bare: of JPEG, the file without its metadata segments.
    """

    kind: Kind
    height: int = 0
    width: int = 0
    is_rgb: bool = False
    animated: bool = False
    labels: list[bytes] = field(default_factory=list)
    misplaced: int = 0
    bare: bytes = b""

    def add(self, label: bytes, in_place: bool) -> None:
        self.labels.append(label)
        self.misplaced += not in_place


def kind_of(data: bytes) -> Kind | None:
    """Which of the three formats a file begins like.

    Example:
        >>> kind_of(bytes.fromhex("ffd8ffe0"))
        'jpeg'
    """
    if data[:8] == _PNG:
        return "png"
    if data[:3] == _JPEG:
        return "jpeg"
    return "webp" if data[:4] == b"RIFF" and data[8:12] == b"WEBP" else None


def inspect(data: bytes) -> Facts:
    """Read the headers and labels of a file.

    Raises:
        ImageError: not a PNG, JPEG or WebP file, or a damaged one.
    """
    kind = kind_of(data)
    if kind is None:
        raise ImageError("not a PNG, JPEG or WebP file")
    facts = Facts(kind)
    try:
        {"png": _inspect_png, "jpeg": _inspect_jpeg, "webp": _inspect_webp}[kind](data, facts)
        _demand(facts.height > 0 and facts.width > 0)
    except (struct.error, IndexError):
        raise ImageError("the image is truncated or damaged") from None
    return facts


def with_jpeg_comment(data: bytes, comment: bytes) -> bytes:
    """A JPEG file with a COM segment behind its JFIF segment."""
    place = 4 + int.from_bytes(data[4:6], "big") if data[3] == 0xE0 else 2
    return data[:place] + b"\xff\xfe" + struct.pack(">H", len(comment) + 2) + comment + data[place:]


def _inspect_png(data: bytes, facts: Facts) -> None:
    chunks = list(_png_chunks(data))
    first, header = chunks[0]
    _demand(first == b"IHDR" and len(header) == 13)
    facts.width, facts.height, depth, color = struct.unpack(">IIBB", header[:10])
    kinds = {kind for kind, _ in chunks}
    facts.is_rgb, facts.animated = (depth, color) == (8, 2) and b"tRNS" not in kinds, b"acTL" in kinds
    for kind, content in chunks:
        if kind in (b"tEXt", b"zTXt", b"iTXt") and content.startswith(_KEYWORD):
            facts.add(content[len(_KEYWORD) :], in_place=kind == b"tEXt")
        elif kind == b"eXIf":
            _add_descriptions(content, facts, in_place=False)


def _inspect_jpeg(data: bytes, facts: Facts) -> None:
    kept, frames = [data[:2]], 0
    for code, segment in _jpeg_segments(data):
        content = segment[4:]
        if code not in _METADATA:
            kept.append(segment)
        if code in _FRAMES:
            depth, facts.height, facts.width, components = struct.unpack(">BHHB", content[:6])
            facts.is_rgb = (depth, components) == (8, 3)
            frames += 1
        elif code == 0xFE and content.startswith(PREFIX):
            facts.add(content[len(PREFIX) :], in_place=True)
        elif code == 0xE1 and content.startswith(_EXIF):
            _add_descriptions(content, facts, in_place=False)
    _demand(frames == 1)
    facts.bare = b"".join(kept)


def _inspect_webp(data: bytes, facts: Facts) -> None:
    flags, canvas, image = 0, None, None
    for kind, content in _webp_chunks(data):
        if kind == b"VP8X" and canvas is None:
            flags = content[0]
            width, height = (int.from_bytes(content[place : place + 3], "little") + 1 for place in (4, 7))
            canvas = height, width
        elif kind == b"VP8 " and image is None:
            width, height = struct.unpack("<HH", content[6:10])
            image = height & 0x3FFF, width & 0x3FFF
        elif kind == b"VP8L" and image is None:
            bits = struct.unpack("<I", content[1:5])[0]  # 14 of width - 1, 14 of height - 1, 1 of alpha
            image = (bits >> 14 & 0x3FFF) + 1, (bits & 0x3FFF) + 1
            flags |= _ALPHA * (bits >> 28 & 1)
        elif kind == b"ANMF" and image is None:
            image = canvas
        elif kind == b"EXIF":
            _add_descriptions(content, facts, in_place=True)
    if image is None or canvas not in (None, image):
        raise IndexError
    facts.height, facts.width = image
    facts.is_rgb, facts.animated = not flags & _ALPHA, bool(flags & _ANIMATION)


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    place, kind = 8, b""
    while kind != b"IEND":
        length, kind = struct.unpack(">I4s", data[place : place + 8])
        end = place + 12 + length
        _demand(
            end <= len(data) and zlib.crc32(data[place + 4 : end - 4]) == int.from_bytes(data[end - 4 : end], "big")
        )
        yield kind, data[place + 8 : end - 4]
        place = end


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The segments before the first scan, and the scan with all that follows as the last one."""
    place, code = 2, 0
    while code != 0xDA:
        while data[place : place + 2] == b"\xff\xff":
            place += 1  # fill bytes
        start, code, length = struct.unpack(">BBH", data[place : place + 4])
        _demand(start == 0xFF and code not in _WITHOUT_LENGTH)
        end = len(data) if code == 0xDA else place + 2 + length
        _demand(data.find(b"\xff\xd9", place + 2) >= 0 if code == 0xDA else length >= 2 and end <= len(data))
        yield code, data[place:end]
        place = end


def _webp_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    place, end = 12, 8 + struct.unpack("<I", data[4:8])[0]
    _demand(end <= len(data))
    while place < end:
        kind, length = struct.unpack("<4sI", data[place : place + 8])
        _demand(place + 8 + length <= end)
        yield kind, data[place + 8 : place + 8 + length]
        place += 8 + length + (length & 1)


def _demand(holds: bool) -> None:
    if not holds:
        raise IndexError


def _add_descriptions(block: bytes, facts: Facts, in_place: bool) -> None:
    for text in descriptions(block):
        if text.startswith(PREFIX):
            facts.add(text[len(PREFIX) :], in_place)


def descriptions(block: bytes) -> list[bytes]:
    """The ImageDescriptions in the first directory of an EXIF block; none of a damaged one."""
    tiff = block.removeprefix(_EXIF)
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    found: list[bytes] = []
    if order is None:
        return found
    try:
        place = struct.unpack(order + "I", tiff[4:8])[0]
        count = struct.unpack(order + "H", tiff[place : place + 2])[0]
        for entry in range(place + 2, place + 2 + 12 * count, 12):
            tag, kind, size, start = struct.unpack(order + "HHII", tiff[entry : entry + 12])
            start = start if size > 4 else entry + 8
            if (tag, kind) == (_IMAGE_DESCRIPTION, _ASCII) and start + size <= len(tiff):
                found.append(tiff[start : start + size].split(b"\0")[0])
    except struct.error:  # the directory leaves the block; what came before stands
        return found
    return found
