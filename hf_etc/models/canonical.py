"""The canonical form of encrypted blocks: one of the 96 variants of each, chosen without any key."""

import numpy as np
import torch
from torch import Tensor, nn

from ..blocks import COLORS, TURNS, turn_block

_RAMP, _COLOR, _NOISE = 24, (36, 24, 12), 8
_EXACT = 2**24  # float32 holds all whole numbers up to here
_SEED = 0  # of what decides between variants alike in the rest: a small part of the template, and the second template


class CanonicalBlocks(nn.Module):
    """Each block as that one of its 96 variants that resembles a template most.

    Turns and mirrors (8), negation (2) and orders of the colours (6) make 96 variants of a block, and an encrypted
    block is any one of them. Whichever it is, the result is the same, to the bit: scores are sums of whole numbers,
    and where two different variants have the same, a second template decides, of random numbers.
    The template is bright at its top and left, and strongest in its first component, so that the result is light
    rather than dark, and shaded like it.

    Args:
        block_size: edge of a block in pixels.

    Example:
        >>> blocks = CanonicalBlocks(4)
        >>> x = torch.rand(2, 3, 8, 12).mul(255).round() / 127.5 - 1
        >>> bool((blocks(x) == blocks(-x.flip(1))).all())
        True
    """

    templates: Tensor
    sources: Tensor

    def __init__(self, block_size: int) -> None:
        super().__init__()
        self.block_size = block_size
        for name, values in self.tables().items():
            self.register_buffer(name, values, persistent=False)
        largest = 255 * self.templates.abs().sum(0, dtype=torch.long).max()
        self.exact = torch.float32 if largest < _EXACT else torch.float64

    def tables(self) -> dict[str, Tensor]:
        """The two buffers, which no checkpoint holds: what each variant reads, and both templates' weights for it.

        Whole numbers, so that a model in half precision keeps them.
        """
        sources = _sources(self.block_size)
        weights = np.empty((sources.shape[1], 2, len(sources)), np.int16)
        templates = _templates(self.block_size)
        for variant, source in enumerate(sources):  # <template, block[source]> = <weights[:, :, variant], block>
            weights[source, :, variant] = templates.T
        return {"templates": torch.from_numpy(weights.reshape(len(weights), -1)), "sources": torch.from_numpy(sources)}

    def forward(self, pixels: Tensor) -> Tensor:
        """The canonical form of every block, in raster order.

        Args:
            pixels: (N, 3, H, W) floats from -1 to 1, which are 256 levels; H and W are whole blocks.

        Returns:
            (N, blocks, 3 * B * B), each block as (component, row, column), of the same dtype.
        """
        with torch.autocast(pixels.device.type, enabled=False):
            levels = self.levels(pixels)
            return (self.changed(levels, *self.variant(levels)) / 255).to(pixels.dtype)

    def variant(self, levels: Tensor) -> tuple[Tensor, Tensor]:
        """Which variant of each block is its canonical form, from :meth:`levels`.

        Returns:
            int64 (N, blocks), 6 * turn + order of the colours; and 1, or -1 where that is negated too.
        """
        scores, seconds = (levels @ self.templates.to(self.exact)).chunk(2, -1)
        sign, size = torch.where(scores < 0, -1, 1), scores.abs()
        tied = size == size.amax(-1, keepdim=True)
        best = torch.where(tied, seconds * sign, -torch.inf).argmax(-1, keepdim=True)
        return best[..., 0], sign.gather(-1, best)[..., 0]

    def changed(self, levels: Tensor, variant: Tensor, sign: Tensor) -> Tensor:
        """Each block, (N, blocks, 3 * B * B), in one of its variants, given as :meth:`variant` returns them."""
        return levels.gather(-1, self.sources[variant]) * sign[..., None]

    def levels(self, pixels: Tensor) -> Tensor:
        """(N, blocks, 3 * B * B) whole numbers, -255, -253, ..., 255, so that all sums are exact."""
        edge = self.block_size  # no pixel_unshuffle, which torch 2.11 and 2.12 export to ONNX in another order
        blocks = pixels.unflatten(3, (-1, edge)).unflatten(2, (-1, edge)).permute(0, 2, 4, 1, 3, 5)
        return (blocks.flatten(3).flatten(1, 2).to(self.exact) * 255).round()


def _sources(size: int) -> np.ndarray:
    """int64 (48, 3 * B * B): what each value of a turned and recoloured block reads, as (component, row, column)."""
    place = np.arange(3 * size * size).reshape(3, size, size)
    return np.stack([turn_block(place, turn, (1, 2))[color].reshape(-1) for turn in range(TURNS) for color in COLORS])


def _templates(size: int) -> np.ndarray:
    """Whole numbers (2, 3 * B * B): the template, and the one for ties."""
    rng, shape = np.random.default_rng(_SEED), (3, size, size)
    ramp = _RAMP * (size - 1 - 2 * np.arange(size)) / max(1, size - 1)
    shade = np.round(ramp)[:, None] + np.round(ramp / 2)
    first = np.array(_COLOR)[:, None, None] + shade + rng.integers(-_NOISE, _NOISE + 1, shape)
    largest = max(1, _EXACT // (255 * first.size))  # sums with it stay exact
    return np.stack([first, rng.integers(-largest, largest + 1, shape)]).reshape(2, -1)
