"""An HTTP server that does not wait for ever for the head of a request, as uvicorn does."""

import asyncio
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

HEADER_SECONDS = 15.0


class HeaderTimeout(AutoHTTPProtocol):  # type: ignore[misc, valid-type]
    """uvicorn's protocol, which cuts a connection off whose request line and headers take too long.

    :func:`hf_etc.gradio.launch` uses it. For an app of your own, with :func:`hf_etc.gradio.mount`, name it yourself:
    ``uvicorn.run(parent, http=HeaderTimeout)``.
    """

    seconds = HEADER_SECONDS
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        super().connection_lost(exc)

    def _watch(self) -> None:
        """The time runs from the connection, or the first byte, to the end of the headers; no byte renews it."""
        upgraded = self.transport.get_protocol() is not self
        complete = self.cycle is not None and not self.cycle.response_complete
        if upgraded or complete:
            self._stop()
        elif self._timer is None:
            self._timer = self.loop.call_later(self.seconds, self.transport.close)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
