"""What encryption adds to preparing a dataset, beside the same pipeline without it in the same run.

Run: python benchmarks/pipeline.py ../shared/data/imagenette ../shared/data/kodak     (writes results/pipeline.json)

The work on each image: decode a JPEG, bring it to 224x224, encrypt, write a file. The images: photographs of 500x375
as in ImageNet, cut from the second data set, and images of 224x224 as they are, where nothing is resized and
encryption weighs most. Peers: the same steps without encryption; Pillow without this package; AES-GCM of the pixels;
``datasets.map`` with a plain JPEG round trip. All take their turn in every round, and the median of the ratios counts.
"""

import hashlib
import io
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import datasets
import numpy as np
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from measuring import cpu_time, parser, seconds
from PIL import Image, ImageOps

from hf_etc import EtcKey, Preparation, load_rgb
from hf_etc.data import EncryptImages, encrypt_dataset
from hf_etc.files import whole_file
from hf_etc.records import result_record, write_json
from hf_etc.sealing import Recipe, Sealer

SIZE, PHOTOGRAPH, QUALITY = 224, (500, 375), 85
BATCH, TOGETHER = 64, 13  # images that datasets.map hands over, and of those that are encrypted at once
KEYS = {"key for all": {}, "key for each": {"key_scope": "image"}, "private preset": {"preset": "private"}}
PLAIN = "the same without encryption"
Ways = Mapping[str, Callable[[Sequence[bytes]], object]]


def main() -> None:
    arguments = parser(__doc__, "pipeline", count=16, rounds=1, on_disk=32)
    arguments.add_argument("images", help="dataset of images of 224x224")
    arguments.add_argument("photographs", help="dataset of larger images")
    arguments.add_argument("--count", type=int, default=160, help="images in a round (default: 160)")
    arguments.add_argument("--rounds", type=int, default=9, help="(default: 9)")
    arguments.add_argument("--on-disk", type=int, default=2000, help="images for two processes (default: 2000)")
    options = arguments.parse_args()
    sources = {"500x375": photographs(options.photographs), "224x224": stored(options.images, options.count)}
    key = EtcKey(bytes(range(32)))
    small, large = sources["224x224"], sources["500x375"]
    groups: dict[str, Callable[[], dict]] = {
        f"{name}, {form}": partial(in_memory, key, files, form, options.rounds)
        for (name, files), form in itertools.product(sources.items(), ("jpeg", "png"))
    }
    groups |= {
        "stages": lambda: {"500x375": stages(key, large), "224x224": stages(key, small)},
        "map": partial(by_map, key, large, options.rounds),
        "processes": partial(processes, large, options.on_disk, options.rounds),
    }
    results: dict[str, dict] = {}
    settings = {"size": SIZE, "block_size": 16, "quality": QUALITY, "count": options.count, "rounds": options.rounds}
    for name, measure in groups.items():
        results[name] = measure()
        print(json.dumps({name: results[name]}, indent=1), flush=True)
        about = {"data": f"{options.images}, {options.photographs}", "settings": settings | load_average()}
        write_json(options.out, result_record("pipeline", results, **about))


def load_average() -> dict[str, float]:
    """Of the machine, at the end: what else ran while this was measured."""
    return {"load average": round(os.getloadavg()[1], 2)} if hasattr(os, "getloadavg") else {}


def stored(name: str, count: int) -> list[bytes]:
    """The files of a data set, evenly chosen."""
    split = next(iter(datasets.load_dataset(name).values()))
    split = split.cast_column("image", datasets.Image(decode=False))
    return [split[i * len(split) // count]["image"]["bytes"] for i in range(count)]


def photographs(name: str) -> list[bytes]:
    """The pictures of a data set as JPEG files of 500x375 pixels."""
    column = next(iter(datasets.load_dataset(name).values()))["image"]
    return [encoded(np.asarray(ImageOps.fit(image.convert("RGB"), PHOTOGRAPH)), "jpeg", 90) for image in column]


def encoded(pixels: np.ndarray, form: str, quality: int = QUALITY) -> bytes:
    """A file with the settings of :class:`hf_etc.encoding.Encoding`, without marker."""
    options = {"quality": quality, "subsampling": "4:4:4"} if form == "jpeg" else {"compress_level": 2}
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, form.upper(), **options)
    return buffer.getvalue()


def plain(files: Sequence[bytes], form: str) -> list[bytes]:
    """The pipeline without encryption."""
    preparation = Preparation((SIZE, SIZE))
    return [encoded(preparation.apply(load_rgb(file), 16), form) for file in files]


def pillow(files: Sequence[bytes], form: str) -> list[bytes]:
    """The pipeline as one writes it with Pillow alone."""
    fitted = (ImageOps.fit(Image.open(io.BytesIO(file)).convert("RGB"), (SIZE, SIZE)) for file in files)
    return [encoded(np.asarray(image), form) for image in fitted]


def gcm(files: Sequence[bytes], cipher: AESGCM) -> list[bytes]:
    """AES-GCM of the prepared pixels: hides all, and nothing can be classified. A nonce is 12 bytes, never repeated."""
    preparation = Preparation((SIZE, SIZE))
    pixels = (preparation.apply(load_rgb(file), 16) for file in files)
    return [cipher.encrypt(os.urandom(12), one.tobytes(), None) for one in pixels]


def sealed(files: Sequence[bytes], encrypt: EncryptImages) -> list[list[bytes]]:
    return encrypt.convert(files, [""] * len(files))[0]


def recipes(form: str) -> dict[str, Recipe]:
    return {name: Recipe.of(size=SIZE, format=form, **kind) for name, kind in KEYS.items()}


def in_memory(key: EtcKey, files: Sequence[bytes], form: str, rounds: int) -> dict[str, float]:
    """Processor time of each way in milliseconds per image, and over the same without encryption."""
    ways: dict[str, Callable[[Sequence[bytes]], object]] = {
        PLAIN: partial(plain, form=form),
        "Pillow alone": partial(pillow, form=form),
        "AES-GCM of the pixels, no file": partial(gcm, cipher=AESGCM(bytes(32))),
    }
    ways |= {name: partial(sealed, encrypt=EncryptImages(key, one)) for name, one in recipes(form).items()}
    return compared(ways, files, rounds)


def compared(ways: Ways, files: Sequence[bytes], rounds: int) -> dict[str, float]:
    """Each way takes its turn in every batch, so that all meet the same state of the machine."""
    measured = []
    for _ in range(rounds + 1):
        spent = dict.fromkeys(ways, 0.0)
        for batch in batches(files):
            for name, work in ways.items():
                spent[name] += cpu_time(partial(work, batch))
        measured.append(spent)
    return summary(measured[1:], len(files))  # the first warms up


def batches(files: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    return (files[start : start + BATCH] for start in range(0, len(files), BATCH))


def summary(measured: Sequence[Mapping[str, float]], images: int) -> dict[str, float]:
    """Medians over the rounds: milliseconds per image, and each over `PLAIN`."""
    values = {}
    for name in measured[0]:
        values[f"{name}, ms"] = 1e3 * statistics.median(one[name] for one in measured) / images
        values[f"{name}: ratio"] = statistics.median(one[name] / one[PLAIN] for one in measured)
    return values


def stages(key: EtcKey, files: Sequence[bytes], rounds: int = 7) -> dict[str, float]:
    """Milliseconds of processor time per image of each step, with a key for each image, to JPEG."""
    sealer = Sealer(key, recipes("jpeg")["key for each"])
    cipher, preparation = sealer.cipher, sealer.recipe.preparation
    images = [load_rgb(file) for file in files]
    pictures = [preparation.apply(image, 16) for image in images]
    encrypted = cipher.encrypt(np.stack(pictures), cipher.nonces_for(len(pictures)))
    ciphertexts = [encoded(pixels, "jpeg") for pixels in encrypted]

    def encrypt() -> None:
        for start in range(0, len(pictures), TOGETHER):
            some = np.stack(pictures[start : start + TOGETHER])
            cipher.encrypt(some, cipher.nonces_for(len(some)))

    def mark() -> None:
        for nonce, file in zip(cipher.new_nonces(len(ciphertexts)), ciphertexts, strict=True):
            cipher.sign(cipher.marker(SIZE, SIZE, nonce), "jpeg", file).to_json()

    def write() -> None:
        for number, file in enumerate(ciphertexts):
            with whole_file(Path(folder) / f"{number}.jpg") as out:
                out.write(file)

    with tempfile.TemporaryDirectory() as folder:
        steps = {
            "decode": lambda: list(map(load_rgb, files)),
            "resize and crop": lambda: [preparation.apply(image, 16) for image in images],
            "encrypt": encrypt,
            "encode": lambda: [encoded(pixels, "jpeg") for pixels in encrypted],
            "marker and tag": mark,
            "hash source and file": lambda: [hashlib.sha256(one).digest() for one in (*files, *ciphertexts)],
            "write": write,
        }
        spent = [{name: cpu_time(work) for name, work in steps.items()} for _ in range(rounds + 1)][1:]
    return {f"{name}, ms": 1e3 * statistics.median(one[name] for one in spent) / len(files) for name in steps}


def by_map(key: EtcKey, files: Sequence[bytes], rounds: int) -> dict[str, float]:
    """``encrypt_dataset`` beside ``datasets.map`` with a plain JPEG round trip, over 480 photographs."""
    datasets.disable_progress_bars()
    datasets.disable_caching()
    images = table(files, 480)
    undecoded = images.cast_column("image", datasets.Image(decode=False))

    def round_trip(batch: dict[str, list]) -> dict[str, list]:
        new = plain([image["bytes"] for image in batch["image"]], "jpeg")
        return {"image": [{"bytes": file, "path": None} for file in new]}

    plain_map = {"batched": True, "batch_size": 64, "features": images.features, "writer_batch_size": 100}
    ways = {PLAIN: lambda: undecoded.map(round_trip, **plain_map)}
    for name, kind in KEYS.items():
        ways[name] = partial(encrypt_dataset, images, key, size=SIZE, format="jpeg", **kind)
    spent = [{name: cpu_time(work) for name, work in ways.items()} for _ in range(max(3, rounds // 2) + 1)][1:]
    return summary(spent, len(images))


def table(files: Sequence[bytes], count: int) -> datasets.Dataset:
    """A data set of this many images."""
    rows = [{"bytes": file, "path": None} for file in itertools.islice(itertools.cycle(files), count)]
    return datasets.Dataset.from_dict({"image": rows}, datasets.Features({"image": datasets.Image()}))


def processes(files: Sequence[bytes], images: int, rounds: int) -> dict[str, float]:
    """How much faster two processes are than one, on the clock: ``hf-etc encrypt``, and plain work as the limit.

    The limit is what the machine gives at that moment: two processes that share nothing, with the same steps without
    encryption, where other programs want the cores, too.
    """
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        key_file, source = work / "owner.key", work / "source.parquet"
        EtcKey.generate().save(key_file)
        table(files, images).to_parquet(source)
        runs = []
        for number in range(max(3, rounds // 3)):
            run = {}
            for count in (1, 2):
                out = work / f"out-{number}-{count}"
                run[f"encrypt, {count}"] = seconds(partial(encrypt, source, out, key_file, count))
                run[f"plain, {count}"] = seconds(partial(plain_processes, files, images // 2, count))
            runs.append(run)
    start = statistics.median(seconds(start_only) for _ in range(3))
    ratio = [(one["encrypt, 1"] - start) / (one["encrypt, 2"] - start) for one in runs]
    rate = {count: images / statistics.median(one[f"encrypt, {count}"] for one in runs) for count in (1, 2)}
    return {
        "hf-etc encrypt, one process, images per second": rate[1],
        "hf-etc encrypt, two processes, images per second": rate[2],
        "start of the command, seconds": start,
        "two over one": statistics.median(ratio),
        "two over one, start of the command included": statistics.median(
            one["encrypt, 1"] / one["encrypt, 2"] for one in runs
        ),
        "two over one: plain work": statistics.median(one["plain, 1"] / one["plain, 2"] for one in runs),
    }


def encrypt(source: Path, out: Path, key_file: Path, count: int) -> None:
    words = ["encrypt", source, out, "--key", key_file, "--size", SIZE, "--format", "jpeg", "--key-scope", "image"]
    command = [sys.executable, "-m", "hf_etc", *map(str, words), "--num-proc", str(count)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def start_only() -> None:
    """What a run of ``hf-etc encrypt`` spends before the first image: imports."""
    code = "import datasets, pyarrow.parquet, hf_etc.data.convert, hf_etc.commands.encrypt"
    subprocess.run([sys.executable, "-c", code], check=True)


def plain_processes(files: Sequence[bytes], count: int, number: int) -> None:
    every = list(itertools.islice(itertools.cycle(files), count))
    with ProcessPoolExecutor(number) as pool:
        list(pool.map(partial(plain_count, form="jpeg"), [every[start::number] for start in range(number)]))


def plain_count(files: Sequence[bytes], form: str) -> int:
    return len(plain(files, form))


if __name__ == "__main__":
    main()
