"""LE: learnable image encryption of 4x4 blocks (Tanaka 2018; the paper's reference [4]).

BROKEN: every block is scrambled in the same way and stays in its place. 16 chosen blocks give the key
away, and published attacks restore images from ciphertexts alone. For comparison and audits only.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..keystream import Streams
from ..plan import Plan
from ..spec import Cells, CipherSpec, check_grid, log2_factorial, register

BLOCK = 4  # pixels
SYMBOLS = 2 * 3 * BLOCK * BLOCK  # nibbles of a block: 48 low ones, then 48 high ones
_REVERSED_OVER = SYMBOLS // 2  # positions with a key value over 48 are reversed


@register
@dataclass(frozen=True)
class LeSpec(CipherSpec):
    """Parameters of LE, a broken cipher (see the module): one shuffle of 96 nibbles for all blocks.

    Attributes:
        key_scope: "dataset" or "image".
    """

    name: ClassVar[str] = "le"

    @property
    def grid(self) -> int:
        return BLOCK

    @property
    def cells(self) -> Cells:
        return Cells(BLOCK, symbol_bits=4, alike=True)

    def key_bits(self, height: int, width: int) -> float:
        return log2_factorial(SYMBOLS)

    def check_size(self, height: int, width: int) -> None:
        check_grid(height, width, BLOCK)

    def _compile(self, streams: Streams, height: int, width: int) -> Plan:
        shuffle = streams("nibbles").permutation(SYMBOLS)
        blocks = (height // BLOCK) * (width // BLOCK)
        return nibble_plan(np.broadcast_to(shuffle, (blocks, SYMBOLS)), np.arange(blocks), height, width)


def nibble_plan(shuffles: np.ndarray, source: np.ndarray, height: int, width: int) -> Plan:
    """Shuffle and reverse the nibbles within each block, then move the blocks.

    Args:
        shuffles: int64 (blocks, 96), a permutation for each source block, in raster order.
        source: int64 (blocks,), the source block of each output block.
        height, width: image size in pixels.

    Returns:
        A plan of 4-bit symbols.
    """
    reverse = shuffles > _REVERSED_OVER
    reverse ^= np.take_along_axis(reverse, shuffles, axis=1)  # before the shuffle and after it
    symbols = _block_symbols(height, width)
    index = np.empty(symbols.size, np.int64)
    mask = np.empty(symbols.size, np.uint8)
    index[symbols] = np.take_along_axis(symbols, shuffles, axis=1)[source]
    mask[symbols] = reverse[source] * np.uint8(15)
    return Plan(index, mask, height, width, symbol_bits=4)


def _block_symbols(height: int, width: int) -> np.ndarray:
    """The plan's symbol numbers of each block's 96 nibbles, int64 (blocks, 96)."""
    offsets = np.arange(height * width * 3).reshape(height // BLOCK, BLOCK, width // BLOCK, BLOCK * 3)
    low = offsets.swapaxes(1, 2).reshape(-1, SYMBOLS // 2)
    return np.concatenate([low, low + height * width * 3], axis=1)
