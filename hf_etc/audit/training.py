"""What the trained attacks share."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Budget:
    """How long an attack trains.

    Attributes:
        steps: of the optimiser.
        batch: images per step.
    """

    steps: int
    batch: int


def best_device() -> torch.device:
    """A GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def to_tensor(images: np.ndarray, device: torch.device) -> Tensor:
    """uint8 (N,H,W,3) -> float (N,3,H,W) in -1..1."""
    return torch.tensor(images, device=device).permute(0, 3, 1, 2).float() / 127.5 - 1


def to_images(values: Tensor) -> np.ndarray:
    """float (N,3,H,W) in -1..1 -> uint8 (N,H,W,3)."""
    pixels = (values.clamp(-1, 1) * 127.5 + 127.5).round().to(torch.uint8)
    return np.ascontiguousarray(pixels.permute(0, 2, 3, 1).cpu().numpy())


def fit_network(
    network: nn.Module,
    batch: Callable[[], tuple[Tensor, Tensor]],
    loss: Callable[[Tensor, Tensor], Tensor],
    budget: Budget,
    learning_rate: float,
) -> None:
    """Train in place with AdamW and a one-cycle schedule; the network is left in evaluation mode."""
    optimizer = torch.optim.AdamW(network.parameters(), lr=learning_rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, budget.steps)
    network.train()
    for _ in range(budget.steps):
        x, y = batch()
        value = loss(network(x), y)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        schedule.step()
    network.eval()
