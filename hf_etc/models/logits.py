"""From pictures to logits, some at a time."""

from collections.abc import Callable

import numpy as np
import torch
from transformers import PreTrainedModel

from .vit import check_takes

_BATCH = 64


@torch.inference_mode()
def logits_of(
    model: PreTrainedModel, pictures: np.ndarray, change: Callable[[np.ndarray], np.ndarray] | None = None
) -> np.ndarray:
    """What a model says of pictures.

    Args:
        model: an image classifier, in evaluation mode, for values normalised with 0.5 and 0.5.
        pictures: uint8 (N,H,W,3).
        change: what is done to each batch first, such as encryption.

    Returns:
        float64 (N,classes).

    Raises:
        GeometryError: the pictures do not fit the model.
    """
    found = []
    for start in range(0, len(pictures), _BATCH):
        batch = pictures[start : start + _BATCH]
        pixels = torch.from_numpy(np.ascontiguousarray(batch if change is None else change(batch)))
        check_takes(model, *pixels.shape[1:3])
        values = pixels.permute(0, 3, 1, 2).to(model.dtype) / 127.5 - 1
        found.append(model(pixel_values=values.to(model.device)).logits.double().cpu().numpy())
    return np.concatenate(found)
