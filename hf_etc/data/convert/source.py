"""What the user points at: an image file, a folder tree of images, or a dataset."""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Literal

from ...errors import ImageError, ParameterError
from ...files import is_local, place
from ..load import load_tables
from .output import is_book

if TYPE_CHECKING:
    from datasets import DatasetDict

Kind = Literal["file", "tree", "dataset"]
# fmt: off
IMAGE_SUFFIXES = frozenset([
    ".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm", ".pnm",
    ".avif", ".jp2", ".heic", ".heif", ".dcm", ".dicom",
])
# fmt: on
TABLE_SUFFIXES = frozenset([".parquet", ".arrow"])
_HUB_NAME = re.compile(r"\w[\w.-]*/\w[\w.-]*")


def kind_of(source: str) -> Kind:
    """Tell which of the three `source` is.

    Raises:
        ImageError: nothing of the kind is there.
        ParameterError: a folder holds both images and tables of a dataset.
    """
    path = place(source)
    if path.is_file():
        return "dataset" if path.suffix.lower() in TABLE_SUFFIXES else "file"
    if not path.exists():
        if _HUB_NAME.fullmatch(source) and not path.parent.exists():  # else a mistyped path, nobody else's business
            return "dataset"
        raise ImageError(f"no such file or folder: {source}")
    suffixes = {name.suffix.lower() for name in files_below(path)}
    images, tables = suffixes & IMAGE_SUFFIXES, suffixes & TABLE_SUFFIXES
    if images and tables:
        raise ParameterError(f"{source} holds images and {', '.join(sorted(tables))} files; point at one of the two")
    if not images and not tables:
        raise ImageError(f"{source} holds no images and no parquet or arrow files")
    return "tree" if images else "dataset"


def files_below(folder: Path) -> Iterator[Path]:
    """All files of a tree in a fixed order, relative to `folder`; linked folders are not entered."""
    if not is_local(folder):
        yield from _files_in_store(folder)
        return
    for parent, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            if not is_book(name):
                yield (Path(parent) / name).relative_to(folder)


def _files_in_store(folder: Any) -> Iterator[Path]:
    folder.fs.invalidate_cache()  # of what other processes wrote since
    for name in sorted(folder.fs.find(folder.path)):
        path = PurePosixPath(name.lstrip("/")).relative_to(folder.path.strip("/"))
        if not is_book(path.name):
            yield Path(path)


def read_splits(source: str, split: str | None = None, limit: int | None = None) -> "DatasetDict":
    """Load a dataset: parquet or arrow files, a folder of images, a ``save_to_disk`` folder, or a name on the Hub.

    Args:
        source: a path or a name.
        split: only this one.
        limit: only the first rows of each split.

    Raises:
        ParameterError: it cannot be loaded, or has no such split or no rows.
    """
    from datasets import DatasetDict

    with _bars_on_a_terminal_only():
        loaded = load_tables(source)
    if split is not None and split not in loaded:
        raise ParameterError(f"{source} has no split {split!r}; choose from {', '.join(loaded)}")
    parts = {split: loaded[split]} if split is not None else dict(loaded)
    if empty := [name for name, part in parts.items() if not len(part)]:
        raise ParameterError(f"the split {empty[0]!r} of {source} has no rows")
    if limit is not None:
        parts = {name: part.select(range(min(limit, len(part)))) for name, part in parts.items()}
    return DatasetDict(parts)


@contextmanager
def _bars_on_a_terminal_only() -> Iterator[None]:
    from datasets import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    if sys.stderr.isatty() or are_progress_bars_disabled():
        yield
        return
    disable_progress_bars()
    try:
        yield
    finally:
        enable_progress_bars()
