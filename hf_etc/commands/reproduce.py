"""The command ``hf-etc reproduce``: measure the paper's tables and figures, and write the result page."""

import sys
from collections.abc import Sequence
from pathlib import Path

from ..errors import ParameterError
from ..experiments.store import SCALES, SEED, Store
from ..reproduce import NAMES, ORDER, load
from ..usage import CommandParser
from .options import hide_bars, say_to


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, then write the page; see ``hf-etc reproduce --help``.

    Returns:
        The exit status, 0.

    Raises:
        EtcError: bad input.
    """
    options = parser().parse_args(argv)

    from ..experiments.lab import Lab
    from ..experiments.runner import run
    from ..reproduce.page import publish

    experiments = load(ORDER if "all" in options.names else options.names)
    if not experiments and not options.page:
        raise ParameterError(f"nothing to reproduce: name {', '.join(NAMES)}, or all")
    if options.scale == "medium" and not any(cell.protocol for one in experiments for cell in one.cells):
        raise ParameterError("--scale medium is for what is trained: table2, table3 and fig5; use small or paper")
    store = Store(options.out / "results")
    lab = Lab(options.scale, options.work or options.out / "runs", options.data, options.seed, options.minutes)
    if options.quiet or not sys.stderr.isatty():  # where nobody watches the cells' own lines are enough
        hide_bars()
    say = say_to(sys.stdout, options.quiet)
    missing = {} if options.page else run(experiments, lab, store, options.only, say)
    page = publish(load(NAMES), store, options.out / "docs")
    say("")
    print(f"Result page: {page}")
    for reason, cells in missing.items():
        say(f"not measured: {', '.join(cells)}: {reason}")
    return 0


def parser() -> CommandParser:
    """Of ``hf-etc reproduce``."""
    parser = CommandParser(
        "reproduce",
        "Measure the paper's tables and figures, and write the result page. A stopped run goes on where it was.",
        "hf-etc reproduce all --scale smoke",
        "hf-etc reproduce table2 --scale paper --only 'convmixer-etc-cifar10*'",
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
