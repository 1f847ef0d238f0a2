"""What an array of pixels must be."""

import numpy as np

from ..errors import ImageError


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
