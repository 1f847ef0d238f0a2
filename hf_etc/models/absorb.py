"""A plain model that takes ciphertexts, without training: its weights absorb what a layout does to every picture.

Where turns, negation and colours are shared by all blocks of a layout, the patch embedding undoes them exactly, and
the position embeddings of a ViT follow its blocks (paper section III-B, Eq. 5 to 7). This needs one layout for all
pictures, which a few ciphertexts give away (docs/threat-model.md); no data are needed, and no accuracy is lost.
"""

from collections.abc import Sequence
from copy import deepcopy
from typing import Any, TypeVar

import numpy as np
import torch
from torch import nn
from transformers import PreTrainedModel

from ..blocks import COLORS, Layout, turn_block
from ..errors import GeometryError, ParameterError
from .isotropic import IsotropicForImageClassification

Model = TypeVar("Model", bound=PreTrainedModel)
HALF = (0.5, 0.5, 0.5)


@torch.no_grad()
def adapt_to(
    model: Model, layout: Layout, image_mean: tuple[float, ...] = HALF, image_std: tuple[float, ...] = HALF
) -> Model:
    """A copy of a plain classifier that gives the plain logits on ciphertexts.

    Args:
        model: ViT or DeiT of transformers, or a ConvMixer of this package, for pictures of the layout's size, whose
            patches are the layout's blocks.
        layout: what the ciphertexts were made with: one for all pictures, whose turns, negation and colours are
            the same in every block. ConvMixer also needs the blocks in their places.
        image_mean, image_std: what the plain model's pictures were normalised with, over values of 0 to 1. The copy
            takes ciphertexts normalised with 0.5 and 0.5.

    Returns:
        The copy, in evaluation mode; its logits differ from the plain ones by rounding alone.

    Raises:
        GeometryError: patches or pictures of another size than the layout's.
        ParameterError: blocks with changes of their own, a layout for each picture, or another kind of model.

    Example:
        >>> from hf_etc.models import build_model
        >>> plain = build_model("convmixer", 10, dim=8, depth=1, patch_size=8, kernel_size=3).eval()
        >>> places = Layout.identity(16, 16, 8)
        >>> turned = Layout(16, 16, 8, 2, places.top, places.left, turn=[3] * 4, negative=[1] * 4, color=[2] * 4)
        >>> picture = np.random.default_rng(0).integers(0, 256, (1, 16, 16, 3), np.uint8)
        >>> values = [torch.tensor(one).permute(0, 3, 1, 2) / 127.5 - 1 for one in (picture, turned.apply(picture))]
        >>> bool(torch.allclose(plain(values[0]).logits, adapt_to(plain, turned)(values[1]).logits, atol=1e-5))
        True
    """
    turn, negative, color = (_shared(name, getattr(layout, name)) for name in ("turn", "negative", "color"))
    adapted = deepcopy(model).eval()
    embedding = _embedding(adapted, layout)
    if tuple(embedding.kernel_size) != (layout.block_size, layout.block_size):
        raise GeometryError(
            f"the model has patches of {embedding.kernel_size[0]} pixels, the layout blocks of {layout.block_size}; "
            "use a cipher whose blocks are the patches"
        )
    absorb_normalisation(embedding, image_mean, image_std)
    # <changed kernel, changed block> = <kernel, block>.
    changed = turn_block(embedding.weight.numpy(), turn, (2, 3))[:, COLORS[color]] * (-1 if negative else 1)
    embedding.weight.copy_(torch.from_numpy(np.ascontiguousarray(changed)))
    return adapted


@torch.no_grad()
def absorb_normalisation(embedding: nn.Conv2d, image_mean: Sequence[float], image_std: Sequence[float]) -> None:
    """Make a patch embedding for values normalised in this way take values normalised with 0.5 and 0.5, in place."""
    # (v - mean) / std of v = x / 2 + 1 / 2.
    mean, std = (torch.tensor(values, dtype=torch.float64).reshape(1, -1, 1, 1) for values in (image_mean, image_std))
    kernel = embedding.weight.double()
    offset = (kernel * ((0.5 - mean) / std)).sum((1, 2, 3))
    embedding.weight.copy_(kernel * (0.5 / std))
    if embedding.bias is None:
        embedding.bias = nn.Parameter(torch.zeros_like(offset, dtype=embedding.weight.dtype))
    embedding.bias.copy_(embedding.bias.double() + offset)


def _embedding(model: PreTrainedModel, layout: Layout) -> nn.Conv2d:
    """The patch embedding; the positions of a ViT are put in the order of the ciphertext's blocks."""
    if isinstance(model, IsotropicForImageClassification) and model.config.family == "convmixer":
        if not layout.tiles or not np.array_equal(layout.cells, np.arange(layout.blocks)):
            raise ParameterError(
                "a ConvMixer sees which blocks are neighbours, so it cannot follow blocks that moved; use a ViT, or a "
                "cipher without the step permutation"
            )
        return model.patch_embedding
    encoder = getattr(model, model.base_model_prefix, None)
    embeddings: Any = getattr(encoder, "embeddings", None)
    positions = getattr(embeddings, "position_embeddings", None)
    if positions is None:
        raise ParameterError(f"a {type(model).__name__} cannot be adapted; use a ViT, a DeiT or a ConvMixer")
    others = positions.shape[1] - layout.blocks  # the classification token, and DeiT's distillation token
    if not layout.tiles or others not in (1, 2):
        raise GeometryError(
            f"the model has {positions.shape[1]} positions, the layout {layout.blocks} blocks; use pictures of the "
            "size that the model was made for, see hf_etc.models.resize_positions"
        )
    positions.copy_(torch.cat([positions[:, :others], positions[:, others:][:, layout.cells]], 1))
    return embeddings.patch_embeddings.projection


def _shared(name: str, values: np.ndarray) -> int:
    if values.ndim > 1 or (values != values[0]).any():
        raise ParameterError(f"blocks with a {name} of their own cannot be absorbed; use shared_block_key=True")
    return int(values[0])
