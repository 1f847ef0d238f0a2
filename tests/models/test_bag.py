"""A ViT for bags of blocks: what changes nothing, and what it gives beside logits."""

import numpy as np
import pytest
import torch
from transformers import AutoModelForImageClassification

from hf_etc import EtcCipher, EtcKey
from hf_etc.blocks import COLORS, TURNS, Layout, turn_block
from hf_etc.errors import GeometryError, ParameterError
from hf_etc.models import build_model, list_families
from hf_etc.models.canonical import CanonicalBlocks
from hf_etc.models.invariance import CHANGES, logit_changes
from tests.helpers import gradient, noise
from tests.models.bags import TINY, bag, logits, values


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


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_loaded_in_half_precision(tmp_path, dtype):
    bag().save_pretrained(tmp_path)
    half = AutoModelForImageClassification.from_pretrained(tmp_path, dtype=dtype)
    pictures = noise(4, 32, 32, 3)
    found = logits(half, pictures)
    assert found.dtype == dtype and torch.allclose(found.float(), logits(bag(), pictures), atol=0.02)
    assert max(logit_changes(half, pictures, 8).values()) < 0.05, "what rounding leaves"


def test_hidden_states_and_attentions():
    model, pixels = bag(), values(noise(2, 8, 24, 3))
    states = model(pixels, output_hidden_states=True).hidden_states
    assert [state.shape for state in states] == [(2, 1 + 3, 24)] * 3
    with pytest.raises(ParameterError, match="only attn_implementation='eager' gives attentions; load the model with"):
        model(pixels, output_attentions=True)
    model.set_attn_implementation("eager")
    loss, found, attentions = model(pixels, torch.tensor([0, 1]), output_attentions=True, return_dict=False)
    assert loss.ndim == 0 and torch.allclose(found, bag()(pixels).logits, atol=1e-6), "as without attentions"
    assert [one.shape for one in attentions] == [(2, 2, 4, 4)] * 2
    model.config.output_hidden_states = True
    assert len(model(pixels).hidden_states) == 3


@pytest.mark.parametrize("how", [{"attn_implementation": "sdpa"}, {"device_map": "auto"}])
def test_loaded_as_any_other_model_of_transformers(tmp_path, how):
    model, pictures = bag(), noise(2, 32, 32, 3)
    model.save_pretrained(tmp_path)
    again = AutoModelForImageClassification.from_pretrained(tmp_path, **how)
    model.set_attn_implementation("eager")
    assert torch.allclose(logits(again, pictures), logits(model, pictures), atol=1e-5)


def test_gradients_reach_every_weight():
    model = bag().train()
    model(values(noise(2, 32, 32, 3)), labels=torch.tensor([0, 1])).loss.backward()
    assert not [name for name, weight in model.named_parameters() if weight.grad is None]


def test_logit_changes_name_what_a_model_sees():
    pictures = noise(2, 32, 32, 3)
    assert max(logit_changes(bag(), pictures, 8).values()) < 1e-5
    order_alone = logit_changes(bag(canonical=False), pictures, 8)
    assert order_alone["order"] < 1e-5 and min(order_alone[name] for name in CHANGES if name != "order") > 1e-3
    seen = logit_changes(build_model("vit", 5, image_size=32, patch_size=8, **TINY).eval(), pictures, 8)
    assert min(seen.values()) > 1e-3


@pytest.mark.parametrize("changes", [{"num_channels": 1}, {"patch_size": [8, 4]}])
def test_blocks_without_a_canonical_form(changes):
    with pytest.raises(ParameterError, match="the canonical form is of square blocks of 3 channels"):
        build_model("bag-vit", 5, **TINY | {"image_size": 32, "patch_size": 8} | changes)


@pytest.mark.parametrize(("patch", "layers"), [(8, 2), (4, 1), (2, 1), (5, 2), (16, 3)])
def test_convolutions_inside_of_a_block(patch, layers):
    model, pictures = bag(4 * patch, patch, block_stem_channels=4), noise(2, 4 * patch, 4 * patch, 3)
    stem = model.network.vit.embeddings.stem
    assert sum(isinstance(layer, torch.nn.Conv2d) for layer in stem.layers) == layers
    assert max(logit_changes(model, pictures, patch).values()) < 1e-5
    seen = logits(model, pictures)
    torch.nn.init.zeros_(stem.projection.weight)
    assert not torch.allclose(logits(model, pictures), seen, atol=1e-4)


def test_convolutions_learn_and_are_saved(tmp_path):
    model, pictures = bag(block_stem_channels=4).train(), noise(2, 32, 32, 3)
    model(values(pictures), labels=torch.tensor([0, 1])).loss.backward()
    assert not [name for name, weight in model.named_parameters() if weight.grad is None]
    model.eval().save_pretrained(tmp_path)
    loaded = AutoModelForImageClassification.from_pretrained(tmp_path)
    assert loaded.config.block_stem_channels == 4
    assert torch.equal(logits(loaded, pictures), logits(model, pictures))
    with pytest.raises(ParameterError, match="block_stem_channels -1: give how many, or 0 for none"):
        bag(block_stem_channels=-1)


def test_it_is_a_family():
    assert "bag-vit" in list_families()
    assert build_model("bag-vit-tiny/16", 10).config.hidden_size == 192


def test_layouts_of_half_the_blocks_are_bags_too():
    """What is left out is left out: the logits are those of the blocks that were sent."""
    places, model = Layout.identity(32, 32, 8), bag()
    half = Layout(32, 32, 8, 4, places.top[:8], places.left[:8], [3] * 8, [1] * 8, [4] * 8)
    picture = noise(1, 32, 32, 3)
    assert torch.allclose(logits(model, half.apply(picture)), logits(model, picture[:, :16]), atol=1e-5)
