"""``hf-etc keygen``: a new secret key."""

import os
import sys
from collections.abc import Sequence

from ..errors import KeyFormatError, MissingKeyError
from ..usage import CommandParser
from .options import print_json, say_to


def parser() -> CommandParser:
    """Of ``hf-etc keygen``."""
    parser = CommandParser("keygen", "Make a new secret key.", "hf-etc keygen clinic.key")
    parser.add_argument("path", metavar="PATH", help="new file, readable by you only; never overwritten")
    parser.add_argument(
        "--passphrase",
        action="store_true",
        help="derive the key from a passphrase (asked for, or in HF_ETC_PASSPHRASE); PATH then holds its salt",
    )
    parser.add_json("path, holds (key or salt), key_id (public)")
    return parser


def main(argv: Sequence[str]) -> int:
    """Write a new key file, or the salt of a passphrase; see ``hf-etc keygen --help``."""
    options = parser().parse_args(argv)

    from ..cipher.keys import EtcKey, passphrase_salt, write_private

    if options.passphrase:
        passphrase = _new_passphrase()
        salt = passphrase_salt(passphrase)
        key = EtcKey.from_passphrase(passphrase, salt)
        write_private(options.path, salt + "\n")
        advice = "it holds a salt; the key is your passphrase: without both nothing can be decrypted"
    else:
        key = EtcKey.generate()
        key.save(options.path)
        advice = "keep it secret, and keep a copy: without it nothing can be decrypted"
    if options.json:
        print_json({"path": options.path, "holds": "salt" if options.passphrase else "key", "key_id": key.key_id})
    else:
        say_to(sys.stdout, options.quiet)(f"{options.path}: key {key.key_id}; {advice}")
    return 0


def _new_passphrase() -> str:
    from getpass import getpass

    from ..cipher.keys import PASSPHRASE_ENV

    if os.environ.get(PASSPHRASE_ENV):
        return os.environ[PASSPHRASE_ENV]
    if not sys.stdin.isatty():
        raise MissingKeyError(f"there is nobody to ask for a passphrase; set {PASSPHRASE_ENV}")
    passphrase = getpass("Passphrase, 12 characters or more: ")
    if getpass("Again: ") != passphrase:
        raise KeyFormatError("the two passphrases differ; try again")
    return passphrase
