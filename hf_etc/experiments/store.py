"""The records of the measured cells: one JSON file for each cell, scale and seed."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import Any, Literal, get_args

from ..records import write_json

Scale = Literal["smoke", "small", "medium", "paper"]
SCALES: tuple[Scale, ...] = get_args(Scale)
SEED = 42  # the recipes'


@dataclass(frozen=True)
class Measured:
    """All records of one cell at one scale.

    Attributes:
        scale: of the measurement.
        records: one per seed.
    """

    scale: Scale
    records: tuple[Mapping[str, Any], ...]

    @property
    def results(self) -> Mapping[str, Any]:
        """Of the first seed."""
        return self.records[0]["results"]

    @property
    def value(self) -> float:
        """The mean over the seeds."""
        return fmean(record["results"]["value"] for record in self.records)

    @property
    def spread(self) -> float | None:
        """The standard deviation over the seeds, where there are several."""
        values = [record["results"]["value"] for record in self.records]
        return stdev(values) if len(values) > 1 else None

    @property
    def hardware(self) -> str:
        """The machine in a few words."""
        hardware = self.records[0]["hardware"]
        if hardware["gpus"]:
            return hardware["gpus"][0]
        threads = hardware["threads"]
        return f"{hardware['cpu']}, {threads} thread{'s' if threads != 1 else ''}" if threads else hardware["cpu"]


class Store:
    """Records under ``folder/EXPERIMENT/CELL.SCALE.json``; other seeds than 42 add ``.seedN``.

    Args:
        folder: where they are; made when the first record is written.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def path(self, experiment: str, cell: str, scale: Scale, seed: int = SEED) -> Path:
        """The file of one record."""
        return self.folder / experiment / f"{cell}.{scale}{'' if seed == SEED else f'.seed{seed}'}.json"

    def has(self, experiment: str, cell: str, scale: Scale, seed: int = SEED) -> bool:
        """Whether the cell was measured."""
        return self.path(experiment, cell, scale, seed).is_file()

    def write(self, experiment: str, cell: str, scale: Scale, seed: int, record: Mapping[str, Any]) -> None:
        """Keep a record; the file appears whole or not at all."""
        write_json(self.path(experiment, cell, scale, seed), record)

    def find(self, experiment: str, cell: str) -> Measured | None:
        """The cell at the largest scale it was measured at, or None."""
        return next((found for scale in reversed(SCALES) if (found := self.at(experiment, cell, scale))), None)

    def at(self, experiment: str, cell: str, scale: Scale) -> Measured | None:
        """The cell at one scale, or None."""
        pattern = re.compile(rf"{re.escape(cell)}\.{scale}(\.seed\d+)?\.json")
        files = sorted(path for path in self.folder.glob(f"{experiment}/*.json") if pattern.fullmatch(path.name))
        return Measured(scale, tuple(json.loads(file.read_text(encoding="utf-8")) for file in files)) if files else None

    def pair(self, experiment: str, first: str, second: str) -> tuple[Measured, Measured] | None:
        """Two cells to be compared, at the largest scale that both were measured at, or None."""
        for scale in reversed(SCALES):
            found = self.at(experiment, first, scale), self.at(experiment, second, scale)
            if found[0] and found[1]:
                return found[0], found[1]
        return None
