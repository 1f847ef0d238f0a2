"""``hf-etc audit``: what would somebody without the key recover from these pictures, encrypted in this way?"""

import sys
from collections.abc import Sequence
from pathlib import Path

from ..encoding import FORMATS, JPEG_QUALITY, SUBSAMPLINGS
from ..usage import CommandParser
from .options import add_cipher_options, add_window_option

IMAGES = 60
SCALES = ("smoke", "small", "paper")
_EXAMPLES = (
    "hf-etc audit photos --out report",
    "hf-etc audit photos --key-scope image --format jpeg --quality 85 --out report-image",
    "hf-etc audit photos --preset private --out report-private",
    "hf-etc audit encrypted --out report-outsider",
    "hf-etc audit photos --attacks itn,gan --scale small --size 32 --block-size 4 --out report-trained",
)


def main(argv: Sequence[str] | None = None) -> int:
    """Audit and write the report; see ``hf-etc audit --help``.

    Returns:
        The exit status, 0; what was found is in the report.

    Raises:
        EtcError: bad input, in one line that names the remedy.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    options = parser().parse_args(words)
    from .auditing import run

    run(options, words)
    return 0


def parser() -> CommandParser:
    """Of ``hf-etc audit``."""
    parser = CommandParser(
        "audit",
        "Attack your own pictures as this cipher encrypts them, and report what comes back. Ciphertexts "
        "are attacked as an outsider would, unless you give their key.",
        *_EXAMPLES,
    )
    add = parser.add_argument
    parser.add_json("images, attacks and what else the record holds in results, report (its page)")
    add("source", metavar="DATASET|FOLDER", help="a folder of pictures or ciphertexts, or a dataset")
    add("--out", type=Path, required=True, metavar="FOLDER", help="of the report; run again to resume")
    add("--key", metavar="FILE", help="key file; plain pictures without one are encrypted under a fresh key")
    add_cipher_options(parser.add_argument_group("cipher", "Of plain pictures; ciphertexts name their own."))
    add("--format", choices=FORMATS, default="png", help="of the ciphertexts (default: png, lossless)")
    add("--quality", type=int, metavar="1..100", help=f"of JPEG (default: {JPEG_QUALITY})")
    add("--subsampling", choices=SUBSAMPLINGS, help="of JPEG's chroma (default: 4:4:4)")
    add(
        "--attacks",
        metavar="NAME,...",
        help="such as jigsaw,fr-basic; docs/audit.md lists them (default: all, at smoke all untrained)",
    )
    add("--scale", choices=SCALES, default="smoke", help="effort: seconds, minutes or hours (default: smoke)")
    add("--images", type=int, default=IMAGES, help=f"how many to draw at random (default: {IMAGES})")
    add("--size", metavar="N or HxW", help="of plain pictures (default: their own up to 256, else 224)")
    add_window_option(parser)
    add("--split", help="of a dataset")
    add("--column", help="image column of a dataset")
    add("--model", metavar="MODEL", help="ViT trained on ciphertexts of --key, for the attack weights")
    add("--lpips", type=Path, metavar="DIR", help="measure LPIPS too, with the SqueezeNet weights of this folder")
    add("--public-model", metavar="MODEL", help="the public ViT that MODEL was adapted from, if it was")
    return parser
