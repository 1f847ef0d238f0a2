"""ITN: an inverse transformation network, trained on the attacker's own pictures under keys of the attacker's own."""

import numpy as np
import torch
from torch import Tensor, nn

from ...cipher import CipherSpec, EtcSpec
from ..attack import Attack, Evidence, Recovery, Scale, register
from ..owner import Owner
from ..training import Budget, best_device, fit_network, to_images, to_tensor

BUDGETS: dict[Scale, Budget] = {
    "smoke": Budget(steps=150, batch=16),
    "small": Budget(steps=1000, batch=16),
    "paper": Budget(steps=60_000, batch=128),
}
_LARGEST = 64  # pixels a side, of the position-aware network


class BlockLocal(nn.Sequential):
    """As published: one map for all blocks, so that no training lets it move a block."""

    def __init__(self, block: int) -> None:
        super().__init__(
            nn.Conv2d(3, 48, block, block),
            nn.BatchNorm2d(48),
            nn.ReLU(),
            nn.Conv2d(48, 48, 1),
            nn.Conv2d(48, 32 * block**2, 1),
            nn.PixelShuffle(block),
            nn.Conv2d(32, 3, 1),
        )


class PositionAware(nn.Module):
    """The fair test: it sees the whole image and knows the place of each block (a transformer over blocks)."""

    def __init__(self, block: int, height: int, width: int) -> None:
        super().__init__()
        self.width = 128
        self.embed = nn.Conv2d(3, self.width, block, block)
        self.positions = nn.Parameter(0.02 * torch.randn(1, (height // block) * (width // block), self.width))
        layer = nn.TransformerEncoderLayer(
            self.width, 4, 2 * self.width, 0.0, "gelu", batch_first=True, norm_first=True
        )
        self.mix = nn.TransformerEncoder(layer, 3, enable_nested_tensor=False)
        self.head = nn.Conv2d(self.width, 3 * block**2, 1)
        self.shuffle = nn.PixelShuffle(block)

    def forward(self, x: Tensor) -> Tensor:
        x = self.embed(x)
        tokens = self.mix(x.flatten(2).mT + self.positions)
        return self.shuffle(self.head(tokens.mT.unflatten(2, x.shape[2:])))


@register
class Itn(Attack):
    """Least squares from ciphertexts to plain pictures, every training picture under a fresh key.

    A network that is local to a block cannot undo a block permutation, and one that sees all has to learn what
    is common to all keys. Both run; the one that does better on held-out pictures of the attacker's is taken.
    """

    name = "itn"
    goal = "each image, by a network trained on other keys"
    given = "plain images of the attacker's own and the cipher's parameters; then one ciphertext"
    source = "Ito, Kinoshita, Kiya (2021); the position-aware network is this package's"
    needs = frozenset({"public"})
    measure = "outlines"
    trained = True
    positive = EtcSpec(steps=("color",))
    enough = 0.3

    def run(self, evidence: Evidence) -> Recovery:
        assert evidence.public is not None
        found = {name: restore(evidence, name) for name in variants(evidence.spec, *evidence.size)}
        name = min(found, key=lambda one: found[one][1])
        return Recovery(found[name][0], note=f"the {name} network did better: {_losses(found)}")


def variants(spec: CipherSpec, height: int, width: int) -> list[str]:
    """The networks that are trained for images of a size."""
    return ["block-local", "position-aware"] if max(height, width) <= _LARGEST else ["block-local"]


def restore(evidence: Evidence, variant: str) -> tuple[np.ndarray, float]:
    """Train one network and apply it: the restored targets and the loss on held-out pictures."""
    assert evidence.public is not None
    height, width = evidence.size
    block, budget = max(evidence.spec.grid, 4), BUDGETS[evidence.scale]
    torch.manual_seed(evidence.seed)
    network = BlockLocal(block) if variant == "block-local" else PositionAware(block, height, width)
    device, random = best_device(), np.random.default_rng(evidence.seed)
    held = max(1, len(evidence.public) // 10)
    public, test = evidence.public[held:], evidence.public[:held]
    if not len(public):
        public = test

    def batch() -> tuple[Tensor, Tensor]:
        plain = public[random.integers(0, len(public), budget.batch)]
        return to_tensor(_own_keys(evidence.spec, plain), device), to_tensor(plain, device)

    fit_network(network.to(device), batch, nn.functional.mse_loss, budget, learning_rate=1e-3)
    with torch.no_grad():
        loss = nn.functional.mse_loss(
            network(to_tensor(_own_keys(evidence.spec, test), device)), to_tensor(test, device)
        )
        parts = to_tensor(evidence.targets, device).split(64)
        return to_images(torch.cat([network(part) for part in parts])), float(loss)


def _own_keys(spec: CipherSpec, plain: np.ndarray) -> np.ndarray:
    return np.concatenate([Owner.new(spec).encrypt(one[None])[0] for one in plain])


def _losses(found: dict[str, tuple[np.ndarray, float]]) -> str:
    return ", ".join(f"{name} loss {loss:.3f}" for name, (_, loss) in found.items())
