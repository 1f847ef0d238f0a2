"""Augmented views of a plain image, drawn before encryption: after it, cropping would destroy the blocks."""

import hashlib
import math
from dataclasses import dataclass

import numpy as np
from PIL import Image

from ..errors import ParameterError

_RATIO = (3 / 4, 4 / 3)
_TRIES = 10
_FLIP = Image.Transpose.FLIP_LEFT_RIGHT


@dataclass(frozen=True)
class Views:
    """Random resized crops and mirror images of one picture.

    The draws depend on the seed, the number of the view and the picture's pixels alone, so that the order of
    the pictures, the batches and the number of processes do not matter.

    Attributes:
        count: views per picture.
        scale: smallest and largest share of the picture's area in a crop; the authors' code has (0.75, 1.0) for
            CIFAR-10 and (0.05, 1.0) for ViT.
        flip: mirror every second view, at random.
        seed: chooses another set of views.

    Raises:
        ParameterError: count below 1, seed below 0, or the scale is not 0 < smallest <= largest <= 1.

    Example:
        >>> views = Views(2).draw(Image.new("RGB", (48, 32)), (32, 32), Image.Resampling.BICUBIC)
        >>> [view.shape for view in views]
        [(32, 32, 3), (32, 32, 3)]
    """

    count: int
    scale: tuple[float, float] = (0.75, 1.0)
    flip: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        if type(self.count) is not int or self.count < 1:
            raise ParameterError(f"views {self.count!r}: use a whole number, 0 for the picture as it is")
        object.__setattr__(self, "scale", tuple(self.scale))
        if len(self.scale) != 2 or not 0 < self.scale[0] <= self.scale[1] <= 1:
            raise ParameterError(f"scale {self.scale!r}: give the smallest and largest share of the area, 0 to 1")
        if type(self.seed) is not int or self.seed < 0:
            raise ParameterError(f"seed {self.seed!r}: use a whole number, 0 or more")

    def draw(self, image: Image.Image, size: tuple[int, int], resample: Image.Resampling) -> list[np.ndarray]:
        """All views of one RGB image as uint8 arrays (H,W,3) of the given (height, width)."""
        digest = np.frombuffer(hashlib.sha256(image.tobytes()).digest(), dtype="<u4").tolist()
        views = []
        for number in range(self.count):
            rng = np.random.default_rng([self.seed, number, *digest])
            box = random_box(rng, image.height, image.width, self.scale)
            view = image.resize(size[::-1], resample, box=box)
            mirrored = self.flip and rng.random() < 0.5
            views.append(np.asarray(view.transpose(_FLIP) if mirrored else view))
        return views


def random_box(
    rng: np.random.Generator, height: int, width: int, scale: tuple[float, float]
) -> tuple[int, int, int, int]:
    """The (left, top, right, bottom) of a random resized crop: an area and an aspect ratio from 3:4 to 4:3 are drawn
    until they fit; after ten tries the largest middle part of an allowed ratio is taken.
    """
    for _ in range(_TRIES):
        area = height * width * rng.uniform(*scale)
        ratio = math.exp(rng.uniform(math.log(_RATIO[0]), math.log(_RATIO[1])))
        columns, rows = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < columns <= width and 0 < rows <= height:
            left, top = int(rng.integers(width - columns + 1)), int(rng.integers(height - rows + 1))
            return left, top, left + columns, top + rows
    columns = min(width, max(1, int(height * _RATIO[1])))
    rows = min(height, max(1, int(width / _RATIO[0])))
    left, top = (width - columns) // 2, (height - rows) // 2
    return left, top, left + columns, top + rows
