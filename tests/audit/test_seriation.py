"""Arranging by likeness."""

import numpy as np
import pytest

from hf_etc.audit.puzzle.seriation import arrange, fit, flatten, grid_model


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


@pytest.mark.parametrize(("rows", "columns"), [(2, 2), (1, 6), (8, 8), (7, 14)])
def test_a_grid_is_found_from_the_likeness_of_neighbours_alone(rows, columns):
    """Distant things have next to nothing in common, so that swaps alone get stuck."""
    count = rows * columns
    likeness, model = grid_model(rows, columns, 0.5), grid_model(rows, columns, 2.0)
    shuffled = np.random.default_rng(0).permutation(count)
    likeness = likeness[np.ix_(shuffled, shuffled)]
    first = flatten(likeness, rows, columns)
    assert sorted(first) == list(range(count))
    order = arrange(likeness, model, restarts=0, first=first)
    found = np.stack(np.divmod(shuffled[order], columns), 1)
    steps = np.abs(found[:, None] - found).sum(-1)
    true = np.stack(np.divmod(np.arange(count), columns), 1)
    assert np.array_equal(steps, np.abs(true[:, None] - true).sum(-1))
