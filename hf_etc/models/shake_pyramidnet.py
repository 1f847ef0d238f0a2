"""Shake-PyramidNet: a PyramidNet of basic blocks with ShakeDrop, "ShakeDrop" in the paper's Table II.

The classifier behind the adaptation networks (reference [5]), and their plain baseline. Han et al. 2017
(PyramidNet); Yamada et al. 2018 (ShakeDrop).
"""

from math import ceil, sqrt
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import PreTrainedConfig

from ..errors import GeometryError, ImageError, ParameterError
from .base import NetworkForImageClassification, NetworkModel
from .registry import register_family, register_preset

STRIDE = 4  # the network halves the resolution twice


class ShakePyramidNetConfig(PreTrainedConfig):
    """Configuration of :class:`ShakePyramidNetForImageClassification`; the defaults are the paper's.

    Args:
        image_size: edge of the images in pixels; any multiple of 4 works.
        num_channels: channels of the images.
        depth: number of convolutions and the classifier, 6n + 2.
        alpha: how many channels the last block has more than the first convolution's 16.
        drop_rate: ShakeDrop's probability at the last block; it grows linearly from the first.

    Raises:
        ParameterError: a value out of range.
        GeometryError: an image size that is not a multiple of 4.

    Example:
        >>> ShakePyramidNetConfig(num_labels=10).depth
        110
    """

    model_type = "etc_shake_pyramidnet"

    image_size: int = 32
    num_channels: int = 3
    depth: int = 110
    alpha: int = 270
    drop_rate: float = 0.5

    def __post_init__(self, **kwargs: Any) -> None:
        super().__post_init__(**kwargs)
        for name in ("image_size", "num_channels", "alpha"):
            value = getattr(self, name)
            if type(value) is not int or value < 1:
                raise ParameterError(f"{name} {value!r}: must be a whole number, 1 or more")
        if type(self.depth) is not int or self.depth < 8 or self.depth % 6 != 2:
            raise ParameterError(f"depth {self.depth!r}: must be 6n + 2, such as 110, 20 or 8")
        if type(self.drop_rate) not in (int, float) or not 0 <= self.drop_rate < 1:
            raise ParameterError(f"drop_rate {self.drop_rate!r}: must be a number, at least 0 and below 1")
        check_stride(self.image_size, self.image_size)


def check_stride(height: int, width: int) -> None:
    """Raise GeometryError unless both edges are positive multiples of 4."""
    if min(height, width) < STRIDE or height % STRIDE or width % STRIDE:
        raise GeometryError(f"{height}x{width} is not a multiple of {STRIDE}; resize before the encryption")


class ShakeDrop(nn.Module):
    """Random scaling of a residual branch that differs between the forward and the backward pass.

    In training, with probability `drop_rate` for the batch as a whole, each image's branch is scaled by a
    random number from -1..1 forward and by another from 0..1 backward; otherwise it stays. In evaluation
    the branch is scaled by the expectation, 1 - drop_rate.

    Args:
        drop_rate: probability of scaling.
    """

    def __init__(self, drop_rate: float) -> None:
        super().__init__()
        self.drop_rate = drop_rate

    def extra_repr(self) -> str:
        return f"drop_rate={self.drop_rate:.3f}"

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x * (1 - self.drop_rate)
        forward, backward = torch.rand((2, len(x), 1, 1, 1), device=x.device, dtype=x.dtype)
        keep = torch.rand((), device=x.device) >= self.drop_rate  # a tensor: the host need not wait for it
        forward, backward = torch.where(keep, 1, 2 * forward - 1), torch.where(keep, 1, backward)
        return x * backward + (x * (forward - backward)).detach()


class PyramidBlock(nn.Module):
    """BN, conv, BN, ReLU, conv, BN, ShakeDrop; the shortcut is pooled and filled up with zero channels."""

    def __init__(self, inputs: int, outputs: int, stride: int, drop_rate: float) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            nn.BatchNorm2d(inputs),
            nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.drop = ShakeDrop(drop_rate)
        self.shortcut = nn.AvgPool2d(stride) if stride > 1 else nn.Identity()
        self.new_channels = outputs - inputs

    def forward(self, x: Tensor) -> Tensor:
        return self.drop(self.branch(x)) + F.pad(self.shortcut(x), (0, 0, 0, 0, 0, self.new_channels))


class ShakePyramidNet(nn.Module):
    """The network: (N, num_channels, H, W) floats -> (N, num_classes) logits; arguments as in the config."""

    def __init__(self, num_channels: int, num_classes: int, depth: int, alpha: int, drop_rate: float) -> None:
        super().__init__()
        count = (depth - 2) // 2
        widths = [16 + ceil(alpha * i / count) for i in range(count + 1)]
        self.stem = nn.Sequential(nn.Conv2d(num_channels, widths[0], 3, padding=1), nn.BatchNorm2d(widths[0]))
        self.blocks = nn.Sequential(
            *(
                PyramidBlock(widths[i], widths[i + 1], 2 if i in (count // 3, 2 * count // 3) else 1, rate)
                for i, rate in enumerate(drop_rate * (i + 1) / count for i in range(count))
            )
        )
        self.norm = nn.BatchNorm2d(widths[-1])
        self.head = nn.Linear(widths[-1], num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, 0, sqrt(2 / (9 * module.out_channels)))
        nn.init.zeros_(self.head.bias)

    def forward_features(self, x: Tensor) -> Tensor:
        return F.relu(self.norm(self.blocks(self.stem(x))))

    def forward_head(self, x: Tensor, pre_logits: bool = False) -> Tensor:
        pooled = x.mean((-2, -1))
        return pooled if pre_logits else self.head(pooled)

    def forward(self, x: Tensor) -> Tensor:
        return self.forward_head(self.forward_features(x))


class ShakePyramidNetForImageClassification(NetworkForImageClassification):
    """Shake-PyramidNet as a transformers model.

    Args:
        config: see :class:`ShakePyramidNetConfig`.

    Example:
        >>> config = ShakePyramidNetConfig(depth=8, alpha=12, num_labels=10)
        >>> model = ShakePyramidNetForImageClassification(config).eval()
        >>> model(torch.zeros(1, 3, 32, 32)).logits.shape
        torch.Size([1, 10])
    """

    config: ShakePyramidNetConfig

    @classmethod
    def build_network(cls, config: ShakePyramidNetConfig) -> nn.Module:
        return build_classifier(config, config.num_channels)

    def check_size(self, channels: int, height: int, width: int) -> None:
        if channels != self.config.num_channels:
            raise ImageError(f"{channels} channels; this model takes (N, {self.config.num_channels}, H, W)")
        check_stride(height, width)


def build_classifier(config: Any, num_channels: int) -> ShakePyramidNet:
    """The network of a config, for that many input channels."""
    return ShakePyramidNet(num_channels, config.num_labels, config.depth, config.alpha, config.drop_rate)


class ShakePyramidNetModel(NetworkModel, ShakePyramidNetForImageClassification):
    """The same network as what AutoModel loads: features in place of logits."""


register_family("shake-pyramidnet", ShakePyramidNetConfig, ShakePyramidNetForImageClassification, ShakePyramidNetModel)
register_preset("shake-pyramidnet-110/270", "shake-pyramidnet", depth=110, alpha=270, image_size=32)
