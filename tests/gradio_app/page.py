"""A visitor's page of the demo, for tests to work with."""

import base64
import json
import re
from typing import Any

from .support import Served


class Visitor:
    """One browser window on the demo.

    Attributes:
        page: Playwright's.
        urls: of every request, in order.
        sockets: URLs of WebSockets.
        problems: errors on the console and uncaught ones.
    """

    def __init__(self, browser: Any, served: Served, **context: Any) -> None:
        self.served = served
        self.context = browser.new_context(**context)
        self.page = self.context.new_page()
        self.page.set_default_timeout(15000)
        self.urls: list[str] = []
        self.sockets: list[str] = []
        self.problems: list[str] = []
        self.page.on("filechooser", lambda _: None)  # now: asked for later, it can miss the first one
        self.page.on("request", lambda request: self.urls.append(request.url))
        self.page.on("websocket", lambda socket: self.sockets.append(socket.url))
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("console", lambda message: self.problems.append(message.text) if message.type == "error" else None)
        self.open()

    def open(self) -> None:
        self.page.goto(self.served.url)
        self.page.wait_for_selector("[data-id=send]")
        self.page.wait_for_function("() => document.querySelector('[data-id=key-status]').textContent")
        self.page.wait_for_load_state("networkidle")

    def reset(self) -> None:
        """No key, no picture, an empty record."""
        self.open_key(self.served.key.reveal())
        self.wait_for_status("key", ": the model's key")
        self.part("forget-key").click()
        if self.part("clear").is_visible():
            self.part("clear").click()
        self.wait_for_status("key", "Open the model's key")
        self.wait_for_status("picture", "Open your key and choose a picture")
        self.urls.clear()
        self.problems.clear()

    def __enter__(self) -> "Visitor":
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()

    def part(self, name: str) -> Any:
        return self.page.locator(f"[data-id={name}]")

    def open_key(self, text: str) -> None:
        payload = {"name": "some.key", "mimeType": "", "buffer": f"{text}\n".encode()}
        self.part("key-file").set_input_files(payload)

    def open_picture(self, file: bytes, name: str = "picture.png") -> None:
        payload = {"name": name, "mimeType": f"image/{name.split('.')[-1]}", "buffer": file}
        self.part("picture-file").set_input_files(payload)

    def wait_for_status(self, what: str, text: str) -> None:
        self.page.wait_for_function(
            "([what, text]) => document.querySelector(`[data-id=${what}-status]`).textContent.includes(text)",
            arg=[what, text],
        )

    def wait_until_ready(self) -> None:
        self.page.wait_for_selector("[data-id=send]:enabled")

    def classify(self) -> dict[str, float]:
        """Press the button; the labels and probabilities in the answer, the likeliest first."""
        before = len(self.served.record.received)
        self.part("send").click()
        self.page.wait_for_selector(".he-seen img")
        answer = b"".join(self.served.record.received[before:])
        done = re.search(rb'data: (\{"msg":"process_completed".*?\})\s*\n\n', answer, re.DOTALL)
        confidences = json.loads(done[1])["output"]["data"][0]["confidences"]
        top = self.page.locator("[data-testid=label-output-value]").inner_text()
        assert top == confidences[0]["label"], "the page shows what was answered"
        return {one["label"]: one["confidence"] for one in confidences}

    def stored(self) -> str:
        """Everything that the page left in the browser's storage."""
        script = "() => JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])"
        databases = "async () => (await indexedDB.databases()).map(({ name }) => name).join()"
        return self.page.evaluate(script) + self.page.evaluate(databases) + json.dumps(self.context.cookies())

    def drop(self, part: str, file: bytes, name: str) -> None:
        self.page.evaluate(
            _WITH_FILE + "document.querySelector(`[data-id=${part}]`).dispatchEvent("
            "new DragEvent('drop', { dataTransfer: transfer, bubbles: true, cancelable: true })); }",
            [base64.b64encode(file).decode(), name, part],
        )

    def paste(self, file: bytes, name: str) -> None:
        self.page.evaluate(
            _WITH_FILE + "document.body.dispatchEvent("
            "new ClipboardEvent('paste', { clipboardData: transfer, bubbles: true, cancelable: true })); }",
            [base64.b64encode(file).decode(), name, ""],
        )


_WITH_FILE = """([data, name, part]) => {
    const bytes = Uint8Array.from(atob(data), (one) => one.charCodeAt(0));
    const transfer = new DataTransfer();
    transfer.items.add(new File([bytes], name, { type: name.endsWith("png") ? "image/png" : "" }));
"""
