"""A compiled cipher: ``y = take(x, index) XOR mask`` over the bytes of one image.

Every cipher in this package is a keyed permutation of symbols with sign flips, so one frozen recipe
serves encryption, decryption (the inverse plan) and composition, in every backend.
"""

from dataclasses import dataclass

import numpy as np

from .errors import GeometryError, ImageError


@dataclass(frozen=True, eq=False, repr=False)
class Plan:
    """A signed permutation of the bytes of an image of one size.

    Attributes:
        index: int64 (H*W*3,), a permutation; output byte i is read from input byte index[i].
        mask: uint8 (H*W*3,), XORed to the output.
        height, width: the image size in pixels. Bytes are in (row, column, component) order.

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

    def __post_init__(self) -> None:
        if not len(self.index) == len(self.mask) == self.height * self.width * 3:
            raise GeometryError(f"a plan for {self.height}x{self.width} needs {self.height * self.width * 3} symbols")
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
        out = np.take(images.reshape(-1, len(self.index)), self.index, axis=1)
        out ^= self.mask
        return out.reshape(images.shape)

    def inverse(self) -> "Plan":
        """The plan that undoes this one."""
        inverse = np.empty_like(self.index)
        inverse[self.index] = np.arange(len(inverse))
        return Plan(inverse, self.mask[inverse], self.height, self.width)

    def then(self, second: "Plan") -> "Plan":
        """One plan equal to this one followed by `second`.

        Raises:
            GeometryError: the two are for different sizes.
        """
        if (self.height, self.width) != (second.height, second.width):
            raise GeometryError(
                f"cannot compose plans for {self.height}x{self.width} and {second.height}x{second.width}"
            )
        return Plan(self.index[second.index], self.mask[second.index] ^ second.mask, self.height, self.width)


def check_pixels(images: np.ndarray) -> None:
    """Accept uint8 (H,W,3) or (N,H,W,3) with N > 0 and nothing else.

    Raises:
        ImageError: names the remedy.
    """
    if images.dtype != np.uint8:
        hint = "; scale to 0..255 and round first" if np.issubdtype(images.dtype, np.floating) else ""
        raise ImageError(f"pixels must be uint8, not {images.dtype}{hint}")
    if images.ndim not in (3, 4):
        raise ImageError(f"expected shape (H,W,3) or (N,H,W,3), got {images.shape}")
    if images.shape[0] == 0:
        raise ImageError("the batch is empty; pass at least one image")
    if images.shape[-1] != 3:
        hint = "; move the channels last" if images.shape[-3] == 3 else "; convert to RGB first"
        raise ImageError(f"expected 3 components in the last axis, got shape {images.shape}{hint}")
