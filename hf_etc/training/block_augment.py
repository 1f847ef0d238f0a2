"""Augmentation of ciphertexts by whole blocks, which needs no key: leave blocks out, mix those of two pictures.

For models that see a bag of blocks: the order and number of the blocks that are left means nothing to them.
"""

import torch
from torch import Tensor
from torch.distributions import Beta

from ..blocks.torch_layout import blocks_of


class BlockAugment:
    """Keeps a random part of the blocks of each picture, some of them from another picture of the batch.

    Args:
        block_size: edge of a block in pixels.
        drop: the largest share of blocks left out; each batch draws its own, from 0 to this.
        mix_alpha: of the Beta distribution from which each batch draws the share that comes from the other picture,
            whose label gets that share; 0 is off.

    Example:
        >>> augment = BlockAugment(4, drop=0.5, mix_alpha=1.0)
        >>> pixels, targets = augment(torch.zeros(2, 3, 8, 8), torch.eye(2))
        >>> pixels.shape[2], targets.sum(1)
        (4, tensor([1., 1.]))
    """

    def __init__(self, block_size: int, drop: float = 0.0, mix_alpha: float = 0.0) -> None:
        self.block_size, self.drop, self.mix_alpha = block_size, drop, mix_alpha

    def __call__(self, pixels: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """
        Args:
            pixels: (N,C,H,W), H and W whole blocks.
            targets: float (N,classes).

        Returns:
            (N,C,B,n*B), n of the blocks of each picture in one row, in random order; and the targets.
        """
        blocks = blocks_of(pixels, self.block_size).flatten(1, 2)
        count, total = len(blocks), blocks.shape[1]
        kept = max(1, round(total * (1 - self.drop * float(torch.rand(())))))
        chosen = torch.rand(count, total, device=pixels.device).argsort(1)[:, :kept]
        blocks = blocks[torch.arange(count, device=pixels.device)[:, None], chosen]
        if self.mix_alpha:
            other = round(kept * float(Beta(self.mix_alpha, self.mix_alpha).sample()))
            blocks = torch.cat([blocks[:, other:], blocks.roll(1, 0)[:, :other]], 1)
            targets = targets.lerp(targets.roll(1, 0), other / kept)
        return blocks.permute(0, 2, 3, 1, 4).flatten(3), targets
