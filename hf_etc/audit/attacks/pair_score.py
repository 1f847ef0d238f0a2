"""Pair score: a jigsaw whose measure of fit was learned, so that blocks need not touch."""

import hashlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch

from ...cipher import CipherSpec
from ...files import whole_file
from ..attack import Evidence, Scale, register
from ..puzzle.compatibility import PairCosts
from ..puzzle.learned import Judge, Relation, fit_judge, fit_relation, learned_costs
from .jigsaw import Jigsaw

PICTURES: dict[Scale, tuple[int, int, int]] = {
    "smoke": (20, 8, 60),
    "small": (600, 100, 600),
    "paper": (2000, 600, 4000),
}
"""Pictures for the relation, then for the judge, at most, and the judge's steps."""
_KEPT = 2  # the audited cipher's, and the one of the positive control, whose blocks touch
_LAST: dict[str, tuple[Relation, Judge]] = {}


@register
class PairScore(Jigsaw):
    """The jigsaw of single ciphertexts with a measure that was fitted to the attacker's own pictures.

    They are cut as the cipher cuts, with its public block size, gap and jitter. What neighbours have in common is
    learned from them in closed form, and a small network ranks the candidates of each side.
    """

    name = "pair-score"
    goal = "each image, from its ciphertext alone, by a measure of fit that was learned across the gaps"
    given = "plain images of the attacker's own; then one ciphertext"
    source = "this package"
    needs = frozenset({"public"})
    trained = True
    advice = "Neighbours can be told across the gaps: a wider gap, more jitter and fewer blocks leave less to find."

    def measure_of(self, evidence: Evidence) -> Callable[[np.ndarray], PairCosts]:
        relation, judge = self._trained(evidence)
        return partial(learned_costs, relation=relation, judge=judge)

    def applies_to(self, spec: CipherSpec, height: int, width: int) -> str | None:
        if spec.key_scope != "image":
            return "ciphertexts of one key add up, which takes no training; attack them together"
        return super().applies_to(spec, height, width)

    def _trained(self, evidence: Evidence) -> tuple[Relation, Judge]:
        """From the last run or the evidence's folder, or trained now; one for all controls."""
        assert evidence.public is not None
        cells, budget = self.cells(evidence), PICTURES[evidence.scale]
        text = f"{cells} {budget} {evidence.seed}".encode() + evidence.public.tobytes()
        name = f"{self.name}-{hashlib.sha256(text).hexdigest()[:16]}"
        if name not in _LAST:
            path = evidence.folder / f"{name}.pt" if evidence.folder else None
            for old in list(_LAST)[: len(_LAST) + 1 - _KEPT]:
                del _LAST[old]
            _LAST[name] = _load(path) if path and path.exists() else self._train(evidence, path)
        return _LAST[name]

    def _train(self, evidence: Evidence, path: Path | None) -> tuple[Relation, Judge]:
        assert evidence.public is not None
        cells, (many, few, steps) = self.cells(evidence), PICTURES[evidence.scale]
        half = max(1, len(evidence.public) // 2)
        evidence.progress(f"    training on {min(len(evidence.public), many + few)} pictures")
        relation = fit_relation(evidence.public[: min(half, many)], cells, evidence.seed)
        others = evidence.public[half:][:few] if len(evidence.public) > 1 else evidence.public
        judge = fit_judge(others, cells, relation, steps, evidence.progress, evidence.seed)
        if path:
            with whole_file(path) as file:
                torch.save({"relation": vars(relation), "judge": judge.state_dict()}, file)
        return relation, judge


def _load(path: Path) -> tuple[Relation, Judge]:
    stored = torch.load(path, weights_only=True)
    judge = Judge(len(stored["judge"]["0.weight"]))
    judge.load_state_dict(stored["judge"])
    return Relation(**stored["relation"]), judge.eval()
