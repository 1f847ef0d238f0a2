"""Jigsaw on single ciphertexts: what a key per image leaves open."""

import numpy as np

from ...blocks import Layout
from ...cipher import EtcSpec
from ..attack import Evidence, Recovery, register
from ..puzzle.assembly import assemble
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
    positive = EtcSpec(key_scope="image")
    enough = 0.5
    synthetic = True
    advice = "Single ciphertexts give pictures away: smaller blocks and smaller pictures leave less to put together."

    def run(self, evidence: Evidence) -> Recovery:
        height, width = evidence.size
        size = self.block_size(evidence)
        layouts = []
        for target in evidence.targets[:, None]:
            layout = self.solve(pair_costs(split_blocks(target, size)), height // size, width // size, size)
            layouts.append(settle(layout, target))
        restored = np.stack([layout.undo(one) for layout, one in zip(layouts, evidence.targets, strict=True)])
        return Recovery(restored, tuple(layouts), up_to_symmetry=True, ciphertexts_used=1)

    def solve(self, costs: PairCosts, rows: int, columns: int, block_size: int) -> Layout:
        """Put the blocks together by the costs of their neighbourhoods."""
        return assemble(costs, rows, columns, block_size)
