"""The stream and its draws: known answers, agreement with the reference, and no bias."""

import itertools
import random

import numpy as np
import pytest
import torch
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from hf_etc.cipher.keystream import STEP_NUMBERS, KeyStream, streams_of
from hf_etc.errors import ParameterError

from ..reference import etc_reference as reference
from ..reference import key_reference

SUBKEY = bytes(range(32))
subkeys = st.binary(min_size=32, max_size=32)


def p_value(counts):
    """Of the hypothesis that all counts come from equal chances. Subkeys are fixed, so it never changes."""
    return chisquare(counts).pvalue


def test_known_answer_of_aes_256():
    """The zero block under the zero key, as published; then that the counter is 128 bits, big-endian, from 0."""
    assert KeyStream(bytes(32), "permutation").read(16).hex() == "dc95c078a2408989ad48a21492842087"
    counters = b"".join(number.to_bytes(16, "big") for number in range(300))
    assert KeyStream(SUBKEY, "permutation").read(4800) == Cipher(
        algorithms.AES(SUBKEY), modes.ECB()
    ).encryptor().update(counters)


@pytest.mark.parametrize(("step", "number"), STEP_NUMBERS.items())
def test_each_step_counts_in_a_range_of_its_own(step, number):
    counters = b"".join(number.to_bytes(8, "big") + count.to_bytes(8, "big") for count in range(3))
    assert KeyStream(SUBKEY, step).read(48) == Cipher(algorithms.AES(SUBKEY), modes.ECB()).encryptor().update(counters)


def test_known_answer_of_the_references_hkdf():
    """RFC 5869, test case 3, so that the reference itself stands on something."""
    expected = "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"
    assert key_reference.derive(b"\x0b" * 22, "", 42).hex() == expected


@given(subkeys, st.lists(st.integers(0, 50), max_size=6))
def test_reading_in_parts_is_reading_at_once(subkey, parts):
    stream = KeyStream(subkey, "permutation")
    assert b"".join(stream.read(part) for part in parts) == KeyStream(subkey, "permutation").read(sum(parts))


@given(subkeys, st.integers(0, 300))
def test_permutation_is_the_references(subkey, n):
    drawn = KeyStream(subkey, "permutation").permutation(n)
    assert sorted(drawn.tolist()) == list(range(n))
    assert drawn.tolist() == reference.permutation(subkey, "permutation", n)


@given(subkeys, st.integers(0, 80), st.integers(1, 2**32) | st.integers(2**31, 2**31 + 9) | st.integers(1, 20))
def test_integers_are_the_references(subkey, count, below):
    drawn = KeyStream(subkey, "permutation").integers(count, below).tolist()
    assert drawn == reference.integers(subkey, "permutation", count, below)
    assert all(0 <= value < below for value in drawn)


def test_equal_words_keep_their_order(monkeypatch):
    """Two equal 64-bit words practically never occur, so a stream of few different words stands in."""
    words = np.arange(400, dtype="<u8") * 7 % 5
    monkeypatch.setattr(KeyStream, "read", lambda self, count: words.tobytes()[:count])
    assert KeyStream(SUBKEY, "permutation").permutation(400).tolist() == sorted(range(400), key=lambda i: words[i])


def test_words_are_little_endian_and_unsigned(monkeypatch):
    monkeypatch.setattr(
        KeyStream, "read", lambda self, count: bytes.fromhex("000000ff 010000fe".replace(" ", ""))[:count]
    )
    assert KeyStream(SUBKEY, "permutation").integers(2, 2**32).tolist() == [0xFF000000, 0xFE000001]


def test_draws_follow_one_another():
    """Two permutations from one stream are two: what the cipher `ele` needs."""
    stream = KeyStream(SUBKEY, "permutation")
    words = np.frombuffer(KeyStream(SUBKEY, "permutation").read(2 * 8 * 96), "<u8").reshape(2, 96)
    for row in words:
        assert (stream.permutation(96) == np.argsort(row, kind="stable")).all()


@given(st.lists(subkeys, min_size=1, max_size=4), st.integers(0, 40), st.integers(1, 2**32) | st.just(3 * 2**30))
def test_streams_side_by_side_are_each_alone(plan_keys, count, below):
    """Words that one of them rejects leave the others, and what it draws next, as they are."""
    together = streams_of(plan_keys)("color")
    drawn = [together.integers(count, below), together.permutation(count), together.integers(count, below)]
    for i, plan_key in enumerate(plan_keys):
        alone = streams_of(plan_key)("color")
        for draw, expected in zip(drawn, (alone.integers(count, below), alone.permutation(count)), strict=False):
            assert draw[i].tolist() == expected.tolist()
        assert drawn[2][i].tolist() == alone.integers(count, below).tolist()


@pytest.mark.parametrize("below", [0, -1, 2**32 + 1])
def test_bound_out_of_range(below):
    with pytest.raises(ParameterError, match=f"integers below {below}"):
        KeyStream(SUBKEY, "permutation").integers(4, below)


@pytest.mark.parametrize("below", [2, 3, 6, 16])
def test_integers_are_uniform_and_reach_the_last_code(below):
    counts = np.bincount(KeyStream(SUBKEY, "permutation").integers(48_000, below), minlength=below)
    assert len(counts) == below and counts.min() > 0
    assert p_value(counts) > 0.001


@pytest.mark.parametrize("below", [3 * 2**30, 2**31 + 1, 5 * 2**29 + 3])
def test_rejection_removes_the_bias_of_modulo(below):
    """Without it, words over the bound wrap to small values: with 3 * 2**30, half of all fall in the first third."""
    thirds = KeyStream(SUBKEY, "permutation").integers(6_000, below) * 3 // below
    assert p_value(np.bincount(thirds, minlength=3)) > 0.001


def test_the_uniformity_check_notices_modulo_bias():
    words = np.frombuffer(KeyStream(SUBKEY, "permutation").read(4 * 6_000), "<u4").astype(np.int64)
    assert p_value(np.bincount(words % (3 * 2**30) // 2**30, minlength=3)) < 1e-9


def test_all_permutations_of_four_are_equally_likely():
    stream = KeyStream(SUBKEY, "permutation")
    drawn = [tuple(stream.permutation(4).tolist()) for _ in range(4_800)]
    counts = [drawn.count(one) for one in itertools.permutations(range(4))]
    assert min(counts) > 0 and p_value(counts) > 0.001


def test_every_item_lands_everywhere():
    stream = KeyStream(SUBKEY, "permutation")
    landed = np.zeros((10, 10), int)
    for _ in range(2_000):
        landed[np.arange(10), stream.permutation(10)] += 1
    assert p_value(landed.ravel()) > 0.001


def test_no_global_generator_is_touched():
    """Neither read nor seeded: another program's random numbers stay what they were."""
    states = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()
    stream = KeyStream(SUBKEY, "permutation")
    stream.permutation(50), stream.integers(50, 6)
    assert states == (random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist())


def test_repr_shows_nothing():
    assert repr(KeyStream(SUBKEY, "permutation")) == "KeyStream()"
