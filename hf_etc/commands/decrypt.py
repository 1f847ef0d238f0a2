"""``hf-etc decrypt``: an image, a folder of images or a dataset, into png."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..usage import CommandParser
from .convert import add_conversion, run_conversion
from .options import CIPHER_OPTIONS, add_cipher_options

if TYPE_CHECKING:
    from ..cipher.keys import EtcKey
    from ..data import DecryptImages


def main(argv: Sequence[str]) -> int:
    """Decrypt; see ``hf-etc decrypt --help``.

    Returns:
        The exit status: 0, or 1 if there were only bad images, all left out.
    """
    options = parser().parse_args(argv)

    def images(key: "EtcKey") -> "DecryptImages":
        from ..data import DecryptImages

        names = (*CIPHER_OPTIONS, "column", "skip_bad", "unauthenticated")
        return DecryptImages(key, **{name: getattr(options, name) for name in names})

    return run_conversion(options, images, "decrypted")


def parser() -> CommandParser:
    """Of ``hf-etc decrypt``."""
    parser = CommandParser(
        "decrypt",
        "Decrypt an image, a folder of images or a dataset into png.",
        "hf-etc decrypt encrypted decrypted --key clinic.key",
    )
    add_conversion(parser)
    cipher = parser.add_argument_group(
        "cipher", "What the images must have been encrypted with (default: what they say)."
    )
    add_cipher_options(cipher)
    cipher.add_argument(
        "--unauthenticated",
        action="store_true",
        help="DANGER: decrypt also what was changed or stored anew after encryption, with the cipher named here. Who "
        "gives you such images and sees the result can learn how others were encrypted",
    )
    return parser
