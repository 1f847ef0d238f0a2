"""Links between sides in the order of their sureness, and the groups of blocks that they join."""

from collections.abc import Iterator

import numpy as np

from .board import STEPS, Cell, neighbour
from .compatibility import PairCosts
from .pieces import STATE_AFTER, STATE_INVERSE, VARIANT_AFTER, VARIANT_INVERSE, turned_steps, unpack

_CANDIDATES = 8  # per side
_LOOP_WEIGHTS = (0.33, 0.25)  # of the better and the worse of the two loops beside a link
Link = tuple[int, int, int]


def sure_links(costs: PairCosts) -> Iterator[Link]:
    """Candidate links (first side, second side, variant), the surest first.

    The cost of a link takes in the best loop of four blocks on either side of it (Son et al. 2014). A link
    is sure when it costs less than all other links of its two sides.
    """
    _, code = costs.best(_CANDIDATES)
    cost = _with_loops(costs)
    order = cost.argsort(1)
    cost, code = np.take_along_axis(cost, order, 1), np.take_along_axis(code, order, 1)
    variant, second = np.divmod(code, costs.sides)
    first = np.broadcast_to(np.arange(costs.sides)[:, None], second.shape)
    rival = np.where(np.arange(_CANDIDATES) == 0, cost[:, 1:2], cost[:, :1])  # the best other link of the first side
    back = np.where(second[second, 0] == first, cost[second, 1], cost[second, 0])
    sure = np.argsort((cost - np.minimum(rival, back)).ravel(), kind="stable")
    yield from map(tuple, np.stack([first, second, variant], -1).reshape(-1, 3)[sure].tolist())


def _with_loops(costs: PairCosts) -> np.ndarray:
    """float (P, K): the costs of the candidates, raised by those of the best loops through them.

    Blocks: i, its partner j, k beside i and l beside j on the same hand; the loop closes between k and l.
    """
    cost, code = costs.best(_CANDIDATES)
    variant, second = np.divmod(code, costs.sides)
    first = np.broadcast_to(np.arange(costs.sides)[:, None], code.shape)
    mirrored, loops = unpack(variant)[0] == 1, []
    for hand in (1, -1):
        beside_i = _rotated(costs, first, hand)
        beside_j = _rotated(costs, second, np.where(mirrored, hand, -hand))
        variant_k, side_k = variant[beside_i], second[beside_i]  # (P, K, K)
        variant_l, side_l = VARIANT_AFTER[variant[beside_j], variant[..., None]], second[beside_j]  # beside i
        flip_k, flip_l = unpack(variant_k)[0], unpack(variant_l)[0]
        from_k = _rotated(costs, side_k, np.where(flip_k == 0, hand, -hand))[..., :, None]
        from_l = _rotated(costs, side_l, np.where(flip_l == 0, -hand, hand))[..., None, :]
        closing = VARIANT_AFTER[variant_l[..., None, :], VARIANT_INVERSE[variant_k][..., :, None]]
        total = cost[beside_i][..., :, None] + cost[beside_j][..., None, :]
        total = total + costs.of(*np.broadcast_arrays(from_k, closing, from_l))
        loops.append(total.min((-2, -1)))
    return cost + _LOOP_WEIGHTS[0] * np.minimum(*loops) + _LOOP_WEIGHTS[1] * np.maximum(*loops)


def _rotated(costs: PairCosts, side: np.ndarray, by: np.ndarray | int) -> np.ndarray:
    """The side `by` steps clockwise of another on the same block."""
    return (side + by * costs.blocks) % costs.sides


class Groups:
    """Blocks joined so far: each group has its own frame of cells and states.

    Args:
        blocks: their number.
        grid: rows and columns of the image, in either order.
    """

    def __init__(self, blocks: int, grid: Cell) -> None:
        self._blocks, self._long, self._short = blocks, max(grid), min(grid)
        self._group = np.arange(blocks)
        self._members = {i: np.array([i]) for i in range(blocks)}
        self._cells = np.zeros((blocks, 2), np.int64)
        self._states = np.zeros(blocks, np.int64)

    def join(self, first: int, second: int, variant: int) -> None:
        """Join the groups of two sides unless blocks would overlap or the group outgrow the image."""
        here, there = self._group[first % self._blocks], self._group[second % self._blocks]
        if here == there:
            return
        if len(self._members[here]) < len(self._members[there]):
            first, second, here, there = second, first, there, here
            variant = int(VARIANT_INVERSE[variant])
        (side, a), (other, b) = divmod(first, self._blocks), divmod(second, self._blocks)
        direction, state = neighbour(side, int(self._states[a]), other, variant)
        moved = self._members[there]
        change = STATE_AFTER[STATE_INVERSE[self._states[b]], state]
        steps = turned_steps(self._cells[moved] - self._cells[b], unpack(change)[0])
        cells = self._cells[a] + STEPS[direction] + steps
        if not self._fits(self._cells[self._members[here]], cells):
            return
        self._cells[moved], self._states[moved] = cells, STATE_AFTER[self._states[moved], change]
        self._members[here] = np.concatenate([self._members[here], self._members.pop(there)])
        self._group[moved] = here

    def all(self) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Blocks, their cells (K,2) and their states, of every group."""
        return [(blocks, self._cells[blocks], self._states[blocks]) for blocks in self._members.values()]

    def largest(self) -> list[tuple[int, Cell, int]]:
        """(block, cell, state) of the largest group."""
        blocks = max(self._members.values(), key=len)
        cells = map(tuple, self._cells[blocks].tolist())
        return list(zip(blocks.tolist(), cells, self._states[blocks].tolist(), strict=True))

    def _fits(self, kept: np.ndarray, cells: np.ndarray) -> bool:
        both = np.concatenate([kept, cells])
        both -= both.min(0)
        extent = both.max(0) + 1
        if extent.max() > self._long or extent.min() > self._short:
            return False
        return len(np.unique(both @ (self._long, 1))) == len(both)
