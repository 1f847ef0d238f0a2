"""The workers of a Ray cluster.

A worker is sent what is asked for and the number of a task. It plans for itself, once, and finds the key in the file
that ``HF_ETC_KEY_FILE`` names: neither the key nor a picture passes through Ray. The task of a worker that dies is
given to another.
"""

import os
import pickle
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...cipher.keys import KEY_FILE_ENV
from ...errors import EtcError, missing_extra
from ...files import is_local, place
from .conversion import Conversion
from .plan import Plan
from .report import Report

if TYPE_CHECKING:
    from .finished import Outputs

_RETRIES = 5  # of one task, whose workers died


def convert_on_ray(asked: Conversion, num_proc: int | None, progress: bool) -> Report:
    """As :func:`convert`, with its ``executor="ray"``."""
    source = _anywhere(asked.source) if place(asked.source).exists() else asked.source  # a name on the Hub
    elsewhere = replace(asked, source=source, destination=_anywhere(asked.destination))
    plan = asked.plan()
    with asked.begun(plan), _cluster(num_proc) as ray:
        parts = _done(ray, elsewhere, len(plan.tasks), num_proc)
        report = Report(left_out=list(plan.left_out))
        return report.follow(parts, plan.images, asked.images.operation, progress).expect(plan.images)


def _done(ray: Any, asked: Conversion, tasks: int, at_a_time: int | None) -> Iterator[Report]:
    from ray.exceptions import RayError, RayTaskError

    work = ray.remote(num_cpus=1, max_retries=_RETRIES, runtime_env={"env_vars": _key_file()})(_do)
    job = ray.put(pickle.dumps((asked, secrets.token_bytes(16))))  # another run finds another plan
    waiting, running = iter(range(tasks)), list[Any]()
    while True:
        while at_a_time is None or len(running) < at_a_time:
            if (task := next(waiting, None)) is None:
                break
            running.append(work.remote(job, task))
        if not running:
            return
        (done,), running = ray.wait(running)
        try:
            yield ray.get(done)
        except RayTaskError as error:
            raise (error.cause if isinstance(error.cause, EtcError) else error) from None
        except RayError as error:
            why = type(error).__name__
            raise EtcError(
                f"workers died again and again ({why}), perhaps for want of memory; run again to resume"
            ) from None


@contextmanager
def _cluster(num_proc: int | None) -> Iterator[Any]:
    """The cluster that this process or ``RAY_ADDRESS`` names; else one of this machine, for as long as it is needed.

    Raises:
        MissingExtraError: Ray is not installed.
        EtcError: no cluster answers.
    """
    try:
        import ray
    except ImportError:
        raise missing_extra("the executor ray needs Ray", "ray") from None
    if ray.is_initialized():
        yield ray
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # of a cluster that starts here: it would report itself
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "error"}
    address = os.environ.get("RAY_ADDRESS")  # no other: Ray would join whatever runs here, and end with it
    try:
        if address:
            ray.init(address=address, **quiet)
        else:
            ray.init(address="local", num_cpus=num_proc, include_dashboard=False, **quiet)
    except ConnectionError as error:
        raise EtcError(f"no Ray cluster answers at {address or 'this machine'}: {error}") from None
    try:
        yield ray
    finally:
        ray.shutdown()


def _key_file() -> dict[str, str]:
    """The path, for the environment of a worker; without one, it has to find the key in its own."""
    path = os.environ.get(KEY_FILE_ENV)
    return {KEY_FILE_ENV: str(Path(path).resolve())} if path else {}


def _anywhere(text: str) -> str:
    """A path as it is known in other folders, and on machines that share the disk."""
    path = place(text)
    return str(path.resolve()) if is_local(path) else text


def _do(job: bytes, task: int) -> Report:
    plan, outputs = _prepared(job)
    return plan.do(outputs, plan.tasks[task])


@lru_cache(maxsize=1)
def _prepared(job: bytes) -> "tuple[Plan, Outputs]":
    asked, _ = pickle.loads(job)
    plan = asked.plan()
    return plan, asked.outputs(plan)
