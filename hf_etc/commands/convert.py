"""What ``hf-etc encrypt`` and ``hf-etc decrypt`` share."""

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ..usage import CommandParser
from .options import KEY_HELP, SOURCE_HELP, hide_bars, print_json, say_to

if TYPE_CHECKING:
    from ..cipher.keys import EtcKey
    from ..data.batches import ImageMap

_NOTHING_CONVERTED = 1


def add_conversion(parser: CommandParser) -> argparse._ArgumentGroup:
    """What is converted, and where to; returns the group of options of datasets."""
    parser.add_json("images (newly done), resumed, left_out and bad (names)")
    parser.add_argument("source", metavar="SRC", help=SOURCE_HELP)
    parser.add_argument("destination", metavar="DST", help="new file, or new or unfinished folder")
    parser.add_argument("--key", metavar="FILE", help=KEY_HELP)
    parser.add_argument(
        "--executor",
        choices=["processes", "ray", "ranks"],
        help="who does the work, with the same files as result. processes: of this machine (default). ray: a Ray "
        "cluster, the one at RAY_ADDRESS or one of this machine. ranks: all that torchrun or accelerate launch started "
        "(default there). Elsewhere, too, the key is read from its file; see docs/scale.md",
    )
    parser.add_argument(
        "--num-proc", type=int, metavar="N", help="processes (default: one per processor; of a rank: 1)"
    )
    parser.add_argument("--skip-bad", action="store_true", help="leave bad images out and list them, instead of ending")
    dataset = parser.add_argument_group("datasets")
    dataset.add_argument(
        "--layout",
        choices=["mirror", "parquet", "imagefolder"],
        help="mirror: a folder's own tree; parquet: all columns, for load_dataset(DST); "
        "imagefolder: DST/split/label/row, which sorts class names (default: mirror for folders, parquet for datasets)",
    )
    dataset.add_argument("--split", help="only this split")
    dataset.add_argument("--limit", type=int, metavar="N", help="only the first N rows of each split, in stored order")
    dataset.add_argument("--column", help="the image column (default: the only one)")
    return dataset


def run_conversion(options: argparse.Namespace, images: "Callable[..., ImageMap]", done: str) -> int:
    """Convert, and say what was done ("encrypted") and what was left out.

    Returns:
        The exit status.
    """
    from ..data.convert import convert
    from ..data.convert.convert import Executor
    from ..data.convert.ranks import started_by_launcher

    if options.quiet:
        hide_bars()
    executor: Executor = options.executor or ("ranks" if started_by_launcher() else "processes")
    with _key(options.key, getattr(options, "disposable", False)) as key:
        start = time.monotonic()
        report = convert(
            options.source,
            options.destination,
            images(key),
            layout=options.layout,
            split=options.split,
            limit=options.limit,
            num_proc=options.num_proc,
            executor=executor,
            progress=not options.quiet,
        )
        seconds = time.monotonic() - start
    if executor == "ranks" and os.environ["RANK"] != "0":  # the first speaks for all
        return 0
    status = 0 if report.images or report.resumed else _NOTHING_CONVERTED
    if options.json:
        print_json({name: getattr(report, name) for name in ("images", "resumed", "left_out", "bad")})
        return status
    rate = f" in {seconds:.1f} s, {report.images / seconds:.0f} per second" if report.images > 1 else ""
    before = f"; {report.resumed} were finished before" if report.resumed else ""
    count = f"{report.images} image{'' if report.images == 1 else 's'} {done}"
    say_to(sys.stdout, options.quiet)(f"{options.source} -> {options.destination}: {count}{rate}{before}")
    for why, names in (("not an image by name", report.left_out), ("bad", report.bad)):
        for name in names:
            say_to(sys.stderr, options.quiet)(f"hf-etc: left out, {why}: {name}")
    return status


@contextmanager
def _key(path: str | None, disposable: bool) -> "Iterator[EtcKey | None]":
    """The key, also named in the environment for worker processes that do not inherit our memory."""
    from ..cipher.keys import KEY_ENV, KEY_FILE_ENV, load_key

    if disposable and path is None:
        yield None
        return
    key = load_key(path)
    if path is None:
        yield key
        return
    before = {name: os.environ.pop(name, None) for name in (KEY_ENV, KEY_FILE_ENV)}
    os.environ[KEY_FILE_ENV] = str(Path(path).resolve())
    try:
        yield key
    finally:
        del os.environ[KEY_FILE_ENV]
        os.environ.update({name: value for name, value in before.items() if value is not None})
