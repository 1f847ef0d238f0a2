"""Whether a Ray cluster and the ranks of torchrun write what one process writes, though a worker of each is killed in
the middle, and whether the key is anywhere but in its file: not in Ray's logs, sockets and object store, not in the
outputs.

Run: python benchmarks/executors.py uoft-cs/cifar10     (writes results/executors.json; takes two workers)
"""

import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil
import pyarrow.parquet as pq
from measuring import parser

from hf_etc import EtcKey
from hf_etc.records import result_record, write_json

sys.path.append(str(Path(__file__).parents[1]))
from tests.secrets import scan_tree

ENCRYPT = [sys.executable, "-m", "hf_etc", "encrypt"]
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", "-m", "hf_etc", "encrypt"]
RAY = ["--executor", "ray", "--num-proc", "2"]


def main() -> None:
    arguments = parser(__doc__, "executors")
    arguments.add_argument("dataset", help="Hub id or folder")
    arguments.add_argument("--finished", type=int, default=10, help="kill a worker after so many shards")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="etc") as name:
        folder, key = Path(name), EtcKey.generate()
        key.save(folder / "owner.key")
        os.environ |= {"RAY_TMPDIR": str(folder / "ray"), "OMP_NUM_THREADS": "1"}
        common = ["--key", str(folder / "owner.key")]
        alone = folder / "alone"
        run([*ENCRYPT, options.dataset, alone, *common, "--num-proc", 1])
        results = {"one process": facts(alone)}
        write(options, results)

        dump, rayed = folder / "store", [*ENCRYPT, options.dataset, folder / "rayed", *common, *RAY]
        results["ray, a worker killed"] = {
            **killed(rayed, folder / "rayed", options.finished, is_ray_worker, dump),
            **facts(folder / "rayed"),
            "files identical to one process": checksums(folder / "rayed") == checksums(alone),
            "object store searched, bytes": size(dump),
            "session searched, bytes": size(folder / "ray"),
            "key found": scan_tree(key, folder / "ray") + scan_tree(key, dump),
        }
        write(options, results)

        ranks = [*TORCHRUN, options.dataset, folder / "ranks", *common]
        results["torchrun, a rank killed and run again"] = {
            **killed(ranks, folder / "ranks", options.finished, is_second_rank),
            "said by the second run": run(ranks).strip().rpartition("; ")[2],
            **facts(folder / "ranks"),
            "files identical to one process": checksums(folder / "ranks") == checksums(alone),
            "key found": scan_tree(key, folder / "ranks"),
        }
        write(options, results)


def write(options: Any, results: dict[str, Any]) -> None:
    settings = {"workers": 2, "block_size": 16, "format": "png", "ray": version("ray")}
    write_json(options.out, result_record("executors", results, data=options.dataset, settings=settings))
    print(list(results.items())[-1], flush=True)


def run(command: list) -> str:
    return subprocess.run([*map(str, command)], check=True, stdout=subprocess.PIPE, text=True).stdout


def killed(
    command: list,
    folder: Path,
    finished: int,
    is_victim: Callable[[psutil.Process], bool],
    dump: Path | None = None,
) -> dict[str, Any]:
    """Run a command, and kill one of its processes when so many shards lie in its output folder."""
    started = psutil.Popen([*map(str, command)], stdout=subprocess.DEVNULL)
    while len(shards(folder)) < finished:
        if started.poll() is not None:
            sys.exit("it ended before a worker could be killed")
        time.sleep(0.05)
    if dump:
        dump_object_store(started, dump)
    victim = next(process for process in started.children(recursive=True) if is_victim(process))
    victim.send_signal(signal.SIGKILL)
    at_the_kill = len(shards(folder))
    return {"shards finished at the kill": at_the_kill, "exit status": started.wait()}


def is_ray_worker(process: psutil.Process) -> bool:
    return process.cmdline()[:1] == ["ray::_do"]


def is_second_rank(process: psutil.Process) -> bool:
    return process.environ().get("RANK") == "1" and "encrypt" in process.cmdline()


def dump_object_store(started: psutil.Process, folder: Path) -> None:
    """Copy what Ray's object store holds: files in memory, that have no name any more."""
    folder.mkdir()
    for process in started.children(recursive=True):
        for link in Path(f"/proc/{process.pid}/fd").iterdir():
            if "raylet" in process.name() and "plasma" in str(link.readlink()):
                with link.open("rb") as store, (folder / f"{process.pid}-{link.name}").open("wb") as copy:
                    for start, stop in filled(store.fileno()):
                        copy.write(os.pread(store.fileno(), stop - start, start))


def filled(file: int) -> Iterator[tuple[int, int]]:
    """Where a sparse file holds anything."""
    stop, end = 0, os.fstat(file).st_size
    while stop < end:
        try:
            start = os.lseek(file, stop, os.SEEK_DATA)
        except OSError:  # nothing more
            return
        stop = os.lseek(file, start, os.SEEK_HOLE)
        yield start, stop


def shards(folder: Path) -> list[Path]:
    return sorted(folder.glob("data/*.parquet"))


def facts(folder: Path) -> dict[str, Any]:
    rows = dict.fromkeys(sorted({path.name.split("-")[0] for path in shards(folder)}), 0)
    for path in shards(folder):
        rows[path.name.split("-")[0]] += pq.ParquetFile(path).metadata.num_rows
    return {"rows": rows, "shards": len(shards(folder)), "all files": len(checksums(folder))}


def checksums(folder: Path) -> dict[str, str]:
    """SHA-256 of every file, the hidden journal and the manifest included."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


if __name__ == "__main__":
    main()
