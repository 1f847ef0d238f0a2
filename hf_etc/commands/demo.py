"""The command ``hf-etc demo``: the main job on embedded images, with a result page."""

import os
from collections.abc import Sequence
from contextlib import nullcontext, redirect_stdout
from pathlib import Path

from ..demo import EPOCHS
from ..usage import CommandParser
from .options import hide_bars


def parser() -> CommandParser:
    """Of ``hf-etc demo``."""
    parser = CommandParser(
        "demo",
        "Key, encrypted dataset, training on ciphertexts alone, accuracy, reload, one picture, decryption.",
        "hf-etc demo --out demo-out",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("demo-out"),
        metavar="DIR",
        help="new or empty folder; run again to resume (default: demo-out)",
    )
    parser.add_argument(
        "--epochs", type=int, default=EPOCHS, metavar="N", help=f"of each of the two models (default: {EPOCHS})"
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the demo and print what came of it; see ``hf-etc demo --help``.

    Returns:
        The exit status, 0.

    Raises:
        EtcError: a step did not give what it promises.
    """
    options = parser().parse_args(argv)

    from ..demo import run as demo

    if options.quiet:
        hide_bars()
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere) if options.quiet else nullcontext():  # noqa: PTH123
        demo.run(options.out, options.epochs)
    return 0
