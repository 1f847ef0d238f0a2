"""Blocks placed on a grid in their states, and the filling of the empty cells."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ...blocks import Layout
from .compatibility import PairCosts
from .pieces import (
    STATE_AFTER,
    STATE_INVERSE,
    STATES,
    VARIANT_INVERSE,
    layout_of,
    pack,
    pieces_of,
    turned_steps,
    unpack,
    variant_of,
)

STEPS = ((-1, 0), (0, 1), (1, 0), (0, -1))  # up, right, down, left
Cell = tuple[int, int]


@dataclass(slots=True)
class _Offer:
    """What fits best into an empty cell, and by how much the best other block costs more."""

    block: int
    rival: int
    state: int
    margin: float
    around: int


class Board:
    """Blocks in one frame of cells, which may not outgrow the rectangle of the image.

    Args:
        costs: of all pairs of sides.
        grid: rows and columns of the image, in either order.
    """

    def __init__(self, costs: PairCosts, grid: Cell) -> None:
        self._costs, self._long, self._short = costs, max(grid), min(grid)
        self.cells: dict[int, Cell] = {}
        self.states: dict[int, int] = {}
        self._at: dict[Cell, int] = {}
        self._open: dict[Cell, _Offer | None] = {}
        self._free = np.ones(costs.blocks, bool)
        self._box = (0, 0, 0, 0)  # top, left, bottom, right

    @classmethod
    def of(cls, costs: PairCosts, grid: Cell, blocks: Iterable[tuple[int, Cell, int]]) -> "Board":
        """A board with these (block, cell, state), completed."""
        board = cls(costs, grid)
        for block, cell, state in blocks:
            board.place(block, cell, state)
        board.fill()
        return board

    @classmethod
    def of_layout(cls, costs: PairCosts, layout: Layout) -> "Board":
        """A board with the blocks where a layout has them."""
        cells, states = pieces_of(layout)
        grid = layout.height // layout.block_size, layout.width // layout.block_size
        return cls.of(costs, grid, zip(range(costs.blocks), map(tuple, cells.tolist()), states.tolist(), strict=True))

    def place(self, block: int, cell: Cell, state: int) -> None:
        top, left, bottom, right = self._box if self._at else (*cell, *cell)
        self._box = (min(top, cell[0]), min(left, cell[1]), max(bottom, cell[0]), max(right, cell[1]))
        self.cells[block], self.states[block], self._at[cell] = cell, state, block
        self._free[block] = False
        self._open.pop(cell, None)
        for row, column in STEPS:
            beside = (cell[0] + row, cell[1] + column)
            if beside not in self._at:
                self._open[beside] = None

    def fill(self) -> None:
        """Place all blocks: cells between two others first, and of these the clearest."""
        while self._free.any():
            best: tuple[tuple[bool, float], Cell, _Offer] | None = None
            for cell, offer in self._open.items():
                if not self._allowed(cell):
                    continue
                if offer is None or not (self._free[offer.block] and self._free[offer.rival]):
                    offer = self._open[cell] = self._offer(cell)
                rank = (offer.around > 1, offer.margin)
                if best is None or rank > best[0]:
                    best = rank, cell, offer
            assert best is not None
            _, cell, offer = best
            self.place(offer.block, cell, offer.state)

    def blocks(self, keep: Iterable[int]) -> list[tuple[int, Cell, int]]:
        """(block, cell, state) of some blocks, for :meth:`of`."""
        return [(block, self.cells[block], self.states[block]) for block in keep]

    def part(self, keep: set[int]) -> list[int]:
        """The largest connected part of some blocks."""
        first, second, *_ = self._meetings()
        kept = np.isin(np.stack([first, second]), list(keep)).all(0)
        return largest_part(first[kept], second[kept], self._costs.blocks)

    def core(self) -> list[int]:
        """The largest connected part whose neighbours are each other's best partners."""
        first, second, _, mutual = self.edges()
        return largest_part(first[mutual], second[mutual], self._costs.blocks)

    def edges(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """First block, second block, cost and whether each is the other's best partner, for all neighbours."""
        firsts, seconds, here, there, variant = self._meetings()
        forth, back = np.split(self.best_partners(), 2)
        return firsts, seconds, self._costs.of(here, variant, there), forth & back

    def best_partners(self) -> np.ndarray:
        """bool (2E,): for both sides of all neighbours, whether the other is the best partner of all."""
        _, _, here, there, variant = self._meetings()
        best = self._costs.partners
        back = VARIANT_INVERSE[variant]
        forth = best[here] == variant * self._costs.sides + there
        return np.concatenate([forth, best[there] == back * self._costs.sides + here])

    def _meetings(self) -> tuple[np.ndarray, ...]:
        """First block, second block, their sides that meet and the variant, for all neighbours."""
        found = []
        for (row, column), first in self._at.items():
            for direction in (1, 2):
                beside = self._at.get((row + STEPS[direction][0], column + STEPS[direction][1]))
                if beside is not None:
                    found.append((first, beside, direction))
        firsts, seconds, directions = np.array(found).reshape(-1, 3).T
        states = np.array([self.states.get(block, 0) for block in range(self._costs.blocks)])
        variant, side = np.divmod(_NEXT[states[firsts], directions, states[seconds]], 4)
        here = side_at(directions, unpack(states[firsts])[0]) * self._costs.blocks + firsts
        return firsts, seconds, here, side * self._costs.blocks + seconds, variant

    def layout(self, rows: int, columns: int, block_size: int) -> Layout:
        """The complete layout, turned to lie in the rectangle of the image."""
        blocks = sorted(self.cells)
        cells = np.array([self.cells[block] for block in blocks])
        states = np.array([self.states[block] for block in blocks])
        cells -= cells.min(0)
        if cells.max(0).tolist() != [rows - 1, columns - 1]:
            cells, states = turned_steps(cells, 1), STATE_AFTER[states, pack(1, 0, 0)]
            cells -= cells.min(0)
        return layout_of(cells @ (columns, 1), states, rows, columns, block_size)

    def _allowed(self, cell: Cell) -> bool:
        top, left, bottom, right = self._box
        height = max(bottom, cell[0]) - min(top, cell[0]) + 1
        width = max(right, cell[1]) - min(left, cell[1]) + 1
        return max(height, width) <= self._long and min(height, width) <= self._short

    def _offer(self, cell: Cell) -> _Offer:
        total, around = np.zeros((STATES, self._costs.blocks), np.float32), 0
        for direction, (row, column) in enumerate(STEPS):
            block = self._at.get((cell[0] + row, cell[1] + column))
            if block is not None:
                total += costs_beside(self._costs, block, self.states[block], (direction + 2) % 4)
                around += 1
        total[:, ~self._free] = np.inf
        best, rival, margin = _two_best(total.min(0))
        return _Offer(best, rival, int(total[:, best].argmin()), margin / around, around)


def costs_beside(costs: PairCosts, block: int, state: int, direction: int) -> np.ndarray:
    """float32 (96, N): the cost of every block in every state, next to `block` in that direction."""
    side = int(side_at(np.array(direction), unpack(np.array(state))[0]))
    return costs.row(side * costs.blocks + block)[_NEXT[state, direction]]


def side_at(direction: np.ndarray, turn: np.ndarray) -> np.ndarray:
    """The side (0 top .. 3 left) of a block that points up, right, down or left (0..3) after a turn."""
    return np.where(turn >= 4, -(direction + turn), direction + turn) % 4


def _two_best(cost: np.ndarray) -> tuple[int, int, float]:
    best = int(cost.argmin())
    value, cost[best] = cost[best], np.inf
    rival = int(cost.argmin())
    if np.isinf(cost[rival]):  # the last block
        return best, best, np.inf
    return best, rival, float(cost[rival] - value)


def largest_part(first: np.ndarray, second: np.ndarray, blocks: int) -> list[int]:
    """The largest connected part of blocks 0..blocks-1 that pairs join; first and second (E,)."""
    joined = coo_array((np.ones(len(first), bool), (first, second)), (blocks, blocks))
    label = connected_components(joined, directed=False)[1]
    return np.flatnonzero(label == np.bincount(label).argmax()).tolist()


def _next_table() -> np.ndarray:
    """int (96, 4, 96): for a state, a direction and the next block's state, 4 * variant + the next block's side."""
    state = np.arange(STATES)
    variant = variant_of(STATE_AFTER[state, STATE_INVERSE[:, None]])
    side = side_at((np.arange(4)[:, None] + 2) % 4, unpack(state)[0])
    return 4 * variant[:, None, :] + side


_NEXT = _next_table()


def neighbour(side: int, state: int, other: int, variant: int) -> tuple[int, int]:
    """Direction from one block to the next and the state of the next, from the first's state and their link.

    Args:
        side, other: the sides (0..3) that meet, of the first and the next block.
        state: of the first block.
        variant: how they meet, see :mod:`hf_etc.audit.puzzle.compatibility`.
    """
    direction = int((side_at(np.arange(4), unpack(np.array(state))[0]) == side).argmax())
    return direction, int((_NEXT[state, direction] == 4 * variant + other).argmax())
