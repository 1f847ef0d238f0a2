"""The record of a measurement: one JSON file per result, with what is needed to repeat it.

A record names the command, the commit, the seed, the data, the machine and the library versions. It
holds no absolute path, user name, host name or secret, so it can be published as it is.
"""

import getpass
import json
import os
import platform
import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from itertools import pairwise
from pathlib import Path
from typing import Any

from .files import write_text

RECORD_VERSION = 1
_PACKAGES = ("hf-etc", "numpy", "pillow", "torch", "torchvision", "transformers", "datasets", "accelerate", "timm")
_SECRET_FLAG = re.compile(r"--?[\w-]*(token|passphrase|password|secret)$")
_SECRET_VALUE = re.compile(r"(?i:hfetc2-[a-z2-7]{20,})|\bhf_[A-Za-z0-9]{20,}")
_ABSOLUTE_PATH = re.compile(r"(?<![\w.~-])(?:~|[A-Za-z]:(?=[\\/]))?[\\/][^\s,;:'\"=]+")


def result_record(
    name: str,
    results: Any,
    *,
    data: str | Mapping[str, Any],
    seed: int | None = None,
    settings: Mapping[str, Any] | None = None,
    command: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Wrap measured results with what is needed to repeat them.

    Args:
        name: what was measured, such as "evaluation".
        results: the figures, JSON-ready.
        data: what was measured on: a name, or name, split, number of images and the like.
        seed: of the random choices, if any.
        settings: further parameters that the figures depend on.
        command: the command line; default: this process's.

    Returns:
        A dictionary for :func:`write_json`. Every text in it went through :func:`scrub`.

    Example:
        >>> record = result_record("evaluation", {"top1": 0.5}, data="digits", seed=1, command=["hf-etc", "evaluate"])
        >>> record["command"], record["results"]["top1"]
        ('hf-etc evaluate', 0.5)
    """
    return scrub(
        {
            "record": RECORD_VERSION,
            "name": name,
            "command": scrub_command(sys.argv if command is None else command),
            "commit": commit(),
            "seed": seed,
            "data": {"name": data} if isinstance(data, str) else dict(data),
            "settings": dict(settings or {}),
            "results": results,
            "hardware": _hardware(),
            "versions": _versions(),
        }
    )


def write_json(path: str | Path, value: Any) -> None:
    """Write `value` as indented JSON; see :func:`write_text`."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def write_rows(path: str | Path, name: str, rows: Iterable[Any], **about: Any) -> None:
    """Write the record of a measurement anew after each of its rows, which are also printed.

    Args:
        path: of the record.
        name: what is measured.
        rows: JSON-ready, measured as they are asked for.
        about: as for :func:`result_record`.
    """
    done: list[Any] = []
    for row in rows:
        print(row, flush=True)
        done.append(row)
        write_json(path, result_record(name, done, **about))


def scrub_command(command: Sequence[str]) -> str:
    """A command line that can be published: the program's name, no secrets, no absolute paths.

    Example:
        >>> scrub_command(["/usr/bin/hf-etc", "evaluate", "/data/private/model", "--hub_token", "abc", "--seed=3"])
        'hf-etc evaluate model --hub_token [removed] --seed=3'
    """
    words = [Path(command[0]).name] if command else []
    for previous, word in pairwise(command):
        flag, equals, _ = word.partition("=")
        if _SECRET_FLAG.match(previous):
            words.append("[removed]")
        elif equals and _SECRET_FLAG.match(flag):
            words.append(f"{flag}=[removed]")
        else:
            words.append(shlex.quote(scrub(word)))
    return " ".join(words)


def scrub(value: Any) -> Any:
    """Take absolute paths, keys, tokens, the user's and the machine's name out of all texts in `value`."""
    if isinstance(value, Mapping):
        return {str(scrub(key)): scrub(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [scrub(item) for item in value]
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if not isinstance(value, str):
        return value
    text = _SECRET_VALUE.sub("[removed]", value)
    if "://" not in text:
        text = _ABSOLUTE_PATH.sub(lambda match: _relative(match[0]), text)
    for name in _names():
        text = re.sub(rf"(?<![\w-]){re.escape(name)}(?![\w-])", "[removed]", text)
    return text


def _relative(path: str) -> str:
    """Relative to the working directory when it lies inside, else the last part alone."""
    full = Path(path).expanduser()
    if full.is_relative_to(Path.cwd()):
        return str(full.relative_to(Path.cwd()))
    return re.split(r"[\\/]", path.rstrip("\\/"))[-1] or "[removed]"


def _names() -> list[str]:
    """The user's and the machine's name; short or generic ones would only mangle ordinary words."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = ""
    host = socket.gethostname()
    generic = {"localhost", "root", "user", "ubuntu", "runner"}
    names = sorted({user, host, host.split(".")[0]}, key=len, reverse=True)  # the long form first, whole
    return [name for name in names if len(name) > 3 and name.lower() not in generic]


def commit() -> str | None:
    """The commit of the source tree this package was imported from, "+" when it was changed since; else None.

    Records, which one measurement writes before the next, are no such change.
    """
    here = Path(__file__).resolve()

    def git(*words: str) -> str:
        done = subprocess.run(["git", "-C", str(here.parent), *words], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    try:
        git("ls-files", "--error-unmatch", "__init__.py")  # not a copy installed inside some other repository
        changed = git("status", "--porcelain", "--untracked-files=no", "--", ":/", ":(top,exclude)results")
        return git("rev-parse", "HEAD") + ("+" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def _hardware() -> dict[str, Any]:
    torch = sys.modules.get("torch")
    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())] if torch else []
    return {
        "machine": platform.machine(),
        "system": platform.system(),
        "cpu": _cpu_name(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads() if torch else None,
        "gpus": gpus,
    }


def _cpu_name() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor()
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found[1] if found else platform.processor()


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions
