"""How NumPy moves the blocks of a layout: whole rows and runs of blocks at a time, never pixel by pixel.

The rows of the blocks of a few pictures, items of 3 * B bytes, are gathered so that blocks with the same changes
stand side by side. A few copies change whole runs of them, and then their rows are taken to their places.
"""

from typing import TYPE_CHECKING

import numpy as np

from .symmetry import COLOR_AFTER, COLORS, TURNS, turn_block

if TYPE_CHECKING:
    from .layout import Layout

_TOGETHER = 2**19  # bytes of pictures that are handled together, so that they stay in the processor's cache
_REVERSED = COLORS.tolist().index([2, 1, 0])
_SWAPS = (), ((1, 2),), ((0, 1),), ((0, 1), (1, 2)), ((0, 1), (0, 2)), ((0, 2),)
"""The components to exchange, one pair after another, for each colour code."""
_EVERY_THIRD = np.tile(np.array([255, 0, 0], np.uint8), 2**16)


def move(layout: "Layout", images: np.ndarray, out: np.ndarray) -> None:
    """Apply a layout to a batch that was checked: uint8 (M,H,W,3) -> (M,h,w,3), contiguous; `out` may be `images`."""
    together = min(len(images), max(1, _TOGETHER // out[0].size))
    room = _Room(together * layout.blocks, layout.block_size)
    moves = None
    for first in range(0, len(images), together):
        some = slice(first, first + together)
        pictures = np.ascontiguousarray(images[some])
        if moves is None or not layout.shared or len(pictures) < together:
            moves = _Moves(layout, some, len(pictures))
        moves.apply(pictures, out[some], room)


class _Room:
    """Working memory for some blocks, and the views through which they are turned.

    Pixels of 3 bytes are turned as words of 4: read big-endian from the byte before a pixel and written little-endian
    at its place, they have their components reversed. The fourth byte falls on the pixel that is written next.
    """

    def __init__(self, blocks: int, size: int) -> None:
        block = 3 * size**2
        before, after = np.empty(blocks * block + 1, np.uint8), np.empty(blocks * block + 1, np.uint8)
        self.gathered, self.changed = before[1:], after[:-1]
        shape, strides = (blocks, size, size), (block, 3 * size, 3)
        words = np.ndarray(shape, ">u4", before, 0, strides)
        self.turned = [turn_block(words, turn, (1, 2)) for turn in range(TURNS)]
        self.words = np.ndarray(shape, "<u4", after, 0, strides)


class _Moves:
    """Where the blocks of some pictures come from and go to, in the order of their changes."""

    def __init__(self, layout: "Layout", some: slice, pictures: int) -> None:
        size, width, shape = layout.block_size, layout.width, (pictures, layout.blocks)
        top, left, turn, negative, color = (a if layout.shared else a[some] for a in layout.arrays)
        changes = COLOR_AFTER[_REVERSED][color] * TURNS + turn  # turning reverses the components
        changes = np.broadcast_to(changes.astype(np.uint8), shape).reshape(-1)
        order = np.argsort(changes, kind="stable")
        ends = np.bincount(changes, minlength=TURNS * len(COLORS)).cumsum().tolist()
        begins = [0, *ends[:-1]]
        self.turns = [(i % TURNS, *run) for i, run in enumerate(zip(begins, ends, strict=True)) if run[0] < run[1]]
        pixels = 3 * size**2
        self.colors = [
            (swaps, begin * pixels, end * pixels)
            for swaps, begin, end in zip(_SWAPS, begins[::TURNS], ends[TURNS - 1 :: TURNS], strict=True)
            if swaps and begin < end
        ]
        self.signs = np.broadcast_to((-negative).astype(np.uint8), shape).reshape(-1, 1)[order]

        rows = np.arange(size)
        self.on_grid = not (width % size or (left % size).any())
        step = size if self.on_grid else 1  # pixels between the items that can be taken: every window's rows, or all
        begin = np.arange(pictures)[:, None] * (layout.height * width // step) + top * (width // step) + left // step
        self.taken = begin.reshape(-1)[order][:, None] + rows * (width // step)
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(0, len(order) * size, size)
        self.placed = place.reshape(-1, 1, layout.columns) + rows[:, None]

    def apply(self, images: np.ndarray, out: np.ndarray, room: _Room) -> None:
        """Move the blocks of contiguous `images` (M,H,W,3) to `out` (M,h,w,3)."""
        blocks, size = self.taken.shape
        row = np.dtype((np.void, 3 * size))
        gathered, changed = room.gathered[: out.size], room.changed[: out.size]
        if self.on_grid:
            images.reshape(-1).view(row).take(self.taken, out=gathered.view(row).reshape(blocks, size), mode="clip")
        else:
            windows = np.ndarray(images.size // 3 - size + 1, row, images, 0, (3,))
            gathered.view(row).reshape(blocks, size)[...] = windows[self.taken]
        signed = gathered.reshape(blocks, -1)
        signed ^= self.signs
        for turn, begin, end in self.turns:
            room.words[begin:end] = room.turned[turn][begin:end]
        for swaps, begin, end in self.colors:
            for pair in swaps:
                _swap(changed[begin:end], *pair)
        changed.view(row).take(self.placed.reshape(-1), out=out.reshape(-1).view(row), mode="clip")


def _swap(pixels: np.ndarray, first: int, second: int) -> None:
    """Exchange two components of each pixel in place; `pixels` are their bytes."""
    for begin in range(0, len(pixels), len(_EVERY_THIRD)):
        run = pixels[begin : begin + len(_EVERY_THIRD)]
        left, right = run[first : len(run) - second + first], run[second:]
        difference = left ^ right
        difference &= _EVERY_THIRD[: len(difference)]
        left ^= difference
        right ^= difference
