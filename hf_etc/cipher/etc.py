"""EtC: block-wise encryption that still compresses as JPEG (paper section II-B, Fig. 2).

Four steps on blocks of B x B pixels, each with its own key stream: block permutation, rotation and
inversion, negative-positive transformation (Eq. 1), colour component shuffling.
"""

from dataclasses import dataclass
from math import log2
from typing import ClassVar

import numpy as np

from ..blocks import Layout, turn_after
from ..errors import ParameterError
from .keystream import Streams
from .spec import CipherSpec, check_grid, log2_factorial, register

STEPS = ("permutation", "rotation", "negative-positive", "color")
_CODES = {"rotation": 16, "negative-positive": 2, "color": 6}
_TURNED = {"rotation": 8}  # of 16 codes two each turn alike
_LARGEST_BLOCK = 65535  # of an edge, as in JPEG; every language writes such numbers alike
_FEW_BLOCKS = 16  # fewer have less than 2^150 keys, and 4 can be searched through
# Code = rotation + 4 * inversion: turned counter-clockwise by 90 degrees * rotation, then mirrored left-right where
# inversion has bit 0, and top-bottom where it has bit 1.
TURN_OF_CODE = turn_after(np.array([0, 4, 6, 2])[:, None], np.arange(4)).reshape(-1)


@register
@dataclass(frozen=True)
class EtcSpec(CipherSpec):
    """Parameters of the EtC cipher.

    Attributes:
        key_scope: "dataset" (the paper) or "image".
        block_size: edge of a block in pixels; 16 keeps JPEG's 4:2:0 macroblocks whole.
        steps: the steps to apply, a subset of ("permutation", "rotation", "negative-positive", "color").
        shared_block_key: draw steps 2 to 4 once for all blocks, so that a patch embedding can absorb
            them exactly (paper Eq. 5). Weaker: 96 variants in all instead of 96 per block.

    Raises:
        ParameterError: block_size below 1, no or unknown steps.
    """

    name: ClassVar[str] = "etc"
    always: ClassVar[frozenset[str]] = frozenset(["block_size"])
    block_size: int = 16
    steps: tuple[str, ...] = STEPS
    shared_block_key: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if type(self.block_size) is not int or not 1 <= self.block_size <= _LARGEST_BLOCK:
            raise ParameterError(f"block_size {self.block_size!r}: must be a whole number of pixels, 1 or more")
        if type(self.shared_block_key) is not bool:
            raise ParameterError(f"shared_block_key {self.shared_block_key!r}: use True or False")
        listed = isinstance(self.steps, tuple | list) and all(isinstance(step, str) for step in self.steps)
        if not listed or not self.steps or not set(self.steps) <= set(STEPS):
            raise ParameterError(f"steps {self.steps!r}: choose one or more of {', '.join(STEPS)}")
        object.__setattr__(self, "steps", tuple(step for step in STEPS if step in self.steps))

    @property
    def grid(self) -> int:
        return self.block_size

    @property
    def layout_block(self) -> int:
        return self.block_size

    def check_size(self, height: int, width: int) -> None:
        check_grid(height, width, self.block_size)

    def weakness(self, size: tuple[int, int] | None = None) -> str | None:
        if len(self.steps) < len(STEPS):
            return f"only {', '.join(self.steps)} of the {len(STEPS)} steps"
        if self.shared_block_key:
            return "one block key shared by all blocks"
        blocks = _FEW_BLOCKS if size is None else (size[0] // self.block_size) * (size[1] // self.block_size)
        return f"only {blocks} blocks" if blocks < _FEW_BLOCKS else None

    def key_bits(self, height: int, width: int) -> float:
        """As :meth:`CipherSpec.key_bits`.

        Example:
            >>> round(EtcSpec().key_bits(32, 32), 1)
            30.9
        """
        blocks = (height // self.block_size) * (width // self.block_size)
        each = sum(log2(_TURNED.get(step, _CODES[step])) for step in self.steps if step in _CODES)
        moved = log2_factorial(blocks) if "permutation" in self.steps else 0.0
        return moved + each * (1 if self.shared_block_key else blocks)

    def _compile(self, streams: Streams, height: int, width: int) -> Layout:
        size = self.block_size
        columns = width // size
        draws = self._draw(streams, height // size * columns)
        top, left = np.divmod(draws["permutation"], columns)
        changes = TURN_OF_CODE[draws["rotation"]], draws["negative-positive"], draws["color"]
        arrays = np.broadcast_arrays(top * size, left * size, *changes)  # (N,), or (M,N) for M nonces
        return Layout(height, width, size, columns, *arrays)

    def _draw(self, streams: Streams, blocks: int) -> dict[str, np.ndarray]:
        """One value per output block and step; steps that are off draw their identity."""
        count = 1 if self.shared_block_key else blocks
        draws = {"permutation": np.arange(blocks)}
        draws |= {step: np.zeros(1, np.int64) for step in STEPS[1:]}
        for step in self.steps:
            stream = streams(step)
            draws[step] = stream.permutation(blocks) if step == "permutation" else stream.integers(count, _CODES[step])
        return draws
