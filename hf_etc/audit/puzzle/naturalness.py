"""A prior for upright, positive, naturally coloured pictures: settles what block edges cannot tell.

A jigsaw leaves 96 (square grid) or 48 equally good readings of all images at once: turned, mirrored,
negated, recoloured. A small network scores how natural each reading looks. Left and right are exchanged
at random when it is trained, so a mirrored solution remains possible: it discloses the same pictures.
"""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...blocks import COLORS, Layout
from .pieces import transformed

_EDGE = 32
_WEIGHTS = Path(__file__).with_name("naturalness.npz")
_FLOOR = 1e-3  # the share of pictures on which the network may be wrong in any way
Reading = tuple[int, int, int]
"""(turn, negative, color) of :func:`~hf_etc.audit.puzzle.pieces.transformed`."""
READINGS: list[Reading] = [(turn, negative, color) for turn in range(8) for negative in (0, 1) for color in range(6)]


class Naturalness(nn.Module):
    """Scores (N,3,32,32) images in -1..1; higher is more natural. About 40,000 weights."""

    def __init__(self) -> None:
        super().__init__()
        widths = (3, 24, 48, 64)
        self.layers = nn.ModuleList(
            nn.Conv2d(a, b, 5 if a == 3 else 3, 2, 2 if a == 3 else 1) for a, b in pairwise(widths)
        )
        self.head = nn.Linear(widths[-1] * (_EDGE // 8) ** 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = F.gelu(layer(x))
        return self.head(x.flatten(1))[:, 0]


def load_naturalness() -> Naturalness:
    """The network with the weights of this package, fitted to CIFAR-10 and Imagenette training images."""
    network = Naturalness()
    with np.load(_WEIGHTS) as stored:
        network.load_state_dict({name: torch.from_numpy(stored[name].astype(np.float32)) for name in stored.files})
    return network.eval().requires_grad_(False)


def thumbnails(images: np.ndarray) -> Tensor:
    """uint8 (N,H,W,3) -> float (N,3,32,32) in -1..1, averaged over areas."""
    pixels = torch.tensor(images).permute(0, 3, 1, 2).float() / 127.5 - 1
    return F.interpolate(pixels, (_EDGE, _EDGE), mode="area")


def read(pixels: Tensor, reading: Reading) -> Tensor:
    """Turn, negate and recolour (N,3,H,W) images: uint8, or floats around 0."""
    turn, negative, color = reading
    pixels = pixels.flip(3) if turn >= 4 else pixels
    pixels = torch.rot90(pixels, turn % 4, (2, 3))[:, COLORS[color].tolist()]
    if not negative:
        return pixels
    return pixels ^ 255 if pixels.dtype == torch.uint8 else -pixels


def readings_of(height: int, width: int) -> list[Reading]:
    """The readings that keep the shape: all 96 of a square image, 48 of another."""
    return [reading for reading in READINGS if height == width or reading[0] % 2 == 0]


def natural_reading(images: np.ndarray, readings: Sequence[Reading] = READINGS) -> Reading:
    """Of these readings, the one under which the images look most natural.

    Args:
        images: uint8 (N,H,W,3), all in the same wrong reading.
        readings: to choose from.
    """
    small, network = thumbnails(images), load_naturalness()
    scores = torch.stack([network(read(small, reading)) for reading in readings], 1)
    likelihood = (scores.softmax(1) + _FLOOR).log().sum(0)
    return readings[int(likelihood.argmax())]


def settle(layout: Layout, ciphertexts: np.ndarray, few: int = 64) -> Layout:
    """The most natural of the layouts that are equal up to a global symmetry.

    Args:
        layout: complete, from a jigsaw.
        ciphertexts: uint8 (M,H,W,3); the first `few` are looked at.
    """
    images = layout.undo(ciphertexts[:few])
    return transformed(layout, *natural_reading(images, readings_of(layout.height, layout.width)))


def fit(images: Tensor, steps: int, batch: int = 64, rivals: int = 11, seed: int = 0) -> Naturalness:
    """Train on public images: tell each from other readings of itself.

    Args:
        images: float (N,3,32,32) in -1..1.
        steps, batch: of AdamW with a one-cycle schedule.
        rivals: false readings per image and step.
    """
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    network = Naturalness()
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, steps)
    false = [reading for reading in READINGS if reading not in ((0, 0, 0), (4, 0, 0))]
    for _ in range(steps):
        x = images[random.integers(0, len(images), batch)]
        x = torch.where(torch.from_numpy(random.integers(0, 2, (batch, 1, 1, 1)) > 0), x.flip(3), x)
        x = x * (0.8 + 0.4 * torch.rand(batch, 1, 1, 1)) + 0.1 * torch.randn(batch, 1, 1, 1)
        chosen = [false[i] for i in random.choice(len(false), rivals, replace=False)]
        scores = network(torch.cat([x, *[read(x, reading) for reading in chosen]])).reshape(rivals + 1, batch).T
        loss = F.cross_entropy(scores, torch.zeros(batch, dtype=torch.long), label_smoothing=0.02)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return network.eval()
