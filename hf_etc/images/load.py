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

from ..cipher.spec import check_grid
from ..errors import EtcError, GeometryError, ImageError, ParameterError

ImageSource = str | os.PathLike | bytes | Image.Image
Fit = Literal["crop", "pad", "stretch", "exact"]
_USUAL_FORMATS = ("JPEG", "PNG", "WEBP")
MAX_EDGE = 65_535  # pixels: a JPEG's, and a bound on the tables of a resampling, which grow with the edge
MAX_PREPARED = 2**25  # pixels: a plan and its use take 60 bytes for each
_STRIP = 2**20  # pixels
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
    opened = open_image(source)
    with decoding("the image"):
        image = ImageOps.exif_transpose(opened)
        if image.mode.startswith("I;16"):
            return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB")
        if image.mode in ("I", "F"):
            raise ImageError(f"image mode {image.mode} has no fixed range; scale it to 8 bits first")
        if image.has_transparency_data:
            return _over_white(image.convert("RGBA"))
        return image if image.mode == "RGB" else image.convert("RGB")  # a copy already


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
            ImageError: the picture is empty, or it, the result or a step on the way is over the limits of
                docs/spec.md, section 6. Nothing is allocated before all sizes are checked.
        """
        height, width = image.height, image.width
        check_size(height, width, f"a {height}x{width} image")
        target = self._on_grid(height, width, grid) if self.size is None else self.size
        check_grid(*target, grid)
        check_prepared(*target)
        if self.size is not None:
            scaled = _scaled(height, width, target, self.fit)
            check_scaling((height, width), scaled)
            if scaled != (height, width):
                image = image.resize(scaled[::-1], RESAMPLE[self.resample])
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


def check_prepared(height: int, width: int) -> None:
    """Raise ImageError when what is to be encrypted would be over the limits."""
    name = f"the picture brought to {height}x{width}"
    check_size(height, width, name)
    if height * width > MAX_PREPARED:
        raise ImageError(f"{name} has {height * width} pixels, over the limit of {MAX_PREPARED}; give a smaller size")


def check_scaling(size: tuple[int, int], scaled: tuple[int, int]) -> None:
    """Raise ImageError when the scaled picture, or the one between the two axes, would be over the limits."""
    (height, width), (rows, columns) = size, scaled
    between = (rows, width) if height > 100 * width and rows < height else (height, columns)
    for step in (scaled, between):
        check_size(*step, f"a {height}x{width} image scaled to {step[0]}x{step[1]}")


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
