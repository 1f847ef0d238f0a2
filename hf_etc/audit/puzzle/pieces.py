"""The pieces of a puzzle: blocks of ciphertexts, and the states in which they lie in the picture.

A *state* is what has to be done to a ciphertext block, packed into one integer: its turn, its negation and its
colour code. A *variant*, how two blocks lie beside each other, is packed in the same way, with a flip (0 or 1) for
the turn. A :class:`~hf_etc.blocks.Layout` says it the other way round: what encryption does to the picture.
"""

from typing import TypeVar

import numpy as np
from torch import Tensor

from ...blocks import COLOR_AFTER, COLORS, TURNS, Layout, turn_after, turn_block

Code = TypeVar("Code", int, np.ndarray, Tensor)
_LOOKS = 2 * len(COLORS)
VARIANTS, STATES = 2 * _LOOKS, TURNS * _LOOKS


def pack(turn: Code, negative: Code, color: Code) -> Code:
    """The integer of a state (or of a variant), from integers or arrays of them."""
    return turn * _LOOKS + color * 2 + negative


def unpack(code: Code) -> tuple[Code, Code, Code]:
    """(turn, negative, color) of a state, (flip, negative, color) of a variant; integers or arrays of them."""
    return code // _LOOKS, code % 2, code // 2 % len(COLORS)


def variant_of(state: Code) -> Code:
    """The variant of a block in this state beside a block that is left as it is."""
    turn, negative, color = unpack(state)
    return pack(turn // 4, negative, color)


def _after() -> np.ndarray:
    turn, negative, color = unpack(np.arange(STATES))
    turns = turn_after(turn, turn[:, None])
    return pack(turns, negative[:, None] ^ negative, COLOR_AFTER[color[:, None], color])


STATE_AFTER = _after()
"""[p, q]: the state that equals p followed by q."""
STATE_INVERSE = STATE_AFTER.argmin(1)  # what makes state 0 of it
"""[p]: the state that undoes p."""
_MIRRORED = np.arange(VARIANTS) + 3 * _LOOKS * (np.arange(VARIANTS) >= _LOOKS)  # states of these variants
VARIANT_AFTER = variant_of(STATE_AFTER[_MIRRORED[:, None], _MIRRORED])
VARIANT_INVERSE = variant_of(STATE_INVERSE[_MIRRORED])


def turned_steps(steps: np.ndarray, turn: np.ndarray | int) -> np.ndarray:
    """Steps (N,2), down and right, in a picture that is turned: by one turn, or (N,)."""
    down, right = steps[:, 0], np.where(np.asarray(turn) >= 4, -steps[:, 1], steps[:, 1])
    for quarter in range(3):
        more = np.asarray(turn) % 4 > quarter
        down, right = np.where(more, -right, down), np.where(more, down, right)
    return np.stack([down, right], 1)


def split_blocks(images: np.ndarray, block_size: int) -> np.ndarray:
    """uint8 (M,H,W,3) -> (M,N,B,B,3), blocks in raster order."""
    count, height, width, _ = images.shape
    size = block_size
    blocks = images.reshape(count, height // size, size, width // size, size, 3)
    return blocks.swapaxes(2, 3).reshape(count, -1, size, size, 3)


def layout_of(cells: np.ndarray, states: np.ndarray | int, rows: int, columns: int, block_size: int) -> Layout:
    """The layout that a solved puzzle tells of.

    Args:
        cells: int (N,): the place of each ciphertext block in the picture, in raster order.
        states: int (N,), or one for all.
        rows, columns: of the grid, N = rows * columns.
        block_size: in pixels.

    Raises:
        GeometryError: two blocks lie in one cell.
    """
    top, left = np.divmod(cells, columns)
    size = block_size
    changes = unpack(STATE_INVERSE[states])
    return Layout(rows * size, columns * size, size, columns, top * size, left * size, *changes)


def pieces_of(layout: Layout) -> tuple[np.ndarray, np.ndarray]:
    """Row and column (N,2) and state (N,) of each ciphertext block in the picture."""
    cells = np.stack([layout.top, layout.left], 1) // layout.block_size
    return cells, STATE_INVERSE[pack(layout.turn, layout.negative, layout.color)]


def transformed(layout: Layout, turn: int, negative: int, color: int) -> Layout:
    """The layout under which the same ciphertext shows the picture turned, negated and recoloured as a whole.

    Block edges cannot tell it from the first one.
    """
    return whole(layout, turn, negative, color).inverse().then(layout)


def whole(layout: Layout, turn: int, negative: int, color: int) -> Layout:
    """What is done to a layout's picture when it is turned, negated and recoloured as a whole."""
    height, width, size = layout.height, layout.width, layout.block_size
    shape = height // size, width // size
    grid = turn_block(np.arange(shape[0] * shape[1]).reshape(shape), turn)
    top, left = np.divmod(grid.reshape(-1), width // size)
    return Layout(height, width, size, grid.shape[1], top * size, left * size, *np.array([[turn], [negative], [color]]))
