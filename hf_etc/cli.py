"""The ``hf-etc`` command: finds the subcommand. Bad input gives one line on stderr and exit status 2.

A subcommand is a module with a ``main(argv)``. It is imported when it is needed, so that ``hf-etc --help`` is quick.
"""

import argparse
import os
import re
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module

from . import __version__
from .errors import EtcError, ParameterError

BAD_INPUT, INTERRUPTED = 2, 130
COMMANDS = {
    "keygen": ("hf_etc.commands.keygen", "make a new secret key"),
    "encrypt": (
        "hf_etc.commands.encrypt",
        "encrypt an image, a folder of images or a dataset; run again to resume",
    ),
    "decrypt": ("hf_etc.commands.decrypt", "decrypt an image, a folder of images or a dataset into png"),
    "inspect": ("hf_etc.commands.inspect", "show how images are encrypted; exit status 1 if any is not"),
    "train": ("hf_etc.training.train", "train a classifier on encrypted or plain images"),
    "evaluate": ("hf_etc.training.evaluation", "accuracy with the right key, a wrong one, none, and after JPEG"),
    "serve": ("hf_etc.commands.serve", "a web page that encrypts in the browser and classifies what arrives"),
    "classify": ("hf_etc.client.classify", "encrypt pictures here and have a server classify the ciphertexts"),
    "client": ("hf_etc.commands.client", "a page of your own for a classifier that somebody else serves"),
    "check": ("hf_etc.commands.check", "whether a model takes pictures that have a key each"),
    "push": ("hf_etc.commands.push", "upload a model or an encrypted dataset to the Hub, through a guard, with a card"),
    "audit": ("hf_etc.commands.audit", "attack your own images and settings, and report what leaks"),
    "frontier": ("hf_etc.commands.frontier", "accuracy against leakage, for many settings of the cipher"),
    "reproduce": ("hf_etc.commands.reproduce", "the tables and figures of the paper, published beside measured"),
    "demo": ("hf_etc.commands.demo", "the main job on embedded images, with a result page"),
}
_KEY_TEXT = re.compile(r"hfetc2-[a-z2-7]{20}", re.IGNORECASE)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand.

    Args:
        argv: arguments after the program's name; default: those of this process.

    Returns:
        The exit status: 0, what the subcommand says, 2 (bad input) or 130 (Ctrl-C).
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        with _one_line_warnings():
            _refuse_key_texts(arguments)
            if not arguments or arguments[0] not in COMMANDS:
                _parser().parse_args(arguments)  # shows help or version, or what is wrong, and ends
            return import_module(COMMANDS[arguments[0]][0]).main(arguments[1:]) or 0
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
    for name, (_, summary) in COMMANDS.items():
        commands.add_parser(name, help=summary, add_help=False)
    return parser


def _refuse_key_texts(arguments: Sequence[str]) -> None:
    if any(_KEY_TEXT.search(argument) for argument in arguments):
        raise ParameterError(
            "a key was given on the command line, where other users can see it; "
            "pass the path of a key file (--key FILE), and consider this key known"
        )


@contextmanager
def _one_line_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_, **__: print(f"hf-etc: warning: {message}", file=sys.stderr)
        yield
