"""Writing outputs so that an interruption leaves whole files and nothing else, and a second run goes on.

A folder of outputs holds a manifest, ``hf-etc.json``, with the public parameters it is made with. Every file is written
whole (``hf_etc.files``). Which of them are finished is the matter of ``finished.py``.
"""

import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

from ...errors import OutputError
from ...files import PART, cannot_write, is_local, remove_file, whole_file
from ..check import first_difference

MANIFEST = "hf-etc.json"
MANIFEST_VERSION = 1
JOURNAL = ".hf-etc-finished"  # hidden: load_dataset() takes it for no data
_OF_A_NEW_REPOSITORY = {".gitattributes"}  # what the Hub puts into one
_LOCK_SECONDS = 10  # the processes of a killed run end within moments


@contextmanager
def output_folder(folder: Path, facts: Mapping[str, Any], private: bool = False) -> Iterator[None]:
    """Begin or resume a folder of outputs; the manifest says at the end that it is complete.

    Args:
        folder: new, empty, or one that an earlier run with the same facts left unfinished.
        facts: JSON-ready public parameters of everything in it.
        private: let nobody but the owner in, whatever the umask is and the folder's mode was.

    Raises:
        OutputError: the folder holds something else, was begun with other facts, is being written by another
            process, or cannot be written.
    """
    manifest = {"hf-etc": MANIFEST_VERSION, **json.loads(json.dumps(facts))}
    local = is_local(folder)  # in a store there are neither folders nor locks, and nothing is half written
    try:
        if local:
            folder.mkdir(mode=0o700 if private else 0o777, parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(folder, error) from None
    with _locked(folder) if local else nullcontext():
        _check_resumable(folder, manifest)
        _remove_parts(folder)
        with _private(folder) if private else nullcontext():
            write_manifest(folder, {**manifest, "complete": False})
            try:
                yield
            except BaseException:
                _remove_if_bare(folder)
                raise
            _remove_parts(folder)  # of workers that were killed
            write_manifest(folder, {**manifest, "complete": True})


def _remove_parts(folder: Path) -> None:
    for part in folder.rglob(f".*{PART}") if is_local(folder) else ():
        part.unlink(missing_ok=True)


@contextmanager
def _private(folder: Path) -> Iterator[None]:
    """Close the folder to others before anything is written, and each file in it at the end."""
    _close(folder)
    try:
        yield
    finally:
        _close(folder)


def _close(folder: Path) -> None:
    for entry in [folder, *folder.rglob("*")] if folder.exists() else ():
        if not entry.is_symlink():
            entry.chmod(0o700 if entry.is_dir() else 0o600)


def write_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    with whole_file(folder / MANIFEST, sync=True) as file:
        file.write((json.dumps(manifest, indent=2) + "\n").encode())


def _remove_if_bare(folder: Path) -> None:
    """Take back a folder without any output, so that a run with a mistake in it can be repeated without."""
    entries = sorted(folder.rglob("*"), key=str, reverse=True)  # the deepest first
    files = [entry for entry in entries if not entry.is_dir()]
    if any(not is_book(file.name) and file.name not in _OF_A_NEW_REPOSITORY for file in files):
        return
    with suppress(OSError):
        for file in files:
            if is_book(file.name):
                remove_file(file)
        for entry in [*entries, folder] if is_local(folder) else ():
            if entry.is_dir():
                entry.rmdir()


def is_book(name: str) -> bool:
    """Whether a file of this name is a manifest or a journal."""
    return name == MANIFEST or name.startswith(JOURNAL)


def _check_resumable(folder: Path, manifest: dict[str, Any]) -> None:
    path = folder / MANIFEST
    if not path.exists():
        names = {entry.name for entry in folder.iterdir()} if folder.exists() else set()
        if any(not name.endswith(PART) for name in names - _OF_A_NEW_REPOSITORY):
            raise OutputError(f"{folder} is not empty and was not begun by hf-etc; choose a new folder")
        return
    try:
        begun = json.loads(path.read_bytes())
        del begun["complete"]
    except (OSError, ValueError, KeyError, TypeError):
        raise OutputError(f"{path} is damaged; remove the folder, or choose a new one") from None
    if begun != manifest:
        fact, there, here = first_difference(begun, manifest)
        if begun.get("disposable"):
            raise OutputError(f"{folder}: nobody has the keys to check what is there; choose a new folder")
        if fact == "source":
            raise OutputError(f"{folder} was begun from another source; choose a new folder")
        raise OutputError(
            f"{folder} was begun with {fact} {_shown(there)}, not {_shown(here)}; "
            "resume with the same settings, or choose a new folder"
        )


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep a second run out of the folder, where the system can lock."""
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        for waited in range(10 * _LOCK_SECONDS, -1, -1):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not waited:
                    raise OutputError(f"another process is writing to {folder}; wait for it, or stop it") from None
                time.sleep(0.1)
            except OSError:  # a network folder without locks
                break
        yield
    finally:
        os.close(descriptor)


def _shown(value: Any) -> str:
    return "nothing" if value is None else json.dumps(value)
