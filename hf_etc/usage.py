"""One grammar for every command line of this package.

Options are written in kebab case, and the snake case of transformers is understood, too. Whatever is wrong with a line
is one :class:`UsageError`, which the caller prints. Light: a parser imports no other library.
"""

import argparse
import re
import sys
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import NoReturn

from .errors import ParameterError

_SNAKE_OPTION = re.compile(r"(?<![\w-])--[a-z]+(?:_[a-z]+)+\b")
_ARGUMENT = re.compile(r"\b([a-z]+(?:_[a-z]+)*)='(\w+)'")


class UsageError(ParameterError):
    """A command line that cannot be understood."""


class CommandParser(argparse.ArgumentParser):
    """The parser of one subcommand, with ``--help`` and ``--quiet``.

    Args:
        name: of the subcommand.
        description: what it does; paragraphs are wrapped to the terminal.
        examples: lines to type, shown at the end of the help.
        usage: in place of argparse's list of all options.
    """

    def __init__(self, name: str, description: str, *examples: str, usage: str | None = None) -> None:
        heading = "example" if len(examples) == 1 else "examples"
        super().__init__(
            prog=f"hf-etc {name}",
            usage=usage,
            description=description,
            epilog="\n  ".join([f"{heading}:", *examples]) if examples else None,
            formatter_class=_Format,
            allow_abbrev=False,
        )
        self.add_argument(
            "-q", "--quiet", action="store_true", help="no progress and no notes; results and errors stay"
        )

    def add_json(self, keys: str) -> None:
        """``--json``, whose help names the keys."""
        self.add_argument("--json", action="store_true", help=f"print JSON: {keys}")

    def parse_args(self, args: Sequence[str] | None = None, namespace: None = None) -> argparse.Namespace:  # type: ignore[override]
        words = list(sys.argv[1:] if args is None else args)
        end = words.index("--") if "--" in words else len(words)
        options, left = self.parse_known_args([*map(self._known, words[:end]), *words[end:]])
        if left:
            self.error(f"unexpected argument {left[0]!r}")
        return options

    def error(self, message: str) -> NoReturn:
        """Raises a :class:`UsageError` in place of ending the process."""
        raise UsageError(f"{message}; see {self.prog} --help")

    def _known(self, word: str) -> str:
        """An option in kebab case; refused here, where argparse would first ask for what is missing."""
        if not word.startswith("--"):
            return word
        name, equals, value = word.partition("=")
        kebab = name.replace("_", "-")
        if kebab not in self._option_string_actions:
            self.error(f"unknown option {name}{meant(kebab, self._option_string_actions)}")
        return kebab + equals + value


class _Format(argparse.HelpFormatter):
    """Wraps paragraphs; lines of examples stay as they are."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        paragraphs = text.strip().split("\n\n")
        return "\n\n".join(
            one if "\n  " in one else super(_Format, self)._fill_text(one, width, indent) for one in paragraphs
        )


def meant(word: str, known: Iterable[str]) -> str:
    """A question whether the nearest known word was meant, or nothing.

    Example:
        >>> meant("--kye", ["--key", "--size"])
        ' (did you mean --key?)'
    """
    close = get_close_matches(word, list(known), 1, cutoff=0.7)
    return f" (did you mean {close[0]}?)" if close else ""


def in_options(message: str) -> str:
    """A message of the library in the words of the command line: options in place of arguments of a function.

    Example:
        >>> in_options("no key: pass key=, or crop (fit='crop'), or leave --image_size out")
        'no key: pass --key FILE, or crop (--fit crop), or leave --image-size out'
    """
    message = _SNAKE_OPTION.sub(lambda found: found[0].replace("_", "-"), message).replace("--key-file", "--key")
    message = re.sub(r"\bkey=(?![\w'\"])", "--key FILE", message)
    return _ARGUMENT.sub(lambda found: f"--{found[1].replace('_', '-')} {found[2]}", message)
