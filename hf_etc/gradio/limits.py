"""What the server refuses before Gradio reads it, and what it tells browsers to refuse."""

import json
import re
from typing import Any

# The routes that the page and the API clients post to. Gradio has others, which write files or run code.
_TAKEN = re.compile(r"/gradio_api/(queue/join|call/(v2/)?\w+|cancel|reset)/?$")
_WRITING = "/gradio_api/deep_link"  # a GET that stores the session, its ciphertext included, in a file
_FILE = b"gradio.FileData"  # with a path or URL, which Gradio would fetch; base64 has no full stop
# The page's own scripts need eval and inline styles; what counts is that no other host is ever spoken to.
_POLICY = (
    b"default-src 'self' data: blob: 'unsafe-inline' 'unsafe-eval'; "
    b"base-uri 'self'; form-action 'none'; object-src 'none'"
)


class RequestLimits:
    """ASGI middleware: no uploads, no files by path or URL, no large bodies, and a page that talks to this host only.

    Args:
        app: the application behind it.
        max_body: bytes of a request.
    """

    def __init__(self, app: Any, max_body: int) -> None:
        self.app, self.max_body = app, max_body

    async def __call__(self, scope: dict, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        send = _with_policy(send)
        if scope["path"].rstrip("/").endswith(_WRITING):
            await _refuse(send, 403, "this server stores nothing; send the picture again")
            return
        if scope["method"] not in ("GET", "HEAD", "OPTIONS"):
            if not _TAKEN.search(scope["path"]):
                await _refuse(send, 403, "this server takes ciphertexts only: post them to /gradio_api/call/classify")
                return
            body = await _read(receive, self.max_body)
            if body is None:
                await _refuse(send, 413, f"the request is larger than {self.max_body} bytes; send one ciphertext")
                return
            if _FILE in body:
                await _refuse(send, 400, "a path or URL; send the data URL of a ciphertext image file made by hf-etc")
                return
            receive = _replay(body, receive)
        await self.app(scope, receive, send)


async def _read(receive: Any, limit: int) -> bytes | None:
    """The whole body, or None when it is over the limit; what is over is not kept."""
    parts, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        part = message.get("body", b"")
        size += len(part)
        if size > limit:
            return None
        parts.append(part)
        more = message.get("more_body", False)
    return b"".join(parts)


def _replay(body: bytes, receive: Any) -> Any:
    sent = False

    async def again() -> dict:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _with_policy(send: Any) -> Any:
    async def add(message: dict) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], (b"content-security-policy", _POLICY)]
        await send(message)

    return add


async def _refuse(send: Any, status: int, text: str) -> None:
    body = json.dumps({"detail": f"Refused: {text}"}).encode()
    headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
