"""A ViT that sees a picture as a bag of blocks: their order and which of 96 variants they come in change nothing.

So it classifies pictures that are each encrypted under a key of their own, all steps of EtC included. Nothing here
knows a key: each block gets its canonical form, and there are no position embeddings.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import AutoModel, PreTrainedModel, ViTConfig, ViTForImageClassification, ViTModel
from transformers import initialization as init
from transformers.models.vit.modeling_vit import ViTPatchEmbeddings

from ..errors import GeometryError, ParameterError
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
        self.patch_embeddings = ViTPatchEmbeddings(config)
        self.blocks = CanonicalBlocks(size) if config.canonical else None
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, pixel_values: Tensor, *_: Any, **__: Any) -> Tensor:
        """(N, 3, H, W) floats from -1 to 1 -> (N, 1 + blocks, hidden_size)."""
        projection = self.patch_embeddings.projection
        size = projection.kernel_size[0]
        if pixel_values.shape[-2] % size or pixel_values.shape[-1] % size:
            found = f"{pixel_values.shape[-2]}x{pixel_values.shape[-1]}"
            raise GeometryError(f"{found} is not a multiple of the model's blocks of {size}; resize before encrypting")
        if self.blocks is None:
            tokens = projection(pixel_values).flatten(2).transpose(1, 2)
        else:
            tokens = F.linear(self.blocks(pixel_values), projection.weight.flatten(1), projection.bias)
        return self.dropout(torch.cat([self.cls_token.expand(len(tokens), -1, -1), tokens], 1))


class BagViTModel(ViTModel):
    """The encoder alone: ViTModel with :class:`BagEmbeddings`."""

    config_class = BagViTConfig

    def __init__(self, config: BagViTConfig, add_pooling_layer: bool = True) -> None:
        super().__init__(config, add_pooling_layer)
        self.embeddings = BagEmbeddings(config)  # type: ignore[assignment]
        self.post_init()

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        if isinstance(module, CanonicalBlocks):  # in a model that is being loaded, buffers begin without values
            for name, values in module.tables().items():
                init.copy_(getattr(module, name), values)
        if isinstance(module, BagEmbeddings):
            init.trunc_normal_(module.cls_token, std=self.config.initializer_range)


class BagViTForImageClassification(ViTForImageClassification):
    """transformers' ViT on a :class:`BagViTModel`; saved, loaded and trained like it.

    Example:
        >>> tiny = dict(hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8, patch_size=4)
        >>> model = BagViTForImageClassification(BagViTConfig(image_size=8, **tiny)).eval()
        >>> x = torch.rand(1, 3, 8, 8).mul(255).round() / 127.5 - 1
        >>> same = torch.allclose(model(x).logits, model(-x.flip(2)).logits, atol=1e-6)  # blocks moved and changed
        >>> same, model(x[..., :4, :4]).logits.shape  # one block alone
        (True, torch.Size([1, 2]))
    """

    config_class = BagViTConfig

    def __init__(self, config: BagViTConfig) -> None:
        super().__init__(config)
        self.vit = BagViTModel(config, add_pooling_layer=False)
        self.post_init()

    @torch.no_grad()
    def take_over(self, plain: PreTrainedModel) -> None:
        """Start from a plain ViT: its weights, with the mean of its position embeddings in the patch embedding.

        Args:
            plain: a ViT of the same width, depth and patches; the classifier is taken where it fits.

        Raises:
            ParameterError: it is no ViT, or of another shape.
        """
        encoder = getattr(plain, "vit", None)
        if encoder is None or not hasattr(encoder.embeddings, "position_embeddings"):
            raise ParameterError(f"a {type(plain).__name__} is no plain ViT; start from one, or leave it out")
        state = plain.state_dict()
        positions = state.pop("vit.embeddings.position_embeddings")
        state["vit.embeddings.cls_token"] = state["vit.embeddings.cls_token"] + positions[:, :1]
        bias = "vit.embeddings.patch_embeddings.projection.bias"
        state[bias] = state[bias] + positions[0, 1:].mean(0)
        own = self.state_dict()
        if state["classifier.weight"].shape != own["classifier.weight"].shape:
            state |= {name: own[name] for name in ("classifier.weight", "classifier.bias")}
        try:
            self.load_state_dict(state)
        except RuntimeError as error:
            reason = " ".join(str(error).split())[:200]
            raise ParameterError(f"the plain ViT does not fit: {reason}; give the bag its width and depth") from None


register_family("bag-vit", BagViTConfig, BagViTForImageClassification, check=check_vit)
register_preset(
    "bag-vit-tiny/16", "bag-vit", hidden_size=192, num_hidden_layers=12, num_attention_heads=3, intermediate_size=768
)
AutoModel.register(BagViTConfig, BagViTModel, exist_ok=True)
