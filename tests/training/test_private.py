"""Training and evaluation where each image has its own key, its ciphertext is smaller, and the key may be nobody's."""

import json

import numpy as np
import pytest
from datasets import DatasetDict, concatenate_datasets

from hf_etc import EtcImageProcessor, EtcKey
from hf_etc.data import encrypt_dataset
from hf_etc.errors import ParameterError
from hf_etc.training.arguments import DataArguments
from hf_etc.training.data import load_splits
from hf_etc.training.evaluation import Accuracy, table
from hf_etc.training.protocols import prepare
from tests.training.training_helpers import colored_splits, flags, run_evaluate, run_train

pytestmark = pytest.mark.usefixtures("one_thread")
PRIVATE = {"preset": "private", "keep": 0.5, "block_size": 4}
TINY = {"model_config": "dim=16,depth=2,patch_size=4,kernel_size=3", "num_train_epochs": 2}
OUTPUT = (8, 16)  # of 32x32


@pytest.fixture(scope="module")
def folder(tmp_path_factory, owner_key):
    """Plain images, ciphertexts of one owner, and ones of two owners and of nobody."""
    folder, plain = tmp_path_factory.mktemp("private"), colored_splits(train=48, test=16)
    plain.save_to_disk(folder / "plain")
    encrypt_dataset(plain, owner_key, **PRIVATE).save_to_disk(folder / "one")
    keys = ((owner_key, False), (EtcKey.generate(), False), (None, True))
    parts = {split: [part.shard(3, i) for i in range(3)] for split, part in plain.items()}
    every = {
        split: concatenate_datasets(
            [
                encrypt_dataset(one, key, disposable=none, **PRIVATE)
                for one, (key, none) in zip(shards, keys, strict=True)
            ]
        )
        for split, shards in parts.items()
    }
    DatasetDict(every).save_to_disk(folder / "several")
    return folder


def prepared(folder, **arguments):
    args = DataArguments(dataset_name=str(folder), **arguments)
    return prepare(args, load_splits(args))


@pytest.mark.parametrize("name", ["one", "several"])
def test_static_training_takes_the_size_of_the_ciphertexts(folder, tmp_path, name):
    out = tmp_path / "model"
    assert run_train(flags(out, folder / name, **TINY, preset="private", keep=0.5, block_size=4, image_size=32)) == 0
    processor = EtcImageProcessor.from_pretrained(out)
    assert dict(processor.size) == {"height": 32, "width": 32} and processor.output_size == OUTPUT
    assert (processor.cipher_id is None) == (name == "several") and not processor.spec.disposable
    assert run_evaluate(["--model_name_or_path", str(out), "--dataset_name", str(folder / name)]) == 0
    found = prepared(folder / name)
    assert found.size == OUTPUT == found.datasets["train"].image_size


def test_reencrypted_training_encrypts_to_the_output_size(folder, monkeypatch, owner_key):
    monkeypatch.setenv("HF_ETC_KEY", owner_key.reveal())
    found = prepared(folder / "plain", protocol="re-encrypted", **PRIVATE | {"keep": 0.25})
    assert found.size == (4, 16) and found.processor.spec.keep == 0.25 and found.processor.output_size == (4, 16)
    with pytest.raises(ParameterError, match="gap needs a key for each image"):
        prepared(folder / "plain", protocol="re-encrypted", gap=1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"preset": "strict"}, "the ciphertexts have gap 3, not --gap 16; correct it"),
        ({"preset": "strict", "block_size": 4}, "the ciphertexts have gap 3, not --gap 4; correct it"),
        ({"keep": 0.25}, "the ciphertexts have keep 0.5, not --keep 0.25; correct it"),
        ({"jitter": 0}, "the ciphertexts have jitter 3, not --jitter 0; correct it"),
        ({"preset": "none"}, "unknown preset 'none'; choose from paper, private, strict"),
    ],
    ids=str,
)
def test_expectations_that_are_not_met(folder, arguments, message):
    with pytest.raises(ParameterError) as raised:
        prepared(folder / "one", **arguments)
    assert str(raised.value) == message


def test_evaluation_encrypts_each_image_several_times(folder, tmp_path, owner_key, capsys):
    owner_key.save(tmp_path / "owner.key")
    out = tmp_path / "model"
    assert run_train(flags(out, folder / "one", **TINY)) == 0
    words = ["--model_name_or_path", str(out), "--dataset_name", str(folder / "plain"), "--jpeg_quality", "85"]
    assert run_evaluate([*words, "--key_file", str(tmp_path / "owner.key"), "--num_nonces", "2"]) == 0
    results = json.loads((out / "evaluation.json").read_text())["results"]
    conditions = {"right key", "wrong key", "no encryption", "right key, JPEG 85"}
    assert set(results["top1"]) == conditions and set(results["spread"]) == conditions - {"no encryption"}
    shown = capsys.readouterr().out
    assert shown.count(" +- ") == 3
    assert run_evaluate([*words, "--key_file", str(tmp_path / "owner.key"), "--num_nonces", "0"]) == 2
    assert "num_nonces 0: use 1 or more" in capsys.readouterr().err


def test_a_model_of_any_key_is_evaluated_with_a_fresh_one(folder, tmp_path, monkeypatch):
    for name in ("HF_ETC_KEY", "HF_ETC_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)
    out = tmp_path / "model"
    assert run_train(flags(out, folder / "several", **TINY)) == 0
    words = ["--model_name_or_path", str(out), "--dataset_name", str(folder / "plain"), "--jpeg_quality", "0"]
    assert run_evaluate(words) == 0
    top1 = json.loads((out / "evaluation.json").read_text())["results"]["top1"]
    assert list(top1) == ["right key", "no encryption"], "no key is a wrong one"


def test_mean_and_spread():
    measured = Accuracy.of([0.5, 0.75, 0.625])
    assert measured == pytest.approx(0.625) and measured.spread == 0.25 and Accuracy.of([0.5]).spread is None
    assert "right key   62.5 %  +- 12.5" in table({"right key": measured, "plain": np.float64(0.5)}, 0.1, 8)
