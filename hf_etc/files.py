"""Files that appear under their name when they are whole, or not at all; on this machine's disk, or in any store that
fsspec knows.
"""

import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, Any

from .errors import EtcError, MissingExtraError, OutputError, ParameterError

PART = ".hf-etc-part"  # how the name of an unfinished file ends


def place(text: str | Path) -> Path:
    """Where a path or an address such as ``s3://bucket/folder`` or ``hf://datasets/OWNER/NAME`` leads.

    Returns:
        A Path on this machine, which ``file://`` is, too; for other addresses what works like one, a UPath.

    Raises:
        ParameterError: nothing is known of such addresses.
        MissingExtraError: the package for them is not installed.

    Example:
        >>> place("photos"), str(place("memory://folder/photos"))
        (PosixPath('photos'), 'memory://folder/photos')
    """
    text = str(text)
    if "://" not in text:
        return Path(text)
    from upath import UPath

    try:
        found: Any = UPath(text)
        found.fs  # noqa: B018  # of a package that may be missing
        return Path(found.path) if found.protocol in ("file", "local") else found
    except ImportError as error:
        raise MissingExtraError(f"{text}: {error}") from None
    except ValueError as error:
        raise ParameterError(f"{text}: {error}") from None


def is_local(path: Path) -> bool:
    """Whether a path is of this machine's file system, which can lock, append and rename."""
    return isinstance(path, Path)


@contextmanager
def whole_file(path: str | Path, sync: bool = False) -> Iterator[IO[bytes]]:
    """A file to write, under a temporary name beside its place until it is whole.

    Args:
        path: the file; folders on the way are made. One in a store is made on this machine and then sent.
        sync: wait until the disk has it, against a power failure. For large files; it costs milliseconds.

    Raises:
        OutputError: it cannot be written, for one because the disk is full.
    """
    path = Path(path) if isinstance(path, str) else path
    if not is_local(path):
        with _sent_file(path) as file:
            yield file
        return
    part = path.with_name(f".{secrets.token_hex(8)}{PART}")  # other machines write here, too
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            yield file
            file.flush()
            if sync:
                os.fsync(file.fileno())
        part.replace(path)
    except EtcError:
        raise
    except OSError as error:
        raise cannot_write(path, error) from None
    finally:
        with suppress(OSError):
            part.unlink()


def whole_folder(folder: Path, write: Callable[[Path], object]) -> Path:
    """A folder of this machine that appears whole or not at all; left as it is where it is there.

    Args:
        folder: its place; folders on the way are made.
        write: makes the content of the folder that it is given, which is not there yet.

    Returns:
        `folder`.
    """
    if not folder.is_dir():
        part = folder.with_name(f"{folder.name}.unfinished")
        shutil.rmtree(part, ignore_errors=True)
        part.parent.mkdir(parents=True, exist_ok=True)
        write(part)
        part.rename(folder)
    return folder


@contextmanager
def _sent_file(path: Any) -> Iterator[IO[bytes]]:
    try:
        with NamedTemporaryFile() as file:
            yield file
            file.flush()
            path.fs.put_file(file.name, path.path)
    except EtcError:
        raise
    except OSError as error:
        raise cannot_write(path, error) from None


def remove_file(path: Any) -> None:
    """Remove a file, if there is one."""
    if is_local(path):
        path.unlink(missing_ok=True)
    elif path.exists():
        path.fs.rm_file(path.path)  # not every UPath has unlink


def write_text(path: str | Path, text: str) -> None:
    """Write `text` whole, as UTF-8.

    Raises:
        OutputError: see :func:`whole_file`.
    """
    with whole_file(path, sync=True) as file:
        file.write(text.encode())


def cannot_write(path: Path, error: OSError) -> OutputError:
    """The error that says which file, and why."""
    return OutputError(f"cannot write {path}: {os.strerror(error.errno) if error.errno else error}")
