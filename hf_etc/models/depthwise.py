"""Depth-wise convolution whose weight gradient is fast on CPUs.

PyTorch computes it there by a kernel an order of magnitude slower than the forward convolution, and ConvMixer's large
kernels spend most of a training in it. The same sums are a depth-wise convolution themselves: each channel of each
image correlated with its own output gradient, as large as the image, at every offset of the kernel. So they go
through the fast forward kernel. `benchmarks/training.py` measures what that gives.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.grad import conv2d_input

_TOGETHER = 2**18  # values of a feature map that fit a core's cache


class DepthwiseConv2d(nn.Conv2d):
    """`nn.Conv2d` with one filter for each channel, stride 1 and an output as large as the input.

    Other devices, exports and compiled graphs get PyTorch's own convolution.

    Args:
        channels: of the input and the output.
        kernel_size: edge of the square kernels, odd.
        device, dtype: of the parameters.

    Example:
        >>> convolution = DepthwiseConv2d(8, 9)
        >>> convolution(torch.zeros(2, 8, 16, 16)).shape
        torch.Size([2, 8, 16, 16])
    """

    def __init__(self, channels: int, kernel_size: int, device: Any = None, dtype: Any = None) -> None:
        padding = kernel_size // 2
        super().__init__(channels, channels, kernel_size, padding=padding, groups=channels, device=device, dtype=dtype)

    def forward(self, input: Tensor) -> Tensor:
        trained = torch.is_grad_enabled() and self.weight.requires_grad
        if input.device.type != "cpu" or not trained or torch.compiler.is_compiling() or torch.jit.is_tracing():
            return super().forward(input)
        weight, bias = self.weight, self.bias
        if torch.is_autocast_enabled("cpu"):
            dtype = torch.get_autocast_dtype("cpu")
            input, weight, bias = input.to(dtype), weight.to(dtype), None if bias is None else bias.to(dtype)
        return _Depthwise.apply(input, weight, bias)


class _Depthwise(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(input, weight)
        return F.conv2d(input, weight, bias, padding=weight.shape[-1] // 2, groups=len(weight))

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        (input, weight), grad = ctx.saved_tensors, grads[0]
        wanted, padding = ctx.needs_input_grad, weight.shape[-1] // 2
        grad_input = grad_weight = None
        if wanted[0]:
            grad_input = conv2d_input(input.shape, weight, grad, padding=padding, groups=len(weight))
        if wanted[1]:
            grad_weight = weight_gradient(input, grad, weight.shape[-1]).to(weight.dtype)
        return grad_input, grad_weight, grad.sum((0, 2, 3)) if wanted[2] else None


def weight_gradient(input: Tensor, grad: Tensor, kernel_size: int) -> Tensor:
    """The gradient of a depth-wise convolution with respect to its weight.

    Args:
        input: (N,C,H,W).
        grad: of the loss with respect to the output, (N,C,H,W), of the same dtype.
        kernel_size: edge K of the kernels, odd.

    Returns:
        (C,1,K,K), summed in float32 or wider.
    """
    _, channels, height, width = input.shape
    wide = torch.promote_types(input.dtype, torch.float32)
    total = input.new_zeros(kernel_size, kernel_size, channels, dtype=wide)
    step = max(1, _TOGETHER // (channels * height * width))
    for images, grads in zip(input.split(step), grad.split(step), strict=True):
        maps = images.permute(2, 3, 0, 1).reshape(height, width, -1).permute(2, 0, 1)  # (N*C,H,W), channels last
        kernels = grads.permute(2, 3, 0, 1).reshape(height, width, -1).permute(2, 0, 1)
        sums = F.conv2d(maps[None], kernels[:, None], padding=kernel_size // 2, groups=len(maps))
        total += sums[0].permute(1, 2, 0).unflatten(2, (len(images), channels)).sum(2, dtype=wide)
    return total.permute(2, 0, 1)[:, None]


def with_depthwise(network: nn.Module) -> nn.Module:
    """Let the depth-wise convolutions of a network that fit be :class:`DepthwiseConv2d`; weights and names stay.

    Args:
        network: changed in place.
    """
    for name, layer in list(network.named_modules()):
        if type(layer) is nn.Conv2d and _fits(layer):
            fast = DepthwiseConv2d(layer.in_channels, layer.kernel_size[0], layer.weight.device, layer.weight.dtype)
            fast.weight, fast.bias = layer.weight, layer.bias
            network.set_submodule(name, fast)
    return network


def _fits(layer: nn.Conv2d) -> bool:
    edge = layer.kernel_size[0]
    shape = layer.kernel_size == (edge, edge) and edge % 2 == 1 and layer.padding in ("same", (edge // 2, edge // 2))
    depthwise = layer.groups == layer.in_channels == layer.out_channels > 1
    return depthwise and shape and layer.stride == layer.dilation == (1, 1) and layer.padding_mode == "zeros"
