"""One browser window on a page of one's own, and the page's server with a record of what passes."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hf_etc import EtcKey
from hf_etc.client.own_page.server import OwnPage
from hf_etc.client.remote import RemoteClassifier

from ..gradio_app.support import Record, recording_proxy


class Visitor:
    """A window that works with the page, whichever of the two it is.

    Attributes:
        page: Playwright's.
        urls: of every request, in order.
        problems: errors on the console and uncaught ones.
    """

    def __init__(self, browser: Any, address: str, **context: Any) -> None:
        self.context = browser.new_context(**context)
        self.page = self.context.new_page()
        self.page.set_default_timeout(15000)
        self.urls: list[str] = []
        self.problems: list[str] = []
        self.page.on("request", lambda request: self.urls.append(request.url))
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("console", lambda message: self.problems.append(message.text) if message.type == "error" else None)
        self.page.goto(address)

    def __enter__(self) -> "Visitor":
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()

    def ask(self, server: str) -> None:
        """Enter the address of a classifier, in the page that asks for it."""
        self.page.fill("#address", server)
        self.page.click("#ask")

    def open_settings(self, text: str) -> None:
        self._choose("#settings-file", "preprocessor_config.json", text.encode())

    def open_key(self, text: str) -> None:
        self._choose("[data-id=key-file]", "some.key", text.encode())

    def open_picture(self, file: bytes) -> None:
        self._choose("[data-id=picture-file]", "picture", file)

    def press(self) -> None:
        self.page.click("[data-id=send]:enabled")

    def labels(self) -> dict[str, str]:
        """What the page shows: the label as text, and the share."""
        self.page.wait_for_selector("#labels li")
        lines = self.page.locator("#labels li").all()
        return {line.locator("b").text_content(): line.locator("span").text_content() for line in lines}

    def problem(self) -> str:
        self.page.wait_for_selector("#problem:not([hidden])")
        return self.page.inner_text("#problem")

    def wait_for(self, selector: str, text: str) -> None:
        self.page.wait_for_function(
            "([selector, text]) => document.querySelector(selector)?.textContent.includes(text)", arg=[selector, text]
        )

    def stored(self) -> str:
        return self.page.evaluate("() => JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")

    def _choose(self, selector: str, name: str, content: bytes) -> None:
        self.page.set_input_files(selector, {"name": name, "mimeType": "", "buffer": content})


@contextmanager
def running(url: str, key: EtcKey | None = None, **options: Any) -> Iterator[OwnPage]:
    """The server of the page, asked directly."""
    remote = RemoteClassifier(url)
    with OwnPage(remote, remote.processor(key), key=key, **options) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.shutdown()


@contextmanager
def recorded(url: str, key: EtcKey | None = None, **options: Any) -> Iterator[tuple[str, Record]]:
    """The address to open, and every byte between the browser and the server of the page."""
    with running(url, key, **options) as server, recording_proxy(server.server_port) as (address, record):
        server.hosts.add(address.removeprefix("http://"))
        yield f"{address}/open/{server.ticket}", record


def shares(expected: dict[str, float]) -> dict[str, str]:
    """What a page shows for the probabilities of a model."""
    best = sorted(expected, key=lambda label: -expected[label])[:5]
    return {label: f"{100 * expected[label]:.1f} %" for label in best}


def settings_text(processor: Any, **changes: Any) -> str:
    return json.dumps(processor.to_dict() | changes)
