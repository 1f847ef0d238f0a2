"""A compiled cipher: ``y = take(x, index) XOR mask`` over the symbols of one image.

Every cipher in this package is a keyed permutation of symbols with sign flips, so one frozen recipe
serves encryption, decryption (the inverse plan) and composition, in every backend.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from ..blocks import Layout
from ..blocks.pixels import check_pixels
from ..errors import GeometryError, ParameterError


@dataclass(frozen=True, eq=False, repr=False)
class Plan:
    """A signed permutation of the symbols of an image of one size.

    A symbol is a byte (S = H*W*3 of them, in (row, column, component) order) or, with
    ``symbol_bits=4``, a nibble: the low nibbles of all bytes, then the high ones (S = 2*H*W*3).

    Attributes:
        index: int64 (S,), a permutation; output symbol i is read from input symbol index[i].
        mask: uint8 (S,), XORed to the output.
        height, width: the image size in pixels.
        symbol_bits: 8 or 4.

    Example:
        >>> flip = Plan(np.arange(12)[::-1].copy(), np.full(12, 255, np.uint8), 2, 2)
        >>> x = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
        >>> bool((flip.inverse().apply(flip.apply(x)) == x).all())
        True
    """

    index: np.ndarray
    mask: np.ndarray
    height: int
    width: int
    symbol_bits: Literal[8, 4] = 8

    def __post_init__(self) -> None:
        if self.symbol_bits not in (8, 4):
            raise ParameterError(f"symbol_bits {self.symbol_bits!r}: use 8 or 4")
        symbols = self.height * self.width * 3 * (8 // self.symbol_bits)
        if not len(self.index) == len(self.mask) == symbols:
            raise GeometryError(f"a plan for {self.height}x{self.width} needs {symbols} symbols")
        self.index.flags.writeable = False
        self.mask.flags.writeable = False

    def __repr__(self) -> str:  # the content of a plan is as secret as the key
        return f"Plan(height={self.height}, width={self.width})"

    @property
    def nbytes(self) -> int:
        """Memory held, in bytes."""
        return self.index.nbytes + self.mask.nbytes

    def apply(self, images: np.ndarray) -> np.ndarray:
        """Apply to one image or a batch.

        Args:
            images: uint8 (H,W,3) or (N,H,W,3).

        Returns:
            A new uint8 array of the same shape.

        Raises:
            ImageError: wrong dtype or layout.
            GeometryError: another size than the plan's.
        """
        check_pixels(images)
        if images.shape[-3:-1] != (self.height, self.width):
            raise GeometryError(
                f"the plan is for {self.height}x{self.width}, the image is {images.shape[-3]}x{images.shape[-2]}"
            )
        symbols = images.reshape(-1, self.height * self.width * 3)
        if self.symbol_bits == 4:
            symbols = np.concatenate([symbols & 15, symbols >> 4], axis=1)
        out = np.take(symbols, self.index, axis=1)
        out ^= self.mask
        if self.symbol_bits == 4:
            low, high = np.split(out, 2, axis=1)
            out = low | high << 4
        return out.reshape(images.shape)

    def undo(self, images: np.ndarray) -> np.ndarray:
        """Apply the inverse: what was applied comes back."""
        return self._inverse.apply(images)

    def inverse(self) -> "Plan":
        """The plan that undoes this one."""
        return self._inverse

    @cached_property
    def _inverse(self) -> "Plan":
        inverse = np.empty_like(self.index)
        inverse[self.index] = np.arange(len(inverse))
        return Plan(inverse, self.mask[inverse], self.height, self.width, self.symbol_bits)

    @classmethod
    def of_layout(cls, layout: Layout) -> "Plan":
        """The plan that moves bytes as a layout moves blocks.

        Raises:
            GeometryError: the windows do not tile the picture, the output has another size, or each picture of a
                batch has a layout of its own.
        """
        size = layout.height, layout.width
        if not layout.shared or not layout.tiles or layout.output != size:
            raise GeometryError("only one layout whose windows fill a picture of the output's size makes a plan")
        return cls(layout.index().reshape(-1), layout.mask().reshape(-1), layout.height, layout.width)

    def then(self, second: "Plan") -> "Plan":
        """One plan equal to this one followed by `second`.

        Raises:
            GeometryError: the two are for different sizes.
            ParameterError: one permutes bytes, the other nibbles.
        """
        if (self.height, self.width) != (second.height, second.width):
            raise GeometryError(
                f"cannot compose plans for {self.height}x{self.width} and {second.height}x{second.width}"
            )
        if self.symbol_bits != second.symbol_bits:
            raise ParameterError("cannot compose a plan of bytes and one of nibbles; apply them one after the other")
        index, mask = self.index[second.index], self.mask[second.index] ^ second.mask
        return Plan(index, mask, self.height, self.width, self.symbol_bits)
