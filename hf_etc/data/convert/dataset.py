"""A dataset, converted into parquet shards or into a folder of images by split and label."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from datasets import ClassLabel, Dataset, DatasetDict, Features, Image, Value

from ...errors import ParameterError
from ...files import whole_file
from ..batches import ImageMap
from .finished import Outputs, read_picture
from .plan import Plan
from .pool import check_stop
from .report import Report

SHARD_ROWS = 1000  # source rows per parquet file: what an interruption may cost each process
_FOLDER_ROWS = 200  # source rows per task of image files
_GROUP_ROWS = 100  # source rows in memory, and per row group


def plan_splits(splits: DatasetDict, source: str, images: ImageMap, parquet: bool) -> Plan:
    """All splits, read from `source`, into one folder.

    Raises:
        ParameterError: a column would be lost, or would hold plain images.
    """
    column = images.others.image_column(next(iter(splits.values())).features, images.column)
    splits = images.others.taken_out(splits)
    features = next(iter(splits.values())).features
    if not parquet:
        _refuse_lost_columns(features, column)
    layout = (_ParquetOutput if parquet else _FolderOutput)(images.for_splits(splits), dict(splits), column)
    facts = {
        "operation": images.operation,
        **images.facts(),
        "id": images.conversion_id,
        "layout": "parquet" if parquet else "imagefolder",
        "rows": {split: len(part) for split, part in splits.items()},
        "source": images.source_id(source),
    }
    names = [name for split in splits for name in layout.names(split)]
    tasks = [task for split in splits for task in layout.tasks(split)]
    return Plan(facts, names, tasks, layout.do, sum(map(len, splits.values())))


@dataclass(frozen=True)
class _Task:
    split: str
    start: int
    stop: int


@dataclass(frozen=True)
class _Rows:
    """Some rows of a split as stored.

    Attributes:
        start: number of the first.
        table: all columns.
        pictures, digests: the image files, see :func:`read_picture`.
    """

    split: str
    start: int
    table: pa.Table
    pictures: Sequence[Any]
    digests: Sequence[bytes]


@dataclass(frozen=True)
class DatasetOutput(ABC):
    """How the rows of a dataset lie in the output folder, and the tasks that make them."""

    images: dict[str, ImageMap]
    splits: dict[str, Dataset]
    column: str
    rows_per_task = SHARD_ROWS

    def tasks(self, split: str) -> list[_Task]:
        rows, step = len(self.splits[split]), self.rows_per_task
        return [_Task(split, start, min(start + step, rows)) for start in range(0, rows, step)]

    @abstractmethod
    def names(self, split: str) -> list[str]:
        """The outputs of a split."""

    @abstractmethod
    def do(self, outputs: Outputs, task: _Task) -> Report:
        """Make what is not finished of a task."""

    def rows(self, task: _Task) -> Iterator[_Rows]:
        part = self.splits[task.split].select(range(task.start, task.stop)).with_format("arrow")
        for start, table in zip(range(task.start, task.stop, _GROUP_ROWS), part.iter(_GROUP_ROWS), strict=True):
            check_stop()
            pictures, digests = zip(*map(read_picture, table[self.column].to_pylist()), strict=True)
            yield _Rows(task.split, start, table, pictures, digests)

    def convert(self, rows: _Rows, chosen: Sequence[int]) -> tuple[list[list[bytes]], list[str]]:
        self.images[rows.split].others.check(rows.table, self.column)
        names = [f"{rows.split} row {rows.start + i}" for i in chosen]
        return self.images[rows.split].convert([rows.pictures[i] for i in chosen], names)


class _ParquetOutput(DatasetOutput):
    def do(self, outputs: Outputs, task: _Task) -> Report:
        name, features = self._name(task), self.splits[task.split].features
        if outputs.recorded(name) and outputs.finished(name, self._digest(task)):
            return Report(resumed=task.stop - task.start)
        schema = Features({**features, self.column: Image()}).arrow_schema
        small = [name for name in schema.names if name != self.column]  # image files neither repeat nor compare
        report, digest = Report(), hashlib.sha256()
        with (
            whole_file(outputs.path(name), sync=True) as file,
            pq.ParquetWriter(file, schema, use_dictionary=small, write_statistics=small) as writer,
        ):
            for rows in self.rows(task):
                digest.update(self._digest_of(rows))
                files, bad = self.convert(rows, range(len(rows.table)))
                writer.write_table(self._replaced(rows.table, files).cast(schema))
                report.images += len(rows.table) - len(bad)
                report.bad += bad
        outputs.record(name, digest.digest())
        return report

    def names(self, split: str) -> list[str]:
        return list(map(self._name, self.tasks(split)))

    def _name(self, task: _Task) -> str:
        shards = -(-len(self.splits[task.split]) // SHARD_ROWS)
        return str(Path("data") / f"{task.split}-{task.start // SHARD_ROWS:05d}-of-{shards:05d}.parquet")

    def _digest(self, task: _Task) -> bytes:
        return hashlib.sha256(b"".join(map(self._digest_of, self.rows(task)))).digest()

    def _digest_of(self, rows: _Rows) -> bytes:
        """Of all columns: the others are copied into the shard, with their features in its schema."""
        others = rows.table.drop_columns([self.column])
        others = others.take(pa.array(range(len(others)))).combine_chunks()  # a slice comes with the whole behind it
        features = repr(self.splits[rows.split].features).encode()
        with pa.BufferOutputStream() as sink:
            with pa.ipc.new_stream(sink, others.schema.remove_metadata()) as stream:
                stream.write_table(others.replace_schema_metadata(None))
            columns = hashlib.sha256(sink.getvalue()).digest()
        return hashlib.sha256(b"".join([columns, *rows.digests, features])).digest()

    def _replaced(self, table: pa.Table, files: list[list[bytes]]) -> pa.Table:
        repeat = [i for i, row in enumerate(files) for _ in row]
        new = [{"bytes": file, "path": None} for row in files for file in row]
        if repeat != list(range(len(table))):
            table = table.take(repeat)
        return table.set_column(table.column_names.index(self.column), self.column, pa.array(new, Image().pa_type))


class _FolderOutput(DatasetOutput):
    rows_per_task = _FOLDER_ROWS

    def do(self, outputs: Outputs, task: _Task) -> Report:
        report = Report()
        for rows in self.rows(task):
            label = _label_column(self.splits[task.split].features, self.column)
            labels = [None] * len(rows.table) if label is None else rows.table[label].to_pylist()
            names = self._names(task.split, rows.start, labels)
            todo = [
                i for i, row in enumerate(names) if not all(outputs.finished(name, rows.digests[i]) for name in row)
            ]
            report.resumed += len(names) - len(todo)
            if not todo:
                continue
            files, bad = self.convert(rows, todo)
            for i, row in zip(todo, files, strict=True):
                for name, file in zip(names[i], row, strict=bool(row)):
                    outputs.write(name, file, rows.digests[i])
                if not row:
                    list(map(outputs.remove, names[i]))
            report.images += len(todo) - len(bad)
            report.bad += bad
        return report

    def names(self, split: str) -> list[str]:
        part = self.splits[split]
        label = _label_column(part.features, self.column)
        labels = [None] * len(part) if label is None else part.with_format("arrow")[label][:].to_pylist()
        return [name for row in self._names(split, 0, labels) for name in row]

    def _names(self, split: str, start: int, labels: list[Any]) -> list[list[str]]:
        """The files that each row becomes."""
        images, features = self.images[split], self.splits[split].features
        digits = len(str(len(self.splits[split]) - 1))
        label = _label_column(features, self.column)
        folders = [""] * len(labels) if label is None else _folders(features[label], labels)
        views = [""] if images.copies == 1 else [f"-{view}" for view in range(images.copies)]
        return [
            [str(Path(split) / folder / f"{start + i:0{digits}d}{view}{images.suffix}") for view in views]
            for i, folder in enumerate(folders)
        ]


def _refuse_lost_columns(features: Features, column: str) -> None:
    lost = set(features) - {column, _label_column(features, column)}
    if lost:
        raise ParameterError(f"an image folder has no place for the column {min(lost)}; use the layout parquet")


def _label_column(features: Features, image: str) -> str | None:
    found = [name for name, feature in features.items() if isinstance(feature, ClassLabel)]
    found = found or [name for name in ("label", "labels") if features.get(name) == Value("string")]
    return found[0] if len(found) == 1 and found[0] != image else None


def _folders(feature: Any, labels: list[Any]) -> list[str]:
    """Folder names of labels."""
    if isinstance(feature, ClassLabel):
        labels = [feature.names[label] if label is not None and label >= 0 else None for label in labels]
    for label in labels:
        if not label or label.startswith(".") or "/" in label or "\\" in label:
            raise ParameterError(f"the label {label!r} cannot be a folder's name; use the layout parquet")
    return labels
