"""What a classifier does not see: whether its logits change when blocks move, turn, are negated or recoloured."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from transformers import PreTrainedModel

from ..blocks import COLORS, TURNS, Layout
from .logits import logits_of

CHANGES = {
    "order": "the order of the blocks",
    "turn": "turns and mirrors of each block",
    "negative": "negation of each block",
    "color": "the order of each block's colours",
    "everything": "all four at once",
}


@torch.no_grad()
def logit_changes(model: PreTrainedModel, pictures: np.ndarray, block_size: int, seed: int = 0) -> dict[str, float]:
    """How far logits move under random changes of each block, as the step of EtC of that name makes them.

    Args:
        model: an image classifier, in evaluation mode, for values normalised with 0.5 and 0.5.
        pictures: uint8 (N,H,W,3), on the grid of blocks.
        block_size: edge of a block in pixels.
        seed: of the changes.

    Returns:
        For each name in `CHANGES` the largest difference of a logit, over the largest absolute plain logit.

    Raises:
        GeometryError: the pictures do not fit the model or the blocks.

    Example:
        >>> from hf_etc.models import build_model
        >>> tiny = dict(hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8)
        >>> model = build_model("bag-vit", 3, image_size=32, patch_size=8, **tiny).eval()
        >>> noise = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), np.uint8)
        >>> max(logit_changes(model, noise, 8).values()) < 1e-5
        True
    """
    plain = logits_of(model, pictures)
    height, width = pictures.shape[1:3]
    scale = max(float(np.abs(plain).max()), 1e-12)
    return {
        name: float(np.abs(logits_of(model, layout.apply(pictures)) - plain).max()) / scale
        for name, layout in _layouts(height, width, block_size, seed).items()
    }


def label_changes(model: PreTrainedModel, pictures: np.ndarray, change: Callable[[np.ndarray], np.ndarray]) -> float:
    """The share of pictures that get another label once they are changed.

    Args:
        model, pictures: as for :func:`logit_changes`.
        change: uint8 (N,H,W,3) to uint8 (N,h,w,3), such as encryption under a key for each picture.

    Raises:
        GeometryError: the pictures do not fit, or the model takes whole pictures alone.

    Example:
        >>> from hf_etc.models import build_model
        >>> tiny = dict(hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8)
        >>> model = build_model("bag-vit", 3, image_size=32, patch_size=8, **tiny).eval()
        >>> noise = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), np.uint8)
        >>> label_changes(model, noise, lambda pictures: pictures[:, ::-1])
        0.0
    """
    return float((logits_of(model, pictures, change).argmax(-1) != logits_of(model, pictures).argmax(-1)).mean())


def what_sees(model: PreTrainedModel, change: str) -> str:
    """What in a model most likely sees a change of this name in `CHANGES`: the first thing to look at."""
    if change == "order":
        names = [name for name, _ in model.named_parameters() if "position" in name or "pos_embed" in name]
        return "position embeddings" if names else "layers that see which blocks are neighbours"
    return "blocks are embedded as they come, without a canonical form"


def _layouts(height: int, width: int, block_size: int, seed: int) -> dict[str, Layout]:
    rng, places = np.random.default_rng(seed), Layout.identity(height, width, block_size)
    order, blocks = rng.permutation(places.blocks), places.blocks
    changed: dict[str, dict[str, Any]] = {
        "order": {"top": places.top[order], "left": places.left[order]},
        "turn": {"turn": rng.integers(TURNS, size=blocks)},
        "negative": {"negative": rng.integers(2, size=blocks)},
        "color": {"color": rng.integers(len(COLORS), size=blocks)},
    }
    changed["everything"] = {name: array for arrays in changed.values() for name, array in arrays.items()}
    return {name: replace(places, **arrays) for name, arrays in changed.items()}
