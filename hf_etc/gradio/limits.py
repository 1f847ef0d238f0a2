"""What the server refuses before Gradio reads it, and what it tells browsers to refuse."""

import asyncio
import json
import re
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from typing import Any
from urllib.parse import parse_qs

import gradio as gr

from ..errors import ParameterError
from .allowed import Allowed, Refusal, stream_of
from .events import HeardQueue
from .strict_json import read_json, write_json

FRAME_ANCESTORS = ("'self'", "https://huggingface.co")
BODY_SECONDS = 20.0  # for a body of one byte; each further _BYTES_PER_SECOND give another second
_BYTES_PER_SECOND = 10_000
_LOGIN_BYTES = 4096
# The page's own scripts need eval and inline styles; what counts is that no other host is ever spoken to.
_POLICY = (
    "default-src 'self' data: blob: 'unsafe-inline' 'unsafe-eval'; "
    "base-uri 'self'; form-action 'none'; object-src 'none'; frame-ancestors {}"
)
_ORIGIN = re.compile(r"'self'|'none'|https?://[\w.*-]+(:\d+|:\*)?", re.ASCII)


class RequestLimits:
    """ASGI middleware in front of a Gradio app: only calls of its functions with plain values get through.

    Args:
        app: the application behind it.
        blocks: the Gradio app that it serves; its queue has to be a :class:`HeardQueue`.
        frame_ancestors: origins of the pages that may show the app in a frame.
        body_seconds: time for a body; it grows with what has arrived, so that a steady slow line is enough.

    Raises:
        ParameterError: an event of `blocks` needs files, or a frame ancestor is no origin.
    """

    def __init__(
        self,
        app: Any,
        blocks: gr.Blocks,
        frame_ancestors: Sequence[str] = FRAME_ANCESTORS,
        body_seconds: float = BODY_SECONDS,
    ) -> None:
        self.app, self._blocks, self._seconds = app, blocks, body_seconds
        self._allowed, self._policy = Allowed(blocks), policy(frame_ancestors)

    async def __call__(self, scope: dict, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        elif scope["type"] != "http":
            await self.app(scope, receive, send)
        else:
            send, body = _with_policy(send, self._policy), _Body(receive)
            try:
                scope, receive, listening = await self._admit(scope, body.receive)
            except Refusal as refusal:
                await _refuse(send, refusal, body)
                return
            with listening:
                await self.app(scope, receive, send)

    async def _admit(self, scope: dict, receive: Any) -> tuple[dict, Any, Any]:
        """What Gradio gets instead of the request, and the context in which it answers.

        Raises:
            Refusal: it gets nothing.
        """
        path = route(scope)
        if scope["method"] in ("GET", "HEAD"):
            self._allowed.check_get(path)
            return scope, receive, self._listening(scope, path)
        if scope["method"] == "POST" and path == "/login" and self._blocks.auth:
            body = await self._read(scope, receive, _LOGIN_BYTES)
            return scope, _replay(body, receive), nullcontext()
        if scope["method"] != "POST" or not self._allowed.is_post(path):
            raise Refusal(403, "this server takes ciphertexts only: post them to /gradio_api/call/classify")
        body = await self._read_json(scope, receive, path)
        return _with_length(scope, len(body)), _replay(body, receive), nullcontext()

    def _listening(self, scope: dict, path: str) -> Any:
        stream, queue = stream_of(path, parse_qs(scope["query_string"].decode("latin-1"))), self._blocks._queue  # noqa: SLF001
        if scope["method"] != "GET" or stream is None or not isinstance(queue, HeardQueue):
            return nullcontext()
        session = queue.session_of(stream)
        if stream in path and not queue.holds(session):  # Gradio would break its answer off
            raise Refusal(404, "this answer was collected, or waited for too long; send the picture again")
        return queue.listening(session)

    async def _read_json(self, scope: dict, receive: Any, path: str) -> bytes:
        """The body as it was understood, written anew: no second reader can understand it differently."""
        kind, _, parameter = _header(scope, b"content-type").partition(";")
        if kind.strip() != "application/json" or parameter.strip() not in ("", "charset=utf-8"):
            raise Refusal(415, "the body has to be JSON in UTF-8, with Content-Type: application/json")
        if _header(scope, b"content-encoding") not in ("", "identity"):
            raise Refusal(415, "the body has to be sent as it is, without a Content-Encoding")
        body = await self._read(scope, receive, self._allowed.max_body)
        try:
            value = read_json(body)
            self._allowed.check_post(path, value)
            return write_json(value)
        except ValueError as error:
            raise Refusal(400, f"the body is not JSON in UTF-8 ({type(error).__name__}); send one ciphertext") from None

    async def _read(self, scope: dict, receive: Any, limit: int) -> bytes:
        """The whole body; nothing is kept of one that is too large or too slow."""
        too_large = Refusal(413, f"the request is larger than {limit} bytes; send one ciphertext")
        length = _header(scope, b"content-length")
        if length and (not length.isdigit() or int(length[:20]) > limit):
            raise too_large
        parts, size, more = [], 0, True
        start = asyncio.get_running_loop().time() + self._seconds
        try:
            async with asyncio.timeout_at(start) as deadline:
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise Refusal(400, "the request was cut off; send it whole")
                    part = message.get("body", b"")
                    size += len(part)
                    if size > limit:
                        raise too_large
                    parts.append(part)
                    more = message.get("more_body", False)
                    deadline.reschedule(start + size / _BYTES_PER_SECOND)
        except TimeoutError:
            raise Refusal(408, "the request came too slowly; send it again") from None
        return b"".join(parts)


class _Body:
    """The receiving side of a request, which knows whether anything is left to read."""

    def __init__(self, receive: Any) -> None:
        self._receive, self._more = receive, True

    async def receive(self) -> dict:
        message = await self._receive()
        self._more = message.get("more_body", False)
        return message

    async def discard(self, seconds: float = 1.0, limit: int = 2**20) -> None:
        """Read on for a moment: a client that is cut off while it sends does not see why."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._more and limit > 0:
                    limit -= len((await self.receive()).get("body", b""))


def policy(frame_ancestors: Sequence[str]) -> bytes:
    """The Content-Security-Policy of the page.

    Raises:
        ParameterError: not origins.
    """
    if isinstance(frame_ancestors, str) or not frame_ancestors or not all(map(_ORIGIN.fullmatch, frame_ancestors)):
        raise ParameterError(
            f"frame_ancestors {frame_ancestors!r}: use a list of origins such as \"'self'\" and https://huggingface.co"
        )
    return _POLICY.format(" ".join(frame_ancestors)).encode()


def route(scope: dict) -> str:
    """The path inside the app, as the router behind computes it."""
    path, root = scope["path"], scope.get("root_path", "")
    return path[len(root) :] if root and path.startswith(root) and path[len(root) :][:1] in ("", "/") else path


def _header(scope: dict, name: bytes) -> str:
    return b",".join(value for key, value in scope["headers"] if key.lower() == name).decode("latin-1").strip().lower()


def _with_length(scope: dict, length: int) -> dict:
    replaced = (b"content-length", b"transfer-encoding", b"content-type")
    kept = [one for one in scope["headers"] if one[0].lower() not in replaced]
    new = [(b"content-type", b"application/json"), (b"content-length", str(length).encode())]
    return scope | {"headers": [*kept, *new]}


def _replay(body: bytes, receive: Any) -> Any:
    sent = False

    async def again() -> dict:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _with_policy(send: Any, value: bytes) -> Any:
    async def add(message: dict) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], (b"content-security-policy", value)]
        await send(message)

    return add


async def _refuse(send: Any, refusal: Refusal, unread: _Body) -> None:
    body = json.dumps({"detail": f"Refused: {refusal}"}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": True})
    await unread.discard()
    await send({"type": "http.response.body", "body": b""})
