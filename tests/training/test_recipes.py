"""The recipes hold the paper's figures, parse, and run."""

import json
from pathlib import Path

import pytest
import torch
import yaml
from datasets import load_from_disk

from hf_etc import EtcKey, cli
from hf_etc.data import encrypt_dataset
from hf_etc.errors import ParameterError
from hf_etc.training.arguments import parse_arguments
from hf_etc.training.trainer import Stairs
from tests.training.training_helpers import run_train, save_both

FOLDER = Path(__file__).parents[2] / "examples" / "recipes"
RECIPES = {path.stem: path for path in sorted(FOLDER.glob("*.yaml"))}

# Typed from the paper's section IV-A; batch is images per optimiser step. RandAugment, random erasing, mixup and
# CutMix for ConvMixer on plain images, mixup and CutMix alone on encrypted ones.
VIT = {"optim": "sgd", "rate": 0.03, "momentum": "momentum=0.9", "batch": 512, "schedule": "cosine", "size": 224}
CONVMIXER = {"optim": "adamw_torch_fused", "rate": 0.01, "decay": 0.01, "batch": 64, "epochs": 300, "mix": (0.5, 0.5)}
CONVMIXER |= {"schedule": "triangular"}
PLAIN, ETC = {"protocol": "plain"}, {"protocol": "re-encrypted", "block": 16, "rand": False, "erase": False}
CIFAR, NETTE = {"data": "uoft-cs/cifar10"}, {"data": "frgfm/imagenette"}
VIT_NAME = {"model": "google/vit-base-patch16-224-in21k", "mix": (0, 0), "rand": False, "erase": False}
PAPER = {
    "vit-plain-cifar10": VIT | VIT_NAME | PLAIN | CIFAR | {"steps": 10_000},
    "vit-plain-imagenette": VIT | VIT_NAME | PLAIN | NETTE | {"steps": 10_000},
    "vit-etc-cifar10": VIT | VIT_NAME | ETC | CIFAR | {"steps": 20_000},
    "vit-etc-imagenette": VIT | VIT_NAME | ETC | NETTE | {"steps": 20_000},
    "convmixer-plain-cifar10": CONVMIXER | PLAIN | CIFAR | {"model": "convmixer-256/8", "rand": True, "erase": True},
    "convmixer-plain-imagenette": CONVMIXER | PLAIN | NETTE | {"model": "convmixer-384/8", "rand": True, "erase": True},
    "convmixer-etc-cifar10": CONVMIXER | ETC | CIFAR | {"model": "convmixer-256/8"},
    "convmixer-etc-imagenette": CONVMIXER | ETC | NETTE | {"model": "convmixer-384/8"},
}
# The adaptation networks' settings are those of their authors' code; the paper names none for ResNet-18.
SGD = CIFAR | {"optim": "sgd", "rate": 0.1, "decay": 5e-4, "momentum": "momentum=0.9,nesterov=True", "mix": (0, 0)}
SGD |= {"schedule": "milestones", "rand": False, "erase": False}
ADAPTED = SGD | {"batch": 512, "epochs": 305, "milestones": [150, 225]}
RESNET = SGD | {"model": "resnet-18", "batch": 128, "epochs": 200, "milestones": [60, 120, 160]}
PAPER |= {
    "shake-pyramidnet-plain-cifar10": ADAPTED | PLAIN | {"model": "shake-pyramidnet-110/270"},
    "le-adapt-le-cifar10": ADAPTED | {"protocol": "re-encrypted", "model": "le-adapt", "cipher": "le"},
    "ele-adapt-ele-cifar10": ADAPTED | {"protocol": "re-encrypted", "model": "ele-adapt", "cipher": "ele"},
    "ele-adapt-etc-cifar10": ADAPTED | {"protocol": "re-encrypted", "model": "ele-adapt", "cipher": "etc", "block": 4},
    "resnet-plain-cifar10": RESNET | PLAIN,
    "resnet-pe-cifar10": RESNET | {"protocol": "re-encrypted", "cipher": "pe"},
}
ENCRYPTED = [name for name, values in PAPER.items() if values["protocol"] == "re-encrypted"]
for _name in PAPER:
    PAPER[_name]["size"] = 224 if "vit" in _name or "imagenette" in _name else 32


OWN = "base-model-imagenette", "bag-vit-cifar10", "bag-vit-image-keys-imagenette"


def test_there_is_one_recipe_for_each_row_of_the_paper():
    assert set(RECIPES) == {*PAPER, *OWN}


@pytest.mark.parametrize("name", OWN)
def test_the_recipes_for_a_key_per_picture_train_a_bag_of_blocks(tmp_path, monkeypatch, name):
    save_both(tmp_path / "pictures", EtcKey.generate())
    EtcKey.generate().save(tmp_path / "owner.key")
    patch = 4 if "cifar10" in name else 16
    small = f"patch_size={patch},hidden_size=24,num_hidden_layers=1,num_attention_heads=2,intermediate_size=24"
    small += ",block_stem_channels=4"
    public = name.startswith("base-model")
    changes = ["--dataset_name", str(tmp_path / "pictures" / "plain"), "--model_config", small]
    changes += ["--image_size", "96" if public else "32"]  # which holds a few blocks with gaps
    changes += ["--max_steps", "2", "--per_device_train_batch_size", "4", "--output_dir", str(tmp_path / "run")]
    changes += ["--use_cpu", "--dataloader_num_workers", "0"]
    changes += [] if public else ["--key_file", str(tmp_path / "owner.key")]
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert run_train([str(RECIPES[name]), *changes]) == 0
    assert cli.main(["check", str(tmp_path / "run")]) == 0


@pytest.mark.parametrize("name", PAPER)
def test_recipe_holds_the_figures_of_the_paper(name):
    model, data, training = parse_arguments([str(RECIPES[name]), "--use_cpu"])
    found = {
        "model": model.model_name_or_path,
        "protocol": data.protocol,
        "data": data.dataset_name,
        "size": data.image_size,
        "block": data.block_size,
        "mix": (data.mixup_alpha, data.cutmix_alpha),
        "rand": data.rand_augment is not None,
        "erase": data.random_erasing > 0,
        "optim": str(training.optim.value),
        "rate": training.learning_rate,
        "decay": training.weight_decay,
        "momentum": training.optim_args,
        "batch": training.per_device_train_batch_size * training.gradient_accumulation_steps,
        "steps": training.max_steps,
        "epochs": training.num_train_epochs,
        "schedule": schedule(training),
        "milestones": training.lr_milestones,
        "cipher": data.cipher,
    }
    assert {key: found[key] for key in PAPER[name]} == PAPER[name]
    # what the authors' released settings add to the paper
    assert training.max_grad_norm == (0 if found["schedule"] == "milestones" else 1.0)
    if found["schedule"] == "milestones":
        assert (training.warmup_steps, data.crop_scale, data.flip) == (0, 0.75, 0.5)
    elif "vit" in name:
        assert (training.warmup_steps, data.crop_scale, data.flip) == (500, 0.05, 0)
    else:
        assert (training.adam_epsilon, data.flip) == (1e-3, 0.5)
        assert data.crop_scale == (0.75 if "cifar10" in name else 0.08)


@pytest.mark.parametrize("name", RECIPES)
def test_recipe_leaves_no_figure_to_a_default(name):
    recipe = yaml.safe_load(RECIPES[name].read_text())
    assert {"learning_rate", "weight_decay", "per_device_train_batch_size", "optim"} <= recipe.keys()
    assert (
        recipe.keys() & {"lr_milestones", "triangular_schedule"}
        or {"lr_scheduler_type", "warmup_steps"} <= recipe.keys()
    )


def schedule(training):
    if training.lr_milestones:
        return "milestones"
    return "triangular" if training.triangular_schedule else str(training.lr_scheduler_type.value)


@pytest.mark.parametrize("name", PAPER)
def test_recipe_says_one_thing_a_line_and_names_its_command(name):
    text = RECIPES[name].read_text()
    assert f"examples/recipes/{name}.yaml" in text
    assert all(len(line) <= 120 for line in text.splitlines())
    assert yaml.safe_load(text)["output_dir"] == f"runs/{name}"
    assert ("--protocol static" in text) == (name in ENCRYPTED)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    torch.set_num_threads(1)
    return save_both(tmp_path_factory.mktemp("recipes"), EtcKey(bytes(range(32))))


def small(name, out, data):
    """A recipe at a size that takes a second: everything it says stays, but for the network and the data."""
    network = {"convmixer": "dim=8,depth=1,patch_size=8,kernel_size=3"}
    network["vit"] = "hidden_size=16,num_hidden_layers=1,num_attention_heads=2,intermediate_size=32,patch_size=16"
    network |= dict.fromkeys(("shake-pyramidnet", "le-adapt", "ele-adapt"), "depth=8,alpha=12") | {"resnet": ""}
    family = next(one for one in network if name.startswith(one))
    arguments = ["--output_dir", out, "--model_name_or_path", family, "--model_config", network[family]]
    arguments += ["--dataset_name", data, "--dataset_config_name", "", "--image_size", 32, "--max_steps", 2]
    arguments += ["--per_device_train_batch_size", 4, "--gradient_accumulation_steps", 2, "--warmup_steps", 1]
    arguments += ["--dataloader_num_workers", 0, "--use_cpu", "--disable_tqdm", "true", "--save_steps", 1]
    arguments += ["--eval_strategy", "no", "--do_eval"]
    return [str(RECIPES[name]), *map(str, arguments)]


@pytest.mark.parametrize("name", PAPER)
def test_recipe_runs(name, folder, tmp_path, monkeypatch, key):
    if name in ENCRYPTED:
        monkeypatch.setenv("HF_ETC_KEY", key.reveal())
    assert run_train(small(name, tmp_path / "run", folder / "plain")) == 0
    results = json.loads((tmp_path / "run" / "all_results.json").read_text())
    assert 0 < results["train_loss"] < 10 and 0 <= results["eval_accuracy"] <= 1


@pytest.mark.parametrize("name", ENCRYPTED)
def test_recipe_runs_on_static_ciphertexts(name, folder, tmp_path, key):
    params = {"cipher": PAPER[name].get("cipher", "etc"), "block_size": PAPER[name].get("block")}
    encrypt_dataset(load_from_disk(folder / "plain"), key, **params).save_to_disk(tmp_path / "ciphertexts")
    static = ["--protocol", "static", "--crop_scale", "1", "--flip", "0"]
    assert run_train([*small(name, tmp_path / "run", tmp_path / "ciphertexts"), *static]) == 0


def test_the_learning_rate_falls_at_the_milestones():
    rates = [Stairs([60, 120, 160])(step) for step in (0, 59, 60, 119, 120, 160, 199)]
    assert rates == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.001, 0.001])


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--lr_milestones", "150", "305"], "epochs between 0 and 305"),
        (["--lr_milestones", "0"], "epochs between 0 and 305"),
        (["--triangular_schedule"], "give one of them"),
    ],
)
def test_schedules_that_contradict_are_refused(flags, message):
    with pytest.raises(ParameterError, match=message):
        parse_arguments([str(RECIPES["le-adapt-le-cifar10"]), "--use_cpu", *flags])
