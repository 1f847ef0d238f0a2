"""Feature reconstruction (Chang and Case 2020; the paper's reference [18]): two heuristics for single ciphertexts."""

import numpy as np

from ...blocks import COLORS
from ...cipher.legacy import PeSpec
from ..attack import Attack, Evidence, Recovery, register

_SIGNS = np.array([[negative >> c & 1 for c in range(3)] for negative in range(8)], np.uint8) * np.uint8(255)


@register
class FrBasic(Attack):
    """Undo negative-positive by folding: dark stays, bright is negated."""

    name = "fr-basic"
    goal = "outlines and shading of each image"
    given = "one ciphertext"
    source = "Chang and Case, arXiv:2006.01267, basic attack"
    measure = "outlines"
    positive = PeSpec(shuffle_colors=False)
    enough = 0.3

    def run(self, evidence: Evidence) -> Recovery:
        targets = evidence.targets
        return Recovery(np.where(targets <= 127, targets, targets ^ 255))


@register
class FrAdvanced(Attack):
    """Raster scan: each pixel becomes the one of its 48 variants that is nearest to a pixel before it."""

    name = "fr-advanced"
    goal = "shape and colour of each image"
    given = "one ciphertext"
    source = "Chang and Case, arXiv:2006.01267, advanced attack"
    measure = "outlines"
    positive = PeSpec()
    enough = 0.3

    def run(self, evidence: Evidence) -> Recovery:
        targets = evidence.targets
        restored = np.empty_like(targets)
        restored[:, 0, 0] = targets[:, 0, 0]  # a guess
        for column in range(1, targets.shape[2]):
            restored[:, 0, column] = _nearest(targets[:, 0, column], restored[:, 0, column - 1])
        for row in range(1, targets.shape[1]):
            restored[:, row] = _nearest(targets[:, row], restored[:, row - 1])
        return Recovery(restored)


def _nearest(pixels: np.ndarray, known: np.ndarray) -> np.ndarray:
    """The variant of each pixel (...,3) that has the least L1 distance to a known pixel (...,3)."""
    variants = (pixels[..., None, COLORS] ^ _SIGNS[:, None]).reshape(*pixels.shape[:-1], 48, 3)
    best = np.abs(variants.astype(np.int16) - known[..., None, :]).sum(-1).argmin(-1)
    return np.take_along_axis(variants, best[..., None, None], -2)[..., 0, :]
