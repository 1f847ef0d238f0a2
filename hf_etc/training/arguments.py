"""What a training and an evaluation can be told, on the command line or in a recipe file.

Named as in the image classification example of transformers; a recipe is a YAML or JSON file with the same names, and
options after it override it. Light: torch and transformers are imported only where a training is about to start.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import yaml

from ..encoding import JPEG_QUALITY
from ..errors import ParameterError
from ..usage import CommandParser
from .options import add_options, add_trainer_options, made, option, trainer_words

if TYPE_CHECKING:
    from .trainer_arguments import EtcTrainingArguments

Protocol = Literal["plain", "static", "re-encrypted"]
JPEG_QUALITIES = (JPEG_QUALITY, 80)  # the paper's, Table III


@dataclass
class ModelArguments:
    """Which network."""

    model_name_or_path: str = option(
        "convmixer-256/8",
        "preset, family, saved folder or Hub id, see hf_etc.models",
        aliases=["--model"],
        metavar="MODEL",
    )
    model_config: str | None = option(None, "changes to its configuration: patch_size=4,dim=96,depth=6,kernel_size=5")
    from_pretrained: str | None = option(None, "for a bag-vit: plain ViT to start from, a folder or Hub id")
    channels_last: bool = option(False, "channels-last memory layout; faster for ConvMixer on most devices")


@dataclass
class SourceArguments:
    """Where the images to evaluate on are."""

    dataset_name: str | None = option(
        None, "Hub id or local folder (parquet, save_to_disk, image folder)", aliases=["--dataset"], metavar="DATASET"
    )
    dataset_config_name: str | None = option(None, "configuration of the dataset, where it has several")
    dataset_revision: str | None = option(None, "branch, tag or commit of the dataset on the Hub")
    validation_dir: str | None = option(None, "folder of evaluation images, one subfolder per class", metavar="DIR")
    eval_split: str | None = option(None, "split to evaluate on; default: validation or test")
    max_eval_samples: int | None = option(None, "evaluate on a fixed random choice of this many images")
    image_column_name: str | None = option(
        None, "column of the images; default: the only image column", aliases=["--column"]
    )
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

    protocol: Protocol = option(  # noqa: RUF009
        "static",
        "static: ciphertexts as they are, no key. re-encrypted: plain images, augmented, then encrypted anew each "
        "time; needs the key. plain: no cipher, the baseline",
    )
    train_dir: str | None = option(None, "folder of training images, one subfolder per class", metavar="DIR")
    train_split: str | None = option(None, "split to train on; default: train")
    max_train_samples: int | None = option(None, "train on a fixed random choice of this many images")
    in_memory: Literal["auto", "true", "false"] = option("auto", "keep decoded pixels in memory; auto: up to 4 GiB")

    image_size: int | None = option(
        None, "edge in pixels that plain images get, or ciphertexts must have", aliases=["--size"]
    )
    fit: str | None = option(None, "how: crop (default with a size), pad or stretch")
    resample: str = option("bicubic", "with which filter: bicubic or bilinear")

    cipher: str = option("etc", "re-encrypted: name of the cipher")
    block_size: int | None = option(None, "edge of a cipher's block in pixels; default: 16; static: what it must be")
    key_scope: str | None = option(None, "dataset (default) or image; static: what it must be")
    preset: str | None = option(None, "of etc: paper, private or strict; what is given beside it overrides it")
    gap: int | None = option(None, "pixels between blocks that are never sent; default: 0; static: what it must be")
    jitter: int | None = option(None, "pixels by which blocks are moved at random; default: 0; static: what it must be")
    keep: float | None = option(
        None, "share of the rows of blocks that is sent; default: 1; static: what it must be", aliases=["--keep-blocks"]
    )
    disposable: bool = option(False, "re-encrypted: a key for each image that nobody keeps; for public images")
    key_file: str | None = option(
        None, "re-encrypted: the key file; default: HF_ETC_KEY_FILE or HF_ETC_KEY", aliases=["--key"], metavar="FILE"
    )
    jpeg_quality: int | None = option(
        None, "re-encrypted: JPEG round trip of every ciphertext, 1..100", aliases=["--quality"]
    )
    jpeg_subsampling: str = option(
        "4:4:4", "chroma subsampling of that round trip: 4:4:4 or 4:2:0", aliases=["--subsampling"]
    )

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
class EvaluationArguments(SourceArguments):
    """What ``hf-etc evaluate`` can be told."""

    model_name_or_path: str | None = option(
        None, "folder or Hub id of the trained model with its processor", aliases=["--model"], metavar="MODEL"
    )
    key_file: str | None = option(
        None, "key file, for plain images; default: HF_ETC_KEY_FILE or HF_ETC_KEY", aliases=["--key"], metavar="FILE"
    )
    jpeg_quality: list[int] = option(  # noqa: RUF009
        list(JPEG_QUALITIES), "JPEG qualities to evaluate; 0: none", aliases=["--quality"]
    )
    jpeg_subsampling: str = option(
        "4:4:4", "chroma subsampling of the JPEG files: 4:4:4 or 4:2:0", aliases=["--subsampling"]
    )
    num_nonces: int = option(3, "with a key for each image: how often each is encrypted anew")
    batch_size: int = option(64, "images at a time")
    seed: int = option(0, "chooses the images of --max-eval-samples")
    device: str | None = option(None, "torch device; default: cuda where there is one, else cpu")
    output: str | None = option(
        None,
        "JSON file of the result; default: evaluation.json, in the model's folder",
        aliases=["--out"],
        metavar="FILE",
    )


_CIPHER = (
    *("key_file", "cipher", "preset", "block_size", "key_scope", "gap", "jitter", "keep", "disposable"),
    *("jpeg_quality", "jpeg_subsampling"),
)
_AUGMENTATION = (
    *("crop_scale", "flip", "color_jitter", "rand_augment", "augment_on_device", "random_erasing"),
    *("mixup_alpha", "cutmix_alpha", "block_drop", "block_mix_alpha"),
)


def training_parser(every: bool = False) -> CommandParser:
    """The parser of ``hf-etc train``.

    Args:
        every: its help shows all options of transformers' TrainingArguments.
    """
    parser = CommandParser(
        "train",
        "Train a classifier: on ciphertexts alone, with no key (the protocol static), or on plain images that are "
        "encrypted anew each time. A recipe is a YAML or JSON file of the same options in snake case; what stands "
        "after it overrides it. Ctrl-C saves a checkpoint; the same command goes on.",
        "hf-etc train --dataset encrypted --out run --num-train-epochs 100",
        "hf-etc train recipe.yaml --key clinic.key",
        usage="hf-etc train [RECIPE.yaml] --dataset DATASET --out DIR [OPTIONS]",
    )
    parser.add_argument("recipe", nargs="?", metavar="RECIPE.yaml", help="file of options; stands first")
    parser.add_argument("--help-all", action=_HelpAll, help="show also the hundred options that are seldom used")
    images = {one.name for one in fields(DataArguments)} - {*_CIPHER, *_AUGMENTATION}
    add_options(parser.add_argument_group("images"), DataArguments, images)
    add_options(parser.add_argument_group("network"), ModelArguments)
    add_options(parser.add_argument_group("cipher"), DataArguments, _CIPHER)
    add_options(parser.add_argument_group("augmentation"), DataArguments, _AUGMENTATION)
    add_trainer_options(parser, every)
    return parser


class _HelpAll(argparse.Action):
    def __init__(self, **given: Any) -> None:
        super().__init__(nargs=0, **given)

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        training_parser(every=True).print_help()
        parser.exit()


def parse_arguments(argv: Sequence[str]) -> "tuple[ModelArguments, DataArguments, EtcTrainingArguments]":
    """Parse ``[recipe.yaml | recipe.json] [--option value ...]``; the last mention of a name counts.

    Raises:
        ParameterError: unknown or malformed arguments, or ones that contradict each other.

    Example:
        >>> model, data, training = parse_arguments(
        ...     ["--dataset", "ciphertexts", "--out", "run", "--mixup_alpha", "0.5", "--use-cpu"])
        >>> data.protocol, data.mixup_alpha, training.per_device_train_batch_size
        ('static', 0.5, 64)
    """
    return training_arguments(training_parser().parse_args(with_recipe(argv)))


def training_arguments(
    options: argparse.Namespace,
) -> "tuple[ModelArguments, DataArguments, EtcTrainingArguments]":
    """What :func:`training_parser` parsed; see :func:`parse_arguments`."""
    if options.recipe is not None:
        raise ParameterError(f"the recipe {options.recipe} must stand first, before all options")
    model, data = made(ModelArguments, options), made(DataArguments, options)
    if getattr(options, "output_dir", None) in (None, "trainer_output"):  # the second is transformers' own default
        raise ParameterError("no output folder: give --output_dir")
    from .trainer_arguments import parse_trainer_arguments

    return model, data, parse_trainer_arguments(trainer_words(options))


def arguments_from(settings: Mapping[str, Any]) -> "tuple[ModelArguments, DataArguments, EtcTrainingArguments]":
    """The arguments of :func:`hf_etc.training.train.train` from names and values as a recipe has them.

    Raises:
        ParameterError: see :func:`parse_arguments`.
    """
    return parse_arguments(_words(settings))


def with_recipe(argv: Sequence[str]) -> list[str]:
    """A command line whose first word may be a recipe, with the options of the recipe in its place.

    Raises:
        ParameterError: see :func:`read_recipe`.
    """
    words = list(argv)
    if words and not words[0].startswith("-"):
        return _words(read_recipe(Path(words[0]))) + words[1:]
    return words


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


def _words(settings: Mapping[str, Any]) -> list[str]:
    words = []
    for name, value in settings.items():
        if value is None:
            continue
        if isinstance(value, dict):
            value = json.dumps(value) if name != "model_config" else ",".join(f"{k}={v}" for k, v in value.items())
        words += [f"--{name}", *(map(str, value) if isinstance(value, list) else [str(value)])]
    return words
