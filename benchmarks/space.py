"""The encrypted classifier under load, and under bodies that are none of its business.

Run: python benchmarks/space.py                 (writes results/space_load.json)

Serves a ConvMixer with random weights in a process of its own, on this machine, and asks it
1. 200 things at once, with batches of up to 16 and one image at a time: what is lost, how long each waits;
2. 1,000 malformed things: what is refused, what is left on disk;
3. 10,000 things whose answers nobody collects: what they cost in memory, and how a visitor fares meanwhile;
4. bodies of 300 MB, announced and in pieces, and clients that send a byte a second: what they cost.
"""

import http.client
import io
import itertools
import json
import os
import random
import socket
import statistics
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # one core for the network, one for all the rest

import numpy as np
import torch
from measuring import parser
from PIL import Image
from space_server import CLASSIFY, JOIN, Server, call, data_url, join, label_of, multipart, serve, timed

from hf_etc import EtcImageProcessor, EtcKey
from hf_etc.gradio.app import Classifier
from hf_etc.images.load import open_image
from hf_etc.models import build_model
from hf_etc.records import result_record, write_json

SIZE, BLOCK, LABELS = 64, 16, 10
DEMO = {"patch_size": 8, "dim": 64, "depth": 4, "kernel_size": 5}
BATCHES = {"batched": 16, "one at a time": 1}


def main() -> None:
    arguments = parser(__doc__, "space_load", requests=20, rounds=1, bodies=40, uncollected=100)
    arguments.add_argument("--preset", help="network to serve (default: the small ConvMixer of hf-etc demo)")
    arguments.add_argument("--requests", type=int, default=200, help="at once (default: 200)")
    arguments.add_argument("--rounds", type=int, default=5, help="of the load (default: 5)")
    arguments.add_argument("--bodies", type=int, default=1000, help="malformed (default: 1000)")
    arguments.add_argument(
        "--uncollected", type=int, default=10_000, help="requests that nobody collects (default: 10000)"
    )
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        key, model = EtcKey.generate(), Path(folder) / "model"
        save_model(options.preset, model, key)
        files = EtcImageProcessor.from_pretrained(model, key=key).encrypt(pictures(options.requests))
        results = {
            "load": {name: load(model, files, batch, options.rounds) for name, batch in BATCHES.items()},
            "without HTTP, images per second": without_http(model, files),
            "malformed": malformed(model, key, files[0], options.bodies),
            "uncollected": uncollected(model, files[0], options.uncollected),
            "large": large(model, files[0]),
            "slow": slow(model, files[0]),
        }
    settings = {"network": options.preset or DEMO, "size": SIZE, "block_size": BLOCK, "max_batch": BATCHES}
    write_json(options.out, result_record("space_load", results, data="synthetic pictures", seed=0, settings=settings))
    print(json.dumps(results, indent=2))


def save_model(preset: str | None, folder: Path, key: EtcKey) -> None:
    torch.manual_seed(0)
    network = build_model(preset, LABELS) if preset else build_model("convmixer", LABELS, **DEMO)
    network.save_pretrained(folder)
    EtcImageProcessor(key, size=SIZE, block_size=BLOCK).save_pretrained(folder)


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

    encodings: dict[str, Callable[[str], bytes]] = {
        "JSON escape": lambda text: text.replace("gradio.", "gradio\\u002e").encode(),
        "UTF-16": lambda text: text.encode("utf-16"),
    }
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
        "file behind a ciphertext": lambda rng: [data_url(good), file(rng)],
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
    for name, encode in encodings.items():
        bodies[f"file, {name}"] = lambda rng, encode=encode: (encode(call(file(rng)).decode()),)
        bodies[f"file for the page's own event, {name}"] = lambda rng, encode=encode: (
            encode(join([data_url(good), file(rng), file(rng)], 2).decode()),
            JOIN,
        )
    return bodies | {name: (lambda rng, make=make: (call(make(rng)),)) for name, make in values.items()}


def uncollected(model: Path, good: bytes, count: int) -> dict:
    """Requests as large as the server takes, without anyone who reads the answers, and one visitor who does."""
    body, visits, memory, over = call(data_url(good)), [], [], threading.Event()
    padded = data_url(good + bytes(60_000))  # the decoder stops at the end of the picture
    posts = [
        (call(padded), CLASSIFY) if number % 2 else (join([padded], 1, f"s{number}"), JOIN) for number in range(count)
    ]
    with serve(model, BATCHES["batched"]) as server:
        at_once(server, [body] * 64)  # so that what the server needs in any case is there already
        before, files = server.memory(), server.files()

        def visit() -> None:
            while not over.is_set():
                visits.append(timed(lambda: label_of(server.ask(body))))
                memory.append(server.memory())

        visitor = threading.Thread(target=visit)
        visitor.start()
        with ThreadPoolExecutor(16) as pool:
            seconds, answers = timed(
                lambda: list(pool.map(lambda one: server.request("POST", one[1], one[0]).status, posts))
            )
        over.set()
        visitor.join()
        time.sleep(30)  # longer than an event waits
        at_once(server, [body] * 64)
        after = server.memory()
        times = [time for time, label in visits if label]
        return {
            "requests": count,
            "MB sent": round(sum(len(one) for one, _ in posts) / 1e6),
            "seconds": round(seconds, 1),
            "answered with status": {str(status): number for status, number in sorted(Counter(answers).items())},
            "visitor": {
                "answers": len(times),
                "lost": len(visits) - len(times),
                "p50, s": round(float(np.median(times)), 3) if times else None,
                "slowest, s": round(max(times), 3) if times else None,
            },
            "memory, MiB": {
                "before": round(before / 2**20),
                "largest": round(max(memory) / 2**20),
                "after": round(after / 2**20),
            },
            "files left": sorted(server.files() - files),
        }


def large(model: Path, good: bytes) -> dict:
    """Bodies of 300 MB: with their length, in pieces without one, and by name of every trick in the encodings."""
    piece, pieces = bytes(2**20), 300
    sizes = {"announced": {"Content-Length": str(pieces * 2**20)}, "in pieces": {"Transfer-Encoding": "chunked"}}
    with serve(model, BATCHES["batched"]) as server:
        at_once(server, [call(data_url(good))] * 64)
        before, largest, outcome = server.memory(), 0, {}
        for (name, headers), path in itertools.product(sizes.items(), (CLASSIFY, JOIN)):
            sent, status = 0, 0
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
            with suppress(OSError, http.client.HTTPException):
                connection.putrequest("POST", path)
                for header in {"Content-Type": "application/json", **headers}.items():
                    connection.putheader(*header)
                connection.endheaders()
                with suppress(OSError):
                    for _ in range(pieces):
                        connection.send(b"%x\r\n%b\r\n" % (len(piece), piece) if name == "in pieces" else piece)
                        sent += 1
                        largest = max(largest, server.memory())
                status = connection.getresponse().status
            connection.close()
            outcome[f"{name}, {path}"] = {"status": status, "MiB sent until it was cut off": sent}
        right = label_of(server.ask(call(data_url(good)))) is not None
        growth = round((max(largest, server.memory()) - before) / 2**20, 1)
        return {**outcome, "right answer afterwards": right, "largest memory growth, MiB": growth}


def slow(model: Path, good: bytes) -> dict:
    """50 clients each that send their headers, or their body, a byte a second."""
    head = b"POST " + CLASSIFY.encode() + b" HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
    starts = {"headers": (head, b"X"), "body": (head + b"Content-Length: 90000\r\n\r\n", b" ")}

    def dribble(start: bytes, byte: bytes) -> float:
        begun = time.perf_counter()
        with socket.create_connection(("127.0.0.1", server.port), timeout=1) as connection:
            connection.sendall(start)
            while time.perf_counter() - begun < 120:
                try:
                    if not connection.recv(2**16):
                        break
                except TimeoutError:  # a second has passed
                    with suppress(OSError):
                        connection.sendall(byte)
                except OSError:
                    break
        return time.perf_counter() - begun

    with serve(model, BATCHES["batched"]) as server, ThreadPoolExecutor(100) as pool:
        kinds = [name for name in starts for _ in range(50)]
        ended = [pool.submit(dribble, *starts[name]) for name in kinds]
        visits = [timed(lambda: label_of(server.ask(call(data_url(good))))) for _ in range(50)]
        seconds = [future.result() for future in ended]
        return {
            **{
                f"{name}: seconds until cut off, longest": round(
                    max(time for time, kind in zip(seconds, kinds, strict=True) if kind == name), 1
                )
                for name in starts
            },
            "visitor": {
                "lost": sum(label is None for _, label in visits),
                "slowest, s": round(max(time for time, _ in visits), 3),
            },
        }


if __name__ == "__main__":
    main()
