"""The command ``hf-etc demo``: the main job on embedded images, with a result page."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from ..demo import run as demo


def main(argv: Sequence[str] | None = None) -> int:
    """Run the demo and print what came of it; see ``hf-etc demo --help``.

    Returns:
        The exit status, 0.

    Raises:
        EtcError: a step did not give what it promises.
    """
    parser = argparse.ArgumentParser(prog="hf-etc demo", description=demo.__doc__)
    parser.add_argument(
        "--out", type=Path, default=Path("demo-out"), help="new or empty folder to write; run again to resume"
    )
    parser.add_argument(
        "--epochs", type=int, default=demo.EPOCHS, help=f"of each of the two models (default {demo.EPOCHS})"
    )
    options = parser.parse_args(argv)
    demo.run(options.out, options.epochs)
    return 0
