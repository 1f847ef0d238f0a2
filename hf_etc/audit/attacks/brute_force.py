"""Brute force: every key of a small grid, judged by how smoothly the blocks continue each other."""

from dataclasses import replace
from itertools import permutations
from math import factorial, log2

import numpy as np

from ...blocks import Layout
from ...cipher import CipherSpec
from ..attack import Evidence, Recovery, block_size_of, register
from ..puzzle.board import costs_beside
from ..puzzle.cells import Cells
from ..puzzle.compatibility import PairCosts
from ..puzzle.pieces import STATES, layout_of
from .jigsaw import Jigsaw

_MOST_BLOCKS = 4


@register
class BruteForce(Jigsaw):
    """All orders and states of up to four blocks: 2^24 layouts that differ, after the global symmetry.

    The cost of a layout is a sum over pairs of neighbours, so the whole key space is a few sums of tables.
    """

    name = "brute-force"
    goal = "each image, by trying all keys"
    given = "one ciphertext of at most four blocks (32x32 pixels in blocks of 16)"
    partial = False
    source = "exhaustive search, pruned by boundary continuity"

    def run(self, evidence: Evidence) -> Recovery:
        height, width = evidence.size
        blocks = (height // self.block_size(evidence)) * (width // self.block_size(evidence))
        note = f"the whole key space of 2^{log2(factorial(blocks) * STATES**blocks):.1f} keys was covered"
        return replace(super().run(evidence), note=note)

    def solve(self, costs: PairCosts, cells: Cells) -> Layout:
        return search(costs, cells.rows, cells.columns, cells.block_size)

    def applies_to(self, spec: CipherSpec, height: int, width: int) -> str | None:
        size = block_size_of(spec)
        blocks = (height // size) * (width // size) if size else 0
        if blocks > _MOST_BLOCKS:
            return f"{blocks} blocks have too many keys to try; the jigsaw attacks need not try them"
        return super().applies_to(spec, height, width)


def search(costs: PairCosts, rows: int, columns: int, block_size: int) -> Layout:
    """The layout of least cost among all; block 0 stays as it is, which only fixes the global symmetry."""
    blocks = rows * columns
    beside = {  # (first block, second, direction): cost of each state of the first by each of the second
        (first, second, direction): table[:, :, second]
        for first in range(blocks)
        for direction in (1, 2)
        for table in [np.stack([costs_beside(costs, first, state, direction) for state in range(STATES)])]
        for second in range(blocks)
        if second != first
    }
    grid = np.arange(blocks).reshape(rows, columns)
    edges = [(a, b, 1) for a, b in zip(grid[:, :-1].flat, grid[:, 1:].flat, strict=True)]
    edges += [(a, b, 2) for a, b in zip(grid[:-1].flat, grid[1:].flat, strict=True)]
    best: tuple[float, tuple[int, ...], tuple[int, ...]] = (np.inf, (), ())
    for order in permutations(range(blocks)):  # the block of each cell
        total = np.zeros((1,) * blocks, np.float32)
        for a, b, direction in edges:
            table = beside[order[a], order[b], direction]
            shape = [1] * blocks
            shape[order[a]] = shape[order[b]] = STATES
            total = total + (table if order[a] < order[b] else table.T).reshape(shape)[:1]
        where = np.unravel_index(int(total.argmin()), total.shape)
        best = min(best, (float(total[where]), order, tuple(map(int, where))))
    _, order, states = best
    return layout_of(np.argsort(order), np.array(states), rows, columns, block_size)
