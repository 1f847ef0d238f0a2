"""The check for users: whether a model sees what encryption does, and what it says of a share of the blocks."""

import json
import re

import pytest
from PIL import Image

from hf_etc.cli import main
from hf_etc.errors import GeometryError
from hf_etc.models import build_model
from hf_etc.models.invariance import CHANGES, label_changes
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
    assert main(["check", str(tmp_path / "bag"), "--images", pictures, "--keep", "0.5"]) == 0
    assert re.search(r"%  of 12 labels change when 0.5 of the blocks are sent\n", capsys.readouterr().out)


def test_json(tmp_path, pictures, capsys):
    bag().save_pretrained(tmp_path / "bag")
    assert main(["check", str(tmp_path / "bag"), "--images", pictures, "--keep-blocks", "0.5", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["bag_of_blocks"] and found["block_size"] == 8 and found["causes"] == {}
    assert found["changes"].keys() == CHANGES.keys() and 0 <= found["labels"] <= 1
    assert main(["check", plain_vit(tmp_path / "plain"), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert not found["bag_of_blocks"] and "position embeddings" in found["causes"].values() and found["labels"] is None


def test_share_of_labels():
    model, pictures = bag(), noise(64, 32, 32, 3)
    assert label_changes(model, pictures, 8, 1.0) == 0, "all blocks in another order"
    assert 0 < label_changes(model, pictures, 8, 0.25) < 1
    with pytest.raises(GeometryError, match=r"keep 0.1 leaves no block of 16; send more"):
        label_changes(model, pictures, 8, 0.1)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--keep", "0.5"], "--keep-blocks is measured on real pictures; give --images"),
        (["--images", "PICTURES", "--keep", "2"], "keep 2.0: give a number above 0, up to 1"),
        (
            ["--images", "PICTURES", "--keep", "0.5"],
            "has positions for 32x32 pixels, not for 16x32; for bags",
        ),
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
