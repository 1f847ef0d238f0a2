import hashlib
import json
import socket

import numpy as np
import pytest
import torch
from datasets import load_from_disk

from hf_etc import EtcCipher, EtcKey
from hf_etc.errors import AlreadyEncryptedError, KeyMismatchError, NotACiphertextError, ParameterError
from hf_etc.training import evaluation
from hf_etc.training.arguments import SourceArguments
from hf_etc.training.data import load_eval_split
from hf_etc.training.evaluation import evaluate_model
from tests.secrets import find_secret
from tests.training.training_helpers import COLORS, colored_splits, flags, run_evaluate, run_train, save_both


@pytest.fixture(scope="module")
def owner_key():
    """Fixed, as is the wrong one: with four colours to tell apart, an unlucky pair of keys gives the same answers."""
    return EtcKey(hashlib.sha256(b"owner").digest())


@pytest.fixture(scope="module")
def folder(tmp_path_factory, owner_key):
    """Data, a model of ciphertexts and a model of plain images, both well trained."""
    torch.set_num_threads(1)
    folder = save_both(tmp_path_factory.mktemp("evaluation"), owner_key)
    for protocol, data in (("static", "ciphertexts"), ("plain", "plain")):
        options = {"protocol": protocol, "num_train_epochs": 15, "learning_rate": 0.02}
        assert run_train(flags(folder / f"{protocol}-model", folder / data, **options)) == 0
    return folder


def split_of(folder, name):
    return load_eval_split(SourceArguments(dataset_name=str(folder / name)))


def test_owner_sees_right_key_wrong_key_no_encryption_and_jpeg(folder, owner_key, monkeypatch):
    other = EtcKey(hashlib.sha256(b"other").digest())
    monkeypatch.setattr(EtcKey, "generate", lambda: other)
    accuracy = evaluate_model(folder / "static-model", split_of(folder, "plain"), owner_key, batch_size=10)
    assert list(accuracy) == ["right key", "wrong key", "no encryption", "right key, JPEG 85", "right key, JPEG 80"]
    assert accuracy["right key"] > 0.9
    assert accuracy["right key, JPEG 85"] > 0.9
    assert accuracy["wrong key"] < accuracy["right key"]
    assert accuracy["no encryption"] < accuracy["right key"]


def test_owner_and_server_see_the_same_accuracy(folder, owner_key):
    owner = evaluate_model(folder / "static-model", split_of(folder, "plain"), owner_key, ())
    server = evaluate_model(folder / "static-model", split_of(folder, "ciphertexts"))
    trained = json.loads((folder / "static-model" / "eval_results.json").read_text())["eval_accuracy"]
    assert list(server) == ["ciphertexts"]
    assert server["ciphertexts"] == owner["right key"] == trained


def test_conditions_reach_the_model_as_said(folder, owner_key, monkeypatch):
    """Decrypting what the model got gives the picture back: exactly, not at all, or nearly."""
    seen = {}

    def watch(model, split, conditions, batch_size, device, *_):
        sources = [split.sources()[i] for i in range(4)]
        seen.update({name: condition(sources) for name, (condition,) in conditions.items()})
        return {}

    monkeypatch.setattr(evaluation, "_accuracies", watch)
    evaluate_model(folder / "static-model", split_of(folder, "plain"), owner_key, (85,), "4:2:0")
    from hf_etc import EtcCipher

    images = load_from_disk(folder / "plain")["test"]["image"][:4]
    plain = torch.from_numpy(np.stack([np.asarray(image) for image in images])).permute(0, 3, 1, 2)
    got = {name: ((values + 1) * 127.5).round().to(torch.uint8) for name, values in seen.items()}
    cipher = EtcCipher(owner_key)
    assert torch.equal(got["no encryption"], plain)
    assert torch.equal(cipher.decrypt_unauthenticated(got["right key"]), plain)
    assert not torch.equal(cipher.decrypt_unauthenticated(got["wrong key"]), plain)
    loss = (cipher.decrypt_unauthenticated(got["right key, JPEG 85 4:2:0"]).int() - plain.int()).abs().float().mean()
    assert 0 < loss < 30


def test_plain_model(folder):
    accuracy = evaluate_model(folder / "plain-model", split_of(folder, "plain"), jpeg_qualities=(80,))
    assert list(accuracy) == ["plain", "plain, JPEG 80"]
    assert min(accuracy.values()) > 0.9


def test_labels_are_matched_by_name(folder, owner_key, tmp_path):
    plain = colored_splits(4, 16)
    names = sorted(COLORS)
    reordered = plain.map(lambda row: {"label": names.index(list(COLORS)[row["label"]])})
    from datasets import ClassLabel

    reordered.cast_column("label", ClassLabel(names=names)).save_to_disk(tmp_path / "reordered")
    plain.cast_column("label", ClassLabel(names=["a", "b", "c", "d"])).save_to_disk(tmp_path / "other")
    accuracy = evaluate_model(folder / "static-model", split_of(tmp_path, "reordered"), owner_key, ())
    assert accuracy["right key"] > 0.9
    with pytest.raises(ParameterError, match="the dataset has a, b, c, d"):
        evaluate_model(folder / "static-model", split_of(tmp_path, "other"), owner_key, ())


def test_refusals(folder, owner_key):
    plain, ciphertexts = split_of(folder, "plain"), split_of(folder, "ciphertexts")
    with pytest.raises(KeyMismatchError):
        evaluate_model(folder / "static-model", plain, EtcKey.generate())
    with pytest.raises(NotACiphertextError):
        evaluate_model(folder / "static-model", plain)
    with pytest.raises(AlreadyEncryptedError):
        evaluate_model(folder / "static-model", ciphertexts, owner_key)
    with pytest.raises(AlreadyEncryptedError):
        evaluate_model(folder / "plain-model", ciphertexts)


def test_main_prints_a_table_and_writes_a_record(folder, tmp_path, capsys, owner_key, monkeypatch):
    owner_key.save(tmp_path / "owner.key")
    monkeypatch.chdir(folder)
    arguments = ["--model_name_or_path", "static-model", "--dataset_name", str(folder / "plain")]
    arguments += ["--key_file", str(tmp_path / "owner.key"), "--jpeg_quality", "85", "--max_eval_samples", "20"]
    monkeypatch.setattr("sys.argv", ["/opt/somewhere/evaluate.py", *arguments])
    assert run_evaluate(arguments) == 0
    printed = capsys.readouterr().out
    assert "right key, JPEG 85" in printed and "20 images" in printed
    text = (folder / "static-model" / "evaluation.json").read_text()
    record = json.loads(text)
    assert record["results"]["top1"]["right key"] > 0.9 and record["results"]["chance"] == 0.25
    assert record["data"]["images"] == 20
    assert record["settings"]["cipher_id"] == EtcCipher(owner_key).cipher_id(32, 32)
    assert record["command"].startswith("evaluate.py --model_name_or_path static-model --dataset_name plain --key_file")
    assert str(folder) not in text and str(tmp_path) not in text
    assert socket.gethostname() not in text
    assert find_secret(owner_key, text) == []


def test_json_and_quiet(folder, tmp_path, capsys):
    words = ["--model", str(folder / "static-model"), "--dataset", str(folder / "ciphertexts")]
    words += ["--out", str(tmp_path / "result.json")]
    assert run_evaluate([*words, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    record = json.loads((tmp_path / "result.json").read_text())
    assert printed == record["results"] | {"images": 32, "record": str(tmp_path / "result.json")}
    assert run_evaluate([*words, "--quiet"]) == 0
    shown = capsys.readouterr()
    assert shown.err == "" and "ciphertexts" in shown.out and "record:" not in shown.out


def test_main_on_the_server_needs_no_key(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(EtcKey, "__init__", None)
    out = tmp_path / "result.json"
    arguments = ["--model_name_or_path", str(folder / "static-model"), "--dataset_name", str(folder / "ciphertexts")]
    assert run_evaluate([*arguments, "--output", str(out)]) == 0
    assert list(json.loads(out.read_text())["results"]["top1"]) == ["ciphertexts"]


def test_a_folder_may_have_the_name_of_a_family(folder, tmp_path, monkeypatch):
    (tmp_path / "vit").symlink_to(folder / "static-model")
    monkeypatch.chdir(tmp_path)
    assert run_evaluate(["--model_name_or_path", "vit", "--dataset_name", str(folder / "ciphertexts")]) == 0


@pytest.mark.parametrize(
    ("model", "data", "more", "message"),
    [
        ("static-model", "plain", [], "no key"),
        ("static-model", "plain", ["--key_file", "absent.key"], "no key file at absent.key"),
        ("static-model", "ciphertexts", ["--key_file", "absent.key"], "this dataset holds ciphertexts"),
        ("plain-model", "plain", ["--key_file", "absent.key"], "this model takes plain images"),
        ("absent", "plain", [], "cannot load the model"),
        ("static-model", "absent", [], "cannot load the dataset"),
        ("static-model", "plain", ["--jpeg_quality", "101"], "use a whole number from 1 to 100"),
        ("static-model", "plain", ["--eval_split", "dev"], "no split dev"),
    ],
)
def test_bad_input(folder, capsys, monkeypatch, owner_key, model, data, more, message):
    if "101" in more:
        monkeypatch.setenv("HF_ETC_KEY", owner_key.reveal())
    monkeypatch.chdir(folder)
    arguments = ["--model_name_or_path", str(folder / model), "--dataset_name", str(folder / data), *more]
    assert run_evaluate(arguments) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("hf-etc: error: ") and message in error
