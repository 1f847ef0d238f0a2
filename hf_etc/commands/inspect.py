"""``hf-etc inspect``: how images are encrypted."""

from collections.abc import Sequence

from ..usage import CommandParser
from .options import SOURCE_HELP, hide_bars, print_json

_NOT_ALL_ENCRYPTED = 1


def parser() -> CommandParser:
    """Of ``hf-etc inspect``."""
    parser = CommandParser(
        "inspect", "Show how images are encrypted; exit status 1 if any is not.", "hf-etc inspect encrypted --json"
    )
    parser.add_argument("source", metavar="SRC", help=SOURCE_HELP)
    parser.add_json("ciphertexts (images and facts of each kind), plain, unreadable, examples")
    parser.add_argument("--column", help="the image column of a dataset (default: the only one)")
    parser.add_argument("--limit", type=int, metavar="N", help="look at the first N images (of each split) only")
    return parser


def main(argv: Sequence[str]) -> int:
    """Count ciphertexts by their public facts; see ``hf-etc inspect --help``.

    Returns:
        The exit status: 0, or 1 if any image is not encrypted.
    """
    options = parser().parse_args(argv)

    from ..data.convert import inspect

    if options.quiet:
        hide_bars()
    found = inspect(options.source, options.column, options.limit, progress=not options.quiet)
    if options.json:
        print_json(found.to_dict())
    else:
        print(found)
    return 0 if found.all_encrypted else _NOT_ALL_ENCRYPTED
