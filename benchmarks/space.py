"""The encrypted classifier under load, and under bodies that are none of its business.

Run: python benchmarks/space.py                 (writes results/space_load.json)

Serves a ConvMixer with random weights in a process of its own, on this machine, and asks it
1. 200 things at once, with batches of up to 16 and one image at a time: what is lost, how long each waits;
2. 1,000 malformed things: what is refused, what is left on disk.
"""

import argparse
import base64
import http.client
import io
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # one core for the network, one for all the rest

import numpy as np
import psutil
import torch
from PIL import Image

from hf_etc import EtcImageProcessor, EtcKey
from hf_etc.gradio.app import Classifier
from hf_etc.images import open_image
from hf_etc.models import build_model
from hf_etc.records import result_record, write_json

CLASSIFY = "/gradio_api/call/classify"
SIZE, BLOCK, LABELS = 64, 16, 10
DEMO = {"patch_size": 8, "dim": 64, "depth": 4, "kernel_size": 5}
BATCHES = {"batched": 16, "one at a time": 1}
SERVE = "import sys; from hf_etc.gradio.command import main; sys.exit(main(sys.argv[1:]))"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("results/space_load.json"))
    parser.add_argument("--preset", help="network to serve (default: the small ConvMixer of hf-etc demo)")
    parser.add_argument("--requests", type=int, default=200, help="at once (default: 200)")
    parser.add_argument("--rounds", type=int, default=5, help="of the load (default: 5)")
    parser.add_argument("--bodies", type=int, default=1000, help="malformed (default: 1000)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        key, model = EtcKey.generate(), Path(folder) / "model"
        save_model(options.preset, model, key)
        files = EtcImageProcessor.from_pretrained(model, key=key).encrypt(pictures(options.requests))
        results = {
            "load": {name: load(model, files, batch, options.rounds) for name, batch in BATCHES.items()},
            "without HTTP, images per second": without_http(model, files),
            "malformed": malformed(model, key, files[0], options.bodies),
        }
    settings = {"network": options.preset or DEMO, "size": SIZE, "block_size": BLOCK, "max_batch": BATCHES}
    write_json(options.out, result_record("space_load", results, data="synthetic pictures", seed=0, settings=settings))
    print(json.dumps(results, indent=2))


def save_model(preset: str | None, folder: Path, key: EtcKey) -> None:
    torch.manual_seed(0)
    network = build_model(preset, LABELS) if preset else build_model("convmixer", LABELS, **DEMO)
    network.save_pretrained(folder)
    EtcImageProcessor(size=SIZE, block_size=BLOCK, key_id=key.key_id).save_pretrained(folder)


def pictures(count: int) -> list[Image.Image]:
    """Smooth colours with noise, 64x64."""
    rng = np.random.default_rng(0)
    small = rng.integers(0, 256, (count, 4, 4, 3), dtype=np.uint8)
    return [Image.fromarray(pixels).resize((SIZE, SIZE), Image.Resampling.BICUBIC) for pixels in small]


def load(model: Path, files: list[bytes], batch: int, rounds: int) -> dict:
    """All files at the same moment, several times; and one after another, for comparison."""
    bodies = [call(data_url(file)) for file in files]
    with serve(model, batch) as server:
        alone = [timed(lambda body=body: label_of(server.ask(body))) for body in bodies]
        expected = [label for _, label in alone]
        processor_time = server.processor_time()
        measured = [at_once(server, bodies) for _ in range(rounds)]
        processor_time = server.processor_time() - processor_time
    answers = [label for one in measured for _, label in one["answers"]]
    seconds = [time for one in measured for time, _ in one["answers"]]
    return {
        "requests": len(answers),
        "lost": answers.count(None),
        "other answer than alone": sum(a != e for a, e in zip(answers, expected * rounds, strict=True)),
        "seconds until answered": {
            **{f"p{percent}": round(float(np.percentile(seconds, percent)), 3) for percent in (50, 95, 99)},
            "slowest": round(max(seconds), 3),
        },
        "answers per second": round(statistics.median(len(files) / one["seconds"] for one in measured), 1),
        "processor time of the server per answer, ms": round(1000 * processor_time / len(answers), 1),
        "one visitor alone, seconds": round(statistics.median(time for time, _ in alone), 3),
    }


def at_once(server: "Server", bodies: list[bytes]) -> dict:
    barrier = threading.Barrier(len(bodies) + 1)

    def one(body: bytes) -> tuple[float, str | None]:
        barrier.wait()
        return timed(lambda: label_of(server.ask(body)))

    with ThreadPoolExecutor(len(bodies)) as pool:
        waiting = [pool.submit(one, body) for body in bodies]
        barrier.wait()
        start = time.perf_counter()
        answers = [future.result() for future in waiting]
        return {"answers": answers, "seconds": time.perf_counter() - start}


def without_http(model: Path, files: list[bytes]) -> dict[str, float]:
    """Through the classifier of the app, without HTTP."""
    images, rates = [open_image(file) for file in files], {}
    for name, batch in BATCHES.items():
        classify = Classifier(model, batch)
        with ThreadPoolExecutor(40) as pool:  # as many threads as Gradio has
            list(pool.map(classify, images))
            times = [timed(lambda pool=pool, classify=classify: list(pool.map(classify, images)))[0] for _ in range(5)]
        rates[name] = round(len(images) / statistics.median(times), 1)
    return rates


def malformed(model: Path, key: EtcKey, good: bytes, count: int) -> dict:
    """Each kind of body in turn; all have to be refused, and nothing may stay."""
    rng, kinds = random.Random(0), bad_bodies(key, good)
    names = [list(kinds)[number % len(kinds)] for number in range(count)]
    with serve(model, BATCHES["batched"]) as server:
        label = label_of(server.ask(call(data_url(good))))
        files, memory = server.files(), server.memory()
        with ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(lambda one: server.ask(*one), [kinds[name](rng) for name in names]))
        outcome = {
            "refused": dict(Counter(name for name, answer in zip(names, answers, strict=True) if answer.refused)),
            "not refused": dict(
                Counter(name for name, answer in zip(names, answers, strict=True) if not answer.refused)
            ),
            "right answer afterwards": label_of(server.ask(call(data_url(good)))) == label,
            "files left": sorted(server.files() - files),
            "memory growth, MiB": round((server.memory() - memory) / 2**20, 1),
        }
    return {"bodies": count, **outcome}


def bad_bodies(key: EtcKey, good: bytes) -> dict[str, Callable[[random.Random], tuple]]:
    """Kind -> a maker of one body of it, or of body and path."""

    def plain(rng: random.Random) -> bytes:
        buffer = io.BytesIO()
        pixels = np.frombuffer(rng.randbytes(SIZE * SIZE * 3), np.uint8).reshape(SIZE, SIZE, 3)
        Image.fromarray(pixels).save(buffer, "PNG")
        return buffer.getvalue()

    def ciphertext(rng: random.Random, key: EtcKey = key, size: int = SIZE, block_size: int = BLOCK) -> bytes:
        return EtcImageProcessor(key, size=size, block_size=block_size).encrypt(open_image(plain(rng)))[0]

    def file(rng: random.Random) -> dict:
        where = rng.choice(["/etc/passwd", "http://127.0.0.1:9/a.png", "/proc/self/environ"])
        return {"path": where, "url": where, "meta": {"_type": "gradio.FileData"}}

    values = {
        "number, list or nothing": lambda rng: rng.choice([None, rng.random(), [rng.random()], {}, True]),
        "path or URL": lambda rng: rng.choice(
            ["/etc/passwd", "https://example.com/a.png", "file:///a", "~/.ssh/id_rsa"]
        ),
        "data URL of random bytes": lambda rng: data_url(rng.randbytes(rng.randrange(1, 5000))),
        "plain image": lambda rng: data_url(plain(rng)),
        "ciphertext of another key": lambda rng: data_url(ciphertext(rng, EtcKey.generate())),
        "ciphertext of another size": lambda rng: data_url(ciphertext(rng, size=96)),
        "ciphertext of another block size": lambda rng: data_url(ciphertext(rng, block_size=8)),
        "ciphertext cut off": lambda rng: data_url(good[: rng.randrange(1, len(good) // 2)]),
        "data URL cut off": lambda rng: data_url(good)[: rng.randrange(1, 30)],
        "file by path or URL": file,
        "image too large": lambda rng: data_url(rng.randbytes(SIZE * SIZE * 3 * 2 + 2**16)),
    }
    bodies: dict[str, Callable[[random.Random], tuple]] = {
        "random bytes": lambda rng: (rng.randbytes(rng.randrange(1, 3000)),),
        "JSON cut off": lambda rng: (call(data_url(good))[: rng.randrange(1, 1000)],),
        "body too large": lambda rng: (rng.randbytes(2**20),),
        "upload of a file": lambda rng: (multipart(plain(rng)), "/gradio_api/upload"),
    }
    return bodies | {name: (lambda rng, make=make: (call(make(rng)),)) for name, make in values.items()}


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
        answer = self._request("POST", path, body)
        if answer.status != 200:
            return answer
        return self._request("GET", f"{path}/{json.loads(answer.text)['event_id']}")

    def files(self) -> set[str]:
        return {str(path.relative_to(self.home)) for path in self.home.rglob("*")}

    def processor_time(self) -> float:
        """Seconds of all its threads; other programs on the machine do not count."""
        times = psutil.Process(self.process.pid).cpu_times()
        return times.user + times.system

    def memory(self) -> int:
        return psutil.Process(self.process.pid).memory_info().rss

    def _request(self, method: str, path: str, body: bytes | None = None) -> Answer:
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
            while server._request("GET", "/config").status != 200:
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


def data_url(file: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(file).decode()


def multipart(file: bytes) -> bytes:
    return b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n' + file + b"\r\n--x--"


def content_type(path: str) -> str:
    return "multipart/form-data; boundary=x" if path.endswith("upload") else "application/json"


if __name__ == "__main__":
    main()
