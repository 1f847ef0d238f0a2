"""The networks that the paper compares with: ShakeDrop, PyramidNet, the adaptation networks, ResNet-18."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm
from transformers import AutoModelForImageClassification

from hf_etc import EtcKey, get_cipher
from hf_etc.errors import GeometryError, ImageError, ParameterError
from hf_etc.models.adaptation import (
    AdaptationConfig,
    AdaptationForImageClassification,
    EleAdapt,
    LeAdapt,
    permutation_loss,
    smoothness_loss,
)
from hf_etc.models.build import build_model
from hf_etc.models.resnet import ResNetConfig, ResNetForImageClassification
from hf_etc.models.shake_pyramidnet import (
    PyramidBlock,
    ShakeDrop,
    ShakePyramidNetConfig,
    ShakePyramidNetForImageClassification,
)

TINY = {"depth": 8, "alpha": 12, "num_labels": 10}


def images(count=4):
    return torch.rand(count, 3, 32, 32) * 2 - 1


# --- the parameters of Table II -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("resnet-18", 11_173_962),  # published 11.17 M
        ("shake-pyramidnet-110/270", 28_485_493),  # published 28.48 M
        ("le-adapt", 28_500_165),
        ("ele-adapt", 29_310_661),
    ],
)
def test_parameter_counts(name, count):
    assert build_model(name, 10).num_parameters() == count


def test_published_count_of_ele_adapt_includes_layers_that_are_never_used():
    """62.97 M: besides this network, what the authors' code builds and never calls."""
    linear = 2 * (4096 * 4096 + 4096) + 3 * (64 * 64 + 64)
    attention = 2 * (256 * 32 + 32) + (256 * 256 + 256) + 1
    norms_and_vector = 3 * 2 * 64 + 4096
    total = build_model("ele-adapt", 10).num_parameters() + linear + attention + norms_and_vector
    assert round(total / 1e6, 2) == 62.97


def test_ele_adapt_grows_with_the_number_of_blocks_and_le_adapt_does_not():
    def count(front):
        return sum(p.numel() for p in front.parameters())

    small, large = count(EleAdapt(3, 32)), count(EleAdapt(3, 64))
    assert small == 64 * (256 * 48 + 2 * 256) + 64**2
    assert large == 256 * (256 * 48 + 2 * 256) + 256**2
    assert count(LeAdapt(3)) == 256 * 48 + 2 * 256


# --- checkpoints ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", ["resnet", "shake-pyramidnet", "le-adapt", "ele-adapt"])
def test_saves_and_loads_exactly(family, tmp_path):
    fields = {} if family == "resnet" else {"depth": 8, "alpha": 12}
    model, x = build_model(family, 10, **fields), images()
    model(x)  # moves the statistics of batch norm and the estimate of the spectral norm
    model.eval().save_pretrained(tmp_path)
    loaded = AutoModelForImageClassification.from_pretrained(tmp_path)
    assert (tmp_path / "model.safetensors").is_file()
    assert type(loaded) is type(model)
    assert torch.equal(loaded(x).logits, model(x).logits)
    assert loaded.config.to_diff_dict() == model.config.to_diff_dict()


# --- ShakeDrop ------------------------------------------------------------------------------------------------------


def scales(drop, count=8):
    """What one training step multiplies each image's branch and its gradient with."""
    x = torch.full((count, 2, 3, 3), 5.0, requires_grad=True)
    y = drop(x)
    y.backward(torch.full_like(y, 7.0))
    forward, backward = y.detach() / 5, x.grad / 7
    for scale in (forward, backward):
        torch.testing.assert_close(scale, scale[:, :1, :1, :1].expand_as(scale))  # one number per image
    return forward[:, 0, 0, 0], backward[:, 0, 0, 0]


def test_shakedrop_scales_forward_and_backward_apart():
    steps = [scales(ShakeDrop(0.5)) for _ in range(400)]
    kept = [torch.equal(f, torch.ones(8)) and torch.equal(b, torch.ones(8)) for f, b in steps]
    assert 140 < sum(kept) < 260  # one decision for the whole batch
    forward, backward = (
        torch.cat(s) for s in zip(*[s for s, k in zip(steps, kept, strict=True) if not k], strict=True)
    )
    for values, low, high in ((forward, -1, 1), (backward, 0, 1)):
        counts = torch.histc(values, 4, low, high)
        assert counts.sum() == len(values)
        assert counts.min() > 0.8 * len(values) / 4
    assert torch.corrcoef(torch.stack([forward, backward]))[0, 1].abs() < 0.1


def test_shakedrop_in_evaluation_is_its_expectation():
    x = torch.randn(2, 3, 4, 4)
    assert torch.equal(ShakeDrop(0.25).eval()(x), 0.75 * x)
    drop = ShakeDrop(0.25)
    mean = torch.stack([scales(drop)[0] for _ in range(600)]).mean()
    assert mean.item() == pytest.approx(0.75, abs=0.06)
    assert torch.equal(ShakeDrop(0.0)(x), x)


# --- PyramidNet -----------------------------------------------------------------------------------------------------


def test_pyramid_has_the_published_shape():
    model = ShakePyramidNetForImageClassification(ShakePyramidNetConfig(num_labels=10))
    blocks = model.network.blocks
    assert len(blocks) == 54
    widths = [block.branch[-1].num_features for block in blocks]
    assert widths == list(range(21, 287, 5))  # from 16, 5 more in each block, 270 in all
    assert [i for i, block in enumerate(blocks) if block.branch[1].stride == (2, 2)] == [18, 36]
    rates = [block.drop.drop_rate for block in blocks]
    assert rates == pytest.approx([0.5 * (i + 1) / 54 for i in range(54)])
    convolutions = [m for m in model.modules() if isinstance(m, nn.Conv2d)]
    assert len(convolutions) + 1 == 110


def test_pyramid_shortcut_pools_and_adds_zero_channels():
    block = PyramidBlock(4, 6, stride=2, drop_rate=0.0).eval()
    nn.init.zeros_(block.branch[-1].weight)
    x = torch.randn(2, 4, 8, 8)
    out = block(x)
    torch.testing.assert_close(out[:, :4], F.avg_pool2d(x, 2))
    assert (out[:, 4:] == 0).all()


# --- the adaptation networks ----------------------------------------------------------------------------------------


def test_le_adapt_maps_every_block_alike():
    front = LeAdapt(3).eval()
    block = torch.randn(1, 3, 4, 4)
    out = front(block.repeat(1, 1, 3, 2))
    assert out.shape == (1, 16, 12, 8)
    torch.testing.assert_close(out, front(block).repeat(1, 1, 3, 2))
    expected = F.leaky_relu(front[1](front[0](block)), 0.1).reshape(1, 16, 4, 4)
    torch.testing.assert_close(front(block), expected)


@pytest.mark.parametrize("training", [True, False])
def test_ele_adapt_is_its_definition(training):
    """Against one spectral-normalised convolution per block, block after block."""
    front = EleAdapt(3, 16).train(training)
    nn.init.uniform_(front.norm.weight), nn.init.normal_(front.norm.bias)
    x, mapped = torch.randn(5, 3, 16, 16), []
    for block in range(16):
        conv, norm = nn.Conv2d(3, 256, 4, stride=4, bias=False), nn.BatchNorm2d(256)
        weight, part = front.weight.detach()[block], slice(256 * block, 256 * (block + 1))
        conv.weight.data = weight.reshape(256, 3, 4, 4)
        conv = spectral_norm(conv)
        conv.parametrizations.weight[0]._u.data = front.direction[block].clone()  # noqa: SLF001
        conv.parametrizations.weight[0]._v.data = F.normalize(weight.T @ front.direction[block], dim=0)  # noqa: SLF001
        norm.weight.data, norm.bias.data = front.norm.weight.data[part], front.norm.bias.data[part]
        row, column = block // 4 * 4, block % 4 * 4
        layers = nn.Sequential(conv, norm, nn.LeakyReLU(0.2)).train(training)
        mapped.append(layers(x[:, :, row : row + 4, column : column + 4]).detach().reshape(5, 256))
    mixed = torch.stack(mapped, dim=2) @ front.mixing.detach()
    expected = nn.PixelShuffle(4)(mixed.reshape(5, 256, 4, 4))
    torch.testing.assert_close(front(x).detach(), expected, atol=2e-4, rtol=1e-3)


def test_ele_adapt_bounds_its_maps():
    front = EleAdapt(3, 32)
    front.weight.data *= torch.rand(64, 1, 1) * 20
    for _ in range(30):
        weight = front.spectral_weight()
    largest = torch.linalg.matrix_norm(weight.detach(), ord=2)
    torch.testing.assert_close(largest, torch.ones(64), atol=0.05, rtol=0)
    weight.sum().backward()
    assert front.weight.grad.abs().sum() > 0
    before = front.direction.clone()
    front.eval()(images(1))
    assert torch.equal(front.direction, before)  # evaluation changes nothing


def test_ele_adapt_can_undo_a_block_scrambling():
    front = EleAdapt(3, 32).eval()
    front.weight.data = front.weight.data[:1].expand(64, -1, -1).clone()
    front.direction = front.direction[:1].expand(64, -1).clone()
    order = torch.randperm(64)
    x = images(2)
    blocks = F.unfold(x, 4, stride=4)[:, :, order]  # scrambled block j is block order[j]
    scrambled = F.fold(blocks, 32, 4, stride=4)
    front.mixing.data = torch.eye(64)
    plain = front(x)
    assert not torch.allclose(front(scrambled), plain)
    front.mixing.data = torch.eye(64)[order]  # output block order[i] takes block i
    torch.testing.assert_close(front(scrambled), plain)


# --- ELE-Adapt's losses ---------------------------------------------------------------------------------------------


def test_permutation_loss_is_its_definition():
    matrix = torch.randn(5, 5)
    lines = [*matrix, *matrix.T]
    expected = sum(sum(abs(v) for v in line.tolist()) - sum(v * v for v in line.tolist()) ** 0.5 for line in lines) / 25
    assert permutation_loss(matrix).item() == pytest.approx(expected, rel=1e-5)
    assert permutation_loss(torch.eye(64)[torch.randperm(64)]).item() == 0
    assert permutation_loss(torch.full((64, 64), 1 / 64)) > 0.02


def test_smoothness_loss_is_its_definition():
    x = torch.randn(2, 16, 6, 5)
    total = 0.0
    for image in x[:, :3].double():
        for channel in image:
            for r in range(5):
                for c in range(4):
                    total += (channel[r, c] - channel[r + 1, c]) ** 2 + (channel[r, c] - channel[r, c + 1]) ** 2
    assert smoothness_loss(x).item() == pytest.approx(total.item() / (2 * 5 * 5 * 16), rel=1e-5)
    x[:, :3] = 1
    assert smoothness_loss(x) == 0  # the other channels do not count


def test_ele_adapt_trains_with_all_three_losses():
    config = AdaptationConfig(adaptation="ele", drop_rate=0.0, permutation_weight=2.0, smoothness_weight=3.0, **TINY)
    model, x, labels = AdaptationForImageClassification(config), images(), torch.arange(4)
    reference = copy.deepcopy(model)
    adapted = reference.network.adaptation(x)
    cross_entropy = F.cross_entropy(reference.network.classifier(adapted), labels)
    expected = cross_entropy + 2 * permutation_loss(reference.network.adaptation.mixing) + 3 * smoothness_loss(adapted)
    loss, logits, auxiliary = model(x, labels=labels, return_dict=False)
    torch.testing.assert_close(loss, expected)
    assert auxiliary > 0.01
    torch.testing.assert_close(model(x).auxiliary_loss, auxiliary)  # for a loss that is computed from the logits
    torch.testing.assert_close(F.cross_entropy(logits, labels) + auxiliary, expected)
    loss.backward()
    assert not model.network.adaptation._forward_hooks  # noqa: SLF001
    model.eval()
    torch.testing.assert_close(model(x, labels=labels).loss, F.cross_entropy(model(x).logits, labels))
    assert model(x).keys() == {"logits"}


def test_le_adapt_trains_with_cross_entropy_alone():
    config = AdaptationConfig(adaptation="le", drop_rate=0.0, **TINY)
    model, x, labels = AdaptationForImageClassification(config), images(), torch.arange(4)
    output = model(x, labels=labels)
    torch.testing.assert_close(output.loss, F.cross_entropy(output.logits, labels))


@pytest.mark.parametrize("cipher", ["le", "ele"])
def test_learns_a_few_encrypted_images(cipher):
    plain = torch.randint(0, 256, (8, 3, 8, 8), dtype=torch.uint8).repeat_interleave(4, 2).repeat_interleave(4, 3)
    x = get_cipher(cipher, EtcKey(bytes(32))).encrypt(plain) / 127.5 - 1
    labels = torch.arange(8) % 2
    model = build_model(f"{cipher}-adapt", 2, depth=8, alpha=12, drop_rate=0.0)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9, nesterov=True)
    losses = []
    for _ in range(20):
        optimizer.zero_grad()
        output = model(x, labels=labels)
        output.loss.backward()
        optimizer.step()
        losses.append(F.cross_entropy(output.logits, labels).item())
    assert losses[-1] < 0.3 * losses[0], losses


# --- ResNet-18 ------------------------------------------------------------------------------------------------------


def test_resnet_keeps_the_resolution_of_small_images():
    model = ResNetForImageClassification(ResNetConfig(num_labels=10)).eval()
    sizes = []
    for stage in (model.network.layer1, model.network.layer4):
        stage.register_forward_hook(lambda _module, _inputs, output: sizes.append(output.shape[1:]))
    model(images(1))
    assert sizes == [(64, 32, 32), (512, 4, 4)]
    convolutions = [m for n, m in model.named_modules() if isinstance(m, nn.Conv2d) and "downsample" not in n]
    assert len(convolutions) + 1 == 18


# --- bad configurations and images ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "values", "message"),
    [
        (ShakePyramidNetConfig, {"depth": 109}, "6n"),
        (ShakePyramidNetConfig, {"depth": 2}, "6n"),
        (ShakePyramidNetConfig, {"alpha": 0}, "alpha"),
        (ShakePyramidNetConfig, {"drop_rate": 1.0}, "drop_rate"),
        (AdaptationConfig, {"adaptation": "etc"}, "'le' or 'ele'"),
        (AdaptationConfig, {"smoothness_weight": -1.0}, "smoothness_weight"),
        (ResNetConfig, {"depth": 50}, "18, 34"),
        (ResNetConfig, {"num_channels": 0}, "num_channels"),
        (ResNetConfig, {"drop_rate": -0.1}, "drop_rate"),
    ],
)
def test_bad_configurations_raise(config, values, message):
    with pytest.raises(ParameterError, match=message):
        config(**values)


def test_bad_sizes_raise():
    with pytest.raises(GeometryError, match="30x30"):
        ShakePyramidNetConfig(image_size=30)
    fixed, free = (AdaptationForImageClassification(AdaptationConfig(adaptation=a, **TINY)) for a in ("ele", "le"))
    with pytest.raises(GeometryError, match="64x64: this model takes 32x32"):
        fixed(torch.zeros(1, 3, 64, 64))
    assert free.eval()(torch.zeros(1, 3, 64, 36)).logits.shape == (1, 10)
    with pytest.raises(GeometryError, match="30x32"):
        free(torch.zeros(1, 3, 30, 32))
    with pytest.raises(ImageError, match="4 channels"):
        free(torch.zeros(1, 4, 32, 32))
    with pytest.raises(ImageError, match="1 channels"):
        ResNetForImageClassification(ResNetConfig(num_labels=10))(torch.zeros(1, 1, 32, 32))
