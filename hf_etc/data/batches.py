"""What encryption and decryption of a dataset column share: finding the images, naming the bad ones, and
replacing each by new files.
"""

import json
import logging
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar, Self

from PIL import Image

from ..cipher.keys import EtcKey
from ..errors import AuthenticationError, EtcError, GeometryError, ImageError, MarkerError
from ..sealing import Sealer, Unsealer
from .columns import check_batch, image_column, looks_like_image
from .others import OtherColumns

logger = logging.getLogger(__name__)
_BAD_IMAGE = (ImageError, GeometryError, MarkerError, AuthenticationError)


class ImageMap(ABC):
    """A callable for ``dataset.map(..., batched=True)`` that replaces the image files of one column.

    Args:
        converter: makes pictures of a source, and files of pictures; its key stays out of pickles.
        column: the image column; None finds it when there is exactly one.
        skip_bad: leave bad images out, with a warning in the log, instead of raising.
    """

    operation: ClassVar[str]
    others = OtherColumns(refuse=False)

    def __init__(self, converter: Sealer | Unsealer, column: str | None, skip_bad: bool) -> None:
        self.converter, self.column, self.skip_bad = converter, column, skip_bad

    def __repr__(self) -> str:
        # A traceback may show one that failed to be made.
        facts = {"key_id": self.converter.held.id, **self.facts()} if hasattr(self, "converter") else {}
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in facts.items())})"

    @property
    def key(self) -> EtcKey:
        """The secret key, found again by its id where this object was unpickled."""
        return self.converter.held.find()

    @abstractmethod
    def facts(self) -> dict[str, Any]:
        """JSON-ready public parameters, all but the key."""

    @property
    def conversion_id(self) -> str:
        """Public id of the key with these parameters, which tells two conversions apart: 32 hexadecimal digits.

        It covers the columns that the user named, too, whose names are in no public file.
        """
        facts = json.dumps([self.facts(), self.others.keep, self.others.drop], sort_keys=True)
        return self.tag(f"hf-etc/2/conversion/{facts}".encode())

    def tag(self, text: bytes, length: int = 16) -> str:
        """A label of a text, `length` bytes in hexadecimal: nobody else can check a guess at the text."""
        return self.key.derive(text, length).hex()

    def source_id(self, text: str) -> str:
        """Tells sources apart in a public manifest, by a path that stays unknown."""
        return self.tag(f"hf-etc/2/source/{text}".encode(), length=8)

    @property
    @abstractmethod
    def suffix(self) -> str:
        """File name suffix of what is written, such as ".png"."""

    @property
    def copies(self) -> int:
        """How many files one image becomes."""
        return 1

    def for_splits(self, splits: Iterable[str]) -> dict[str, Self]:
        """The conversion of the images of each split."""
        return dict.fromkeys(splits, self)

    def convert(self, images: Sequence[Any], names: Sequence[str]) -> tuple[list[list[bytes]], list[str]]:
        """Convert images as a dataset stores or yields them.

        Args:
            images: {"bytes", "path"} dictionaries, PIL images, paths, or the bytes of image files.
            names: what to call each image in an error.

        Returns:
            For each image the bytes of its new files (none for a bad one), and a line on each bad one.

        Raises:
            ImageError, GeometryError, MarkerError: a bad image, unless `skip_bad`.
            KeyMismatchError: an image was encrypted under another key.
        """
        counts: list[int] = []
        bad: list[str] = []

        def pictures() -> Iterator[Any]:
            for one in zip(images, names, strict=True):
                read = self._checked(*one, bad)
                counts.append(len(read))
                yield from read

        files = iter(self.converter.files(pictures()))
        return [list(islice(files, count)) for count in counts], bad

    def __call__(self, batch: Mapping[str, Sequence], indices: Sequence[int] | None = None, *_: Any) -> dict[str, list]:
        """Convert one batch of ``dataset.map(..., batched=True)``.

        Args:
            batch: columns of equal length.
            indices: row numbers, with ``with_indices=True``; errors name them.

        Returns:
            The image column as {"bytes", "path": None}, and None in each row of a column to drop, which a map cannot
            remove; all columns where the number of rows changes.

        Raises:
            ParameterError: not a batch, or another column may hold plain pictures.
        """
        check_batch(batch, type(self).__name__)
        columns = _Stored(batch.pa_table) if hasattr(batch, "pa_table") else batch
        self.others.check_names(columns)
        found = () if self.column else self.others.unnamed(_with_images(columns))
        column = image_column(columns, found, self.column)
        self.others.check(getattr(batch, "pa_table", batch), column)
        images = list(columns[column])
        where = "row {}" if indices is not None else "row {} of its batch"
        rows = indices if indices is not None else range(len(images))
        names = [where.format(row) + _path_of(image) for row, image in zip(rows, images, strict=True)]
        files, bad = self.convert(images, names)
        for line in bad:
            logger.warning("left out: %s", line)
        out: dict[str, list] = {column: [{"bytes": file, "path": None} for row in files for file in row]}
        out |= {name: [None] * len(out[column]) for name in self.others.drop}
        if all(len(row) == 1 for row in files):
            return out
        repeat = [i for i, row in enumerate(files) for _ in row]
        return {name: [columns[name][i] for i in repeat] for name in columns if name not in out} | out

    def _checked(self, image: Any, name: str, bad: list[str]) -> Sequence[Any]:
        try:
            return self.converter.pictures(image_source(image))
        except EtcError as error:
            named = type(error)(f"{name}: {error}")
            if not (self.skip_bad and isinstance(error, _BAD_IMAGE)):
                raise named from None
            bad.append(str(named))
            return []


def image_source(image: Any) -> bytes | Image.Image:
    """The file's bytes or the PIL image behind one value of an image column.

    Raises:
        ImageError: there is none, or its file cannot be read.
    """
    if isinstance(image, Mapping):
        if image.get("bytes") is not None:
            return image["bytes"]
        image = image.get("path")
    if image is None:
        raise ImageError("there is no image (null)")
    if isinstance(image, Image.Image | bytes):
        return image
    if isinstance(image, str) or hasattr(image, "read_bytes"):  # a path, also into a store
        return _file_bytes(str(image))
    raise ImageError(f"a {type(image).__name__} is not an image file; use dataset.with_format(None)")


class _Stored(Mapping):
    """The columns of a lazy batch of datasets as they are stored: reading the batch itself would decode a whole
    column at once, and stop at a bad image without saying which.
    """

    def __init__(self, table: Any) -> None:
        self._table = table

    def __getitem__(self, name: str) -> list:
        return self._table[name].to_pylist()

    def __iter__(self) -> Iterator[str]:
        return iter(self._table.column_names)

    def __len__(self) -> int:
        return len(self._table.column_names)


def _with_images(columns: Mapping[str, Sequence]) -> list[str]:
    first = {name: next((value for value in columns[name] if value is not None), None) for name in columns}
    return [name for name, value in first.items() if looks_like_image(value)]


def _path_of(image: Any) -> str:
    path = image.get("path") if isinstance(image, Mapping) else None
    return f" ({path})" if path else ""


def _file_bytes(path: str) -> bytes:
    try:
        if "://" not in path:
            return Path(path).read_bytes()
        from datasets.utils.file_utils import xopen  # remote files of a streamed dataset

        with xopen(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise ImageError(f"cannot read {path}: {error.strerror or error}") from None
