"""Position transformer: what a network that knows pictures makes of all blocks of a ciphertext at once."""

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from ...blocks import Layout
from ..attack import Compiled, Evidence, Scale, register
from ..puzzle.pieces import layout_of, split_blocks
from ..puzzle.places import Placer, fit_placer, place
from ..training import Budget, best_device, trained_once
from .jigsaw import LearnedJigsaw

BUDGETS: dict[Scale, Budget] = {
    "smoke": Budget(steps=300, batch=256),
    "small": Budget(steps=1000, batch=1024),
    "paper": Budget(steps=100_000, batch=8192),
}
"""Steps, and the blocks of each."""
SHAPES: dict[Scale, tuple[int, int]] = {"smoke": (128, 1), "small": (128, 4), "paper": (384, 8)}
"""Width and depth of the network."""


@register
class PositionTransformer(LearnedJigsaw):
    """A transformer tells the place and the state of each block from the whole bag of them.

    Where a jigsaw asks which blocks fit each other, it may know that sky is above and what a face is like. It is
    trained on pictures of the attacker's own, cut as the cipher cuts and seen as under a fresh key each.
    """

    name = "position-transformer"
    goal = "each image, from its ciphertext alone, by a network that has learned where in pictures what is"
    source = "this package"
    positive_evidence = "the attacked pictures among the attacker's own"
    synthetic = False

    def layouts(self, evidence: Evidence) -> list[Layout]:
        cells, network = self.cells(evidence), self._network(evidence)
        size = cells.block_size
        found = place(network, split_blocks(evidence.targets, size))
        return [layout_of(*one, cells.rows, cells.columns, size) for one in zip(*found, strict=True)]

    def ideal(self, evidence: Evidence, compiled: tuple[Compiled, ...]) -> Evidence:
        known = [one.undo(target) for one, target in zip(compiled, evidence.targets, strict=True)]
        return replace(evidence, public=np.stack(known))

    def _network(self, evidence: Evidence) -> Placer:
        settings = f"{self.cells(evidence)} {BUDGETS[evidence.scale]} {SHAPES[evidence.scale]}"
        network = self._new(evidence)
        network.load_state_dict(trained_once(self.name, settings, evidence, partial(self._train, evidence)))
        return network.eval().to(best_device())

    def _new(self, evidence: Evidence) -> Placer:
        return Placer(self.cells(evidence), *SHAPES[evidence.scale])

    def _train(self, evidence: Evidence) -> dict[str, Any]:
        assert evidence.public is not None
        evidence.progress(f"    training on {len(evidence.public)} pictures")
        make, budget = partial(self._new, evidence), BUDGETS[evidence.scale]
        return fit_placer(evidence.public, make, budget, evidence.progress, evidence.seed).cpu().state_dict()
