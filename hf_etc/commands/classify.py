"""``hf-etc classify``: pictures that are encrypted here and classified by a server."""

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..encoding import FORMATS, JPEG_QUALITY
from ..errors import EtcError
from ..usage import CommandParser
from .options import KEY_HELP, add_window_option

if TYPE_CHECKING:
    from ..client.classify import EncryptedClassifier


def parser() -> CommandParser:
    """Of ``hf-etc classify``."""
    parser = CommandParser(
        "classify",
        "Encrypt pictures here and have a server classify the ciphertexts. The key is never sent.",
        "hf-etc classify photo.jpg --url http://127.0.0.1:7860 --key clinic.key",
    )
    parser.add_argument("images", metavar="IMAGE", nargs="+", help="plain picture")
    parser.add_argument("--url", required=True, help="address of the server, or USER/SPACE on the Hub")
    parser.add_argument("--key", metavar="FILE", help=KEY_HELP)
    parser.add_argument("--format", choices=FORMATS, default="png", help="of what is sent (default: png)")
    parser.add_argument(
        "--quality", type=int, default=JPEG_QUALITY, metavar="1-100", help=f"of jpeg (default: {JPEG_QUALITY})"
    )
    add_window_option(parser)
    parser.add_json("a line for each picture: image, labels (label and score, the likeliest first)")
    cipher = parser.add_argument_group(
        "cipher",
        "The server can ask only for what the key's owner once chose for a model; what is given here must be it, too.",
    )
    cipher.add_argument("--cipher", metavar="NAME", help="such as etc")
    cipher.add_argument("--preset", metavar="NAME", help="paper, private or strict")
    cipher.add_argument("--block-size", type=int, metavar="PIXELS", help="edge of a block")
    cipher.add_argument("--key-scope", choices=["dataset", "image"], help="one plan for all images, or one for each")
    cipher.add_argument(
        "--disposable",
        action="store_true",
        help="a random key for each picture, kept nowhere, for a model that takes any; no key is looked for",
    )
    cipher.add_argument("--allow-weak", action="store_true", help="encrypt also as a weak configuration of yours asks")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Classify pictures; see ``hf-etc classify --help``.

    Returns:
        The exit status: 0, or 1 when a picture could not be classified.

    Raises:
        EtcError: the key or the server cannot be used.
    """
    options = parser().parse_args(argv)

    from ..cipher.keys import load_key
    from ..cipher.presets import preset_parameters
    from ..client.classify import EncryptedClassifier

    expected = {} if options.preset is None else preset_parameters(options.preset, options.block_size)
    given = {name: getattr(options, name) for name in ("cipher", "block_size", "key_scope", "disposable")}
    expected |= {name: value for name, value in given.items() if value is not None}
    with EncryptedClassifier(
        options.url,
        None if options.disposable and not options.key else load_key(options.key),
        format=options.format,
        quality=options.quality,
        window=options.window,
        allow_weak=options.allow_weak,
        **expected,
    ) as classify:
        return max([_report(classify, image, options) for image in options.images])


def _report(classify: "EncryptedClassifier", image: str, options: argparse.Namespace) -> int:
    try:
        labels = classify(image)
    except EtcError as error:
        print(f"hf-etc: error: {image}: {error}", file=sys.stderr)
        return 1
    if options.json:
        import json

        print(json.dumps({"image": image, "labels": labels}))
    else:
        print(f"{image}: " + ", ".join(f"{one['label']} {100 * one['score']:.1f} %" for one in labels))
    return 0
