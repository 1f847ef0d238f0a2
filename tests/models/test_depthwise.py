"""The convolution with the fast weight gradient is PyTorch's, forwards and backwards."""

import copy

import pytest
import torch
from torch import nn

from hf_etc.models import build_model
from hf_etc.models.depthwise import DepthwiseConv2d, weight_gradient, with_depthwise


def both(channels, kernel):
    torch.manual_seed(0)
    ours = DepthwiseConv2d(channels, kernel)
    plain = nn.Conv2d(channels, channels, kernel, padding="same", groups=channels)
    plain.load_state_dict(ours.state_dict())
    return ours, plain


@pytest.mark.parametrize("shape", [(3, 4, 8, 8), (70, 64, 16, 16), (1, 2, 5, 7), (2, 3, 4, 4)])
@pytest.mark.parametrize("kernel", [1, 3, 9])
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_output_and_all_gradients(shape, kernel, memory_format):
    ours, plain = both(shape[1], kernel)
    x = torch.randn(shape).to(memory_format=memory_format)
    inputs = [x.clone().requires_grad_(), x.clone().requires_grad_()]
    outputs = [layer(input) for layer, input in zip((ours, plain), inputs, strict=True)]
    grad = torch.randn_like(outputs[1])
    for output in outputs:
        output.backward(grad)
    torch.testing.assert_close(outputs[0], outputs[1])
    torch.testing.assert_close(inputs[0].grad, inputs[1].grad)
    torch.testing.assert_close(ours.weight.grad, plain.weight.grad, rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(ours.bias.grad, plain.bias.grad, rtol=1e-4, atol=1e-3)


def test_gradients_of_first_and_second_order_by_finite_differences():
    layer = DepthwiseConv2d(2, 3, dtype=torch.float64)
    x = torch.randn(2, 2, 5, 5, dtype=torch.float64, requires_grad=True)

    def of(x, weight, bias):
        return torch.func.functional_call(layer, {"weight": weight, "bias": bias}, (x,))

    assert torch.autograd.gradcheck(of, (x, layer.weight, layer.bias))
    assert torch.autograd.gradgradcheck(of, (x, layer.weight, layer.bias))


def test_bfloat16_autocast_is_as_close_to_float32_as_pytorch_is():
    ours, plain = both(64, 9)
    x = torch.randn(32, 64, 16, 16)
    exact = weight_gradient(x, torch.ones(32, 64, 16, 16), 9)
    errors = []
    for layer in (ours, plain):
        with torch.autocast("cpu", torch.bfloat16):
            output = layer(x)
        assert output.dtype == torch.bfloat16
        output.backward(torch.ones_like(output))
        assert layer.weight.grad.dtype == torch.float32
        errors.append((layer.weight.grad - exact).norm() / exact.norm())
    assert errors[0] < 1.1 * errors[1] + 1e-3


def test_what_does_not_fit_stays_as_it_is():
    network = nn.Sequential(
        nn.Conv2d(4, 4, 3, padding=1, groups=4),
        nn.Conv2d(4, 4, 3, padding=1),
        nn.Conv2d(4, 4, 3, padding=1, groups=4, stride=2),
        nn.Conv2d(4, 4, 4, padding="same", groups=4),
        nn.Conv2d(4, 4, 3, groups=4),
        nn.Conv2d(4, 4, 3, padding=1, groups=4, padding_mode="circular"),
    )
    before = copy.deepcopy(network)
    with_depthwise(network)
    assert [type(layer) is DepthwiseConv2d for layer in network] == [True, False, False, False, False, False]
    assert network.state_dict().keys() == before.state_dict().keys()
    x = torch.randn(1, 4, 32, 32)
    torch.testing.assert_close(network(x), before(x))


def test_convmixer_has_it_and_trains_and_exports(tmp_path):
    model = build_model("convmixer", 10, image_size=32, patch_size=4, dim=8, depth=2, kernel_size=5)
    assert sum(type(layer) is DepthwiseConv2d for layer in model.modules()) == 2
    x = torch.randn(2, 3, 32, 32)
    model.train()(x).logits.sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
    model.eval()
    exported = torch.export.export(model, (x,), strict=False)
    torch.testing.assert_close(exported.module()(x).logits, model(x).logits)
    model.save_pretrained(tmp_path)
    again = type(model).from_pretrained(tmp_path).eval()
    assert torch.equal(again(x).logits, model(x).logits)
