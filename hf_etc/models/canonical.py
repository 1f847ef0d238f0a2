"""The canonical form of encrypted blocks: one of the 96 variants of each, chosen without any key."""

import numpy as np
import torch
from torch import Tensor, nn

from ..blocks import COLORS, TURNS, turn_block

_RAMP, _COLOR, _NOISE = 24, (36, 24, 12), 8
_EXACT = 2**24  # float32 holds all whole numbers up to here
_SEED = 0  # of the small part of the template that decides between variants alike in the rest


class CanonicalBlocks(nn.Module):
    """Each block as that one of its 96 variants that resembles a template most.

    Turns and mirrors (8), negation (2) and orders of the colours (6) make 96 variants of a block, and an encrypted
    block is any one of them. Whichever it is, the result is the same, to the bit: scores are sums of whole numbers.
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

    template: Tensor
    sources: Tensor

    def __init__(self, block_size: int) -> None:
        super().__init__()
        self.block_size = block_size
        for name, values in self.tables().items():
            self.register_buffer(name, values, persistent=False)
        self.exact = torch.float32 if 255 * self.template[:, 0].abs().sum(dtype=torch.long) < _EXACT else torch.float64

    def tables(self) -> dict[str, Tensor]:
        """The two buffers, which no checkpoint holds: what each variant reads, and the template's weights for it.

        Whole numbers, so that a model in half precision keeps them.
        """
        sources = _sources(self.block_size)
        weights = np.empty((sources.shape[1], len(sources)), np.int16)
        for variant, source in enumerate(sources):  # <template, block[source]> = <weights[:, variant], block>
            weights[source, variant] = _template(self.block_size).reshape(-1)
        return {"template": torch.from_numpy(weights), "sources": torch.from_numpy(sources)}

    def forward(self, pixels: Tensor) -> Tensor:
        """The canonical form of every block, in raster order.

        Args:
            pixels: (N, 3, H, W) floats from -1 to 1, which are 256 levels; H and W are whole blocks.

        Returns:
            (N, blocks, 3 * B * B), each block as (component, row, column), of the same dtype.
        """
        size = self.block_size
        blocks = pixels.unflatten(3, (-1, size)).unflatten(2, (-1, size))  # (N, 3, rows, B, columns, B)
        blocks = blocks.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2)
        with torch.autocast(pixels.device.type, enabled=False):
            levels = (blocks.to(self.exact) * 255).round()  # -255, -253, ..., 255, so that all sums are exact
            scores = levels @ self.template.to(self.exact)
            best = scores.abs().argmax(-1)
            sign = torch.where(scores.gather(-1, best[..., None]) < 0, -1, 1)
            return (levels.gather(-1, self.sources[best]) * sign / 255).to(pixels.dtype)


def _sources(size: int) -> np.ndarray:
    """int64 (48, 3 * B * B): what each value of a turned and recoloured block reads, as (component, row, column)."""
    place = np.arange(3 * size * size).reshape(3, size, size)
    return np.stack([turn_block(place, turn, (1, 2))[color].reshape(-1) for turn in range(TURNS) for color in COLORS])


def _template(size: int) -> np.ndarray:
    """Whole numbers (3, B, B)."""
    ramp = _RAMP * (size - 1 - 2 * np.arange(size)) / max(1, size - 1)
    shade = np.round(ramp)[:, None] + np.round(ramp / 2)
    noise = np.random.default_rng(_SEED).integers(-_NOISE, _NOISE + 1, (3, size, size))
    return np.array(_COLOR)[:, None, None] + shade + noise
