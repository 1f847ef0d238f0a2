"""What a training run can be told, on the command line or in a recipe file.

Named and parsed as in the image classification example of transformers; a recipe is a YAML or JSON
file with the same names, and flags after it override it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NoReturn

import torch
import yaml
from transformers import HfArgumentParser, TrainingArguments

from ..errors import EtcError, ParameterError

Protocol = Literal["plain", "static", "re-encrypted"]


def option(default: Any, help: str) -> Any:
    """A dataclass field for HfArgumentParser."""
    if isinstance(default, list):
        return field(default_factory=lambda: list(default), metadata={"help": help})
    return field(default=default, metadata={"help": help})


@dataclass
class ModelArguments:
    """Which network."""

    model_name_or_path: str = option("convmixer-256/8", "preset, family, saved folder or Hub id, see hf_etc.models")
    model_config: str | None = option(None, "changes to its configuration: patch_size=4,dim=96,depth=6,kernel_size=5")
    from_pretrained: str | None = option(None, "for a bag-vit: plain ViT to start from, a folder or Hub id")
    channels_last: bool = option(False, "channels-last memory layout; faster for ConvMixer on most devices")


@dataclass
class SourceArguments:
    """Where the images to evaluate on are."""

    dataset_name: str | None = option(None, "Hub id or local folder (parquet, save_to_disk, image folder)")
    dataset_config_name: str | None = option(None, "configuration of the dataset, where it has several")
    dataset_revision: str | None = option(None, "branch, tag or commit of the dataset on the Hub")
    validation_dir: str | None = option(None, "folder of evaluation images, one subfolder per class")
    eval_split: str | None = option(None, "split to evaluate on; default: validation or test")
    max_eval_samples: int | None = option(None, "evaluate on a fixed random choice of this many images")
    image_column_name: str | None = option(None, "column of the images; default: the only image column")
    label_column_name: str | None = option(None, "column of the labels; default: label, labels or the only classes")

    def __post_init__(self) -> None:
        if not self.dataset_name and not self.folders:
            raise ParameterError("no data: give --dataset_name, or folders such as --validation_dir")
        if self.dataset_name and self.folders:
            raise ParameterError("--dataset_name excludes --train_dir and --validation_dir; give one or the other")

    @property
    def folders(self) -> dict[str, str]:
        """Image folders by split, where there is no dataset_name."""
        return {"validation": self.validation_dir} if self.validation_dir else {}


@dataclass
class DataArguments(SourceArguments):
    """The images to train on, under which protocol, and how they are prepared and augmented."""

    protocol: Protocol = field(
        default="static",
        metadata={
            "help": "static: ciphertexts as they are, no key. re-encrypted: plain images, augmented, then encrypted "
            "anew each time; needs the key. plain: no cipher, the baseline"
        },
    )
    train_dir: str | None = option(None, "folder of training images, one subfolder per class")
    train_split: str | None = option(None, "split to train on; default: train")
    max_train_samples: int | None = option(None, "train on a fixed random choice of this many images")
    in_memory: Literal["auto", "true", "false"] = option("auto", "keep decoded pixels in memory; auto: up to 4 GiB")

    image_size: int | None = option(None, "edge in pixels that plain images get, or ciphertexts must have")
    fit: str | None = option(None, "how: crop (default with a size), pad or stretch")
    resample: str = option("bicubic", "with which filter: bicubic or bilinear")

    cipher: str = option("etc", "re-encrypted: name of the cipher")
    block_size: int | None = option(None, "edge of a cipher's block in pixels; default: 16; static: what it must be")
    key_scope: str | None = option(None, "dataset (default) or image; static: what it must be")
    preset: str | None = option(None, "of etc: paper, private or strict; what is given beside it overrides it")
    gap: int | None = option(None, "pixels between blocks that are never sent; default: 0; static: what it must be")
    jitter: int | None = option(None, "pixels by which blocks are moved at random; default: 0; static: what it must be")
    keep: float | None = option(None, "share of the rows of blocks that is sent; default: 1; static: what it must be")
    disposable: bool = option(False, "re-encrypted: a key for each image that nobody keeps; for public images")
    key_file: str | None = option(None, "re-encrypted: the key file; default: HF_ETC_KEY_FILE or HF_ETC_KEY")
    jpeg_quality: int | None = option(None, "re-encrypted: JPEG round trip of every ciphertext, 1..100")
    jpeg_subsampling: str = option("4:4:4", "chroma subsampling of that round trip: 4:4:4 or 4:2:0")

    crop_scale: float = option(1.0, "plain images: RandomResizedCrop from this share of the area to 1; 1: off")
    flip: float = option(0.0, "plain images: probability of a left-right flip")
    color_jitter: float = option(0.0, "plain images: brightness, contrast and saturation jitter; 0: off")
    rand_augment: str | None = option(None, "plain images: timm's RandAugment, such as rand-m9-mstd0.5-inc1")
    augment_on_device: bool = option(False, "plain images: crop, flip and encrypt batches on the device; pays on GPUs")
    random_erasing: float = option(0.0, "plain protocol: probability of random erasing")
    mixup_alpha: float = option(0.0, "mixup with Beta(alpha, alpha); 0: off")
    cutmix_alpha: float = option(0.0, "CutMix with Beta(alpha, alpha); 0: off")
    block_drop: float = option(0.0, "for a bag of blocks: leave out up to this share of them, another in each batch")
    block_mix_alpha: float = option(0.0, "for a bag of blocks: take a share from another image, of Beta(alpha, alpha)")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.protocol == "static":
            self._refuse(
                "a ciphertext cannot take {}; leave it out, or use --protocol re-encrypted on the owner's side",
                crop_scale=1.0,
                flip=0.0,
                color_jitter=0.0,
                rand_augment=None,
                augment_on_device=False,
                random_erasing=0.0,
                fit=None,
            )
        if self.protocol != "re-encrypted":
            self._refuse(
                "{} belongs to --protocol re-encrypted; leave it out",
                key_file=None,
                jpeg_quality=None,
                disposable=False,
            )
        if self.augment_on_device:
            self._refuse(
                "{} works on single pictures; leave it or --augment_on_device out",
                color_jitter=0.0,
                rand_augment=None,
                jpeg_quality=None,
            )
        if self.disposable and self.key_file:
            raise ParameterError("--disposable makes a key for each image that nobody keeps; leave --key_file out")
        if self.protocol == "re-encrypted":
            self._refuse("{} belongs to --protocol plain; leave it out", random_erasing=0.0)
        for name in ("flip", "random_erasing", "crop_scale", "block_drop"):
            if not 0 <= getattr(self, name) <= 1:
                raise ParameterError(f"--{name} {getattr(self, name)}: give a number from 0 to 1")
        for name in ("mixup_alpha", "cutmix_alpha", "block_mix_alpha"):
            if getattr(self, name) < 0:
                raise ParameterError(f"--{name} {getattr(self, name)}: give 0 or more")

    @property
    def folders(self) -> dict[str, str]:
        return ({"train": self.train_dir} if self.train_dir else {}) | super().folders

    def _refuse(self, message: str, **defaults: Any) -> None:
        for name, default in defaults.items():
            if getattr(self, name) != default:
                raise ParameterError(message.format(f"--{name} {getattr(self, name)}"))


@dataclass
class EtcTrainingArguments(TrainingArguments):
    """The Trainer's own arguments, and the schedules of ConvMixer and of the adaptation networks."""

    triangular_schedule: bool = option(
        False, "ConvMixer's learning rate, in place of lr_scheduler_type: 0 to max at 2/5, max/20 at 4/5, 0 at the end"
    )
    lr_milestones: list[float] = option(  # noqa: RUF009
        [], "in place of lr_scheduler_type: the learning rate falls to a tenth at each of these epochs"
    )
    max_minutes: float | None = option(
        None, "stop with a checkpoint after so many minutes, with exit status 142; the same command goes on from it"
    )
    per_device_eval_batch_size: int = option(64, "images of an evaluation batch on each device")
    do_train: bool = option(True, "train")
    do_eval: bool = option(True, "evaluate at the end")
    remove_unused_columns: bool = option(False, "stays off: a batch holds pixel_values and labels only")
    ddp_find_unused_parameters: bool | None = option(False, "off: every parameter of these networks is used")
    hub_strategy: str = option("end", "stays at end: only a finished training is looked through and uploaded")

    def __post_init__(self) -> None:
        if self.bf16 and not torch.accelerator.is_available():
            self.use_cpu = True  # without it transformers refuses bfloat16, which CPUs do multiply in, too
        super().__post_init__()
        if self.push_to_hub and self.hub_strategy != "end":
            raise ParameterError("--hub_strategy uploads unseen what the Trainer saves on its way; leave it out")
        if self.triangular_schedule and self.lr_milestones:
            raise ParameterError("--triangular_schedule and --lr_milestones are two schedules; give one of them")
        if any(not 0 < epoch < self.num_train_epochs for epoch in self.lr_milestones):
            raise ParameterError(f"--lr_milestones: give epochs between 0 and {self.num_train_epochs:g}")


class _Parser(HfArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ParameterError(f"{message}; see --help")


def parse_arguments(argv: Sequence[str]) -> tuple[ModelArguments, DataArguments, EtcTrainingArguments]:
    """Parse ``[recipe.yaml | recipe.json] [--flag value ...]``; the last mention of a name counts.

    Raises:
        ParameterError: unknown or malformed arguments, or ones that contradict each other.

    Example:
        >>> model, data, training = parse_arguments(
        ...     ["--dataset_name", "ciphertexts", "--output_dir", "run", "--mixup_alpha", "0.5", "--use_cpu"])
        >>> data.protocol, data.mixup_alpha, training.per_device_train_batch_size
        ('static', 0.5, 8)
    """
    model, data, training = parse_into((ModelArguments, DataArguments, EtcTrainingArguments), argv, "train")
    if training.output_dir in (None, "trainer_output"):  # the second is transformers' own default
        raise ParameterError("no output folder: give --output_dir")
    return model, data, training


def arguments_from(settings: Mapping[str, Any]) -> tuple[ModelArguments, DataArguments, EtcTrainingArguments]:
    """The arguments of :func:`hf_etc.training.train.train` from names and values as a recipe has them.

    Raises:
        ParameterError: see :func:`parse_arguments`.
    """
    return parse_arguments(_flags(settings))


def parse_into(kinds: Any, argv: Sequence[str], program: str) -> tuple[Any, ...]:
    """Parse a recipe and flags into one object of each of these dataclasses.

    Raises:
        ParameterError: unknown or malformed arguments.
    """
    argv = list(argv)
    if argv and not argv[0].startswith("-"):
        argv = _flags(read_recipe(Path(argv[0]))) + argv[1:]
    parser = _Parser(kinds, prog=program, allow_abbrev=False)
    try:
        *arguments, unknown = parser.parse_args_into_dataclasses(argv, True, look_for_args_file=False)
    except EtcError:
        raise
    except (ValueError, TypeError) as error:  # a check of TrainingArguments
        raise ParameterError(str(error).splitlines()[0]) from None
    if unknown:
        raise ParameterError(f"unknown argument {unknown[0]}; see --help")
    return tuple(arguments)


def read_recipe(path: Path) -> dict[str, Any]:
    """The names and values of a recipe file.

    Raises:
        ParameterError: no such file, not YAML or JSON, or not a mapping.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))  # JSON is YAML
    except OSError as error:
        raise ParameterError(f"cannot read the recipe {path}: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise ParameterError(f"the recipe {path} is not valid YAML or JSON") from None
    if not isinstance(values, dict):
        raise ParameterError(f"the recipe {path} must hold lines of the form name: value")
    return values


def parse_overrides(text: str | None) -> dict[str, Any]:
    """``"dim=96,kernel_size=5"`` as a dictionary; values are read as YAML.

    Example:
        >>> parse_overrides("dim=96,hidden_act=gelu")
        {'dim': 96, 'hidden_act': 'gelu'}
    """
    overrides = {}
    for part in filter(None, (text or "").split(",")):
        name, equals, value = part.partition("=")
        if not equals or not name.strip().isidentifier():
            raise ParameterError(f"--model_config {part!r}: write name=value,name=value")
        overrides[name.strip()] = yaml.safe_load(value)
    return overrides


def _flags(settings: Mapping[str, Any]) -> list[str]:
    flags = []
    for name, value in settings.items():
        if value is None:
            continue
        if isinstance(value, dict):
            value = json.dumps(value) if name != "model_config" else ",".join(f"{k}={v}" for k, v in value.items())
        flags += [f"--{name}", *(map(str, value) if isinstance(value, list) else [str(value)])]
    return flags
