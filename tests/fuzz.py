"""Random damage to everything that others hand in: ``python -m tests.fuzz --seconds 600``.

Each case may meet an EtcError and nothing else, within 2 seconds and 500 MB. A failing case is printed with its
target and seed, with which :func:`run_case` repeats it.
"""

import argparse
import copy
import json
import random
import resource
import sys
import time
import warnings

import numpy as np

from hf_etc import EtcCipher, EtcImageProcessor, EtcKey, Marker, Preparation, read_marker
from hf_etc.cipher import spec_from_dict
from hf_etc.cipher.key_search import contains_key
from hf_etc.errors import EtcError

KEY = EtcKey(bytes(range(32)))
CIPHER = EtcCipher(KEY, 8, "image")
SECONDS, MEGABYTES = 2.0, 500
PICTURE = np.arange(32 * 48 * 3, dtype=np.uint8).reshape(32, 48, 3)
FILES = [CIPHER.seal(PICTURE, format) for format in ("png", "webp", "jpeg")]
MARKER = read_marker(FILES[0]).to_json()
CONFIGURATION = EtcImageProcessor(KEY, size=64, block_size=8).to_dict()
# fmt: off
VALUES = [
    None, True, False, 0, 1, -1, 7, 16, 2**31, 2**63, 10**40, 16.0, 0.5, float("nan"), float("inf"), "", "16", "etc",
    "le", "pe", "image", "\ud800", "\0", "é" * 50, "0" * 32, "f" * 33, [], {}, [1], ["color"], [["color"]], [None],
    ["permutation", "color"], {"cipher": "etc"}, {"a": {}}, "color", [224, 224], [0, 0], [1, 2, 3], (64, 64), b"bytes",
]
NAMES = [
    "cipher", "key_scope", "block_size", "steps", "shared_block_key", "shuffle_colors", "height", "width", "id",
    "nonce", "tag", "hf-etc", "size", "fit", "resample", "cipher_id", "image_mean", "do_rescale", "gap", "",
]
# fmt: on


def damaged_bytes(rng: random.Random, data: bytes) -> bytes:
    data = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 4, 16])):
        at = rng.randrange(len(data) + 1)
        action = rng.randrange(5)
        if action == 0 and data:
            data[min(at, len(data) - 1)] = rng.randrange(256)
        elif action == 1:
            del data[at : at + rng.choice([1, 2, 4, 64, 10**6])]
        elif action == 2:
            data[at:at] = rng.randbytes(rng.choice([1, 2, 4, 64]))
        elif action == 3:
            data[at : at + 4] = rng.choice([0, 1, 2**31, 2**32 - 1, len(data)]).to_bytes(
                4, rng.choice(["big", "little"])
            )
        else:
            other = rng.choice(FILES)
            start = rng.randrange(len(other))
            data[at:at] = other[start : start + rng.choice([8, 64, 512])]
    return bytes(data)


def damaged_text(rng: random.Random, text: str) -> str:
    return damaged_bytes(rng, text.encode()).decode("latin-1")


def damaged_object(rng: random.Random, value: dict) -> dict:
    value = json.loads(json.dumps(value))
    for _ in range(rng.choice([1, 1, 2, 3])):
        place = value
        while rng.random() < 0.5:
            inner = [member for member in place.values() if isinstance(member, dict) and member]
            if not inner:
                break
            place = rng.choice(inner)
        name = rng.choice([*place, *NAMES]) if rng.random() < 0.9 else rng.choice(VALUES[:14])
        if rng.random() < 0.2:
            place.pop(name, None)
        else:
            place[name] = copy.deepcopy(rng.choice(VALUES))
    return value


def fuzz_marker(rng: random.Random) -> None:
    text = json.dumps(damaged_object(rng, json.loads(MARKER)), separators=(",", ":"), default=str)
    Marker.from_json(rng.choice([text, damaged_text(rng, text), damaged_text(rng, MARKER)]))


def fuzz_key(rng: random.Random) -> None:
    text = rng.choice([KEY.reveal(), "hfetc2-scrypt-" + "a" * 47, "hfetc2-" + "a" * 58])
    contains_key(damaged_bytes(rng, text.encode()))
    EtcKey.parse(rng.choice([damaged_text(rng, text), rng.choice(VALUES)]))


def fuzz_passphrase(rng: random.Random) -> None:
    EtcKey.from_passphrase(
        rng.choice(["correct horse battery", *VALUES]), damaged_text(rng, "hfetc2-scrypt-" + "b" * 47)
    )


def fuzz_plan(rng: random.Random) -> None:
    edges = [0, -8, 1, 8, 16, 24, 64, 2**31, 10**12, 16.0, None, "16", True]
    spec = spec_from_dict(damaged_object(rng, CIPHER.spec.to_dict()))
    nonce = rng.choice([None, bytes(16), bytes(15), "0" * 16, 7])
    height, width = rng.choice(edges), rng.choice(edges)
    if isinstance(height, int) and isinstance(width, int) and height * width > 10**6:
        spec.check_size(height, width)
        return
    spec.compile(KEY, height, width, nonce)


def fuzz_configuration(rng: random.Random) -> None:
    configuration = damaged_object(rng, CONFIGURATION)
    key = rng.choice([KEY, None])
    pins = {rng.choice(NAMES[:6] + NAMES[12:]): rng.choice(VALUES) for _ in range(rng.choice([0, 0, 1]))}
    pins.pop("", None)
    EtcImageProcessor.from_dict(configuration, key=key, allow_weak=rng.random() < 0.5, **pins)


def fuzz_file(rng: random.Random) -> None:
    CIPHER.unseal(damaged_bytes(rng, rng.choice(FILES)))


def fuzz_preparation(rng: random.Random) -> None:
    size = rng.choice([None, rng.choice(VALUES), [rng.choice([0, 1, 16, 64, 10**6]), rng.choice([0, 1, 16, 10**9])]])
    Preparation(
        size, rng.choice([None, "crop", "pad", "stretch", "exact", "x", 7, []]), rng.choice(["bicubic", None, []])
    )


TARGETS = {
    name.removeprefix("fuzz_"): function for name, function in list(globals().items()) if name.startswith("fuzz_")
}


def run_case(target: str, seed: int) -> str:
    """ "passed", "refused", or what went wrong."""
    start, before = time.monotonic(), _peak()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            TARGETS[target](random.Random(f"{target} {seed}"))
        outcome = "passed"
    except EtcError as error:
        outcome = "refused" if "\n" not in str(error) else f"an error of several lines: {error!r}"
    except Exception as error:
        return f"{type(error).__name__}: {str(error)[:200]}"
    if time.monotonic() - start > SECONDS and target != "passphrase":  # scrypt is slow on purpose
        return f"took {time.monotonic() - start:.1f} s"
    if _peak() - before > MEGABYTES and target != "passphrase":
        return f"took {_peak() - before:.0f} MB"
    return outcome


def run(cases: int | None = None, seconds: float | None = None, first: int = 0) -> dict[str, dict[str, int]]:
    """Cases of all targets in turn; raises AssertionError with the first that goes wrong."""
    counts = {target: {"passed": 0, "refused": 0} for target in TARGETS}
    end = None if seconds is None else time.monotonic() + seconds
    seed = first
    while (cases is None or seed < first + cases) and (end is None or time.monotonic() < end):
        for target in TARGETS:
            if target == "passphrase" and seed % 20:
                continue
            outcome = run_case(target, seed)
            assert outcome in counts[target], f"{target} {seed}: {outcome}"
            counts[target][outcome] += 1
        seed += 1
    return counts


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--first", type=int, default=1000, help="first seed")
    options = parser.parse_args()
    json.dump(run(seconds=options.seconds, first=options.first), sys.stdout, indent=2)
