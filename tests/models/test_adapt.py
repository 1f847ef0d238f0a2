"""Plain models that take ciphertexts without training: the same logits, and what cannot be adapted."""

import pytest
import torch
from transformers import DeiTConfig, DeiTForImageClassification, ViTConfig, ViTForImageClassification

from hf_etc import EtcCipher, EtcImageProcessor, EtcKey, adapt
from hf_etc.blocks import Layout
from hf_etc.errors import GeometryError, ParameterError
from hf_etc.models import build_model
from hf_etc.models.absorb import adapt_to
from tests.helpers import noise

TINY = {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48, "num_labels": 5}
IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def vit(size=32, patch=8, **more):
    torch.manual_seed(0)
    return ViTForImageClassification(ViTConfig(image_size=size, patch_size=patch, **TINY, **more)).eval()


def deit():
    torch.manual_seed(0)
    return DeiTForImageClassification(DeiTConfig(image_size=32, patch_size=8, **TINY)).eval()


def convmixer():
    torch.manual_seed(0)
    return build_model("convmixer", 5, image_size=32, dim=12, depth=2, patch_size=8, kernel_size=3).eval()


def mixer():
    return build_model("mixer", 5, image_size=32, patch_size=8, dim=8, depth=1)


def values(pictures, mean=(0.5,) * 3, std=(0.5,) * 3):
    scaled = torch.tensor(pictures).permute(0, 3, 1, 2) / 255
    return (scaled - torch.tensor(mean).reshape(3, 1, 1)) / torch.tensor(std).reshape(3, 1, 1)


@torch.no_grad()
def logits(model, pixels):
    return model(pixels).logits


@pytest.mark.parametrize("make", [vit, deit, convmixer])
@pytest.mark.parametrize("normalised", [((0.5,) * 3, (0.5,) * 3), IMAGENET])
def test_ciphertexts_get_the_plain_logits(make, normalised):
    plain, pictures = make(), noise(6, 32, 32, 3)
    before = logits(plain, values(pictures, *normalised))
    for number in range(3):
        model, client = adapt(plain, EtcKey(bytes([number] * 32)), *normalised)
        received = EtcImageProcessor.from_dict(client.to_dict())(client.encrypt(list(pictures)), return_tensors="pt")
        assert torch.allclose(logits(model, received.pixel_values), before, atol=1e-5)
        assert not torch.allclose(logits(plain, received.pixel_values), before, atol=1e-3)
    assert torch.equal(logits(plain, values(pictures, *normalised)), before), "the plain model stays as it was"


def test_an_adapted_model_is_saved_like_any_other(tmp_path):
    model, client = adapt(vit(), EtcKey(bytes(32)))
    sent = client(list(noise(2, 32, 32, 3)), return_tensors="pt").pixel_values
    model.save_pretrained(tmp_path)
    again = ViTForImageClassification.from_pretrained(tmp_path).eval()
    assert torch.equal(logits(again, sent), logits(model, sent))


def layout_of(size=32, block=8, **parameters):
    return EtcCipher(EtcKey(bytes(32)), block, **parameters).compile(size, size)


IDENTITY = Layout.identity(32, 32, 8)
HALF_SENT = Layout(32, 32, 8, 4, IDENTITY.top[:8], IDENTITY.left[:8], [0] * 8, [0] * 8, [0] * 8)

OFF_THE_GRID = Layout(36, 36, 8, 4, IDENTITY.top + 1, IDENTITY.left + 1, [0] * 16, [0] * 16, [0] * 16)


@pytest.mark.parametrize(
    ("make", "layout", "error", "message"),
    [
        (vit, layout_of(), ParameterError, "blocks with a turn of their own cannot be absorbed"),
        (
            vit,
            layout_of(shared_block_key=True, block=16),
            GeometryError,
            "17 positions, the layout 4 blocks",
        ),
        (vit, layout_of(64, 16, shared_block_key=True), GeometryError, "patches of 8 pixels, the layout blocks of 16"),
        (vit, HALF_SENT, GeometryError, "17 positions, the layout 8 blocks"),
        (convmixer, layout_of(shared_block_key=True), ParameterError, "a ConvMixer sees which blocks are neighbours"),
        (convmixer, OFF_THE_GRID, ParameterError, "a ConvMixer sees which blocks are neighbours"),
        (
            lambda: build_model("mixer", 5, image_size=32, patch_size=8, dim=8, depth=1),
            IDENTITY,
            ParameterError,
            "cannot",
        ),
        (vit, Layout.stack([IDENTITY, IDENTITY]), ParameterError, "cannot be absorbed"),
    ],
)
def test_what_cannot_be_adapted(make, layout, error, message):
    with pytest.raises(error, match=message):
        adapt_to(make(), layout)
