"""How torch moves the blocks of a layout, on any device: one gather for a batch."""

from collections.abc import Iterator

import numpy as np
import torch

from ..errors import GeometryError, ImageError
from .layout import MARK, Layout
from .symmetry import COLORS, TURNS, turn_block


class TorchLayout:
    """A :class:`~hf_etc.blocks.Layout` for channels-first tensors.

    Args:
        layout: shared by all pictures, or with an entry for each.
        device: where it is kept, a shared one as 8 bytes for each byte of a picture; the images must be there too.

    Example:
        >>> layout = Layout(2, 4, 2, 2, top=[0, 0], left=[2, 0], turn=[0, 0], negative=[0, 0], color=[0, 0])
        >>> x = torch.arange(24, dtype=torch.uint8).reshape(1, 3, 2, 4)
        >>> TorchLayout(layout).apply(x)[0, 0, 0].tolist()
        [2, 3, 0, 1]
    """

    def __init__(self, layout: Layout, device: torch.device | str = "cpu") -> None:
        self.layout = layout
        top, left, turn, negative, color = (
            torch.from_numpy(np.atleast_2d(array).copy()).to(device) for array in layout.arrays
        )
        size, width = layout.block_size, layout.width
        offsets = np.arange(size)[:, None] * width + np.arange(size)  # in a plane, from a window's first byte
        turned = np.stack([turn_block(offsets, one).reshape(-1) for one in range(TURNS)])
        self._turn, self._offsets = turn, torch.from_numpy(turned).to(device)
        component = torch.from_numpy(COLORS).to(device)[color]
        self._begin = component * (layout.height * width) + (top * width + left)[..., None]  # (M,N,3)
        self._signs = (negative * 255).to(torch.uint8)[..., None]
        self._index = self._index_of(slice(None)) if layout.shared else None

    def __repr__(self) -> str:  # the content of a layout is as secret as the key that drew it
        return f"Torch{self.layout!r}"

    @property
    def nbytes(self) -> int:
        """Memory held, in bytes."""
        kept = self._turn, self._offsets, self._begin, self._signs, self._index
        return sum(tensor.nbytes for tensor in kept if tensor is not None)

    def apply(self, images: torch.Tensor) -> torch.Tensor:
        """The output for a batch.

        Args:
            images: uint8 (M,3,H,W); M pictures where each has a layout of its own.

        Returns:
            A new uint8 tensor (M,3,h,w) on the same device, see :meth:`hf_etc.blocks.Layout.apply`.

        Raises:
            ImageError: wrong dtype or shape.
            GeometryError: another size than the layout's, or another number of pictures.
        """
        self._check(images, (self.layout.height, self.layout.width))
        out = images.new_empty((len(images), 3, *self.layout.output))
        for some, index, signs in self._parts(len(images)):
            blocks = images[some].flatten(1).gather(1, index)
            blocks = blocks.view(len(blocks), self.layout.blocks, -1).bitwise_xor_(signs)
            raster = blocks_of(out[some], self.layout.block_size)
            raster.copy_(blocks.view(raster.shape))
        return out

    def undo(self, images: torch.Tensor) -> torch.Tensor:
        """Put back what was sent; what was not sent is `MARK` grey, see :meth:`hf_etc.blocks.Layout.undo`.

        Args:
            images: uint8 (M,3,h,w), as :meth:`apply` returned them.

        Returns:
            A new uint8 tensor (M,3,H,W) on the same device.

        Raises:
            ImageError, GeometryError: as for :meth:`apply`.
        """
        self._check(images, self.layout.output)
        out = images.new_full((len(images), 3, self.layout.height, self.layout.width), MARK)
        for some, index, signs in self._parts(len(images)):
            blocks = blocks_of(images[some], self.layout.block_size)
            blocks = blocks.reshape(len(blocks), self.layout.blocks, -1) ^ signs
            out[some].flatten(1).scatter_(1, index, blocks.flatten(1))
        return out

    def _parts(self, pictures: int) -> Iterator[tuple[slice, torch.Tensor, torch.Tensor]]:
        """Pictures that are handled together, the bytes to gather for them, and the signs of their blocks."""
        if self._index is not None:
            yield slice(None), self._index.expand(pictures, -1), self._signs
            return
        on_cpu = self._signs.device.type == "cpu"  # whose cache holds the index of one picture; others like large steps
        together = 1 if on_cpu else pictures
        for first in range(0, pictures, together):
            some = slice(first, first + together)
            yield some, self._index_of(some), self._signs[some]

    def _index_of(self, some: slice) -> torch.Tensor:
        """Which byte of its picture's planes each byte of the blocks is, int64 (M,N*3*B*B)."""
        turn, begin = self._turn[some], self._begin[some]
        offsets = self._offsets.index_select(0, turn.flatten()).view(*turn.shape, 1, -1)
        return (offsets + begin[..., None]).flatten(1)

    def _check(self, images: torch.Tensor, size: tuple[int, int]) -> None:
        check_tensor(images)
        if tuple(images.shape[-2:]) != size:
            found = f"{images.shape[-2]}x{images.shape[-1]}"
            raise GeometryError(f"the layout takes {size[0]}x{size[1]}, the image is {found}")
        if not self.layout.shared and len(images) != len(self._signs):
            raise GeometryError(f"layouts for {len(self._signs)} images, got {len(images)}; pass one image for each")


def blocks_of(images: torch.Tensor, size: int) -> torch.Tensor:
    """The blocks of pictures, a view: (M,C,h,w) -> (M,rows,columns,C,B,B)."""
    return images.unflatten(3, (-1, size)).unflatten(2, (-1, size)).permute(0, 2, 4, 1, 3, 5)


def check_tensor(images: torch.Tensor) -> None:
    """Accept uint8 (N,3,H,W) with N > 0 and nothing else.

    Raises:
        ImageError: names the remedy.
    """
    if images.dtype != torch.uint8:
        hint = "; scale to 0..255 and round first" if images.is_floating_point() else ""
        raise ImageError(f"pixels must be torch.uint8, not {images.dtype}{hint}")
    if images.ndim != 4 or images.shape[1] != 3:
        hint = "; use permute(0, 3, 1, 2)" if images.ndim == 4 and images.shape[-1] == 3 else ""
        raise ImageError(f"expected a tensor of shape (N,3,H,W), got {tuple(images.shape)}{hint}")
    if not len(images):
        raise ImageError("the batch is empty; pass at least one image")
