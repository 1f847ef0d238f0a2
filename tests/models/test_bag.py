"""A ViT for bags of blocks: what changes nothing, where it starts from, and the check for users."""

import numpy as np
import pytest
import torch
from transformers import AutoModelForImageClassification, ViTConfig, ViTForImageClassification

from hf_etc import EtcCipher, EtcKey
from hf_etc.blocks import COLORS, TURNS, Layout, turn_block
from hf_etc.cli import main
from hf_etc.errors import GeometryError, ParameterError
from hf_etc.models import build_model, list_families
from hf_etc.models.canonical import CanonicalBlocks
from hf_etc.models.invariance import CHANGES, logit_changes
from tests.helpers import gradient, noise

TINY = {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48}


def bag(size=32, patch=8, **more):
    torch.manual_seed(0)
    return build_model("bag-vit", 5, image_size=size, patch_size=patch, **TINY, **more).eval()


def plain_vit(folder, **more):
    torch.manual_seed(1)
    ViTForImageClassification(ViTConfig(image_size=32, patch_size=8, num_labels=7, **TINY, **more)).save_pretrained(
        folder
    )
    return str(folder)


def values(pictures):
    return torch.from_numpy(pictures).permute(0, 3, 1, 2) / 127.5 - 1


@torch.no_grad()
def logits(model, pictures):
    return model(values(pictures)).logits


@pytest.mark.parametrize("size", [1, 2, 3, 4, 16, 32])
@pytest.mark.parametrize("picture", [noise, gradient])
def test_96_variants_have_one_canonical_form(size, picture):
    block = noise(size, size, 3) if picture is noise else gradient(size, size)
    forms = CanonicalBlocks(size)
    variants = np.stack(
        [turn_block(block, turn)[..., color] ^ sign for turn in range(TURNS) for color in COLORS for sign in (0, 255)]
    ).astype(np.uint8)
    found = forms(values(variants))
    assert len(torch.unique(found, dim=0)) == 1
    image = (found[0, 0].reshape(3, size, size).permute(1, 2, 0) * 127.5 + 127.5).round().to(torch.uint8).numpy()
    assert any((image == variant).all() for variant in variants), "it is one of them"


def test_blocks_with_few_values_have_one_canonical_form():
    """Many of their variants have the same score, to the last digit."""
    blocks = noise(20_000, 2, 2, 3) & 0x40
    found = [
        CanonicalBlocks(2)(values(np.ascontiguousarray(one))) for one in (blocks, 255 - blocks[:, ::-1, ::-1, ::-1])
    ]
    assert torch.equal(*found)


def test_other_blocks_keep_other_forms():
    found = CanonicalBlocks(4)(values(noise(1, 64, 64, 3)))[0]
    assert len(torch.unique(found, dim=0)) == 256


def test_equal_under_autocast_and_in_half_precision():
    forms, pictures = CanonicalBlocks(8), noise(4, 32, 32, 3)
    straight, turned = values(pictures), values(255 - pictures[:, :, ::-1, [2, 0, 1]].copy())
    for cast in (torch.float32, torch.bfloat16, torch.float64):
        with torch.autocast("cpu", torch.bfloat16):
            forms.to(cast)  # as a whole model in half precision does
            one, other = (torch.sort(forms(x.to(cast)).double().sum(-1)).values for x in (straight, turned))
        assert torch.equal(one, other)


def test_pictures_under_keys_of_their_own_get_the_plain_logits():
    model, pictures = bag(), noise(6, 32, 32, 3)
    before = logits(model, pictures)
    for number in range(3):
        cipher = EtcCipher(EtcKey(bytes([number] * 32)), 8, key_scope="image")
        assert torch.allclose(logits(model, cipher.encrypt(pictures, cipher.new_nonces(6))), before, atol=1e-5)


@pytest.mark.parametrize("shape", [(8, 8), (8, 32), (24, 16), (64, 64)])
def test_any_number_of_blocks(shape):
    assert logits(bag(), noise(2, *shape, 3)).shape == (2, 5)


def test_part_of_a_block_is_refused():
    with pytest.raises(
        GeometryError, match="30x32 is not a multiple of the model's blocks of 8; resize before encrypt"
    ):
        logits(bag(), noise(1, 30, 32, 3))


def test_saved_and_loaded(tmp_path):
    model, pictures = bag(), noise(2, 32, 32, 3)
    model.save_pretrained(tmp_path)
    again = AutoModelForImageClassification.from_pretrained(tmp_path).eval()
    assert type(again) is type(model) and torch.equal(logits(again, pictures), logits(model, pictures))
    assert not [name for name in again.state_dict() if "position" in name or "blocks" in name]


def test_exported():
    model, pictures = bag(), noise(2, 32, 32, 3)
    exported = torch.export.export(model, (values(pictures),)).module()
    assert torch.allclose(exported(values(pictures)).logits, logits(model, pictures), atol=1e-5)


def test_gradients_reach_every_weight():
    model = bag().train()
    model(values(noise(2, 32, 32, 3)), labels=torch.tensor([0, 1])).loss.backward()
    assert not [name for name, weight in model.named_parameters() if weight.grad is None]


def test_starts_from_a_plain_vit(tmp_path):
    plain = ViTForImageClassification.from_pretrained(plain_vit(tmp_path)).eval()
    plain.vit.embeddings.position_embeddings.data[:, 1:] = plain.vit.embeddings.position_embeddings[:, 1:].mean(1, True)
    model = build_model("bag-vit", 7, from_pretrained=str(tmp_path), canonical=False).eval()
    pictures = noise(3, 32, 32, 3)
    assert torch.allclose(logits(model, pictures), logits(plain, pictures), atol=1e-5), "the plain one without places"
    assert build_model("bag-vit", 3, from_pretrained=str(tmp_path)).config.num_labels == 3


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("convmixer", {}, "a 'convmixer' cannot start from another model"),
        ("bag-vit", {"hidden_size": 48}, "the plain ViT does not fit: .*; give the bag its width and depth"),
        ("FOLDER", {}, "has weights already; leave out from_pretrained"),
    ],
)
def test_what_cannot_start_from_a_plain_vit(tmp_path, name, changes, message):
    folder = plain_vit(tmp_path)
    with pytest.raises(ParameterError, match=message):
        build_model(folder if name == "FOLDER" else name, 7, from_pretrained=folder, **changes)


def test_only_a_plain_vit_can_be_taken_over():
    with pytest.raises(ParameterError, match="is no plain ViT"):
        bag().take_over(build_model("convmixer", 5, image_size=32, patch_size=8, dim=8, depth=1))


def test_logit_changes_name_what_a_model_sees():
    pictures = noise(2, 32, 32, 3)
    assert max(logit_changes(bag(), pictures, 8).values()) < 1e-5
    order_alone = logit_changes(bag(canonical=False), pictures, 8)
    assert order_alone["order"] < 1e-5 and min(order_alone[name] for name in CHANGES if name != "order") > 1e-3
    seen = logit_changes(build_model("vit", 5, image_size=32, patch_size=8, **TINY).eval(), pictures, 8)
    assert min(seen.values()) > 1e-3


def test_the_check_for_users(tmp_path, capsys):
    bag().save_pretrained(tmp_path / "bag")
    assert main(["check", str(tmp_path / "bag")]) == 0
    out = capsys.readouterr().out
    assert (
        out.count("nothing") == len(CHANGES) and "is a bag of blocks of 8x8 pixels: pictures may have a key each" in out
    )
    assert main(["check", plain_vit(tmp_path / "plain")]) == 1
    out = capsys.readouterr().out
    assert out.count("CHANGES") == len(CHANGES) and "is no bag of blocks of 8x8 pixels" in out
    (tmp_path / "empty").mkdir()
    assert main(["check", str(tmp_path / "bag"), "--images", str(tmp_path / "empty")]) == 2
    assert "no pictures in" in capsys.readouterr().err


@pytest.mark.parametrize("changes", [{"num_channels": 1}, {"patch_size": [8, 4]}])
def test_blocks_without_a_canonical_form(changes):
    with pytest.raises(ParameterError, match="the canonical form is of square blocks of 3 channels"):
        build_model("bag-vit", 5, **TINY | {"image_size": 32, "patch_size": 8} | changes)


def test_it_is_a_family():
    assert "bag-vit" in list_families()
    assert build_model("bag-vit-tiny/16", 10).config.hidden_size == 192


def test_layouts_of_half_the_blocks_are_bags_too():
    """What is left out is left out: the logits are those of the blocks that were sent."""
    places, model = Layout.identity(32, 32, 8), bag()
    half = Layout(32, 32, 8, 4, places.top[:8], places.left[:8], [3] * 8, [1] * 8, [4] * 8)
    picture = noise(1, 32, 32, 3)
    assert torch.allclose(logits(model, half.apply(picture)), logits(model, picture[:, :16]), atol=1e-5)
