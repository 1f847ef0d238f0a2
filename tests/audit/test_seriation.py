"""Arranging by likeness."""

import numpy as np
import pytest

from hf_etc.audit.seriation import arrange, fit, grid_model


@pytest.mark.parametrize("seed", range(3))
def test_a_shuffled_grid_is_put_in_order(seed):
    model = grid_model(4, 5, 2.0)
    shuffled = np.random.default_rng(seed).permutation(20)
    likeness = model[np.ix_(shuffled, shuffled)]
    order = arrange(likeness, model)
    assert fit(likeness, model, order) == pytest.approx(np.square(model).sum())


def test_what_the_search_believes_of_a_swap_is_true():
    """The search keeps its value up to date by differences; a wrong one would show here."""
    random = np.random.default_rng(0)
    likeness, model = (one + one.T for one in random.normal(size=(2, 9, 9)))
    found = fit(likeness, model, arrange(likeness, model))
    others = [fit(likeness, model, random.permutation(9)) for _ in range(3000)]
    assert found > max(others)
