"""What becomes of the columns beside the encrypted one: nothing plain rides along unless the user says so."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from ..errors import ParameterError
from .columns import image_column, image_features
from .pictures import picture_feature, picture_in


@dataclass(frozen=True)
class OtherColumns:
    """Refuses columns that may hold plain pictures, but for those that the user names.

    Attributes:
        keep: columns to leave as they are, whatever they hold.
        drop: columns to take out.
        refuse: False lets every column pass, for decryption.

    Raises:
        ParameterError: a column is in both lists.
    """

    keep: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    refuse: bool = True

    def __post_init__(self) -> None:
        for field in ("keep", "drop"):
            names = getattr(self, field)
            object.__setattr__(self, field, (names,) if isinstance(names, str) else tuple(names))
        if both := set(self.keep) & set(self.drop):
            raise ParameterError(f"the column {min(both)} cannot be both kept and dropped; choose one")

    @property
    def named(self) -> tuple[str, ...]:
        """All of them, in the order given."""
        return self.keep + self.drop

    def unnamed(self, columns: Iterable[str]) -> list[str]:
        """Those of `columns` that may be the one to encrypt."""
        return [name for name in columns if name not in self.named]

    def check_names(self, columns: Iterable[str]) -> None:
        """Raise ParameterError for a column to keep or drop that is not there: a typing error would leave it in."""
        columns = list(columns)
        if missing := [name for name in self.named if name not in columns]:
            raise ParameterError(f"there is no column {missing[0]!r} to keep or drop; choose from {', '.join(columns)}")

    def image_column(self, features: Mapping[str, Any], wanted: str | None) -> str:
        """The column to encrypt, after all that the features tell already was refused, before any work.

        Raises:
            ParameterError: there is none, or several; or another column holds pictures, which the error names.
        """
        self.check_names(features)
        image = image_column(features, self.unnamed(image_features(features)), wanted)
        for name in self._looked_at(features, image):
            _refuse(name, picture_feature(features[name]))
        return image

    def taken_out(self, dataset: Any) -> Any:
        """The dataset, or the dictionary of splits or stream, without the columns to drop."""
        if not self.drop:
            return dataset
        if getattr(dataset, "features", None) is None or isinstance(dataset, dict):
            return dataset.remove_columns(list(self.drop))
        # On a stream with features remove_columns would decode the images.
        return dataset.select_columns([name for name in dataset.features if name not in self.drop])

    def check(self, columns: Any, image: str) -> None:
        """Refuse a batch with a value in it that may be a plain picture. Ciphertexts pass.

        Args:
            columns: a dictionary of columns, or an Arrow table.
            image: the column to encrypt.

        Raises:
            ParameterError: names the column and what it holds.
        """
        names = columns.column_names if hasattr(columns, "column_names") else list(columns)
        for name in self._looked_at(names, image):
            _refuse(name, next(filter(None, map(picture_in, _values(columns[name]))), None))

    def _looked_at(self, names: Iterable[str], image: str) -> list[str]:
        if image in self.named:
            raise ParameterError(f"the column {image} is the one to encrypt; it cannot be kept or dropped")
        return [name for name in self.unnamed(names) if name != image] if self.refuse else []


def _refuse(name: str, found: str | None) -> None:
    if found:
        raise ParameterError(
            f"the column {name} holds {found}, which would stay plain; name it in drop_columns (--drop), "
            "or in keep_columns (--keep) if it may stay as it is"
        )


def _values(column: Any) -> Iterator[Any]:
    """One by one, so that the first picture ends it; columns of plain numbers are passed over."""
    if not isinstance(column, pa.ChunkedArray):
        yield from column
        return
    for chunk in column.chunks:
        storage = chunk.storage if isinstance(chunk, pa.ExtensionArray) else chunk
        if not pa.types.is_primitive(storage.type):
            yield from map(_value, storage)


def _value(scalar: pa.Scalar) -> Any:
    """A list of numbers as an array, which keeps their type and takes no time; anything else as Python shows it."""
    numbers = getattr(scalar, "values", None)
    if isinstance(numbers, pa.Array) and pa.types.is_primitive(numbers.type):
        return numbers.to_numpy(zero_copy_only=False)
    return scalar.as_py()
