"""What the benchmarks share: their options, one core, and the median of runs."""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any


class _Parser(argparse.ArgumentParser):
    """Has other defaults where --quick is given."""

    quick: Mapping[str, Any] = {}

    def parse_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> Any:
        if "--quick" in (sys.argv[1:] if args is None else args):
            self.set_defaults(**self.quick)
        return super().parse_args(args, namespace)


def parser(description: str, name: str, **quick: Any) -> argparse.ArgumentParser:
    """With --out, which is results/NAME.json if nothing else is said.

    Args:
        description: for --help.
        name: of the record.
        quick: what --quick, which there is if these are given, sets other options to; its record goes aside.
    """
    made = _Parser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--out", type=Path, default=Path(f"results/{name}.json"))
    if quick:
        aside = Path(tempfile.gettempdir()) / "hf-etc-bench" / f"{name}.json"
        made.quick = quick | {"out": aside}
        made.add_argument("--quick", action="store_true", help=f"only show that it works; the record is {aside}")
    return made


def pin_to_one_core() -> None:
    """This process and those that it starts, where the system can; torch is not imported yet."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def median(work: Callable[[], object], runs: int) -> float:
    """Median seconds of `runs` calls after one untimed warm-up."""
    work()
    return statistics.median(seconds(work) for _ in range(runs))


def seconds(work: Callable[[], object]) -> float:
    """Wall-clock seconds of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def cpu_time(work: Callable[[], object]) -> float:
    """Seconds of processor time: others that wait for the same core do not count."""
    start = time.process_time()
    work()
    return time.process_time() - start
