"""Encrypting the images of a dataset: on the owner's side, before anything leaves it."""

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self, TypeVar

import numpy as np
from PIL import Image

from ..cipher import CipherSpec, spec_from_dict
from ..cipher.keys import EtcKey
from ..cipher.spec import KeyScope, make_spec
from ..errors import ParameterError
from ..images.ciphertext import ImageFormat, Subsampling, check_format, open_plain
from ..images.load import RESAMPLE, Fit, ImageSource, Preparation, load_rgb, to_size
from ..sealing.views import Views
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
_SUFFIX = {"png": ".png", "webp": ".webp", "jpeg": ".jpg"}


@dataclass(frozen=True)
class Recipe:
    """Everything but the key, and the nonces, that decides on a ciphertext file.

    Attributes:
        spec: cipher and parameters.
        preparation: how a picture is brought to size before it is encrypted.
        format, quality, subsampling: of the file, see :func:`hf_etc.encode_ciphertext`.
        views: the augmented views to make of a picture; None encrypts the picture as it is.

    Raises:
        ParameterError: unknown format, quality or subsampling.
        GeometryError: the size to prepare does not fit the cipher's block grid.
    """

    spec: CipherSpec
    preparation: Preparation
    format: ImageFormat = "png"
    quality: int = 85
    subsampling: Subsampling = "4:4:4"
    views: Views | None = None

    def __post_init__(self) -> None:
        check_format(self.format, self.quality, self.subsampling)
        if self.preparation.size is not None:
            self.spec.check_size(*self.preparation.size)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, without what has no effect."""
        size, views = self.preparation.size, self.views
        facts = self.spec.to_dict() | {"size": None if size is None else list(size)}
        facts |= {"fit": self.preparation.fit, "resample": self.preparation.resample, "format": self.format}
        if self.format == "jpeg":
            facts |= {"quality": self.quality, "subsampling": self.subsampling}
        facts["views"] = 0 if views is None else views.count
        if views is not None:
            facts |= {"crop_scale": list(views.scale), "flip": views.flip, "seed": views.seed}
        return facts

    def pictures(self, image: Image.Image) -> list[np.ndarray]:
        """The plain pictures to encrypt for one RGB image, each uint8 (H,W,3) on the block grid."""
        grid, size = self.spec.grid, self.preparation.size
        if self.views is None:
            return [self.preparation.apply(image, grid)]
        if size is None:  # crops of the picture's own size, once that is on the grid
            image = Image.fromarray(self.preparation.apply(image, grid))
            size = (image.height, image.width)
        return self.views.draw(image, size, RESAMPLE[self.preparation.resample])


class EncryptImages(ImageMap):
    """Encrypts the image column of a dataset, for ``dataset.map(..., batched=True)``.

    Works with ``num_proc``, ``Dataset``, ``DatasetDict`` and streaming. Its pickle, its repr and so the cache of
    ``datasets`` know the public parameters and the key id alone: two keys never share a cache, the same key and
    parameters do. :func:`encrypt_dataset` makes the call with the best arguments.

    Args:
        key: the secret key.
        cipher: a registered name ("etc" by default), or a spec as object or dictionary.
        block_size, key_scope, steps, shared_block_key: parameters of a cipher given by name; None leaves its
            default, for "etc" those of :class:`hf_etc.EtcCipher`: 16, "dataset", all four steps, False.
        size: edge or (height, width) in pixels of what is encrypted; None keeps each picture's own.
        fit, resample: how a picture is brought to size, see :class:`hf_etc.Preparation`.
        format: "png" (default), "webp" (both lossless) or "jpeg".
        quality, subsampling: of JPEG; the paper uses 85 and 80.
        column: the image column; None finds it when there is exactly one. Other columns stay as they are, and are
            refused if they may hold plain pictures: files, bytes, base64, arrays in the shape of a picture.
        keep_columns: columns that stay as they are whatever they hold.
        drop_columns: columns to take out; a plain ``map`` cannot, and leaves None in each of their rows.
        views: 0 (default) encrypts each picture as it is; V makes V augmented views of each, then encrypts them,
            and repeats the other columns (the authors' training does so anew for every epoch).
        crop_scale, flip, seed: of the views, see :class:`Views`.
        skip_bad: leave bad images out, with a warning in the log, instead of raising.

    Raises:
        MissingKeyError: `key` is not an :class:`hf_etc.EtcKey`.
        ParameterError, GeometryError: a parameter is out of range, or the size is off the block grid.

    Example:
        >>> from datasets import Dataset
        >>> plain = Dataset.from_dict({"image": [Image.new("RGB", (32, 32))], "label": [3]})
        >>> encrypted = plain.map(EncryptImages(EtcKey.generate(), block_size=8), batched=True)
        >>> from hf_etc import read_marker
        >>> read_marker(encrypted[0]["image"]).spec.block_size
        8
    """

    operation = "encrypt"

    def __init__(
        self,
        key: EtcKey,
        *,
        cipher: str | Mapping[str, Any] | CipherSpec = "etc",
        block_size: int | None = None,
        key_scope: KeyScope | None = None,
        steps: tuple[str, ...] | None = None,
        shared_block_key: bool | None = None,
        size: int | tuple[int, int] | None = None,
        fit: Fit | None = None,
        resample: str = "bicubic",
        format: ImageFormat = "png",
        quality: int = 85,
        subsampling: Subsampling = "4:4:4",
        column: str | None = None,
        keep_columns: Iterable[str] = (),
        drop_columns: Iterable[str] = (),
        views: int = 0,
        crop_scale: tuple[float, float] = (0.75, 1.0),
        flip: bool = True,
        seed: int = 0,
        skip_bad: bool = False,
    ) -> None:
        given = {"block_size": block_size, "key_scope": key_scope, "steps": steps, "shared_block_key": shared_block_key}
        spec = to_spec(cipher, **given)
        augmented = Views(views, crop_scale, flip, seed) if views else None
        self.recipe = Recipe(spec, Preparation(to_size(size), fit, resample), format, quality, subsampling, augmented)
        self.others = OtherColumns(keep_columns, drop_columns)  # type: ignore[arg-type]
        super().__init__(key, column, skip_bad)

    def facts(self) -> dict[str, Any]:
        return self.recipe.to_dict()

    @property
    def suffix(self) -> str:
        return _SUFFIX[self.recipe.format]

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
        return {split: self if split == TRAIN_SPLIT else plain for split in every}

    def _read(self, source: ImageSource) -> list[np.ndarray]:
        return self.recipe.pictures(load_rgb(open_plain(source)))

    def _write(self, read: Sequence[np.ndarray]) -> list[bytes]:
        recipe = self.recipe
        return self.cipher(recipe.spec).seal_all(read, recipe.format, recipe.quality, recipe.subsampling)


def encrypt_dataset(dataset: "AnyDataset", key: EtcKey, *, num_proc: int | None = None, **params: Any) -> "AnyDataset":
    """Encrypt the images of a dataset with the arguments of ``map`` that suit images.

    Args:
        dataset: a Dataset or IterableDataset, or a dictionary of splits; `views` then applies to "train" alone.
        key: the secret key.
        num_proc: processes; not for streamed datasets.
        params: of :class:`EncryptImages`.

    Returns:
        The same kind of dataset. Its images are ciphertext files and carry markers; errors named row numbers.

    Raises:
        ParameterError: unknown parameter or column, a lazy transform, views without a split to make them of, or
            another column that may hold plain pictures.
        EtcError: an image is bad, see :class:`EncryptImages`.

    Example:
        >>> from datasets import Dataset
        >>> plain = Dataset.from_dict({"image": [Image.new("RGB", (32, 32))], "label": [3]})
        >>> sorted(encrypt_dataset(plain, EtcKey.generate(), views=2)[1])
        ['image', 'label']
    """
    encrypt = EncryptImages(key, **params)
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


def to_spec(cipher: str | Mapping[str, Any] | CipherSpec, **params: Any) -> CipherSpec:
    """The spec of a cipher given by its name and those of `params` that are not None, or given whole.

    Raises:
        ParameterError: unknown name or parameter, or parameters beside a whole spec.
    """
    given = {name: value for name, value in params.items() if value is not None}
    if isinstance(cipher, str):
        return make_spec(cipher, **given)
    if given:
        raise ParameterError(
            f"{next(iter(given))} is fixed by the cipher's spec; leave it out, or give the cipher by name"
        )
    return cipher if isinstance(cipher, CipherSpec) else spec_from_dict(dict(cipher))
