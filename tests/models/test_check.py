"""The check for users: whether a model sees what encryption does, and what it says of a share of the blocks."""

import json
import re

import pytest
from PIL import Image

from hf_etc import EtcImageProcessor, EtcKey
from hf_etc.cipher import EtcSpec
from hf_etc.cipher.presets import PRESETS
from hf_etc.cli import main
from hf_etc.models import build_model
from hf_etc.models.invariance import CHANGES, label_changes
from hf_etc.sealing import Recipe, Sealer
from tests.helpers import noise
from tests.models.bags import bag, plain_vit


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number, picture in enumerate(noise(12, 32, 32, 3)):
        Image.fromarray(picture).save(folder / f"{number}.png")
    return str(folder)


def test_a_bag_of_blocks(tmp_path, pictures, capsys):
    bag().save_pretrained(tmp_path / "bag")
    for images in ([], ["--images", pictures]):
        assert main(["check", str(tmp_path / "bag"), *images]) == 0
        out = capsys.readouterr().out
        assert out.count("nothing") == len(CHANGES) and "is a bag of blocks of 8x8 pixels: pictures may have" in out


def test_it_says_what_sees_a_change(tmp_path, capsys):
    assert main(["check", plain_vit(tmp_path / "plain")]) == 1
    out = capsys.readouterr().out
    assert out.count("CHANGES") == len(CHANGES) and "is no bag of blocks of 8x8 pixels" in out
    assert re.search("CHANGES  the order of the blocks .* of the largest logit: position embeddings\n", out)
    bag(canonical=False).save_pretrained(tmp_path / "order")
    assert main(["check", str(tmp_path / "order")]) == 1
    out = capsys.readouterr().out
    assert "nothing  the order of the blocks" in out and out.count("without a canonical form") == 3
    mixer = build_model("convmixer", 3, image_size=32, dim=8, depth=1, patch_size=8, kernel_size=3)
    mixer.save_pretrained(tmp_path / "mixer")
    assert main(["check", str(tmp_path / "mixer")]) == 1
    assert "layers that see which blocks are neighbours" in capsys.readouterr().out


def test_labels_that_a_share_of_the_blocks_changes(tmp_path, pictures, capsys):
    bag().save_pretrained(tmp_path / "bag")
    for option in ("--keep-blocks", "--keep"):
        assert main(["check", str(tmp_path / "bag"), "--images", pictures, option, "0.5"]) == 0
        out = capsys.readouterr().out
        assert re.search(r"%  of the labels change under keep 0.5\n", out)
        assert "serves keep 0.5, 16x32 pixels of 32x32" in out


SENT = {"paper": "32x32", "private": "16x16", "strict": "8x16"}  # of 32x32 in blocks of 4


@pytest.mark.parametrize("preset", PRESETS)
def test_a_bag_serves_every_preset(tmp_path, capsys, preset):
    bag(patch=4).save_pretrained(tmp_path / "bag")
    assert main(["check", str(tmp_path / "bag"), "--preset", preset]) == 0
    out = capsys.readouterr().out
    assert f"serves {preset}, {SENT[preset]} pixels of 32x32" in out
    assert ("nothing" in out) == ("bag of blocks" in out) == (preset != "paper"), "one key needs no bag"
    assert ("the one key that it is trained with" in out) == (preset == "paper")


def test_a_plain_vit_serves_one_key_alone(tmp_path, capsys):
    """It has positions: a ciphertext of fewer blocks does not even fit."""
    model = plain_vit(tmp_path / "plain")
    assert main(["check", model, "--preset", "paper"]) == 0
    assert "serves paper" in capsys.readouterr().out
    assert main(["check", model, "--preset", "private", "--block-size", "4"]) == 1
    out = capsys.readouterr().out
    assert "REFUSED  a ViTForImageClassification has positions for 32x32 pixels, not for 16x16; for bags" in out
    assert out.endswith("plain does not serve private\n")
    assert main(["check", model, "--key-scope", "image"]) == 1, "all blocks fit, but in an order of their own"
    out = capsys.readouterr().out
    assert "REFUSED" not in out and out.endswith("plain does not serve key_scope image\n")


def test_what_clients_are_asked_for_must_be_the_preset(tmp_path, capsys):
    bag(size=16, patch=4).save_pretrained(tmp_path / "bag")  # trained on ciphertexts of 16x16
    spec = EtcSpec("image", 4, gap=3, jitter=3)
    EtcImageProcessor(cipher=spec, size=32).save_pretrained(tmp_path / "bag")
    assert main(["check", str(tmp_path / "bag"), "--preset", "private"]) == 0
    assert "serves private, 16x16 pixels of 32x32" in capsys.readouterr().out
    assert main(["check", str(tmp_path / "bag"), "--preset", "strict", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    (reason,) = found["reasons"]
    assert reason.startswith(
        "its configuration has gap 3, jitter 3, keep 1, not gap 4, jitter 4, keep 0.5: clients with"
    )
    assert found["bag_of_blocks"] and not found["serves"]
    assert main(["check", str(tmp_path / "bag"), "--preset", "private", "--keep-blocks", "0.75"]) == 1
    assert "has keep 1, not keep 0.75:" in capsys.readouterr().out
    assert main(["check", str(tmp_path / "bag"), "--gap", "1"]) == 0, "no preset: what would be, not what is asked for"


def test_weak_settings_are_said(tmp_path, capsys):
    bag().save_pretrained(tmp_path / "bag")
    assert main(["check", str(tmp_path / "bag"), "--preset", "strict"]) == 0
    assert "warning: weak settings, only 2 blocks; clients refuse them from others" in capsys.readouterr().err


def test_json(tmp_path, pictures, capsys):
    bag().save_pretrained(tmp_path / "bag")
    assert main(["check", str(tmp_path / "bag"), "--images", pictures, "--keep-blocks", "0.5", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["bag_of_blocks"] and found["block_size"] == 8 and found["causes"] == {}
    assert found["changes"].keys() == CHANGES.keys() and 0 <= found["labels"] <= 1
    assert found["serves"] and found["reasons"] == []
    assert main(["check", plain_vit(tmp_path / "plain"), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert not found["bag_of_blocks"] and "position embeddings" in found["causes"].values() and found["labels"] is None
    assert found["serves"] is None, "nothing was asked for"


def test_share_of_labels():
    model, pictures = bag(), noise(64, 32, 32, 3)
    share = {
        keep: label_changes(model, pictures, Sealer(EtcKey.generate(), Recipe(EtcSpec("image", 8, keep=keep))).encrypt)
        for keep in (1, 0.25)
    }
    assert share[1] == 0, "all blocks in another order"
    assert 0 < share[0.25] < 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--keep-blocks", "2"], "keep 2.0: must be a multiple of 0.01, from 0.01 to 1"),
        (["--keep-blocks", "0"], "keep 0.0: must be a multiple of 0.01, from 0.01 to 1"),
        (["--keep-blocks", "0.1"], "keep 0.1 leaves no block of the 4 x 4 blocks; keep more"),
        (["--gap", "30"], "a gap of 30 pixels leaves one block of 32x32; use a smaller gap"),
        (["--preset", "private", "--block-size", "32"], "32x32 is smaller than a block of 32 with a jitter of 24"),
        (["--preset", "paper", "--gap", "2"], "gap needs a key for each image; use --key-scope image"),
        (["--preset", "secret"], "unknown preset 'secret'; choose from paper, private, strict"),
        (["--images", "EMPTY"], "no pictures in"),
        (["--block-size", "5"], "block"),
    ],
)
def test_refused_in_one_line(tmp_path, pictures, capsys, words, message):
    folders = {"PICTURES": pictures, "EMPTY": str(tmp_path / "empty")}
    (tmp_path / "empty").mkdir()
    assert main(["check", plain_vit(tmp_path / "plain"), *(folders.get(word, word) for word in words)]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("hf-etc: error: ") and message in error
