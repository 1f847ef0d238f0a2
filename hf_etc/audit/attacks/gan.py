"""SIA-GAN: a generator that turns ciphertexts of one key into what a discriminator takes for pictures."""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from ...cipher import CipherSpec
from ...cipher.legacy import PeSpec
from ..attack import Attack, Evidence, Recovery, Scale, register
from ..training import Budget, best_device, to_images, to_tensor

BUDGETS: dict[Scale, Budget] = {
    "smoke": Budget(steps=30, batch=8),
    "small": Budget(steps=150, batch=16),
    "paper": Budget(steps=78_100, batch=64),
}
_LARGEST = 64  # pixels a side: the generator holds a matrix for each block position
_FEATURES = 16


class Generator(nn.Module):
    """One map per block position, then a convolutional decoder (the published network, without the class labels).

    Args:
        block: edge in pixels.
        height, width: of the images.
    """

    def __init__(self, block: int, height: int, width: int) -> None:
        super().__init__()
        self.block, self.grid = block, (height // block, width // block)
        blocks, inputs, outputs = self.grid[0] * self.grid[1], 3 * block**2, _FEATURES * block**2
        self.weight = nn.Parameter(torch.randn(blocks, outputs, inputs) * inputs**-0.5)
        self.mixing = nn.Parameter(torch.eye(blocks) + 0.02 * torch.randn(blocks, blocks))  # ELE-Adapt's, for the order
        self.norm = nn.BatchNorm2d(_FEATURES)
        self.decode = nn.Sequential(
            spectral_norm(nn.Conv2d(_FEATURES, 64, 3, padding=1)),
            *(_Residual(64) for _ in range(3)),
            nn.Conv2d(64, 64, 3, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(64, 3, 3, padding=1),
            nn.Tanh(),
        )

    def forward(self, x: Tensor) -> Tensor:
        patches = F.unfold(x, self.block, stride=self.block)
        mapped = torch.einsum("bof,nfb,bj->noj", self.weight, patches, self.mixing)
        features = F.pixel_shuffle(mapped.unflatten(2, self.grid), self.block)
        return self.decode(F.leaky_relu(self.norm(features), 0.2))


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = spectral_norm(nn.Conv2d(width, width, 3, padding=1))
        self.second = spectral_norm(nn.Conv2d(width, width, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(F.leaky_relu(self.first(F.leaky_relu(x, 0.2)), 0.2))


class _Attention(nn.Module):
    """Self-attention over positions (SAGAN)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.query, self.key = (spectral_norm(nn.Conv2d(width, width // 8, 1)) for _ in range(2))
        self.value = spectral_norm(nn.Conv2d(width, width, 1))
        self.gate = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        attention = (self.query(x).flatten(2).mT @ self.key(x).flatten(2)).softmax(-1)
        return x + self.gate * (self.value(x).flatten(2) @ attention.mT).unflatten(2, x.shape[2:])


def discriminator() -> nn.Sequential:
    """Six spectral-normalised convolutions with two layers of self-attention; one score per image."""

    def down(here: int, there: int) -> list[nn.Module]:
        return [spectral_norm(nn.Conv2d(here, there, 4, 2, 1)), nn.LeakyReLU(0.1)]

    return nn.Sequential(
        spectral_norm(nn.Conv2d(3, 64, 3, padding=1)),
        nn.LeakyReLU(0.1),
        *down(64, 64),
        *down(64, 128),
        _Attention(128),
        *down(128, 128),
        _Attention(128),
        spectral_norm(nn.Conv2d(128, 128, 3, padding=1)),
        nn.LeakyReLU(0.1),
        nn.AdaptiveAvgPool2d(1),
        spectral_norm(nn.Conv2d(128, 1, 1)),
        nn.Flatten(),
    )


@register
class Gan(Attack):
    """Unpaired: ciphertexts of one key on one side, plain pictures of the attacker's own on the other.

    The hinge loss makes the generator's output look like pictures as a whole; nothing ties it to the ciphertext
    but the structure of the generator. The published attack also has the class labels, which the audit lacks.
    """

    name = "gan"
    goal = "every image of the key, by making ciphertexts look like pictures"
    given = "ciphertexts of one key, and plain images of the attacker's own of the same kind"
    source = "SIA-GAN (Madono et al. 2021), without class labels"
    needs = frozenset({"ciphertexts", "public"})
    measure = "outlines"
    trained = True
    control_ciphertexts = 500
    positive = PeSpec(shuffle_colors=False)
    enough = 0.3

    def run(self, evidence: Evidence) -> Recovery:
        assert evidence.ciphertexts is not None and evidence.public is not None
        device, budget = best_device(), BUDGETS[evidence.scale]
        torch.manual_seed(evidence.seed)
        generator = Generator(max(evidence.spec.grid, 4), *evidence.size).to(device)
        _train(generator, discriminator().to(device), evidence, budget, device)
        with torch.no_grad():
            parts = to_tensor(evidence.targets, device).split(64)
            restored = to_images(torch.cat([generator(part) for part in parts]))
        return Recovery(restored, ciphertexts_used=len(evidence.ciphertexts))

    def applies_to(self, spec: CipherSpec, height: int, width: int) -> str | None:
        if max(height, width) > _LARGEST:
            return f"the network is for images up to {_LARGEST}x{_LARGEST} pixels; choose --size"
        if height % 4 or width % 4:
            return "the network needs sizes that are multiples of 4"
        return None


def _train(generator: nn.Module, critic: nn.Module, evidence: Evidence, budget: Budget, device: torch.device) -> None:
    """Hinge loss, one step each; Adam with the published rates. Leaves the generator in evaluation mode."""
    assert evidence.ciphertexts is not None and evidence.public is not None
    random = np.random.default_rng(evidence.seed)
    make = torch.optim.Adam(generator.parameters(), lr=1e-4, betas=(0.0, 0.9))
    judge = torch.optim.Adam(critic.parameters(), lr=4e-4, betas=(0.0, 0.9))

    def draw(images: np.ndarray) -> Tensor:
        return to_tensor(images[random.integers(0, len(images), budget.batch)], device)

    for _ in range(budget.steps):
        false = generator(draw(evidence.ciphertexts))
        loss = F.relu(1 - critic(draw(evidence.public))).mean() + F.relu(1 + critic(false.detach())).mean()
        judge.zero_grad()
        loss.backward()
        judge.step()
        make.zero_grad()
        (-critic(false).mean()).backward()
        make.step()
    generator.eval()
