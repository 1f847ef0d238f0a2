"""``hf-etc push``: a model or an encrypted dataset to the Hub, through the guard."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from ..errors import EtcError, ParameterError
from ..usage import CommandParser
from .options import hide_bars, say_to


def main(argv: Sequence[str] | None = None) -> int:
    """Upload a folder; see ``hf-etc push --help``.

    Returns:
        The exit status, 0.

    Raises:
        EtcError: refused, or not uploaded; one line that says what to do.
    """
    options = parser().parse_args(argv)
    kind = kind_of_folder(options.folder)
    if kind == "dataset" and (options.record or options.dataset):
        raise ParameterError(f"--record and --dataset go into the card of a model, {options.folder} is a dataset")

    from ..hub.push import push_dataset, push_model

    if options.quiet or not sys.stderr.isatty():
        hide_bars()
    private = True if options.private else None
    say = say_to(sys.stdout, options.quiet)
    say(f"{options.folder}: looking for keys, tokens and plain images, then uploading the {kind}")
    if kind == "dataset":
        address = push_dataset(options.folder, options.repo, private=private)
    else:
        records = options.record or None
        address = push_model(options.folder, options.repo, records=records, datasets=options.dataset, private=private)
    print(address)
    return 0


def kind_of_folder(folder: str) -> Literal["model", "dataset"]:
    """Tell a saved model from a dataset.

    Raises:
        ParameterError: neither.
    """
    from ..data.convert.source import kind_of

    path = Path(folder)
    if not path.exists():
        raise ParameterError(f"no such folder: {folder}; give one on this machine, of a model or an encrypted dataset")
    if (path / "config.json").is_file() or (path / "model.safetensors").is_file():
        return "model"
    try:
        if kind_of(folder) != "file":
            return "dataset"
    except EtcError:
        pass
    raise ParameterError(f"{folder} is neither a model (no config.json) nor a dataset (no parquet, arrow or images)")


def parser() -> CommandParser:
    """Of ``hf-etc push``."""
    parser = CommandParser(
        "push",
        "Upload a trained model or an encrypted dataset to the Hub with a generated card. Refuses keys, "
        "access tokens and plain images. Interrupted, the same command goes on: what has arrived is not sent twice.",
        "hf-etc push runs/convmixer clinic/convmixer-etc --dataset uoft-cs/cifar10",
        "hf-etc push encrypted clinic/xrays-etc --private",
    )
    parser.add_argument(
        "folder", metavar="MODEL|DATASET", help="folder of a training, of hf-etc encrypt or save_to_disk"
    )
    parser.add_argument("repo", metavar="REPO", help="repository on the Hub: user/name; made if need be")
    parser.add_argument("--private", action="store_true", help="make a new repository private")
    parser.add_argument(
        "--record",
        action="append",
        metavar="FILE",
        help="JSON of hf-etc evaluate for the model's card (default: evaluation.json in the folder)",
    )
    parser.add_argument(
        "--dataset", action="append", default=[], metavar="ID", help="dataset on the Hub that the model was trained on"
    )
    return parser
