"""Events that nobody waits for: no work is done for them, and they are soon forgotten."""

import asyncio
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from gradio.queueing import Event, Queue
from gradio.server_messages import EstimationMessage
from gradio.utils import run_coro_in_background

MAX_WAITING = 1024  # in the queue, heard or not
MAX_UNHEARD = 256  # of them without anyone who waits for the answer
MAX_PER_SESSION = 64
UNHEARD_SECONDS = 20.0


class HeardQueue(Queue):
    """Gradio's queue, except that an event is worked on while somebody listens for its answer.

    Gradio runs every event at once and keeps its answer until it is collected. Here an event waits until its
    stream is opened, which the page and the clients do right after they sent it. Of those that still wait without
    a listener, the oldest make way for new ones, and all go after a while. Who waits hears of the place in the queue
    every second, or as often as the app's `status_update_rate` says.

    Args:
        replaced: the queue of the app, whose settings are taken over.
    """

    def __init__(self, replaced: Queue) -> None:
        super().__init__(
            False,  # a place in the queue to each who waits, whenever one is served: the square of their number
            replaced.max_thread_count,
            replaced.update_intervals,
            min(replaced.max_size or MAX_WAITING, MAX_WAITING),
            replaced.blocks,
            replaced.default_concurrency_limit,
        )
        self.server_app = replaced.server_app
        self.ANALYTICS_MAX_EVENTS = 1
        self.ANAYLTICS_CACHE_FREQUENCY = sys.maxsize  # or each answer waits for a table of all the calls before it
        self.listeners: Counter[str] = Counter()  # of each session
        self.unheard: dict[str, tuple[str, float]] = {}  # event id -> session and since when, the oldest first
        self.visitors: set[str] = set()  # sessions that may come back: their state is Gradio's to keep

    def start(self) -> None:
        super().start()
        run_coro_in_background(self._sweep)

    async def push(self, body: Any, request: Any, username: str | None) -> Any:
        session = body.session_hash
        if session is not None and len(self.pending_event_ids_session.get(session, ())) >= MAX_PER_SESSION:
            return False, f"More than {MAX_PER_SESSION} requests of one session; read answers first.", "queue_full"
        pushed = await super().push(body, request, username)
        accepted, event_id, _ = pushed
        if accepted and isinstance(event_id, str):
            session = session or event_id
            if not self.listeners[session]:
                self.unheard[event_id] = (session, time.monotonic())
            while len(self.unheard) > MAX_UNHEARD:
                await self._drop(next(iter(self.unheard)))
        return pushed

    @contextmanager
    def listening(self, session: str) -> Iterator[None]:
        """While somebody reads the stream of a session."""
        waiting = self.pending_event_ids_session.get(session, set())
        self.listeners[session] += 1
        for event_id in waiting:
            self.unheard.pop(event_id, None)
        if session not in waiting:  # a call without a session hash has its event's name for one
            self._remember(session)
        try:
            yield
        finally:
            self.listeners[session] -= 1
            if self.listeners[session] <= 0:
                del self.listeners[session]
                self._left(session)

    def session_of(self, event_id: str) -> str:
        """The session of an event; a call without a session hash has its own, named like the event."""
        waiting = self.pending_event_ids_session.items()
        return next((session for session, events in waiting if event_id in events), event_id)

    def holds(self, session: str) -> bool:
        """Whether an answer of the session can still be collected."""
        return session in self.pending_messages_per_session

    def get_events(self) -> tuple[list[Event], bool, str] | None:
        """As Gradio's: the next event, or batch of one function, among those that are listened for."""
        queues = list(self.event_queue_per_concurrency_id.items())
        random.shuffle(queues)
        for name, one in queues:
            if one.concurrency_limit is not None and one.current_concurrency >= one.concurrency_limit:
                continue
            heard = [event for event in one.queue if self._is_heard(event)]
            if heard:
                function = heard[0].fn
                size = function.max_batch_size if function.batch else 1
                events = [event for event in heard if event.fn == function][:size]
                for event in events:
                    one.queue.remove(event)
                return events, function.batch, name
        return None

    def send_message(self, event: Event, event_message: Any) -> None:
        """As Gradio's, but the place in the queue is news for those who listen; for others it would pile up."""
        if self._is_heard(event) or not isinstance(event_message, EstimationMessage):
            super().send_message(event, event_message)

    def _is_heard(self, event: Event) -> bool:
        return event.session_hash in self.listeners

    def _left(self, session: str) -> None:
        waiting = self.pending_event_ids_session.get(session, ())
        for event_id in waiting:
            self.unheard[event_id] = (session, time.monotonic())
        if not waiting:
            self._forget(session)

    async def _sweep(self) -> None:
        while not self.stopped:
            await asyncio.sleep(1)
            late = time.monotonic() - UNHEARD_SECONDS
            for event_id in [name for name, (_, since) in self.unheard.items() if since < late]:
                await self._drop(event_id)

    async def _drop(self, event_id: str) -> None:
        session, _ = self.unheard.pop(event_id, (None, None))
        if session is None:
            return
        await self.clean_events(event_id=event_id)
        waiting = self.pending_event_ids_session.get(session, set())
        waiting.discard(event_id)
        if not waiting and session not in self.listeners:
            self._forget(session)

    def _remember(self, session: str) -> None:
        kept = self.blocks.state_holder.session_data
        if session in kept:
            self.visitors.add(session)
        if len(self.visitors) > 2 * self.blocks.state_session_capacity:
            self.visitors &= kept.keys()

    def _forget(self, session: str) -> None:
        """Gradio keeps an entry for every session there ever was, and the state of those that never come back."""
        self.pending_messages_per_session.pop(session, None)
        self.pending_event_ids_session.pop(session, None)
        if session not in self.visitors:
            states = self.blocks.state_holder
            with states.lock:
                states.session_data.pop(session, None)
                states.time_last_used.pop(session, None)
