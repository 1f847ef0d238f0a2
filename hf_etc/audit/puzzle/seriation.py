"""Putting things in order by how strongly they go together: nearby pixels correlate more than distant ones."""

import numpy as np
from scipy.sparse.csgraph import shortest_path

from .matching import assign


def arrange(
    likeness: np.ndarray,
    model: np.ndarray,
    seed: int = 0,
    restarts: int = 4,
    steps: int = 800,
    first: np.ndarray | None = None,
) -> np.ndarray:
    """Find the order in which a matrix of likeness comes nearest to a model: quadratic assignment by swaps.

    Args:
        likeness: float (n,n), symmetric: of the things.
        model: float (n,n), symmetric: how alike the things in two places should be.
        seed: of the orders to start from, and of the search.
        restarts: number of starts.
        steps: of each search.
        first: int (n,), an order to start from besides these.

    Returns:
        int (n,): order[i] is the thing in place i. Places that the model cannot tell apart are exchangeable.

    Example:
        >>> model = np.exp(-np.abs(np.subtract.outer(np.arange(6), np.arange(6))) / 2)
        >>> shuffled = np.array([3, 0, 5, 1, 4, 2])
        >>> order = arrange(model[np.ix_(shuffled, shuffled)], model)
        >>> shuffled[order].tolist() in ([0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0])
        True
    """
    random = np.random.default_rng(seed)
    starts = [random.permutation(len(likeness)) for _ in range(restarts)] + ([] if first is None else [first])
    found = [_search(likeness, model, start, steps, random) for start in starts]
    return max(found, key=lambda order: fit(likeness, model, order))


def fit(likeness: np.ndarray, model: np.ndarray, order: np.ndarray) -> float:
    """How well an order fits: the sum of products."""
    return float((likeness[np.ix_(order, order)] * model).sum())


def _search(
    likeness: np.ndarray, model: np.ndarray, order: np.ndarray, steps: int, random: np.random.Generator
) -> np.ndarray:
    """Make the best swap that does not bring a thing back to where it just was (robust tabu search, Taillard 1991)."""
    count, order = len(order), order.copy()
    here = likeness[np.ix_(order, order)]
    value = best = float((here * model).sum())
    best_order = order.copy()
    until = np.zeros((count, count), np.int64)  # thing, place: the step up to which it may not go back
    for step in range(steps):
        product = here @ model
        own = np.diag(product)
        gain = product + product.T - own[:, None] - own  # of swapping i and j, before what concerns i and j alone
        a, b = np.diag(here), np.diag(model)
        gain = 2 * (gain - (here - a[:, None]) * (b[:, None] - model) - (a - here) * (model - b))
        np.fill_diagonal(gain, -np.inf)
        back = until[order] > step  # place of a thing now, place where it would go
        allowed = ~(back & back.T) | (value + gain > best + 1e-9)
        i, j = divmod(int(np.where(allowed, gain, -np.inf).argmax()), count)
        value += float(gain[i, j])
        tenure = step + random.integers(count // 2, 2 * count, 2)
        until[order[i], i], until[order[j], j] = tenure
        order[[i, j]] = order[[j, i]]
        here[[i, j]] = here[[j, i]]
        here[:, [i, j]] = here[:, [j, i]]
        if value > best + 1e-9:
            best, best_order = value, order.copy()
    return best_order


def grid_model(rows: int, columns: int, reach: float) -> np.ndarray:
    """float (rows*columns, rows*columns): likeness that falls with the distance; `reach` in places."""
    row, column = np.divmod(np.arange(rows * columns), columns)
    return np.exp(-np.hypot(np.subtract.outer(row, row), np.subtract.outer(column, column)) / reach)


def flatten(likeness: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """A first order of things that lie on a grid, from the likeness of each to its nearest alone.

    Isomap (Tenenbaum, de Silva, Langford, Science 2000): the way from thing to thing through their neighbours is
    as long as the way on the grid, however little distant things have in common. What comes out is matched with
    the grid at several angles.

    Args:
        likeness: float (n,n), symmetric: cosines, n = rows * columns.
        rows, columns: of the grid.

    Returns:
        int (n,): as of :func:`arrange`, to which it gives a start.
    """
    count, model = len(likeness), grid_model(rows, columns, 2.0)
    distance = np.sqrt(np.maximum(2 - 2 * likeness, 0)) + 1e-6
    np.fill_diagonal(distance, 0)
    near = np.zeros((count, count), bool)
    np.put_along_axis(near, np.argsort(distance, axis=1)[:, 1:5], True, axis=1)
    way = shortest_path(np.where(near, distance, 0), directed=False)
    way = np.where(np.isfinite(way), way, 2 * way[np.isfinite(way)].max())
    centre = np.eye(count) - 1 / count
    sizes, axes = np.linalg.eigh(-centre @ np.square(way) @ centre / 2)
    things = _spread(axes[:, -2:] * np.sqrt(np.maximum(sizes[-2:], 0)))
    places = _spread(np.stack(np.divmod(np.arange(count), columns), 1).astype(float))
    orders = []
    for angle in np.radians(np.arange(0, 180, 10)):
        turned = things @ np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        orders.append(np.argsort(assign(np.square(turned[:, None] - places).sum(-1))))
    return max(orders, key=lambda order: fit(likeness, model, order))


def _spread(points: np.ndarray) -> np.ndarray:
    """Points (n,2) around zero with unit deviation."""
    centred = points - points.mean(0)
    return centred / centred.std()
