"""Jigsaw on single ciphertexts: what a key per image leaves open."""

from collections.abc import Callable

import numpy as np

from ...blocks import Layout
from ...cipher import CipherSpec, EtcSpec
from ..attack import Evidence, Recovery, register
from ..puzzle.assembly import assemble, scatter
from ..puzzle.cells import Cells
from ..puzzle.compatibility import PairCosts, pair_costs
from ..puzzle.naturalness import settle
from ..puzzle.pieces import split_blocks
from .dataset_jigsaw import BlockAttack


@register
class Jigsaw(BlockAttack):
    """Each ciphertext alone is a square jigsaw whose pieces are also turned, mirrored, negated, recoloured."""

    name = "jigsaw"
    goal = "each image, from its ciphertext alone; a key per image does not prevent it"
    given = "one ciphertext"
    source = "this package; edge measure and assembly after Gallagher (CVPR 2012), Pomeranz et al. (CVPR 2011)"
    measure = "neighbours_right"
    partial = True
    positive = EtcSpec(key_scope="image")
    enough = 0.5
    synthetic = True

    def run(self, evidence: Evidence) -> Recovery:
        layouts = self.layouts(evidence)
        restored = np.stack([layout.undo(one) for layout, one in zip(layouts, evidence.targets, strict=True)])
        return Recovery(restored, tuple(layouts), up_to_symmetry=True, ciphertexts_used=1)

    def layouts(self, evidence: Evidence) -> list[Layout]:
        """How each target was encrypted."""
        cells, judge = self.cells(evidence), self.measure_of(evidence)
        layouts = []
        for target in evidence.targets[:, None]:
            layout = self.solve(judge(split_blocks(target, cells.block_size)[0]), cells)
            layouts.append(settle(layout, target))
        return layouts

    def measure_of(self, evidence: Evidence) -> Callable[[np.ndarray], PairCosts]:
        """What tells how well the blocks of one ciphertext, uint8 (N,B,B,3), fit each other."""
        return lambda blocks: pair_costs(blocks[None])

    def solve(self, costs: PairCosts, cells: Cells) -> Layout:
        """Put the blocks together by the costs of their neighbourhoods."""
        build = assemble if costs.blocks == cells.count else scatter
        return build(costs, cells.rows, cells.columns, cells.block_size)


class LearnedJigsaw(Jigsaw):
    """A jigsaw of single ciphertexts that learns from pictures of the attacker's own, cut as the cipher cuts."""

    given = "plain images of the attacker's own; then one ciphertext"
    needs = frozenset({"public"})
    trained = True

    def applies_to(self, spec: CipherSpec, height: int, width: int) -> str | None:
        if spec.key_scope != "image":
            return "ciphertexts of one key add up, which takes no training; attack them together"
        return super().applies_to(spec, height, width)
