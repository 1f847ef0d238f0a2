"""The Vision Transformer of transformers as a family, and a change of its image size."""

from typing import TYPE_CHECKING

import torch
from torch import nn
from transformers import PreTrainedModel, ViTConfig

from ..errors import GeometryError, ParameterError
from .registry import register_family, register_preset

if TYPE_CHECKING:
    from transformers import ViTForImageClassification


def check_vit(config: ViTConfig) -> None:
    """Raise for sizes that ViT would round down without a word."""
    if config.hidden_size % config.num_attention_heads:
        raise ParameterError(
            f"hidden_size {config.hidden_size} is not a multiple of num_attention_heads {config.num_attention_heads}; "
            "set both"
        )
    height, width = _pair(config.image_size)
    rows, columns = _pair(config.patch_size)
    if min(height // rows, width // columns) < 1 or height % rows or width % columns:
        raise GeometryError(f"image_size {config.image_size} is not a multiple of patch_size {config.patch_size}")


@torch.no_grad()
def resize_positions(model: "ViTForImageClassification", image_size: int) -> None:
    """Fit a ViT to another image size, in place, by bicubic interpolation of its position embeddings.

    The model afterwards gives what it gave before with `interpolate_pos_encoding=True`, and saves and
    loads at the new size.

    Args:
        model: trained on square images with square patches.
        image_size: the new edge in pixels, a multiple of the patch size.

    Raises:
        GeometryError: not a multiple of the patch size, or a model for images or patches that are not square.

    Example:
        >>> from transformers import ViTForImageClassification
        >>> tiny = dict(hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8)
        >>> model = ViTForImageClassification(ViTConfig(image_size=32, patch_size=8, **tiny))
        >>> resize_positions(model, 64)
        >>> model.vit.embeddings.position_embeddings.shape
        torch.Size([1, 65, 8])
    """
    embeddings, patches = model.vit.embeddings, model.vit.embeddings.patch_embeddings
    if len({*_pair(model.config.image_size)}) > 1 or len({*_pair(model.config.patch_size)}) > 1:
        raise GeometryError("only a ViT for square images with square patches can change its image size")
    config = ViTConfig(**model.config.to_dict() | {"image_size": image_size})
    check_vit(config)
    model.config.image_size = image_size
    count = (image_size // _pair(config.patch_size)[0]) ** 2
    tokens = embeddings.position_embeddings.new_empty(1, count + 1, model.config.hidden_size)
    positions = embeddings.interpolate_pos_encoding(tokens, image_size, image_size)
    embeddings.position_embeddings = nn.Parameter(positions.clone())
    embeddings.image_size = patches.image_size = (image_size, image_size)
    patches.num_patches = count


def check_takes(model: PreTrainedModel, height: int, width: int) -> None:
    """Raise GeometryError for pictures of another size than a network with position embeddings takes.

    Example:
        >>> from transformers import ViTForImageClassification
        >>> tiny = dict(hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8)
        >>> check_takes(ViTForImageClassification(ViTConfig(image_size=32, patch_size=8, **tiny)), 16, 32)
        Traceback (most recent call last):
        hf_etc.errors.GeometryError: a ViTForImageClassification has positions for 32x32 pixels, not for 16x32; for \
bags of blocks start a bag-vit from it, build_model("bag-vit", ..., from_pretrained=...), and see hf-etc check
    """
    embeddings = getattr(getattr(model, model.base_model_prefix, model), "embeddings", None)
    if not hasattr(embeddings, "position_embeddings"):
        return
    size = _pair(model.config.image_size)
    if size != (height, width):
        raise GeometryError(
            f"a {type(model).__name__} has positions for {size[0]}x{size[1]} pixels, not for {height}x{width}; for "
            'bags of blocks start a bag-vit from it, build_model("bag-vit", ..., from_pretrained=...), and see hf-etc '
            "check"
        )


def _pair(size: int | list[int] | tuple[int, int]) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else (size[0], size[1])


register_family("vit", ViTConfig, check=check_vit)
register_preset("vit-b/16", "vit")  # ViTConfig's defaults, from random weights
