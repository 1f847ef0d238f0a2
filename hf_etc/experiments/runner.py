"""Measures the cells that have no record yet; a run that was killed goes on where it was."""

import time
from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatch
from statistics import fmean

from ..records import result_record
from .cells import Cell, Experiment, NotMeasured
from .lab import Bench
from .store import Store


def run(
    experiments: Iterable[Experiment],
    lab: Bench,
    store: Store,
    only: str = "*",
    say: Callable[[str], None] = lambda line: print(line, flush=True),
) -> dict[str, list[str]]:
    """Measure every chosen cell once.

    Args:
        experiments: whose cells.
        lab: what the cells work with, such as a :class:`~hf_etc.experiments.lab.Lab`.
        store: has the finished cells and takes the new ones, each as soon as it is measured.
        only: shell pattern of the names of the cells to measure.
        say: takes the lines of progress.

    Returns:
        The cells that cannot be measured here, by reason.
    """
    todo = [(experiment, cell) for experiment in experiments for cell in experiment.cells if fnmatch(cell.name, only)]
    if lab.scale == "medium":  # whose sizes only trainings have
        todo = [(experiment, cell) for experiment, cell in todo if cell.protocol is not None]
    missing: dict[str, list[str]] = {}
    left = sum(not store.has(experiment.name, cell.name, lab.scale, lab.seed) for experiment, cell in todo)
    took: list[float] = []
    for number, (experiment, cell) in enumerate(todo, 1):
        title = f"[{number}/{len(todo)}] {experiment.name} {cell.name}"
        if store.has(experiment.name, cell.name, lab.scale, lab.seed):
            say(f"{title}: done before")
            continue
        say(f"{title} ...")
        left -= 1
        start = time.monotonic()
        try:
            measure(experiment, cell, lab, store)
        except NotMeasured as reason:
            missing.setdefault(str(reason), []).append(f"{experiment.name} {cell.name}")
            say(f"    not measured: {reason}")
        else:
            took.append(time.monotonic() - start)
            say(f"    {took[-1]:.0f} s{_estimate(took, left)}")
    return missing


def _estimate(took: Sequence[float], cells: int) -> str:
    """The time left, if the other cells take as long as these, in seconds, took on average.

    Example:
        >>> _estimate([20.0, 40.0], 8)
        '; about 4 min left for 8 cells'
    """
    if not cells:
        return ""
    minutes = fmean(took) * cells / 60
    amount = "less than 1 min" if minutes < 1 else f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.0f} h"
    return f"; about {amount} left for {cells} cell{'' if cells == 1 else 's'}"


def measure(experiment: Experiment, cell: Cell, lab: Bench, store: Store) -> None:
    """Measure one cell and keep its record.

    Raises:
        NotMeasured: something that it needs is not there.
    """
    start = time.monotonic()
    results = dict(cell.measure(lab))
    record = result_record(
        f"{experiment.name} {cell.name}",
        results,
        data={"name": lab.data_name, "scale": lab.scale},
        seed=lab.seed,
        settings={
            "published": cell.published,
            "protocol": cell.protocol,
            "labels": dict(cell.labels),
            "seconds": round(time.monotonic() - start, 1),
        },
        command=lab.command(experiment.name),
    )
    store.write(experiment.name, cell.name, lab.scale, lab.seed, record)
