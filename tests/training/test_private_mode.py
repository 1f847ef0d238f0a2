"""A key for each image: models that belong to no key, trained without any, by several owners, and from a base model."""

import json

import numpy as np
import pytest
import torch
from datasets import concatenate_datasets, load_from_disk
from transformers import AutoModelForImageClassification

from hf_etc import EtcImageProcessor, EtcKey
from hf_etc.data import encrypt_dataset
from hf_etc.errors import ParameterError
from hf_etc.training.arguments import arguments_from
from hf_etc.training.train import train
from tests.secrets import scan_tree
from tests.training.training_helpers import COLORS, colored_splits

SETTING = {"key_scope": "image", "block_size": 4, "gap": 1, "jitter": 1, "keep": 0.5}
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


@pytest.fixture(scope="module")
def owners():
    return [EtcKey.generate(), EtcKey.generate()]


@pytest.fixture(scope="module")
def together(tmp_path_factory, owners):
    """A model trained on the ciphertexts of two owners, and of people who keep no key; none is known where it is."""
    folder = tmp_path_factory.mktemp("together")
    plain = colored_splits()
    parts = [encrypt_dataset(plain, key, size=32, **SETTING) for key in owners]
    parts.append(encrypt_dataset(plain, None, size=32, disposable=True, **SETTING))
    for split in plain:
        plain[split] = concatenate_datasets([part[split] for part in parts]).shuffle(seed=0)
    plain.save_to_disk(folder / "ciphertexts")
    result = trained(folder / "ciphertexts", folder / "run", protocol="static", block_drop=0.3, block_mix_alpha=0.5)
    return folder / "run", result


def test_two_owners_and_people_without_keys_train_one_model(together, owners):
    folder, result = together
    assert result.metrics["eval_accuracy"] > RIGHT
    config = json.loads((folder / "preprocessor_config.json").read_text())
    assert config["cipher_id"] is None
    assert [scan_tree(key, folder) for key in owners] == [[], []]


def test_each_owner_classifies_with_its_own_key_and_others_with_none(together, owners):
    folder, _ = together
    model = AutoModelForImageClassification.from_pretrained(folder).eval()
    server = EtcImageProcessor.from_pretrained(folder)
    test = colored_splits()["test"]
    clients = [EtcImageProcessor.from_pretrained(folder, key=key) for key in (*owners, EtcKey.generate())]
    for client in clients:
        values = server(client.encrypt(list(test["image"])), return_tensors="pt").pixel_values
        assert values.shape == (32, 3, 12, 24)
        with torch.no_grad():
            right = model(values).logits.argmax(-1).numpy() == np.array(test["label"])
        assert right.mean() > RIGHT


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A base model, as anybody trains it on public pictures: no key takes part."""
    folder = tmp_path_factory.mktemp("base")
    colored_splits().save_to_disk(folder / "public")
    scrambled = {"protocol": "re-encrypted", "disposable": True, "image_size": 32, "flip": 0.5, **SETTING}
    with pytest.MonkeyPatch.context() as patch:
        for name in ("HF_ETC_KEY", "HF_ETC_KEY_FILE"):
            patch.delenv(name, raising=False)
        result = trained(folder / "public", folder / "run", **scrambled)
    return folder, result


def test_a_base_model_is_trained_on_scrambled_public_pictures_without_a_key(base):
    folder, result = base
    assert result.metrics["eval_accuracy"] > RIGHT
    saved = EtcImageProcessor.from_pretrained(folder / "run")
    assert saved.cipher_id is None and not saved.spec.disposable and saved.spec.gap == 1


def test_a_small_private_set_goes_on_from_the_base_model(base, tmp_path, owners):
    folder, _ = base
    few = colored_splits(16, 32)
    names = ["a", "b", "c", "d"]
    for split in few:
        few[split] = few[split].cast_column("label", few[split].features["label"].__class__(names=names))
    encrypt_dataset(few, owners[0], size=32, **SETTING).save_to_disk(tmp_path / "private")
    short = {"protocol": "static", "num_train_epochs": 5, "per_device_train_batch_size": 8, "learning_rate": 1e-3}
    found = {
        start: trained(tmp_path / "private", tmp_path / f"run{i}", **short, **model).metrics["eval_accuracy"]
        for i, (start, model) in enumerate(
            {"base": {"model_name_or_path": str(folder / "run"), "model_config": None}, "scratch": {}}.items()
        )
    }
    assert found["base"] > max(RIGHT, found["scratch"])
    labels = json.loads((tmp_path / "run0" / "config.json").read_text())["id2label"]
    assert list(labels.values()) == names and set(COLORS).isdisjoint(names)


def test_a_key_beside_disposable_ones_is_refused():
    settings = {"protocol": "re-encrypted", "dataset_name": "public", "output_dir": "run"}
    with pytest.raises(ParameterError, match="leave --key_file out"):
        arguments_from(settings | {"disposable": True, "key_file": "owner.key"})


def test_what_was_mixed_of_two_settings_is_refused(tmp_path, owners):
    plain = colored_splits()
    first = encrypt_dataset(plain, owners[0], size=32, **SETTING)
    second = encrypt_dataset(plain, owners[1], size=32, **SETTING | {"keep": 0.75})
    for split in plain:
        plain[split] = concatenate_datasets([first[split], second[split]])
    plain.save_to_disk(tmp_path / "mixed")
    assert load_from_disk(tmp_path / "mixed")["train"].num_rows == 128
    with pytest.raises(Exception, match="keep") as refused:
        trained(tmp_path / "mixed", tmp_path / "run", protocol="static")
    assert "\n" not in str(refused.value)
