"""NeuraCrypt, its encodings matched with the pictures they were made of, and others decoded.

Yala et al.: "NeuraCrypt: Hiding Private Health Data via Random Neural Networks for Public Training",
arXiv:2106.02484, 2021. Each patch runs through a random network, which is the key; a random vector for its place is
added before the last layer, and the patches of each picture are shuffled. Its authors' first challenge gives
pictures and encodings and asks which belong together. Carlini et al.: "NeuraCrypt is not private", arXiv:2108.07256,
2021, answer it completely: a first guess that is little better than chance is boosted until it is right. Here the
guess is made of distances, which a random network keeps roughly, instead of by a trained network.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment, quadratic_assignment
from torch import Tensor, nn
from torch.nn import functional as F

from ..audit.training import to_images, to_tensor
from ..errors import GeometryError

_STARTS, _REFINED, _ROUNDS = 200, 4, 5
_QUANTILES = torch.tensor([0.02, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9])
_RIDGE = 0.1


class Encoder(nn.Module):
    """A random network for patches: the key is its seed.

    Args:
        seed: of its weights.
        sample: uint8 (N,H,W,3), pictures that set the batch normalisation, which then stays.
        patch: edge of a patch in pixels.
        width: of the network and of each token.
        depth: hidden layers; published: 7, at a width of 2,048.

    Raises:
        GeometryError: whole patches do not fill the pictures.
    """

    def __init__(self, seed: int, sample: np.ndarray, patch: int = 4, width: int = 128, depth: int = 7) -> None:
        super().__init__()
        height, view = sample.shape[1:3]
        if height % patch or view % patch:
            raise GeometryError(f"{height}x{view} is not a multiple of the patch size {patch}; choose another")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            layers: list[nn.Module] = [nn.Conv2d(3, width, patch, patch), nn.ReLU()]
            for _ in range(depth):
                layers += [nn.Conv2d(width, width, 1), nn.BatchNorm2d(width, momentum=None), nn.ReLU()]
            self.patches = nn.Sequential(*layers)
            self.places = nn.Parameter(torch.randn(height * view // patch**2, width))
            self.mixer = nn.Linear(width, width)
        with torch.no_grad():
            self.patches(to_tensor(sample, self.places.device))
        self.eval().requires_grad_(False)

    def forward(self, pixels: Tensor) -> Tensor:
        """(N,3,H,W) in -1..1 to tokens (N,T,width), in raster order."""
        return self.mixer(F.relu(self.patches(pixels).flatten(2).mT + self.places))

    def encode(self, pictures: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """Tokens of each picture in an order of its own: uint8 (N,H,W,3) -> float32 (N,T,width).

        Example:
            >>> pictures = np.zeros((2, 8, 8, 3), np.uint8)
            >>> Encoder(0, pictures, width=16).encode(pictures, np.random.default_rng(0)).shape
            (2, 4, 16)
        """
        with torch.no_grad():
            tokens = self(to_tensor(pictures, self.places.device)).cpu().numpy()
        return np.stack([random.permutation(one) for one in tokens])


@dataclass(frozen=True, repr=False)
class Match:
    """What an attack has found.

    Attributes:
        pictures: int (N,), for each encoding the number of its picture.
        centers: float (T,W), the mean token of each place, in an order of the attack's own.
        columns: int (T,), for each place of a picture the number of its mean.
        linear: float (W,3*patch*patch), from a token's distance to its mean to that of a patch.
        patches: float (T,3*patch*patch), mean patches.
        size: (height, width) of the pictures.
        patch: edge of a patch in pixels.
    """

    pictures: np.ndarray
    centers: Tensor
    columns: np.ndarray
    linear: Tensor
    patches: Tensor
    size: tuple[int, int]
    patch: int

    def decode(self, tokens: np.ndarray) -> np.ndarray:
        """Other encodings of the same key: float32 (N,T,W) -> uint8 (N,H,W,3)."""
        found = (_sorted(torch.from_numpy(tokens), self.centers) - self.centers)[:, self.columns]
        patches = found @ self.linear + self.patches
        return to_images(F.fold(patches.mT, self.size, self.patch, stride=self.patch))


def match(tokens: np.ndarray, pictures: np.ndarray, patch: int = 4, seed: int = 0) -> Match:
    """Which encoding is whose.

    The shuffle is undone first: the vector of a place makes tokens of one place in all pictures a group. How far
    pictures lie from the others at a place, and at which places together, is much the same before and after
    encoding; so places, and then pictures, are assigned to each other. From these pairs a map from patches to tokens
    is fitted, linear in values and squares, and its predictions make better pairs, a few times over. Of a few
    guesses the one counts whose predictions end up best.

    Args:
        tokens: float32 (N,T,W), of one key.
        pictures: uint8 (N,H,W,3), of which they are, in another order.
        patch: edge of a patch in pixels.
        seed: of the starts of the search for places.
    """
    plain = to_tensor(pictures, torch.device("cpu"))
    patches = F.unfold(plain, patch, stride=patch).mT.contiguous()
    centers = torch.from_numpy(tokens[0])
    for _ in range(_ROUNDS):
        sorted_tokens = _sorted(torch.from_numpy(tokens), centers)
        centers = sorted_tokens.mean(0)
    moved, seen = sorted_tokens - centers, patches - patches.mean(0)
    powers = torch.cat([seen, seen.square() - seen.square().mean(0)], 2)
    directions, best = F.normalize(moved, dim=2), -np.inf
    for guess in _places(patches, sorted_tokens, seed):
        mine = _assign(-torch.cdist(_far(sorted_tokens[:, guess]), _far(patches)))
        for _ in range(_ROUNDS):
            predicted = F.normalize(powers @ _linear(powers[mine], moved[:, guess]), dim=2)
            likeness = torch.einsum("itd,jtd->ij", directions[:, guess], predicted)
            mine = _assign(likeness)
            guess = _assign(torch.einsum("ipd,iqd->pq", predicted[mine], directions))
        if (total := float(likeness[range(len(mine)), mine].sum())) > best:
            best, order, columns = total, mine, guess
    linear = _linear(moved[:, columns], seen[order])
    return Match(order, centers, columns, linear, patches.mean(0), pictures.shape[1:3], patch)


def _sorted(tokens: Tensor, centers: Tensor) -> Tensor:
    return torch.stack([one[_assign(-torch.cdist(centers, one).square())] for one in tokens])


def _assign(likeness: Tensor) -> np.ndarray:
    """For each row its column, all different, where the sum is largest."""
    return linear_sum_assignment(likeness.numpy(), maximize=True)[1]


def _places(patches: Tensor, tokens: Tensor, seed: int) -> Iterator[np.ndarray]:
    """For each place of a picture its column of sorted tokens: places that are unusual together, stay so. Guesses."""

    def together(values: Tensor) -> np.ndarray:
        unusual = torch.stack([torch.cdist(one, one).mean(1) for one in values.unbind(1)])
        return np.corrcoef(unusual.argsort(1).argsort(1).numpy())

    before, after, random = together(patches), together(tokens), np.random.default_rng(seed)
    options = {"maximize": True, "rng": random}
    rough = [quadratic_assignment(before, after, "faq", options | {"P0": "randomized"}) for _ in range(_STARTS)]
    for one in sorted(rough, key=lambda one: -one.fun)[:_REFINED]:
        guess = np.stack([np.arange(len(before)), one.col_ind], 1)
        yield quadratic_assignment(before, after, "2opt", options | {"partial_guess": guess}).col_ind


def _far(values: Tensor) -> Tensor:
    """How far each picture (N,T,D) is from the others at each place, as ranks: float (N, T * quantiles)."""
    distances = (torch.cdist(one, one) for one in values.unbind(1))
    quantiles = torch.cat([torch.quantile(one, _QUANTILES, dim=1) for one in distances])
    return quantiles.argsort(1).argsort(1).T / len(values)


def _linear(given: Tensor, wanted: Tensor) -> Tensor:
    """Ridge regression over pictures and places."""
    given, wanted = given.flatten(0, 1), wanted.flatten(0, 1)
    power = given.T @ given
    return torch.linalg.solve(power + _RIDGE * power.diagonal().mean() * torch.eye(len(power)), given.T @ wanted)
