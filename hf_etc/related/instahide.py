"""InstaHide, and pictures reconstructed from what it makes of them.

Huang, Song, Li, Arora: "InstaHide: Instance-hiding Schemes for Private Distributed Learning", ICML 2020. Each
encoding is a weighted sum of pictures, and the sign of each of its values is random. Carlini et al.: "Is Private
Learning Possible with Instance Encoding?", IEEE S&P 2021: absolute values undo the signs; which encodings share a
picture can be told from other pictures; and what many encodings share can be solved for. The steps are theirs, the
means smaller: a network of four layers, a factorisation instead of a graph, expectation-maximisation instead of
gradient descent.
"""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import breadth_first_order, minimum_spanning_tree
from torch import Tensor, nn
from torch.nn import functional as F

from ..audit.training import Budget, fit_network
from ..errors import ParameterError

MOST = 0.65  # of a weight: c1 of Huang et al.
BUDGET = Budget(steps=600, batch=64)
_OWN = 20  # pictures in a batch of the attacker's encodings
_FACTORISATION, _MAXIMISATION = 300, 40  # rounds
_NOISE = 0.3  # standard deviation of what the public pictures and wrong members add


@dataclass(frozen=True, repr=False)
class Encodings:
    """What is sent, and what is not.

    Attributes:
        pixels: float32 (M,H,W,3) in -1..1, sent.
        weights: float32 (M,N), how much of each private picture is in each; a training label is its product with the
            pictures' labels. The rest to 1 is public.
    """

    pixels: np.ndarray
    weights: np.ndarray


def encode(
    private: np.ndarray,
    random: np.random.Generator,
    rounds: int = 1,
    mixed: int = 2,
    public: np.ndarray | None = None,
    public_mixed: int = 0,
) -> Encodings:
    """Mix each picture with others, and hide the signs.

    Args:
        private: uint8 (N,H,W,3).
        random: of partners, weights and signs; a one-time key, which nobody keeps.
        rounds: each makes an encoding for every picture.
        mixed: private pictures in each encoding, all different.
        public: uint8 (L,H,W,3), mixed in, too.
        public_mixed: how many of these.

    Returns:
        N * rounds encodings; with one private picture in each and no public one, the picture without its signs.

    Raises:
        ParameterError: fewer private pictures than are mixed, or no public ones.

    Example:
        >>> pictures = np.zeros((4, 8, 8, 3), np.uint8)
        >>> found = encode(pictures, np.random.default_rng(0), rounds=3)
        >>> found.pixels.shape, (found.weights > 0).sum(1).tolist() == [2] * 12
        ((12, 8, 8, 3), True)
    """
    if not 1 <= mixed <= len(private):
        raise ParameterError(f"{mixed} of {len(private)} private pictures cannot be mixed; give more, or mix fewer")
    if public_mixed and (public is None or not len(public)):
        raise ParameterError("no public pictures to mix in; give some, or public_mixed=0")
    own, total = _values(private), mixed + public_mixed
    pixels, weights = [], np.zeros((rounds * len(private), len(private)), np.float32)
    for row in range(len(weights)):
        first = row % len(private)
        others = random.choice(len(private) - 1, mixed - 1, replace=False)
        members = np.append(first, others + (others >= first))
        share = _shares(random, total)
        weights[row, members] = share[:mixed]
        mixture = np.tensordot(share[:mixed], own[members], 1)
        if public_mixed:
            assert public is not None
            chosen = _values(public[random.integers(0, len(public), public_mixed)])
            mixture += np.tensordot(share[mixed:], chosen, 1)
        pixels.append(mixture * random.choice(np.array([-1, 1], np.float32), mixture.shape))
    return Encodings(np.stack(pixels), weights)


def _values(pictures: np.ndarray) -> np.ndarray:
    return pictures.astype(np.float32) / 127.5 - 1


def _shares(random: np.random.Generator, count: int) -> np.ndarray:
    while True:
        drawn = random.random(count, np.float32)
        drawn /= drawn.sum()
        if count == 1 or drawn.max() <= MOST:
            return drawn


def reconstruct(
    pixels: np.ndarray, pictures: int, network: "Compare", mixed: int = 2, public_mixed: int = 0, seed: int = 0
) -> np.ndarray:
    """The private pictures behind many encodings.

    Args:
        pixels: float32 (M,H,W,3), encodings; each private picture should be in 30 or more of them.
        pictures: how many private pictures there are.
        network: from :func:`learn`.
        mixed, public_mixed: as in :func:`encode`, which are public.
        seed: of the search for clusters.

    Returns:
        uint8 (pictures,H,W,3), in an order of their own, and as a whole perhaps negative: absolute values do not tell.
    """
    members = cluster(network.alike(pixels), pictures, mixed, seed)
    found = solve(np.abs(pixels).reshape(len(pixels), -1), members / np.float32(mixed + public_mixed))
    found = agree(found.reshape(pictures, *pixels.shape[1:]))
    return (found.clip(-1, 1) * 127.5 + 127.5).round().astype(np.uint8)


class Compare(nn.Module):
    """Absolute values (M,H,W,3) to unit vectors (M,D); of encodings that share a picture they are alike."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *(nn.Conv2d(3, width, 3, padding=1), nn.GELU(), nn.Conv2d(width, width, 3, padding=1), nn.GELU()),
            *(nn.Conv2d(width, width, 3, 2, 1), nn.GELU(), nn.Conv2d(width, width, 3, padding=1)),
        )
        self.scale = nn.Parameter(torch.tensor([20.0, -2.0]))

    def vectors(self, pixels: Tensor) -> Tensor:
        found = self.layers(2 * pixels.abs().permute(0, 3, 1, 2) - 1).flatten(1)
        return F.normalize(found - found.mean(0), dim=1)

    def forward(self, pixels: Tensor) -> Tensor:
        """(M,M) logits: whether two share a picture."""
        found = self.vectors(pixels)
        return self.scale[0] * found @ found.T + self.scale[1]

    def alike(self, pixels: np.ndarray) -> np.ndarray:
        """The products of the vectors of encodings: float32 (M,H,W,3) -> float64 (M,M)."""
        with torch.no_grad():
            found = self.vectors(torch.from_numpy(pixels))
        return (found @ found.T).double().numpy()


def learn(public: np.ndarray, mixed: int = 2, public_mixed: int = 0, seed: int = 0, budget: Budget = BUDGET) -> Compare:
    """Train on encodings of the attacker's own pictures to tell which share one.

    Args:
        public: uint8 (L,H,W,3), of the same kind as the private ones.
        mixed, public_mixed: as in :func:`encode`.
        seed: of weights and choices.
        budget: steps, and encodings in each.
    """
    random = np.random.default_rng(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = Compare()

    def batch() -> tuple[Tensor, Tensor]:
        own = public[random.integers(0, len(public), _OWN)]
        others = public[random.integers(0, len(public), 10 * _OWN)]
        made = encode(own, random, -(-budget.batch // _OWN), mixed, others, public_mixed)
        share = torch.from_numpy((made.weights @ made.weights.T > 0).astype(np.float32))
        return torch.from_numpy(made.pixels), share

    def loss(logits: Tensor, share: Tensor) -> Tensor:
        above = torch.ones_like(share, dtype=torch.bool).triu(1)
        return F.binary_cross_entropy_with_logits(logits[above], share[above])

    fit_network(network, batch, loss, budget, learning_rate=2e-3)
    return network


def cluster(similar: np.ndarray, pictures: int, mixed: int, seed: int = 0) -> np.ndarray:
    """Which encodings have which picture: a non-negative H with H H' near the similarities beside the diagonal.

    Args:
        similar: float (M,M).
        pictures: how many there are.
        mixed: how many are in each encoding.
        seed: of the start.

    Returns:
        bool (M,pictures), `mixed` of them in each row.

    Example:
        >>> share = np.repeat(np.eye(3), 4, 0)
        >>> cluster(share @ share.T, 3, 1).sum(0).tolist()
        [4, 4, 4]
    """
    wanted = similar.clip(0)
    np.fill_diagonal(wanted, 0)
    found = np.random.default_rng(seed).random((len(wanted), pictures)) * 2 * np.sqrt(wanted.mean() / pictures)
    for _ in range(_FACTORISATION):  # multiplicative updates (Lee and Seung 2001), damped
        made = found @ (found.T @ found) - found * (found**2).sum(1, keepdims=True)
        found *= 0.5 + 0.5 * (wanted @ found) / (made + 1e-9)
    members = np.zeros(found.shape, bool)
    np.put_along_axis(members, np.argsort(-found, 1)[:, :mixed], True, 1)
    return members


def solve(absolute: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Pictures X that make ``|weights @ X|`` the absolute values, each pixel up to its sign in all of them.

    From the leading eigenvectors of each pixel's squares (as in phase retrieval: Netrapalli, Jain, Sanghavi 2013),
    expected signs and least squares take turns.

    Args:
        absolute: float32 (M,P), not negative.
        weights: float32 (M,N).

    Returns:
        float32 (N,P).
    """
    power = np.square(absolute)
    power -= power.mean(0)
    outer = np.einsum("mp,mi,mj->pij", power, weights, weights, optimize=True)
    found = 0.5 * weights.shape[1] ** 0.5 * np.linalg.eigh(outer)[1][:, :, -1].T
    inverse = np.linalg.pinv(weights)
    for _ in range(_MAXIMISATION):
        found = inverse @ (absolute * np.tanh(absolute * (weights @ found) / _NOISE**2))
    return found


def agree(pictures: np.ndarray) -> np.ndarray:
    """Pictures (N,H,W,3) with signs, common to all of them, by which neighbouring values resemble each other."""
    height, width, colors = pictures.shape[1:]
    flat, place = pictures.reshape(len(pictures), -1), np.arange(height * width * colors).reshape(height, width, colors)
    steps = [(place[1:], place[:-1]), (place[:, 1:], place[:, :-1]), (place[:, :, 1:], place[:, :, :-1])]
    first, second = (np.concatenate([step[end].ravel() for step in steps]) for end in (0, 1))
    length = np.sqrt((flat**2).sum(0)) + 1e-9
    likeness = (flat[:, first] * flat[:, second]).sum(0) / (length[first] * length[second])
    graph = coo_matrix((1.001 - np.abs(likeness), (first, second)), shape=(place.size,) * 2)
    order, before = breadth_first_order(minimum_spanning_tree(graph), 0, directed=False)
    signs = np.ones(place.size)
    for one in order[1:]:  # along the tree of the surest neighbours
        signs[one] = signs[before[one]] * np.sign(flat[:, one] @ flat[:, before[one]] or 1)
    return (flat * signs).reshape(pictures.shape)
