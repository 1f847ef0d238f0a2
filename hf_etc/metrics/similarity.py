"""How much of a plain image can be seen in another one: SSIM and LPIPS (paper section IV-D, Fig. 6 to 8)."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import GeometryError, ImageError, ParameterError

_WINDOW, _SIGMA = 11, 1.5
_BATCH = 64
# Where each backbone's features are read: after these layers of torchvision's `features`.
_TAPS = {
    "squeeze": (1, 4, 7, 9, 10, 11, 12),
    "alex": (1, 4, 7, 9, 11),
    "vgg": (3, 8, 15, 22, 29),
}
_BACKBONES = {
    "squeeze": (torchvision.models.squeezenet1_1, torchvision.models.SqueezeNet1_1_Weights.IMAGENET1K_V1),
    "alex": (torchvision.models.alexnet, torchvision.models.AlexNet_Weights.IMAGENET1K_V1),
    "vgg": (torchvision.models.vgg16, torchvision.models.VGG16_Weights.IMAGENET1K_V1),
}


def ssim(reference: Tensor, other: Tensor, batch_size: int = _BATCH) -> Tensor:
    """Structural similarity, the mean over pixels and the three components: 1 for equal images.

    Gaussian window of 11x11 with sigma 1.5, data range 255, K1 = 0.01, K2 = 0.03, only windows that lie
    within the image (Wang et al. 2004).

    Args:
        reference, other: (N,3,H,W), uint8 or floats in 0..255, on any device; H and W at least 11.
        batch_size: images at a time.

    Returns:
        float32 (N,), on the device of `reference`.

    Raises:
        ImageError: not (N,3,H,W), or floats that are not in 0..255.
        GeometryError: the shapes differ or the images are smaller than the window.

    Example:
        >>> x = torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8)
        >>> ssim(x, x).tolist()
        [1.0, 1.0]
    """
    offsets = torch.arange(_WINDOW, device=reference.device) - _WINDOW // 2
    window = torch.exp(-(offsets**2) / (2 * _SIGMA**2))
    window = window / window.sum()
    window = (window[:, None] * window).expand(3, 1, -1, -1)

    def measure(x: Tensor, y: Tensor) -> Tensor:
        if min(x.shape[-2:]) < _WINDOW:
            raise GeometryError(f"SSIM needs {_WINDOW}x{_WINDOW} pixels or more, the images are {_size(x)}")
        x, y = x / 255, y / 255
        means = [F.conv2d(v, window, groups=3) for v in (x, y, x * x, y * y, x * y)]
        mx, my, xx, yy, xy = means
        c1, c2 = 0.01**2, 0.03**2
        structure = (2 * (xy - mx * my) + c2) / ((xx - mx**2) + (yy - my**2) + c2)
        return ((2 * mx * my + c1) / (mx**2 + my**2 + c1) * structure).mean((1, 2, 3))

    return _in_batches(measure, reference, other, batch_size, reference.device)


class Lpips(nn.Module):
    """Learned perceptual image patch similarity, version 0.1 (Zhang et al. 2018): 0 for equal images.

    Args:
        weights: folder with the linear weights ``v0.1/{net}.pth`` and, if it has them,
            ``{net}-backbone/{net}.backbone.pth`` with the state of torchvision's `features`.
        net: "squeeze", "alex" or "vgg". Without a backbone file torchvision downloads its ImageNet weights.

    Raises:
        ParameterError: unknown net, or the folder lacks its linear weights.

    Example:
        >>> metric = Lpips("path/to/lpips", net="squeeze")  # doctest: +SKIP
        >>> metric.to("cuda")(plain, restored)  # doctest: +SKIP
        tensor([0.1203, 0.0871], device='cuda:0')
    """

    shift: Tensor
    scale: Tensor

    def __init__(self, weights: str | os.PathLike, net: Literal["squeeze", "alex", "vgg"] = "squeeze") -> None:
        super().__init__()
        if net not in _TAPS:
            raise ParameterError(f"net {net!r}: use one of {', '.join(_TAPS)}")
        self.net = net
        folder = Path(weights)
        linear = _read(folder / "v0.1" / f"{net}.pth")
        self.backbone = _backbone(net, folder / f"{net}-backbone" / f"{net}.backbone.pth")
        self.register_buffer("shift", torch.tensor([-0.030, -0.088, -0.188]).reshape(3, 1, 1))
        self.register_buffer("scale", torch.tensor([0.458, 0.448, 0.450]).reshape(3, 1, 1))
        for i in range(len(_TAPS[net])):
            self.register_buffer(f"linear{i}", linear[f"lin{i}.model.1.weight"])
        self.eval().requires_grad_(False)

    def extra_repr(self) -> str:
        return f"net={self.net!r}"

    def forward(self, reference: Tensor, other: Tensor, batch_size: int = _BATCH) -> Tensor:
        """The distance of each pair.

        Args:
            reference, other: (N,3,H,W), uint8 or floats in 0..255, on any device; H and W at least 32.
            batch_size: images at a time.

        Returns:
            float32 (N,), on this module's device.

        Raises:
            ImageError: not (N,3,H,W), or floats that are not in 0..255.
            GeometryError: the shapes differ or the images are too small.
        """
        return _in_batches(self._distance, reference, other, batch_size, self.shift.device)

    def _distance(self, x: Tensor, y: Tensor) -> Tensor:
        if min(x.shape[-2:]) < 32:
            raise GeometryError(f"LPIPS needs 32x32 pixels or more, the images are {_size(x)}")
        total = torch.zeros(len(x), device=x.device)
        for i, (a, b) in enumerate(zip(self._features(x), self._features(y), strict=True)):
            difference = (F.normalize(a, dim=1) - F.normalize(b, dim=1)) ** 2
            total += F.conv2d(difference, getattr(self, f"linear{i}")).mean((1, 2, 3))
        return total

    def _features(self, x: Tensor) -> Iterator[Tensor]:
        x = (x / 127.5 - 1 - self.shift) / self.scale
        for i, layer in enumerate(self.backbone):
            x = layer(x)
            if i in _TAPS[self.net]:
                yield x


def _in_batches(
    measure: Callable[[Tensor, Tensor], Tensor], x: Tensor, y: Tensor, batch_size: int, device: torch.device
) -> Tensor:
    """`measure` of float32 chunks on `device`, after the checks that both metrics share."""
    for images in (x, y):
        if images.ndim != 4 or images.shape[1] != 3 or not len(images):
            raise ImageError(f"expected a tensor of shape (N,3,H,W), got {tuple(images.shape)}")
        if images.dtype != torch.uint8 and not images.is_floating_point():
            raise ImageError(f"pixels must be torch.uint8 or floats in 0..255, not {images.dtype}")
        if images.is_floating_point() and not (images.amin() >= 0 and images.amax() <= 255):
            raise ImageError("pixels must lie in 0..255; undo the normalisation and clamp first")
    if x.shape != y.shape:
        raise GeometryError(f"cannot compare shapes {tuple(x.shape)} and {tuple(y.shape)}; resize first")
    pairs = zip(x.split(batch_size), y.split(batch_size), strict=True)
    with torch.no_grad():
        return torch.cat([measure(a.to(device).float(), b.to(device).float()) for a, b in pairs])


def _backbone(net: str, file: Path) -> nn.Sequential:
    build, weights = _BACKBONES[net]
    if not file.is_file():
        return build(weights=weights).features
    with torch.device("meta"):  # nothing to initialise: the file has every weight
        features = build(weights=None).features
    features.load_state_dict(_read(file), assign=True)
    return features


def _read(file: Path) -> dict[str, Tensor]:
    if not file.is_file():
        raise ParameterError(f"no LPIPS weights at {file}; pass the folder that holds v0.1/")
    return torch.load(file, map_location="cpu", weights_only=True)


def _size(images: Tensor) -> str:
    return f"{images.shape[-2]}x{images.shape[-1]}"
