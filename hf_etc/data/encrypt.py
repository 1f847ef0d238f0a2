"""Encrypting the images of a dataset: on the owner's side, before anything leaves it."""

import copy
import hmac
import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self, TypeVar

from ..cipher.keys import EtcKey
from ..errors import ParameterError
from ..sealing import Recipe, Sealer
from .batches import ImageMap
from .columns import refuse_lazy_transform
from .others import OtherColumns

if TYPE_CHECKING:
    import datasets

    AnyDataset = TypeVar(
        "AnyDataset", datasets.Dataset, datasets.DatasetDict, datasets.IterableDataset, datasets.IterableDatasetDict
    )

TRAIN_SPLIT = "train"
BATCH_SIZE, WRITER_BATCH_SIZE = 64, 100  # rows: a few megabytes of images


class EncryptImages(ImageMap):
    """Encrypts the image column of a dataset, for ``dataset.map(..., batched=True)``.

    Works with ``num_proc``, ``Dataset``, ``DatasetDict`` and streaming. It gives files as {"bytes", "path"}: a column
    of type ``datasets.Image`` keeps that type, and one of bytes or paths takes it in :func:`encrypt_dataset`, with
    ``map(..., features=...)``, or with ``cast_column(column, datasets.Image())`` after the map. A transform has to
    give the other columns itself: ``with_transform(lambda batch: {**batch, **encrypt(batch)})``.

    Its pickle, its repr and so the cache of ``datasets`` know the public parameters and the key id alone: two keys
    never share a cache, the same key and parameters do. :func:`encrypt_dataset` makes the call with the best arguments.

    Args:
        key: the secret key; None with ``disposable=True``, which makes one for each image and keeps none.
        recipe: a :class:`Recipe`, or a dictionary of its members.
        column: the image column; None finds it when there is exactly one. Other columns stay as they are, and are
            refused if they may hold plain pictures: files, bytes, base64, arrays in the shape of a picture.
        keep_columns: columns that stay as they are whatever they hold.
        drop_columns: columns to take out; a plain ``map`` cannot, and leaves None in each of their rows.
        skip_bad: leave bad images out, with a warning in the log, instead of raising.
        members: of a recipe, in place of one, such as ``block_size=16, size=224, format="jpeg"``; :meth:`Recipe.of`
            lists them. With views, the other columns are repeated for each view.

    Raises:
        MissingKeyError: `key` is not an :class:`hf_etc.EtcKey`.
        ParameterError, GeometryError: a member is unknown or out of range, or the size is off the block grid.

    Example:
        >>> from datasets import Dataset
        >>> from PIL import Image
        >>> plain = Dataset.from_dict({"image": [Image.new("RGB", (32, 32))], "label": [3]})
        >>> encrypted = plain.map(EncryptImages(EtcKey.generate(), block_size=8), batched=True)
        >>> from hf_etc import read_marker
        >>> read_marker(encrypted[0]["image"]).spec.block_size
        8
    """

    operation = "encrypt"

    def __init__(
        self,
        key: EtcKey | None,
        recipe: Recipe | Mapping[str, Any] | None = None,
        *,
        column: str | None = None,
        keep_columns: Iterable[str] = (),
        drop_columns: Iterable[str] = (),
        skip_bad: bool = False,
        **members: Any,
    ) -> None:
        self.recipe = Recipe.of(recipe, **members)
        self.others = OtherColumns(keep_columns, drop_columns)  # type: ignore[arg-type]
        super().__init__(Sealer(key, self.recipe), column, skip_bad)
        self._run = os.urandom(32) if self.recipe.spec.disposable else b""  # stands for a key in this run

    def tag(self, text: bytes, length: int = 16) -> str:
        """As there. Where keys are disposable, nobody but this run can make it, and no other goes on from it."""
        if self.recipe.spec.disposable:
            return hmac.new(self._run, text, "sha256").digest()[:length].hex()
        return super().tag(text, length)

    def facts(self) -> dict[str, Any]:
        return self.recipe.to_dict()

    @property
    def suffix(self) -> str:
        return self.recipe.encoding.suffix

    @property
    def copies(self) -> int:
        return 1 if self.recipe.views is None else self.recipe.views.count

    def for_splits(self, splits: Iterable[str]) -> dict[str, Self]:
        """This for the split "train", and this without views for any other.

        Raises:
            ParameterError: views are asked for and there is no such split.
        """
        every = super().for_splits(splits)
        if self.recipe.views is None:
            return every
        if TRAIN_SPLIT not in every:
            raise ParameterError(f"views are made of the split {TRAIN_SPLIT!r} alone, there is only {', '.join(every)}")
        plain = copy.copy(self)
        plain.recipe = replace(self.recipe, views=None)
        plain.converter = Sealer(self.converter.held, plain.recipe)
        return {split: self if split == TRAIN_SPLIT else plain for split in every}


def encrypt_dataset(
    dataset: "AnyDataset",
    key: EtcKey | None,
    recipe: Recipe | Mapping[str, Any] | None = None,
    *,
    num_proc: int | None = None,
    **options: Any,
) -> "AnyDataset":
    """Encrypt the images of a dataset with the arguments of ``map`` that suit images.

    Args:
        dataset: a Dataset or IterableDataset, or a dictionary of splits; `views` then applies to "train" alone.
        key: the secret key; None with ``disposable=True``.
        num_proc: processes; not for streamed datasets.
        recipe, options: of :class:`EncryptImages`.

    Returns:
        The same kind of dataset. Its images are ciphertext files and carry markers; errors named row numbers.

    Raises:
        ParameterError: unknown parameter or column, a lazy transform, views without a split to make them of, or
            another column that may hold plain pictures.
        EtcError: an image is bad, see :class:`EncryptImages`.

    Example:
        >>> from datasets import Dataset
        >>> from PIL import Image
        >>> plain = Dataset.from_dict({"image": [Image.new("RGB", (32, 32))], "label": [3]})
        >>> sorted(encrypt_dataset(plain, EtcKey.generate(), views=2)[1])
        ['image', 'label']
    """
    encrypt = EncryptImages(key, recipe, **options)
    if isinstance(dataset, dict):
        encrypts = encrypt.for_splits(dataset)
        return type(dataset)({split: _map(part, encrypts[split], num_proc) for split, part in dataset.items()})
    return _map(dataset, encrypt, num_proc)


def _map(dataset: Any, encrypt: EncryptImages, num_proc: int | None) -> Any:
    from datasets import Dataset, Features
    from datasets import Image as ImageFeature

    refuse_lazy_transform(dataset)
    options: dict[str, Any] = {"batched": True, "batch_size": BATCH_SIZE, "with_indices": True}
    if dataset.features is None:
        return encrypt.others.taken_out(dataset.map(encrypt, **options))
    encrypt = copy.copy(encrypt)
    encrypt.column = encrypt.others.image_column(dataset.features, encrypt.column)
    dataset, encrypt.others = encrypt.others.taken_out(dataset), replace(encrypt.others, drop=())
    features = Features({**dataset.features, encrypt.column: ImageFeature()})
    undecoded = dataset.cast_column(encrypt.column, ImageFeature(decode=False))
    if not isinstance(dataset, Dataset):  # a stream that is mapped with features never decodes them
        return undecoded.map(encrypt, **options).cast(features)
    options |= {"writer_batch_size": WRITER_BATCH_SIZE, "num_proc": num_proc, "desc": "encrypting"}
    return undecoded.map(encrypt, features=features, **options)
