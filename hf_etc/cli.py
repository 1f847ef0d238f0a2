"""The ``hf-etc`` command: thin calls of the library. Bad input gives one line on stderr and exit status 2.

Modules are imported when a subcommand needs them, so that ``hf-etc --help`` is quick.
"""

import argparse
import os
import re
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from . import __version__
from .errors import EtcError, KeyFormatError, MissingKeyError, ParameterError

if TYPE_CHECKING:
    from .cipher.keys import EtcKey
    from .data.batches import ImageMap
    from .images.ciphertext import ImageFormat

BAD_INPUT, NOT_ALL_ENCRYPTED, NOTHING_CONVERTED, INTERRUPTED = 2, 1, 1, 130
# These parse their own arguments: the module has a main(argv).
_PASSED_ON = {
    "train": ("hf_etc.training.train", "train a classifier on encrypted or plain images"),
    "evaluate": ("hf_etc.training.evaluation", "accuracy with the right key, a wrong one, none, and after JPEG"),
    "serve": ("hf_etc.commands.serve", "a web page that encrypts in the browser and classifies what arrives"),
    "classify": ("hf_etc.client.classify", "encrypt pictures here and have a server classify the ciphertexts"),
    "client": ("hf_etc.commands.client", "a page of your own for a classifier that somebody else serves"),
    "push": ("hf_etc.commands.push", "upload a model or an encrypted dataset to the Hub, through a guard, with a card"),
    "audit": ("hf_etc.commands.audit", "attack your own images and settings, and report what leaks"),
    "reproduce": ("hf_etc.commands.reproduce", "the tables and figures of the paper, published beside measured"),
    "demo": ("hf_etc.commands.demo", "the main job on embedded images, with a result page"),
}
_DONE = {"encrypt": "encrypted", "decrypt": "decrypted"}
_KEY_TEXT = re.compile(r"hfetc2-[a-z2-7]{20}", re.IGNORECASE)
_KEY_HELP = "key file from hf-etc keygen (default: HF_ETC_KEY_FILE, or HF_ETC_KEY)"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand.

    Args:
        argv: arguments after the program's name; default: those of this process.

    Returns:
        The exit status: 0, 1 (inspect: not all encrypted; encrypt and decrypt: only bad images, all left out),
        2 (bad input) or 130 (Ctrl-C).
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        with _one_line_warnings():
            _refuse_key_texts(arguments)
            if arguments and arguments[0] in _PASSED_ON:
                return import_module(_PASSED_ON[arguments[0]][0]).main(arguments[1:]) or 0
            options = _parser().parse_args(arguments)
            return options.run(options)
    except EtcError as error:
        print(f"hf-etc: {error}", file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        print("hf-etc: interrupted; run the same command again to resume", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output went away
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _parser() -> argparse.ArgumentParser:
    description = "Train and run image classifiers on encrypted (EtC) images."
    parser = argparse.ArgumentParser(prog="hf-etc", description=description)
    parser.add_argument("--version", action="version", version=f"hf-etc {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_keygen(commands)
    _add_encrypt(commands)
    _add_decrypt(commands)
    _add_inspect(commands)
    for name, (_, summary) in _PASSED_ON.items():
        commands.add_parser(name, help=summary, add_help=False)
    return parser


def _add(commands, name: str, run: Callable, summary: str, example: str) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        name,
        help=summary,
        description=summary[0].upper() + summary[1:] + ".",
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(run=run)
    return parser


def _add_keygen(commands) -> None:
    parser = _add(commands, "keygen", keygen, "make a new secret key", "hf-etc keygen clinic.key")
    parser.add_argument("path", metavar="PATH", help="new file, readable by you only; never overwritten")
    parser.add_argument(
        "--passphrase",
        action="store_true",
        help="derive the key from a passphrase (asked for, or in HF_ETC_PASSPHRASE); PATH then holds its salt",
    )


def _add_encrypt(commands) -> None:
    example = "hf-etc encrypt photos encrypted --key clinic.key --size 224 --format jpeg --num-proc 4"
    summary = "encrypt an image, a folder of images or a dataset; run again to resume"
    parser = _add(commands, "encrypt", encrypt, summary, example)
    dataset = _add_conversion(parser)
    dataset.add_argument("--drop", action="append", default=[], metavar="COLUMN", help="leave a column out; repeatable")
    dataset.add_argument(
        "--keep",
        action="append",
        default=[],
        metavar="COLUMN",
        help="copy a column as it is, though it may hold plain pictures, which is refused otherwise; repeatable",
    )
    cipher = parser.add_argument_group("cipher")
    cipher.add_argument("--cipher", default="etc", metavar="NAME", help="registered cipher (default: etc)")
    cipher.add_argument("--block-size", type=int, metavar="PIXELS", help="edge of a block (default: 16)")
    cipher.add_argument(
        "--key-scope",
        choices=["dataset", "image"],
        help="dataset: one plan for all images, the paper's; a few ciphertexts give it away (default). "
        "image: a plan of its own for each",
    )
    picture = parser.add_argument_group("picture")
    picture.add_argument("--size", type=_size, metavar="N or HxW", help="size to encrypt at (default: each its own)")
    picture.add_argument("--fit", choices=["crop", "pad", "stretch", "exact"], help="how to bring pictures to size")
    picture.add_argument("--resample", choices=["bicubic", "bilinear"], default="bicubic", help="(default: bicubic)")
    picture.add_argument("--format", choices=["png", "webp", "jpeg"], help="png and webp are lossless (default: png)")
    picture.add_argument("--quality", type=int, default=85, metavar="1-100", help="of jpeg (default: 85)")
    picture.add_argument("--subsampling", choices=["4:4:4", "4:2:0"], default="4:4:4", help="of jpeg (default: 4:4:4)")
    views = parser.add_argument_group("augmented views (of the split train)")
    views.add_argument("--views", type=int, default=0, metavar="N", help="augmented views per image (default: 0, none)")
    views.add_argument(
        "--crop-scale", type=float, nargs=2, default=(0.75, 1.0), metavar=("MIN", "MAX"), help="(default: 0.75 1.0)"
    )
    views.add_argument("--no-flip", action="store_true", help="never mirror")
    views.add_argument("--seed", type=int, default=0, help="of the views (default: 0)")


def _add_decrypt(commands) -> None:
    example = "hf-etc decrypt encrypted decrypted --key clinic.key"
    parser = _add(commands, "decrypt", decrypt, "decrypt an image, a folder of images or a dataset into png", example)
    _add_conversion(parser)
    cipher = parser.add_argument_group(
        "cipher", "What the images must have been encrypted with (default: what they say)."
    )
    cipher.add_argument("--cipher", metavar="NAME", help="registered cipher")
    cipher.add_argument("--block-size", type=int, metavar="PIXELS", help="edge of a block")
    cipher.add_argument("--key-scope", choices=["dataset", "image"], help="one plan for all images, or one for each")
    cipher.add_argument(
        "--unauthenticated",
        action="store_true",
        help="DANGER: decrypt also what was changed or stored anew after encryption, with the cipher named here. Who "
        "gives you such images and sees the result can learn how others were encrypted",
    )


def _add_conversion(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    parser.add_argument("source", metavar="SRC", help="image, folder of images, dataset folder, or dataset on the Hub")
    parser.add_argument("destination", metavar="DST", help="new file, or new or unfinished folder")
    parser.add_argument("--key", metavar="FILE", help=_KEY_HELP)
    parser.add_argument("--num-proc", type=int, metavar="N", help="processes (default: one per processor)")
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


def _add_inspect(commands) -> None:
    summary = "show how images are encrypted; exit status 1 if any is not"
    parser = _add(commands, "inspect", inspect, summary, "hf-etc inspect encrypted --json")
    parser.add_argument("source", metavar="SRC", help="image, folder of images, dataset folder, or dataset on the Hub")
    parser.add_argument("--json", action="store_true", help="machine-readable")
    parser.add_argument("--column", help="the image column of a dataset (default: the only one)")
    parser.add_argument("--limit", type=int, metavar="N", help="look at the first N images (of each split) only")


def keygen(options: argparse.Namespace) -> int:
    from .cipher.keys import EtcKey, passphrase_salt, write_private

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
    print(f"{options.path}: key {key.key_id}; {advice}")
    return 0


def encrypt(options: argparse.Namespace) -> int:
    from .data import EncryptImages

    def images(key: "EtcKey") -> EncryptImages:
        encrypt = EncryptImages(
            key,
            cipher=options.cipher,
            block_size=options.block_size,
            key_scope=options.key_scope,
            size=options.size,
            fit=options.fit,
            resample=options.resample,
            format=options.format or _format_of(options.destination),
            quality=options.quality,
            subsampling=options.subsampling,
            column=options.column,
            keep_columns=options.keep,
            drop_columns=options.drop,
            views=options.views,
            crop_scale=options.crop_scale,
            flip=not options.no_flip,
            seed=options.seed,
            skip_bad=options.skip_bad,
        )
        if weakness := encrypt.recipe.spec.weakness(encrypt.recipe.preparation.size):
            advice = "use a key of its own for such experiments, since whoever publishes a model can ask for them again"
            warnings.warn(f"weak settings, {weakness}; {advice}", stacklevel=2)
        return encrypt

    return _convert(options, images)


def decrypt(options: argparse.Namespace) -> int:
    from .data import DecryptImages

    def images(key: "EtcKey") -> DecryptImages:
        return DecryptImages(
            key,
            cipher=options.cipher,
            block_size=options.block_size,
            key_scope=options.key_scope,
            column=options.column,
            skip_bad=options.skip_bad,
            unauthenticated=options.unauthenticated,
        )

    return _convert(options, images)


def inspect(options: argparse.Namespace) -> int:
    from .data.convert import inspect as inspect_source

    found = inspect_source(options.source, options.column, options.limit)
    if options.json:
        import json

        print(json.dumps(found.to_dict(), indent=2))
    else:
        print(found)
    return 0 if found.all_encrypted else NOT_ALL_ENCRYPTED


def _convert(options: argparse.Namespace, images: "Callable[[EtcKey], ImageMap]") -> int:
    import time

    from .data.convert import convert

    with _key(options.key) as key:
        start = time.monotonic()
        report = convert(
            options.source,
            options.destination,
            images(key),
            layout=options.layout,
            split=options.split,
            limit=options.limit,
            num_proc=options.num_proc if options.num_proc is not None else _processors(),
            progress=True,
        )
        seconds = time.monotonic() - start
    rate = f" in {seconds:.1f} s, {report.images / seconds:.0f} per second" if report.images > 1 else ""
    before = f"; {report.resumed} were finished before" if report.resumed else ""
    count = f"{report.images} image{'' if report.images == 1 else 's'} {_DONE[options.run.__name__]}"
    print(f"{options.source} -> {options.destination}: {count}{rate}{before}")
    _list("left out, not an image by name", report.left_out)
    _list("left out, bad", report.bad)
    return 0 if report.images or report.resumed else NOTHING_CONVERTED


def _list(what: str, names: list[str]) -> None:
    for name in names:
        print(f"hf-etc: {what}: {name}", file=sys.stderr)


@contextmanager
def _key(path: str | None) -> "Iterator[EtcKey]":
    """The key, also named in the environment for worker processes that do not inherit our memory."""
    from .cipher.keys import KEY_ENV, KEY_FILE_ENV, EtcKey

    if path is None:
        yield EtcKey.from_env()
        return
    key = EtcKey.load(path)
    before = {name: os.environ.pop(name, None) for name in (KEY_ENV, KEY_FILE_ENV)}
    os.environ[KEY_FILE_ENV] = str(Path(path).resolve())
    try:
        yield key
    finally:
        del os.environ[KEY_FILE_ENV]
        os.environ.update({name: value for name, value in before.items() if value is not None})


def _new_passphrase() -> str:
    from getpass import getpass

    from .cipher.keys import PASSPHRASE_ENV

    if os.environ.get(PASSPHRASE_ENV):
        return os.environ[PASSPHRASE_ENV]
    if not sys.stdin.isatty():
        raise MissingKeyError(f"there is nobody to ask for a passphrase; set {PASSPHRASE_ENV}")
    passphrase = getpass("Passphrase, 12 characters or more: ")
    if getpass("Again: ") != passphrase:
        raise KeyFormatError("the two passphrases differ; try again")
    return passphrase


def _refuse_key_texts(arguments: Sequence[str]) -> None:
    if any(_KEY_TEXT.search(argument) for argument in arguments):
        raise ParameterError(
            "a key was given on the command line, where other users can see it; "
            "pass the path of a key file (--key FILE), and consider this key known"
        )


def _size(text: str) -> int | tuple[int, int]:
    found = re.fullmatch(r"(\d+)(?:x(\d+))?", text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r}: give pixels, as 224 or 224x160 (height x width)")
    height, width = found.groups()
    return int(height) if width is None else (int(height), int(width))


def _format_of(destination: str) -> "ImageFormat":
    """The format that a destination's name asks for."""
    formats: dict[str, ImageFormat] = {".jpg": "jpeg", ".jpeg": "jpeg", ".webp": "webp"}
    return formats.get(Path(destination).suffix.lower(), "png")


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def _one_line_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_, **__: print(f"hf-etc: warning: {message}", file=sys.stderr)
        yield
