"""The page on the owner's machine: scripts, settings and perhaps the key come from here, ciphertexts go in."""

import base64
import binascii
import hmac
import io
import json
import re
import secrets
import sys
from contextlib import suppress
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from PIL import Image

from ...cipher.keys import EtcKey
from ...encoding import Encoding
from ...errors import EtcError, GeometryError, ImageError, ParameterError
from ...images.ciphertext import decode_ciphertext
from ...images.load import decoding
from ...processor.image_processing import EtcImageProcessor
from ..remote import RemoteClassifier
from . import content

HOST = "127.0.0.1"
MAX_PIXELS = 2048 * 2048
_PNG = Encoding()
_DATA_URL = re.compile(rb"data:image/(?:png|jpeg);base64,([A-Za-z0-9+/]+={0,2})")
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; "
    "img-src 'self' data: blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_PAGE = {
    "head": '<link rel="stylesheet" href="page.css">',
    "script": '<script type="module" src="own_page/page/own_page.mjs"></script>',
}


class OwnPage(ThreadingHTTPServer):
    """A server of one page for one browser; ``serve_forever()`` runs it.

    The page lives below an address that nobody can guess. `link` leads there once: it can be seen in the list
    of processes when it is given to a browser, and is of no use to whoever reads it there afterwards.

    Args:
        remote: where ciphertexts go; nothing else of the page does.
        processor: of the remote model.
        key: the owner's, for the page; None: the user opens it there.
        port: of this machine's own address 127.0.0.1; 0: any free one.
        encoding: of the ciphertext files, png or jpeg.

    Raises:
        ParameterError: the port cannot be used, or the model has no fixed size that a page can handle.

    Attributes:
        link: the address to open.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(
        self,
        remote: RemoteClassifier,
        processor: EtcImageProcessor,
        *,
        key: EtcKey | None = None,
        port: int = 0,
        encoding: Encoding = _PNG,
    ) -> None:
        self.remote, self.processor, self.key = remote, processor, key
        self.size = _checked_size(processor)
        self.encoding, self.about = encoding, remote.about()
        self.files = _files()
        self.root = f"/{secrets.token_urlsafe(32)}/"
        self.ticket: str | None = secrets.token_urlsafe(32)
        try:
            super().__init__((HOST, port), _Handler)
        except (OSError, OverflowError) as error:
            raise ParameterError(f"cannot listen at port {port} ({error}); choose another --port") from None
        self.hosts = {f"{name}:{self.server_port}" for name in (HOST, "localhost")}
        self.link = f"http://{HOST}:{self.server_port}/open/{self.ticket}"

    @property
    def max_body(self) -> int:
        """Bytes of the largest data URL of a ciphertext: of raw pixels, and a little."""
        height, width = self.size
        return (height * width * 3 * 11 // 10 + 2**16) * 4 // 3

    def settings(self) -> dict[str, Any]:
        """What the page has to know; all of it public."""
        return {
            "server": self.remote.name,
            "settings": self.processor.to_dict(),
            "about": self.about,
            "file": asdict(self.encoding),
            "key": self.key is not None,
        }

    def classify(self, data_url: bytes) -> list[dict[str, Any]]:
        """Labels of a ciphertext, after a look at whether it is one.

        Raises:
            EtcError: not a ciphertext for the remote model, which then gets nothing; or the remote's refusal.
        """
        self.check_ciphertext(_file_of(data_url))
        return self.remote.classify(data_url.decode("ascii"))

    def check_ciphertext(self, file: bytes) -> None:
        """Raise unless this is a file that the classifier takes."""
        with decoding("the image"):  # the header first: a small file can hold an image that fills the memory
            width, height = Image.open(io.BytesIO(file), formats=("PNG", "JPEG")).size
        if (height, width) != self.size:
            raise GeometryError(f"the image has {height}x{width} pixels, the model takes {self.size[0]}x{self.size[1]}")
        self.processor.check(decode_ciphertext(file)[1])

    def handle_error(self, *_: Any) -> None:
        """Say only what kind of error it was: a traceback could show what was in the request."""
        kind = sys.exc_info()[0]
        if kind and not issubclass(kind, OSError):
            print(f"hf-etc: {kind.__name__} while answering the page; reload it", file=sys.stderr)


class _Handler(BaseHTTPRequestHandler):
    server: OwnPage
    timeout = 60

    def do_GET(self) -> None:
        path = self._path()
        if path is None:
            return
        if path == "settings":
            self._answer_json(self.server.settings())
        elif path in self.server.files:
            self._answer(*self.server.files[path])
        else:
            self._refuse(404, "there is no such file")

    def do_POST(self) -> None:
        path = self._path()
        if path is None:
            return
        if self.headers["Origin"] != f"http://{self.headers['Host']}":
            self._refuse(403, "only this page may ask")
        elif path == "key" and self.server.key is not None:
            self._answer(self.server.key.reveal().encode(), "text/plain")
        elif path == "classify":
            self._classify()
        else:
            self._refuse(404, "there is nothing to ask here")

    def log_message(self, *_: Any) -> None:
        """Nothing is logged: addresses hold the session's secret."""

    def version_string(self) -> str:
        return "hf-etc"

    def _path(self) -> str | None:
        """The path within the page, or None once the request is answered: it is none of this browser's page."""
        server, path = self.server, self.path
        if self.headers["Host"] not in server.hosts:  # a name of somebody else that leads here
            self._refuse(403, "open the address that hf-etc client printed")
        elif path.startswith("/open/"):
            self._open(path.removeprefix("/open/"))
        elif not _same(path[: len(server.root)], server.root):
            self._refuse(404, "open the address that hf-etc client printed")
        else:
            return path[len(server.root) :]
        return None

    def _open(self, ticket: str) -> None:
        ours, wanted = self.server, self.server.ticket
        if self.command != "GET" or wanted is None or not _same(ticket, wanted):
            used = "this address opens the page once; start hf-etc client again if it was not you who opened it"
            self._refuse(403, used)
            return
        ours.ticket = None
        self._answer(b"", "text/plain", 303, Location=ours.root)

    def _classify(self) -> None:
        length = self.headers["Content-Length"] or ""
        if not length.isdecimal() or len(length) > 12 or int(length) > self.server.max_body:
            self._refuse(413, f"more than {self.server.max_body} bytes; send one ciphertext")
            return
        try:
            labels = self.server.classify(self.rfile.read(int(length)))
        except EtcError as error:
            self._refuse(422, str(error))
        else:
            self._answer_json({"labels": labels})

    def _refuse(self, status: int, why: str) -> None:
        self._answer_json({"error": why}, status)

    def _answer_json(self, value: Any, status: int = 200) -> None:
        self._answer(json.dumps(value).encode(), "application/json", status)

    def _answer(self, body: bytes, type: str, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in (_HEADERS | {"Content-Type": type, "Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        with suppress(ConnectionError):  # the page was closed meanwhile
            self.wfile.write(body)


def _files() -> dict[str, tuple[bytes, str]]:
    """All that is served, by path, read once: what is changed on disk later does not reach the page."""
    found = {name: (path.read_bytes(), content.TYPES[path.suffix]) for name, path in content.modules().items()}
    found[""] = content.page(**_PAGE).encode(), "text/html; charset=utf-8"
    found["page.css"] = content.style().encode(), "text/css; charset=utf-8"
    return found


def _checked_size(processor: EtcImageProcessor) -> tuple[int, int]:
    size = processor.output_size
    if size is None or size[0] * size[1] > MAX_PIXELS:
        found = "no fixed size" if size is None else f"{size[0]}x{size[1]} pixels"
        raise ParameterError(f"the model has {found}; a page needs one of at most {MAX_PIXELS} pixels")
    return size


def _file_of(data_url: bytes) -> bytes:
    found = _DATA_URL.fullmatch(data_url)
    if found is None:
        raise ImageError("not the data URL of a PNG or JPEG file; nothing was sent")
    try:
        return base64.b64decode(found[1], validate=True)
    except binascii.Error:
        raise ImageError("the base64 text of the image is cut off; nothing was sent") from None


def _same(found: str, wanted: str) -> bool:
    return hmac.compare_digest(found.encode(errors="surrogateescape"), wanted.encode())
