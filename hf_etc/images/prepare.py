"""From any picture to the uint8 RGB array of the right size that a cipher takes.

Resampling is Pillow's, whose integer arithmetic the browser client repeats exactly (docs/spec.md,
section 6), so that both sides make the same ciphertext.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from PIL import Image

from ..cipher.spec import check_grid
from ..errors import ImageError, ParameterError
from .bounds import check_size
from .ciphertext import DECRYPT_FIRST, load_plain
from .load import ImageSource
from .window import limits

Fit = Literal["crop", "pad", "stretch", "exact"]
Size = int | str | tuple[int, int] | list[int] | Mapping[str, int] | None
MAX_PREPARED = 2**25  # pixels: a plan and its use take 60 bytes for each
RESAMPLE = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}


@dataclass(frozen=True)
class Preparation:
    """How a picture is brought to the size that is encrypted. Always before encryption, never after.

    Attributes:
        size: (height, width) in pixels, or None to keep the picture's own size.
        fit: with a size, "crop" (default: scale the picture to cover it, cut the middle out), "pad"
            (scale to fit inside, repeat the edge pixels) or "stretch" (ignore the aspect ratio).
            Without a size, "exact" (default: refuse sizes off the block grid), "crop" or "pad" to it.
        resample: "bicubic" (default) or "bilinear", Pillow's filters.
        window: of pictures with more than 8 bits, see :func:`hf_etc.load_rgb`; None: there are none.

    Raises:
        ParameterError: unknown fit, resample or window, size not two positive numbers.

    Example:
        >>> Preparation((32, 32)).apply(Image.new("RGB", (100, 50)), grid=16).shape
        (32, 32, 3)
    """

    size: tuple[int, int] | None = None
    fit: Fit | None = None
    resample: str = "bicubic"
    window: str | None = None

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
        if self.window is not None:
            limits(self.window)

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

    def read(self, source: ImageSource, grid: int = 1, remedy: str = DECRYPT_FIRST) -> np.ndarray:
        """Open a plain picture, as :func:`hf_etc.images.ciphertext.load_plain` does, and :meth:`apply`."""
        return self.apply(load_plain(source, remedy, self.window), grid)

    def _on_grid(self, height: int, width: int, grid: int) -> tuple[int, int]:
        if self.fit == "pad":
            return -(-height // grid) * grid, -(-width // grid) * grid
        if self.fit == "crop":  # nothing to cut down to in a picture smaller than a block: check_grid refuses it
            return height // grid * grid or height, width // grid * grid or width
        return height, width


def to_size(size: Size) -> Any:
    """(height, width) of a size in any form that users write; what is none of them is left for Preparation to refuse.

    Raises:
        ParameterError: a text or a dictionary in another form.

    Example:
        >>> to_size(224), to_size("224x160"), to_size({"height": 32, "width": 48}), to_size(None)
        ((224, 224), (224, 160), (32, 48), None)
    """
    if isinstance(size, str):
        found = re.fullmatch(r"(\d+)(?:x(\d+))?", size)
        if not found:
            raise ParameterError(f"size {size!r}: give pixels, as 224 or 224x160 (height x width)")
        return int(found[1]), int(found[2] or found[1])
    if isinstance(size, Mapping):
        if size.keys() != {"height", "width"}:
            raise ParameterError(f"size {dict(size)!r}: give height and width in pixels")
        return size["height"], size["width"]
    if isinstance(size, int):
        return size, size
    return tuple(size) if isinstance(size, list) else size


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
            pixels = pixels[(slice(None),) * axis + (slice(spare // 2, spare // 2 + wanted),)]
        elif spare < 0:
            margins = [(0, 0)] * 3
            margins[axis] = (-spare // 2, -spare - -spare // 2)
            pixels = np.pad(pixels, margins, mode="edge")
    return np.ascontiguousarray(pixels)
