"""The demo, with one epoch of training: every step, and what each side is left with."""

import json
import os
import signal
from pathlib import Path

import pytest
from PIL import Image

from hf_etc import EtcKey, read_marker
from hf_etc.cipher.keys import KEY_ENV, KEY_FILE_ENV
from hf_etc.cli import main
from hf_etc.demo.run import run, train_on, without_key
from hf_etc.errors import EtcError, KeyFileError, MissingKeyError, ParameterError
from hf_etc.sealing import KeyHolder
from hf_etc.training.train import TrainingResult

from .helpers import made_under
from .secrets import scan_tree


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    out = tmp_path_factory.mktemp("demo") / "out"
    return out, run(out, epochs=1)


def test_measures_every_condition(demo):
    out, accuracy = demo
    record = json.loads((out / "result.json").read_text())
    assert record["results"]["top1"] == accuracy
    assert [name.split(", ")[-1] for name in accuracy] == [
        "model of plain digits",
        "right key",
        "JPEG 85",
        "wrong key",
        "no encryption",
    ]
    assert {len(curve) for curve in record["results"]["curves"].values()} == {1}


def test_page_shows_what_was_measured(demo):
    out, accuracy = demo
    page = (out / "index.html").read_text()
    assert all(f"{100 * value:.1f} %" in page for value in accuracy.values())
    assert page.count("<img") == 1 + 13 * 3 and 'src="data:image/png' in page
    assert f"hf-etc serve {out / 'provider' / 'model'}" in page and "$" not in page


def test_provider_gets_ciphertexts_and_no_key(demo):
    from datasets import load_from_disk

    out, _ = demo
    key = EtcKey.load(out / "owner" / "owner.key")
    assert [hit for hit in scan_tree(key, out) if not hit.startswith("owner/owner.key")] == []
    row = load_from_disk(out / "provider" / "ciphertexts")["test"][0]
    assert made_under(key, read_marker(row["image"]))
    pictures = sorted((out / "owner" / "pictures").iterdir())
    assert len(pictures) == 12 and read_marker(Image.open(pictures[0])) is None


def test_environment_key_stays_out_of_the_training(monkeypatch):
    """The environment of the process that trains holds no key, even where this one's does."""
    monkeypatch.setenv("HF_ETC_OTHER", "z")
    for name in (KEY_ENV, KEY_FILE_ENV):
        monkeypatch.setenv(name, "x")
        assert without_key(os.getenv, name) is None and os.environ[name] == "x"
    assert without_key(os.getenv, "HF_ETC_OTHER") == "z"


def test_keys_in_memory_stay_out_of_the_training():
    held = KeyHolder(EtcKey.generate())
    with pytest.raises(MissingKeyError):
        without_key(held.find)


def test_a_training_that_fails_or_is_stopped_ends_the_demo(tmp_path, monkeypatch):
    with pytest.raises(KeyFileError, match="absent"):
        without_key(EtcKey.load, tmp_path / "absent")
    with pytest.raises(EtcError, match="killed"):
        without_key(os._exit, 9)
    stopped = TrainingResult(tmp_path, {}, signal.SIGTERM)
    monkeypatch.setattr("hf_etc.demo.run.without_key", lambda function, settings: stopped)
    with pytest.raises(KeyboardInterrupt):
        train_on(tmp_path, tmp_path / "model", "static", 1)


def test_folder_in_use_is_refused(tmp_path, capsys):
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(ParameterError, match="not empty"):
        run(tmp_path)
    assert main(["demo", "--out", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith("hf-etc: error: ") and [p.name for p in Path(tmp_path).iterdir()] == [
        "mine.txt"
    ]
