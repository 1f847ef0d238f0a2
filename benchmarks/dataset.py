"""How fast ``hf-etc`` encrypts and decrypts a whole dataset, and whether every image comes back bit for bit.

Run: python benchmarks/dataset.py uoft-cs/cifar10 [--num-proc 2]     (writes results/dataset_conversion.json)
"""

import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from datasets import DatasetDict, load_dataset
from measuring import parser, seconds

from hf_etc import EtcKey
from hf_etc.data.columns import image_features
from hf_etc.records import result_record, write_json


def main() -> None:
    arguments = parser(__doc__, "dataset_conversion", rows=100)
    arguments.add_argument("dataset", help="Hub id or folder")
    arguments.add_argument("--num-proc", type=int, default=2)
    arguments.add_argument("--rows", type=int, help="take the first of each split (default: all)")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        source = (
            options.dataset if options.rows is None else first_rows(options.dataset, options.rows, f"{folder}/plain")
        )
        key, encrypted, decrypted = (str(Path(folder) / name) for name in ("owner.key", "encrypted", "decrypted"))
        EtcKey.generate().save(key)
        measured = {
            "encrypt": run("encrypt", source, encrypted, "--key", key, "--num-proc", options.num_proc),
            "decrypt": run("decrypt", encrypted, decrypted, "--key", key, "--num-proc", options.num_proc),
        }
        images = compare(load_dataset(source), load_dataset(decrypted))
        size = sum(file.stat().st_size for file in Path(encrypted).rglob("*.parquet"))
    results = {
        "images": images,
        "identical after decryption": images,
        **{f"{name}, images per second": images / value for name, value in measured.items()},
        "encrypted as PNG, bytes": size,
        "peak memory of the largest process, MiB": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**10,
    }
    for name, value in results.items():
        print(f"{name:<44} {value:14,.0f}")
    settings = {"num_proc": options.num_proc, "block_size": 16, "format": "png"}
    write_json(options.out, result_record("dataset_conversion", results, data=options.dataset, settings=settings))


def first_rows(dataset: str, rows: int, folder: str) -> str:
    """A folder with the first rows of each split of a data set."""
    for split, table in load_dataset(dataset).items():
        table.select(range(rows)).to_parquet(f"{folder}/{split}.parquet")
    return folder


def run(*words: object) -> float:
    """Wall-clock seconds of one hf-etc command, its start included."""
    return seconds(lambda: subprocess.run([sys.executable, "-m", "hf_etc", *map(str, words)], check=True))


def compare(plain: DatasetDict, decrypted: DatasetDict) -> int:
    """The number of images, after checking that each is what it was; exits with a message if one is not."""
    count = 0
    for split, table in plain.items():
        (column,) = image_features(table.features)
        for before, after in zip(table[column], decrypted[split][column], strict=True):
            if not np.array_equal(np.asarray(before.convert("RGB")), np.asarray(after)):
                sys.exit(f"split {split}: image {count} differs after decryption")
            count += 1
    return count


if __name__ == "__main__":
    main()
