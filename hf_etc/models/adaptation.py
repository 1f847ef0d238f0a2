"""Adaptation networks in front of a Shake-PyramidNet: LE-Adapt (Tanaka 2018) and ELE-Adapt (Madono 2020).

They map each 4x4 block of an encrypted 32x32 image to 4x4 pixels of 16 channels, which the classifier then
takes as an image. LE-Adapt has one map for all blocks; ELE-Adapt one per block position, so it grows with
the image, and a matrix that can learn to undo the block scrambling. The paper compares its own method,
which needs neither, with them (references [4] and [5]).
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers.modeling_outputs import ImageClassifierOutput

from ..errors import GeometryError, ParameterError
from .base import NetworkModel
from .registry import register_family
from .shake_pyramidnet import ShakePyramidNetConfig, ShakePyramidNetForImageClassification, build_classifier

BLOCK = 4  # pixels
FEATURES = 16  # channels of the adapted image


class AdaptationConfig(ShakePyramidNetConfig):
    """Configuration of :class:`AdaptationForImageClassification`; the defaults are the published ones.

    Args:
        adaptation: "le" or "ele".
        image_size: edge of the images in pixels, a multiple of 4. ELE-Adapt takes no other size.
        num_channels, depth, alpha, drop_rate: as in :class:`ShakePyramidNetConfig`.
        permutation_weight: of L_U, ELE-Adapt's loss that pulls its matrix towards a permutation.
        smoothness_weight: of L_s, ELE-Adapt's loss that smooths the first three adapted channels.

    Raises:
        ParameterError: unknown adaptation or a value out of range.

    Example:
        >>> AdaptationConfig(adaptation="ele", num_labels=10).smoothness_weight
        0.1
    """

    model_type = "etc_adaptation"

    adaptation: str = "ele"
    permutation_weight: float = 0.001
    smoothness_weight: float = 0.1

    def __post_init__(self, **kwargs: Any) -> None:
        super().__post_init__(**kwargs)
        if self.adaptation not in ("le", "ele"):
            raise ParameterError(f"adaptation {self.adaptation!r}: use 'le' or 'ele'")
        for name in ("permutation_weight", "smoothness_weight"):
            value = getattr(self, name)
            if type(value) not in (int, float) or value < 0:
                raise ParameterError(f"{name} {value!r}: must be a number, 0 or more")


class LeAdapt(nn.Sequential):
    """One map for all blocks: (N, C, H, W) -> (N, 16, H, W)."""

    def __init__(self, num_channels: int) -> None:
        outputs = FEATURES * BLOCK**2
        conv = nn.Conv2d(num_channels, outputs, BLOCK, BLOCK, bias=False)
        nn.init.normal_(conv.weight, 0, (2 / (BLOCK**2 * outputs)) ** 0.5)
        super().__init__(conv, nn.BatchNorm2d(outputs), nn.LeakyReLU(0.1), nn.PixelShuffle(BLOCK))


class EleAdapt(nn.Module):
    """One spectral-normalised map per block position, then a soft permutation: (N, C, S, S) -> (N, 16, S, S).

    Attributes:
        weight: (blocks, 16 * 4 * 4, C * 4 * 4), one matrix per block position in raster order.
        mixing: (blocks, blocks), U: output block j is the sum over i of block i times U[i, j].
        direction: (blocks, 16 * 4 * 4), the running estimate of each matrix' first left singular vector.
    """

    direction: Tensor

    def __init__(self, num_channels: int, image_size: int) -> None:
        super().__init__()
        self.side = image_size // BLOCK
        blocks, outputs, inputs = self.side**2, FEATURES * BLOCK**2, num_channels * BLOCK**2
        self.weight = nn.Parameter(torch.empty(blocks, outputs, inputs).uniform_(-(inputs**-0.5), inputs**-0.5))
        self.norm = nn.BatchNorm1d(blocks * outputs)  # every position has statistics of its own
        self.mixing = nn.Parameter(torch.empty(blocks, blocks).uniform_(-(blocks**-0.5), blocks**-0.5))
        self.register_buffer("direction", F.normalize(torch.randn(blocks, outputs), dim=1))
        for _ in range(15):
            self._power_iteration()

    def forward(self, x: Tensor) -> Tensor:
        patches = F.unfold(x, BLOCK, stride=BLOCK)  # (N, C * 4 * 4, blocks)
        mapped = torch.einsum("bof,nfb->nbo", self.spectral_weight(), patches)
        mapped = F.leaky_relu(self.norm(mapped.flatten(1)), 0.2).reshape(mapped.shape)
        mixed = torch.einsum("nbo,bj->noj", mapped, self.mixing)
        return F.pixel_shuffle(mixed.unflatten(2, (self.side, self.side)), BLOCK)

    def spectral_weight(self) -> Tensor:
        """Each block's matrix over its largest singular value, estimated by one power iteration per step."""
        if self.training:
            self._power_iteration()
        with torch.no_grad():
            right = F.normalize(torch.einsum("bof,bo->bf", self.weight, self.direction), dim=1)
        largest = torch.einsum("bo,bof,bf->b", self.direction.clone(), self.weight, right)
        return self.weight / largest[:, None, None]

    @torch.no_grad()
    def _power_iteration(self) -> None:
        right = F.normalize(torch.einsum("bof,bo->bf", self.weight, self.direction), dim=1)
        self.direction.copy_(F.normalize(torch.einsum("bof,bf->bo", self.weight, right), dim=1))


def permutation_loss(matrix: Tensor) -> Tensor:
    """L_U: sum over rows and columns of (L1 norm - L2 norm), over the number of entries; 0 for a permutation.

    Args:
        matrix: (n, n).

    Example:
        >>> float(permutation_loss(torch.eye(4)[[2, 0, 3, 1]]))
        0.0
    """
    return sum((matrix.abs().sum(dim) - matrix.norm(dim=dim)).sum() for dim in (0, 1)) / matrix.numel()


def smoothness_loss(adapted: Tensor) -> Tensor:
    """L_s: squared total variation of the first three channels, per image, as in the authors' code.

    Differences to the lower and the right neighbour are taken at every pixel but the last row and column;
    their sum is divided by (H - 1) * W * channels.

    Args:
        adapted: (N, channels, H, W).
    """
    first = adapted[:, :3]
    here, below, right = first[..., :-1, :-1], first[..., 1:, :-1], first[..., :-1, 1:]
    variation = ((here - below) ** 2 + (here - right) ** 2).sum()
    batch, channels, height, width = adapted.shape
    return variation / (batch * (height - 1) * width * channels)


class AdaptedNetwork(nn.Module):
    """An adaptation network and its classifier."""

    def __init__(self, config: AdaptationConfig) -> None:
        super().__init__()
        ele = config.adaptation == "ele"
        self.adaptation = EleAdapt(config.num_channels, config.image_size) if ele else LeAdapt(config.num_channels)
        self.classifier = build_classifier(config, FEATURES)

    def forward_features(self, x: Tensor) -> Tensor:
        return self.classifier.forward_features(self.adaptation(x))

    def forward_head(self, x: Tensor, pre_logits: bool = False) -> Tensor:
        return self.classifier.forward_head(x, pre_logits)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.adaptation(x))


@dataclass
class AdaptationOutput(ImageClassifierOutput):
    """What :class:`AdaptationForImageClassification` returns.

    Attributes:
        auxiliary_loss: ELE-Adapt in training: the weighted sum of L_U and L_s, which `loss` includes. Whoever
            computes a loss from the logits instead must add it.
    """

    auxiliary_loss: Tensor | None = None


class AdaptationForImageClassification(ShakePyramidNetForImageClassification):
    """LE-Adapt or ELE-Adapt with Shake-PyramidNet as a transformers model.

    In training, ELE-Adapt's loss is cross-entropy + permutation_weight * L_U + smoothness_weight * L_s; in
    evaluation it is the cross-entropy alone, as for every other model.

    Args:
        config: see :class:`AdaptationConfig`.

    Example:
        >>> config = AdaptationConfig(adaptation="ele", depth=8, alpha=12, num_labels=10)
        >>> model = AdaptationForImageClassification(config).eval()
        >>> model(torch.zeros(1, 3, 32, 32)).logits.shape
        torch.Size([1, 10])
    """

    config: AdaptationConfig

    @classmethod
    def build_network(cls, config: Any) -> nn.Module:
        return AdaptedNetwork(config)

    def blocks(self) -> Iterable[nn.Module]:
        return self.network.classifier.blocks

    def check_size(self, channels: int, height: int, width: int) -> None:
        super().check_size(channels, height, width)
        size = self.config.image_size
        if self.config.adaptation == "ele" and (height, width) != (size, size):
            raise GeometryError(f"{height}x{width}: this model takes {size}x{size}; resize before the encryption")

    def forward(
        self,
        pixel_values: Tensor,
        labels: Tensor | None = None,
        return_dict: bool | None = None,
        *args: Any,
        **options: Any,
    ) -> ImageClassifierOutput | tuple[Tensor, ...]:
        """As in :class:`NetworkForImageClassification`, with the two extra losses of ELE-Adapt in training."""
        if not self.training or self.config.adaptation != "ele":
            return super().forward(pixel_values, labels, return_dict, *args, **options)
        with _outputs(self.network.adaptation) as adapted:
            plain: Any = super().forward(pixel_values, labels, True, *args, **options)
        structure = self.config.permutation_weight * permutation_loss(self.network.adaptation.mixing)
        auxiliary = structure + self.config.smoothness_weight * smoothness_loss(adapted[0])
        loss = None if plain.loss is None else plain.loss + auxiliary
        output = AdaptationOutput(**{**plain, "loss": loss, "auxiliary_loss": auxiliary})
        return output if (self.config.return_dict if return_dict is None else return_dict) else output.to_tuple()


@contextmanager
def _outputs(module: nn.Module) -> Iterator[list[Tensor]]:
    """Collects what a module returns inside the with statement."""
    collected: list[Tensor] = []
    hook = module.register_forward_hook(lambda _module, _inputs, output: collected.append(output))
    try:
        yield collected
    finally:
        hook.remove()


class AdaptationModel(NetworkModel, AdaptationForImageClassification):  # type: ignore[misc]  # two kinds of forward
    """The same network as what AutoModel loads: features in place of logits."""


for _name in ("le", "ele"):
    register_family(
        f"{_name}-adapt", AdaptationConfig, AdaptationForImageClassification, AdaptationModel, adaptation=_name
    )
