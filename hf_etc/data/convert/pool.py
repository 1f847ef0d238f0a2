"""Several processes that end when they should: on the first error, on Ctrl-C, and when their parent is killed."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.connection import wait
from typing import Any, TypeVar

from ...errors import EtcError

Task = TypeVar("Task")
Done = TypeVar("Done")
_worker: dict[str, Any] = {}


class Stopped(Exception):
    """Raised in a worker process after another one failed."""


def run(work: Callable[[Task], Done], tasks: Sequence[Task], num_proc: int) -> Iterator[Done]:
    """Do every task, in any order.

    Args:
        work: a picklable callable. It must not pickle a key: see :class:`hf_etc.sealing.KeyHolder`.
        tasks: its arguments, small enough to be sent to a process.
        num_proc: number of processes; with 1, or a single task, this one.

    Yields:
        The results, as they come.

    Raises:
        EtcError: a process died. Errors of `work` are raised as they are; the other processes stop.
    """
    if num_proc == 1 or len(tasks) < 2:
        yield from map(work, tasks)
        return
    context = multiprocessing.get_context()
    stop = context.Event()
    with ProcessPoolExecutor(num_proc, context, _start, (work, stop)) as pool:
        with _ctrl_c_held_back():  # a process that is just starting would answer it with a traceback
            futures = [pool.submit(_do, task) for task in tasks]
        try:
            for future in as_completed(futures):
                yield future.result()
        except BrokenProcessPool:
            raise EtcError("a worker process died, perhaps for want of memory; run again to resume") from None
        finally:
            stop.set()
            pool.shutdown(cancel_futures=True)


def check_stop() -> None:
    """Raise Stopped in a worker process that is to end; called between the files of a long task."""
    if _worker and _worker["stop"].is_set():
        raise Stopped


@contextmanager
def _ctrl_c_held_back() -> Iterator[None]:
    """It comes afterwards; processes started meanwhile inherit this until `_start`."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start(work: Callable, stop: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which stops its workers
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
    _worker.update(work=work, stop=stop)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _do(task: Any) -> Any:
    check_stop()
    return _worker["work"](task)
