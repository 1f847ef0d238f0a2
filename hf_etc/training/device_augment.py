"""Crop, flip and encrypt whole batches on the training device, where single pictures on the host are too slow."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ..sealing.views import random_box


class DeviceAugment:
    """A random resized crop and a flip of each picture of a batch, then encryption, on the batch's device.

    The crops are drawn as by :class:`hf_etc.sealing.views.Views` and enlarged bicubically; the arithmetic is torch's,
    so pixels differ by rounding from what Pillow makes of the same crop.

    Args:
        crop_scale: smallest share of the area in a crop; 1: no crop.
        flip: probability of a left-right flip.
        encrypt: from uint8 (N,3,H,W) to uint8 (N,3,h,w), such as :meth:`hf_etc.Cipher.encrypt`; None: leave them plain.

    Example:
        >>> augment = DeviceAugment(0.75, 0.5)
        >>> augment(torch.zeros(2, 3, 32, 32, dtype=torch.uint8), np.random.default_rng(0)).shape
        torch.Size([2, 3, 32, 32])
    """

    def __init__(self, crop_scale: float, flip: float, encrypt: Callable[[Tensor], Tensor] | None = None) -> None:
        self._crop_scale, self._flip, self._encrypt = crop_scale, flip, encrypt

    def __call__(self, pixels: Tensor, rng: np.random.Generator) -> Tensor:
        """
        Args:
            pixels: uint8 (N,3,H,W), plain, at the size to encrypt.
            rng: of the crops and flips.

        Returns:
            uint8 (N,3,h,w) on the same device.
        """
        if self._crop_scale < 1 or self._flip:
            count, _, height, width = pixels.shape
            pixels = resampled(pixels, self._draw(rng, count, height, width))
        return pixels if self._encrypt is None else self._encrypt(pixels)

    def _draw(self, rng: np.random.Generator, count: int, height: int, width: int) -> np.ndarray:
        """(left, top, right, bottom) for each picture; left and right are exchanged where it is flipped."""
        boxes = np.array([[0, 0, width, height]] * count)
        for box in boxes:
            if self._crop_scale < 1:
                box[:] = random_box(rng, height, width, (self._crop_scale, 1))
            if rng.random() < self._flip:
                box[[0, 2]] = box[[2, 0]]
        return boxes


def resampled(pixels: Tensor, boxes: np.ndarray) -> Tensor:
    """A box of each picture at the size of the whole, bicubically.

    Args:
        pixels: uint8 (N,3,H,W).
        boxes: (N,4), left, top, right and bottom in pixels; right before left mirrors.

    Returns:
        uint8 (N,3,H,W).
    """
    height, width = pixels.shape[-2:]
    left, top, right, bottom = torch.from_numpy(boxes).to(pixels.device, torch.float32).unbind(1)
    theta = torch.zeros(len(pixels), 2, 3, device=pixels.device)
    theta[:, 0, 0], theta[:, 0, 2] = (right - left) / width, (left + right) / width - 1
    theta[:, 1, 1], theta[:, 1, 2] = (bottom - top) / height, (top + bottom) / height - 1
    grid = F.affine_grid(theta, list(pixels.shape), align_corners=False)
    sampled = F.grid_sample(pixels.float(), grid, mode="bicubic", padding_mode="border", align_corners=False)
    return sampled.round_().clamp_(0, 255).to(torch.uint8)
