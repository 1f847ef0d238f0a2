import json
import signal
import socket
import subprocess
import sys

import numpy as np
import pytest
import torch
from datasets import load_from_disk
from torch.nn import functional as F
from transformers import AutoImageProcessor, AutoModelForImageClassification, TrainerCallback, ViTImageProcessor

from hf_etc import EtcCipher, EtcImageProcessor, EtcKey
from hf_etc.errors import (
    AlreadyEncryptedError,
    GeometryError,
    MissingKeyError,
    NotACiphertextError,
    ParameterError,
)
from hf_etc.images.load import open_image
from hf_etc.models import build_model
from hf_etc.training import train as run
from hf_etc.training.arguments import DataArguments, parse_arguments
from hf_etc.training.augment import BatchAugment
from hf_etc.training.block_augment import BlockAugment
from hf_etc.training.checkpoints import find_checkpoint, remove_unfinished
from hf_etc.training.data import load_splits
from hf_etc.training.dataset import ImageDataset
from hf_etc.training.interruption import StopOnSignal
from hf_etc.training.protocols import prepare
from hf_etc.training.train import TrainingResult
from hf_etc.training.trainer import EtcTrainer
from tests.secrets import scan_tree
from tests.training.training_helpers import COLORS, colored_splits, flags, run_train

pytestmark = pytest.mark.usefixtures("one_thread")


def prepared(folder, **arguments):
    args = DataArguments(dataset_name=str(folder), **arguments)
    return prepare(args, load_splits(args))


def weights(folder):
    return AutoModelForImageClassification.from_pretrained(folder).state_dict()


def same(first, second):
    return all(torch.equal(first[name], second[name]) for name in first) and len(first) == len(second)


# The main job


def test_static_run_learns_without_a_key(folder, tmp_path, monkeypatch, owner_key):
    def refuse(*args, **kwargs):
        raise AssertionError("the static protocol touched a key")

    monkeypatch.setenv("HF_ETC_KEY", "not even a key")
    monkeypatch.setattr(EtcKey, "__init__", refuse)
    out = tmp_path / "run"
    options = {"num_train_epochs": 15, "learning_rate": 0.02, "save_strategy": "epoch", "save_total_limit": 1}
    options |= {"mixup_alpha": 0.5, "cutmix_alpha": 0.5}
    assert run_train(flags(out, folder / "ciphertexts", **options)) == 0
    results = json.loads((out / "all_results.json").read_text())
    assert results["eval_accuracy"] > 0.9  # chance: 0.25
    assert results["epoch"] == 15
    assert set(results) > {"train_loss", "eval_loss"}

    (checkpoint,) = out.glob("checkpoint-*")
    for saved in (out, checkpoint):
        model = AutoModelForImageClassification.from_pretrained(saved)
        processor = AutoImageProcessor.from_pretrained(saved)
        assert list(model.config.id2label.values()) == list(COLORS)
        assert isinstance(processor, EtcImageProcessor) and not processor.is_client
        assert processor.cipher_id == EtcCipher(owner_key).cipher_id(32, 32)
    test = load_from_disk(folder / "ciphertexts")["test"]
    logits = model.eval()(**processor(test["image"][:], return_tensors="pt")).logits
    assert (logits.argmax(-1) == torch.tensor(test["label"][:])).float().mean() == results["eval_accuracy"]


def test_a_call_returns_the_result_and_leaves_stdout_alone(folder, tmp_path, monkeypatch, capsys):
    arguments = flags(tmp_path / "run", folder / "ciphertexts", disable_tqdm=False, eval_strategy="epoch")
    result = run.train(*parse_arguments(arguments))
    shown = capsys.readouterr()
    assert shown.out == "" and "4/4" in shown.err
    assert result.folder == tmp_path / "run" and result.signal is None
    assert result == TrainingResult.read(result.folder) and result.metrics["train_samples"] == 64
    assert [row["epoch"] for row in result.history if "eval_accuracy" in row] == [1.0]

    silent = flags(tmp_path / "broken", folder / "ciphertexts")
    stopped = run_with(monkeypatch, SignalAt(2), silent, lambda argv: run.train(*parse_arguments(argv)))
    assert stopped.signal == signal.SIGTERM and TrainingResult.read(stopped.folder) is None
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("protocol", ["plain", "re-encrypted"])
def test_owner_side_runs(folder, tmp_path, protocol, owner_key):
    owner_key.save(tmp_path / "owner.key")
    secret = [] if protocol == "plain" else ["--key_file", str(tmp_path / "owner.key"), "--jpeg_quality", "85"]
    out = tmp_path / "run"
    augment = ["--crop_scale", "0.75", "--flip", "0.5", "--mixup_alpha", "0.5", "--cutmix_alpha", "0.5"]
    changes = {"num_train_epochs": 2, "save_strategy": "epoch", "dataloader_num_workers": 1}
    assert run_train(flags(out, folder / "plain", protocol=protocol, **changes) + augment + secret) == 0
    assert json.loads((out / "all_results.json").read_text())["eval_accuracy"] > 0
    kind = ViTImageProcessor if protocol == "plain" else EtcImageProcessor
    assert type(AutoImageProcessor.from_pretrained(out / "checkpoint-8")) is kind
    assert scan_tree(owner_key, out) == []
    assert b"owner.key" not in (out / "training_args.bin").read_bytes()


# Resuming and stopping


class SignalAt(TrainerCallback):
    """Sends this process a signal while step `step` is computed."""

    def __init__(self, step, number=signal.SIGTERM):
        self.step, self.number = step, number

    def on_step_begin(self, args, state, control, **kwargs):
        if state.global_step == self.step - 1:
            signal.raise_signal(self.number)


class SignalInEvaluation(TrainerCallback):
    def on_prediction_step(self, args, state, control, **kwargs):
        signal.raise_signal(signal.SIGINT)


def run_with(monkeypatch, callback, arguments, call=run_train):
    """Run with one callback more, ahead of the one that stops on signals."""
    make = run.make_trainer

    def make_with_callback(*args):
        trainer = make(*args)
        trainer.callback_handler.callbacks.insert(0, callback)
        return trainer

    with monkeypatch.context() as patch:
        patch.setattr(run, "make_trainer", make_with_callback)
        return call(arguments)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_interrupted_and_resumed_run_equals_an_uninterrupted_one(folder, tmp_path, monkeypatch, capsys, key, number):
    monkeypatch.setenv("HF_ETC_KEY", key.reveal())
    options = {"protocol": "re-encrypted", "crop_scale": 0.5, "flip": 0.5, "mixup_alpha": 0.5, "cutmix_alpha": 0.5}
    options |= {"num_train_epochs": 2, "eval_strategy": "epoch", "triangular_schedule": True}
    straight = flags(tmp_path / "straight", folder / "plain", **options)
    assert run_train(straight) == 0

    broken = flags(tmp_path / "broken", folder / "plain", **options)
    handlers = [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)]
    assert run_with(monkeypatch, SignalAt(6, number), broken) == 128 + number
    assert [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)] == handlers
    assert "step 6 is saved; run the same command again to go on" in capsys.readouterr().out
    assert not (tmp_path / "broken" / "all_results.json").exists()
    assert run_train(broken) == 0
    assert "resuming from" in capsys.readouterr().out
    assert same(weights(tmp_path / "straight"), weights(tmp_path / "broken"))


def test_signal_during_an_evaluation_saves_at_once(folder, tmp_path, monkeypatch):
    arguments = flags(tmp_path / "run", folder / "ciphertexts", eval_strategy="steps", eval_steps=2)
    assert run_with(monkeypatch, SignalInEvaluation(), arguments) == 128 + signal.SIGINT
    assert find_checkpoint(tmp_path / "run").name == "checkpoint-2"


def test_a_killed_save_is_not_resumed_from(folder, tmp_path, monkeypatch, capsys):
    arguments = flags(tmp_path / "run", folder / "ciphertexts", save_strategy="steps", save_steps=2, save_total_limit=1)
    save = EtcTrainer._save_rng_state  # noqa: SLF001

    def die_at_step_4(self, output_dir):
        if self.state.global_step == 4:
            raise KeyboardInterrupt  # stands for a kill: nothing is cleaned up
        save(self, output_dir)

    with monkeypatch.context() as patch:
        patch.setattr(EtcTrainer, "_save_rng_state", die_at_step_4)
        assert run_train(arguments) == 130
    assert (tmp_path / "run" / "checkpoint-4" / "model.safetensors").exists()
    assert find_checkpoint(tmp_path / "run").name == "checkpoint-2"  # save_total_limit has not removed it yet
    assert run_train(arguments) == 0
    assert "checkpoint-2" in capsys.readouterr().out
    assert [path.name for path in (tmp_path / "run").glob("checkpoint-*")] == ["checkpoint-4"]
    assert find_checkpoint(tmp_path / "run").name == "checkpoint-4"


def test_find_checkpoint(tmp_path):
    def checkpoint(step, finished=True):
        folder = tmp_path / f"checkpoint-{step}"
        folder.mkdir()
        if finished:
            (folder / "trainer_state.json").write_text("{}")
        return folder

    assert find_checkpoint(tmp_path) is None
    assert find_checkpoint(tmp_path / "new") is None
    unfinished = checkpoint(30, finished=False)
    assert find_checkpoint(tmp_path) is None  # killed in its first save: start anew
    with pytest.raises(ParameterError, match="no finished checkpoint"):
        find_checkpoint(tmp_path, "True")
    nine, ten = checkpoint(9), checkpoint(10)
    assert find_checkpoint(tmp_path) == find_checkpoint(tmp_path, True) == ten  # by number, not by name
    assert find_checkpoint(tmp_path, str(nine)) == nine
    with pytest.raises(ParameterError, match="not a finished checkpoint"):
        find_checkpoint(tmp_path, str(unfinished))
    with pytest.raises(ParameterError, match="not empty"):
        find_checkpoint(tmp_path, "false")
    remove_unfinished(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint-10", "checkpoint-9"]


def test_a_foreign_output_folder_is_refused(folder, tmp_path, capsys):
    (tmp_path / "thesis.tex").write_text("years of work")
    assert run_train(flags(tmp_path, folder / "ciphertexts")) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_signals_are_left_alone_outside_the_main_thread():
    from concurrent.futures import ThreadPoolExecutor

    def enter():
        with StopOnSignal():
            return True

    with ThreadPoolExecutor() as pool:
        assert pool.submit(enter).result()


def test_a_signal_after_the_last_step_is_not_swallowed():
    with pytest.raises(KeyboardInterrupt), StopOnSignal():
        signal.raise_signal(signal.SIGINT)


# Two processes

DRIVER = """
import json, signal, sys
from pathlib import Path
from hf_etc.training.launch import start_cpu_processes

if __name__ == "__main__":
    start_cpu_processes()

from transformers import TrainerCallback
from hf_etc import cli
from hf_etc.training import train as run

class SignalToOne(TrainerCallback):
    def on_step_begin(self, args, state, control, **kwargs):
        if args.process_index == 1 and state.global_step == 1:
            signal.raise_signal(signal.SIGTERM)

make = run.make_trainer
def make_with_signal(*args):
    trainer = make(*args)
    assert trainer.args.world_size == 2
    trainer.callback_handler.callbacks.insert(0, SignalToOne())
    return trainer

straight, broken = json.loads(sys.argv[1])
statuses = [cli.main(["train", *straight])]
run.make_trainer = make_with_signal
statuses.append(cli.main(["train", *broken]))
run.make_trainer = make
statuses.append(cli.main(["train", *broken]))
from accelerate import PartialState
Path(sys.argv[2], f"statuses-{PartialState().process_index}").write_text(json.dumps(statuses))
"""


def test_two_processes_agree_with_one_and_stop_together(folder, tmp_path):
    """The literal command ``accelerate launch --cpu --num_processes 2``; a signal to one process stops both."""
    (tmp_path / "driver.py").write_text(DRIVER)
    # no batch norm, whose statistics are of each process's own batch
    mlp = {"model_name_or_path": "mixer", "model_config": "dim=16,depth=1,patch_size=16", "optim": "sgd"}
    options = mlp | {"max_steps": 3, "gradient_accumulation_steps": 2, "learning_rate": 0.1}
    halves = options | {"per_device_train_batch_size": 5}
    jobs = [flags(tmp_path / name, folder / "ciphertexts", **halves) for name in ("straight", "broken")]
    launch = [sys.executable, "-m", "accelerate.commands.launch", "--cpu", "--num_processes", "2"]
    launch += ["--main_process_port", str(free_port()), str(tmp_path / "driver.py"), json.dumps(jobs), str(tmp_path)]
    done = subprocess.run(launch, capture_output=True, text=True, timeout=300, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    for process in range(2):
        assert json.loads((tmp_path / f"statuses-{process}").read_text()) == [0, 143, 0]
    assert (tmp_path / "broken" / "checkpoint-2" / "rng_state_1.pth").exists()
    assert same(weights(tmp_path / "straight"), weights(tmp_path / "broken"))

    whole = options | {"per_device_train_batch_size": 10}
    assert run_train(flags(tmp_path / "one", folder / "ciphertexts", **whole)) == 0
    one, two = weights(tmp_path / "one"), weights(tmp_path / "straight")
    for name, values in one.items():
        torch.testing.assert_close(two[name], values, rtol=1e-4, atol=1e-6)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


# Loss, optimiser, schedule


def make_trainer(tmp_path, folder, *more, **changes):
    model_args, data_args, args = parse_arguments([*flags(tmp_path, folder, **changes), *more])
    splits = load_splits(data_args)
    data = prepare(data_args, splits)
    torch.manual_seed(0)
    model = run.build(model_args, data.size, list(COLORS))
    return run.make_trainer(model, model_args, data_args, args, data, len(COLORS), StopOnSignal())


def flip_mix(pixels, labels):
    """A mixup without chance: half of each image from the other end of its batch, and soft labels."""
    targets = F.one_hot(labels, len(COLORS)).float()
    return 0.7 * pixels + 0.3 * pixels.flip(0), 0.7 * targets + 0.3 * targets.flip(0)


def test_accumulated_gradients_equal_the_full_batch(folder, tmp_path):
    """Also with soft targets, whose (N, C) elements must not be counted, and a short last batch."""
    mlp = {"model_name_or_path": "mixer", "model_config": "dim=16,depth=1,patch_size=16"}  # no batch norm
    trainer = make_trainer(tmp_path, folder / "ciphertexts", gradient_accumulation_steps=3, **mlp)
    trainer.batch_augment = flip_mix
    data, sizes = trainer.train_dataset, (16, 16, 5)
    parts = [data.__getitems__(list(range(16 * i, 16 * i + size))) for i, size in enumerate(sizes)]

    model = trainer.model.train()
    mixed = [flip_mix(part["pixel_values"].float() / 127.5 - 1, part["labels"]) for part in parts]
    logits = model(pixel_values=torch.cat([pixels for pixels, _ in mixed])).logits
    expected = F.cross_entropy(logits, torch.cat([targets for _, targets in mixed]))
    expected.backward()
    gradients = [parameter.grad.clone() for parameter in model.parameters()]
    model.zero_grad()

    batches, number = trainer.get_batch_samples(iter(parts), 3, torch.device("cpu"))
    assert number == sum(sizes)
    trainer.current_gradient_accumulation_steps = 3
    loss = sum(trainer.training_step(model, batch, number) for batch in batches)
    torch.testing.assert_close(loss, expected.detach())
    for parameter, gradient in zip(model.parameters(), gradients, strict=True):
        torch.testing.assert_close(parameter.grad, gradient)


def test_only_training_batches_are_augmented(folder, tmp_path):
    trainer = make_trainer(tmp_path, folder / "ciphertexts", "--mixup_alpha", "1", "--label_smoothing_factor", "0.1")
    seen = []
    augment = trainer.batch_augment

    def watch(pixels, labels):
        seen.append(labels)
        return augment(pixels, labels)

    trainer.batch_augment = watch
    metrics = trainer.evaluate()
    assert not seen
    batch = trainer.eval_dataset.__getitems__(list(range(32)))
    logits = trainer.model.eval()(pixel_values=batch["pixel_values"].float() / 127.5 - 1).logits
    assert metrics["eval_loss"] == pytest.approx(F.cross_entropy(logits, batch["labels"]).item(), rel=1e-4)
    trainer.train()
    assert len(seen) == 4


def test_every_image_is_evaluated(folder, tmp_path):
    trainer = make_trainer(
        tmp_path, folder / "ciphertexts", "--dataloader_drop_last", "true", "--per_device_eval_batch_size", "30"
    )
    assert len(trainer.predict(trainer.eval_dataset).predictions) == 32
    assert sum(len(batch["labels"]) for batch in trainer.get_eval_dataloader()) == 32
    assert trainer.args.dataloader_drop_last


def test_pixels_are_normalised_as_the_processor_does(folder, tmp_path):
    trainer = make_trainer(tmp_path, folder / "ciphertexts")
    images = load_from_disk(folder / "ciphertexts")["test"]["image"][:3]
    batch = trainer._prepare_inputs(trainer.eval_dataset.__getitems__([0, 1, 2]))  # noqa: SLF001
    expected = trainer.processing_class(images, return_tensors="pt")["pixel_values"]
    torch.testing.assert_close(batch["pixel_values"], expected, rtol=0, atol=1e-6)


def test_optimisers_and_weight_decay(folder, tmp_path):
    adam = make_trainer(tmp_path, folder / "ciphertexts", "--weight_decay", "0.01", "--adam_epsilon", "1e-3")
    decayed, spared = adam.create_optimizer().param_groups
    assert (decayed["weight_decay"], spared["weight_decay"], decayed["eps"]) == (0.01, 0.0, 1e-3)
    assert all(parameter.ndim > 1 for parameter in decayed["params"])
    assert all(parameter.ndim == 1 for parameter in spared["params"])  # batch norm included
    assert len(decayed["params"]) + len(spared["params"]) == len(list(adam.model.parameters()))

    sgd = make_trainer(
        tmp_path, folder / "ciphertexts", "--optim", "sgd", "--optim_args", "momentum=0.9,nesterov=True"
    ).create_optimizer()
    assert isinstance(sgd, torch.optim.SGD)
    assert (sgd.defaults["momentum"], sgd.defaults["nesterov"], sgd.defaults["lr"]) == (0.9, True, 0.01)


def test_triangular_schedule(folder, tmp_path):
    trainer = make_trainer(tmp_path, folder / "ciphertexts", "--triangular_schedule")
    trainer.create_optimizer_and_scheduler(num_training_steps=10)
    rates = []
    for _ in range(10):
        rates.append(trainer.optimizer.param_groups[0]["lr"])
        trainer.optimizer.step()
        trainer.lr_scheduler.step()
    expected = [0.0025, 0.005, 0.0075, 0.01, 0.007625, 0.00525, 0.002875, 0.0005, 0.00025, 0]
    assert rates == pytest.approx(expected)


def test_batch_augment():
    torch.manual_seed(1)
    pixels, labels = torch.randn(6, 3, 32, 32), torch.tensor([0, 1, 2, 3, 0, 1])
    kept, targets = BatchAugment(4, label_smoothing=0.1)(pixels.clone(), labels)
    assert torch.equal(kept, pixels)
    torch.testing.assert_close(targets[1], torch.tensor([0.025, 0.925, 0.025, 0.025]))
    for options in ({"mixup_alpha": 1.0}, {"cutmix_alpha": 1.0}):
        changed, targets = BatchAugment(4, **options)(pixels.clone(), labels)
        assert not torch.equal(changed, pixels)
        assert not torch.equal(targets, F.one_hot(labels, 4).float())
        torch.testing.assert_close(targets.sum(1), torch.ones(6))
    erased, _ = BatchAugment(4, random_erasing=1.0)(pixels.clone(), labels)
    changed = (erased != pixels).any(1).flatten(1).float().mean(1)
    assert (changed > 0.01).all() and (changed < 0.5).all()


def blocks_of(pixels):
    """The blocks of 4 x 4 of each picture, as sets of their pixels."""
    blocks = pixels.unfold(2, 4, 4).unfold(3, 4, 4).permute(0, 2, 3, 1, 4, 5).flatten(1, 2).flatten(2)
    return [{tuple(block) for block in picture} for picture in blocks.tolist()]


def test_block_augment_sends_whole_blocks_of_the_pictures_that_share_the_label():
    torch.manual_seed(1)
    pixels, labels = torch.randn(3, 3, 8, 16), torch.eye(3)
    for _ in range(5):
        changed, targets = BlockAugment(4, drop=0.5, mix_alpha=1.0)(pixels, labels)
        kept = changed.shape[3] // 4
        assert changed.shape == (3, 3, 4, 4 * kept) and 4 <= kept <= 8
        for found, own, other, target in zip(
            blocks_of(changed), blocks_of(pixels), blocks_of(pixels.roll(1, 0)), targets, strict=True
        ):
            assert len(found) == kept and found <= own | other
            assert sorted([len(found & own) / kept, len(found & other) / kept, 0]) == pytest.approx(
                sorted(target.tolist())
            )
    assert blocks_of(BlockAugment(4)(pixels, labels)[0]) == blocks_of(pixels)


def test_blocks_are_left_out_only_for_models_that_take_bags(tmp_path, folder):
    with pytest.raises(ParameterError, match="takes a bag of blocks, such as bag-vit, not etc_isotropic"):
        make_trainer(tmp_path, folder / "ciphertexts", "--block_drop", "0.5")


# Precision, compilation, gradient accumulation as flags


@pytest.mark.parametrize(
    "more",
    [
        ["--bf16", "--gradient_accumulation_steps", "3"],
        ["--torch_compile_backend", "eager", "--channels_last"],
        ["--in_memory", "false", "--label_smoothing_factor", "0.1"],
    ],
)
def test_ways_to_train(folder, tmp_path, more):
    out = tmp_path / "run"
    assert run_train([*flags(out, folder / "ciphertexts", max_steps=2), "--mixup_alpha", "0.5", *more]) == 0
    results = json.loads((out / "all_results.json").read_text())
    assert 0 < results["train_loss"] < 5


@pytest.mark.parametrize(
    ("more", "evaluated"),
    [([], False), (["--do-eval"], True), (["--eval-strategy", "steps", "--eval-steps", "1"], True)],
    ids=["steps alone", "asked for", "asked for on the way"],
)
def test_with_max_steps_there_is_no_evaluation_unless_asked_for(folder, tmp_path, capsys, more, evaluated):
    assert run_train([*flags(tmp_path / "run", folder / "ciphertexts", max_steps=1), *more]) == 0
    results = json.loads((tmp_path / "run" / "all_results.json").read_text())
    assert ("eval_accuracy" in results) == evaluated
    assert ("ask for one with --do-eval\n" in capsys.readouterr().out) == (not evaluated)


@pytest.mark.parametrize(
    ("network", "more", "rate", "decay"),
    [
        ("convmixer", [], 0.01, 0.01),
        ("mixer", [], 0.001, 0.05),
        ("vit", [], 0.001, 0.05),
        ("resnet-18", [], 0.001, 0.05),
        ("convmixer", ["--optim", "sgd"], 5e-5, 0.0),
        ("convmixer", ["--learning-rate", "0.5", "--weight-decay", "0"], 0.5, 0.0),
    ],
)
def test_what_is_not_given_suits_the_network(tmp_path, network, more, rate, decay):
    args = parse_arguments(["--dataset", "x", "--out", str(tmp_path), "--model", network, "--use-cpu", *more])[2]
    args.suit(build_model(network, 2, image_size=32), pretrained=False)
    assert (args.learning_rate, args.weight_decay) == (rate, decay)
    assert (args.per_device_train_batch_size, args.lr_scheduler_type, args.warmup_steps) == (64, "cosine", 0.05)


def test_weights_that_were_loaded_are_changed_more_slowly(folder, tmp_path, monkeypatch):
    rates = []
    monkeypatch.setattr(run, "EtcTrainer", lambda **given: rates.append(given["args"].learning_rate))
    build_model("convmixer", 4, image_size=32, dim=16, depth=1, patch_size=16, kernel_size=3).save_pretrained(tmp_path)
    for name in ("convmixer", str(tmp_path)):
        model_args, data_args, args = parse_arguments(["--dataset", "x", "--out", "y", "--model", name, "--use-cpu"])
        model = build_model(name, 4)
        run.make_trainer(model, model_args, data_args, args, prepared(folder / "ciphertexts"), 4, None)
    assert rates == [0.01, 3e-4]


def test_quiet_and_json(folder, tmp_path, capsys):
    arguments = flags(tmp_path / "run", folder / "ciphertexts", disable_tqdm=None, max_eval_samples=4)
    assert run_train([*arguments, "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")
    assert run_train([*arguments, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed.keys() == {"folder", "signal", "metrics"} and printed["signal"] is None
    assert printed["folder"] == str(tmp_path / "run") and printed["metrics"]["eval_samples"] == 4


# Data


def test_pixels_from_memory_and_decoded_on_demand_agree(folder):
    kept, lazy = (prepared(folder / "ciphertexts", in_memory=choice).datasets["eval"] for choice in ("auto", "false"))
    assert kept.in_memory and not lazy.in_memory
    first, second = kept.__getitems__([5, 0, 31]), lazy.__getitems__([5, 0, 31])
    assert first["pixel_values"].dtype == torch.uint8 and first["pixel_values"].shape == (3, 3, 32, 32)
    assert torch.equal(first["pixel_values"], second["pixel_values"])
    assert torch.equal(first["labels"], torch.tensor([1, 0, 3]))


def test_large_data_stays_on_disk(monkeypatch, folder):
    monkeypatch.setattr("hf_etc.training.dataset.MEMORY_LIMIT", 50 * 32 * 32 * 3)
    datasets = prepared(folder / "ciphertexts").datasets
    assert not datasets["train"].in_memory and datasets["eval"].in_memory  # 64 and 32 images


def test_augmentation_depends_on_seed_epoch_and_images_alone(folder, monkeypatch, key):
    monkeypatch.setenv("HF_ETC_KEY", key.reveal())
    options = {"protocol": "re-encrypted", "crop_scale": 0.5, "flip": 0.5}
    kept = prepared(folder / "plain", **options).datasets["train"]
    lazy = prepared(folder / "plain", in_memory="false", **options).datasets["train"]
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first = kept.__getitems__([3, 4])["pixel_values"]
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(6)
    assert torch.equal(lazy.__getitems__([3, 4])["pixel_values"], first)
    kept.set_epoch(1)
    assert not torch.equal(kept.__getitems__([3, 4])["pixel_values"], first)
    kept.set_epoch(0)
    assert torch.equal(kept.__getitems__([3, 4])["pixel_values"], first)


def test_reencrypted_batches_decrypt_to_the_plain_images(folder, monkeypatch, key):
    monkeypatch.setenv("HF_ETC_KEY", key.reveal())
    plain = prepared(folder / "plain", protocol="plain").datasets
    encrypted = prepared(folder / "plain", protocol="re-encrypted", block_size=8).datasets
    cipher = EtcCipher(key, block_size=8)
    for split in ("train", "eval"):
        pixels, ciphertexts = (datasets[split].__getitems__([1, 2])["pixel_values"] for datasets in (plain, encrypted))
        assert not torch.equal(ciphertexts, pixels)
        assert torch.equal(cipher.decrypt_unauthenticated(ciphertexts), pixels)


def test_reencrypted_with_a_key_per_image_differs_each_time(folder, monkeypatch, key):
    monkeypatch.setenv("HF_ETC_KEY", key.reveal())
    data = prepared(folder / "plain", protocol="re-encrypted", key_scope="image").datasets["train"]
    assert not torch.equal(data[0]["pixel_values"], data[0]["pixel_values"])


def test_jpeg_round_trip_of_ciphertexts(folder, monkeypatch, key):
    monkeypatch.setenv("HF_ETC_KEY", key.reveal())
    exact = prepared(folder / "plain", protocol="re-encrypted").datasets["eval"][0]["pixel_values"].int()
    lossy = prepared(folder / "plain", protocol="re-encrypted", jpeg_quality=85).datasets["eval"][0]["pixel_values"]
    difference = (lossy.int() - exact).abs().float().mean()
    assert 0 < difference < 15


def test_plain_processor_prepares_like_the_training(folder, tmp_path):
    plain = colored_splits(8, 8, size=48)
    plain.save_to_disk(tmp_path / "plain")
    data = prepared(tmp_path / "plain", protocol="plain", image_size=32, resample="bilinear")
    expected = data.datasets["eval"].__getitems__(list(range(8)))["pixel_values"].float() / 127.5 - 1
    found = data.processor(plain["test"]["image"][:], return_tensors="pt").pixel_values
    assert found.shape == (8, 3, 32, 32)
    assert (found - expected).abs().max() < 3 / 127.5  # two implementations of one filter


@pytest.mark.parametrize("layout", ["imagefolder", "folders", "parquet"])
def test_kinds_of_datasets(tmp_path, layout):
    plain = colored_splits(8, 4)
    names = list(COLORS)
    for split in plain:
        if layout == "parquet":
            plain[split].rename_columns({"image": "img", "label": "labels"}).to_parquet(tmp_path / f"{split}.parquet")
            continue
        for i, row in enumerate(plain[split]):
            target = tmp_path / split / names[row["label"]] / f"{i}.png"
            target.parent.mkdir(parents=True, exist_ok=True)
            row["image"].save(target)
    where = {"dataset_name": str(tmp_path)}
    if layout == "folders":
        where = {"train_dir": str(tmp_path / "train"), "validation_dir": str(tmp_path / "test")}
    splits = load_splits(DataArguments(protocol="plain", **where))
    assert {name: len(split) for name, split in splits.items()} == {"train": 8, "eval": 4}
    for split in splits.values():
        assert set(split.class_names) == set(COLORS)
        for source, label in zip(split.sources(), split.labels, strict=True):
            mean = np.asarray(open_image(source)).mean((0, 1))
            assert np.abs(mean - COLORS[split.class_names[label]]).max() < 20


def test_samples_are_limited_to_the_same_choice(folder):
    args = DataArguments(dataset_name=str(folder / "plain"), protocol="plain", max_train_samples=10, max_eval_samples=3)
    first, second = load_splits(args, seed=1), load_splits(args, seed=1)
    assert [len(split) for split in first.values()] == [10, 3]
    assert list(first["train"].labels) == list(second["train"].labels)
    assert list(first["train"].sources()) == list(second["train"].sources())


# Bad input: one line, status 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--flip", "0.5"], "a ciphertext cannot take --flip 0.5"),
        (["--crop_scale", "0.75"], "a ciphertext cannot take --crop-scale 0.75"),
        (["--key_file", "k"], "--key k belongs to --protocol re-encrypted"),
        (["--protocol", "re-encrypted", "--random_erasing", "0.2"], "belongs to --protocol plain"),
        (["--protocol", "secret"], "invalid choice: 'secret'"),
        (["--unknown_flag", "1"], "unknown option --unknown_flag; see hf-etc train --help"),
        (["--learning_rat", "1"], "unknown option --learning_rat (did you mean --learning-rate?)"),
        (["--learning_rate", "fast"], "invalid float value: 'fast'"),
        (["--output_dir", "trainer_output"], "give --output-dir"),
        (["--train_dir", "x"], "--dataset-name excludes"),
        (["--model_config", "dim"], "write name=value"),
        (["--model_config", "colour=3"], "has no field 'colour'"),
        (["--model_name_or_path", "./no-such-model"], "cannot load a model from './no-such-model'"),
        (["--image_size", "64"], "the ciphertexts are 32x32, --image-size is 64"),
        (["--block_size", "8"], "the ciphertexts have block_size 16"),
        (["--train_split", "dev"], "no split dev in train, test; give --train-split"),
        (["--image_column_name", "pixels"], "no column 'pixels'"),
        (["--label_column_name", "class"], "no column 'class'"),
        (
            ["--protocol", "plain"],
            "train on a dataset of ciphertexts with --protocol static",
        ),
        (["--protocol", "re-encrypted"], "no key"),
        (["--resume_from_checkpoint", "nowhere"], "not a finished checkpoint"),
    ],
)
def test_bad_input(folder, tmp_path, capsys, monkeypatch, arguments, message):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert run_train([*flags(tmp_path / "run", folder / "ciphertexts"), *arguments]) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("hf-etc: error: ") and message in error


def test_plain_images_are_refused_on_the_server(folder, tmp_path, capsys):
    assert run_train(flags(tmp_path / "run", folder / "plain")) == 2
    assert "plain image" in capsys.readouterr().err


def test_errors_are_of_their_own_class(folder, monkeypatch, key):
    with pytest.raises(NotACiphertextError):
        prepared(folder / "plain", protocol="static")
    with pytest.raises(MissingKeyError):
        prepared(folder / "plain", protocol="re-encrypted")
    monkeypatch.setenv("HF_ETC_KEY", key.reveal())
    with pytest.raises(AlreadyEncryptedError):
        prepared(folder / "ciphertexts", protocol="re-encrypted")
    with pytest.raises(GeometryError):
        prepared(folder / "plain", protocol="re-encrypted", image_size=40)


def test_images_of_several_sizes_need_a_size():
    sizes = {"a": (4, 4), "b": (4, 6)}
    data = ImageDataset(["a", "b"], [0, 1], lambda source: np.zeros((*sizes[source], 3), np.uint8))
    with pytest.raises(GeometryError, match="--image_size"):
        data.__getitems__([0, 1])


def test_recipe_files(tmp_path, folder, capsys):
    (tmp_path / "good.yaml").write_text(
        "output_dir: run\ndataset_name: x\nlearning_rate: 0.5\nbf16: false\nmodel_config: {dim: 8, depth: 1}\n"
        "lr_scheduler_kwargs: {num_cycles: 0.25}\nuse_cpu: true\nmax_train_samples: null\n"
    )
    model, data, training = parse_arguments([str(tmp_path / "good.yaml"), "--learning_rate", "0.25"])
    assert (training.learning_rate, training.lr_scheduler_kwargs) == (0.25, {"num_cycles": 0.25})
    assert (model.model_config, data.dataset_name, data.max_train_samples) == ("dim=8,depth=1", "x", None)
    (tmp_path / "good.json").write_text(json.dumps({"output_dir": "run", "dataset_name": "x", "use_cpu": True}))
    assert parse_arguments([str(tmp_path / "good.json")])[1].dataset_name == "x"
    bad = {"list.yaml": "- a\n", "broken.yaml": "a: [\n", "unknown.yaml": "dataset_name: x\noutput_dir: r\nlr: 1\n"}
    for name, text in bad.items():
        (tmp_path / name).write_text(text)
        assert run_train([str(tmp_path / name)]) == 2
    assert run_train([str(tmp_path / "absent.yaml")]) == 2
    assert [line[:14] for line in capsys.readouterr().err.strip().splitlines()] == ["hf-etc: error:"] * 4
