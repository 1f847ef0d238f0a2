"""What an attack got right, measured against the plans and images that the owner holds."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import lgamma, log, log2

import numpy as np
import torch

from ..cipher import CipherSpec
from ..cipher.plan import Plan
from ..metrics.similarity import Lpips, ssim
from .attack import Recovery, block_size_of
from .puzzle.naturalness import read, readings_of, thumbnails
from .puzzle.pieces import COLOR_AFTER, COLOR_INVERSE, Layout, turn_after, turn_inverse
from .record import Quartiles, Scores

_SSIM_LEAST = 11  # pixels
_LPIPS_LEAST = 32


def score(
    recovery: Recovery,
    plain: np.ndarray,
    decrypted: np.ndarray,
    plans: Sequence[Plan],
    spec: CipherSpec,
    lpips: Lpips | None = None,
    likeness: bool = True,
) -> Scores:
    """Measure what an attack brought back.

    Args:
        recovery: of T targets.
        plain: uint8 (T,H,W,3), the targets before encryption.
        decrypted: uint8 (T,H,W,3), what the key makes of the ciphertexts: `plain` unless they are lossy.
        plans: the true decryption plans, one for all targets or one each.
        spec: the cipher.
        lpips: the metric, or None to leave it out.
        likeness: measure SSIM, too; it takes the longest.
    """
    restored = recovery.restored
    aligned = align(restored, plain) if recovery.up_to_symmetry else restored
    ssims = [similarity(plain, one) for one in (restored, aligned)] if likeness else [np.empty(0)] * 2
    ssim_raw, ssim_aligned = (Quartiles.of(values) if values.size else None for values in ssims)
    found = tuple(recovery.plans or ())
    if len(found) == 1:  # one key for all, whatever the truth; or the other way round
        found = found * len(plans)
    plans = tuple(plans) * len(found) if len(plans) == 1 else plans
    jigsaws = [
        score_layout(Layout.of_plan(mine.inverse(), size), Layout.of_plan(true.inverse(), size))
        for size in [block_size_of(spec)]
        if size and found
        for mine, true in zip(found, plans, strict=True)
    ]

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
        key_share=float(np.mean([key_share(a, b) for a, b in zip(found, plans, strict=True)])) if found else None,
        key_bits=key_bits(spec, plain.shape[1], plain.shape[2]),
        ssim=ssim_raw,
        ssim_up_to_symmetry=ssim_aligned,
        outlines=Quartiles.of(outlines(plain, restored)),
        lpips=_lpips(lpips, plain, restored),
    )


def key_share(found: Plan, true: Plan) -> float:
    """The share of symbols that a plan reads from the right place with the right sign."""
    if found.symbol_bits != true.symbol_bits:
        return 0.0
    return float(((found.index == true.index) & (found.mask == true.mask)).mean())


def key_bits(spec: CipherSpec, height: int, width: int) -> float | None:
    """log2 of the number of different plans of a cipher at one size; None for ciphers not counted here.

    Example:
        >>> from hf_etc.cipher import EtcSpec
        >>> round(key_bits(EtcSpec(), 32, 32), 1)
        30.9
    """
    size = getattr(spec, "block_size", 4)
    blocks = (height // size) * (width // size)
    if spec.name == "etc":
        bits = {"permutation": _log2_factorial(blocks), "rotation": 3.0, "negative-positive": 1.0, "color": log2(6)}
        each = 1 if getattr(spec, "shared_block_key", False) else blocks
        return sum(bits[step] * (1 if step == "permutation" else each) for step in getattr(spec, "steps", ()))
    if spec.name == "pe":
        return height * width * (3 + (log2(6) if getattr(spec, "shuffle_colors", True) else 0))
    if spec.name in ("le", "ele"):
        return _log2_factorial(96) * (blocks if spec.name == "ele" else 1) + (
            _log2_factorial(blocks) if spec.name == "ele" else 0
        )
    return None


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
        >>> truth = Layout.of_plan(EtcCipher(EtcKey.generate()).plan(32, 32), 16)
        >>> score_layout(truth.transformed(3, 1, 5), truth)
        JigsawScore(pieces_right=0.0, pieces_right_up_to_symmetry=1.0, neighbours_right=1.0, places_right=1.0, \
largest_component=1.0)
    """
    up_to_symmetry = max(found.same(layout).mean() for layout in truth.symmetries())
    pairs, right = _neighbours(found, truth)
    return JigsawScore(
        float(found.same(truth).mean()),
        float(up_to_symmetry),
        float(right.mean()) if len(pairs) else 1.0,
        _side_by_side(found, pairs),
        _largest(pairs[right], len(truth.cells)) / len(truth.cells),
    )


def _neighbours(found: Layout, truth: Layout) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of blocks that are neighbours in the plain image, int (E,2), and whether they were found so."""
    block = np.argsort(truth.cells).reshape(truth.rows, truth.columns)
    sideways = np.stack([block[:, :-1].ravel(), block[:, 1:].ravel()], 1)
    down = np.stack([block[:-1].ravel(), block[1:].ravel()], 1)
    pairs = np.concatenate([sideways, down])
    step = np.repeat([[0, 1], [1, 0]], [len(sideways), len(down)], axis=0)
    first, second = pairs.T
    # The change from the true to the found state of each block: for a right pair it is the same change,
    # and the found step is the true step under that change.
    turn, *look = _change(found, truth, first)
    turn_too, *look_too = _change(found, truth, second)
    same = (turn == turn_too) & np.equal(look, look_too).all(0)
    row, column = np.divmod(found.cells, found.columns)
    moved = np.stack([row[second] - row[first], column[second] - column[first]], 1)
    return pairs, same & (moved == _turned_steps(step, turn)).all(1)


def _side_by_side(found: Layout, pairs: np.ndarray) -> float:
    row, column = np.divmod(found.cells, found.columns)
    first, second = pairs.T
    steps = np.abs(row[first] - row[second]) + np.abs(column[first] - column[second])
    return float((steps == 1).mean()) if len(pairs) else 1.0


def _change(found: Layout, truth: Layout, block: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    turn = turn_after(found.turns[block], turn_inverse(truth.turns[block]))
    color = COLOR_AFTER[COLOR_INVERSE[truth.colors[block]], found.colors[block]]
    return turn, found.negatives[block] ^ truth.negatives[block], color


def _turned_steps(step: np.ndarray, turn: np.ndarray) -> np.ndarray:
    row, column = step[:, 0], np.where(turn >= 4, -step[:, 1], step[:, 1])
    for quarter in range(3):
        more = turn % 4 > quarter
        row, column = np.where(more, -column, row), np.where(more, row, column)
    return np.stack([row, column], 1)


def _largest(edges: np.ndarray, blocks: int) -> int:
    """Size of the largest connected component."""
    label = np.arange(blocks)
    while True:
        low = label.copy()
        np.minimum.at(low, edges[:, 0], label[edges[:, 1]])
        np.minimum.at(low, edges[:, 1], label[edges[:, 0]])
        if np.array_equal(low, label):
            return int(np.bincount(label).max())
        label = low


def _log2_factorial(n: int) -> float:
    return lgamma(n + 1) / log(2)


def _equal(a: np.ndarray, b: np.ndarray) -> int:
    return int((a == b).reshape(len(a), -1).all(1).sum())


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
