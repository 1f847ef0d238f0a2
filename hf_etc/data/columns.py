"""Which column of a dataset holds the images."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from PIL import Image

from ..errors import ParameterError


def image_column(
    columns: Iterable[str], found: Sequence[str], wanted: str | None = None, option: str = "column"
) -> str:
    """The wanted column, or the one that holds images.

    Args:
        columns: names of all columns.
        found: those that hold images.
        wanted: the user's choice, if any.
        option: what the choice is called where it is made.

    Raises:
        ParameterError: no such column, no column with images, or several to choose from.
    """
    columns = list(columns)
    if wanted is not None and wanted not in columns:
        raise ParameterError(f"there is no column {wanted!r}; choose from {', '.join(columns)}")
    if wanted is None and not found:
        remedy = f"cast one to datasets.Image(), or name one of files or bytes with {option}; remove a format first"
        raise ParameterError(f"there is no image column among {', '.join(columns)}; {remedy}")
    if wanted is None and len(found) > 1:
        raise ParameterError(f"there are several image columns, {', '.join(found)}; choose one with {option}")
    return wanted or found[0]


def image_features(features: Mapping[str, Any]) -> list[str]:
    """Names of the columns whose feature is, or holds, ``datasets.Image``."""
    return [name for name, feature in features.items() if _holds_image(feature)]


def looks_like_image(value: Any) -> bool:
    """Whether one value of a column is what datasets stores or shows for an image."""
    return isinstance(value, Image.Image) or (isinstance(value, Mapping) and {"bytes", "path"} <= set(value))


def check_batch(batch: Any, name: str) -> None:
    """Raise ParameterError for anything but a dictionary of whole columns, which is what a batched map hands over.

    Args:
        batch: what a function in ``dataset.map`` was called with.
        name: of that function.
    """
    whole = isinstance(batch, Mapping) and type(batch).__name__ != "LazyRow"
    if not whole or not (hasattr(batch, "pa_table") or all(map(_is_column, batch.values()))):
        raise ParameterError(
            f"{name} takes batches of whole rows: use dataset.map({name}(key), batched=True), without input_columns, "
            "and remove a format with dataset.with_format(None)"
        )


def refuse_lazy_transform(dataset: Any) -> None:
    """Raise ParameterError for ``with_transform``: such a dataset shows one thing and stores another."""
    if (getattr(dataset, "format", None) or {}).get("type") == "custom":
        raise ParameterError(
            "the dataset has a lazy transform (with_transform): it shows one thing and stores another; "
            "remove it with dataset.with_format(None), or materialise it with dataset.map"
        )


def _is_column(values: Any) -> bool:
    single = isinstance(values, str | bytes | Mapping) or getattr(values, "ndim", 1) == 0
    return hasattr(values, "__len__") and not single


def _holds_image(feature: Any) -> bool:
    if isinstance(feature, Mapping):
        return any(map(_holds_image, feature.values()))
    if isinstance(feature, list | tuple):
        return any(map(_holds_image, feature))
    return type(feature).__name__ == "Image" or _holds_image(getattr(feature, "feature", ()))
