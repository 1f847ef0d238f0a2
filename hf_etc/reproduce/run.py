"""Measure the paper's tables and figures, and write the result page. A stopped run goes on where it was."""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import datasets
import transformers

from ..errors import ParameterError
from ..experiments.lab import Lab
from ..experiments.store import SCALES, SEED, Store
from .cells import Experiment
from .page import publish
from .runner import run

NAMES = ("table1", "table2", "table3", "table4", "kodak", "fig5", "fig6", "fig7", "fig8")
# Table I is drawn from the others, so it is measured last.
ORDER = (*NAMES[1:], NAMES[0])
EPILOG = """examples:
  hf-etc reproduce all --scale smoke
  hf-etc reproduce table2 --scale paper --only 'convmixer-etc-cifar10*'
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``hf-etc reproduce``; see its ``--help``.

    Returns:
        The exit status, 0.

    Raises:
        EtcError: bad input.
    """
    parser = argparse.ArgumentParser(
        prog="hf-etc reproduce",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"what: {', '.join(NAMES)}, or all")
    parser.add_argument("--scale", choices=SCALES, default="smoke", help="how much (default: smoke)")
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="folder with cifar10, imagenette, kodak, lpips (default: the Hub)"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("reproduce-out"), metavar="DIR", help="gets results/, docs/ and runs/"
    )
    parser.add_argument("--work", type=Path, metavar="DIR", help="prepared data and models (default: OUT/runs)")
    parser.add_argument("--only", default="*", metavar="PATTERN", help="only the cells whose name matches")
    parser.add_argument("--seed", type=int, default=SEED, help=f"of training and choices (default: {SEED})")
    parser.add_argument("--page", action="store_true", help="measure nothing, write the page from the records")
    options = parser.parse_args(argv)
    experiments = load(ORDER if "all" in options.names else options.names)
    if not experiments and not options.page:
        raise ParameterError(f"nothing to reproduce: name {', '.join(NAMES)}, or all")
    store = Store(options.out / "results")
    lab = Lab(options.scale, options.work or options.out / "runs", options.data, options.seed)
    quiet()
    missing = {} if options.page else run(experiments, lab, store, options.only)
    page = publish(load(NAMES), store, options.out / "docs")
    print(f"\nResult page: {page}")
    for reason, cells in missing.items():
        print(f"not measured: {', '.join(cells)}: {reason}")
    return 0


def quiet() -> None:
    """No progress bars of the libraries where nobody watches; the cells' own lines are printed always."""
    if not sys.stderr.isatty():
        datasets.disable_progress_bars()
        transformers.utils.logging.disable_progress_bar()


def load(names: Sequence[str]) -> list[Experiment]:
    """The experiments of these names.

    Raises:
        ParameterError: there is none of a name.
    """
    for name in names:
        if name not in NAMES:
            raise ParameterError(f"nothing named {name!r} to reproduce; use {', '.join(NAMES)}, or all")
    return [import_module(f".{name}", __package__).EXPERIMENT for name in names]
