"""The command ``hf-etc reproduce``: measure the paper's tables and figures, and write the result page."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import datasets
import transformers

from ..errors import ParameterError
from ..experiments.lab import Lab
from ..experiments.runner import run
from ..experiments.store import SCALES, SEED, Store
from ..reproduce import NAMES, ORDER, load
from ..reproduce.page import publish


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, then write the page; see ``hf-etc reproduce --help``.

    Returns:
        The exit status, 0.

    Raises:
        EtcError: bad input.
    """
    options = _parser().parse_args(argv)
    experiments = load(ORDER if "all" in options.names else options.names)
    if not experiments and not options.page:
        raise ParameterError(f"nothing to reproduce: name {', '.join(NAMES)}, or all")
    if options.scale == "medium" and not any(cell.protocol for one in experiments for cell in one.cells):
        raise ParameterError("--scale medium is for what is trained: table2, table3 and fig5; use small or paper")
    store = Store(options.out / "results")
    lab = Lab(options.scale, options.work or options.out / "runs", options.data, options.seed, options.minutes)
    if not sys.stderr.isatty():  # no progress bars where nobody watches; the cells' own lines are printed always
        datasets.disable_progress_bars()
        transformers.utils.logging.disable_progress_bar()
    missing = {} if options.page else run(experiments, lab, store, options.only)
    page = publish(load(NAMES), store, options.out / "docs")
    print(f"\nResult page: {page}")
    for reason, cells in missing.items():
        print(f"not measured: {', '.join(cells)}: {reason}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hf-etc reproduce",
        description="Measure the paper's tables and figures, and write the result page. A stopped run goes on where it "
        "was.",
        epilog="examples:\n  hf-etc reproduce all --scale smoke\n"
        "  hf-etc reproduce table2 --scale paper --only 'convmixer-etc-cifar10*'",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("names", nargs="*", metavar="NAME", help=f"what: {', '.join(NAMES)}, or all")
    add("--scale", choices=SCALES, default="smoke", help="how much (default: smoke)")
    add("--data", type=Path, metavar="DIR", help="folder with cifar10, imagenette, kodak, lpips (default: the Hub)")
    add("--out", type=Path, default=Path("reproduce-out"), metavar="DIR", help="gets results/, docs/ and runs/")
    add("--work", type=Path, metavar="DIR", help="prepared data and models (default: OUT/runs)")
    add("--only", default="*", metavar="PATTERN", help="only the cells whose name matches")
    add("--seed", type=int, default=SEED, help=f"of training and choices (default: {SEED})")
    add(
        "--minutes",
        type=float,
        help="stop a training with a checkpoint so long after the start; the same command goes on",
    )
    add("--page", action="store_true", help="measure nothing, write the page from the records")
    return parser
