"""ResNet with a stem for 32x32 images, the classifier of PE in the paper's Table II (reference [6])."""

from collections.abc import Iterable
from typing import Any

from timm.models.resnet import BasicBlock, ResNet
from torch import nn
from transformers import PreTrainedConfig

from ..errors import ImageError, ParameterError
from .base import NetworkForImageClassification, NetworkModel
from .registry import register_family, register_preset

_BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3)}


class ResNetConfig(PreTrainedConfig):
    """Configuration of :class:`ResNetForImageClassification`.

    Args:
        image_size: edge of the images in pixels; the network takes any size.
        num_channels: channels of the images.
        depth: 18 (default, the paper's) or 34.
        drop_rate: dropout before the classifier.

    Raises:
        ParameterError: a value out of range.

    Example:
        >>> ResNetConfig(num_labels=10).depth
        18
    """

    model_type = "etc_resnet"

    image_size: int = 32
    num_channels: int = 3
    depth: int = 18
    drop_rate: float = 0.0

    def __post_init__(self, **kwargs: Any) -> None:
        super().__post_init__(**kwargs)
        if self.depth not in _BLOCKS:
            raise ParameterError(f"depth {self.depth!r}: use one of {', '.join(map(str, _BLOCKS))}")
        for name in ("image_size", "num_channels"):
            value = getattr(self, name)
            if type(value) is not int or value < 1:
                raise ParameterError(f"{name} {value!r}: must be a whole number, 1 or more")
        if type(self.drop_rate) not in (int, float) or not 0 <= self.drop_rate < 1:
            raise ParameterError(f"drop_rate {self.drop_rate!r}: must be a number, at least 0 and below 1")


class ResNetForImageClassification(NetworkForImageClassification):
    """timm's ResNet with a 3x3 first convolution of stride 1 and no pooling after it, as a transformers model.

    Args:
        config: see :class:`ResNetConfig`.

    Example:
        >>> import torch
        >>> model = ResNetForImageClassification(ResNetConfig(num_labels=10)).eval()
        >>> model(torch.zeros(1, 3, 32, 32)).logits.shape
        torch.Size([1, 10])
    """

    config: ResNetConfig

    @classmethod
    def build_network(cls, config: Any) -> nn.Module:
        block: Any = BasicBlock  # timm's annotation asks for an instance
        network: Any = ResNet(
            block,
            _BLOCKS[config.depth],
            num_classes=config.num_labels,
            in_chans=config.num_channels,
            drop_rate=config.drop_rate,
            zero_init_last=False,
        )
        network.conv1 = nn.Conv2d(config.num_channels, 64, 3, padding=1, bias=False)
        nn.init.kaiming_normal_(network.conv1.weight, mode="fan_out", nonlinearity="relu")
        network.maxpool = nn.Identity()
        return network

    def blocks(self) -> Iterable[nn.Module]:
        return (block for i in range(1, 5) for block in getattr(self.network, f"layer{i}"))

    def check_size(self, channels: int, height: int, width: int) -> None:
        if channels != self.config.num_channels:
            raise ImageError(f"{channels} channels; this model takes (N, {self.config.num_channels}, H, W)")


class ResNetModel(NetworkModel, ResNetForImageClassification):
    """The same network as what AutoModel loads: features in place of logits."""


register_family("resnet", ResNetConfig, ResNetForImageClassification, ResNetModel)
register_preset("resnet-18", "resnet", depth=18, image_size=32)
