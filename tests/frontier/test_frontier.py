"""Accuracy against leakage: settings, measurements that go on where they were, and what the page says of them."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from hf_etc import cli
from hf_etc.cipher import EtcSpec
from hf_etc.errors import ParameterError
from hf_etc.experiments.store import Store
from hf_etc.frontier.page import frontier, points
from hf_etc.frontier.settings import name_of, parse_setting, sent_share, usual_settings
from hf_etc.models import build_model
from tests.training.training_helpers import COLORS, colored_splits

NAME = "frontier_pictures_32"
SETTINGS = "dataset-8", "image-8", "image-8-gap2-jitter2-keep50"


@pytest.mark.parametrize("block", [4, 8, 16, 32])
def test_settings_are_told_apart_by_names_that_are_read_back(block):
    specs = usual_settings([block], (224, 224))
    names = [name_of(spec) for spec in specs]
    assert len(set(names)) == len(specs) >= 12
    assert [parse_setting(name) for name in names] == specs


def test_settings_that_leave_no_block_are_left_out():
    for spec in usual_settings([16], (32, 32)):
        spec.check_size(32, 32)
    assert len(usual_settings([16], (32, 32))) < len(usual_settings([16], (224, 224)))


def test_half_of_the_blocks_is_half_of_the_pixels():
    assert sent_share(EtcSpec("image", 16, keep=0.5), (224, 224)) == 0.5
    assert sent_share(EtcSpec("image", 16, gap=16, jitter=16), (224, 224)) == 49 / 196


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("image", "write it as"),
        ("image-16-hole4", "write it as"),
        ("image-x", "write it as"),
        ("picture-16", "use 'dataset' or 'image'"),
        ("image-16-keep0", "keep 0.0: must be a multiple of 0.01"),
        ("dataset-16-gap4", "gap needs a key for each image"),
    ],
)
def test_a_setting_that_is_none_is_refused_in_one_line(text, reason):
    with pytest.raises(ParameterError) as refused:
        parse_setting(text)
    assert str(refused.value).startswith(f"the setting '{text}': ") and reason in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """A folder with the frontier of three settings, and the words that made it."""
    folder = tmp_path_factory.mktemp("frontier")
    colored_splits(24, 16).save_to_disk(folder / "pictures")
    torch.manual_seed(0)
    shape = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    labels = dict(enumerate(COLORS))
    build_model("bag-vit", id2label=labels, image_size=32, patch_size=8, **shape).save_pretrained(folder / "model")
    words = ["frontier", str(folder / "pictures"), "--model", str(folder / "model"), "--size", "32"]
    words += ["--out", str(folder / "out"), "--settings", ",".join(SETTINGS)]
    assert cli.main(words) == 0
    return folder / "out", words


def test_every_setting_is_measured_and_told_on_the_page(measured):
    out, _ = measured
    found = points(NAME, [parse_setting(name) for name in SETTINGS], Store(out / "results"))
    assert [name_of(point.spec) for point in found] == list(SETTINGS)
    page = (out / "docs" / f"{NAME}.md").read_text()
    for point in found:
        assert f"| `{name_of(point.spec)}` |" in page and point.verdict in page
        assert len(point.accuracy["draws"]) == (1 if point.spec.key_scope == "dataset" else 3)
        assert 0 <= point.leakage["value"] <= 1
        assert point.leakage["value"] == point.leakage["attacks"][point.leakage["strongest"]]["neighbours_right"]
    assert found[0].accuracy["value"] == found[1].accuracy["value"] == found[1].accuracy["plain"]  # a bag of blocks
    with Image.open(out / "docs" / "figures" / f"{NAME}.png") as chart:
        assert np.asarray(chart).std() > 1


def test_a_stopped_frontier_goes_on_with_what_is_missing(measured, capsys):
    out, words = measured
    lost, kept = (out / "results" / NAME / f"image-8-{what}.smoke.json" for what in ("size", "accuracy"))
    before = kept.read_bytes()
    lost.unlink()
    capsys.readouterr()
    assert cli.main(words) == 0
    assert capsys.readouterr().out.count("done before") == 11
    assert lost.is_file() and kept.read_bytes() == before


def test_what_needs_another_model_is_said(measured, capsys):
    _, words = measured
    assert cli.main([*words[:-1], "image-16", "--only", "*accuracy"]) == 0
    assert "no model for blocks of 16; give one with --model" in capsys.readouterr().out


def test_nothing_to_measure_is_bad_input(capsys):
    assert cli.main(["frontier", "pictures", "--size", "32", "--out", "out"]) == 2
    assert "nothing to measure: give --model" in capsys.readouterr().err


def record(found, accuracy, **others):
    attacks = {"jigsaw": {"neighbours_right": found}, **others}
    leakage = {"value": found, "strongest": "jigsaw", "attacks": attacks, "attacked_images": 4, "public_images": 9}
    right = {"value": accuracy, "draws": [accuracy], "jpeg": accuracy, "plain": 0.9, "test_images": 9, "classes": 3}
    size, linked = {"value": 0.5, "sent_share": 0.5}, {"value": 0.5, "among": 13}
    return {"accuracy": right, "leakage": leakage, "linked": linked, "size": size}


def written(folder, records):
    for name, one in records.items():
        for what, results in one.items():
            path = folder / NAME / f"{name}-{what}.small.json"
            path.parent.mkdir(exist_ok=True)
            hardware = {"gpus": [], "threads": 1, "cpu": "cpu"}
            path.write_text(json.dumps({"results": results, "hardware": hardware}))
    return frontier(NAME, [parse_setting(name) for name in records]).report(Store(folder))


def test_the_page_says_which_attacks_were_run(tmp_path):
    later = {"places": {"neighbours_right": 0.012}, "broken": {"failed": "too few pictures"}}
    page = written(tmp_path, {"image-16": record(0.8, 0.9), "image-16-gap4": record(0.04, 0.7, **later)})
    assert "| setting | broken | jigsaw | places |" in page
    assert "| `image-16` |  | 80.0 % |  |" in page and "| `image-16-gap4` |  | 4.0 % | 1.2 % |" in page


def test_the_page_recommends_the_most_accurate_of_those_that_hide(tmp_path):
    values = {"image-16": (0.8, 0.9), "image-16-gap4": (0.04, 0.7), "image-16-gap8": (0.01, 0.6)}
    page = written(tmp_path, {name: record(*value) for name, value in values.items()})
    chosen = next(line for line in page.splitlines() if line.startswith("**Nobody may recognise"))
    assert "`image-16-gap4`: 70.0 %" in chosen
    weak = next(line for line in page.splitlines() if line.startswith("**Only obfuscation"))
    assert "`image-16`" in weak and "gap" not in weak
