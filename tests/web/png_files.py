"""PNG files of every colour type, bit depth and interlacing, with filters and transparency that Pillow never writes."""

import itertools
import random
import struct
import zlib
from collections.abc import Iterator

import numpy as np

_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
_PALETTE = 16


def png_variants(seed: int = 0) -> Iterator[tuple[str, bytes]]:
    """(name, file) of all kinds."""
    rng = np.random.default_rng(seed)
    for color, interlaced, (width, height) in itertools.product(_DEPTHS, (0, 1), ((19, 13), (3, 2))):
        for depth, clear in itertools.product(_DEPTHS[color], ("", "some", "one") if color in (0, 2, 3) else ("",)):
            name = f"color{color}-depth{depth}-interlaced{interlaced}-{width}x{height}-clear{clear}"
            yield name, make_png(rng, width, height, depth, color, interlaced, clear)
    for orientation in range(10):
        for order in "<>":
            extra = chunk(b"eXIf", exif_orientation(orientation, order))
            yield f"exif{orientation}{order}", make_png(rng, 7, 5, 8, 2, extra=extra)
        xmp = b'XML:com.adobe.xmp\0\0\0\0\0<x tiff:Orientation="%d"/>' % orientation
        yield f"xmp{orientation}", make_png(rng, 7, 5, 8, 2, extra=chunk(b"iTXt", xmp))
    yield "palette-too-short", make_png(rng, 9, 9, 8, 3)
    yield "gamma-and-profile", make_png(rng, 9, 9, 8, 2, extra=chunk(b"gAMA", struct.pack(">I", 100000)) + _profile())


def make_png(
    rng: np.random.Generator,
    width: int,
    height: int,
    depth: int,
    color: int,
    interlaced: int = 0,
    clear: str = "",
    extra: bytes = b"",
) -> bytes:
    """One file of random samples.

    Args:
        clear: "": opaque; "some": a tRNS chunk with partly transparent palette entries, or the first pixel's
            colour; "one": only the last palette entry is transparent.
    """
    samples = rng.integers(0, 2**depth, (height, width, _CHANNELS[color]))
    if clear and color == 2:  # few colours, so that other pixels share the transparent one
        samples = samples % 3 * (257 if depth == 16 else 1)
    passes = [samples[y::dy, x::dx] for x, y, dx, dy in _ADAM7] if interlaced else [samples]
    bytes_per_pixel = max(1, _CHANNELS[color] * depth // 8)
    picker = random.Random(int(samples.sum()))
    raw = b"".join(
        _filtered([_packed(row.ravel(), depth) for row in one], bytes_per_pixel, picker) for one in passes if one.size
    )
    packed = zlib.compress(raw)
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, interlaced)
    file = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra
    colors = min(2**depth, _PALETTE)
    if color == 3:
        file += chunk(b"PLTE", rng.integers(0, 256, 3 * colors, dtype=np.uint8).tobytes())
    if clear and color == 3:
        alphas = [255] * (colors - 1) + [0] if clear == "one" else [i * 37 % 256 for i in range(max(colors - 1, 1))]
        file += chunk(b"tRNS", bytes(alphas))
    elif clear:
        file += chunk(b"tRNS", struct.pack(f">{_CHANNELS[color]}H", *samples[0, 0].tolist()))
    half = len(packed) // 2
    return file + chunk(b"IDAT", packed[:half]) + chunk(b"IDAT", packed[half:]) + chunk(b"IEND", b"")


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def exif_orientation(orientation: int, order: str = "<") -> bytes:
    """A TIFF structure with this one tag, little-endian ("<") or big-endian (">")."""
    start = b"II*\0" if order == "<" else b"MM\0*"
    return start + struct.pack(order + "IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)


def _profile() -> bytes:
    return chunk(b"iCCP", b"p\0\0" + zlib.compress(b"no profile at all"))


def _packed(samples: np.ndarray, depth: int) -> bytes:
    if depth == 16:
        return samples.astype(">u2").tobytes()
    if depth == 8:
        return samples.astype(np.uint8).tobytes()
    bits = (samples[:, None] >> np.arange(depth - 1, -1, -1)) & 1
    return np.packbits(bits.astype(np.uint8).ravel()).tobytes()


def _filtered(rows: list[bytes], step: int, picker: random.Random) -> bytes:
    """Each row with a filter type picked at random."""
    out, above = b"", bytes(len(rows[0]))
    for row in rows:
        kind = picker.randrange(5)
        left = bytes(step) + row[:-step]
        corner = bytes(step) + above[:-step]
        guesses = [
            bytes(len(row)),
            left,
            above,
            bytes((a + b) // 2 for a, b in zip(left, above, strict=False)),
            bytes(_paeth(a, b, c) for a, b, c in zip(left, above, corner, strict=False)),
        ]
        out += bytes([kind]) + bytes((x - g) % 256 for x, g in zip(row, guesses[kind], strict=False))
        above = row
    return out


def _paeth(a: int, b: int, c: int) -> int:
    guess = a + b - c
    return min((abs(guess - a), 0, a), (abs(guess - b), 1, b), (abs(guess - c), 2, c))[2]
