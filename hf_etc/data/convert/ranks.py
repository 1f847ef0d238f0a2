"""The processes that ``torchrun`` or ``accelerate launch`` started, on one machine or several.

Each plans for itself and does its share. The first begins the folder before the others write into it, and completes it
when all are done. Where one dies, the launcher ends all, and the same command goes on with what is not finished.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from functools import partial
from typing import Any

from ...errors import EtcError, ParameterError
from .conversion import Conversion
from .pool import run
from .report import Report

_PATIENCE = timedelta(days=30)  # of a process that is done, for the slowest


def started_by_launcher() -> bool:
    """Whether this process is one of several that a launcher started together."""
    return {"RANK", "MASTER_ADDR"} <= os.environ.keys() and int(os.environ.get("WORLD_SIZE") or 1) > 1


def convert_in_ranks(asked: Conversion, num_proc: int | None, progress: bool) -> Report:
    """As :func:`convert`, with its ``executor="ranks"``.

    Returns:
        What all processes did, in the first; what this one did, in the others.
    """
    from datasets import Dataset
    from datasets.distributed import split_dataset_by_node
    from torch import distributed

    if not started_by_launcher():
        raise ParameterError(
            "the executor ranks is for several processes; run: torchrun --nproc_per_node N -m hf_etc ..."
        )
    plan = asked.plan()
    with _group():
        rank, world = distributed.get_rank(), distributed.get_world_size()
        with asked.begun(plan) if rank == 0 else nullcontext():
            distributed.barrier()
            tasks = Dataset.from_dict({"task": range(len(plan.tasks))})
            mine = [plan.tasks[i] for i in split_dataset_by_node(tasks, rank, world)["task"]]
            report, outputs = Report(left_out=list(plan.left_out)), asked.outputs(plan)
            parts = run(partial(plan.do, outputs), mine, num_proc or 1)
            report.follow(parts, plan.images // world, asked.images.operation, progress and rank == 0)
            everyone: list[Any] | None = [None] * world if rank == 0 else None
            distributed.gather_object(report, everyone)
            if everyone:
                report = Report(left_out=report.left_out)
                for part in everyone:
                    report.add(part)
                report.expect(plan.images)
    return report


@contextmanager
def _group() -> Iterator[None]:
    from torch import distributed

    if distributed.is_initialized():  # by the program that calls this
        yield
        return
    distributed.init_process_group("gloo", timeout=_PATIENCE)
    try:
        yield
    except RuntimeError as error:  # gloo's, when a process is gone
        if isinstance(error, EtcError) or "gloo" not in str(error).lower():
            raise
        raise EtcError("another process ended before its work was done; run again to resume") from None
    finally:
        distributed.destroy_process_group()
