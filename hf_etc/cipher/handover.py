"""How the processes that this one starts get its keys where they do not inherit its memory (spawn, forkserver)."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module

from .keys import EtcKey, live_keys

_PACKAGES = ("multiprocessing", "multiprocess")  # the second is that of datasets
_ENTRY = "hf_etc"
_offered: set[str] = set()  # key ids
_received: list[EtcKey] = []
_withheld = False


class Handover:
    """Travels with each process that is started, as multiprocessing's own authentication key does.

    In the stream to that process alone, which nobody else can read, it holds the keys; wherever else it is pickled it
    is empty.
    """

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def __reduce__(self) -> tuple[Callable, tuple[str, ...]]:
        keys = live_keys() if _is_starting() and not _withheld else []
        return _receive, tuple({key.reveal() for key in keys if key.key_id in _offered})


def offer(key: EtcKey) -> None:
    """Give a key to each process that multiprocessing, or the one of datasets, starts from now on."""
    _offered.add(key.key_id)
    for package in _PACKAGES:
        if package == "multiprocessing" or package in sys.modules:
            process = import_module(f"{package}.process").current_process()
            # No public place travels with a process. Were this one gone, workers would ask for the environment's key.
            getattr(process, "_config", {}).setdefault(_ENTRY, _HANDOVER)


@contextmanager
def withheld() -> Iterator[None]:
    """Processes that are started in this context get no key."""
    global _withheld
    before, _withheld = _withheld, True
    try:
        yield
    finally:
        _withheld = before


def _is_starting() -> bool:
    """Whether what is being pickled goes to a process that is being started, and to nobody else."""
    packages = (sys.modules.get(f"{package}.context") for package in _PACKAGES)
    return any(package is not None and package.get_spawning_popen() is not None for package in packages)


def _receive(*texts: str) -> Handover:
    try:
        for text in texts:
            key = EtcKey.parse(text)
            _received.append(key)
            offer(key)
    finally:
        del texts
    return _HANDOVER


_HANDOVER = Handover()
