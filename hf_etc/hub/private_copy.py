"""What was looked at is what is sent: both happen to a copy that nobody else writes to.

Files change while a push is under way: a training still saves, a folder is synchronised, somebody swaps one. So the
guard reads, and the client sends, from a folder that only this user may enter and that lasts as long as the push. It
lies beside the caches of the Hub, on a disk that is made for large files; memory would hold weights twice.
"""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from huggingface_hub import constants

from ..errors import OutputError, UploadRefusedError


class PrivateCopy:
    """Copies of files.

    Args:
        files: name in the repository -> the original.
        folder: to copy into.

    Attributes:
        files: name in the repository -> the copy.

    Raises:
        OutputError: no space, for example.
    """

    def __init__(self, files: Mapping[str, Path], folder: Path) -> None:
        self._originals, self._states = dict(files), {name: _state(path) for name, path in files.items()}
        self.files = {name: folder / str(i) for i, name in enumerate(files)}
        with _room_for("the files"):
            for name, copy in self.files.items():
                shutil.copyfile(self._originals[name], copy)

    def refuse_changes(self) -> None:
        """Raise UploadRefusedError if an original changed since: half of a new model may be among the copies."""
        for name, original in self._originals.items():
            if _state(original) != self._states[name]:
                raise UploadRefusedError(f"{name} changed while it was looked at; push again when nothing writes to it")


@contextmanager
def private_copy(files: Mapping[str, Path]) -> Iterator[PrivateCopy]:
    """Copies of files, for as long as the block runs."""
    with _private_folder() as folder:
        yield PrivateCopy(files, folder)


@contextmanager
def private_dataset(dataset: Any) -> Iterator[Any]:
    """A copy of a Dataset or DatasetDict on disk, with the content of every image file that its rows name.

    Raises:
        UploadRefusedError: a row names a file that cannot be read.
        OutputError: no space, for example.
    """
    from datasets import DatasetDict, load_from_disk

    with _private_folder() as folder:
        try:
            with _room_for("the dataset"):
                (DatasetDict(dataset) if isinstance(dataset, dict) else dataset).save_to_disk(folder / "dataset")
        except FileNotFoundError as error:
            raise UploadRefusedError(f"cannot read {error.filename or error}; a row names it as its image") from None
        yield load_from_disk(folder / "dataset")


@contextmanager
def _private_folder() -> Iterator[Path]:
    parent = Path(constants.HF_HOME)
    with _room_for("the upload"):
        parent.mkdir(parents=True, exist_ok=True)
        folder = TemporaryDirectory(prefix="hf-etc-push-", dir=parent, ignore_cleanup_errors=True)  # mode 0700
    with folder:
        yield Path(folder.name)


@contextmanager
def _room_for(what: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        reason = f"cannot copy {what} to {constants.HF_HOME} ({error.strerror or type(error).__name__})"
        raise OutputError(f"{reason}; make room there, or set HF_HOME to another disk") from None


def _state(path: Path) -> tuple[int, ...]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino
