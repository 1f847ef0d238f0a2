"""A server that answers as a classifier does, but says whatever a test wants."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

EVIL_SCRIPT = "window.ran = 'the server';"
EVIL_PAGE = f"<script>{EVIL_SCRIPT}</script>"
LABELS = {"cat": 0.75, "dog": 0.25}


class FakeServer(ThreadingHTTPServer):
    """What it answers can be changed at any time.

    Attributes:
        settings, about, answer: results of the functions; bytes are the whole stream of events.
        event_id: of every call.
        headers: added to every answer.
        status: of the answers to calls; with 302, `headers` names the place.
        asked: "METHOD path" of each request, in order.
        bodies: of the requests that have one.
    """

    daemon_threads, block_on_close = True, False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.settings: Any = {}
        self.about: Any = None
        self.answer: Any = answer_of(LABELS)
        self.event_id: Any = "0123abcd"
        self.headers: dict[str, str] = {}
        self.status = 200
        self.asked: list[str] = []
        self.bodies: list[bytes] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def paths(self) -> set[str]:
        """The different paths asked for, event ids aside."""
        return {line.split()[1].removesuffix(f"/{self.event_id}") for line in self.asked}


@contextmanager
def fake_server(**values: Any) -> Iterator[FakeServer]:
    with FakeServer() as server:
        for name, value in values.items():
            setattr(server, name, value)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.shutdown()


def answer_of(labels: dict[str, float]) -> list:
    """What a classifier answers, with a page of its own beside the labels."""
    return [{"label": next(iter(labels)), "confidences": confidences(labels)}, EVIL_PAGE]


def confidences(labels: dict[str, float]) -> list[dict]:
    return [{"label": label, "confidence": score} for label, score in labels.items()]


def events(name: str, data: Any) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()


class _Handler(BaseHTTPRequestHandler):
    server: FakeServer

    def do_POST(self) -> None:
        self._note()
        self.server.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self._send(json.dumps({"event_id": self.server.event_id}).encode(), "application/json")

    def do_GET(self) -> None:
        self._note()
        for name in ("settings", "about", "answer"):
            if f"/call/{'classify' if name == 'answer' else name}/" in self.path:
                value = getattr(self.server, name)
                stream = (
                    value if isinstance(value, bytes) else events("complete", value if name == "answer" else [value])
                )
                self._send(stream, "text/event-stream")
                return
        if self.path.endswith("js"):
            self._send(EVIL_SCRIPT.encode(), "text/javascript")
        else:
            self._send(EVIL_PAGE.encode(), "text/html")

    def do_OPTIONS(self) -> None:
        self._note()
        self._send(b"", "text/plain", 200)

    def _note(self) -> None:
        self.server.asked.append(f"{self.command} {self.path}")

    def _send(self, body: bytes, type: str, status: int | None = None) -> None:
        self.send_response(status or self.server.status)
        cross_origin = {"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Headers": "content-type"}
        given = {"Content-Type": type, "Content-Length": str(len(body))}
        for name, value in (cross_origin | given | self.server.headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass
