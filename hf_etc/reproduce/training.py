"""Training a row of Table II or III: the paper's recipe, made smaller below scale "paper"."""

import hashlib
import json
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from ..experiments.lab import Lab, recipes_folder
from ..training.arguments import DataArguments, arguments_from, read_recipe
from ..training.data import load_splits
from ..training.train import TrainingResult, train

Changes = dict[str, Any]
# A few epochs on a subset: what helps over 300 epochs only slows these down.
_SHORT: Changes = {
    "mixup_alpha": 0,
    "cutmix_alpha": 0,
    "label_smoothing_factor": 0,
    "rand_augment": None,
    "random_erasing": 0,
    "crop_scale": 0.75,
    "max_steps": -1,
    "gradient_accumulation_steps": 1,
    "per_device_train_batch_size": 64,
    "per_device_eval_batch_size": 64,
    "dataloader_num_workers": 0,
    "eval_strategy": "no",
    "save_strategy": "epoch",
    "save_total_limit": 1,
}
_COSINE: Changes = {"lr_milestones": None, "lr_scheduler_type": "cosine"}
_ADAPTED: Changes = _COSINE | {"num_train_epochs": 2, "model_config": "depth=8,alpha=48"}
_ADAPTATION: dict[str, Changes] = {
    "shake": _ADAPTED | {"model_name_or_path": "shake-pyramidnet"},
    "le": _ADAPTED | {"model_name_or_path": "le-adapt"},
    "ele": _ADAPTED | {"model_name_or_path": "ele-adapt"},
}
_SMALL: dict[str, Changes] = {
    "convmixer-cifar10": {
        "model_name_or_path": "convmixer",
        "model_config": "dim=96,depth=4,patch_size=4,kernel_size=5",
        "num_train_epochs": 10,
    },
    "convmixer-imagenette": {
        "model_name_or_path": "convmixer",
        "model_config": "dim=96,depth=4,patch_size=8,kernel_size=5",
        "num_train_epochs": 10,
    },
    "vit": {
        "model_name_or_path": "vit",
        "model_config": "hidden_size=96,num_hidden_layers=4,num_attention_heads=3,intermediate_size=192,patch_size=16",
        "num_train_epochs": 6,
        "optim": "adamw_torch",
        "optim_args": None,
        "learning_rate": 0.001,
        "weight_decay": 0.05,
        "warmup_steps": 50,
    },
    **_ADAPTATION,
    "resnet": _COSINE | {"num_train_epochs": 5},
}
# All images, and what one or two cores train in half an hour to two hours.
_MEDIUM: dict[str, Changes] = {
    "convmixer-cifar10": {
        "model_name_or_path": "convmixer",
        "model_config": "dim=128,depth=6,patch_size=2,kernel_size=9",
        "num_train_epochs": 10,
    },
    "convmixer-imagenette": {
        "model_name_or_path": "convmixer",
        "model_config": "dim=128,depth=6,patch_size=8,kernel_size=9",
        "num_train_epochs": 20,
    },
    "vit": {
        "model_name_or_path": "facebook/deit-tiny-patch16-224",
        "num_train_epochs": 3,
        "optim": "adamw_torch",
        "optim_args": None,
        "learning_rate": 0.0003,
        "weight_decay": 0.05,
        "warmup_steps": 100,
    },
    **_ADAPTATION,
    "resnet": _COSINE | {"model_name_or_path": "resnet-18", "num_train_epochs": 4},
}
_HERE = (
    "dataset_name",
    "key_file",
    "disable_tqdm",
    "dataloader_pin_memory",
    "report_to",
)  # of this machine, not of the recipe
_TRAINER = {"lr_scheduler_type": "linear", "warmup_steps": 0, "weight_decay": 0.0}  # where a recipe names none
_TINY_VIT = "hidden_size=16,num_hidden_layers=1,num_attention_heads=2,intermediate_size=32,patch_size=16"
_SMOKE: dict[str, Changes] = {
    "convmixer-cifar10": {"model_config": "dim=8,depth=1,patch_size=4,kernel_size=3"},
    "convmixer-imagenette": {"model_config": "dim=8,depth=1,patch_size=8,kernel_size=3"},
    "vit": {"model_config": _TINY_VIT, "warmup_steps": 0},
    "shake": {"model_config": "depth=8,alpha=12"},
    "le": {"model_config": "depth=8,alpha=12"},
    "ele": {"model_config": "depth=8,alpha=12"},
    "resnet": {"per_device_train_batch_size": 4},
}
STEPS = {"max_steps": 2, "per_device_train_batch_size": 16, "save_strategy": "no"}
# Images to train and to test on; the slower a network, the fewer.
_ROWS = {"cifar10": (5000, 1000), "imagenette": (3000, 1000)}
_FEWER = {"vit": (2500, 1000), "shake": (1500, 500), "le": (1500, 500), "ele": (1500, 500), "resnet": (2000, 500)}
_SUBSET_EDGE = {("vit", "cifar10"): 64, ("vit", "imagenette"): 64, ("convmixer", "imagenette"): 64}


@dataclass(frozen=True)
class Training:
    """One model to train.

    Attributes:
        recipe: name in examples/recipes; plain, or re-encrypted, which the static protocol is derived from.
        dataset: "cifar10" or "imagenette".
        protocol: "plain", "static" or "re-encrypted".
        cipher: arguments of EncryptImages; empty for plain.
        jpeg_quality: the ciphertexts' in training and testing; None: lossless.
    """

    recipe: str
    dataset: str
    protocol: str
    cipher: Mapping[str, Any] = field(default_factory=dict)
    jpeg_quality: int | None = None

    @property
    def family(self) -> str:
        """The network's, the first word of the recipe."""
        return self.recipe.split("-")[0]

    def settings(self, lab: Lab) -> dict[str, Any]:
        """The whole recipe of this run, but for the folder it writes."""
        values = read_recipe(recipes_folder() / f"{self.recipe}.yaml") | {"seed": lab.seed, "output_dir": None}
        values |= lab.source(self.dataset) | {"disable_tqdm": not sys.stderr.isatty(), "report_to": "none"}
        values["dataloader_pin_memory"] = torch.cuda.is_available()
        if lab.scale != "paper":
            values |= self._smaller(lab)
        if self.protocol == "static":
            plain = {name: values.pop(name) for name in ("dataset_name", "dataset_config_name")}
            folder = lab.encrypted(plain, self.cipher, self.jpeg_quality, values["image_size"])
            values |= {"protocol": "static", "dataset_name": str(folder), "crop_scale": 1.0, "flip": 0.0}
        elif self.protocol == "re-encrypted":
            values |= {"key_file": str(lab.key_file()), "jpeg_quality": self.jpeg_quality}
        return values

    def _smaller(self, lab: Lab) -> dict[str, Any]:
        """What differs from the recipe: fewer epochs, a smaller network, and below scale "medium" a subset."""
        kind = self.family if self.family != "convmixer" else f"convmixer-{self.dataset}"
        if lab.scale == "medium":
            values = {**_SHORT, **_MEDIUM[kind]}
            return values | {"model_name_or_path": lab.weights(values["model_name_or_path"])}
        size = _SUBSET_EDGE.get((self.family, self.dataset), 32)
        rows = lab.amount((64, 32), _FEWER.get(self.family, _ROWS[self.dataset]), (0, 0))
        values = {**_SHORT, **_SMALL[kind], "image_size": size}
        if lab.scale == "smoke":
            values |= {**STEPS, **_SMOKE[kind]}
        return values | {"dataset_name": str(lab.plain(self.dataset, size, rows)), "dataset_config_name": None}


def trained(training: Training, lab: Lab) -> tuple[TrainingResult, dict[str, Any]]:
    """Train, go on training, or find what is trained already.

    Args:
        training: what to train.
        lab: where, and at which scale.

    Returns:
        The result, with the folder of the finished model, and the settings.

    Raises:
        EtcError: the training failed.
        KeyboardInterrupt: it was stopped; a checkpoint is there to go on from.
    """
    settings = {name: value for name, value in training.settings(lab).items() if value is not None}
    quality = "" if training.jpeg_quality is None else f"-jpeg{training.jpeg_quality}"
    same = {name: value for name, value in settings.items() if name not in _HERE}
    same["dataset"] = Path(settings["dataset_name"]).name
    digest = hashlib.sha256(json.dumps(same, sort_keys=True).encode()).hexdigest()[:8]
    folder = lab.work / "runs" / f"{training.recipe}-{training.protocol}{quality}-{lab.scale}-{digest}"
    result = TrainingResult.read(folder)
    if result is None:
        here = {"output_dir": str(folder), "max_minutes": lab.minutes_left, "do_eval": True}
        result = train(*arguments_from(_TRAINER | settings | here))
        if result.signal is not None:
            raise KeyboardInterrupt
        for checkpoint in folder.glob("checkpoint-*"):
            shutil.rmtree(checkpoint)
    return result, settings


def measure(training: Training, lab: Lab) -> dict[str, Any]:
    """Train and return the accuracy on the test images, in percent, with what was trained."""
    result, settings = trained(training, lab)
    source: dict[str, Any] = {name: settings.get(name) for name in ("dataset_name", "dataset_config_name")}
    splits = load_splits(DataArguments(protocol="plain", **source))
    images = len(splits["train"])
    return {
        "value": 100 * result.metrics["eval_accuracy"],
        "how": _how(lab, settings, f"{images:,} images, {result.metrics['epoch']:g} epochs"),
        "train_images": images,
        "test_images": len(splits["eval"]),
        "epochs": result.metrics["epoch"],
        "recipe": {name: value for name, value in settings.items() if name not in _HERE},
    }


def _how(lab: Lab, settings: Mapping[str, Any], amount: str) -> str:
    """In a few words what was trained, where it is not what the paper trained."""
    if lab.scale == "paper":
        return "the recipe"
    config = settings.get("model_config")
    network = settings["model_name_or_path"] + (f" {config.replace(',', ', ')}" if config else "")
    return f"{network}; {'digits, ' if lab.embedded else ''}{settings['image_size']} px, {amount}"
