"""A measurement says what it measured."""

import json

import pytest
from PIL import Image

from hf_etc.audit.measure import attacked, cells_right, main
from hf_etc.audit.owner import Owner, synthetic_pictures
from hf_etc.audit.puzzle.pieces import transformed
from hf_etc.cipher import EtcSpec


@pytest.fixture
def photos(tmp_path):
    (tmp_path / "photos").mkdir()
    for number, picture in enumerate(synthetic_pictures(3, 32, 32)):
        Image.fromarray(picture).save(tmp_path / "photos" / f"{number}.png")
    return tmp_path / "photos"


def test_all_jigsaws_get_the_same_pictures_and_chance_stands_beside(photos, tmp_path):
    words = ["position-transformer", str(photos), "--images", "2", "--block-size", "8", "--scale", "smoke"]
    assert main([*words, "--folder", str(tmp_path / "kept"), "--out", str(tmp_path)]) == 0
    record = json.loads((tmp_path / "audit_position_transformer_photos_32_8.json").read_text())
    assert record["data"]["images"] == 2 and record["settings"] == {"block_size": 8, "gap": 0, "scale": "smoke"}
    assert [(row["image"], row["keep"]) for row in record["results"]] == [(0, 1), (1, 1), (0, 0.5), (1, 0.5)]
    for row in record["results"]:
        assert {"jigsaw", "pair-score", "position-transformer", "chance"} < row.keys()
        assert row["jigsaw"].keys() - row["chance"].keys() == {"cpu_seconds"}
    assert len(list((tmp_path / "kept").glob("*.pt"))) == 2


def test_an_interrupted_run_counts_the_pictures_it_attacked():
    data = {"images": 100}
    rows = attacked(({"image": number, "keep": 1} for number in range(100)), data)
    assert [next(rows)["image"] for _ in range(3)] == [0, 1, 2] and data["images"] == 3
    assert list(attacked([{"linked": 1.0}], data)) == [{"linked": 1.0}] and data["images"] == 3


def test_cells_are_right_up_to_the_mirror():
    (truth,) = Owner.new(EtcSpec("image", 8)).encrypt(synthetic_pictures(1, 32, 32))[1]
    assert cells_right(truth, truth) == cells_right(transformed(truth, 4, 1, 3), truth) == 1
    assert cells_right(transformed(truth, 2, 0, 0), truth) == 0
