"""Dataset-level jigsaw: one key, a handful of ciphertexts, and the whole key is found."""

from ...cipher import CipherSpec, EtcSpec
from ..attack import Attack, AttackFailure, Evidence, Recovery, block_size_of, register
from ..puzzle.assembly import assemble
from ..puzzle.cells import Cells, cells_of
from ..puzzle.compatibility import pair_costs
from ..puzzle.naturalness import settle
from ..puzzle.pieces import split_blocks

_MOST_CIPHERTEXTS = 50  # a few decide, but for strong JPEG or subsampled chroma


class BlockAttack(Attack):
    """An attack on ciphers that move whole blocks."""

    def block_size(self, evidence: Evidence) -> int:
        size = block_size_of(evidence.spec)
        if size is None:
            raise AttackFailure(f"the cipher {evidence.spec.name!r} does not move whole blocks")
        return size

    def cells(self, evidence: Evidence) -> Cells:
        return cells_of(evidence.spec, *evidence.size)

    def applies_to(self, spec: CipherSpec, height: int, width: int) -> str | None:
        size = block_size_of(spec)
        if size is None:
            return f"the cipher {spec.name!r} does not move whole blocks"
        if (height // size) * (width // size) < 2:
            return "the image is a single block"
        return None


@register
class DatasetJigsaw(BlockAttack):
    """Blocks that are neighbours in one image are neighbours in all images of the key: the evidence adds up."""

    name = "dataset-jigsaw"
    goal = "the key, from ciphertexts alone; then every other image of the key"
    given = "some ciphertexts of one key (no plain image, no label)"
    source = "this package; edge measure and assembly after Gallagher (CVPR 2012), Pomeranz et al. (CVPR 2011)"
    needs = frozenset({"ciphertexts"})
    measure = "neighbours_right"
    accumulates = True
    positive = EtcSpec(steps=("permutation",))
    enough = 0.95

    def run(self, evidence: Evidence) -> Recovery:
        assert evidence.ciphertexts is not None
        collected = evidence.ciphertexts[:_MOST_CIPHERTEXTS]
        size = self.block_size(evidence)
        height, width = evidence.size
        costs = pair_costs(split_blocks(collected, size))
        layout = assemble(costs, height // size, width // size, size)
        layout = settle(layout, evidence.ciphertexts)
        return Recovery(layout.undo(evidence.targets), (layout,), True, len(collected))
