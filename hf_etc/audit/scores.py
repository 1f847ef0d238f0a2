"""What an attack got right, measured against the plans and images that the owner holds."""

from dataclasses import dataclass

import numpy as np
import torch

from ..blocks import Layout
from ..cipher.plan import Plan
from ..metrics.similarity import Lpips, ssim
from .attack import Compiled, Recovery
from .owner import Trial
from .puzzle.board import largest_part
from .puzzle.naturalness import Reading, read, readings_of, thumbnails
from .puzzle.pieces import STATE_AFTER, STATE_INVERSE, pack, pieces_of, split_blocks, turned_steps, unpack, whole
from .record import Quartiles, Scores

_SSIM_LEAST = 11  # pixels
_LPIPS_LEAST = 32


def score(recovery: Recovery, trial: Trial, lpips: Lpips | None = None, likeness: bool = True) -> Scores:
    """Measure what an attack brought back.

    Args:
        recovery: of the trial's targets.
        trial: with the truth.
        lpips: the metric, or None to leave it out.
        likeness: measure SSIM, too; it takes the longest.
    """
    if recovery.restored is None:
        linked = None if recovery.linked is None else float(np.mean(recovery.linked == trial.copied))
        return Scores(len(trial.plain), 0, 0, linked=linked)
    restored, plain, decrypted = recovery.restored, trial.plain, trial.decrypted
    aligned = align(restored, plain) if recovery.up_to_symmetry else restored
    ssims = [similarity(plain, one) for one in (restored, aligned)] if likeness else [np.empty(0)] * 2
    ssim_raw, ssim_aligned = (Quartiles.of(values) if values.size else None for values in ssims)
    found, true = recovery.compiled or (), trial.compiled
    if len(found) == 1:  # one key for all, whatever the truth; or the other way round
        found = found * len(true)
    pairs = list(zip(found, true * len(found) if len(true) == 1 else true, strict=True)) if found else []
    jigsaws = [score_layout(a, b) for a, b in pairs if isinstance(a, Layout) and isinstance(b, Layout)]

    def mean(name: str) -> float | None:
        return float(np.mean([getattr(one, name) for one in jigsaws])) if jigsaws else None

    return Scores(
        images=len(plain),
        exact=_equal(restored, decrypted),
        exact_up_to_symmetry=_equal(aligned, decrypted),
        pieces_right=mean("pieces_right"),
        pieces_right_up_to_symmetry=mean("pieces_right_up_to_symmetry"),
        neighbours_right=mean("neighbours_right"),
        places_right=mean("places_right"),
        largest_component=mean("largest_component"),
        blocks_restored=_equal_blocks(aligned, decrypted, trial.evidence.spec.layout_block or 1),
        key_share=float(np.mean([key_share(a, b, recovery.undecidable) for a, b in pairs])) if pairs else None,
        blocks=None if recovery.undecidable is None else len(recovery.undecidable),
        undecidable=None if recovery.undecidable is None else int(recovery.undecidable.sum()),
        key_bits=trial.evidence.spec.key_bits(*trial.evidence.size),
        ssim=ssim_raw,
        ssim_up_to_symmetry=ssim_aligned,
        outlines=Quartiles.of(outlines(plain, restored)),
        lpips=_lpips(lpips, plain, restored),
    )


def key_share(found: Compiled, true: Compiled, undecidable: np.ndarray | None = None) -> float:
    """The share of blocks, or of symbols, that come from the right place and are changed as they should be.

    Args:
        found, true: what an attack found, and the truth.
        undecidable: bool (N,), cells of the picture whose blocks are not counted.
    """
    if isinstance(found, Layout) and isinstance(true, Layout) and found.form == true.form:
        agree = np.logical_and.reduce([one == other for one, other in zip(found.arrays, true.arrays, strict=True)])
        return float((agree if undecidable is None else agree[~undecidable[true.cells]]).mean())
    a, b = (Plan.of_layout(one) if isinstance(one, Layout) else one for one in (found, true))
    if a.symbol_bits != b.symbol_bits:
        return 0.0
    return float(((a.index == b.index) & (a.mask == b.mask)).mean())


def align(restored: np.ndarray, plain: np.ndarray) -> np.ndarray:
    """Each restored image in the global turn, negation and recolouring that comes nearest to the plain one."""
    readings = readings_of(*restored.shape[1:3])
    here, there = thumbnails(restored), thumbnails(plain)
    distance = torch.stack([(read(here, reading) - there).square().sum((1, 2, 3)) for reading in readings])
    best = [readings[i] for i in distance.argmin(0).tolist()]
    images = [read(_tensor(one[None]), reading) for one, reading in zip(restored, best, strict=True)]
    return torch.cat(images).permute(0, 2, 3, 1).numpy()


@dataclass(frozen=True)
class JigsawScore:
    """Shares in 0..1 (Cho 2010, Gallagher 2012).

    Attributes:
        pieces_right: Dc, blocks in their place, turned, negated and coloured right, as returned.
        pieces_right_up_to_symmetry: the same after the global symmetry that suits best.
        neighbours_right: Nc, neighbours in the plain image that are neighbours in the same way.
        places_right: neighbours in the plain image that lie side by side, whatever their states.
        largest_component: Lc, the largest part connected by right neighbours.
    """

    pieces_right: float
    pieces_right_up_to_symmetry: float
    neighbours_right: float
    places_right: float
    largest_component: float


def score_layout(found: Layout, truth: Layout) -> JigsawScore:
    """Compare a recovered layout with the true one; both of the same ciphertext.

    Example:
        >>> from hf_etc import EtcCipher, EtcKey
        >>> from hf_etc.audit.puzzle.pieces import transformed
        >>> truth = EtcCipher(EtcKey.generate()).compile(32, 32)
        >>> score_layout(transformed(truth, 3, 1, 5), truth)
        JigsawScore(pieces_right=0.0, pieces_right_up_to_symmetry=1.0, neighbours_right=1.0, places_right=1.0, \
largest_component=1.0)
    """
    (cells, states), (places, shown) = pieces_of(truth), pieces_of(found)
    states = STATE_AFTER[STATE_INVERSE[states], shown]  # what was done to each block of the plain picture
    right = [_right(truth, reading, places, states) for reading in readings_of(truth.height, truth.width)]
    at = np.full((truth.height // truth.block_size + 1, truth.width // truth.block_size + 1), -1)
    at[tuple(cells.T)] = np.arange(truth.blocks)
    first, second = np.hstack([(at[:, :-1].ravel(), at[:, 1:].ravel()), (at[:-1].ravel(), at[1:].ravel())])
    sent = (first >= 0) & (second >= 0)
    first, second = first[sent], second[sent]
    step, moved = cells[second] - cells[first], places[second] - places[first]
    joined = (states[first] == states[second]) & (turned_steps(step, unpack(states[first])[0]) == moved).all(1)
    beside = np.abs(moved).sum(1) == 1
    return JigsawScore(
        right[0],
        max(right),
        float(joined.mean()) if len(joined) else 1.0,
        float(beside.mean()) if len(beside) else 1.0,
        len(largest_part(first[joined], second[joined], truth.blocks)) / truth.blocks,
    )


def _right(truth: Layout, reading: Reading, places: np.ndarray, states: np.ndarray) -> float:
    """The share of blocks that lie where they belong in a plain picture that is turned and changed as a whole."""
    seen = whole(truth, *reading)
    shown = np.stack(np.divmod(np.argsort(seen.cells)[truth.cells], seen.columns), 1)  # place of each block's cell
    return float(((shown == places).all(1) & (states == pack(*reading))).mean())


def _equal(a: np.ndarray, b: np.ndarray) -> int:
    return int((a == b).reshape(len(a), -1).all(1).sum())


def _equal_blocks(a: np.ndarray, b: np.ndarray, size: int) -> float:
    return float(np.mean([split_blocks(one[None], size).all((2, 3, 4)).mean() for one in a == b]))


def _tensor(images: np.ndarray) -> torch.Tensor:
    return torch.tensor(images).permute(0, 3, 1, 2)


def similarity(plain: np.ndarray, restored: np.ndarray) -> np.ndarray:
    """SSIM of each pair of (N,H,W,3) images, float (N,); empty for images too small to measure."""
    if min(plain.shape[1:3]) < _SSIM_LEAST:
        return np.empty(0)
    return ssim(_tensor(plain), _tensor(restored)).numpy()


def outlines(plain: np.ndarray, restored: np.ndarray) -> np.ndarray:
    """Correlation of the strength of edges, over the pixels of each pair of (N,H,W,3) images, float (N,).

    It sees shapes in pictures whose brightness and colours are wrong, where SSIM does not.

    Example:
        >>> x = np.random.default_rng(0).integers(0, 256, (1, 16, 16, 3), np.uint8)
        >>> outlines(x, 255 - x).round(6).tolist()
        [1.0]
    """
    strengths = []
    for images in (plain, restored):
        values = images.astype(np.float32)
        down = values[:, 2:, 1:-1] - values[:, :-2, 1:-1]
        right = values[:, 1:-1, 2:] - values[:, 1:-1, :-2]
        strength = (down**2 + right**2).sum(3).reshape(len(images), -1) ** 0.5
        strengths.append(strength - strength.mean(1, keepdims=True))
    a, b = strengths
    norms = np.sqrt((a**2).sum(1) * (b**2).sum(1))
    return (a * b).sum(1) / np.maximum(norms, 1e-9)


def _lpips(metric: Lpips | None, plain: np.ndarray, restored: np.ndarray) -> Quartiles | None:
    if metric is None or min(plain.shape[1:3]) < _LPIPS_LEAST:
        return None
    return Quartiles.of(metric(_tensor(plain), _tensor(restored)).numpy())
