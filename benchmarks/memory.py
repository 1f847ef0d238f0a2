"""Whether memory stays flat while twice as many images are encrypted.

Run: python benchmarks/memory.py                (Linux; writes results/memory.json)

Each run is a process of its own, and its peak is that of its own address space: what the system calls the largest
resident size of a child (ru_maxrss) counts what its parent held when it was started, too.
"""

import io
import subprocess
import sys
import tempfile
from pathlib import Path

import datasets
import numpy as np
from measuring import parser
from PIL import Image

from hf_etc import EtcKey
from hf_etc.records import result_record, write_json

STREAM = """
import numpy as np
from datasets import Features, Image, IterableDataset
from PIL import Image as Pillow
from hf_etc import EtcKey
from hf_etc.data import encrypt_dataset
def rows():
    for i in range({count}):
        yield {{"image": Pillow.new("RGB", (256, 256), (i % 256, 7, 99))}}
stream = IterableDataset.from_generator(rows, features=Features({{"image": Image()}}))
stream = encrypt_dataset(stream, EtcKey(bytes(range(32))), size=224, format="jpeg")
assert sum(1 for _ in stream) == {count}
"""
COMMAND = """
from hf_etc.cli import main
assert not main(["encrypt", "{source}", "{out}", "--key", "{key}", "--size", "224", "--format", "jpeg"])
"""
PEAK = """
import re
with open("/proc/self/status") as status:
    print(re.search(r"VmHWM:\\s*(\\d+) kB", status.read())[1])
"""


def main() -> None:
    arguments = parser(__doc__, "memory", counts=[50, 100])
    arguments.add_argument("--counts", type=int, nargs="+", default=[1000, 2000, 4000], help="of images, ascending")
    options = arguments.parse_args()
    results: dict[str, dict[str, float]] = {"a stream, MiB": {}, "hf-etc encrypt, MiB": {}}
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        EtcKey.generate().save(work / "owner.key")
        for count in options.counts:
            results["a stream, MiB"][f"{count:,}"] = peak(STREAM.format(count=count))
            source = work / f"{count}.parquet"
            write_images(source, count)
            command = COMMAND.format(source=source, out=work / f"out-{count}", key=work / "owner.key")
            results["hf-etc encrypt, MiB"][f"{count:,}"] = peak(command)
    print(results)
    write_json(options.out, result_record("memory", results, data="synthetic 256x256 images", seed=0))


def write_images(path: Path, count: int) -> None:
    """JPEG files of noise, 70 kB each, as a parquet file."""
    noise = np.random.default_rng(0).integers(0, 256, (256, 256, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, "JPEG", quality=90)
    rows = [{"bytes": buffer.getvalue(), "path": None}] * count
    features = datasets.Features({"image": datasets.Image()})
    datasets.Dataset.from_dict({"image": rows}, features).to_parquet(path)


def peak(code: str) -> float:
    """MiB that a new process needs to run this."""
    run = subprocess.run([sys.executable, "-c", code + PEAK], check=True, capture_output=True, text=True)
    return int(run.stdout.split()[-1]) / 2**10


if __name__ == "__main__":
    main()
