"""Crops, flips and encryption of whole batches on the device, beside the same done picture by picture."""

import numpy as np
import pytest
import torch
from datasets import load_from_disk
from PIL import Image
from transformers import AutoModelForImageClassification

from hf_etc import EtcCipher, EtcKey
from hf_etc.sealing import Recipe, Sealer
from hf_etc.training.device_augment import DeviceAugment, resampled
from hf_etc.training.trainer import EtcTrainer
from tests.secrets import scan_tree
from tests.training.training_helpers import flags, run_train

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def smooth():
    """uint8 (6,3,32,32): noise enlarged from 8x8, as smooth as a photograph."""
    noise = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 3), dtype=np.uint8)
    large = [np.asarray(Image.fromarray(one).resize((32, 32), Image.Resampling.BICUBIC)) for one in noise]
    return torch.from_numpy(np.stack(large)).permute(0, 3, 1, 2).contiguous()


@pytest.mark.parametrize("box", [(0, 0, 32, 32), (3, 5, 30, 29), (1, 0, 32, 28)])
@pytest.mark.parametrize("mirrored", [False, True])
def test_a_crop_is_pillows_up_to_the_filter(smooth, box, mirrored):
    boxes = np.array([box] * len(smooth))
    found = resampled(smooth, boxes[:, [2, 1, 0, 3]] if mirrored else boxes)
    for one, plain in zip(found, smooth, strict=True):
        expected = Image.fromarray(plain.permute(1, 2, 0).numpy()).resize((32, 32), Image.Resampling.BICUBIC, box)
        expected = expected.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if mirrored else expected
        difference = np.abs(one.permute(1, 2, 0).numpy().astype(int) - np.asarray(expected).astype(int))
        assert difference.mean() < 1.5 and (box != (0, 0, 32, 32) or difference.max() == 0)


def test_draws_are_repeated_and_of_the_share_asked_for(smooth):
    many = smooth.repeat(50, 1, 1, 1)
    augment = DeviceAugment(1, 0.25)
    flipped = augment(many, np.random.default_rng(1))
    assert torch.equal(flipped, augment(many, np.random.default_rng(1)))
    mirror = (flipped == many.flip(3)).flatten(1).all(1)
    assert ((flipped == many).flatten(1).all(1) | mirror).all()
    assert 50 < mirror.sum() < 100
    cropped = DeviceAugment(0.5, 0)(many, np.random.default_rng(1))
    assert (cropped != many).flatten(1).any(1).float().mean() > 0.9


def test_encrypted_as_by_the_cipher(smooth):
    key = EtcKey.generate()
    shared = Sealer(key, Recipe.of(size=32, block_size=8))
    expected = EtcCipher(key, 8).encrypt(smooth)
    assert torch.equal(DeviceAugment(1, 0, shared.encrypt_tensor)(smooth, np.random.default_rng(0)), expected)
    own = Sealer(key, Recipe.of(size=32, block_size=8, preset="private"))
    encrypted = DeviceAugment(1, 0, own.encrypt_tensor)(smooth, np.random.default_rng(0))
    assert encrypted.shape[2:] == own.recipe.spec.output_size(32, 32)


@pytest.mark.parametrize("more", [{}, {"preset": "private", "block_size": 8, "model_name_or_path": "bag-vit"}])
def test_a_training_learns_goes_on_and_keeps_the_key(folder, tmp_path, key, monkeypatch, more):
    monkeypatch.setenv("HF_ETC_KEY", key.reveal())
    options = {"protocol": "re-encrypted", "crop_scale": 0.6, "flip": 0.5, "augment_on_device": True}
    options |= {"gradient_accumulation_steps": 2, "num_train_epochs": 3, "seed": 5} | more
    if "preset" in more:
        tiny = "patch_size=8,hidden_size=16,num_hidden_layers=1,num_attention_heads=2,intermediate_size=32"
        options |= {"model_config": tiny}
    straight = flags(tmp_path / "straight", folder / "plain", **options)
    assert run_train(straight) == 0
    broken = flags(tmp_path / "broken", folder / "plain", max_minutes=0, **options)
    assert [run_train(broken) for _ in range(6)].count(0) == 1
    if not more:  # with a key for each image every fetch has fresh nonces
        first, second = (
            AutoModelForImageClassification.from_pretrained(tmp_path / name).state_dict()
            for name in ("straight", "broken")
        )
        assert all(torch.equal(first[name], second[name]) for name in first)
    assert not scan_tree(key, tmp_path)


def test_the_model_gets_what_the_device_made(folder, tmp_path, key, monkeypatch):
    """With the fault of leaving the encryption out, the network would see plain pictures."""
    monkeypatch.setenv("HF_ETC_KEY", key.reveal())
    seen = []
    compute = EtcTrainer.compute_loss

    def watched(self, model, inputs, *arguments, **named):
        seen.append(inputs["pixel_values"].clone())
        return compute(self, model, inputs, *arguments, **named)

    monkeypatch.setattr(EtcTrainer, "compute_loss", watched)
    options = {"protocol": "re-encrypted", "augment_on_device": True, "max_steps": 1, "do_eval": False}
    assert run_train(flags(tmp_path / "run", folder / "plain", **options)) == 0
    rows = load_from_disk(str(folder / "plain"))["train"]["image"]
    plain = torch.from_numpy(np.stack([np.asarray(row) for row in rows])).permute(0, 3, 1, 2)
    encrypted = EtcCipher(key, 16).encrypt(plain.contiguous())
    got = ((seen[0] + 1) * 127.5).round().to(torch.uint8)
    assert all((encrypted == one).flatten(1).all(1).any() for one in got)
    assert not any((plain == one).flatten(1).all(1).any() for one in got)


@pytest.mark.parametrize(
    "more", [{"rand_augment": "rand-m9"}, {"color_jitter": 0.1}, {"jpeg_quality": 85, "protocol": "re-encrypted"}]
)
def test_what_works_on_single_pictures_is_refused(folder, tmp_path, capsys, more):
    options = {"protocol": "plain", "augment_on_device": True} | more
    assert run_train(flags(tmp_path / "run", folder / "plain", **options)) == 2
    assert "works on single pictures; leave it or --augment-on-device out" in capsys.readouterr().err


def test_ciphertexts_cannot_take_it(folder, tmp_path, capsys):
    assert run_train(flags(tmp_path / "run", folder / "ciphertexts", augment_on_device=True)) == 2
    assert "a ciphertext cannot take --augment-on-device True" in capsys.readouterr().err
