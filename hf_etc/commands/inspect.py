"""``hf-etc inspect``: how images are encrypted."""

from collections.abc import Sequence

from .options import SOURCE_HELP, command_parser

_NOT_ALL_ENCRYPTED = 1


def main(argv: Sequence[str]) -> int:
    """Count ciphertexts by their public facts; see ``hf-etc inspect --help``.

    Returns:
        The exit status: 0, or 1 if any image is not encrypted.
    """
    description = "Show how images are encrypted; exit status 1 if any is not."
    parser = command_parser("inspect", description, "hf-etc inspect encrypted --json")
    parser.add_argument("source", metavar="SRC", help=SOURCE_HELP)
    parser.add_argument("--json", action="store_true", help="machine-readable")
    parser.add_argument("--column", help="the image column of a dataset (default: the only one)")
    parser.add_argument("--limit", type=int, metavar="N", help="look at the first N images (of each split) only")
    options = parser.parse_args(argv)

    from ..data.convert import inspect

    found = inspect(options.source, options.column, options.limit)
    if options.json:
        import json

        print(json.dumps(found.to_dict(), indent=2))
    else:
        print(found)
    return 0 if found.all_encrypted else _NOT_ALL_ENCRYPTED
