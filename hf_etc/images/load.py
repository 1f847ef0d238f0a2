"""Opening any still picture as upright 8-bit RGB; ``prepare.py`` brings it to size."""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from ..errors import EtcError, ImageError

ImageSource = str | os.PathLike | bytes | Image.Image
_USUAL_FORMATS = ("JPEG", "PNG", "WEBP")
MAX_EDGE = 65_535  # pixels: a JPEG's, and a bound on the tables of a resampling, which grow with the edge
_STRIP = 2**20  # pixels


def open_image(source: ImageSource) -> Image.Image:
    """Open and fully decode one still image.

    Args:
        source: a path, the bytes of an image file, or a PIL image.

    Raises:
        ImageError: missing, empty, truncated, animated, too large, or no image.
    """
    name = "the image" if isinstance(source, bytes | Image.Image) else str(source)
    with decoding(name):
        image = source if isinstance(source, Image.Image) else _open_file(source, name)
        check_size(image.height, image.width, name)
        frames = getattr(image, "n_frames", 1)
        if frames > 1 and image.format != "MPO":  # a phone's MPO file is one photograph with previews
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


def check_size(height: int, width: int, name: str) -> None:
    """Raise ImageError for no pixels at all, or for more than memory is spent on (docs/spec.md, section 6).

    The number of pixels is Pillow's limit against decompression bombs, where Pillow itself only warns.
    """
    if not height or not width:
        raise ImageError(f"{name} has no pixels ({height}x{width})")
    if Image.MAX_IMAGE_PIXELS and width * height > Image.MAX_IMAGE_PIXELS:
        raise ImageError(f"{name} has {width * height} pixels, over Pillow's limit against decompression bombs")
    if max(height, width) > MAX_EDGE:
        raise ImageError(f"{name} has an edge of {max(height, width)} pixels, over the limit of {MAX_EDGE}; cut it")


def load_rgb(source: ImageSource) -> Image.Image:
    """Any still picture as an upright 8-bit RGB image.

    EXIF orientation is applied; transparency is laid over white; palette, grayscale and CMYK are
    converted by Pillow; 16-bit grayscale keeps its high byte.

    Raises:
        ImageError: see :func:`open_image`; also 32-bit integer and floating-point images.

    Example:
        >>> load_rgb(Image.new("L", (4, 2), 7)).getpixel((0, 0))
        (7, 7, 7)
    """
    return to_rgb(source, open_image(source))


def to_rgb(source: ImageSource, opened: Image.Image) -> Image.Image:
    """:func:`load_rgb` for what :func:`open_image` returned of this source."""
    with decoding("the image"):
        image = opened
        if opened is source:  # the caller's, and not to be changed
            image = ImageOps.exif_transpose(opened)
        else:
            ImageOps.exif_transpose(opened, in_place=True)
        if image.mode.startswith("I;16"):
            return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB")
        if image.mode in ("I", "F"):
            raise ImageError(f"image mode {image.mode} has no fixed range; scale it to 8 bits first")
        if image.has_transparency_data:
            return _over_white(image.convert("RGBA"))
        return image if image.mode == "RGB" else image.convert("RGB")


def _open_file(source: str | os.PathLike | bytes, name: str) -> Image.Image:
    if not (len(source) if isinstance(source, bytes) else Path(source).stat().st_size):
        raise ImageError(f"{name} is empty (0 bytes)")
    file = io.BytesIO(source) if isinstance(source, bytes) else source
    try:
        return Image.open(file, formats=_USUAL_FORMATS)
    except UnidentifiedImageError:  # Pillow's other plugins are slow to say no
        return Image.open(file)


def _over_white(image: Image.Image) -> Image.Image:
    pixels = np.asarray(image)
    out = np.empty((image.height, image.width, 3), np.uint8)
    rows = max(1, _STRIP // image.width)
    for top in range(0, image.height, rows):  # the sums take several times the memory of the pixels
        strip = pixels[top : top + rows].astype(np.uint16)
        color, alpha = strip[..., :3], strip[..., 3:]
        out[top : top + rows] = (color * alpha + 255 * (255 - alpha) + 127) // 255
    return Image.fromarray(out)
