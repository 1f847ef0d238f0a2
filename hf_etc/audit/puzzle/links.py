"""Links between sides in the order of their sureness, and the groups of blocks that they join."""

from collections.abc import Iterator

import numpy as np

from .board import STEPS, Cell, neighbour
from .compatibility import PairCosts
from .pieces import COLOR_AFTER, COLOR_INVERSE, turn_after, turn_inverse

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
    loops = []
    for hand in (1, -1):
        beside_i = _rotated(costs, first, hand)
        beside_j = _rotated(costs, second, np.where(variant < 12, -hand, hand))
        variant_k, side_k = variant[beside_i], second[beside_i]  # (P, K, K)
        variant_l, side_l = variant[beside_j], second[beside_j]
        flip_k, flip_l = variant_k // 12, (variant[..., None] // 12) ^ (variant_l // 12)  # against i
        from_k = _rotated(costs, side_k, np.where(flip_k == 0, hand, -hand))[..., :, None]
        from_l = _rotated(costs, side_l, np.where(flip_l == 0, -hand, hand))[..., None, :]
        color_l = COLOR_AFTER[variant_l // 2 % 6, variant[..., None] // 2 % 6]
        color = COLOR_AFTER[color_l[..., None, :], COLOR_INVERSE[variant_k // 2 % 6][..., :, None]]
        sign = (variant[..., None, None] ^ variant_k[..., :, None] ^ variant_l[..., None, :]) % 2
        closing = (flip_k[..., :, None] ^ flip_l[..., None, :]) * 12 + color * 2 + sign
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
        self._turns, self._looks = np.zeros(blocks, np.int64), np.zeros(blocks, np.int64)

    def join(self, first: int, second: int, variant: int) -> None:
        """Join the groups of two sides unless blocks would overlap or the group outgrow the image."""
        here, there = self._group[first % self._blocks], self._group[second % self._blocks]
        if here == there:
            return
        if len(self._members[here]) < len(self._members[there]):
            first, second, here, there = second, first, there, here
            variant = variant // 12 * 12 + int(COLOR_INVERSE[variant // 2 % 6]) * 2 + variant % 2
        (side, a), (other, b) = divmod(first, self._blocks), divmod(second, self._blocks)
        direction, state = neighbour(side, int(self._turns[a] * 12 + self._looks[a]), other, variant)
        moved = self._members[there]
        cells, turns, looks = self._moved(moved, b, self._cells[a] + STEPS[direction], state)
        if not self._fits(self._cells[self._members[here]], cells):
            return
        self._cells[moved], self._turns[moved], self._looks[moved] = cells, turns, looks
        self._members[here] = np.concatenate([self._members[here], self._members.pop(there)])
        self._group[moved] = here

    def largest(self) -> list[tuple[int, Cell, int]]:
        """(block, cell, state) of the largest group."""
        blocks = max(self._members.values(), key=len)
        states = self._turns[blocks] * 12 + self._looks[blocks]
        cells = map(tuple, self._cells[blocks].tolist())
        return list(zip(blocks.tolist(), cells, states.tolist(), strict=True))

    def _moved(self, moved: np.ndarray, block: int, cell: np.ndarray, state: int) -> tuple[np.ndarray, ...]:
        """Cells, turns and looks of a group carried over so that `block` gets this cell and state."""
        turn, look = divmod(state, 12)
        by = turn_after(np.array(turn), turn_inverse(self._turns[block]))
        row, column = (self._cells[moved] - self._cells[block]).T
        column = -column if by >= 4 else column
        for _ in range(by % 4):
            row, column = -column, row
        recolor = COLOR_AFTER[COLOR_INVERSE[self._looks[block] // 2], look // 2]
        colors = COLOR_AFTER[self._looks[moved] // 2, recolor]
        negative = (self._looks[moved] ^ self._looks[block] ^ look) % 2
        return np.stack([row, column], 1) + cell, turn_after(by, self._turns[moved]), colors * 2 + negative

    def _fits(self, kept: np.ndarray, cells: np.ndarray) -> bool:
        both = np.concatenate([kept, cells])
        both -= both.min(0)
        extent = both.max(0) + 1
        if extent.max() > self._long or extent.min() > self._short:
            return False
        return len(np.unique(both @ (self._long, 1))) == len(both)
