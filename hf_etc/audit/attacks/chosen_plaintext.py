"""Chosen plaintext: a few images of the attacker's choice reveal the whole key of any cipher here."""

from collections.abc import Callable

import numpy as np

from ...cipher import EtcSpec
from ...cipher.plan import Plan
from ..attack import Attack, Compiled, Evidence, Recovery, block_size_of, register
from ..puzzle.matching import match
from .known_plaintext import KnownPlaintext

_LOSSY_QUERIES = 8


@register
class ChosenPlaintext(Attack):
    """Whole blocks are looked up in one random image, as in the known-plaintext attack; no two of it are alike.

    Where symbols move alone, a black image shows all sign flips; then each symbol carries its own number, digit by
    digit. That takes 1 + ceil(log(symbols) / log(values of a symbol)) images whatever the cipher: 4 at 224x224 for
    bytes, 6 for nibbles. What does not survive a lossy format is looked up in more random images, smooth ones.
    """

    name = "chosen-plaintext"
    goal = "the whole key"
    given = "the ciphertexts of a few images of the attacker's choice, and the cipher's name"
    source = "this package; all ciphers here are signed permutations of symbols"
    needs = frozenset({"oracle"})
    measure = "key_share"
    positive = EtcSpec()
    enough = 0.999
    advice = KnownPlaintext.advice

    def run(self, evidence: Evidence) -> Recovery:
        assert evidence.oracle is not None
        found: Compiled | None
        if block_size_of(evidence.spec):
            queries, (found, exact) = 1, look_up(evidence, 1)
        else:
            bits = evidence.spec.cells.symbol_bits if evidence.spec.cells else 8
            found, queries = read_plan(evidence.oracle, *evidence.size, bits)
            exact = found is not None
        if found is None or not exact:
            queries, (found, _) = queries + _LOSSY_QUERIES, look_up(evidence, _LOSSY_QUERIES)
        return Recovery(found.undo(evidence.targets), (found,), ciphertexts_used=queries)


def look_up(evidence: Evidence, queries: int) -> tuple[Compiled, bool]:
    """What random images with their ciphertexts say, and whether it explains these to the bit."""
    assert evidence.oracle is not None
    size = block_size_of(evidence.spec) or 8
    patch = max(size // 4, min(2, size // 2))
    chosen = _smooth_noise(queries, *evidence.size, evidence.seed, patch)
    answers = evidence.oracle(chosen)
    found = match(evidence.spec, chosen, answers)
    return found, np.array_equal(found.apply(chosen), answers)


def read_plan(
    oracle: Callable[[np.ndarray], np.ndarray], height: int, width: int, bits: int
) -> tuple[Plan | None, int]:
    """Read a plan out of an encryption oracle.

    Returns:
        The plan, or None when the answers are not those of a plan (lossy), and the number of queries.
    """
    symbols, base = height * width * 3 * (8 // bits), 1 << bits
    numbers = np.arange(symbols)
    digits = [np.zeros(symbols, np.int64)]
    while symbols > base ** (len(digits) - 1):
        digits.append(numbers // base ** (len(digits) - 1) % base)
    queries = np.stack([_pack(one, height, width, bits) for one in digits])
    black, *answers = (_unpack(one, bits) for one in oracle(queries))
    index = sum((answer ^ black).astype(np.int64) * base**i for i, answer in enumerate(answers))
    if not np.array_equal(np.sort(index), numbers):
        return None, len(queries)
    return Plan(index, black, height, width, 4 if bits == 4 else 8), len(queries)


def _pack(symbols: np.ndarray, height: int, width: int, bits: int) -> np.ndarray:
    if bits == 4:
        low, high = np.split(symbols, 2)
        symbols = low | high << 4
    return symbols.astype(np.uint8).reshape(height, width, 3)


def _unpack(image: np.ndarray, bits: int) -> np.ndarray:
    flat = image.reshape(-1)
    return np.concatenate([flat & 15, flat >> 4]) if bits == 4 else flat


def _smooth_noise(count: int, height: int, width: int, seed: int, patch: int) -> np.ndarray:
    """Random images of square patches, which lossy compression keeps; no two blocks are alike."""
    coarse = np.random.default_rng(seed).integers(0, 256, (count, -(-height // patch), -(-width // patch), 3), np.uint8)
    return coarse.repeat(patch, 1).repeat(patch, 2)[:, :height, :width]
