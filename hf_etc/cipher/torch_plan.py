"""The plan contract on torch tensors, on any device."""

import torch

from ..blocks.torch_layout import check_tensor
from ..errors import GeometryError
from .plan import Plan


class TorchPlan:
    """A :class:`~hf_etc.cipher.plan.Plan` for channels-first tensors.

    Args:
        plan: the compiled cipher.
        device: where the plan is kept; the images must be there too.

    Example:
        >>> import numpy as np
        >>> plan = Plan(np.arange(12)[::-1].copy(), np.zeros(12, np.uint8), 2, 2)
        >>> x = torch.arange(12, dtype=torch.uint8).reshape(1, 3, 2, 2)
        >>> tuple(TorchPlan(plan).apply(x).shape)
        (1, 3, 2, 2)
    """

    def __init__(self, plan: Plan, device: torch.device | str = "cpu") -> None:
        self.height, self.width, self.symbol_bits = plan.height, plan.width, plan.symbol_bits
        index = torch.tensor(plan.index)
        place = torch.arange(len(index)).reshape(-1, 3, self.height, self.width)
        place = place.permute(0, 2, 3, 1).flatten()  # of a (row, column, component) symbol in planar order
        self.index = self._planar(place[index]).to(device)
        self.mask = self._planar(torch.tensor(plan.mask)).to(device)

    def __repr__(self) -> str:
        return f"TorchPlan(height={self.height}, width={self.width})"

    @property
    def nbytes(self) -> int:
        """Memory held, in bytes."""
        return self.index.nbytes + self.mask.nbytes

    def apply(self, images: torch.Tensor) -> torch.Tensor:
        """Apply to a batch.

        Args:
            images: uint8 (N,3,H,W).

        Returns:
            A new uint8 tensor of the same shape on the same device.

        Raises:
            ImageError: wrong dtype, layout or an empty batch.
            GeometryError: another size than the plan's.
        """
        return self._joined(self._symbols(images)[:, self.index] ^ self.mask, images)

    def undo(self, images: torch.Tensor) -> torch.Tensor:
        """Apply the inverse, to the same tensors: what was applied comes back."""
        symbols = self._symbols(images)
        out = torch.empty_like(symbols)
        out[:, self.index] = symbols ^ self.mask
        return self._joined(out, images)

    def _symbols(self, images: torch.Tensor) -> torch.Tensor:
        check_tensor(images)
        if tuple(images.shape[-2:]) != (self.height, self.width):
            found = f"{images.shape[-2]}x{images.shape[-1]}"
            raise GeometryError(f"the plan is for {self.height}x{self.width}, the image is {found}")
        flat = images.flatten(1)
        return torch.cat([flat & 15, flat >> 4], dim=1) if self.symbol_bits == 4 else flat

    def _joined(self, symbols: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
        if self.symbol_bits == 4:
            low, high = symbols.chunk(2, dim=1)
            symbols = low | high << 4
        return symbols.reshape(images.shape)

    def _planar(self, symbols: torch.Tensor) -> torch.Tensor:
        return symbols.reshape(-1, self.height, self.width, 3).permute(0, 3, 1, 2).flatten()
