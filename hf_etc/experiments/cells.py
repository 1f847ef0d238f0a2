"""What a table or figure consists of: cells that are measured one by one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import EtcError

if TYPE_CHECKING:
    from .store import Store


class NotMeasured(EtcError):
    """A cell cannot be measured here; the message says what it needs."""


@dataclass(frozen=True)
class Cell:
    """One figure to measure.

    Attributes:
        name: file name of its record, unique within the experiment.
        measure: from what the cells work with (:class:`~hf_etc.experiments.lab.Lab`) to JSON-ready results; "value"
            is the figure that stands in the table, "how" a few words on what differs from the paper.
        labels: what the row of the table says, column by column.
        published: the paper's value, or None where it gives no number.
        protocol: who holds what during training, or None where nothing is trained.
    """

    name: str
    measure: Callable[[Any], Mapping[str, Any]]
    labels: Mapping[str, str] = field(default_factory=dict)
    published: float | None = None
    protocol: str | None = None


@dataclass(frozen=True)
class Experiment:
    """One table or figure.

    Attributes:
        name: as on the command line.
        title: of its section on the result page.
        cells: in the order in which they are measured.
        report: the section's Markdown behind the title, from the records alone.
        draw: writes the section's plots into a folder, from the records alone; None where there are none.
    """

    name: str
    title: str
    cells: Sequence[Cell]
    report: Callable[["Store"], str]
    draw: Callable[["Store", Path], None] | None = None
