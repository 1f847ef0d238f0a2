"""``hf-etc completion``: a script that completes commands, options and files in a shell."""

import argparse
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from ..usage import CommandParser
from . import COMMANDS

SHELLS = ("bash", "zsh", "fish")
_FOLDERS = {"DIR", "FOLDER"}
_FILES = {
    "FILE",
    "FILE.html",
    "IMAGE",
    "SRC",
    "DST",
    "PATH",
    "MODEL",
    "DATASET",
    "MODEL|DATASET",
    "DATASET|FOLDER",
    "RECIPE.yaml",
}


def parser() -> CommandParser:
    """Of ``hf-etc completion``."""
    parser = CommandParser(
        "completion",
        "Print a script that completes commands, options and files. Write it where the shell looks for such:\n\n"
        "  hf-etc completion bash > ~/.local/share/bash-completion/completions/hf-etc\n"
        "  hf-etc completion zsh > ~/.zsh/completions/_hf-etc, a folder in fpath\n"
        "  hf-etc completion fish > ~/.config/fish/completions/hf-etc.fish",
        "source <(hf-etc completion bash)",
    )
    parser.add_argument("shell", choices=SHELLS)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Print the script; see ``hf-etc completion --help``.

    Returns:
        The exit status, 0.
    """
    options = parser().parse_args(argv)
    import shtab

    print(shtab.complete(every_command(shtab.FILE, shtab.DIRECTORY), options.shell))
    return 0


def every_command(file: Any = None, folder: Any = None) -> argparse.ArgumentParser:
    """One parser of all commands, with all their options.

    Args:
        file, folder: how shtab completes them.
    """
    whole = argparse.ArgumentParser(prog="hf-etc")
    whole.add_argument("--version", action="version", version="")
    commands = whole.add_subparsers()
    for name, summary in COMMANDS.items():
        one = import_module(f".{name}", __package__).parser()
        for action in one._actions:  # noqa: SLF001
            if action.metavar in _FILES | _FOLDERS and not action.choices:
                action.complete = folder if action.metavar in _FOLDERS else file
            if action.help == argparse.SUPPRESS:
                action.help = ""  # else left out
        commands.add_parser(name, help=summary, parents=[one], add_help=False)
    return whole
