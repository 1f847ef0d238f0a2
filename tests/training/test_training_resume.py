"""A run goes on from its own checkpoints alone: other keys, data and networks are refused, a finished run is left."""

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from datasets import Dataset, Image, load_from_disk
from transformers import AutoModelForImageClassification

from hf_etc import EtcCipher, EtcKey
from hf_etc.data import encrypt_dataset
from hf_etc.hub.push import model_files
from hf_etc.training import identity
from hf_etc.training import train as run
from hf_etc.training.data import Split
from hf_etc.training.identity import RECORD, data_digest
from tests.secrets import scan_tree
from tests.training.training_helpers import colored, colored_splits, flags, run_train

pytestmark = pytest.mark.usefixtures("one_thread")
STEPS = {"save_strategy": "steps", "save_steps": 2}


@pytest.fixture(scope="module")
def trained(folder, tmp_path_factory):
    """A finished run with checkpoints at steps 2 and 4; tests work on copies."""
    out = tmp_path_factory.mktemp("trained") / "run"
    assert run_train(flags(out, folder / "ciphertexts", **STEPS)) == 0
    return out


@pytest.fixture
def out(trained, tmp_path):
    return shutil.copytree(trained, tmp_path / "run")


def content(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()}


def weights(folder):
    return AutoModelForImageClassification.from_pretrained(folder).state_dict()


def same(first, second):
    return all(torch.equal(first[name], second[name]) for name in first) and len(first) == len(second)


def refused(capsys, arguments, message, folder):
    """One line, and nothing in the folder is touched."""
    before = content(folder)
    capsys.readouterr()
    assert run_train(arguments) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "Traceback" not in error
    assert error == f"hf-etc: error: {message}\n"
    assert content(folder) == before


def unfinish(out):
    """As a kill between the last checkpoint and the end leaves it."""
    record = json.loads((out / RECORD).read_text())
    (out / RECORD).write_text(json.dumps(record | {"finished": None}))
    (out / "model.safetensors").unlink()


# Another run


@pytest.mark.parametrize("finished", [True, False])
def test_the_checkpoint_of_another_key_with_other_data_is_refused(
    out, tmp_path, capsys, owner_key, other_key, finished
):
    other = colored_splits()
    other["train"] = colored(64, seed=9)
    encrypt_dataset(other, other_key).save_to_disk(tmp_path / "other")
    if not finished:
        unfinish(out)
    first = out / "checkpoint-4"
    ids = [EtcCipher(key).cipher_id(32, 32) for key in (owner_key, other_key)]
    difference = f'was trained with cipher_id "{ids[0]}", not "{ids[1]}"; choose another --output-dir'
    refused(capsys, flags(out, tmp_path / "other", **STEPS), f"{first} {difference}", out)


def relabelled(splits):
    labels = [(label + 1) % 4 for label in splits["train"]["label"]]
    splits["train"] = Dataset.from_dict({**splits["train"][:], "label": labels}, features=splits["train"].features)
    return splits


def other_images(splits):
    splits["train"] = colored(64, seed=9)
    return splits


def fewer_images(splits):
    splits["train"] = splits["train"].select(range(48))
    return splits


def one_class_more(splits):
    names = [*splits["train"].features["label"].names, "coal"]
    return splits.cast_column("label", type(splits["train"].features["label"])(names=names))


@pytest.mark.parametrize(
    ("change", "params", "message"),
    [
        (other_images, {}, "on other images or labels"),
        (relabelled, {}, "on other images or labels"),
        (fewer_images, {}, "with images 64, not 48"),
        (
            one_class_more,
            {},
            'with classes ["leaf", "brick", "sky", "chalk"], not ["leaf", "brick", "sky", "chalk", "coal"]',
        ),
        (lambda splits: splits, {"block_size": 8}, "with block_size 16, not 8"),
        (lambda splits: splits, {"size": 64}, "with encrypted_height 32, not 64"),
    ],
)
def test_other_data_is_refused(out, tmp_path, capsys, owner_key, change, params, message):
    encrypt_dataset(change(colored_splits()), owner_key, **params).save_to_disk(tmp_path / "other")
    message = f"{out / 'checkpoint-4'} was trained {message}; choose another --output-dir"
    refused(capsys, flags(out, tmp_path / "other", **STEPS), message, out)


def test_another_optimiser_is_refused_and_a_fused_one_is_the_same(folder, out, capsys):
    words = flags(out, folder / "ciphertexts", **STEPS, optim="sgd")
    message = f'{out}/checkpoint-4 was trained with optim "adamw_torch", not "sgd"; choose another --output-dir'
    refused(capsys, words, message, out)
    assert run_train(flags(out, folder / "ciphertexts", **STEPS, optim="adamw_torch")) == 0
    for record in out.rglob(RECORD):  # as older ones are
        facts = json.loads(record.read_text())
        del facts["facts"]["optim"]
        record.write_text(json.dumps(facts))
    assert run_train(flags(out, folder / "ciphertexts", **STEPS)) == 0


def test_another_architecture_is_named(folder, out, capsys):
    network = "patch_size=16,hidden_size=16,num_hidden_layers=1,num_attention_heads=2,intermediate_size=16"
    words = flags(out, folder / "ciphertexts", **STEPS, model_name_or_path="vit", model_config=network)
    message = f'{out}/checkpoint-4 was trained with model_type "etc_isotropic", not "vit"; choose another --output-dir'
    refused(capsys, words, message, out)


def test_a_file_in_place_of_the_folder_is_refused(folder, tmp_path, capsys):
    (tmp_path / "notes").write_text("mine")
    for out in (tmp_path / "notes", tmp_path / "notes" / "run"):
        message = f"{out} cannot be a folder, notes is a file; choose another --output-dir"
        refused(capsys, flags(out, folder / "ciphertexts"), message, tmp_path)


def test_another_network_is_refused(folder, out, capsys):
    arguments = flags(out, folder / "ciphertexts", model_config="dim=8,depth=2,patch_size=16,kernel_size=3")
    remedy = "choose another --output-dir"
    refused(capsys, arguments, f"{out / 'checkpoint-4'} was trained with dim 16, not 8; {remedy}", out)
    for checkpoint in out.glob("checkpoint-*"):
        shutil.rmtree(checkpoint)
    refused(capsys, arguments, f"{out} was trained with dim 16, not 8; {remedy}", out)
    mixer = flags(out, folder / "ciphertexts", model_name_or_path="mixer", model_config="dim=16,depth=1,patch_size=16")
    refused(capsys, mixer, f'{out} was trained with family "convmixer", not "mixer"; {remedy}', out)


def test_a_checkpoint_of_another_run_named_by_hand_is_refused(folder, out, tmp_path, capsys, other_key):
    encrypt_dataset(colored_splits(), other_key).save_to_disk(tmp_path / "other")
    arguments = flags(tmp_path / "new", tmp_path / "other", resume_from_checkpoint=out / "checkpoint-2")
    assert run_train(arguments) == 2
    assert f"hf-etc: error: {out / 'checkpoint-2'} was trained with cipher_id" in capsys.readouterr().err
    assert not (tmp_path / "new").exists() or not list((tmp_path / "new").iterdir())


@pytest.mark.parametrize("left", ["model", "model and checkpoint"])
def test_a_folder_that_does_not_say_what_it_holds_is_refused(folder, out, capsys, left):
    for path in out.rglob(RECORD):
        path.unlink()
    if left == "model":
        for checkpoint in out.glob("checkpoint-*"):
            shutil.rmtree(checkpoint)
    message = f"{out} is not empty and not a run to resume; choose another --output-dir or remove it"
    refused(capsys, flags(out, folder / "ciphertexts"), message, out)


def test_a_checkpoint_without_or_with_a_damaged_record_is_refused(folder, out, capsys):
    arguments = flags(out, folder / "ciphertexts", **STEPS)
    record = out / "checkpoint-4" / RECORD
    record.write_text('{"facts": ')
    refused(capsys, arguments, f"{record} is damaged; choose another --output-dir", out)
    record.unlink()
    message = f"{out / 'checkpoint-4'} does not say what it was trained on; choose another --output-dir"
    refused(capsys, arguments, message, out)


# The same run


@pytest.mark.parametrize("checkpoints", [True, False])
def test_a_finished_run_trains_no_further_step(folder, out, capsys, monkeypatch, checkpoints):
    if not checkpoints:
        for checkpoint in out.glob("checkpoint-*"):
            shutil.rmtree(checkpoint)
    arguments, before = flags(out, folder / "ciphertexts", **STEPS), content(out)
    results = json.loads(before["eval_results.json"])
    (out / "eval_results.json").unlink()

    def no_training(*args, **kwargs):
        raise AssertionError("it trained")

    monkeypatch.setattr(run.EtcTrainer, "training_step", no_training)
    monkeypatch.setattr(run.EtcTrainer, "train", no_training)
    assert run_train(arguments) == 0
    assert f"the run in {out} is finished; nothing is left to train" in capsys.readouterr().out
    again = json.loads((out / "eval_results.json").read_text())
    assert again["eval_accuracy"] == results["eval_accuracy"]
    assert again["eval_loss"] == pytest.approx(results["eval_loss"], rel=1e-6)
    kept = {name: data for name, data in content(out).items() if not name.endswith("results.json")}
    assert kept == {name: data for name, data in before.items() if not name.endswith("results.json")}


def test_a_finished_run_is_made_longer_from_its_checkpoint_alone(folder, out, capsys):
    longer = flags(out, folder / "ciphertexts", num_train_epochs=2, **STEPS)
    assert run_train(longer) == 0
    assert f"resuming from {out / 'checkpoint-4'}" in capsys.readouterr().out
    assert json.loads((out / "trainer_state.json").read_text())["global_step"] == 8
    for checkpoint in out.glob("checkpoint-*"):
        shutil.rmtree(checkpoint)
    message = (
        f"{out} holds a finished run with num_train_epochs 2.0, not 3.0, and no checkpoint to go on from; "
        "choose another --output-dir"
    )
    refused(capsys, flags(out, folder / "ciphertexts", num_train_epochs=3), message, out)


def test_a_run_that_ended_before_its_first_checkpoint_starts_anew(folder, out, tmp_path, monkeypatch):
    arguments = flags(tmp_path / "broken", folder / "ciphertexts", **STEPS)

    def killed(*args, **kwargs):
        raise KeyboardInterrupt  # stands for a kill: nothing is cleaned up

    with monkeypatch.context() as patch:
        patch.setattr(run.EtcTrainer, "training_step", killed)
        assert run_train(arguments) == 130
    assert [path.name for path in (tmp_path / "broken").iterdir() if path.is_file()] == [RECORD]
    assert run_train(arguments) == 0
    assert same(weights(tmp_path / "broken"), weights(out))


DRIVER = """
import json, os, signal, sys
import torch
from transformers import TrainerCallback
from hf_etc import cli
from hf_etc.training import train as run

torch.set_num_threads(1)

class Kill(TrainerCallback):
    def on_step_begin(self, args, state, control, **kwargs):
        if state.global_step == 3:
            os.kill(os.getpid(), signal.SIGKILL)

make = run.make_trainer
def make_with_kill(*args):
    trainer = make(*args)
    trainer.add_callback(Kill())
    return trainer

run.make_trainer = make_with_kill
cli.main(["train", *json.loads(sys.argv[1])])
"""


def test_a_killed_run_resumes_to_the_same_result(folder, out, tmp_path, capsys):
    arguments = flags(tmp_path / "broken", folder / "ciphertexts", **STEPS)
    driver = [sys.executable, "-c", DRIVER, json.dumps(arguments)]
    root = str(Path(__file__).parents[2])
    killed = subprocess.run(driver, capture_output=True, text=True, timeout=300, cwd=root)
    assert killed.returncode == -signal.SIGKILL, killed.stderr[-3000:]
    assert not (tmp_path / "broken" / "model.safetensors").exists()
    assert run_train(arguments) == 0
    assert f"resuming from {tmp_path / 'broken' / 'checkpoint-2'}" in capsys.readouterr().out
    assert same(weights(tmp_path / "broken"), weights(out))


# The record


@pytest.mark.parametrize("family", ["vit", "bag-vit"])
def test_a_vit_resumes_with_the_weights_that_it_had(folder, tmp_path, family):
    """transformers writes its weights under older names, which its Trainer does not find again."""
    network = "patch_size=16,hidden_size=16,num_hidden_layers=2,num_attention_heads=2,intermediate_size=16"
    changes = {"model_name_or_path": family, "model_config": network, **STEPS}
    out, whole = tmp_path / "run", tmp_path / "whole"
    assert run_train(flags(out, folder / "ciphertexts", **changes)) == 0
    shutil.copytree(out, whole)
    shutil.rmtree(out / "checkpoint-4")
    unfinish(out)
    assert run_train(flags(out, folder / "ciphertexts", **changes)) == 0
    assert same(weights(out), weights(whole))


def test_the_record_holds_no_secret_and_no_path_and_is_not_uploaded(folder, tmp_path, owner_key, monkeypatch):
    monkeypatch.setenv("HF_ETC_KEY", owner_key.reveal())
    out = tmp_path / "run"
    assert run_train(flags(out, folder / "plain", protocol="re-encrypted", jpeg_quality=85, **STEPS)) == 0
    assert scan_tree(owner_key, out) == []
    records = [*out.rglob(RECORD)]
    assert sorted(path.parent.name for path in records) == ["checkpoint-2", "checkpoint-4", "run"]
    for record in records:
        text = record.read_text()
        assert str(tmp_path) not in text and str(folder) not in text and "plain" not in text
        facts = json.loads(text)["facts"]
        assert facts["processor"]["cipher_id"] == EtcCipher(owner_key).cipher_id(32, 32) and facts["jpeg"] == [
            85,
            "4:4:4",
        ]
    assert RECORD not in {path.name for path in model_files(out)}
    split = run.load_splits(run.DataArguments(dataset_name=str(folder / "plain"), protocol="plain"))["train"]
    assert facts["data"] == data_digest(split, owner_key) != data_digest(split)
    assert data_digest(split, EtcKey.generate()) != facts["data"]


def split_of(images, labels=(0, 1), paths=()):
    cells = [{"bytes": data, "path": None} for data in images] + [{"bytes": None, "path": str(path)} for path in paths]
    table = Dataset.from_dict({"image": cells}).cast_column("image", Image(decode=False))
    return Split(table, "image", list(labels), ["a", "b"], "train")


def test_the_digest_of_data_is_of_its_content(tmp_path, monkeypatch):
    one, two = b"one" * 20, b"two" * 20
    (tmp_path / "1.png").write_bytes(one)
    (tmp_path / "2.png").write_bytes(two)
    for end in (10, 2**15):  # the whole file, or both ends
        monkeypatch.setattr(identity, "END_BYTES", end)
        digest = data_digest(split_of([one, two]))
        assert digest == data_digest(split_of([], paths=[tmp_path / "1.png", tmp_path / "2.png"]))
        others = [
            split_of([two, one]),
            split_of([one, two], labels=(1, 0)),
            split_of([one, two[:-1] + b"!"]),
            split_of([b"!" + one[1:], two]),
            split_of([one + b"!", two]),
            split_of([one + two[:1], two[1:]]),
        ]
        assert len({digest, *map(data_digest, others)}) == 7
    assert data_digest(split_of([one[:30] + b"!" + one[31:], two])) != digest


def test_the_same_images_stored_otherwise_are_the_same_data(folder, tmp_path):
    train = load_from_disk(folder / "plain")["train"]
    train.to_parquet(tmp_path / "train.parquet")
    args = [run.DataArguments(dataset_name=str(name), protocol="plain") for name in (folder / "plain", tmp_path)]
    first, second = (run.load_splits(one, evaluate=False)["train"] for one in args)
    assert data_digest(first) == data_digest(second)


def test_slices_of_time_are_one_training(folder, tmp_path):
    straight = flags(tmp_path / "straight", folder / "ciphertexts")
    assert run_train(straight) == 0
    slices = flags(tmp_path / "slices", folder / "ciphertexts", max_minutes=0)  # each is a step long
    stopped = 128 + signal.SIGALRM
    assert [run_train(slices) for _ in range(3)] == [stopped] * 3
    assert run_train(slices) == 0
    assert same(weights(tmp_path / "straight"), weights(tmp_path / "slices"))
