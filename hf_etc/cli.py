"""The ``hf-etc`` command: finds the subcommand. Bad input gives one line on stderr and exit status 2."""

import argparse
import os
import re
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from textwrap import fill

from . import __version__
from .commands import COMMANDS
from .errors import EtcError, ParameterError
from .usage import UsageError, in_options, meant

BAD_INPUT, INTERRUPTED = 2, 130
_GRAMMAR = """\
One grammar for all commands:
  --key FILE names the key; without it, HF_ETC_KEY_FILE or HF_ETC_KEY does.
  Options are written in kebab case: --block-size 8. Snake case, as in the
  recipes of a training, means the same: --block_size 8.
  train and evaluate also take the names that transformers has, such as
  --model_name_or_path for --model and --output_dir for --out.
  --quiet leaves results and errors. --json puts nothing but JSON on stdout.
  Exit status: 0, 1 where the answer is no, 2 after "hf-etc: error: ...",
  130 after Ctrl-C; a training that was stopped has 128 + the signal.

hf-etc COMMAND --help shows the options of a command."""
_KEY_TEXT = re.compile(r"hfetc2-[a-z2-7]{20}", re.IGNORECASE)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand.

    Args:
        argv: arguments after the program's name; default: those of this process.

    Returns:
        The exit status: 0, what the subcommand says, 2 (bad input) or 130 (Ctrl-C).
    """
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        with _one_line_warnings():
            _refuse_key_texts(words)
            if not words or words[0] not in COMMANDS:
                _explain(words)
            return import_module(f".commands.{words[0]}", __package__).main(words[1:]) or 0
    except EtcError as error:
        text = str(error) if isinstance(error, UsageError) else in_options(str(error))
        print(f"hf-etc: error: {text}", file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        print("hf-etc: interrupted; run the same command again to resume", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output went away
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _explain(words: Sequence[str]) -> None:
    """Show help or version and end, or raise what is wrong where the command should stand."""
    if words and words[0] in ("-h", "--help", "--version"):
        _parser().parse_args(words)
    if not words:
        raise UsageError("no command; see hf-etc --help")
    kind = "option" if words[0].startswith("-") else "command"
    raise UsageError(f"unknown {kind} {words[0]}{meant(words[0], COMMANDS)}; see hf-etc --help")


def _parser() -> argparse.ArgumentParser:
    rows = (
        fill(f"{name:<12}{summary}", 79, initial_indent="  ", subsequent_indent=" " * 14)
        for name, summary in COMMANDS.items()
    )
    parser = argparse.ArgumentParser(
        prog="hf-etc",
        usage="hf-etc COMMAND ...",
        description="Train and run image classifiers on encrypted (EtC) images.",
        epilog="\n".join(["commands:", *rows, "", _GRAMMAR]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"hf-etc {__version__}")
    return parser


def _refuse_key_texts(words: Sequence[str]) -> None:
    if any(_KEY_TEXT.search(word) for word in words):
        raise ParameterError(
            "a key was given on the command line, where other users can see it; "
            "pass the path of a key file (--key FILE), and consider this key known"
        )


@contextmanager
def _one_line_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_, **__: print(f"hf-etc: warning: {message}", file=sys.stderr)
        yield
