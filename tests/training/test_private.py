"""A key for each image: smaller ciphertexts, models that belong to no key, base models, and what is refused."""

import json

import numpy as np
import pytest
import torch
from datasets import DatasetDict, concatenate_datasets
from transformers import AutoModelForImageClassification

from hf_etc import EtcImageProcessor, EtcKey
from hf_etc.data import encrypt_dataset
from hf_etc.errors import GeometryError, ParameterError
from hf_etc.training.arguments import DataArguments, arguments_from
from hf_etc.training.data import load_splits
from hf_etc.training.evaluation import Accuracy, table
from hf_etc.training.protocols import prepare
from hf_etc.training.train import train
from tests.secrets import scan_tree
from tests.training.training_helpers import COLORS, colored_splits, flags, run_evaluate, run_train

pytestmark = pytest.mark.usefixtures("one_thread")
PRIVATE = {"preset": "private", "keep": 0.5, "block_size": 4}
OUTPUT = (8, 16)  # of 32x32
TINY = {"model_config": "dim=16,depth=2,patch_size=4,kernel_size=3", "num_train_epochs": 2}
BAG = "hidden_size=32,num_hidden_layers=2,num_attention_heads=2,intermediate_size=32"
RIGHT = 0.65  # chance is 0.25; the colours of leaf and brick are alike once their order means nothing
RUN = {
    "model_name_or_path": "bag-vit",
    "model_config": f"patch_size=4,{BAG}",
    "per_device_train_batch_size": 16,
    "num_train_epochs": 12,
    "learning_rate": 5e-3,
    "use_cpu": True,
    "bf16": True,
    "disable_tqdm": True,
    "save_strategy": "no",
}


def trained(folder, output, **changes):
    values = RUN | {"dataset_name": str(folder), "output_dir": str(output)} | changes
    return train(*arguments_from({name: value for name, value in values.items() if value is not None}), verbose=False)


def prepared(folder, **arguments):
    args = DataArguments(dataset_name=str(folder), **arguments)
    return prepare(args, load_splits(args))


def together(*parts):
    """One dataset of several, in no order."""
    return DatasetDict(
        {name: concatenate_datasets([part[name] for part in parts]).shuffle(seed=0) for name in parts[0]}
    )


def without_keys(patch):
    for name in ("HF_ETC_KEY", "HF_ETC_KEY_FILE"):
        patch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def owners(owner_key):
    return [owner_key, EtcKey.generate()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory, owners):
    """Plain images, ciphertexts of one owner, and ones of two owners and of people who keep no key."""
    folder, plain = tmp_path_factory.mktemp("private"), colored_splits()
    plain.save_to_disk(folder / "plain")
    first, second = (encrypt_dataset(plain, key, **PRIVATE) for key in owners)
    first.save_to_disk(folder / "one")
    together(first, second, encrypt_dataset(plain, None, disposable=True, **PRIVATE)).save_to_disk(folder / "several")
    return folder


@pytest.fixture(scope="module")
def of_one_key(folder):
    """A model trained on one owner's ciphertexts, by whom knows no key but what they should be."""
    words = flags(folder / "run-one", folder / "one", **TINY, preset="private", keep=0.5, block_size=4, image_size=32)
    assert run_train(words) == 0
    return folder / "run-one"


@pytest.fixture(scope="module")
def of_any_key(folder):
    """A model trained on the ciphertexts of all; none of the keys is known where it is."""
    augment = {"block_drop": 0.3, "block_mix_alpha": 0.5}
    result = trained(folder / "several", folder / "run-several", protocol="static", **augment)
    assert result.metrics["eval_accuracy"] > RIGHT
    return folder / "run-several"


@pytest.mark.parametrize("name", ["one", "several"])
def test_static_training_takes_the_size_of_the_ciphertexts(folder, of_one_key, of_any_key, name):
    model = {"one": of_one_key, "several": of_any_key}[name]
    processor = EtcImageProcessor.from_pretrained(model)
    assert dict(processor.size) == {"height": 32, "width": 32} and processor.output_size == OUTPUT
    assert (processor.cipher_id is None) == (name == "several") and not processor.spec.disposable
    assert run_evaluate(["--model_name_or_path", str(model), "--dataset_name", str(folder / name)]) == 0
    found = prepared(folder / name)
    assert found.size == OUTPUT == found.datasets["train"].image_size


def test_no_key_is_where_a_model_is_trained(of_any_key, owners):
    assert [scan_tree(key, of_any_key) for key in owners] == [[], []]


def test_each_owner_classifies_with_its_own_key_and_others_with_none(of_any_key, owners):
    model = AutoModelForImageClassification.from_pretrained(of_any_key).eval()
    server = EtcImageProcessor.from_pretrained(of_any_key)
    test = colored_splits()["test"]
    for key in (*owners, EtcKey.generate()):
        client = EtcImageProcessor.from_pretrained(of_any_key, key=key, allow_weak=True)  # so few blocks are
        values = server(client.encrypt(list(test["image"])), return_tensors="pt").pixel_values
        assert values.shape == (32, 3, *OUTPUT)
        with torch.no_grad():
            right = model(values).logits.argmax(-1).numpy() == np.array(test["label"])
        assert right.mean() > RIGHT


def test_reencrypted_training_encrypts_to_the_output_size(folder, monkeypatch, owner_key):
    monkeypatch.setenv("HF_ETC_KEY", owner_key.reveal())
    found = prepared(folder / "plain", protocol="re-encrypted", **PRIVATE | {"keep": 0.25})
    assert found.size == (4, 16) and found.processor.spec.keep == 0.25 and found.processor.output_size == (4, 16)
    with pytest.raises(ParameterError, match="gap needs a key for each image"):
        prepared(folder / "plain", protocol="re-encrypted", gap=1)


# Bad input


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


@pytest.mark.parametrize(
    ("settings", "difference"),
    [
        ({"preset": "strict"}, "gap 4, the first image 3"),
        ({"keep": 0.75}, "keep 0.75, the first image 0.5"),
        ({"preset": "paper", "keep": None}, "key_scope dataset, the first image image"),
        ({"block_size": 8}, "block_size 8, the first image 4"),
    ],
    ids=str,
)
def test_what_was_mixed_of_two_settings_is_refused(tmp_path, folder, owners, settings, difference):
    plain, first = DatasetDict.load_from_disk(folder / "plain"), DatasetDict.load_from_disk(folder / "one")
    second = encrypt_dataset(plain, owners[1], **PRIVATE | settings)
    mixed = {name: concatenate_datasets([first[name], second[name]]) for name in plain}
    DatasetDict(mixed).save_to_disk(tmp_path / "mixed")
    with pytest.raises(ParameterError) as refused:
        trained(tmp_path / "mixed", tmp_path / "run", protocol="static")
    assert str(refused.value) == f"train row 64 has {difference}; encrypt them in one way"


@pytest.fixture(scope="module")
def whole(folder, owner_key):
    """Ciphertexts of the owner that hold all blocks."""
    plain = DatasetDict.load_from_disk(folder / "plain")
    encrypt_dataset(plain, owner_key, key_scope="image", block_size=4).save_to_disk(folder / "whole")
    return folder / "whole"


ONE_STEP = {"protocol": "static", "max_steps": 1, "do_eval": False}


@pytest.mark.parametrize(("model", "sees"), [("bag-vit", False), ("vit", True)])
def test_a_model_for_all_blocks_refuses_half_of_them(folder, whole, tmp_path, recwarn, capsys, model, sees):
    """Its processor says so, whether or not the network could; one with positions is trained with a warning."""
    trained(whole, tmp_path / "run", model_name_or_path=model, **ONE_STEP)
    warned = [one for one in recwarn if "vit sees where blocks lie, which a key for each image" in str(one.message)]
    assert bool(warned) == sees
    assert run_evaluate(["--model_name_or_path", str(tmp_path / "run"), "--dataset_name", str(folder / "one")]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert "encrypted with gap 3, jitter 3, keep 0.5, the model takes gap 0, jitter 0, keep 1; encrypt with" in error


def test_a_plain_vit_with_positions_does_not_take_half_of_the_blocks(folder, tmp_path):
    with pytest.raises(GeometryError, match="has positions for 224x224 pixels, not for 8x16; for bags of blocks start"):
        trained(folder / "one", tmp_path / "run", model_name_or_path="vit", **ONE_STEP)


def test_a_key_beside_disposable_ones_is_refused():
    settings = {"protocol": "re-encrypted", "dataset_name": "public", "output_dir": "run"}
    with pytest.raises(ParameterError, match="leave --key_file out"):
        arguments_from(settings | {"disposable": True, "key_file": "owner.key"})


# Evaluation


def test_evaluation_encrypts_each_image_several_times(folder, of_one_key, tmp_path, owner_key, capsys):
    owner_key.save(tmp_path / "owner.key")
    words = ["--model_name_or_path", str(of_one_key), "--dataset_name", str(folder / "plain"), "--jpeg_quality", "85"]
    words += ["--key_file", str(tmp_path / "owner.key")]
    assert run_evaluate([*words, "--num_nonces", "2"]) == 0
    results = json.loads((of_one_key / "evaluation.json").read_text())["results"]
    conditions = {"right key", "wrong key", "no encryption", "right key, JPEG 85"}
    assert set(results["top1"]) == conditions and set(results["spread"]) == conditions - {"no encryption"}
    shown = capsys.readouterr().out
    assert shown.count(" +- ") == 3
    assert run_evaluate([*words, "--num_nonces", "0"]) == 2
    assert "num_nonces 0: use 1 or more" in capsys.readouterr().err


def test_a_model_of_any_key_is_evaluated_with_a_fresh_one(folder, of_any_key, monkeypatch):
    without_keys(monkeypatch)
    words = ["--model_name_or_path", str(of_any_key), "--dataset_name", str(folder / "plain"), "--jpeg_quality", "0"]
    assert run_evaluate(words) == 0
    top1 = json.loads((of_any_key / "evaluation.json").read_text())["results"]["top1"]
    assert list(top1) == ["right key", "no encryption"], "no key is a wrong one"


def test_mean_and_spread():
    measured = Accuracy.of([0.5, 0.75, 0.625])
    assert measured == pytest.approx(0.625) and measured.spread == 0.25 and Accuracy.of([0.5]).spread is None
    assert "right key   62.5 %  +- 12.5" in table({"right key": measured, "plain": np.float64(0.5)}, 0.1, 8)


# A base model


@pytest.fixture(scope="module")
def base(tmp_path_factory, folder):
    """A base model, as anybody trains it on public pictures: no key takes part."""
    output = tmp_path_factory.mktemp("base") / "run"
    scrambled = {"protocol": "re-encrypted", "disposable": True, "image_size": 32, "flip": 0.5, **PRIVATE}
    with pytest.MonkeyPatch.context() as patch:
        without_keys(patch)
        result = trained(folder / "plain", output, **scrambled)
    return output, result


def test_a_base_model_is_trained_on_scrambled_public_pictures_without_a_key(base):
    output, result = base
    assert result.metrics["eval_accuracy"] > RIGHT
    saved = EtcImageProcessor.from_pretrained(output)
    assert saved.cipher_id is None and not saved.spec.disposable and saved.spec.gap == 3


def test_a_small_private_set_goes_on_from_the_base_model(base, tmp_path, owners):
    output, _ = base
    few = colored_splits(16, 32)
    names = ["a", "b", "c", "d"]
    for split in few:
        few[split] = few[split].cast_column("label", few[split].features["label"].__class__(names=names))
    encrypt_dataset(few, owners[0], size=32, **PRIVATE).save_to_disk(tmp_path / "private")
    short = {"protocol": "static", "num_train_epochs": 5, "per_device_train_batch_size": 8, "learning_rate": 1e-3}
    found = {
        start: trained(tmp_path / "private", tmp_path / f"run{i}", **short, **model).metrics["eval_accuracy"]
        for i, (start, model) in enumerate(
            {"base": {"model_name_or_path": str(output), "model_config": None}, "scratch": {}}.items()
        )
    }
    assert found["base"] > max(RIGHT, found["scratch"])
    labels = json.loads((tmp_path / "run0" / "config.json").read_text())["id2label"]
    assert list(labels.values()) == names and set(COLORS).isdisjoint(names)
