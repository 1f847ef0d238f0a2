"""Opening any still picture as upright 8-bit RGB; ``prepare.py`` brings it to size."""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from ..errors import EtcError, ImageError
from .bounds import check_size
from .extras import HEAD, format_of, open_extra
from .window import gray

ImageSource = str | os.PathLike | bytes | Image.Image
_USUAL_FORMATS = ("JPEG", "PNG", "WEBP")
_ONE_OF_SEVERAL = ("MPO", "HEIF")  # a phone's file is one photograph with previews
_STRIP = 2**20  # pixels


def open_image(source: ImageSource, plain: bool = False, window: str | None = None) -> Image.Image:
    """Open and fully decode one still image.

    Args:
        source: a path, the bytes of an image file, or a PIL image.
        plain: an owner's picture, which may also be in a format of an optional package (DICOM, HEIC).
        window: of a DICOM file, see :func:`load_rgb`.

    Raises:
        ImageError: missing, empty, truncated, animated, too large, or no image.
        MissingExtraError: it takes an optional package that is not installed.
    """
    name = "the image" if isinstance(source, bytes | Image.Image) else str(source)
    with decoding(name):
        image = source if isinstance(source, Image.Image) else _open_file(source, name, plain, window)
        check_size(image.height, image.width, name)
        frames = getattr(image, "n_frames", 1)
        if frames > 1 and image.format not in _ONE_OF_SEVERAL:
            raise ImageError(f"{name} is animated ({frames} frames); extract one frame first")
        image.load()
    return image


@contextmanager
def decoding(name: str) -> Iterator[None]:
    """Turn whatever Pillow raises on damaged data (its plugins raise nearly anything) into an ImageError."""
    try:
        yield
    except EtcError:
        raise
    except FileNotFoundError:
        raise ImageError(f"no such file: {name}") from None
    except UnidentifiedImageError:
        raise ImageError(f"{name} is not an image that Pillow can read") from None
    except Image.DecompressionBombError:
        raise ImageError(f"{name} is over Pillow's limit against decompression bombs") from None
    except Exception as error:
        raise ImageError(f"{name} is truncated, damaged or unreadable: {error}") from None


def load_rgb(source: ImageSource, window: str | None = None) -> Image.Image:
    """Any still picture as an upright 8-bit RGB image, without anything else that its file holds.

    EXIF orientation is applied; transparency is laid over white; palette, grayscale and CMYK are
    converted by Pillow.

    Args:
        source: path, bytes of an image file (also DICOM and HEIC, with the extras "dicom" and "heic"), or PIL image.
        window: which values of grayscale with more than 8 bits become black and white: "MIN:MAX", "CENTER/WIDTH",
            "full" (the high byte of 16 bits) or "dicom" (what a DICOM file names). Those of a DICOM file are counted
            after its rescale slope and intercept, with "full" before. Other pictures need none.

    Raises:
        ImageError: see :func:`open_image`.
        MissingWindowError: grayscale with more than 8 bits and no window.
        ParameterError: it is no window.

    Example:
        >>> load_rgb(Image.new("L", (4, 2), 7)).getpixel((0, 0))
        (7, 7, 7)
    """
    return to_rgb(source, open_image(source, plain=True, window=window), window)


def to_rgb(source: ImageSource, opened: Image.Image, window: str | None = None) -> Image.Image:
    """:func:`load_rgb` for what :func:`open_image` returned of this source."""
    with decoding("the image"):
        image = opened
        if opened is source:  # the caller's, and not to be changed
            image = ImageOps.exif_transpose(opened)
        else:
            ImageOps.exif_transpose(opened, in_place=True)
        if image.mode[0] in "IF":
            name = "the image" if isinstance(source, bytes | Image.Image) else str(source)
            return Image.fromarray(gray(np.asarray(image), window, name)).convert("RGB")
        if image.has_transparency_data:
            return _over_white(image.convert("RGBA"))
        return image if image.mode == "RGB" else image.convert("RGB")


def _open_file(source: str | os.PathLike | bytes, name: str, plain: bool, window: str | None) -> Image.Image:
    if not (len(source) if isinstance(source, bytes) else Path(source).stat().st_size):
        raise ImageError(f"{name} is empty (0 bytes)")
    if plain and (format := format_of(_head(source))):
        return open_extra(source, format, name, window)
    file = io.BytesIO(source) if isinstance(source, bytes) else source
    try:
        return Image.open(file, formats=_USUAL_FORMATS)
    except UnidentifiedImageError:  # Pillow's other plugins are slow to say no
        return Image.open(file)


def _head(source: str | os.PathLike | bytes) -> bytes:
    if isinstance(source, bytes):
        return source[:HEAD]
    with Path(source).open("rb") as file:
        return file.read(HEAD)


def _over_white(image: Image.Image) -> Image.Image:
    pixels = np.asarray(image)
    out = np.empty((image.height, image.width, 3), np.uint8)
    rows = max(1, _STRIP // image.width)
    for top in range(0, image.height, rows):  # the sums take several times the memory of the pixels
        strip = pixels[top : top + rows].astype(np.uint16)
        color, alpha = strip[..., :3], strip[..., 3:]
        out[top : top + rows] = (color * alpha + 255 * (255 - alpha) + 127) // 255
    return Image.fromarray(out)
