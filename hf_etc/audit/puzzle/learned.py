"""Which sides fit, learned from the attacker's own pictures: also across pixels that are missing between the blocks.

First, :class:`Relation`: what a block and the one beside it have in common, their canonical correlations, in closed
form. Whether two sides fit is then a few matrix products for all pairs, and gives the candidates of each side, beside
the measure of edges (:mod:`hf_etc.audit.puzzle.compatibility`). Second, :class:`Judge`: a small network that ranks the
candidates of each side by how far each of these directions, and the edges, are off.

Both know the cipher's symmetries from the start: mirrored pictures, negatives and other orders of the colours are as
likely as the pictures themselves, so grey and the two chroma directions are independent, and both chromas alike.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .cells import Cells
from .compatibility import COLOR_LISTS, ShortlistedCosts, edge_costs
from .pieces import VARIANT_INVERSE, VARIANTS, unpack

GREY, CHROMA = 48, 24  # directions of a relation, at most
CANDIDATES = 24  # of each side by either measure
_COLORS = torch.tensor([[1.0, 1.0, 1.0], [1.0, -1.0, 0.0], [1.0, 1.0, -2.0]])
_COLORS = _COLORS / _COLORS.norm(dim=1, keepdim=True)  # grey and two directions of chroma
_LEAST = 0.2  # correlation of a direction that says something
_TAIL = 4.0  # degrees of freedom: residuals of pictures have long tails
_MOST, _NOTHING = 24.0, 1.0
_SIDES, _BATCH, _RATE = 128, 128, 3e-3  # sides of each picture that are learned from


def sides_of(blocks: np.ndarray) -> Tensor:
    """uint8 (N,B,B,3) -> float (P,3,B,B) in -1..1: every block with each of its sides on top, read clockwise."""
    pixels = torch.from_numpy(blocks).permute(0, 3, 1, 2).float() / 127.5 - 1
    return torch.cat([torch.rot90(pixels, side, (2, 3)) for side in range(4)])


def beside(sides: Tensor, variant: int) -> Tensor:
    """Sides (P,3,B,B) in one variant, aligned with the side that they meet."""
    flip, negative, color = unpack(variant)
    out = sides[:, COLOR_LISTS[color]]
    return (out if flip else out.flip(3)) * (1 - 2 * negative)


def colors_of(sides: Tensor) -> Tensor:
    """(P,3,B,B) -> (3,P,B*B): grey and the two chromas."""
    return torch.einsum("kc,pcx->kpx", _COLORS, sides.flatten(2))


@dataclass(frozen=True)
class Relation:
    """Canonical correlations of blocks that lie beside each other, both with the common side on top.

    Attributes:
        grey, chroma: (B*B,D): a block's pixels to its directions, each of unit variance.
        grey_like, chroma_like: (D,), correlations of the directions of two neighbours.
    """

    grey: Tensor
    grey_like: Tensor
    chroma: Tensor
    chroma_like: Tensor

    @classmethod
    def fit(cls, own: Tensor, common: Tensor) -> "Relation":
        """From covariances (2,B*B,B*B), of grey and of chroma: of a block's pixels, and with its neighbour's."""
        parts: list[Tensor] = []
        for covariance, cross, most in zip(own, common, (GREY, CHROMA), strict=True):
            sizes, axes = torch.linalg.eigh(covariance + 1e-4 * torch.eye(len(covariance)))
            white = axes * sizes.rsqrt()
            likes, turns = torch.linalg.eigh(white.mT @ cross @ white)
            best = likes.abs().argsort(descending=True)[:most]
            best = best[: max(1, int((likes[best].abs() > _LEAST).sum()))]
            parts += [white @ turns[:, best], likes[best].clamp(-0.9999, 0.9999)]
        return cls(*parts)

    @property
    def like(self) -> Tensor:
        """(D + 2D',), the correlations of :meth:`directions`."""
        return torch.cat([self.grey_like, self.chroma_like, self.chroma_like])

    def directions(self, sides: Tensor) -> Tensor:
        """(P,3,B,B) -> (P, D + 2D')."""
        grey, first, second = colors_of(sides)
        return torch.cat([grey @ self.grey, first @ self.chroma, second @ self.chroma], 1)

    def all_scores(self, own: Tensor, others: Tensor) -> Tensor:
        """How much likelier a pair is than two random sides, in nats: directions (P,D) and (24,P,D) -> (P,24,P)."""
        like = self.like
        spread = (1 - like**2).rsqrt()
        out = torch.empty(len(own), len(others), len(own))
        here, ahead = own * spread, own * like * spread
        energy, size = (_log(one.square().sum(-1)) for one in (own, own))
        for variant, other in enumerate(others):
            there, back = other * spread, other * like * spread
            off = _squares(ahead, there), _squares(here, back)
            out[:, variant] = (energy[:, None] + size - _log(off[0]) - _log(off[1])) * (_TAIL + len(like)) / 4
        block = torch.arange(len(own)) % (len(own) // 4)
        return out.masked_fill_((block[:, None] == block)[:, None], -1e4)

    def off(self, own: Tensor, other: Tensor) -> Tensor:
        """(K, D + 2D'): by how much listed pairs miss, in standard deviations."""
        like = self.like
        return (torch.maximum((other - like * own).abs(), (own - like * other).abs())) * (1 - like**2).rsqrt()


def _log(energy: Tensor) -> Tensor:
    return torch.log1p(energy / _TAIL)


def _squares(a: Tensor, b: Tensor) -> Tensor:
    """(P,Q), squared distances."""
    return (a.square().sum(1)[:, None] + b.square().sum(1) - 2 * a @ b.mT).clamp_min_(0)


def fit_relation(pictures: np.ndarray, cells: Cells, seed: int = 0) -> Relation:
    """What neighbours in plain pictures, uint8 (L,H,W,3), have in common."""
    partner, random = partners_of(cells.rows, cells.columns), np.random.default_rng(seed)
    found = [covariances(cells.cut(one[None], random)[0], partner) for one in pictures]
    own, common = (torch.stack(parts).mean(0) for parts in zip(*found, strict=True))
    return Relation.fit(own, common)


def fit_judge(
    pictures: np.ndarray,
    cells: Cells,
    relation: Relation,
    steps: int,
    progress: Callable[[str], None] = lambda line: None,
    seed: int = 0,
) -> "Judge":
    """Train on plain pictures: which of the candidates of a side is its partner, or that none is."""
    partner = torch.from_numpy(partners_of(cells.rows, cells.columns))
    random = np.random.default_rng(seed)
    examples, answers = [], []
    for number, one in enumerate(pictures):
        found = Candidates.of(cells.cut(one[None], random)[0], relation)
        right = found.codes == partner[:, None]
        keep = torch.from_numpy(random.permutation(len(partner))[:_SIDES])
        examples.append(found.features[keep].half())
        answers.append(torch.where(right.any(1), right.int().argmax(1) + 1, 0)[keep])
        if not (number + 1) % 50:
            progress(f"    {number + 1} of {len(pictures)} pictures read")
    features, answer = torch.cat(examples), torch.cat(answers)
    torch.manual_seed(seed)
    judge = Judge(features.shape[2])
    optimizer = torch.optim.AdamW(judge.parameters(), _RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _RATE, steps)
    for _ in range(steps):
        some = torch.from_numpy(random.integers(0, len(features), _BATCH))
        scores = judge(features[some].float().flatten(0, 1)).view(_BATCH, -1)
        loss = F.cross_entropy(F.pad(scores, (1, 0)), answer[some])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return judge.eval()


def covariances(blocks: np.ndarray, partner: np.ndarray) -> tuple[Tensor, Tensor]:
    """What :meth:`Relation.fit` takes, of one picture's blocks in their order, averaged over its symmetries.

    Args:
        blocks: uint8 (N,B,B,3).
        partner: of :func:`partners_of`.
    """
    sides = sides_of(blocks)
    has = torch.from_numpy(np.flatnonzero(partner >= 0))
    here, there = colors_of(sides[has]), colors_of(beside(sides[torch.from_numpy(partner)[has]], 0))
    own, cross = here.mT @ here / len(has), here.mT @ there / len(has)
    edge = blocks.shape[1]
    both = []
    for matrix in (own, cross):
        matrix = torch.stack([matrix[0], (matrix[1] + matrix[2]) / 2])
        matrix = matrix + matrix.mT
        mirrored = matrix.unflatten(2, (edge, edge)).flip(3).flatten(2).unflatten(1, (edge, edge)).flip(2).flatten(1, 2)
        both.append((matrix + mirrored) / 4)
    return both[0], both[1]


def partners_of(rows: int, columns: int) -> np.ndarray:
    """int (P,): the side that each side meets in a picture in its order, -1 at the border."""
    grid = np.arange(rows * columns).reshape(rows, columns)
    count, out = grid.size, np.full(4 * grid.size, -1)
    for side, here, there in ((1, grid[:, :-1], grid[:, 1:]), (2, grid[:-1], grid[1:])):
        other = (side + 2) % 4
        out[side * count + here.ravel()] = other * count + there.ravel()
        out[other * count + there.ravel()] = side * count + here.ravel()
    return out


@dataclass(frozen=True)
class Candidates:
    """The partners that come into question for each side.

    Attributes:
        codes: int64 (P,K), variant * P + side.
        features: float32 (P,K,F), what :class:`Judge` sees of each pair.
    """

    codes: Tensor
    features: Tensor

    @classmethod
    def of(cls, blocks: np.ndarray, relation: Relation) -> "Candidates":
        """Those of uint8 (N,B,B,3)."""
        sides = sides_of(blocks)
        count = len(sides)
        own = relation.directions(sides)
        others = torch.stack([relation.directions(beside(sides, variant)) for variant in range(VARIANTS)])
        seen, edges = relation.all_scores(own, others), edge_costs(torch.from_numpy(blocks))
        many = min(CANDIDATES, 4 * count)
        by_relation = seen.flatten(1).topk(many)[1]
        rest = edges.flatten(1).scatter(1, by_relation, 1e8)  # of the others
        codes = torch.cat([by_relation, rest.topk(many, largest=False)[1]], 1)
        scalars = []
        for values, best, scale in ((seen, seen.amax((1, 2)), 0.1), (-edges, -edges.amin((1, 2)), 0.02)):
            one = values.flatten(1).gather(1, codes)
            both = torch.stack([one - best[:, None], one - best[codes % count], one], -1) * scale
            scalars.append(both[..., : 3 if scale == 0.1 else 2].clamp(-8, 8))
        first = torch.arange(count)[:, None].expand_as(codes)
        off = relation.off(own[first], others.flatten(0, 1)[codes])
        texture = (sides[:, :, 1:] - sides[:, :, :-1]).square().mean((1, 2, 3)).add(1e-4).log()[:, None] / 2
        texture = torch.cat([texture, own.square().mean(1, keepdim=True).add(1e-2).log()], 1)
        about = [texture[first] + texture[codes % count], (texture[first] - texture[codes % count]).abs()]
        return cls(codes, torch.cat([*scalars, *about, off.add(0.05).log()], -1))


class Judge(nn.Sequential):
    """Scores pairs by their features (...,F) -> (...,1)."""

    def __init__(self, features: int) -> None:
        super().__init__(
            nn.BatchNorm1d(features), nn.Linear(features, 128), nn.GELU(), nn.Linear(128, 64), nn.GELU(),
            nn.Linear(64, 1),
        )  # fmt: skip


@torch.no_grad()
def learned_costs(blocks: np.ndarray, relation: Relation, judge: Judge) -> ShortlistedCosts:
    """The costs of one ciphertext's pairs of sides, in nats; uint8 (N,B,B,3)."""
    found = Candidates.of(blocks, relation)
    count, many = found.codes.shape
    scores = judge(found.features.flatten(0, 1))[:, 0].numpy()
    return costs_of(np.arange(count).repeat(many), found.codes.flatten().numpy(), scores, count)


def costs_of(first: np.ndarray, codes: np.ndarray, scores: np.ndarray, count: int) -> ShortlistedCosts:
    """Costs from scores of listed pairs: how much less likely a pair is than all that either side could meet."""
    variant, second = np.divmod(codes, count)
    width = VARIANTS * count
    keys = np.concatenate([first * width + codes, second * width + VARIANT_INVERSE[variant] * count + first])
    keys, place = np.unique(keys, return_inverse=True)
    score = np.bincount(place, np.tile(scores, 2)) / np.bincount(place)
    first, codes = np.divmod(keys, width)
    total = np.full(count, _NOTHING)
    np.add.at(total, first, np.exp(score))
    cost = np.minimum(np.log(total)[first] + np.log(total)[codes % count] - 2 * score, _MOST)
    order = np.lexsort((cost, first))
    first, codes, cost = first[order], codes[order], cost[order]
    begin = np.searchsorted(first, np.arange(count + 1))
    take = np.minimum(begin[:-1, None] + np.arange(2 * CANDIDATES), begin[1:, None] - 1)
    return ShortlistedCosts(torch.from_numpy(cost[take].astype(np.float32)), torch.from_numpy(codes[take]))
