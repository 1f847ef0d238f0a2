"""A dataset, converted into parquet shards or into a folder of images by split and label."""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from datasets import ClassLabel, Dataset, DatasetDict, Features, Image, Value

from ..data.batches import ImageMap
from ..errors import ParameterError
from .convert import Report
from .output import output_folder, source_id, whole_file
from .pool import check_stop, run

SHARD_ROWS = 1000  # source rows per parquet file: what an interruption may cost each process
_FOLDER_ROWS = 200  # source rows per task of image files
_GROUP_ROWS = 100  # source rows in memory, and per row group


def convert_splits(
    splits: DatasetDict, destination: Path, images: ImageMap, parquet: bool, num_proc: int, progress: bool
) -> Report:
    """Convert all splits into one folder.

    Raises:
        ParameterError: a column would be lost, or would hold plain images.
    """
    column = images.others.image_column(next(iter(splits.values())).features, images.column)
    splits = images.others.taken_out(splits)
    features = next(iter(splits.values())).features
    if not parquet:
        _refuse_lost_columns(features, column)
    images_of = images.for_splits(splits)
    job_class = _ParquetJob if parquet else _FolderJob
    job = job_class(images_of, dict(splits), column, destination)
    rows = {split: [len(part), part._fingerprint] for split, part in splits.items()}
    facts = {
        "operation": images.operation,
        **images.facts(),
        "id": images.conversion_id,
        "layout": "parquet" if parquet else "imagefolder",
        "rows": {split: len(part) for split, part in splits.items()},
        "source": source_id(images.key, json.dumps(rows)),
    }
    with output_folder(destination, facts):
        tasks = [task for split in splits for task in job.tasks(split)]
        finished = set(filter(job.finished, tasks))
        todo = [task for task in tasks if task not in finished]
        report = Report(resumed=sum(task.stop - task.start for task in finished))
        total = sum(map(len, splits.values()))
        return report.follow(run(job, todo, num_proc), total, images.operation, progress)


@dataclass(frozen=True)
class _Task:
    split: str
    start: int
    stop: int


@dataclass(frozen=True)
class _Job(ABC):
    images: dict[str, ImageMap]
    splits: dict[str, Dataset]
    column: str
    destination: Path
    rows_per_task = SHARD_ROWS

    def tasks(self, split: str) -> list[_Task]:
        rows, step = len(self.splits[split]), self.rows_per_task
        return [_Task(split, start, min(start + step, rows)) for start in range(0, rows, step)]

    @abstractmethod
    def finished(self, task: _Task) -> bool:
        """Whether nothing of a task is left to do."""

    @abstractmethod
    def __call__(self, task: _Task) -> Report:
        """Do one task."""

    def tables(self, task: _Task) -> Iterator[tuple[int, pa.Table]]:
        """The rows of a task as stored, with the number of the first of them."""
        part = self.splits[task.split].select(range(task.start, task.stop)).with_format("arrow")
        for start, table in zip(range(task.start, task.stop, _GROUP_ROWS), part.iter(_GROUP_ROWS), strict=True):
            check_stop()
            yield start, table

    def convert(self, split: str, rows: list[int], table: pa.Table) -> tuple[list[list[bytes]], list[str]]:
        self.images[split].others.check(table, self.column)
        names = [f"{split} row {row}" for row in rows]
        return self.images[split].convert(table[self.column].to_pylist(), names)


class _ParquetJob(_Job):
    def __call__(self, task: _Task) -> Report:
        features = self.splits[task.split].features
        schema = Features({**features, self.column: Image()}).arrow_schema
        small = [name for name in schema.names if name != self.column]  # image files neither repeat nor compare
        report = Report()
        with (
            whole_file(self._path(task), sync=True) as file,
            pq.ParquetWriter(file, schema, use_dictionary=small, write_statistics=small) as writer,
        ):
            for start, table in self.tables(task):
                files, bad = self.convert(task.split, list(range(start, start + len(table))), table)
                writer.write_table(self._replaced(table, files).cast(schema))
                report.images += len(table) - len(bad)
                report.bad += bad
        return report

    def finished(self, task: _Task) -> bool:
        return self._path(task).exists()

    def _path(self, task: _Task) -> Path:
        shards = -(-len(self.splits[task.split]) // SHARD_ROWS)
        return self.destination / "data" / f"{task.split}-{task.start // SHARD_ROWS:05d}-of-{shards:05d}.parquet"

    def _replaced(self, table: pa.Table, files: list[list[bytes]]) -> pa.Table:
        repeat = [i for i, row in enumerate(files) for _ in row]
        new = [{"bytes": file, "path": None} for row in files for file in row]
        if repeat != list(range(len(table))):
            table = table.take(repeat)
        return table.set_column(table.column_names.index(self.column), self.column, pa.array(new, Image().pa_type))


class _FolderJob(_Job):
    rows_per_task = _FOLDER_ROWS

    def __call__(self, task: _Task) -> Report:
        report = Report()
        for start, table in self.tables(task):
            places = self._places(task.split, start, table)
            todo = [i for i, paths in enumerate(places) if not all(map(Path.exists, paths))]
            report.resumed += len(places) - len(todo)
            if not todo:
                continue
            files, bad = self.convert(task.split, [start + i for i in todo], table.take(todo))
            for i, row in zip(todo, files, strict=True):
                for path, file in zip(places[i], row, strict=bool(row)):
                    with whole_file(path) as out:
                        out.write(file)
            report.images += len(todo) - len(bad)
            report.bad += bad
        return report

    def finished(self, task: _Task) -> bool:
        return False  # each file is looked at when its turn comes

    def _places(self, split: str, start: int, table: pa.Table) -> list[list[Path]]:
        """The files that each row becomes."""
        images, features = self.images[split], self.splits[split].features
        digits = len(str(len(self.splits[split]) - 1))
        label = _label_column(features, self.column)
        labels = [""] * len(table) if label is None else _names(features[label], table[label].to_pylist())
        views = [""] if images.copies == 1 else [f"-{view}" for view in range(images.copies)]
        return [
            [self.destination / split / label / f"{start + i:0{digits}d}{view}{images.suffix}" for view in views]
            for i, label in enumerate(labels)
        ]


def _refuse_lost_columns(features: Features, column: str) -> None:
    lost = set(features) - {column, _label_column(features, column)}
    if lost:
        raise ParameterError(f"an image folder has no place for the column {min(lost)}; use the layout parquet")


def _label_column(features: Features, image: str) -> str | None:
    found = [name for name, feature in features.items() if isinstance(feature, ClassLabel)]
    found = found or [name for name in ("label", "labels") if features.get(name) == Value("string")]
    return found[0] if len(found) == 1 and found[0] != image else None


def _names(feature: Any, labels: list[Any]) -> list[str]:
    """Folder names of labels."""
    if isinstance(feature, ClassLabel):
        labels = [feature.names[label] if label is not None and label >= 0 else None for label in labels]
    for label in labels:
        if not label or label.startswith(".") or "/" in label or "\\" in label:
            raise ParameterError(f"the label {label!r} cannot be a folder's name; use the layout parquet")
    return labels
