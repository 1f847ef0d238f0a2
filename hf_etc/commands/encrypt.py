"""``hf-etc encrypt``: an image, a folder of images or a dataset."""

import argparse
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..encoding import FORMATS, JPEG_QUALITY, SUBSAMPLINGS
from ..errors import ParameterError
from ..usage import CommandParser
from .convert import add_conversion, run_conversion
from .options import add_cipher_options, add_window_option

if TYPE_CHECKING:
    from ..cipher.keys import EtcKey
    from ..data import EncryptImages

_FORMAT_OF = {".jpg": "jpeg", ".jpeg": "jpeg", ".webp": "webp"}  # what a destination's name asks for


def main(argv: Sequence[str]) -> int:
    """Encrypt; see ``hf-etc encrypt --help``.

    Returns:
        The exit status: 0, or 1 if there were only bad images, all left out.
    """
    options = parser().parse_args(argv)

    def images(key: "EtcKey | None") -> "EncryptImages":
        from ..data import EncryptImages
        from ..sealing.recipe import recipe_members

        members = {name: value for name, value in vars(options).items() if name in recipe_members()}
        members.setdefault("format", _FORMAT_OF.get(Path(options.destination).suffix.lower(), "png"))
        encrypt = EncryptImages(
            key,
            members,
            column=options.column,
            keep_columns=options.keep_columns,
            drop_columns=options.drop_columns,
            skip_bad=options.skip_bad,
        )
        if weakness := encrypt.recipe.spec.weakness(encrypt.recipe.preparation.size):
            advice = "use a key of its own for such experiments, since whoever publishes a model can ask for them again"
            warnings.warn(f"weak settings, {weakness}; {advice}", stacklevel=2)
        return encrypt

    return run_conversion(options, images, "encrypted")


def parser() -> CommandParser:
    """Of ``hf-etc encrypt``."""
    parser = CommandParser(
        "encrypt",
        "Encrypt an image, a folder of images or a dataset; run again to resume.",
        "hf-etc encrypt photos encrypted --key clinic.key --size 224 --format jpeg --num-proc 4",
        "hf-etc encrypt photos encrypted --key clinic.key --size 224 --preset private",
        "hf-etc encrypt scans encrypted --key clinic.key --size 224 --window 40/400",
    )
    dataset = add_conversion(parser)
    dataset.add_argument(
        "--drop",
        dest="drop_columns",
        action="append",
        default=[],
        metavar="COLUMN",
        help="leave a column out; repeatable",
    )
    dataset.add_argument(
        "--keep",
        dest="keep_columns",
        action="append",
        default=[],
        metavar="COLUMN",
        help="copy a column as it is, though it may hold plain pictures, which is refused otherwise; repeatable",
    )
    # The rest are members of a recipe, by their names there; it has the defaults.
    given: dict[str, Any] = {"default": argparse.SUPPRESS}
    cipher = parser.add_argument_group("cipher")
    add_cipher_options(cipher, **given)
    cipher.add_argument(
        "--disposable",
        action="store_true",
        help="a random key for each image, kept nowhere: nobody can decrypt, and no key is looked for",
        **given,
    )
    pictures = parser.add_argument_group("picture")
    picture = pictures.add_argument
    add_window_option(pictures, **given)
    picture("--size", type=_size, metavar="N or HxW", help="size to encrypt at (default: each its own)", **given)
    picture("--fit", choices=["crop", "pad", "stretch", "exact"], help="how to bring pictures to size", **given)
    picture("--resample", choices=["bicubic", "bilinear"], help="(default: bicubic)", **given)
    picture("--format", choices=FORMATS, help="png and webp are lossless (default: png)", **given)
    picture("--quality", type=int, metavar="1-100", help=f"of jpeg (default: {JPEG_QUALITY})", **given)
    picture("--subsampling", choices=SUBSAMPLINGS, help="of jpeg (default: 4:4:4)", **given)
    views = parser.add_argument_group("augmented views (of the split train)").add_argument
    views("--views", type=int, metavar="N", help="augmented views per image (default: 0, none)", **given)
    views("--crop-scale", type=float, nargs=2, metavar=("MIN", "MAX"), help="(default: 0.75 1.0)", **given)
    views("--no-flip", dest="flip", action="store_false", help="never mirror", **given)
    views("--seed", type=int, help="of the views (default: 0)", **given)
    return parser


def _size(text: str) -> tuple[int, int]:
    from ..images.prepare import to_size

    try:
        return to_size(text)
    except ParameterError as error:
        raise argparse.ArgumentTypeError(str(error).removeprefix("size ")) from None
