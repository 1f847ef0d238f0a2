"""The processes of this machine."""

import os
from functools import partial

from .conversion import Conversion
from .pool import run
from .report import Report


def convert_in_processes(asked: Conversion, num_proc: int | None, progress: bool) -> Report:
    """As :func:`convert`, with its ``executor="processes"``."""
    plan = asked.plan()
    with asked.begun(plan) as outputs:
        parts = run(partial(plan.do, outputs), plan.tasks, num_proc or processors())
        report = Report(left_out=list(plan.left_out))
        return report.follow(parts, plan.images, asked.images.operation, progress).expect(plan.images)


def processors() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
