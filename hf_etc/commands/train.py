"""``hf-etc train``: a classifier, on ciphertexts or plain images."""

import sys
from collections.abc import Sequence

from ..training.arguments import training_arguments, training_parser, with_recipe
from ..usage import CommandParser


def parser() -> CommandParser:
    """Of ``hf-etc train``."""
    parser = training_parser()
    parser.add_json("folder, signal (null unless stopped), metrics; the log goes to all_results.json alone")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Train and evaluate one model; see ``hf-etc train --help``.

    Returns:
        The exit status: 0, or 128 + the number of the signal that stopped the run.

    Raises:
        EtcError: bad input, in one line that says what to do.
    """
    options = parser().parse_args(with_recipe(sys.argv[1:] if argv is None else argv))
    model, data, args = training_arguments(options)
    from ..training.train import train
    from .options import hide_bars, print_json

    if options.quiet:
        args.disable_tqdm = True
        hide_bars()
    result = train(model, data, args, verbose=not (options.quiet or options.json))
    if options.json and args.process_index == 0:
        print_json({"folder": str(result.folder), "signal": result.signal, "metrics": dict(result.metrics)})
    return 0 if result.signal is None else 128 + result.signal
