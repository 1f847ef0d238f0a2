"""Files that appear under their name when they are whole, or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from .errors import EtcError, OutputError

PART = ".hf-etc-part"  # how the name of an unfinished file ends


@contextmanager
def whole_file(path: str | Path, sync: bool = False) -> Iterator[IO[bytes]]:
    """A file to write, under a temporary name beside its place until it is whole.

    Args:
        path: the file; folders on the way are made.
        sync: wait until the disk has it, against a power failure. For large files; it costs milliseconds.

    Raises:
        OutputError: it cannot be written, for one because the disk is full.
    """
    path = Path(path)
    part = path.with_name(f".{os.getpid()}{PART}")
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
