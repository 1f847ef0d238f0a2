"""ELE: LE with a shuffle of its own for each block, and block scrambling (Madono 2020; reference [5]).

BROKEN: a few known or chosen images give the key away, nibble by nibble. The ciphertexts hardly compress
either. For comparison and audits only.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..keystream import Streams
from ..plan import Plan
from ..spec import Cells, CipherSpec, check_grid, log2_factorial, register
from .le import BLOCK, SYMBOLS, nibble_plan


@register
@dataclass(frozen=True)
class EleSpec(CipherSpec):
    """Parameters of ELE, a broken cipher (see the module): a nibble shuffle per 4x4 block, then block scrambling.

    Attributes:
        key_scope: "dataset" or "image".
    """

    name: ClassVar[str] = "ele"

    @property
    def grid(self) -> int:
        return BLOCK

    @property
    def cells(self) -> Cells:
        return Cells(BLOCK, symbol_bits=4, moved=True)

    def key_bits(self, height: int, width: int) -> float:
        blocks = (height // BLOCK) * (width // BLOCK)
        return log2_factorial(SYMBOLS) * blocks + log2_factorial(blocks)

    def check_size(self, height: int, width: int) -> None:
        check_grid(height, width, BLOCK)

    def _compile(self, streams: Streams, height: int, width: int) -> Plan:
        blocks = (height // BLOCK) * (width // BLOCK)
        nibbles = streams("nibbles")
        shuffles = np.stack([nibbles.permutation(SYMBOLS) for _ in range(blocks)])
        source = streams("permutation").permutation(blocks)
        return nibble_plan(shuffles, source, height, width)
