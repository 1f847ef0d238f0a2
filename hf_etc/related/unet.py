"""A U-Net that makes pictures unrecognisable to people and not to one classifier, and a second one that undoes it.

Ito, Kinoshita, Kiya: "Image to Perturbation: An Image Transformation Network for Generating Visually Protected
Images for Privacy-Preserving Deep Neural Networks", IEEE Access 9, 2021. There is no key: the network stands on
every client, so whoever has it makes as many pairs of pictures as it takes to train the inverse.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..audit.training import Budget, fit_network, to_images, to_tensor
from ..errors import ParameterError

BUDGET = Budget(steps=600, batch=16)
_CPU = torch.device("cpu")
_PART = 100  # pictures at a time


class UNet(nn.Module):
    """Pictures to pictures, (N,3,H,W) in -1..1, of any edges that are multiples of 4.

    Args:
        seed: of its weights.
        width: channels at full resolution, doubled at each of two halvings.
    """

    def __init__(self, seed: int = 0, width: int = 16) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.first, self.second, self.third = _step(3, width), _step(width, 2 * width), _step(2 * width, 4 * width)
            self.fourth, self.fifth = _step(6 * width, 2 * width), _step(3 * width, width)
            self.last = nn.Conv2d(width, 3, 1)

    def forward(self, pixels: Tensor) -> Tensor:
        full = self.first(pixels)
        half = self.second(F.max_pool2d(full, 2))
        quarter = self.third(F.max_pool2d(half, 2))
        half = self.fourth(torch.cat([half, F.interpolate(quarter, scale_factor=2.0)], 1))
        full = self.fifth(torch.cat([full, F.interpolate(half, scale_factor=2.0)], 1))
        return torch.tanh(self.last(full))

    def encode(self, pictures: np.ndarray) -> np.ndarray:
        """uint8 (N,H,W,3) -> uint8 (N,H,W,3).

        Raises:
            ParameterError: an edge is no multiple of 4.

        Example:
            >>> UNet(width=4).eval().encode(np.zeros((2, 8, 8, 3), np.uint8)).shape
            (2, 8, 8, 3)
        """
        if pictures.shape[1] % 4 or pictures.shape[2] % 4:
            raise ParameterError(f"{pictures.shape[1]}x{pictures.shape[2]}: resize to a multiple of 4")
        with torch.no_grad():
            return to_images(torch.cat([self(part) for part in to_tensor(pictures, _CPU).split(_PART)]))


def _step(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU())


class _Protection(nn.Module):
    """The loss of a U-Net on (pictures, labels): what the classifier says, less how far features move."""

    def __init__(self, network: UNet, classify: Callable, features: Callable, share: float) -> None:
        super().__init__()
        self.network = network
        self.classify, self.features, self.share = (lambda x: classify(x)), (lambda x: features(x)), share

    def forward(self, given: tuple[Tensor, Tensor]) -> Tensor:
        pixels, labels = given
        made = self.network(pixels)
        moved = F.mse_loss(self.features(made), self.features(pixels))
        return F.cross_entropy(self.classify(made), labels) - self.share * moved


def protect(
    network: UNet,
    pictures: np.ndarray,
    labels: np.ndarray,
    classify: Callable[[Tensor], Tensor],
    features: Callable[[Tensor], Tensor],
    share: float,
    seed: int = 0,
    budget: Budget = BUDGET,
) -> None:
    """Train in place, to move features as far as a classifier that stays as it is allows.

    Args:
        network: to be trained.
        pictures: uint8 (N,H,W,3).
        labels: int (N,).
        classify: (N,3,H,W) in -1..1 to logits; its weights do not change.
        features: (N,3,H,W) in -1..1 to what people see in them; published: VGG-16 up to relu2_2.
        share: of the features' squared distance in the loss.
        seed: of the choice of pictures.
        budget: how long.
    """
    random = np.random.default_rng(seed)

    def batch() -> tuple[tuple[Tensor, Tensor], Tensor]:
        chosen = random.integers(0, len(pictures), budget.batch)
        given = to_tensor(pictures[chosen], _CPU), torch.from_numpy(labels[chosen])
        return given, given[1]

    fit_network(_Protection(network, classify, features, share), batch, lambda loss, _: loss, budget, 2e-3)


def invert(protected: np.ndarray, pictures: np.ndarray, seed: int = 0, budget: Budget = BUDGET) -> UNet:
    """A U-Net from protected pictures to plain ones, by least squares on pairs.

    Args:
        protected: uint8 (N,H,W,3).
        pictures: uint8 (N,H,W,3), what they were made of.
        seed: of weights and choices.
        budget: how long.
    """
    network, random = UNet(seed), np.random.default_rng(seed)

    def batch() -> tuple[Tensor, Tensor]:
        chosen = random.integers(0, len(pictures), budget.batch)
        return to_tensor(protected[chosen], _CPU), to_tensor(pictures[chosen], _CPU)

    fit_network(network, batch, F.mse_loss, budget, learning_rate=2e-3)
    return network
