"""The unknowns of a block-wise cipher: for each ciphertext block its cell, turn, negation and colour code.

A :class:`Layout` is what a jigsaw attack recovers and what a plan hides. It compiles to a decryption
plan, so a recovered layout decrypts like the key itself. Notation: N blocks on a grid of rows x columns.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from ...blocks import COLORS
from ...cipher.plan import Plan
from ...errors import GeometryError

TURNS = 8
"""Elements of D4: turn t mirrors left-right if t >= 4, then turns counter-clockwise by 90 degrees * (t % 4)."""
COLOR_CODES = {tuple(code): i for i, code in enumerate(COLORS.tolist())}
COLOR_AFTER = np.array([[COLOR_CODES[tuple(first[second])] for second in COLORS] for first in COLORS])
"""COLOR_AFTER[p, q]: the code that reads component p[q[c]]."""
COLOR_INVERSE = np.array([COLOR_CODES[tuple(np.argsort(code).tolist())] for code in COLORS])


def turn_block(block: np.ndarray, turn: int, axes: tuple[int, int] = (0, 1)) -> np.ndarray:
    """Apply one element of D4 to the two `axes` of an array."""
    return np.rot90(np.flip(block, axes[1]) if turn >= 4 else block, turn % 4, axes)


def turn_after(second: np.ndarray, first: np.ndarray) -> np.ndarray:
    """The turn that equals `first` followed by `second`; both broadcast.

    Example:
        >>> turn_after(np.array(4), np.array(1)).item()  # rot90 then mirror = mirror then rot270
        7
    """
    mirrored = second >= 4
    return (second + np.where(mirrored, -first, first)) % 4 + 4 * (mirrored ^ (first >= 4))


def turn_inverse(turn: np.ndarray) -> np.ndarray:
    """The turn that undoes another; a mirror undoes itself."""
    return np.where(turn >= 4, turn, -turn % 4)


@dataclass(frozen=True, eq=False)
class Layout:
    """Where each ciphertext block belongs and how it must be turned, negated and recoloured.

    Attributes:
        rows, columns: of the block grid of the plain image.
        block_size: in pixels.
        cells: int (N,), the raster index of the plain cell of ciphertext block i.
        turns: int (N,), 0..7, applied to the ciphertext block (see TURNS).
        negatives: int (N,), 1 where the block has to be negated.
        colors: int (N,), 0..5: plain component c reads ciphertext component COLORS[code][c].
    """

    rows: int
    columns: int
    block_size: int
    cells: np.ndarray
    turns: np.ndarray
    negatives: np.ndarray
    colors: np.ndarray

    @classmethod
    def of_plan(cls, plan: Plan, block_size: int) -> "Layout":
        """The layout that an encryption plan hides.

        Raises:
            GeometryError: the plan does not move whole blocks of this size.
        """
        inverse, size = plan.inverse(), block_size
        rows, columns = plan.height // size, plan.width // size
        not_blocks = GeometryError(f"the plan does not move whole blocks of {size}x{size} pixels")
        if size < 2 or plan.symbol_bits != 8 or plan.height % size or plan.width % size:
            raise not_blocks
        read = _blocks(inverse.index, rows, columns, size)  # (cell, row, column, component) -> ciphertext byte
        mask = _blocks(inverse.mask, rows, columns, size).reshape(rows * columns, -1)
        pixel, component = np.divmod(read, 3)
        row, column = np.divmod(pixel, plan.width)
        source = row // size * columns + column // size
        offset = (row % size * size + column % size)[..., 0]
        patterns = _turned_offsets(size)
        turns = (offset[:, None, 0] == patterns[None, :, 0]).all(-1).argmax(1)
        colors = np.array([COLOR_CODES[tuple(code)] for code in component[:, 0, 0].tolist()])
        whole = (
            (source == source[:, :1, :1, :1]).all()
            and (pixel == pixel[..., :1]).all()
            and (offset == patterns[turns]).all()
            and (component == COLORS[colors][:, None, None]).all()
            and (mask == mask[:, :1]).all()
            and np.isin(mask[:, 0], (0, 255)).all()
        )
        if not whole:
            raise not_blocks
        block = np.argsort(source[:, 0, 0, 0])  # from plain cell to ciphertext block
        cells = np.arange(rows * columns)[block]
        return cls(rows, columns, size, cells, turns[block], (mask[block, 0] > 0).astype(np.int64), colors[block])

    def decryption_plan(self) -> Plan:
        """The plan from ciphertext to plain images.

        Raises:
            GeometryError: two blocks lie in one cell.
        """
        size, width, blocks = self.block_size, self.columns * self.block_size, self.rows * self.columns
        if not np.array_equal(np.sort(self.cells), np.arange(blocks)):
            raise GeometryError("the layout is not complete: every cell needs exactly one block")
        block = np.argsort(self.cells)
        row, column = np.divmod(_turned_offsets(size)[self.turns[block]], size)
        top, left = np.divmod(block, self.columns)
        pixel = (top[:, None, None] * size + row) * width + left[:, None, None] * size + column
        index = pixel[..., None] * 3 + COLORS[self.colors[block]][:, None, None, :]
        mask = np.broadcast_to(self.negatives[block, None, None, None] * np.uint8(255), index.shape).astype(np.uint8)
        return Plan(_raster(index, self), _raster(mask, self), self.rows * size, width)

    def symmetries(self) -> Iterator["Layout"]:
        """The layouts that no block edge can tell from this one: 96 on a square grid, 48 on others."""
        for turn in range(TURNS):
            for negative in (0, 1):
                for color in range(6):
                    if self.rows == self.columns or turn % 2 == 0:
                        yield self.transformed(turn, negative, color)

    def transformed(self, turn: int, negative: int, color: int) -> "Layout":
        """The layout of the plain image after one global turn, negation and recolouring."""
        grid = turn_block(np.arange(self.rows * self.columns).reshape(self.rows, self.columns), turn)
        return replace(
            self,
            rows=grid.shape[0],
            columns=grid.shape[1],
            cells=np.argsort(grid.reshape(-1))[self.cells],
            turns=turn_after(np.array(turn), self.turns),
            negatives=self.negatives ^ negative,
            colors=COLOR_AFTER[self.colors, color],
        )

    def same(self, other: "Layout") -> np.ndarray:
        """bool (N,): blocks on which two layouts agree in every respect."""
        agree = self.cells == other.cells
        for name in ("turns", "negatives", "colors"):
            agree = agree & (getattr(self, name) == getattr(other, name))
        return agree


def split_blocks(images: np.ndarray, block_size: int) -> np.ndarray:
    """uint8 (M,H,W,3) -> (M,N,B,B,3), blocks in raster order."""
    count, height, width, _ = images.shape
    size = block_size
    blocks = images.reshape(count, height // size, size, width // size, size, 3)
    return blocks.swapaxes(2, 3).reshape(count, -1, size, size, 3)


def _blocks(symbols: np.ndarray, rows: int, columns: int, size: int) -> np.ndarray:
    return split_blocks(symbols.reshape(1, rows * size, columns * size, 3), size)[0]


def _raster(blocks: np.ndarray, layout: Layout) -> np.ndarray:
    size = layout.block_size
    return blocks.reshape(layout.rows, layout.columns, size, size, 3).swapaxes(1, 2).reshape(-1)


def _turned_offsets(size: int) -> np.ndarray:
    """int (8, B, B): the pixel of a block that each pixel of the turned block reads."""
    pixel = np.arange(size * size).reshape(size, size)
    return np.stack([turn_block(pixel, turn) for turn in range(TURNS)])
