"""``hf-etc serve`` in a process of its own, asked as curl would; for space.py."""

import base64
import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

CLASSIFY, JOIN = "/gradio_api/call/classify", "/gradio_api/queue/join"
SERVE = "import sys; from hf_etc.commands.serve import main; sys.exit(main(sys.argv[1:]))"


@dataclass
class Answer:
    """Status and text of the last answer of a request."""

    status: int
    text: str

    @property
    def refused(self) -> bool:
        return 400 <= self.status < 500 or "event: error" in self.text


class Server:
    """The server process: asks it as curl would, and looks at what it uses."""

    def __init__(self, process: subprocess.Popen, port: int, home: Path) -> None:
        self.process, self.port, self.home = process, port, home

    def ask(self, body: bytes, path: str = CLASSIFY) -> Answer:
        answer = self.request("POST", path, body)
        if answer.status != 200:
            return answer
        return self.request("GET", f"{CLASSIFY}/{json.loads(answer.text)['event_id']}")

    def files(self) -> set[str]:
        return {str(path.relative_to(self.home)) for path in self.home.rglob("*")}

    def processor_time(self) -> float:
        """Seconds of all its threads; other programs on the machine do not count."""
        times = psutil.Process(self.process.pid).cpu_times()
        return times.user + times.system

    def memory(self) -> int:
        return psutil.Process(self.process.pid).memory_info().rss

    def request(self, method: str, path: str, body: bytes | None = None) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            with suppress(BrokenPipeError, ConnectionResetError):  # refused before all was sent: the answer is there
                connection.request(method, path, body, {"Content-Type": content_type(path)})
            response = connection.getresponse()
            return Answer(response.status, response.read().decode(errors="replace"))
        except (OSError, http.client.HTTPException) as error:
            return Answer(0, f"no answer: {error!r}")
        finally:
            connection.close()


@contextmanager
def serve(model: Path, max_batch: int) -> Iterator[Server]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as home:
        folders = dict.fromkeys(("HOME", "TMPDIR", "GRADIO_TEMP_DIR", "XDG_CACHE_HOME"), home)
        command = [sys.executable, "-c", SERVE, str(model), "--port", str(port), "--max-batch", str(max_batch)]
        environment = os.environ | folders | {"PYTHONPATH": os.pathsep.join(sys.path)}
        process = subprocess.Popen(command, env=environment, cwd=home, stdout=subprocess.DEVNULL)
        try:
            server = Server(process, port, Path(home))
            while server.request("GET", "/config").status != 200:
                if process.poll() is not None:
                    sys.exit("the server did not start; see above")
                time.sleep(0.2)
            yield server
        finally:
            process.terminate()
            process.wait()


def label_of(answer: Answer) -> str | None:
    """The likeliest label; None when there is no answer."""
    if "event: complete" not in answer.text:
        return None
    return json.loads(answer.text.split("event: complete\ndata: ")[1].splitlines()[0])[0]["label"]


def timed(work: Callable) -> tuple[float, object]:
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def call(value: object) -> bytes:
    return json.dumps({"data": [value]}).encode()


def join(data: list, function: int, session: str = "visitor") -> bytes:
    """As the page calls a function of the app."""
    return json.dumps({"data": data, "fn_index": function, "session_hash": session, "event_data": None}).encode()


def data_url(file: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(file).decode()


def multipart(file: bytes) -> bytes:
    return b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n' + file + b"\r\n--x--"


def content_type(path: str) -> str:
    return "multipart/form-data; boundary=x" if path.endswith("upload") else "application/json"
