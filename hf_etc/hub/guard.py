"""Looks at what is about to leave, and refuses key material, tokens and plain images, with the file's name.

It stops mistakes, not intent: a marker is a label that anyone can write, pixels that were stored as numbers look
like any other numbers, and a key of someone else is known by its text form only. docs/upload-guard.md lists what is
not found, one example each.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from ..cipher import CipherSpec
from ..data.check import peek, stored_images
from ..data.columns import image_features, refuse_lazy_transform
from ..errors import EtcError, ImageError, UploadRefusedError
from ..images.ciphertext import Marker
from .columns import columns
from .contents import open_file
from .pictures import check_embedded
from .scan import check_file, check_secrets

_ROWS = 500


@dataclass(frozen=True)
class Encryption:
    """How the images of a dataset are encrypted, and how many there are.

    Attributes:
        spec: the same for all, but for whose keys were thrown away.
        cipher_ids: one for each size; more only where each image has its own key. Those that nobody has the key of are
            left out.
        sizes: every (height, width) in pixels that occurs.
        images: number of images by split.
    """

    spec: CipherSpec
    cipher_ids: frozenset[str]
    sizes: frozenset[tuple[int, int]]
    images: dict[str, int]


def check_folder(folder: str | Path, files: Iterable[Path] | None = None) -> None:
    """Refuse files that hold a key, an access token, a path of a user's home, or a plain image.

    Archives and tables are opened; whatever cannot be opened is refused.

    Args:
        folder: names in errors are relative to it.
        files: paths of what is about to be uploaded; default: every file in the folder.

    Raises:
        UploadRefusedError: names the file and what was found in it.
    """
    folder = Path(folder)
    for file in sorted(folder.rglob("*")) if files is None else files:
        if file.is_file():
            check_file(file.relative_to(folder).as_posix(), open_file(file))


def check_dataset(dataset: Any) -> Encryption:
    """Refuse a dataset unless each image in it is a ciphertext and nothing else in it is a secret.

    Args:
        dataset: a Dataset or a DatasetDict, materialised: a lazy transform would upload the plain images behind it.

    Returns:
        How the images are encrypted.

    Raises:
        UploadRefusedError: names the split, row or column.
    """
    ids: dict[tuple[int, int], set[str]] = {}
    specs: set[CipherSpec] = set()
    images = {}
    check_storage(dataset)
    for split, table in _splits(dataset).items():
        markers = list(_markers(split, table))
        _check_columns(split, table)
        images[split] = len(markers)
        for marker in markers:
            specs.add(marker.spec)
            known = ids.setdefault((marker.height, marker.width), set())
            known |= set() if marker.spec.disposable else {marker.cipher_id}
            alike = {spec.with_kept_key() for spec in specs}
            if len(alike) > 1 or (marker.spec.key_scope == "dataset" and len(known) > 1):
                ways = " and ".join(map(str, alike)) if len(alike) > 1 else "under two keys"
                raise UploadRefusedError(f"the images are encrypted in different ways, {ways}; push them one by one")
    if not specs:
        raise UploadRefusedError("the dataset has no rows; there is nothing to push")
    spec = specs.pop() if len(specs) == 1 else specs.pop().with_kept_key()
    return Encryption(spec, frozenset().union(*ids.values()), frozenset(ids), images)


def check_storage(dataset: Any) -> None:
    """Refuse a dataset that shows other images than it stores, or cannot be read without harm.

    Args:
        dataset: a Dataset or a DatasetDict.

    Raises:
        UploadRefusedError: names the split.
    """
    from datasets import Dataset

    for split, table in _splits(dataset).items():
        if not isinstance(table, Dataset):
            kind = type(table).__name__
            raise UploadRefusedError(f"split {split} is a {kind}; materialise it: what streams is not seen")
        try:
            refuse_lazy_transform(table)
            table.data.validate(full=True)  # a wrong offset in a damaged file would end the process
        except EtcError as error:
            raise UploadRefusedError(f"split {split}: {error}") from None
        except pa.ArrowException as error:
            reason = str(error).splitlines()[0]
            raise UploadRefusedError(f"split {split} is damaged ({reason}); make the dataset again") from None


def _splits(dataset: Any) -> dict[str, Any]:
    return dataset if isinstance(dataset, dict) else {str(getattr(dataset, "split", None) or "train"): dataset}


def _markers(split: str, table: Any) -> Iterator[Marker]:
    """The marker of each value of each image column."""
    found = image_features(table.features)
    if not found:
        raise UploadRefusedError(f"split {split} has no image column; push it with datasets' own push_to_hub")
    for column in found:
        if type(table.features[column]).__name__ != "Image":
            raise UploadRefusedError(f"split {split}, column {column}: nested images; put them into a column of images")
        for row, image in enumerate(stored_images(table.with_format(None), column)):
            try:
                yield peek(image)[0]
            except (EtcError, ImageError) as error:
                raise UploadRefusedError(f"split {split}, column {column}, row {row}: {error}") from None


def _check_columns(split: str, table: Any) -> None:
    """What the columns hold beside the pictures, and within their files: secrets, or pictures in disguise."""
    start = 0
    for batch in table.with_format("arrow").iter(_ROWS):
        for name, values in columns(batch):
            where = f"split {split}, column {name}"
            if values.pixels:
                raise UploadRefusedError(f"{where}: arrays of numbers may be plain pixels; remove it")
            for data in (values.together, values.cells):
                check_secrets(data, where)
            check_embedded(values.together, where)
            for value in values.each:
                check_file("value", value, f"{where}, from row {start}: ")
        start += len(batch)
