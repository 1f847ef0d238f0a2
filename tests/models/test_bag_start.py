"""Where a bag of blocks may start from: the weights of plain ViTs of several kinds, and what is refused."""

import pytest
import torch
from transformers import (
    AutoImageProcessor,
    DeiTConfig,
    DeiTForImageClassification,
    DeiTForImageClassificationWithTeacher,
    Dinov2Config,
    Dinov2Model,
    ViTConfig,
    ViTForImageClassification,
    ViTForMaskedImageModeling,
    ViTImageProcessor,
    ViTMAEConfig,
    ViTMAEForPreTraining,
    ViTModel,
    ViTMSNConfig,
    ViTMSNModel,
)

from hf_etc.errors import ParameterError
from hf_etc.models import build_model
from tests.helpers import noise
from tests.models.bags import TINY, bag, logits, plain_vit

SHAPE = TINY | {"image_size": 32, "patch_size": 8, "num_labels": 7}


def decoder():
    return {
        "decoder_hidden_size": 16,
        "decoder_num_hidden_layers": 1,
        "decoder_num_attention_heads": 2,
        "decoder_intermediate_size": 16,
    }


@pytest.mark.parametrize("size", [32, 64])
def test_starts_from_a_plain_vit(tmp_path, size):
    plain = ViTForImageClassification.from_pretrained(plain_vit(tmp_path)).eval()
    plain.vit.embeddings.position_embeddings.data[:, 1:] = plain.vit.embeddings.position_embeddings[:, 1:].mean(1, True)
    model = build_model("bag-vit", 7, from_pretrained=str(tmp_path), canonical=False, image_size=size).eval()
    pictures = noise(3, 32, 32, 3)
    assert torch.allclose(logits(model, pictures), logits(plain, pictures), atol=1e-5), "the plain one without places"
    assert model.config.image_size == size
    wider = build_model("bag-vit", 7, from_pretrained=str(tmp_path), canonical=False, block_stem_channels=4).eval()
    assert torch.allclose(logits(wider, pictures), logits(model, pictures), atol=1e-5)
    assert build_model("bag-vit", 3, from_pretrained=str(tmp_path)).config.num_labels == 3


@pytest.mark.parametrize(
    ("kind", "config", "head"),
    [
        (DeiTForImageClassification, DeiTConfig, "classifier"),
        (DeiTForImageClassificationWithTeacher, DeiTConfig, "cls_classifier"),
        (ViTModel, ViTConfig, None),
        (ViTForMaskedImageModeling, ViTConfig, None),
        (ViTMAEForPreTraining, ViTMAEConfig, None),
        (ViTMSNModel, ViTMSNConfig, None),
    ],
)
def test_starts_from_other_kinds(tmp_path, kind, config, head):
    torch.manual_seed(1)
    plain = kind(config(**SHAPE, **(decoder() if config is ViTMAEConfig else {})))
    plain.save_pretrained(tmp_path)
    model = build_model("bag-vit", 7, from_pretrained=str(tmp_path))
    encoder = getattr(plain, plain.base_model_prefix, plain)
    weights = model.network.vit.state_dict()
    for name, value in encoder.layers.state_dict(prefix="layers.").items():
        assert torch.equal(weights[name], value)
    positions = encoder.embeddings.position_embeddings[0]
    bias = encoder.embeddings.patch_embeddings.projection.bias + positions[-16:].mean(0)
    assert torch.allclose(model.network.vit.embeddings.patch_embeddings.projection.bias, bias, atol=1e-6)
    assert torch.allclose(weights["embeddings.cls_token"][0, 0], encoder.embeddings.cls_token[0, 0] + positions[0])
    if head is not None:
        assert torch.equal(model.network.classifier.weight, getattr(plain, head).weight)
    assert logits(model.eval(), noise(2, 16, 8, 3)).isfinite().all()


def test_what_normalised_its_pictures_is_absorbed(tmp_path):
    mean, std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    folder = plain_vit(tmp_path)
    before = build_model("bag-vit", 7, from_pretrained=folder, canonical=False).eval()
    ViTImageProcessor(image_mean=mean, image_std=std).save_pretrained(tmp_path)
    model = build_model("bag-vit", 7, from_pretrained=folder, canonical=False).eval()
    processor = AutoImageProcessor.from_pretrained(tmp_path)
    pictures = noise(2, 32, 32, 3)
    pixels = processor(list(pictures), do_resize=False, return_tensors="pt").pixel_values
    assert torch.allclose(logits(model, pictures), before(pixels).logits, atol=1e-4)
    assert not torch.allclose(logits(before, pictures), before(pixels).logits, atol=1e-2)


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("convmixer", {}, "a 'convmixer' cannot start from another model"),
        (
            "bag-vit",
            {"hidden_size": 48},
            "48 does not fit the plain ViT, whose weights are for 24; leave it out$",
        ),
        ("bag-vit", {"num_attention_heads": 4}, "num_attention_heads 4 does not fit .* for 2; leave it out$"),
        ("bag-vit", {"patch_size": 4}, "patch_size 4 .* for 8; leave it out, and encrypt with blocks of 8 pixels$"),
        ("FOLDER", {}, "has weights already; leave out from_pretrained"),
    ],
)
def test_what_cannot_start_from_a_plain_vit(tmp_path, name, changes, message):
    folder = plain_vit(tmp_path)
    with pytest.raises(ParameterError, match=message):
        build_model(folder if name == "FOLDER" else name, 7, from_pretrained=folder, **changes)


def test_only_a_plain_vit_can_be_taken_over(tmp_path):
    with pytest.raises(ParameterError, match="is no plain ViT"):
        bag().take_over(build_model("convmixer", 5, image_size=32, patch_size=8, dim=8, depth=1))
    Dinov2Model(Dinov2Config(**TINY, image_size=32, patch_size=8)).save_pretrained(tmp_path)
    with pytest.raises(ParameterError, match=r"a Dinov2\w+ is no plain ViT; start from one, or leave it out"):
        build_model("bag-vit", 7, from_pretrained=str(tmp_path))
