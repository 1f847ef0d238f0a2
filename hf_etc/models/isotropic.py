"""Isotropic networks behind a patch embedding, built by timm: ConvMixer, MLP-Mixer, ResMLP, gMLP and others.

The paper trains them on EtC images: a patch embedding whose patches lie within the cipher's blocks can learn
what the encryption does to each of them.
"""

import inspect
from collections.abc import Callable, Iterable
from copy import copy
from functools import partial
from typing import Any, ClassVar, TypeGuard

import timm
from timm.layers import GatedMlp
from timm.models.convmixer import ConvMixer
from timm.models.mlp_mixer import Affine, MixerBlock, MlpMixer, ResBlock, SpatialGatingBlock
from torch import nn
from transformers import PreTrainedConfig

from ..errors import GeometryError, ImageError, ParameterError
from .base import NetworkForImageClassification, NetworkModel
from .depthwise import with_depthwise
from .registry import register_family, register_preset

_MIXER = {"patch_size": 16, "dim": 512, "depth": 8, "drop_rate": 0.0, "proj_drop_rate": 0.0, "drop_path_rate": 0.0}
_FIELDS: dict[str, dict[str, Any]] = {  # the fields that each family has, with their defaults
    "convmixer": {"patch_size": 1, "dim": 256, "depth": 8, "kernel_size": 9, "drop_rate": 0.0},
    "mixer": _MIXER | {"mlp_ratio": [0.5, 4.0]},
    "resmlp": _MIXER | {"dim": 384, "depth": 12, "mlp_ratio": 4, "layer_scale": 1e-4},
    "gmlp": _MIXER | {"dim": 256, "depth": 30, "mlp_ratio": 6},
    "timm": {"architecture": None, "model_args": {}, "drop_rate": 0.0},
}
_OWN = sorted({name for values in _FIELDS.values() for name in values})


class IsotropicConfig(PreTrainedConfig):
    """Configuration of :class:`IsotropicForImageClassification`.

    A field left at None takes the default of its family: those of timm's mixer_s16, resmlp_12 and gmlp_s16,
    and the paper's ConvMixer-256/8. A field that the family does not have stays None.

    Args:
        family: "convmixer", "mixer", "resmlp", "gmlp", or "timm" for any other isotropic timm network.
        image_size: edge of the images in pixels. ConvMixer also takes any other multiple of the patch size,
            square or not.
        num_channels: channels of the images.
        patch_size: edge of a patch in pixels; it should divide the cipher's block size.
        dim: width of the network (also read as `hidden_size`).
        depth: number of blocks (also read as `num_hidden_layers`).
        kernel_size: edge of ConvMixer's depth-wise kernels, in patches.
        mlp_ratio: width of the MLPs over `dim`; for "mixer" two, of the token and of the channel MLP.
        layer_scale: initial scale of ResMLP's residual branches; timm uses 1e-4 at depth 12, 1e-5 at 24, 1e-6 at 36.
        drop_rate: dropout before the classifier.
        proj_drop_rate: dropout in the MLPs.
        drop_path_rate: stochastic depth, the same in every block.
        architecture: for "timm": a name of `timm.list_models()`.
        model_args: for "timm": further arguments of `timm.create_model`, JSON values only.

    Raises:
        ParameterError: unknown family, a field that the family does not have, or a value out of range.

    Example:
        >>> IsotropicConfig(family="mixer", image_size=32, patch_size=4, dim=64, num_labels=10).depth
        8
    """

    model_type = "etc_isotropic"
    attribute_map: ClassVar[dict[str, str]] = {"hidden_size": "dim", "num_hidden_layers": "depth"}

    family: str = "convmixer"
    image_size: int = 224
    num_channels: int = 3
    patch_size: int | None = None
    dim: int | None = None
    depth: int | None = None
    kernel_size: int | None = None
    mlp_ratio: float | list[float] | None = None
    layer_scale: float | None = None
    drop_rate: float | None = None
    proj_drop_rate: float | None = None
    drop_path_rate: float | None = None
    architecture: str | None = None
    model_args: dict[str, Any] | None = None

    def __post_init__(self, **kwargs: Any) -> None:
        for alias in self.attribute_map.keys() & kwargs.keys():  # before the defaults, which must not overwrite it
            setattr(self, alias, kwargs.pop(alias))
        super().__post_init__(**kwargs)
        if self.family not in _FIELDS:
            raise ParameterError(f"unknown family {self.family!r}; choose from {', '.join(_FIELDS)}")
        self._fill_defaults(_FIELDS[self.family])
        self._check_ranges()

    def _fill_defaults(self, defaults: dict[str, Any]) -> None:
        for name in _OWN:
            if name not in defaults and getattr(self, name) is not None:
                raise ParameterError(f"family {self.family!r} has no {name!r}; it has {', '.join(sorted(defaults))}")
            if name in defaults and getattr(self, name) is None:
                setattr(self, name, copy(defaults[name]))

    def _check_ranges(self) -> None:
        for name in ("image_size", "num_channels", "patch_size", "dim", "depth", "kernel_size"):
            value = getattr(self, name)
            if value is not None and (type(value) is not int or value < 1):
                raise ParameterError(f"{name} {value!r}: must be a whole number, 1 or more")
        for name in ("drop_rate", "proj_drop_rate", "drop_path_rate"):
            value = getattr(self, name)
            if value is not None and not (_is_number(value) and 0 <= value < 1):
                raise ParameterError(f"{name} {value!r}: must be a number, at least 0 and below 1")
        ratios = list(self.mlp_ratio) if isinstance(self.mlp_ratio, list | tuple) else [self.mlp_ratio]
        if self.mlp_ratio is not None and not (
            all(_is_number(ratio) and ratio > 0 for ratio in ratios)
            and len(ratios) <= (2 if self.family == "mixer" else 1)
        ):
            raise ParameterError(f"mlp_ratio {self.mlp_ratio!r}: must be a positive number, or two for 'mixer'")
        if self.patch_size is not None:
            check_patches(self.image_size, self.image_size, self.patch_size)


def _is_number(value: Any) -> TypeGuard[float]:
    return type(value) in (int, float)


def check_patches(height: int, width: int, patch_size: int) -> None:
    """Raise GeometryError unless whole patches fill an image; convolutions would drop the rest without a word."""
    if min(height, width) < patch_size or height % patch_size or width % patch_size:
        raise GeometryError(
            f"{height}x{width} is not a multiple of the patch size {patch_size}; change the image or patch size"
        )


def _convmixer(config: Any) -> nn.Module:
    network = ConvMixer(
        dim=config.dim,
        depth=config.depth,
        kernel_size=config.kernel_size,
        patch_size=config.patch_size,
        in_chans=config.num_channels,
        num_classes=config.num_labels,
        drop_rate=config.drop_rate,
    )
    return with_depthwise(network)


def _mixer(block: Any = MixerBlock, **layers: Any) -> Callable[[Any], nn.Module]:
    """How timm's entry points tell the three MLP networks apart: by the block and a layer inside it."""

    def build(config: Any) -> nn.Module:
        scale = {} if config.layer_scale is None else {"init_values": config.layer_scale}
        block_layer: Any = partial(block, **scale)
        return MlpMixer(
            num_classes=config.num_labels,
            img_size=config.image_size,
            in_chans=config.num_channels,
            patch_size=config.patch_size,
            num_blocks=config.depth,
            embed_dim=config.dim,
            mlp_ratio=config.mlp_ratio,
            block_layer=block_layer,
            drop_rate=config.drop_rate,
            proj_drop_rate=config.proj_drop_rate,
            drop_path_rate=config.drop_path_rate,
            **layers,
        )

    return build


def _timm(config: Any) -> nn.Module:
    name, extra = config.architecture, config.model_args or {}
    if not name or not timm.is_model(name):
        raise ParameterError(f"architecture {name!r} is not one of timm's; see timm.list_models()")
    if reserved := sorted(extra.keys() & inspect.signature(timm.create_model).parameters.keys()):
        raise ParameterError(f"model_args may not contain {reserved[0]!r}; only arguments of the architecture")
    cfg = timm.get_pretrained_cfg(name)
    size = {"img_size": config.image_size} if cfg is not None and cfg.fixed_input_size else {}
    common = {"num_classes": config.num_labels, "in_chans": config.num_channels, "drop_rate": config.drop_rate}
    try:
        network = timm.create_model(name, pretrained=False, **common, **size, **extra)
    except TypeError as error:  # some entry points set an argument themselves and cannot take it again
        raise ParameterError(f"timm cannot build {name!r} with model_args {extra}: {error}") from error
    if len({info["reduction"] for info in getattr(network, "feature_info", [])}) != 1:
        raise ParameterError(f"architecture {name!r} is not isotropic; choose one that keeps one resolution")
    check_patches(config.image_size, config.image_size, patch_embedding(network).stride[0])
    return network


_BUILDERS: dict[str, Callable[[Any], nn.Module]] = {
    "convmixer": _convmixer,
    "mixer": _mixer(),
    "resmlp": _mixer(ResBlock, norm_layer=Affine),
    "gmlp": _mixer(SpatialGatingBlock, mlp_layer=GatedMlp),
    "timm": _timm,
}


def patch_embedding(network: nn.Module) -> nn.Conv2d:
    """The convolution that embeds patches: the first one, its stride equal to its kernel size (paper Fig. 5).

    Works for the networks of this file and for transformers' ViT. Its weight has shape
    (dim, channels, patch size, patch size).

    Raises:
        ParameterError: the network does not begin with a patch embedding.
    """
    first = next((module for module in network.modules() if isinstance(module, nn.Conv2d)), None)
    if first is None or tuple(first.kernel_size) != tuple(first.stride):
        raise ParameterError(f"{type(network).__name__} has no patch embedding")
    return first


class SequentialBlock(nn.Sequential):
    """A block of ConvMixer, which timm makes of the class that also holds all blocks and parts of each."""


class IsotropicForImageClassification(NetworkForImageClassification):
    """An isotropic timm network as a transformers model.

    Args:
        config: see :class:`IsotropicConfig`.

    Raises:
        ParameterError: family "timm" with an architecture that is not isotropic or cannot be built.

    Example:
        >>> import torch
        >>> config = IsotropicConfig(dim=16, depth=2, patch_size=4, kernel_size=3, image_size=32, num_labels=10)
        >>> model = IsotropicForImageClassification(config).eval()
        >>> model(torch.zeros(1, 3, 32, 32)).logits.shape
        torch.Size([1, 10])
    """

    config: IsotropicConfig

    @classmethod
    def build_network(cls, config: IsotropicConfig) -> nn.Module:
        network = _BUILDERS[config.family](config)
        for block in getattr(network, "blocks", ()):
            if type(block) is nn.Sequential:
                block.__class__ = SequentialBlock
        return network

    def blocks(self) -> Iterable[nn.Module]:
        return getattr(self.network, "blocks", ())  # few of timm's networks have none

    @property
    def patch_embedding(self) -> nn.Conv2d:
        """See :func:`patch_embedding`."""
        return patch_embedding(self.network)

    def check_size(self, channels: int, height: int, width: int) -> None:
        if channels != self.config.num_channels:
            raise ImageError(f"{channels} channels; this model takes (N, {self.config.num_channels}, H, W)")
        size = self.config.image_size
        fixed = any(getattr(module, "strict_img_size", False) for module in self.network.children())
        if fixed and (height, width) != (size, size):
            raise GeometryError(f"{height}x{width}: this model takes {size}x{size}; resize before the encryption")
        check_patches(height, width, self.patch_embedding.stride[0])


class IsotropicModel(NetworkModel, IsotropicForImageClassification):
    """The same network as what AutoModel loads: features in place of logits."""


for _name, _defaults in _FIELDS.items():
    _fields = {"image_size", "num_channels", *_defaults}
    _fields |= {alias for alias, name in IsotropicConfig.attribute_map.items() if name in _defaults}
    register_family(
        _name, IsotropicConfig, IsotropicForImageClassification, IsotropicModel, fields=_fields, family=_name
    )

# the networks of the paper's Table II
register_preset("convmixer-256/8", "convmixer", dim=256, depth=8, patch_size=1, kernel_size=9, image_size=32)
register_preset("convmixer-384/8", "convmixer", dim=384, depth=8, patch_size=4, kernel_size=9, image_size=224)
