"""Checkpoints that can be trusted after a kill: an unfinished one is marked, and never resumed from."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import ParameterError
from .identity import is_run

_UNFINISHED = "checkpoint-is-incomplete.txt"
_PREFIX = "checkpoint-"


def checkpoint_folder(output_dir: str | Path, step: int) -> Path:
    """Where the Trainer writes the checkpoint of a step."""
    return Path(output_dir) / f"{_PREFIX}{step}"


@contextmanager
def unfinished(folder: Path, writer: bool) -> Iterator[None]:
    """Inside, `folder` carries a mark; it stays when the process dies or raises.

    Args:
        folder: of the checkpoint.
        writer: whether this process sets the mark (one does).
    """
    if writer:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _UNFINISHED).write_text("This checkpoint was being written. Do not resume from it.\n")
    yield
    if writer:
        (folder / _UNFINISHED).unlink()


def check_place(output_dir: Path) -> None:
    """Make sure that a folder is there or can be made, before anything takes time.

    Raises:
        ParameterError: a file stands in its place, or nothing can be written there.
    """
    there = next(path for path in (output_dir, *output_dir.absolute().parents) if path.exists())
    if not there.is_dir():
        raise ParameterError(f"{output_dir} cannot be a folder, {there.name} is a file; choose another --output_dir")
    if not os.access(there, os.W_OK):
        raise ParameterError(f"{output_dir} cannot be written; choose another --output_dir")


def find_checkpoint(output_dir: str | Path, wanted: str | bool | None = None) -> Path | None:
    """The checkpoint to resume from, or None to start anew. Whether it is of the same run is for ``check_same_run``.

    Args:
        output_dir: of the run.
        wanted: --resume_from_checkpoint: a folder; True, "true" or None: the last finished one in
            `output_dir`; False or "false": none, which needs an empty `output_dir`.

    Raises:
        ParameterError: the wanted folder is no finished checkpoint; `output_dir` holds something else.
    """
    answer = {"true": True, "false": False, "none": None}.get(str(wanted).lower(), wanted)
    if isinstance(answer, str):
        if not is_finished(Path(answer)):
            raise ParameterError(f"--resume_from_checkpoint {answer}: this is not a finished checkpoint folder")
        return Path(answer)
    output = Path(output_dir)
    content = list(output.iterdir()) if output.is_dir() else []
    finished = {_step(path): path for path in content if is_finished(path)}
    foreign = any(_step(path) < 0 for path in content) and (answer is False or not is_run(output))
    if foreign or (finished and answer is False):
        raise ParameterError(f"{output} is not empty and not a run to resume; choose another --output_dir or remove it")
    if answer is True and not finished:
        raise ParameterError(
            f"--resume_from_checkpoint: no finished checkpoint in {output}; leave it out to start anew"
        )
    return finished[max(finished)] if finished else None


def remove_unfinished(output_dir: str | Path) -> None:
    """Delete what a killed process left half-written; call it in one process, before training."""
    for path in Path(output_dir).glob(f"{_PREFIX}*"):
        if _step(path) >= 0 and not is_finished(path):
            shutil.rmtree(path, ignore_errors=True)


def is_finished(folder: Path) -> bool:
    """Whether `folder` is a checkpoint that was written to its end."""
    return (folder / "trainer_state.json").is_file() and not (folder / _UNFINISHED).exists()


def _step(path: Path) -> int:
    """The step of a checkpoint folder; -1 for anything else."""
    digits = path.name.removeprefix(_PREFIX)
    return int(digits) if path.name.startswith(_PREFIX) and digits.isdigit() and path.is_dir() else -1
