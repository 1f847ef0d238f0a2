"""What the tests of the web demo share: tiny models, pictures, a recording proxy, a server in its own process."""

import base64
import io
import json
import os
import socket
import socketserver
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
import uvicorn
from PIL import Image

from hf_etc import EtcImageProcessor, EtcKey
from hf_etc.gradio import HeaderTimeout
from hf_etc.models import build_model

from ..secrets import find_secret

# Shown as text, markup and templates and all.
LABELS = {number: f"<i>class</i> ${{6 * 7}} {{{{7}}}} {number}" for number in range(7)}
WINDOW = 64  # bytes of a picture, noise here; half of it is more than a row of a block, which may stay as it was
HEADER = 64  # bytes at the start that pictures of one size and format have in common
SERVER = Path(__file__).with_name("watched_server.py")


@dataclass
class Served:
    """A running server and what it may be asked.

    Attributes:
        key: of the model.
        folder: of the model.
        url: of the recording proxy in front of the server.
        record: what went through the proxy.
        written: what it opened for writing since its first answer, and what is new in its folders since then.
        stop, start: end the server at once, and start another in its place.
    """

    key: EtcKey
    folder: Path
    url: str
    record: "Record"
    written: Callable[[], list[str]]
    stop: Callable[[], None]
    start: Callable[[], None]

    @property
    def client(self) -> EtcImageProcessor:
        return EtcImageProcessor.from_pretrained(self.folder, key=self.key)

    @cached_property
    def model(self) -> tuple[EtcImageProcessor, torch.nn.Module]:
        return EtcImageProcessor.from_pretrained(self.folder), build_model(str(self.folder)).eval()

    def expected(self, ciphertext: bytes) -> dict[str, float]:
        """Probability by label, from the model itself."""
        server, model = self.model
        with torch.inference_mode():
            values = model(**server(ciphertext, return_tensors="pt")).logits.softmax(-1)[0]
        return {LABELS[number]: float(value) for number, value in enumerate(values)}


def save_model(folder: Path, key: EtcKey, size: int | tuple[int, int], **params) -> Path:
    """A ConvMixer with random weights whose answers differ from picture to picture, and its server's processor."""
    torch.manual_seed(0)
    shape = {"dim": 16, "depth": 2, "patch_size": 8, "kernel_size": 3}
    model = build_model("convmixer", id2label=LABELS, **shape).eval()
    client = EtcImageProcessor(key, size=size, **params)
    head = [layer for layer in model.modules() if isinstance(layer, torch.nn.Linear)][-1]
    with torch.inference_mode():
        logits = model(**client([picture(seed) for seed in range(24)], return_tensors="pt")).logits
        scale = 1.5 / logits.std(0)
        head.weight.mul_(scale[:, None])
        head.bias.copy_((head.bias - logits.mean(0)) * scale)
    model.save_pretrained(folder)
    EtcImageProcessor.from_dict(client.to_dict()).save_pretrained(folder)
    return folder


def picture(seed: int) -> Image.Image:
    """Noise over colours and stripes that depend on the seed, no two of one size."""
    rng = np.random.default_rng(seed)
    height, width = 40 + seed, 70 - seed
    rows, columns = np.mgrid[:height, :width]
    stripes = 60 * np.sin(rows / rng.uniform(1, 9) + columns / rng.uniform(1, 9))
    pixels = rng.uniform(40, 215, 3) + stripes[..., None] + rng.integers(-40, 41, (height, width, 3))
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def file_of(image: Image.Image, format: str = "PNG", **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def data_url(file: bytes, kind: str = "png") -> str:
    return f"data:image/{kind};base64,{base64.b64encode(file).decode()}"


def find_picture(file: bytes, prepared: np.ndarray, data: bytes) -> list[str]:
    """Traces of a plain picture in `data`: its file, its decoded or its resized pixels, in any usual encoding."""
    image = Image.open(io.BytesIO(file))
    resized = Image.fromarray(prepared)
    forms = {"file": file}
    for name, pixels in {"decoded": image, "resized": resized}.items():
        forms |= {f"{name} {mode}": pixels.convert(mode).tobytes() for mode in ("RGB", "RGBA")}
        forms |= {f"{name} as {kind}": file_of(pixels.convert("RGB"), kind) for kind in ("PNG", "BMP")}
    found = []
    for name, content in forms.items():
        found += [f"{name}: {hit}" for window in _windows(content) for hit in find_secret(window, data)]
    return found


def _windows(content: bytes, count: int = 3) -> Iterator[bytes]:
    """A few pieces from all over `content`, none so plain that it could turn up by chance."""
    for part in range(count):
        for start in range(HEADER + part * len(content) // count, len(content) - WINDOW, WINDOW):
            window = content[start : start + WINDOW]
            if len(set(window[: WINDOW // 2])) > 9 and len(set(window[WINDOW // 2 :])) > 9:
                yield window
                break


@dataclass
class Record:
    """Every byte between the clients and the server.

    Attributes:
        answering: what the server says is held back while this is not set.
    """

    answering: threading.Event = field(default_factory=threading.Event)
    sent: list[bytes] = field(default_factory=list)
    received: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.answering.set()

    def clear(self) -> None:
        self.sent.clear()
        self.received.clear()

    def everything(self) -> bytes:
        return b"".join([*self.sent, b" ", *self.received])


@contextmanager
def recording_proxy(port: int) -> Iterator[tuple[str, Record]]:
    """A TCP proxy in front of a port of this machine; gives its address and the record."""
    record = Record()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port)) as upstream:
                answers = (upstream, self.request, record.received, record.answering)
                back = threading.Thread(target=copy, args=answers, daemon=True)
                back.start()
                copy(self.request, upstream, record.sent)
                back.join()

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads, block_on_close, request_queue_size = True, False, 256

    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}", record
        server.shutdown()


def copy(
    source: socket.socket, target: socket.socket, log: list[bytes], open_gate: threading.Event | None = None
) -> None:
    with suppress(OSError):
        while data := source.recv(2**16):
            if open_gate:
                open_gate.wait(60)
            log.append(data)
            target.sendall(data)
    for one in (source, target):
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)


@contextmanager
def serve(model: Path, key: EtcKey, home: Path, *flags: str, asked: bool = True) -> Iterator[Served]:
    """``hf-etc serve`` in a process of its own, in an empty home, with a record of what it opens for writing.

    `asked`: it has answered once. Not where the key does not fit the model.
    """
    port, writes = free_port(), home.parent / f"{home.name}-writes.txt"
    home.mkdir()
    folders = {name: str(home) for name in ("HOME", "TMPDIR", "GRADIO_TEMP_DIR", "XDG_CACHE_HOME")}
    quiet = {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, str(SERVER), str(writes), str(model), "--port", str(port), *flags]
    root = str(Path(__file__).parents[2])
    environment = os.environ | folders | quiet | {"PYTHONPATH": root}
    with (home.parent / f"{home.name}-log.txt").open("w+") as log:
        processes: list[subprocess.Popen] = []

        def start() -> None:
            started = subprocess.Popen(command, cwd=home, env=environment, stdout=log, stderr=subprocess.STDOUT)
            processes.append(started)
            wait_for(f"http://127.0.0.1:{port}/config", started, log)

        def stop() -> None:
            processes[-1].kill()
            processes[-1].wait(30)

        try:
            start()
            if asked:
                first = EtcImageProcessor.from_pretrained(model, key=key).encrypt(picture(0))[0]
                classify(
                    f"http://127.0.0.1:{port}", data_url(first)
                )  # Gradio imports matplotlib, which lists its fonts

            def written() -> list[str]:
                return [*writes.read_text().splitlines(), *map(str, sorted(home.rglob("*")))]

            before = written()
            with recording_proxy(port) as (url, record):
                new = lambda: [one for one in written() if one not in before]  # noqa: E731
                yield Served(key, model, url, record, new, stop, start)
            assert processes[-1].poll() is None, "the server died"
        finally:
            processes[-1].terminate()
            processes[-1].wait(30)


def wait_for(url: str, process: subprocess.Popen, log) -> None:
    for _ in range(1200):
        with suppress(OSError):
            urllib.request.urlopen(url, timeout=5).read()
            return
        if process.poll() is not None:
            log.seek(0)
            raise AssertionError(f"the server did not start:\n{log.read()}")
        time.sleep(0.1)
    raise AssertionError("the server does not answer")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def post(url: str, body: bytes, path: str = "/gradio_api/call/classify") -> tuple[int, str]:
    """Status and text of the answer to a POST."""
    request = urllib.request.Request(url + path, body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def classify(url: str, value: object) -> tuple[str, object]:
    """What ``/classify`` says of a value: ("complete", result) or ("error", message), as curl would get it."""
    status, text = post(url, json.dumps({"data": [value]}).encode())
    if status != 200:
        return "error", json.loads(text)["detail"]
    with urllib.request.urlopen(f"{url}/gradio_api/call/classify/{json.loads(text)['event_id']}", timeout=60) as stream:
        return parse_event(stream.read().decode())


def parse_event(stream: str) -> tuple[str, object]:
    """The last event of a stream of server-sent events that says how it ended."""
    event, data = "", None
    for line in stream.splitlines():
        name, _, value = line.partition(": ")
        if name == "event":
            event = value
        elif name == "data" and event in ("complete", "error"):
            data = json.loads(value)
    return event, (data or {}).get("error") if event == "error" else data


@contextmanager
def mounted(parent):
    """An application of FastAPI on localhost; gives its address."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(parent, port=port, log_level="error", http=HeaderTimeout))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(30)
