"""Chosen plaintext: a few images of the attacker's choice reveal the whole plan of any cipher here."""

from collections.abc import Callable

import numpy as np

from ...cipher import EtcSpec
from ...cipher.plan import Plan
from ..attack import Attack, Evidence, Recovery, block_size_of, register
from ..puzzle.matching import match_plan

_LOSSY_QUERIES = 8


@register
class ChosenPlaintext(Attack):
    """A black image shows all sign flips; then each symbol carries its own number, digit by digit.

    A plan permutes and flips symbols, so this needs 1 + ceil(log(symbols) / log(values of a symbol))
    images whatever the cipher: 4 at 224x224 for bytes, 6 for nibbles. Through a lossy format the digits
    do not survive; then smooth random images and the search of the known-plaintext attack serve.
    """

    name = "chosen-plaintext"
    goal = "the whole key"
    given = "the ciphertexts of a few images of the attacker's choice, and the cipher's name"
    source = "this package; all ciphers here are signed permutations of symbols"
    needs = frozenset({"oracle"})
    measure = "key_share"
    positive = EtcSpec()
    enough = 0.999

    def run(self, evidence: Evidence) -> Recovery:
        assert evidence.oracle is not None
        height, width = evidence.size
        bits = 4 if evidence.spec.name in ("le", "ele") else 8
        plan, queries = read_plan(evidence.oracle, height, width, bits)
        if plan is None:
            patch = max(2, (block_size_of(evidence.spec) or 8) // 4)
            chosen = _smooth_noise(_LOSSY_QUERIES, height, width, evidence.seed, patch)
            plan, queries = match_plan(evidence.spec, chosen, evidence.oracle(chosen)), queries + len(chosen)
        return Recovery(plan.apply(evidence.targets), (plan,), ciphertexts_used=queries)


def read_plan(
    oracle: Callable[[np.ndarray], np.ndarray], height: int, width: int, bits: int
) -> tuple[Plan | None, int]:
    """Read a decryption plan out of an encryption oracle.

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
    return Plan(index, black, height, width, 4 if bits == 4 else 8).inverse(), len(queries)


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
