"""What a page needs on a slow line: its first words at once, and its scripts compressed, fetched together and kept."""

import gzip
import re
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from .component import MODULES, WEB
from .limits import route

_TYPES = {".mjs": "text/javascript", ".wasm": "application/wasm"}
_IMPORT = re.compile(r'\b(?:from|import)\s*"(\.[^"]+)"')  # those that a module cannot begin without
_FOLDER = f"/gradio_api/file={WEB.as_posix()}/"
_FIRST = """<style>#he-first { padding: 2rem 1rem; font-family: system-ui, sans-serif; text-align: center; }
body:has(gradio-app .gradio-container) #he-first { display: none; }</style>
<div id="he-first"><h1>%s</h1><p>Loading the page …</p></div>
"""


class LightPage:
    """ASGI middleware between :class:`RequestLimits` and Gradio, which compresses neither page nor modules.

    Args:
        app: the application behind it.
        blocks: the Gradio app that it serves.
    """

    def __init__(self, app: Any, blocks: gr.Blocks) -> None:
        self.app, self._title = app, str(blocks.title)
        self._pages = {"/", *(f"/{name}" for name, *_ in blocks.pages)}

    async def __call__(self, scope: dict, receive: Any, send: Any) -> None:
        path = route(scope) if scope["type"] == "http" and scope["method"] in ("GET", "HEAD") else ""
        if path in self._pages:
            await self._send_page(scope, receive, send)
        elif file := _files().get(path):
            await file.send(scope, send)
        else:
            await self.app(scope, receive, send)

    async def _send_page(self, scope: dict, receive: Any, send: Any) -> None:
        start: dict = {}
        parts: list[bytes] = []

        async def collect(message: dict) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            else:
                parts.append(message.get("body", b""))

        await self.app(scope, receive, collect)
        headers, body = start["headers"], b"".join(parts)
        if start["status"] == 200 and scope["method"] == "GET":
            headers = [(name, value) for name, value in headers if name.lower() != b"content-length"]
            body = _with_first_words(body, self._title)
            if _takes_gzip(scope):
                body = gzip.compress(body, 6)
                headers += [(b"content-encoding", b"gzip"), (b"vary", b"Accept-Encoding")]
            headers.append((b"content-length", str(len(body)).encode()))
        await send({**start, "headers": headers})
        await send({"type": "http.response.body", "body": body})


@dataclass(frozen=True)
class _File:
    """A module as it is sent; what is changed on disk later does not reach the page."""

    type: str
    plain: bytes
    packed: bytes
    tag: str

    @classmethod
    def read(cls, path: Path) -> "_File":
        content = path.read_bytes()
        return cls(_TYPES[path.suffix], content, gzip.compress(content, 9), f'"{sha256(content).hexdigest()[:32]}"')

    async def send(self, scope: dict, send: Any) -> None:
        """Nothing but "the same" to a browser that has it: each visit asks, so no page mixes two versions."""
        is_packed, is_known = _takes_gzip(scope), _header(scope, b"if-none-match") == self.tag
        body = b"" if is_known else self.packed if is_packed else self.plain
        headers = {"content-type": self.type, "etag": self.tag, "cache-control": "no-cache", "vary": "Accept-Encoding"}
        if not is_known:
            headers |= {"content-length": str(len(body))} | ({"content-encoding": "gzip"} if is_packed else {})
        pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": 304 if is_known else 200, "headers": pairs})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


@cache
def _files() -> dict[str, _File]:
    """By path inside the app."""
    paths = sorted(path for path in WEB.rglob("*") if path.suffix in _TYPES)
    return {_FOLDER + path.relative_to(WEB).as_posix(): _File.read(path) for path in paths}


@cache
def _first_modules() -> list[str]:
    """All that the page begins with, below the folder of modules."""
    found = [WEB / name for name in MODULES]
    for path in found:  # grows meanwhile
        needed = [(path.parent / name).resolve() for name in _IMPORT.findall(path.read_text(encoding="utf-8"))]
        found += dict.fromkeys(one for one in needed if one not in found)
    return [path.relative_to(WEB).as_posix() for path in found]


def _with_first_words(page: bytes, title: str) -> bytes:
    """The page with its title and a line to read until Gradio shows itself, and with early requests for modules."""
    address = escape(_FOLDER.removeprefix("/"))
    links = "".join(
        f'<link rel="modulepreload" href="{address}{name}" fetchpriority="low">' for name in _first_modules()
    )
    head, end, rest = page.partition(b"</head>")
    before, app, after = rest.rpartition(b"<gradio-app")
    return head + links.encode() + end + before + (_FIRST % escape(title)).encode() + app + after if app else page


def _takes_gzip(scope: dict) -> bool:
    return "gzip" in _header(scope, b"accept-encoding")


def _header(scope: dict, name: bytes) -> str:
    return ",".join(value.decode("latin-1") for key, value in scope["headers"] if key.lower() == name)
