"""Pair score: a jigsaw whose measure of fit was learned, so that blocks need not touch."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ..attack import Evidence, Scale, register
from ..puzzle.compatibility import PairCosts
from ..puzzle.learned import Judge, Relation, fit_judge, fit_relation, learned_costs
from ..training import trained_once
from .jigsaw import LearnedJigsaw

PICTURES: dict[Scale, tuple[int, int, int]] = {
    "smoke": (20, 8, 60),
    "small": (600, 100, 600),
    "paper": (2000, 600, 4000),
}
"""Pictures for the relation, then for the judge, at most, and the judge's steps."""


@register
class PairScore(LearnedJigsaw):
    """The jigsaw of single ciphertexts with a measure that was fitted to the attacker's own pictures.

    They are cut as the cipher cuts, with its public block size, gap and jitter. What neighbours have in common is
    learned from them in closed form, and a small network ranks the candidates of each side.
    """

    name = "pair-score"
    goal = "each image, from its ciphertext alone, by a measure of fit that was learned across the gaps"
    source = "this package"

    def measure_of(self, evidence: Evidence) -> Callable[[np.ndarray], PairCosts]:
        settings = f"{self.cells(evidence)} {PICTURES[evidence.scale]}"
        stored = trained_once(self.name, settings, evidence, partial(self._train, evidence))
        judge = Judge(len(stored["judge"]["0.weight"]))
        judge.load_state_dict(stored["judge"])
        return partial(learned_costs, relation=Relation(**stored["relation"]), judge=judge.eval())

    def _train(self, evidence: Evidence) -> dict[str, Any]:
        assert evidence.public is not None
        cells, (many, few, steps) = self.cells(evidence), PICTURES[evidence.scale]
        half = max(1, len(evidence.public) // 2)
        evidence.progress(f"    training on {min(len(evidence.public), many + few)} pictures")
        relation = fit_relation(evidence.public[: min(half, many)], cells, evidence.seed)
        others = evidence.public[half:][:few] if len(evidence.public) > 1 else evidence.public
        judge = fit_judge(others, cells, relation, steps, evidence.progress, evidence.seed)
        return {"relation": vars(relation), "judge": judge.state_dict()}
