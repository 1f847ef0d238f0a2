"""A ViT that sees a picture as a bag of blocks: their order and which of 96 variants they come in change nothing.

So it classifies pictures that are each encrypted under a key of their own, all steps of EtC included. Nothing here
knows a key: each block gets its canonical form, and there are no position embeddings.
"""

from collections import OrderedDict
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import PreTrainedModel, ViTConfig

from ..errors import GeometryError, ImageError, ParameterError
from .base import NetworkForImageClassification
from .canonical import CanonicalBlocks
from .registry import register_family, register_preset
from .vit import check_vit


class BagViTConfig(ViTConfig):
    """Configuration of :class:`BagViTForImageClassification`: that of a ViT, whose patches are the cipher's blocks.

    Args:
        canonical: whether each block gets its canonical form; without it, only their order changes nothing.
        image_size: what the model was trained with; it takes any number of whole blocks, one or more.
    """

    model_type = "etc_bag_vit"

    canonical: bool = True


class BagEmbeddings(nn.Module):
    """Pixels to tokens: a classification token, then one for each block, none of which says where it was."""

    def __init__(self, config: BagViTConfig) -> None:
        super().__init__()
        size = config.patch_size if isinstance(config.patch_size, int) else config.patch_size[0]
        self.cls_token = nn.Parameter(torch.zeros(1, 1, config.hidden_size))
        projection = nn.Conv2d(config.num_channels, config.hidden_size, size, size)
        self.patch_embeddings = nn.Sequential(OrderedDict(projection=projection))  # ViTModel looks for it by this name
        self.blocks = CanonicalBlocks(size) if config.canonical else None
        self.dropout = nn.Dropout(config.hidden_dropout_prob)
        nn.init.trunc_normal_(self.cls_token, std=config.initializer_range)
        nn.init.trunc_normal_(projection.weight, std=config.initializer_range)
        nn.init.zeros_(projection.bias)  # type: ignore[arg-type]

    def forward(self, pixel_values: Tensor, *_: Any, **__: Any) -> Tensor:
        """(N, 3, H, W) floats from -1 to 1 -> (N, 1 + blocks, hidden_size)."""
        projection: Any = self.patch_embeddings.projection
        if self.blocks is None:
            tokens = projection(pixel_values).flatten(2).transpose(1, 2)
        else:
            tokens = F.linear(self.blocks(pixel_values), projection.weight.flatten(1), projection.bias)
        return self.dropout(torch.cat([self.cls_token.expand(len(tokens), -1, -1), tokens], 1))


class BagNetwork(nn.Module):
    """transformers' ViT encoder on :class:`BagEmbeddings`, and a linear classifier of its classification token."""

    def __init__(self, config: BagViTConfig) -> None:
        from transformers import ViTModel  # may be loading right now, and import this package on its way

        super().__init__()
        self.vit = ViTModel(config, add_pooling_layer=False)
        self.vit.embeddings = BagEmbeddings(config)  # type: ignore[assignment]
        self.classifier = nn.Linear(config.hidden_size, config.num_labels)  # type: ignore[arg-type]
        nn.init.trunc_normal_(self.classifier.weight, std=config.initializer_range)
        nn.init.zeros_(self.classifier.bias)

    def forward(self, pixels: Tensor) -> Tensor:
        return self.classifier(self.vit(pixels).last_hidden_state[:, 0])

    def set_grad_checkpointing(self, enable: bool) -> None:
        """Trade time for memory in every layer."""
        if enable:
            self.vit.gradient_checkpointing_enable()
        else:
            self.vit.gradient_checkpointing_disable()


class BagViTForImageClassification(NetworkForImageClassification):
    """A ViT for pictures that are each encrypted under a key of their own.

    Example:
        >>> tiny = dict(hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8, patch_size=4)
        >>> model = BagViTForImageClassification(BagViTConfig(image_size=8, **tiny)).eval()
        >>> x = torch.rand(1, 3, 8, 8).mul(255).round() / 127.5 - 1
        >>> same = torch.allclose(model(x).logits, model(-x.flip(2)).logits, atol=1e-6)  # blocks moved and changed
        >>> same, model(x[..., :4, :4]).logits.shape  # one block alone
        (True, torch.Size([1, 2]))
    """

    config_class = BagViTConfig
    takes_bags = True  # any number of blocks, in any order

    @classmethod
    def build_network(cls, config: BagViTConfig) -> nn.Module:
        return BagNetwork(config)

    def check_size(self, channels: int, height: int, width: int) -> None:
        if channels != self.config.num_channels:
            raise ImageError(f"{channels} channels; this model takes (N, {self.config.num_channels}, H, W)")
        size = self.network.vit.embeddings.patch_embeddings.projection.kernel_size[0]
        if not height or not width or height % size or width % size:
            raise GeometryError(
                f"{height}x{width} is not a multiple of the model's blocks of {size}; resize before encrypting"
            )

    @torch.no_grad()
    def take_over(self, plain: PreTrainedModel) -> None:
        """Start from a plain ViT: its weights, with the mean of its position embeddings in the patch embedding.

        Args:
            plain: a ViT of the same width, depth and patches; the classifier is taken where it fits.

        Raises:
            ParameterError: it is no ViT, or of another shape.
        """
        if not hasattr(getattr(getattr(plain, "vit", None), "embeddings", None), "position_embeddings"):
            raise ParameterError(f"a {type(plain).__name__} is no plain ViT; start from one, or leave it out")
        state = plain.state_dict()
        positions = state.pop("vit.embeddings.position_embeddings")
        state["vit.embeddings.cls_token"] = state["vit.embeddings.cls_token"] + positions[:, :1]
        bias = "vit.embeddings.patch_embeddings.projection.bias"
        state[bias] = state[bias] + positions[0, 1:].mean(0)
        own = self.network.state_dict()
        if state["classifier.weight"].shape != own["classifier.weight"].shape:
            state |= {name: own[name] for name in ("classifier.weight", "classifier.bias")}
        try:
            self.network.load_state_dict(state)
        except RuntimeError as error:
            reason = " ".join(str(error).split())[:200]
            raise ParameterError(f"the plain ViT does not fit: {reason}; give the bag its width and depth") from None


def check_bag(config: BagViTConfig) -> None:
    """Raise for sizes that do not fit each other, and for blocks that have no canonical form."""
    check_vit(config)
    if config.canonical and (config.num_channels != 3 or not isinstance(config.patch_size, int)):
        raise ParameterError(
            f"num_channels {config.num_channels}, patch_size {config.patch_size}: the canonical form is of square "
            "blocks of 3 channels; change them, or set canonical=False"
        )


register_family("bag-vit", BagViTConfig, BagViTForImageClassification, check=check_bag)
register_preset(
    "bag-vit-tiny/16", "bag-vit", hidden_size=192, num_hidden_layers=12, num_attention_heads=3, intermediate_size=768
)
