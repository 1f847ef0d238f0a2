"""Assembly: from the costs of pairs of sides to a complete layout.

First the surest links join blocks into groups, as in a minimum spanning tree whose groups may not
overlap or outgrow the image (Gallagher 2012). The largest group is filled up to the rectangle, cell by
cell. Then parts are taken out and placed again as long as the total cost falls: all but the core in
which neighbours are each other's best partners (Pomeranz 2011), later dear blocks and random windows.
"""

from collections.abc import Iterable

import numpy as np

from ...blocks import Layout
from .board import Board
from .compatibility import PairCosts
from .links import Groups, sure_links
from .pieces import STATE_AFTER, VARIANT_INVERSE, layout_of, pack, turned_steps

EFFORT = 30
_CORE_ROUNDS = 8


def assemble(costs: PairCosts, rows: int, columns: int, block_size: int, effort: int = EFFORT, seed: int = 0) -> Layout:
    """Find the layout of low total cost.

    Args:
        costs: of the sides of rows * columns blocks.
        rows, columns: of the plain image, in blocks.
        block_size: in pixels.
        effort: how often to take a part out and place it again, unless all is clear.
        seed: of what is taken out.

    Returns:
        A complete layout, right up to a global symmetry at best.
    """
    grid = (rows, columns)
    groups = Groups(costs.blocks, grid)
    for first, second, variant in sure_links(costs):
        groups.join(first, second, variant)
    best = _Best(Board.of(costs, grid, groups.largest()))
    for _ in range(_CORE_ROUNDS):
        core = best.board.core()
        if len(core) == costs.blocks or not best.improve(costs, grid, core):
            break
    random = np.random.default_rng(seed)
    for attempt in range(effort if len(best.board.core()) < costs.blocks else 0):
        best.improve(costs, grid, _some(best.board, attempt % 3, random))
    return best.board.layout(rows, columns, block_size)


def scatter(costs: PairCosts, rows: int, columns: int, block_size: int) -> Layout:
    """A layout of fewer blocks than cells: those that are each other's best partners, joined, the largest part first.

    Where a part lies in the picture is left open: each goes to the first place with room.
    """
    groups, best = Groups(costs.blocks, (rows, columns)), costs.partners
    for first, second, variant in sure_links(costs):
        back = VARIANT_INVERSE[variant] * costs.sides + first
        if best[first] == variant * costs.sides + second and best[second] == back:
            groups.join(first, second, variant)
    free = np.ones((rows, columns), bool)
    cells, states = np.zeros((costs.blocks, 2), np.int64), np.zeros(costs.blocks, np.int64)
    waiting = sorted(groups.all(), key=lambda group: -len(group[0]))
    while waiting:
        blocks, there, turned = waiting.pop(0)
        found = _room_for(there, turned, free)
        if found is None:  # no room for it as a whole
            waiting += [(blocks[i : i + 1], there[i : i + 1], turned[i : i + 1]) for i in range(len(blocks))]
            continue
        cells[blocks], states[blocks] = found
        free[tuple(found[0].T)] = False
    return layout_of(cells @ (columns, 1), states, rows, columns, block_size)


def _room_for(cells: np.ndarray, states: np.ndarray, free: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Cells (K,2) and states of a part that was moved to the first free place, upright or on its side."""
    for turn in (0, 1):
        here = turned_steps(cells, turn)
        here = here - here.min(0)
        for row, column in np.argwhere(free):
            moved = here + np.array([row, column - here[here[:, 0] == 0, 1].min()])
            inside = ((moved >= 0) & (moved < free.shape)).all()
            if inside and free[tuple(moved.T)].all():
                return moved, STATE_AFTER[states, pack(turn, 0, 0)]
    return None


class _Best:
    """The board of least cost so far."""

    def __init__(self, board: Board) -> None:
        self.board, self.cost = board, _cost(board)

    def improve(self, costs: PairCosts, grid: tuple[int, int], keep: Iterable[int]) -> bool:
        """Place all but the kept blocks again; whether that costs less."""
        board = Board.of(costs, grid, self.board.blocks(keep))
        cost = _cost(board)
        if cost >= self.cost:
            return False
        self.board, self.cost = board, cost
        return True


def _cost(board: Board) -> float:
    return float(board.edges()[2].sum())


def _some(board: Board, how: int, random: np.random.Generator) -> list[int]:
    """Blocks to keep: connected ones of low cost, by two thresholds, or all outside of a window."""
    if how == 2:
        cells = np.array([board.cells[block] for block in sorted(board.cells)])
        extent = cells.max(0) - cells.min(0) + 1
        size = random.integers(np.minimum(2, extent), np.maximum(extent * 2 // 3, 2) + 1)
        start = cells.min(0) + random.integers(0, np.maximum(extent - size, 0) + 1)
        inside = ((cells >= start) & (cells < start + size)).all(1)
        return np.flatnonzero(~inside).tolist() or [0]
    first, second, cost, _ = board.edges()
    ends = np.concatenate([first, second])
    mean = np.bincount(ends, np.tile(cost, 2)) / np.maximum(np.bincount(ends), 1)
    if how == 1:
        mean *= random.uniform(0.5, 1.5, len(mean))
    return board.part(set(np.flatnonzero(mean <= np.quantile(mean, random.uniform(0.3, 0.9))).tolist()))
