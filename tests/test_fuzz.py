"""A few rounds of tests/fuzz.py, the same in every run."""

import pytest

from . import fuzz


def test_random_damage_meets_only_our_errors():
    counts = fuzz.run(cases=150)
    assert all(sum(of.values()) for of in counts.values())
    assert all(counts[target]["refused"] for target in counts)


def test_a_foreign_error_is_reported(monkeypatch):
    monkeypatch.setitem(fuzz.TARGETS, "plan", lambda rng: [][1])
    with pytest.raises(AssertionError, match="plan 0: IndexError"):
        fuzz.run(cases=1)
