"""What the trained attacks share."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..files import whole_file
from .attack import Evidence

_LINES = 20  # of progress in one training
_KEPT = 4  # of two attacks, each for the audited cipher and for that of the positive control
_LAST: dict[str, dict[str, Any]] = {}


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
    batch: Callable[[], tuple[Any, Tensor]],
    loss: Callable[[Tensor, Tensor], Tensor],
    budget: Budget,
    learning_rate: float,
    progress: Callable[[str], None] = lambda line: None,
) -> None:
    """Train in place with AdamW and a one-cycle schedule; the network is left in evaluation mode.

    Args:
        network: takes the first of a batch.
        batch: makes what the network takes, and what it should answer.
        loss: of an answer and what it should be.
        budget: how many steps.
        learning_rate: the highest.
        progress: receives some lines.
    """
    optimizer = torch.optim.AdamW(network.parameters(), lr=learning_rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, budget.steps)
    network.train()
    for step in range(1, budget.steps + 1):
        x, y = batch()
        value = loss(network(x), y)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        schedule.step()
        if not step % max(1, budget.steps // _LINES):
            progress(f"    step {step} of {budget.steps}, loss {value.item():.3f}")
    network.eval()


def trained_once(attack: str, settings: str, evidence: Evidence, train: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What a training returns: from one of the last runs or the evidence's folder, or trained now and kept there.

    Args:
        attack: its name.
        settings: all that decides on the training, but the public pictures and the seed.
        evidence: with public pictures.
        train: returns weights, as torch saves them.
    """
    assert evidence.public is not None
    text = f"{settings} {evidence.seed}".encode() + evidence.public.tobytes()
    name = f"{attack}-{hashlib.sha256(text).hexdigest()[:16]}"
    if name not in _LAST:
        path = evidence.folder / f"{name}.pt" if evidence.folder else None
        for old in list(_LAST)[: len(_LAST) + 1 - _KEPT]:
            del _LAST[old]
        if path and path.exists():
            _LAST[name] = torch.load(path, weights_only=True)
        else:
            _LAST[name] = train()
            if path:
                with whole_file(path) as file:
                    torch.save(_LAST[name], file)
    return _LAST[name]
