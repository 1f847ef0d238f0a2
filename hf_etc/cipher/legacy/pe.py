"""PE: pixel-based encryption (Sirichotedumrong 2019; the paper's reference [6]).

BROKEN: no pixel leaves its place, so outlines stay visible and published attacks restore images from
ciphertexts alone, also with a key per image. For comparison and audits only.
"""

from dataclasses import dataclass
from math import log2
from typing import ClassVar

import numpy as np

from ...blocks import COLORS
from ...errors import ParameterError
from ..keystream import Streams
from ..plan import Plan
from ..spec import Cells, CipherSpec, check_grid, register


@register
@dataclass(frozen=True)
class PeSpec(CipherSpec):
    """Parameters of PE, a broken cipher (see the module): negative-positive per pixel component, colour per pixel.

    Attributes:
        key_scope: "dataset" or "image".
        shuffle_colors: also permute the three components of each pixel (as in the paper).

    Raises:
        ParameterError: shuffle_colors is not a bool.
    """

    name: ClassVar[str] = "pe"
    shuffle_colors: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if type(self.shuffle_colors) is not bool:
            raise ParameterError(f"shuffle_colors {self.shuffle_colors!r}: use True or False")

    @property
    def grid(self) -> int:
        return 1

    @property
    def cells(self) -> Cells:
        return Cells(1)

    def key_bits(self, height: int, width: int) -> float:
        return height * width * (3 + (log2(6) if self.shuffle_colors else 0))

    def check_size(self, height: int, width: int) -> None:
        check_grid(height, width, 1)

    def _compile(self, streams: Streams, height: int, width: int) -> Plan:
        index = np.arange(height * width * 3)
        negative = streams("negative-positive").integers(len(index), 2)
        if self.shuffle_colors:
            codes = streams("color").integers(height * width, 6)
            index = (index[::3, None] + COLORS[codes]).reshape(-1)
        return Plan(index, negative.astype(np.uint8)[index] * np.uint8(255), height, width)
