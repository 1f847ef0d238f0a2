"""The cells of a picture whose blocks need not touch: where windows lie, and the picture without what lies between.

An attacker knows all of it but the jitter: it follows from the size of the picture and public parameters.
"""

from dataclasses import dataclass, replace

import numpy as np

from ...blocks import Layout
from ...cipher import CipherSpec, EtcSpec


@dataclass(frozen=True)
class Cells:
    """A grid of cells in a picture, of which each holds one window.

    Attributes:
        rows, columns: of cells.
        block_size: edge of a window, in pixels.
        pitch: from one cell to the next, in pixels.
        top, left: corner of the first cell, in pixels.
        jitter: how far a window may lie from the corner of its cell, down and right, in pixels.
    """

    rows: int
    columns: int
    block_size: int
    pitch: int
    top: int
    left: int
    jitter: int

    @classmethod
    def of(cls, height: int, width: int, block_size: int, gap: int = 0, jitter: int = 0) -> "Cells":
        """Those of a picture; what is left over lies around them.

        Example:
            >>> Cells.of(224, 224, 16, gap=4, jitter=4)
            Cells(rows=11, columns=11, block_size=16, pitch=20, top=2, left=2, jitter=4)
        """
        pitch, need = block_size + gap, block_size + jitter
        rows, columns = ((edge - need) // pitch + 1 for edge in (height, width))
        top, left = ((edge - (n - 1) * pitch - need) // 2 for edge, n in ((height, rows), (width, columns)))
        return cls(rows, columns, block_size, pitch, top, left, jitter)

    @property
    def count(self) -> int:
        """The number of cells."""
        return self.rows * self.columns

    def condensed(self, layout: Layout) -> Layout:
        """The same blocks, as of a picture in which the cells touch and windows fill them."""
        size = self.block_size
        top, left = (layout.top - self.top) // self.pitch * size, (layout.left - self.left) // self.pitch * size
        return replace(layout, height=self.rows * size, width=self.columns * size, top=top, left=left)

    def cut(self, pictures: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """The windows of plain pictures, each picture with a jitter of its own.

        Args:
            pictures: uint8 (M,H,W,3).
            random: of the jitter.

        Returns:
            uint8 (M, rows * columns, B, B, 3), in raster order.
        """
        top, left = np.indices((self.rows, self.columns)).reshape(2, 1, -1) * self.pitch
        down, right = random.integers(0, self.jitter + 1, (2, len(pictures), top.shape[1]))
        size = self.block_size
        windows = np.lib.stride_tricks.sliding_window_view(pictures, (size, size), (1, 2))
        some = windows[np.arange(len(pictures))[:, None], top + self.top + down, left + self.left + right]
        return np.ascontiguousarray(some.transpose(0, 1, 3, 4, 2))

    def windows(self, picture: np.ndarray) -> np.ndarray:
        """The windows of one plain picture wherever jitter may have put them, at every second pixel.

        Args:
            picture: uint8 (H,W,3).

        Returns:
            uint8 (K,B,B,3).
        """
        size, shifts = self.block_size, np.unique([*range(0, self.jitter, 2), self.jitter])
        top = (self.top + np.arange(self.rows)[:, None] * self.pitch + shifts).reshape(-1, 1)
        left = (self.left + np.arange(self.columns)[:, None] * self.pitch + shifts).reshape(-1)
        windows = np.lib.stride_tricks.sliding_window_view(picture, (size, size), (0, 1))[top, left]
        return np.ascontiguousarray(windows.transpose(0, 1, 3, 4, 2)).reshape(-1, size, size, 3)


def cells_of(spec: CipherSpec, height: int, width: int) -> Cells:
    """Those of a cipher that moves whole blocks."""
    gap, jitter = (spec.gap, spec.jitter) if isinstance(spec, EtcSpec) else (0, 0)
    assert spec.layout_block is not None
    return Cells.of(height, width, spec.layout_block, gap, jitter)
