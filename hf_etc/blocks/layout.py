"""What a block-wise cipher does to a picture, without any key: which window each output block shows, and how.

A :class:`Layout` says for each of N output blocks of B x B pixels where its window lies in the picture, and how the
window is turned, negated and recoloured. Windows need not tile the picture: there may be gaps between them, they may
lie off the grid, and blocks may be left out. Ciphers draw layouts, attacks recover them, and every backend applies
them (docs/spec.md, section 4.0).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ..errors import GeometryError, ParameterError
from .moves import move
from .pixels import check_pixels
from .symmetry import COLOR_AFTER, COLOR_INVERSE, COLORS, TURNS, turn_after, turn_block, turn_inverse

MARK = 128
"""The grey of what was not sent, in a picture that was put back together."""


@dataclass(frozen=True, eq=False, repr=False)
class Layout:
    """N blocks of one picture, or of each picture of a batch: where they come from and what is done to them.

    Output block i, in raster order, is the window whose upper left pixel is (top[i], left[i]), turned, negated and
    recoloured. The arrays have the shape (N,), for one layout that every picture shares, or (M, N), for M pictures
    with a layout each; all but `top` and `left` broadcast to it.

    Attributes:
        height, width: of the picture, in pixels.
        block_size: edge B of a block, in pixels.
        columns: blocks in a row of the output; N is a multiple of it. The output has N / columns * B rows of
            columns * B pixels.
        top, left: int64, of the windows, in pixels.
        turn: int64, 0..7, an element of D4 (see `TURNS`).
        negative: int64, 1 where 255 - value replaces each value, else 0.
        color: int64, 0..5: output component c reads the window's component COLORS[color, c].

    Raises:
        GeometryError: windows leave the picture or share pixels, or do not fill whole rows of the output.
        ParameterError: a turn or colour that does not exist, values that are not whole numbers, or arrays of other
            shapes.

    Example:
        >>> swapped = Layout(16, 32, 16, 2, top=[0, 0], left=[16, 0], turn=[0, 1], negative=[False, True], color=[0, 0])
        >>> picture = np.zeros((16, 32, 3), np.uint8)
        >>> swapped.apply(picture)[0, :, 0].tolist() == [0] * 16 + [255] * 16
        True
    """

    height: int
    width: int
    block_size: int
    columns: int
    top: np.ndarray
    left: np.ndarray
    turn: np.ndarray
    negative: np.ndarray
    color: np.ndarray

    def __post_init__(self) -> None:
        for name in ("height", "width", "block_size", "columns"):
            _whole(name, getattr(self, name))
        arrays = {name: _whole(name, getattr(self, name)) for name in _ARRAYS}
        shape = arrays["top"].shape
        if len(shape) not in (1, 2):
            raise ParameterError(f"windows of shape {shape}: give (N,), or (M,N) for a layout for each of M pictures")
        for name, array in arrays.items():
            try:
                array = np.broadcast_to(array, shape)  # read-only
            except ValueError:
                raise ParameterError(
                    f"{name} of shape {array.shape} beside {shape} windows; give one for each"
                ) from None
            object.__setattr__(self, name, array)
        _check(self)

    def __repr__(self) -> str:  # the content of a layout is as secret as the key that drew it
        return f"Layout({self.height}x{self.width}, {self.blocks} blocks of {self.block_size})"

    @classmethod
    def identity(cls, height: int, width: int, block_size: int) -> "Layout":
        """Every block of a picture's grid in its place, as it is."""
        top, left = np.indices((height // block_size, width // block_size)).reshape(2, -1) * block_size
        zeros = np.zeros(len(top), np.int64)
        return cls(height, width, block_size, width // block_size, top, left, zeros, zeros, zeros)

    @classmethod
    def stack(cls, layouts: Sequence["Layout"]) -> "Layout":
        """One layout for a batch, from one for each of its pictures.

        Raises:
            GeometryError: they are for different sizes.
        """
        first = layouts[0]
        if any(layout.form != first.form for layout in layouts):
            raise GeometryError("layouts of different sizes; stack those of one size of picture, block and output")
        arrays = (np.stack(arrays) for arrays in zip(*(one.arrays for one in layouts), strict=True))
        return cls(first.height, first.width, first.block_size, first.columns, *arrays)

    def __getitem__(self, picture: int) -> "Layout":
        """The layout of one picture of a batch."""
        arrays = (array if self.shared else array[picture] for array in self.arrays)
        return Layout(self.height, self.width, self.block_size, self.columns, *arrays)

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """(top, left, turn, negative, color)."""
        return self.top, self.left, self.turn, self.negative, self.color

    @property
    def cells(self) -> np.ndarray:
        """Where in the picture's own grid of blocks each window begins, in raster order, of the shape of `top`."""
        return self.top // self.block_size * (self.width // self.block_size) + self.left // self.block_size

    @property
    def shared(self) -> bool:
        """Whether one layout holds for every picture."""
        return self.top.ndim == 1

    @property
    def blocks(self) -> int:
        """N, the number of output blocks."""
        return self.top.shape[-1]

    @property
    def output(self) -> tuple[int, int]:
        """(height, width) of what :meth:`apply` returns, in pixels."""
        return self.blocks // self.columns * self.block_size, self.columns * self.block_size

    @property
    def form(self) -> tuple[int, ...]:
        """What two layouts must share to be stacked: sizes of picture, block and output."""
        return self.height, self.width, self.block_size, self.columns, self.blocks

    @property
    def nbytes(self) -> int:
        """Memory held, in bytes."""
        return sum(array.nbytes for array in self.arrays)

    @property
    def tiles(self) -> bool:
        """Whether every pixel of the picture is sent, so that nothing is missing after :meth:`undo`."""
        return self.blocks * self.block_size**2 == self.height * self.width  # windows share no pixel

    def apply(self, images: np.ndarray, overwrite: bool = False) -> np.ndarray:
        """The output for one picture or a batch.

        Args:
            images: uint8 (H,W,3) or (M,H,W,3); M pictures where each has a layout of its own.
            overwrite: `images` are no longer needed, and the output may take their place.

        Returns:
            A new uint8 array, (h,w,3) or (M,h,w,3) with (h, w) = `output`.

        Raises:
            ImageError: wrong dtype or shape.
            GeometryError: another size than the layout's, or another number of pictures.
        """
        batch = self._batch(images, (self.height, self.width))
        in_place = overwrite and self.output == (self.height, self.width) and batch.flags.c_contiguous
        out = batch if in_place else np.empty((len(batch), *self.output, 3), np.uint8)
        move(self, batch, out)
        return out.reshape(*images.shape[:-3], *self.output, 3)

    def undo(self, images: np.ndarray) -> np.ndarray:
        """Put back what was sent; what was not sent is `MARK` grey, see :meth:`sent`.

        Args:
            images: uint8 (h,w,3) or (M,h,w,3) with (h, w) = `output`, as :meth:`apply` returned them.

        Returns:
            A new uint8 array, (H,W,3) or (M,H,W,3); exact where something was sent.

        Raises:
            ImageError, GeometryError: as for :meth:`apply`.
        """
        if self.tiles:
            return self.inverse().apply(images)
        batch = self._batch(images, self.output)
        top, left = self._places()
        changes = turn_inverse(self.turn), self.negative, COLOR_INVERSE[self.color]
        places = np.broadcast_to(top, self.top.shape), left
        blocks = np.empty(batch.shape, np.uint8)
        move(Layout(*self.output, self.block_size, self.columns, *places, *changes), batch, blocks)
        out = np.full((len(batch), self.height, self.width, 3), MARK, np.uint8)
        _windows(out, self.block_size)[_at(self.top, self.left, len(batch))] = _windows(blocks, self.block_size)[
            _at(top, left, len(batch))
        ]
        return out.reshape(*images.shape[:-3], self.height, self.width, 3)

    def sent(self) -> np.ndarray:
        """Which pixels of the picture, or of each picture of the batch, some block shows: bool (H,W) or (M,H,W)."""
        batch = 1 if self.shared else len(self.top)
        sent = np.zeros((batch, self.height, self.width, 1), bool)
        _windows(sent, self.block_size)[_at(self.top, self.left, batch)] = True
        return sent[0, ..., 0] if self.shared else sent[..., 0]

    def inverse(self) -> "Layout":
        """The layout that undoes this one.

        Raises:
            GeometryError: parts of the picture are not sent; :meth:`undo` puts back those that are.
        """
        if not self.tiles:
            raise GeometryError("windows do not cover the picture, so no layout undoes this one; use undo()")
        size = self.block_size
        block = np.argsort(self.cells, axis=-1)  # that shows each cell
        top, left = np.divmod(block, self.columns)
        turn, negative, color = (
            np.take_along_axis(getattr(self, name), block, -1) for name in ("turn", "negative", "color")
        )
        changes = (turn_inverse(turn), negative, COLOR_INVERSE[color])
        return Layout(*self.output, size, self.width // size, top * size, left * size, *changes)

    def then(self, second: "Layout") -> "Layout":
        """One layout equal to this one followed by `second`.

        Raises:
            GeometryError: `second` is for another size, or one of its windows shows parts of several blocks.
        """
        size = self.block_size
        if (second.height, second.width, second.block_size) != (*self.output, size):
            raise GeometryError(
                f"cannot compose: the first layout makes {self.output[0]}x{self.output[1]} of blocks of {size}, the "
                f"second takes {second.height}x{second.width} of blocks of {second.block_size}"
            )
        if (second.top % size).any() or (second.left % size).any():
            raise GeometryError("cannot compose: a window of the second layout shows parts of several blocks")
        block = second.cells
        if self.shared:
            top, left, turn, negative, color = (array[block] for array in self.arrays)
        else:
            block = np.broadcast_to(block, (len(self.top), second.blocks))
            top, left, turn, negative, color = (np.take_along_axis(array, block, -1) for array in self.arrays)
        changes = (turn_after(second.turn, turn), negative ^ second.negative, COLOR_AFTER[color, second.color])
        return Layout(self.height, self.width, size, second.columns, top, left, *changes)

    def index(self) -> np.ndarray:
        """The byte offset in the picture that each byte of the output reads: int64 (h,w,3) or (M,h,w,3)."""
        batch = 1 if self.shared else len(self.top)
        offset = np.broadcast_to(np.arange(self.height * self.width * 3), (batch, self.height * self.width * 3))
        taken = _windows(offset.reshape(batch, self.height, self.width, 3), self.block_size)
        taken = taken[_at(self.top, self.left, batch)]
        return self._output(_changed(taken, self.turn, self.color))

    def mask(self) -> np.ndarray:
        """What is XORed to each byte of the output, 0 or 255: uint8 (h,w,3) or (M,h,w,3)."""
        blocks = np.empty((*self.top.reshape(-1, self.blocks).shape, 3, self.block_size, self.block_size), np.uint8)
        blocks[...] = _signs(self.negative)
        return self._output(blocks)

    def _output(self, blocks: np.ndarray) -> np.ndarray:
        """(M,N,3,B,B) -> (h,w,3), or (M,h,w,3) where the layouts are for a batch."""
        out = blocks.reshape(len(blocks), -1, self.columns, *blocks.shape[2:]).transpose(0, 1, 4, 2, 5, 3)
        out = out.reshape(len(blocks), *self.output, 3)
        return out[0] if self.shared else out

    def _batch(self, images: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        check_pixels(images)
        if images.shape[-3:-1] != size:
            found = f"{images.shape[-3]}x{images.shape[-2]}"
            raise GeometryError(f"the layout takes {size[0]}x{size[1]}, the image is {found}")
        batch = images.reshape(-1, *images.shape[-3:])
        if not self.shared and len(batch) != len(self.top):
            raise GeometryError(f"layouts for {len(self.top)} images, got {len(batch)}; pass one image for each")
        return batch

    def _places(self) -> tuple[np.ndarray, np.ndarray]:
        """(top, left) of each block in the output, each (N,)."""
        top, left = np.divmod(np.arange(self.blocks), self.columns)
        return top * self.block_size, left * self.block_size


_ARRAYS = ("top", "left", "turn", "negative", "color")


def _at(top: np.ndarray, left: np.ndarray, batch: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The windows that begin there in each picture of a batch, as an index of :func:`_windows`."""
    return np.arange(batch)[:, None], top, left


def _windows(images: np.ndarray, size: int) -> np.ndarray:
    """All windows of a batch, a view: (M,H,W,C) -> (M,H-B+1,W-B+1,C,B,B)."""
    return np.lib.stride_tricks.sliding_window_view(images, (size, size), (1, 2), writeable=True)


def _changed(blocks: np.ndarray, turn: np.ndarray, color: np.ndarray) -> np.ndarray:
    """Each of (M,N,3,B,B) turned and recoloured."""
    shape, out = blocks.shape[:2], np.empty_like(blocks)
    turn, color = np.broadcast_to(turn, shape), np.broadcast_to(color, shape)
    for t in range(TURNS):
        for c, order in enumerate(COLORS):
            these = (turn == t) & (color == c)
            out[these] = turn_block(blocks[these], t, (-2, -1))[:, order]
    return out


def _signs(negative: np.ndarray) -> np.ndarray:
    """(N,) or (M,N) -> uint8 (...,1,1,1), 255 where a block is negated."""
    return (255 * negative).astype(np.uint8)[..., None, None, None]


def _whole(name: str, values: ArrayLike) -> np.ndarray:
    """As int64; an empty list is one of float64 to NumPy."""
    try:
        array = np.asarray(values)
    except ValueError:  # lists of several lengths
        array = np.array(None)
    if array.size and array.dtype.kind not in "biu":
        raise ParameterError(f"{name}: give whole numbers")
    return array.astype(np.int64, copy=False)


def _check(layout: Layout) -> None:
    size, height, width = layout.block_size, layout.height, layout.width
    if not 1 <= size <= min(height, width):
        raise GeometryError(f"windows of {size}x{size} pixels in a picture of {height}x{width}; use a smaller block")
    if layout.columns < 1 or not layout.blocks or layout.blocks % layout.columns:
        raise GeometryError(
            f"{layout.blocks} blocks do not fill rows of {layout.columns}; choose a number of columns that divides them"
        )
    for name, below in (("turn", TURNS), ("negative", 2), ("color", len(COLORS))):
        values = getattr(layout, name)
        if values.min() < 0 or values.max() >= below:
            raise ParameterError(f"a {name} outside of 0..{below - 1}; see hf_etc.blocks")
    top, left = layout.top, layout.left
    if top.min() < 0 or left.min() < 0 or top.max() > height - size or left.max() > width - size:
        raise GeometryError(f"a window leaves the picture of {height}x{width}; keep it within")
    if _overlap(top.reshape(-1, layout.blocks), left.reshape(-1, layout.blocks), layout):
        raise GeometryError("two windows show the same pixels; keep them apart")


def _overlap(top: np.ndarray, left: np.ndarray, layout: Layout) -> bool:
    """Whether two windows of one picture share a pixel; both (M,N).

    Windows that lie apart begin in different cells of a grid of B x B pixels, so each can only meet those that begin
    in the cells around its own.
    """
    size, pictures = layout.block_size, np.arange(len(top))[:, None]
    row, column = top // size, left // size + 1
    begins = np.full((len(top), layout.height // size + 2, layout.width // size + 3), -1)
    begins[pictures, row, column] = np.arange(layout.blocks)
    if (begins[pictures, row, column] != np.arange(layout.blocks)).any():
        return True
    if not ((top % size).any() or (left % size).any()):
        return False
    for down, right in ((0, 1), (1, -1), (1, 0), (1, 1)):
        other = begins[pictures, row + down, column + right]
        close = np.abs(np.take_along_axis(top, other, 1) - top) < size
        close &= np.abs(np.take_along_axis(left, other, 1) - left) < size
        if (close & (other >= 0)).any():
            return True
    return False
