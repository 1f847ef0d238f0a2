"""From a dataset's name or folder to two tables of still encoded images with whole-number labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from datasets import ClassLabel, Dataset, DatasetDict, Features, Image, load_dataset

from ..data.columns import image_column, image_features
from ..data.load import load_tables
from ..errors import ParameterError
from ..images.prepare import Preparation
from .arguments import DataArguments, SourceArguments

_TRAIN = ("train",)
_EVAL = ("validation", "valid", "val", "test", "eval")
_LABELS = ("label", "labels", "fine_label")


@dataclass(frozen=True)
class Split:
    """Encoded images and labels of one split.

    Attributes:
        table: has a column `image` of undecoded images.
        image: that column's name.
        labels: one class number per row.
        class_names: name of class number i.
        name: what the dataset calls the split.
    """

    table: Dataset
    image: str
    labels: Sequence[int]
    class_names: list[str]
    name: str

    def __len__(self) -> int:
        return len(self.table)

    def pictures(self, size: tuple[int, int]) -> np.ndarray:
        """All images at one (height, width), uint8 (N,H,W,3); of plain images alone."""
        preparation = Preparation(size)
        return np.stack([preparation.read(source) for source in self.sources()])

    def sources(self) -> "Sources":
        """The encoded images, one by one."""
        return Sources(self.table, self.image)


class Sources(Sequence):
    """Indexable: what :func:`hf_etc.images.load.open_image` takes, the file's bytes or its path."""

    def __init__(self, table: Dataset, image: str) -> None:
        self._table, self._image = table.select_columns([image]), image

    def __len__(self) -> int:
        return len(self._table)

    def __getitem__(self, index):
        cell = self._table[int(index)][self._image]
        return cell["bytes"] if cell["bytes"] is not None else cell["path"]


def load_splits(args: DataArguments, train: bool = True, evaluate: bool = True, seed: int = 0) -> dict[str, Split]:
    """Load what a run needs.

    Args:
        args: names of the dataset, splits and columns.
        train, evaluate: whether to load the training and the evaluation split.
        seed: chooses the rows of --max_train_samples and --max_eval_samples.

    Returns:
        "train" and "eval", as asked for.

    Raises:
        ParameterError: no such dataset, split or column; nothing in it; the splits name other classes.
    """
    tables = _load(args)
    splits = {}
    if train:
        found = _pick(tables, args.train_split, _TRAIN, "give --train_split")
        splits["train"] = _split(*found, args, args.max_train_samples, seed)
    if evaluate:
        splits["eval"] = _eval_split(tables, args, seed)
    names = [split.class_names for split in splits.values()]
    if len(names) == 2 and names[0] != names[1]:
        raise ParameterError("training and evaluation split have different classes; check the two folders or splits")
    return splits


def load_eval_split(args: SourceArguments, seed: int = 0) -> Split:
    """The evaluation split alone; see :func:`load_splits`."""
    return _eval_split(_load(args), args, seed)


def _eval_split(tables: DatasetDict, args: SourceArguments, seed: int) -> Split:
    found = _pick(tables, args.eval_split, _EVAL, "give --eval_split (a training can do without: --no_do_eval)")
    return _split(*found, args, args.max_eval_samples, seed)


def _load(args: SourceArguments) -> DatasetDict:
    if args.dataset_name is not None:
        return load_tables(args.dataset_name, args.dataset_config_name or None, args.dataset_revision)
    files = {split: str(Path(folder) / "**") for split, folder in args.folders.items()}
    try:
        return load_dataset("imagefolder", data_files=files)
    except (OSError, ValueError) as error:
        folders = " and ".join(args.folders.values())
        raise ParameterError(f"cannot load the images in {folders}: {str(error).splitlines()[0]}") from None


def _pick(tables: DatasetDict, wanted: str | None, usual: Sequence[str], remedy: str) -> tuple[str, Dataset]:
    found = next((name for name in ([wanted] if wanted else usual) if name in tables), None)
    if found is None:
        raise ParameterError(f"no split {wanted or ' or '.join(usual)} in {', '.join(tables)}; {remedy}")
    return found, tables[found]


def _split(name: str, table: Dataset, args: SourceArguments, limit: int | None, seed: int) -> Split:
    features = table.features
    image = image_column(features, image_features(features), args.image_column_name, "--image_column_name")
    label = args.label_column_name or _label_column(features)
    if label not in features:
        raise ParameterError(f"no column {label!r} among {', '.join(features)}; give --label_column_name")
    if not isinstance(table.features[image], Image):
        raise ParameterError(f"column {image!r} holds {table.features[image]}, not images; give --image_column_name")
    if not isinstance(table.features[label], ClassLabel):
        table = table.class_encode_column(label)
    if limit is not None and limit < len(table):
        table = table.shuffle(seed=seed).select(range(limit)).flatten_indices()
    if not len(table):
        raise ParameterError("a split has no rows; check the dataset and --max_train_samples/--max_eval_samples")
    return Split(
        table.cast_column(image, Image(decode=False)), image, table[label][:], table.features[label].names, name
    )


def _label_column(features: Features) -> str:
    """The column with one of the usual names, else the only one of classes."""
    classes = [name for name, feature in features.items() if isinstance(feature, ClassLabel)]
    found = [name for name in _LABELS if name in features][:1] or classes
    if len(found) != 1:
        raise ParameterError(f"cannot tell the column of labels among {', '.join(features)}; give --label_column_name")
    return found[0]
