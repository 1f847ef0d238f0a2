"""The demo, with one epoch of training, interrupted and resumed: every step, and what each side is left with."""

import json
import os
import re
import signal
from pathlib import Path

import pytest
from PIL import Image

from hf_etc import EtcKey, read_marker
from hf_etc.cipher.keys import KEY_ENV, KEY_FILE_ENV
from hf_etc.cli import main
from hf_etc.demo import run as demo_run
from hf_etc.demo.run import run, stored, train_on, without_key
from hf_etc.errors import EtcError, KeyFileError, MissingKeyError, OutputError
from hf_etc.sealing import KeyHolder
from hf_etc.training.train import TrainingResult

from .helpers import made_under
from .secrets import scan_tree


def not_again(*_):
    raise AssertionError("this was done before the interruption")


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """A demo that is interrupted after its trainings, and then finished without what was done before."""
    out = tmp_path_factory.mktemp("demo") / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo_run, "load_eval_split", lambda _: signal.raise_signal(signal.SIGINT))
        assert main(["demo", "--out", str(out), "--epochs", "1"]) == 130
    with pytest.MonkeyPatch.context() as patch:
        for name in ("load_digits", "encrypt_dataset", "without_key"):
            patch.setattr(demo_run, name, not_again)
        key = EtcKey.load(out / "owner" / "owner.key")
        accuracy = run(out, epochs=1)
    assert EtcKey.load(out / "owner" / "owner.key") == key
    return out, accuracy


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
    assert page.count("<img") == 1 + (12 + 2 + 6 + 2) * 3 and 'src="data:image/png' in page
    assert page.count("Photograph of a temple, plain") == page.count("Photograph of a flower, plain") == 2 * 2
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


def test_what_leaks_is_measured_and_shown(demo):
    out, _ = demo
    found = json.loads((out / "result.json").read_text())["results"]
    one_key, private = found["one_key"], found["private"]
    assert one_key["pictures"] == 360 and one_key["decrypted"] > 300
    assert private["sent"] == pytest.approx(11 * 17 * 256 / (320 * 480)) and private["neighbours_right"] < 0.1
    page = (out / "index.html").read_text()
    assert f"{one_key['decrypted']} of 360 came back" in page and "31 % of the picture leaves" in page
    assert f"{100 * private['neighbours_right']:.1f} % of the neighbouring blocks" in page


def test_a_finished_demo_is_not_begun_anew_with_other_epochs(demo):
    with pytest.raises(OutputError, match="was begun with epochs 1, not 2"):
        run(demo[0], epochs=2)


def test_half_a_dataset_is_not_taken_for_one(tmp_path):
    from datasets import Dataset, DatasetDict

    data = DatasetDict(test=Dataset.from_dict({"label": [1, 2]}))
    (tmp_path / "data.unfinished").mkdir()
    (tmp_path / "data.unfinished" / "dataset_dict.json").write_text("{")
    assert stored(tmp_path / "data", lambda: data)["test"]["label"][:] == [1, 2]
    assert [path.name for path in tmp_path.iterdir()] == ["data"]
    assert len(stored(tmp_path / "data", not_again)["test"]) == 2


def test_says_how_long_it_takes(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(demo_run, "train_on", lambda *_: signal.raise_signal(signal.SIGINT))
    assert main(["demo", "--out", str(tmp_path / "out")]) == 130
    shown = capsys.readouterr()
    assert re.search(r"Time left: about \d+ minutes?\. Ctrl-C stops; the same command goes on", shown.out)
    assert "[3/7] Provider: train on ciphertexts" in shown.out and "run the same command again to resume" in shown.err


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
    with pytest.raises(OutputError, match="not empty and was not begun by hf-etc"):
        run(tmp_path)
    assert main(["demo", "--out", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith("hf-etc: error: ") and [p.name for p in Path(tmp_path).iterdir()] == [
        "mine.txt"
    ]
