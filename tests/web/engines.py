"""Node and Chromium behind one function: perform a list of operations of perform.mjs."""

import base64
import functools
import http.server
import json
import shutil
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[2]
PAGE = "/tests/web/page.html"
_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def find_node() -> str | None:
    return shutil.which("node")


def find_chromium() -> str | None:
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


class Engine:
    """Base of both: `run` takes and gives the JSON of operations and outcomes."""

    def run(self, operations: list[dict]) -> list[dict]:
        raise NotImplementedError

    def outcomes(self, operations: list[dict]) -> list[dict]:
        outcomes = self.run(operations)
        assert len(outcomes) == len(operations)
        return outcomes

    def results(self, operations: list[dict]) -> list[Any]:
        """The results, none of which may be an error."""
        outcomes = self.outcomes(operations)
        assert all("result" in outcome for outcome in outcomes), next(o for o in outcomes if "result" not in o)
        return [outcome["result"] for outcome in outcomes]

    def result(self, op: str, **given: Any) -> Any:
        return self.results([{"op": op, **given}])[0]

    def error(self, op: str, **given: Any) -> tuple[str, str]:
        """Name and message of the refusal."""
        outcome = self.outcomes([{"op": op, **given}])[0]
        assert "error" in outcome, "this had to be refused"
        return outcome["error"], outcome["message"]


class NodeEngine(Engine):
    def run(self, operations: list[dict]) -> list[dict]:
        command = [str(find_node()), str(Path(__file__).parent / "node_engine.mjs")]
        done = subprocess.run(command, input=json.dumps(operations), capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        return json.loads(done.stdout)


class ChromiumEngine(Engine):
    """A fresh page of a running browser.

    Attributes:
        page: Playwright's.
        requests: (method, URL) of every request of the page, in order.
        console: every console message and uncaught error.
    """

    def __init__(self, page: Any, address: str) -> None:
        self.page, self.address = page, address
        self.requests: list[tuple[str, str]] = []
        self.console: list[str] = []
        page.on("request", lambda request: self.requests.append((request.method, request.url)))
        page.on("console", lambda message: self.console.append(message.text))
        page.on("pageerror", lambda error: self.console.append(str(error)))
        page.goto(address + PAGE)
        page.wait_for_function("() => Boolean(window.performAll)")

    def run(self, operations: list[dict]) -> list[dict]:
        return self.page.evaluate("operations => performAll(operations)", operations)


@contextmanager
def chromium_browser(flags: Sequence[str] = ()) -> Iterator[tuple[Any, str]]:
    """A running browser, and the address at which the repository is served to it."""
    from playwright.sync_api import sync_playwright

    with serve(ROOT) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=[*_FLAGS, *flags])
        yield browser, address
        browser.close()


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Serve a folder on localhost; gives the address."""
    handler = functools.partial(_QuietHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class _QuietHandler(http.server.SimpleHTTPRequestHandler):
    extensions_map = http.server.SimpleHTTPRequestHandler.extensions_map | {
        ".mjs": "text/javascript",
        ".wasm": "application/wasm",
    }

    def log_message(self, format: str, *args: Any) -> None:
        pass


def to_base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def pack(pixels: np.ndarray) -> dict:
    """A uint8 (H,W,C) array as an image of perform.mjs."""
    return {"data": to_base64(pixels.tobytes()), "height": pixels.shape[0], "width": pixels.shape[1]}


def unpack(image: dict) -> np.ndarray:
    """Inverse of :func:`pack`."""
    data = np.frombuffer(base64.b64decode(image["data"]), np.uint8)
    return data.reshape(image["height"], image["width"], -1)
