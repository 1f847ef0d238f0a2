"""How fast images are encrypted, as ratios against named peers in the same run.

Run: python benchmarks/encryption.py            (one core; writes results/encryption_speed.json)

Peers: a plain copy in memory; the per-block loop that public implementations use, with NumPy and with torch; AES-GCM
of the same bytes, which hides more and leaves nothing to classify; torchvision's mirror, inversion and channel
permutation of whole images; kornia's RandomJigsaw, which moves blocks and changes nothing in them; and the rest of the
pipeline (decode, resize, JPEG) that every image passes anyway.
"""

import io
import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np
from measuring import cpu_time, median, parser, pin_to_one_core
from PIL import Image

from hf_etc import EtcCipher, EtcKey, Preparation, load_rgb
from hf_etc.cipher.plan import Plan
from hf_etc.records import result_record, write_json

BLOCK, SIZE = 16, 224


def main() -> None:
    arguments = parser(__doc__, "encryption_speed", runs=1)
    arguments.add_argument("--runs", type=int, default=15, help="timed runs; the median counts (default 15)")
    options = arguments.parse_args()
    pin_to_one_core()
    measured = {
        "batch": against_copy_and_loop(options.runs),
        "pipeline": share_of_pipeline(options.runs),
        "import": import_time(options.runs),
    }
    for group, values in measured.items():
        for name, value in values.items():
            print(f"{group:>10}  {name:<44} {value:10.3f}")
    write_json(options.out, result_record("encryption_speed", measured, data="synthetic 224x224 images", seed=0))


def against_copy_and_loop(runs: int) -> dict[str, float]:
    """64 images of 224x224, with a key for all and a key for each, beside a plain copy and a loop over the blocks.

    Every way takes its turn in every round, so that all meet the same state of the machine. Medians of processor time.
    """
    import torch

    torch.set_num_threads(1)
    images = np.random.default_rng(0).integers(0, 256, (64, SIZE, SIZE, 3), dtype=np.uint8)
    tensors = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()
    copied, copied_tensors = np.empty_like(images), torch.empty_like(tensors)
    key = EtcKey(bytes(range(32)))
    shared, own = (EtcCipher(key, BLOCK, key_scope=scope) for scope in ("dataset", "image"))
    nonces = own.new_nonces(len(images))
    layout, layouts = shared.compile(SIZE, SIZE), own.compile(SIZE, SIZE, nonces)
    byte_plan = Plan.of_layout(layout)
    ways: dict[str, Callable[[], object]] = {
        "copy": lambda: np.copyto(copied, images),
        "byte plan": lambda: byte_plan.apply(images),
        "key for all": lambda: shared.encrypt(images),
        "key for each, derived before": lambda: layouts.apply(images),
        "key for each": lambda: own.encrypt(images, nonces),
        "torch, copy": lambda: copied_tensors.copy_(tensors),
        "torch, key for all": lambda: shared.encrypt(tensors),
        "torch, key for each": lambda: own.encrypt(tensors, nonces),
        **like_work(images, tensors),
    }
    rounds = [{name: cpu_time(work) for name, work in ways.items()} for _ in range(runs + 1)][1:]  # the first warms up
    seconds = {name: statistics.median(one[name] for one in rounds) for name in ways}
    few = max(3, runs // 5)
    loop = statistics.median(cpu_time(lambda: block_loop(images)) for _ in range(few))
    torch_loop = statistics.median(cpu_time(lambda: torch_block_loop(tensors[:8])) for _ in range(few)) * 8
    warm = median(ways["copy"], runs)  # again and again, so that it finds both arrays in the cache
    measured = {"block loop, ms per image": loop / len(images) * 1e3}
    measured |= {"torch, block loop, ms per image": torch_loop / len(images) * 1e3}
    measured |= {"warm copy, ms per image": warm / len(images) * 1e3}
    measured |= {"key for all: times a warm copy": seconds["key for all"] / warm}
    for name, value in seconds.items():
        copy = seconds["torch, copy" if name.startswith("torch") else "copy"]
        measured[f"{name}, ms per image"] = value / len(images) * 1e3
        measured[f"{name}: times a copy"] = value / copy
        measured[f"{name}: speed-up over the loop"] = loop / value
    measured["key for each, over key for all"] = seconds["key for each"] / seconds["key for all"]
    return measured


def like_work(images: np.ndarray, tensors: Any) -> dict[str, Callable[[], object]]:
    """What else is done to a batch on its way: encryption of all bytes, and transforms of well-known libraries."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from torchvision.transforms import v2

    whole = v2.Compose([v2.RandomHorizontalFlip(1), v2.RandomInvert(1), v2.RandomChannelPermutation()])
    aes = AESGCM(bytes(32))
    ways: dict[str, Callable[[], object]] = {
        "AES-GCM": lambda: [aes.encrypt(os.urandom(12), image.tobytes(), None) for image in images],
        "torch, torchvision transforms": lambda: whole(tensors),
    }
    with suppress(ImportError):
        from kornia.augmentation import RandomJigsaw

        jigsaw, floats = RandomJigsaw((SIZE // BLOCK, SIZE // BLOCK), p=1.0), tensors.float()  # it takes no bytes
        ways["torch, kornia RandomJigsaw"] = lambda: jigsaw(floats)
    return ways


def torch_block_loop(tensors: Any) -> Any:
    """As :func:`block_loop`, for tensors, uint8 (N,3,H,W)."""
    import torch

    rng, per_row = np.random.default_rng(1), SIZE // BLOCK
    order = rng.permutation(per_row * per_row).tolist()
    turns, mirrors = rng.integers(4, size=len(order)).tolist(), rng.integers(4, size=len(order)).tolist()
    negatives, colors = rng.integers(2, size=len(order)).tolist(), [rng.permutation(3).tolist() for _ in order]
    axes = [[], [2], [1], [1, 2]]
    out = torch.empty_like(tensors)
    for image, target in zip(tensors, out, strict=True):
        for i, source in enumerate(order):
            row, column = source // per_row * BLOCK, source % per_row * BLOCK
            block = torch.rot90(image[:, row : row + BLOCK, column : column + BLOCK], turns[i], (1, 2))
            block = block.flip(axes[mirrors[i]])
            block = block ^ 255 if negatives[i] else block
            row, column = i // per_row * BLOCK, i % per_row * BLOCK
            target[:, row : row + BLOCK, column : column + BLOCK] = block[colors[i]]
    return out


def block_loop(images: np.ndarray) -> np.ndarray:
    """The four steps block by block, with fixed draws: the same work without a plan."""
    rng, per_row = np.random.default_rng(1), SIZE // BLOCK
    order = rng.permutation(per_row * per_row)
    turns, mirrors = rng.integers(4, size=len(order)), rng.integers(4, size=len(order))
    negatives, colors = rng.integers(2, size=len(order)), [rng.permutation(3) for _ in order]
    out = np.empty_like(images)
    for image, target in zip(images, out, strict=True):
        for i, source in enumerate(order):
            row, column = source // per_row * BLOCK, source % per_row * BLOCK
            block = np.rot90(image[row : row + BLOCK, column : column + BLOCK], turns[i])
            block = block[:, ::-1] if mirrors[i] & 1 else block
            block = block[::-1] if mirrors[i] & 2 else block
            block = block ^ 255 if negatives[i] else block
            row, column = i // per_row * BLOCK, i % per_row * BLOCK
            target[row : row + BLOCK, column : column + BLOCK] = block[..., colors[i]]
    return out


def share_of_pipeline(runs: int) -> dict[str, float]:
    """Decode a 500x375 JPEG, resize and crop to 224, encrypt, write EtC-JPEG 85: encryption's part of it."""
    noise = np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).resize((500, 375), Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=90)
    source, preparation = buffer.getvalue(), Preparation((SIZE, SIZE))
    measured = {}
    for scope in ("dataset", "image"):
        cipher = EtcCipher(EtcKey(bytes(range(32))), BLOCK, key_scope=scope)
        prepared = preparation.apply(load_rgb(source), BLOCK)

        def encrypt(pixels: np.ndarray, cipher: EtcCipher = cipher) -> np.ndarray:
            nonce = cipher.new_nonces(1)[0] if cipher.spec.key_scope == "image" else None
            return cipher.encrypt(pixels, nonce)

        def whole(cipher: EtcCipher = cipher) -> bytes:
            return cipher.seal(preparation.apply(load_rgb(source), BLOCK), "jpeg", 85)

        alone, total = median(partial(encrypt, prepared), runs * 4), median(whole, runs * 4)
        measured[f"key_scope={scope}: encrypt, ms"] = alone * 1e3
        measured[f"key_scope={scope}: whole pipeline, ms"] = total * 1e3
        measured[f"key_scope={scope}: share of encryption"] = alone / total
    return measured


def import_time(runs: int) -> dict[str, float]:
    """`import hf_etc` in a new process, less an empty process."""

    def start(code: str) -> float:
        return median(lambda: subprocess.run([sys.executable, "-c", code], check=True), runs)

    return {"import hf_etc, s": start("import hf_etc") - start("pass")}


if __name__ == "__main__":
    main()
