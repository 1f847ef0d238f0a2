"""How well two block edges fit: the Mahalanobis gradient measure, summed over ciphertexts of one key.

A *side* is one edge of one ciphertext block, read clockwise: side a * N + i is the top, right, bottom or
left (a = 0..3) of block i of N; there are P = 4 * N. Two sides can meet in 24 *variants*, 12 * flip + 2 *
color + negative: one block mirrored against the other, component c of the first beside component COLORS[color][c]
of the second, one negated against the other. 4 sides x 24 variants = the 96 states of a block.

For each side the jump over the edge is predicted from the last gradient inside the block, and compared
under the covariance of those gradients (Gallagher 2012), as a Gaussian log-likelihood. Everything about a
pair is a product of features of its two sides, so all pairs are a few matrix products.
"""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from ...blocks import COLORS
from .pieces import VARIANTS, unpack

NOISE_LEVELS = (1e-4, 1e-3, 3e-3, 1e-2)  # variance per component, with pixels in -1..1: lossless to strong JPEG
_MIDDLE_NOISE = NOISE_LEVELS[1]
_EXTRAPOLATE = 0.5  # weight of the pixel's own gradient against the side's mean gradient
_NOISE_BLOCKS = 256  # of up to two ciphertexts, to tell the level of noise; of more fewer, at the same effort
_FEW_CIPHERTEXTS = 5  # the evidence of more adds up under the highest level, too
_CAP = 24.0  # per edge pixel: what one ciphertext may say against a pair (occlusions, text, noise)
_DENSE_SIDES = 1024
_SHORTLIST = 48
_FAR = 1e9
COLOR_LISTS = [code.tolist() for code in COLORS]


class PairCosts:
    """The cost of every pair of sides, low where they fit.

    Args:
        costs: float32 (P, 24, P): first side, variant, second side.
    """

    def __init__(self, costs: Tensor) -> None:
        self._costs = costs.numpy()
        self.sides = len(costs)
        self.blocks = self.sides // 4

    def row(self, side: int) -> np.ndarray:
        """float32 (96, N): one side beside every other; row 4 * variant + a holds side a of all blocks."""
        return self._costs[side].reshape(4 * VARIANTS, self.blocks)

    def of(self, first: np.ndarray, variant: np.ndarray, second: np.ndarray) -> np.ndarray:
        """The costs of listed pairs; arrays of one shape."""
        return self._costs[first, variant, second]

    def best(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """The `count` best partners of each side: costs (P, count), ascending, and variant * P + side."""
        cost, code = torch.from_numpy(self._costs).flatten(1).topk(count, largest=False)
        return cost.numpy(), code.numpy()

    @cached_property
    def partners(self) -> np.ndarray:
        """The best partner of each side, int (P,): variant * P + side."""
        return self.best(1)[1][:, 0]


class ShortlistedCosts(PairCosts):
    """The same for the best candidates of each side only; all others get their row's worst cost.

    Args:
        costs, codes: (P, K), the candidates of each side: cost and variant * P + side.
    """

    def __init__(self, costs: Tensor, codes: Tensor) -> None:
        order = costs.argsort(1)
        self._costs, self._codes = costs.gather(1, order).numpy(), codes.gather(1, order).numpy()
        self.sides = len(costs)
        self.blocks = self.sides // 4

    def row(self, side: int) -> np.ndarray:
        out = np.full(VARIANTS * self.sides, self._costs[side, -1])
        out[self._codes[side]] = self._costs[side]
        return out.reshape(4 * VARIANTS, self.blocks)

    def of(self, first: np.ndarray, variant: np.ndarray, second: np.ndarray) -> np.ndarray:
        listed = self._codes[first] == (variant * self.sides + second)[..., None]
        where = np.where(listed.any(-1), listed.argmax(-1), -1)
        return self._costs[first, where]

    def best(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        return self._costs[:, :count], self._codes[:, :count]


def pair_costs(blocks: np.ndarray) -> PairCosts:
    """Compare all sides of all blocks.

    Args:
        blocks: uint8 (M, N, B, B, 3): the same N blocks in M ciphertexts of one key.

    Returns:
        Costs, comparable between pairs: the excess over the best partner of each of the two sides,
        capped in every ciphertext so that none can outvote the others, summed.
    """
    strips = [strips_of(torch.from_numpy(np.ascontiguousarray(one))) for one in blocks]
    noise = _noise_level(strips) if len(strips) <= _FEW_CIPHERTEXTS else max(NOISE_LEVELS)
    if 4 * blocks.shape[1] <= _DENSE_SIDES:
        return _all_pairs(strips, noise)
    return _shortlisted_pairs(strips, noise)


def edge_costs(blocks: Tensor, noise: float = _MIDDLE_NOISE) -> Tensor:
    """float32 (P, 24, P): what the sides of one ciphertext cost beside each other, uint8 (N, B, B, 3)."""
    return _costs(strips_of(blocks), noise)


def strips_of(blocks: Tensor) -> Tensor:
    """uint8 (N, B, B, 3) -> float (P, 2, B, 3) in -1..1: the outermost two lines of each side, clockwise."""
    pixels = blocks.float() / 127.5 - 1
    return torch.stack([torch.rot90(pixels, side, (1, 2))[:, :2] for side in range(4)]).flatten(0, 1)


class _Side:
    """Features of all sides of one ciphertext under one noise level.

    The cost of x beside y is x.constant + y.constant + the two Mahalanobis terms:
    sum over pixels of (y - x.ahead)' x.precision (y - x.ahead), and the same with x and y exchanged.
    """

    def __init__(self, strips: Tensor, noise: float) -> None:
        length = strips.shape[2]
        self.edge = strips[:, 0]
        gradient = self.edge - strips[:, 1]
        mean = gradient.mean(1, keepdim=True)
        spread = gradient - mean
        covariance = spread.mT @ spread / length + noise * torch.eye(3)
        self.precision = torch.linalg.inv(covariance)
        ahead = self.edge + _EXTRAPOLATE * gradient + (1 - _EXTRAPOLATE) * mean
        self.pull = ahead @ self.precision
        self.constant = (self.pull * ahead).sum((1, 2)) + length * torch.logdet(covariance)
        self.square = self.edge.mT @ self.edge

    def quadratic(self, color: int) -> tuple[Tensor, Tensor]:
        """(P, 18) twice; their product is the part that negation does not change."""
        code = COLOR_LISTS[color]
        there = torch.cat(
            [self.square[:, code][:, :, code].flatten(1), self.precision[:, code][:, :, code].flatten(1)], 1
        )
        return torch.cat([self.precision.flatten(1), self.square.flatten(1)], 1), there

    def linear(self, color: int, flip: int) -> tuple[Tensor, Tensor]:
        """(P, 6B) twice; their product is the part that changes its sign under negation."""
        edge, pull = self.edge[..., COLOR_LISTS[color]], self.pull[..., COLOR_LISTS[color]]
        if not flip:  # blocks that are not mirrored against each other read their common edge in opposite directions
            edge, pull = edge.flip(1), pull.flip(1)
        return torch.cat([self.pull, self.edge], 1).flatten(1), torch.cat([edge, pull], 1).flatten(1)


def _costs(strips: Tensor, noise: float) -> Tensor:
    """float32 (P, 24, P) for one ciphertext; a block beside itself is far away."""
    side = _Side(strips, noise)
    count = len(strips)
    out = torch.empty(count, 2, 6, 2, count)
    base = side.constant[:, None] + side.constant
    for color in range(6):
        first, second = side.quadratic(color)
        even = base + first @ second.T
        for flip in range(2):
            first, second = side.linear(color, flip)
            odd = 2 * first @ second.T
            torch.sub(even, odd, out=out[:, flip, color, 0])
            torch.add(even, odd, out=out[:, flip, color, 1])
    out = out.reshape(count, VARIANTS, count)
    block = torch.arange(count) % (count // 4)
    return out.masked_fill_((block[:, None] == block)[:, None], _FAR)


def _all_pairs(strips: Sequence[Tensor], noise: float) -> PairCosts:
    cap = _CAP * strips[0].shape[2]
    total = torch.zeros(1)
    for one in strips:
        cost = _costs(one, noise)
        best = cost.amin((1, 2))
        total = total + (cost - best[:, None, None]).clamp_max_(cap)
        total += cost.sub_(best).clamp_max_(cap)
    return PairCosts(total)


def _noise_level(strips: Sequence[Tensor]) -> float:
    """The level under which most sides are each other's best: known without any truth."""
    count = int(_NOISE_BLOCKS * min(1, (2 / len(strips)) ** 0.5))
    few = [one.unflatten(0, (4, -1))[:, :count].flatten(0, 1) for one in strips]

    def mutual(noise: float) -> float:
        partner = _all_pairs(few, noise).partners % len(few[0])
        return float((partner[partner] == np.arange(len(partner))).mean())

    return max(NOISE_LEVELS, key=mutual)


def _shortlisted_pairs(strips: Sequence[Tensor], noise: float) -> PairCosts:
    sides = [_Side(one, noise) for one in strips]
    codes = _shortlist(torch.stack([side.edge for side in sides]))
    cap = _CAP * strips[0].shape[2]
    total = torch.zeros(codes.shape)
    for side in sides:
        cost = _costs_of(side, codes)
        best = cost.amin(1)
        total += (cost - best[:, None]).clamp_max_(cap) + (cost - best[codes % len(codes)]).clamp_max_(cap)
    return ShortlistedCosts(total, codes)


def _shortlist(edges: Tensor, rows: int = 128) -> Tensor:
    """int64 (P, K): for each side the K partners of least squared difference over all ciphertexts.

    Args:
        edges: float (M, P, B, 3).
        rows: sides at a time.
    """
    scale = (edges[:, :, 1:] - edges[:, :, :-1]).square().mean((1, 2, 3), keepdim=True).sqrt() + 0.01
    edges = (edges / scale).permute(3, 1, 0, 2)  # component, side, ciphertext, pixel
    turned = [edges.flip(3).flatten(2), edges.flatten(2)]  # flip 0 and 1
    edges = edges.flatten(2)
    norm = edges.square().sum((0, 2))
    count = len(norm)
    block = torch.arange(count) % (count // 4)
    out = []
    for start in range(0, count, rows):
        chunk = edges[:, start : start + rows]
        cost = torch.empty(chunk.shape[1], 2, 6, 2, count)
        for flip, other in enumerate(turned):
            product = [[2 * chunk[c] @ other[d].T for d in range(3)] for c in range(3)]
            for color, code in enumerate(COLOR_LISTS):
                match = sum(product[c][code[c]] for c in range(3))
                cost[:, flip, color, 0], cost[:, flip, color, 1] = norm - match, norm + match
        cost.masked_fill_((block[start : start + rows, None] == block)[:, None, None, None], _FAR)
        out.append(cost.flatten(1).topk(_SHORTLIST, largest=False)[1])
    return torch.cat(out)


def _costs_of(side: _Side, codes: Tensor, rows: int = 4096) -> Tensor:
    """float32 (P, K): the costs of one ciphertext for listed pairs only."""
    count = len(codes)
    quadratic = torch.stack([side.quadratic(color)[1] for color in range(6)])
    linear = torch.stack([torch.stack([side.linear(color, flip)[1] for color in range(6)]) for flip in range(2)])
    out = torch.empty(codes.shape)
    for start in range(0, count, rows):
        code, here = codes[start : start + rows], slice(start, start + rows)
        variant, other = code // count, code % count
        flip, negative, color = unpack(variant)
        even = torch.einsum("pf,pkf->pk", side.quadratic(0)[0][here], quadratic[color, other])
        odd = torch.einsum("pf,pkf->pk", side.linear(0, 0)[0][here], linear[flip, color, other])
        out[here] = side.constant[here, None] + side.constant[other] + even - 2 * (1 - 2 * negative) * odd
    return out
