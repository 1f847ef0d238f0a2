"""Runs single requests in batches, without letting one bad request fail its neighbours."""

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class MicroBatcher(Generic[Item, Result]):
    """Collects what concurrent callers submit and works on it together.

    Takes what is waiting, up to `limit`, as soon as the worker is free: a lone request does not wait, and
    requests that arrive meanwhile form the next batch.

    Args:
        work: from a list of items to as many results.
        limit: largest batch.

    Example:
        >>> double = MicroBatcher(lambda items: [2 * item for item in items], limit=8)
        >>> double(21)
        42
    """

    def __init__(self, work: Callable[[Sequence[Item]], Sequence[Result]], limit: int = 16) -> None:
        self._work, self._limit = work, limit
        self._waiting: queue.SimpleQueue[tuple[Item, Future]] = queue.SimpleQueue()
        threading.Thread(target=self._serve, daemon=True).start()

    def __call__(self, item: Item) -> Result:
        """The result for one item; raises what `work` raised."""
        future: Future = Future()
        self._waiting.put((item, future))
        return future.result()

    def _serve(self) -> None:
        while True:
            batch = [self._waiting.get()]
            while len(batch) < self._limit and not self._waiting.empty():
                batch.append(self._waiting.get())
            items, futures = zip(*batch, strict=True)
            try:
                for future, result in zip(futures, self._work(items), strict=True):
                    future.set_result(result)
            except BaseException as error:
                for future in futures:
                    if not future.done():
                        future.set_exception(error)
