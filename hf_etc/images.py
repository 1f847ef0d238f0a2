"""From any picture to the uint8 RGB array of the right size that a cipher takes.

Resampling is Pillow's, whose integer arithmetic the browser client repeats exactly (docs/spec.md,
section 6), so that both sides make the same ciphertext.
"""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from .ciphers.base import check_grid
from .errors import EtcError, GeometryError, ImageError, ParameterError

ImageSource = str | os.PathLike | bytes | Image.Image
Fit = Literal["crop", "pad", "stretch", "exact"]
_USUAL_FORMATS = ("JPEG", "PNG", "WEBP")
RESAMPLE = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}


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
        check_pixel_count(image.width, image.height, name)
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


def check_pixel_count(width: int, height: int, name: str) -> None:
    """Raise ImageError above Pillow's limit against decompression bombs, where Pillow itself only warns."""
    if Image.MAX_IMAGE_PIXELS and width * height > Image.MAX_IMAGE_PIXELS:
        raise ImageError(f"{name} has {width * height} pixels, over Pillow's limit against decompression bombs")


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
    opened = open_image(source)
    with decoding("the image"):
        image = ImageOps.exif_transpose(opened)
        if image.mode.startswith("I;16"):
            return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB")
        if image.mode in ("I", "F"):
            raise ImageError(f"image mode {image.mode} has no fixed range; scale it to 8 bits first")
        if image.has_transparency_data:
            return _over_white(image.convert("RGBA"))
        return image.convert("RGB")


@dataclass(frozen=True)
class Preparation:
    """How a picture is brought to the size that is encrypted. Always before encryption, never after.

    Attributes:
        size: (height, width) in pixels, or None to keep the picture's own size.
        fit: with a size, "crop" (default: scale the picture to cover it, cut the middle out), "pad"
            (scale to fit inside, repeat the edge pixels) or "stretch" (ignore the aspect ratio).
            Without a size, "exact" (default: refuse sizes off the block grid), "crop" or "pad" to it.
        resample: "bicubic" (default) or "bilinear", Pillow's filters.

    Raises:
        ParameterError: unknown fit or resample, size not two positive numbers.

    Example:
        >>> Preparation((32, 32)).apply(Image.new("RGB", (100, 50)), grid=16).shape
        (32, 32, 3)
    """

    size: tuple[int, int] | None = None
    fit: Fit | None = None
    resample: str = "bicubic"

    def __post_init__(self) -> None:
        if self.size is not None:
            pair = isinstance(self.size, tuple | list) and len(self.size) == 2
            if not pair or any(type(edge) is not int or edge < 1 for edge in self.size):
                raise ParameterError(f"size {self.size!r}: give (height, width) in pixels")
            object.__setattr__(self, "size", tuple(self.size))
        allowed = ("exact", "crop", "pad") if self.size is None else ("crop", "pad", "stretch")
        if self.fit is None:
            object.__setattr__(self, "fit", allowed[0])
        if self.fit not in allowed:
            given = "without a size" if self.size is None else "with a size"
            raise ParameterError(f"fit {self.fit!r} {given}: use one of {', '.join(allowed)}")
        if not isinstance(self.resample, str) or self.resample not in RESAMPLE:
            raise ParameterError(f"resample {self.resample!r}: use one of {', '.join(RESAMPLE)}")

    def apply(self, image: Image.Image, grid: int = 1) -> np.ndarray:
        """Bring an RGB image to size.

        Args:
            image: mode "RGB", from :func:`load_rgb`.
            grid: the cipher's block size; the result is a multiple of it.

        Returns:
            uint8 (H,W,3).

        Raises:
            GeometryError: the target size is off the grid, or the picture is smaller than one block.
            ImageError: the aspect ratio is so extreme that the scaled picture would be enormous.
        """
        width, height = image.size
        if self.size is None:
            target = self._on_grid(height, width, grid)
        else:
            target = self.size
            scaled = _scaled(height, width, target, self.fit)
            if scaled != (height, width):
                check_pixel_count(scaled[1], scaled[0], f"a {height}x{width} image scaled to {scaled[0]}x{scaled[1]}")
                image = image.resize(scaled[::-1], RESAMPLE[self.resample])
        check_grid(*target, grid)
        return _center(np.asarray(image), target)

    def _on_grid(self, height: int, width: int, grid: int) -> tuple[int, int]:
        if self.fit == "pad":
            return -(-height // grid) * grid, -(-width // grid) * grid
        if self.fit == "crop":  # nothing to cut down to in a picture smaller than a block: check_grid refuses it
            return height // grid * grid or height, width // grid * grid or width
        return height, width


def to_size(size: int | tuple[int, int] | list[int] | None) -> tuple[int, int] | None:
    """(height, width) of a size given as one edge, two edges, or nothing."""
    if size is None or isinstance(size, int):
        return None if size is None else (size, size)
    return tuple(size)  # type: ignore[return-value]


def _open_file(source: str | os.PathLike | bytes, name: str) -> Image.Image:
    if not (len(source) if isinstance(source, bytes) else Path(source).stat().st_size):
        raise ImageError(f"{name} is empty (0 bytes)")
    file = io.BytesIO(source) if isinstance(source, bytes) else source
    try:
        return Image.open(file, formats=_USUAL_FORMATS)
    except UnidentifiedImageError:  # Pillow's other plugins are slow to say no
        return Image.open(file)


def _over_white(image: Image.Image) -> Image.Image:
    pixels = np.asarray(image).astype(np.uint16)
    color, alpha = pixels[..., :3], pixels[..., 3:]
    return Image.fromarray(((color * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8))


def _scaled(height: int, width: int, target: tuple[int, int], fit: Fit | None) -> tuple[int, int]:
    """The size to resample to, in whole-number arithmetic: x * p / q rounded half up."""
    rows, columns = target
    if fit == "stretch":
        return target
    by_height = (rows * width >= columns * height) == (fit == "crop")
    if by_height:
        return rows, max(1, (2 * width * rows + height) // (2 * height))
    return max(1, (2 * height * columns + width) // (2 * width)), columns


def _center(pixels: np.ndarray, target: tuple[int, int]) -> np.ndarray:
    """Cut the middle out where the target is smaller, repeat the edges where it is larger."""
    for axis, wanted in enumerate(target):
        spare = pixels.shape[axis] - wanted
        if spare > 0:
            pixels = pixels.take(range(spare // 2, spare // 2 + wanted), axis=axis)
        elif spare < 0:
            margins = [(0, 0)] * 3
            margins[axis] = (-spare // 2, -spare - -spare // 2)
            pixels = np.pad(pixels, margins, mode="edge")
    return np.ascontiguousarray(pixels)


def check_marked_size(found: tuple[int, int], expected: tuple[int, int]) -> None:
    """Raise GeometryError when a ciphertext no longer has the (height, width) it was encrypted at."""
    if found != expected:
        sizes = f"encrypted at {expected[0]}x{expected[1]}, now {found[0]}x{found[1]}"
        raise GeometryError(
            f"the ciphertext was resized or cropped after encryption ({sizes}); resize before encrypting"
        )
