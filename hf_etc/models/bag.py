"""A ViT that sees a picture as a bag of blocks: their order and which of 96 variants they come in change nothing.

So it classifies pictures that are each encrypted under a key of their own, all steps of EtC included. Nothing here
knows a key: each block gets its canonical form, and there are no position embeddings.
"""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import PreTrainedModel, ViTConfig

from ..errors import GeometryError, ImageError, ParameterError
from .absorb import HALF, absorb_normalisation
from .base import NetworkForImageClassification, NetworkModel
from .canonical import CanonicalBlocks
from .registry import register_family, register_preset
from .vit import check_vit

# What the weights of a plain ViT were trained for, and those of its parts that a bag does not have.
_SHAPE = (
    *("patch_size", "num_channels", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size"),
    *("hidden_act", "layer_norm_eps", "qkv_bias"),
)
_LEFT = ("pooler.", "embeddings.mask_token")


class BagViTConfig(ViTConfig):
    """Configuration of :class:`BagViTForImageClassification`: that of a ViT, whose patches are the cipher's blocks.

    Args:
        canonical: whether each block gets its canonical form; without it, only their order changes nothing.
        block_stem_channels: of the first of a few convolutions inside of each block, beside the linear patch
            embedding, see :class:`BlockStem`; 0 for none. It pays most where no public weights are at hand.
        image_size: what the model was trained with; it takes any number of whole blocks, one or more.
    """

    model_type = "etc_bag_vit"

    canonical: bool = True
    block_stem_channels: int = 0


class BagEmbeddings(nn.Module):
    """Pixels to tokens: a classification token, then one for each block, none of which says where it was."""

    def __init__(self, config: BagViTConfig) -> None:
        super().__init__()
        size = config.patch_size if isinstance(config.patch_size, int) else config.patch_size[0]
        self.cls_token = nn.Parameter(torch.zeros(1, 1, config.hidden_size))
        projection = nn.Conv2d(config.num_channels, config.hidden_size, size, size)
        self.patch_embeddings = nn.Sequential(OrderedDict(projection=projection))  # ViTModel looks for it by this name
        self.blocks = CanonicalBlocks(size) if config.canonical else None
        self.stem = BlockStem(config, size) if config.block_stem_channels else None
        self.dropout = nn.Dropout(config.hidden_dropout_prob)
        nn.init.trunc_normal_(self.cls_token, std=config.initializer_range)
        nn.init.trunc_normal_(projection.weight, std=config.initializer_range)
        nn.init.zeros_(projection.bias)  # type: ignore[arg-type]

    def forward(self, pixel_values: Tensor, *_: Any, **__: Any) -> Tensor:
        """(N, 3, H, W) floats from -1 to 1 -> (N, 1 + blocks, hidden_size)."""
        projection: Any = self.patch_embeddings.projection
        if self.blocks is None:
            size = projection.kernel_size
            blocks = F.unfold(pixel_values, size, stride=size).transpose(1, 2)
        else:
            blocks = self.blocks(pixel_values)
        tokens = F.linear(blocks, projection.weight.flatten(1), projection.bias)
        if self.stem is not None:
            tokens = tokens + self.stem(blocks)
        return self.dropout(torch.cat([self.cls_token.expand(tokens.shape[0], -1, -1), tokens], 1))


class BlockStem(nn.Module):
    """Convolutions that see one block each: every layer halves it and doubles the channels, down to 2x2 pixels.

    After Xiao et al., Early Convolutions Help Transformers See Better (2021), where they see the whole picture.
    """

    def __init__(self, config: BagViTConfig, size: int) -> None:
        super().__init__()
        self.block = (config.num_channels, size, size)
        before, after, edge = config.num_channels, config.block_stem_channels, size
        layers: list[nn.Module] = []
        while edge > 2 or not layers:
            layers += [nn.Conv2d(before, after, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(after), nn.GELU()]
            before, after, edge = after, 2 * after, (edge + 1) // 2
        self.layers = nn.Sequential(*layers)
        self.projection = nn.Linear(before * edge * edge, config.hidden_size)

    def forward(self, blocks: Tensor) -> Tensor:
        """(N, blocks, channels * B * B) -> (N, blocks, hidden_size)."""
        pictures = blocks.flatten(0, 1).unflatten(-1, self.block).contiguous(memory_format=torch.channels_last)
        return self.projection(self.layers(pictures).flatten(1)).unflatten(0, blocks.shape[:2])


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

    def forward_features(self, pixels: Tensor, **wanted: bool) -> Tensor | dict[str, Any]:
        seen = self.vit(pixels, **wanted)
        if not wanted:
            return seen.last_hidden_state
        if "output_attentions" in wanted and not seen.attentions:
            raise ParameterError("only attn_implementation='eager' gives attentions; load the model with it")
        return {name: seen.get(name) for name in ("last_hidden_state", "hidden_states", "attentions")}

    def forward_head(self, states: Tensor, pre_logits: bool = False) -> Tensor:
        token = states[:, 0]
        return token if pre_logits else self.classifier(token)

    def forward(self, pixels: Tensor, **wanted: bool) -> Tensor | dict[str, Any]:
        found = self.forward_features(pixels, **wanted)
        if isinstance(found, Tensor):
            return self.forward_head(found)
        return {"logits": self.forward_head(found.pop("last_hidden_state")), **found}

    def set_grad_checkpointing(self, enable: bool) -> None:
        """Trade time for memory in every layer."""
        name = "activation" if hasattr(self.vit, "activation_checkpointing_enable") else "gradient"  # until 5.17
        getattr(self.vit, f"{name}_checkpointing_{'enable' if enable else 'disable'}")()


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
    records = ("output_hidden_states", "output_attentions")
    _supports_sdpa = _supports_flash_attn = _supports_flex_attn = _supports_attention_backend = True

    def blocks(self) -> Iterable[nn.Module]:
        return [self.network.vit.embeddings, *self.network.vit.layers]

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
    def take_over(
        self, plain: PreTrainedModel, image_mean: Sequence[float] = HALF, image_std: Sequence[float] = HALF
    ) -> None:
        """Start from a plain ViT: its weights, with the mean of its position embeddings in the patch embedding.

        Args:
            plain: a ViT, DeiT, ViT-MAE or ViT-MSN of the same shape, with a classifier or without; pooler, mask and
                distillation token are left, and the classifier is taken where it fits. What convolutions inside of
                the blocks give starts at 0.
            image_mean, image_std: what its pictures were normalised with, over values of 0 to 1.

        Raises:
            ParameterError: another kind of model, or of another shape.
        """
        own = self.network.vit.state_dict()
        state = getattr(plain, plain.base_model_prefix, plain).state_dict()
        distilled = state.pop("embeddings.distillation_token", None) is not None
        positions = state.pop("embeddings.position_embeddings", None)
        state = {name: value for name, value in state.items() if not name.startswith(_LEFT)}
        state |= {name: value for name, value in own.items() if name.startswith("embeddings.stem.")}
        if positions is None or state.keys() != own.keys():
            raise ParameterError(f"a {type(plain).__name__} is no plain ViT; start from one, or leave it out")
        self._check_shape(plain.config)
        self.network.vit.load_state_dict(state)
        embeddings = self.network.vit.embeddings
        absorb_normalisation(embeddings.patch_embeddings.projection, image_mean, image_std)
        if embeddings.stem is not None:  # adds nothing until it has learned to
            nn.init.zeros_(embeddings.stem.projection.weight)
            nn.init.zeros_(embeddings.stem.projection.bias)
        embeddings.cls_token += positions[:, :1]
        embeddings.patch_embeddings.projection.bias += positions[0, 1 + distilled :].mean(0)
        head: Any = getattr(plain, "cls_classifier", getattr(plain, "classifier", None))  # DeiT has one for each token
        if getattr(head, "weight", None) is not None and head.weight.shape == self.network.classifier.weight.shape:
            self.network.classifier.load_state_dict(head.state_dict())

    def _check_shape(self, plain: Any) -> None:
        for field in _SHAPE:
            ours, theirs = getattr(self.config, field), getattr(plain, field)
            if ours != theirs:
                remedy = f", and encrypt with blocks of {theirs} pixels" if field == "patch_size" else ""
                raise ParameterError(
                    f"{field} {ours} does not fit the plain ViT, whose weights are for {theirs}; leave it out{remedy}"
                )


def check_bag(config: BagViTConfig) -> None:
    """Raise for sizes that do not fit each other, and for blocks that have no canonical form."""
    check_vit(config)
    if config.block_stem_channels < 0:
        raise ParameterError(f"block_stem_channels {config.block_stem_channels}: give how many, or 0 for none")
    if config.canonical and (config.num_channels != 3 or not isinstance(config.patch_size, int)):
        raise ParameterError(
            f"num_channels {config.num_channels}, patch_size {config.patch_size}: the canonical form is of square "
            "blocks of 3 channels; change them, or set canonical=False"
        )


class BagViTModel(NetworkModel, BagViTForImageClassification):
    """The same network as what AutoModel loads: features in place of logits."""


register_family("bag-vit", BagViTConfig, BagViTForImageClassification, BagViTModel, check=check_bag)
register_preset(
    "bag-vit-tiny/16", "bag-vit", hidden_size=192, num_hidden_layers=12, num_attention_heads=3, intermediate_size=768
)
