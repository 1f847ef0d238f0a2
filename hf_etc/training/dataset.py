"""Images as the Trainer's data loader fetches them: whole batches of uint8, from memory or decoded on demand."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.utils.data import Dataset
from tqdm.auto import tqdm

from ..errors import GeometryError
from .augment import Augment, channels_first, seeded

MEMORY_LIMIT = 4 * 2**30  # bytes of decoded pixels that in_memory="auto" keeps
_CHUNK = 256


class ImageDataset(Dataset):
    """A map-style dataset of uint8 pixels and labels.

    The stock data loader, its sampler, sharding over processes and resuming work on it unchanged; it
    fetches batches through ``__getitems__``, so that a batch is cut out, encrypted and moved at once.

    Args:
        sources: encoded images, one per label.
        labels: class numbers.
        read: from one source to uint8 (H,W,3).
        augment: applied to each image at each fetch.
        finish: applied to each batch, uint8 (N,H,W,3), after the augmentation: encryption.
        once: `finish` gives the same every time, so pixels in memory go through it once.
        in_memory: "true", "false", or "auto": as long as all pixels take at most 4 GiB.
        seed: of the augmentation, with the epoch (:meth:`set_epoch`) and the images of the batch.
        progress: show a bar while filling the memory.

    Example:
        >>> black = lambda source: np.zeros((4, 4, 3), np.uint8)
        >>> batch = ImageDataset(["a", "b", "c"], [0, 1, 0], black).__getitems__([0, 2])
        >>> batch["pixel_values"].shape, batch["labels"]
        (torch.Size([2, 3, 4, 4]), tensor([0, 0]))
    """

    def __init__(
        self,
        sources: Sequence[Any],
        labels: Sequence[int],
        read: Callable[[Any], np.ndarray],
        augment: Augment | None = None,
        finish: Callable[[np.ndarray], np.ndarray] | None = None,
        once: bool = False,
        in_memory: str = "auto",
        seed: int = 0,
        progress: bool = False,
    ) -> None:
        self.labels = torch.as_tensor(labels, dtype=torch.int64)
        self._sources, self._read, self._augment, self._finish, self._seed = sources, read, augment, finish, seed
        self._epoch = torch.zeros((), dtype=torch.int64).share_memory_()  # workers that live on see it change
        self._pixels: np.ndarray | list[np.ndarray] | None = None
        if in_memory == "true" or (in_memory == "auto" and read(sources[0]).nbytes * len(sources) <= MEMORY_LIMIT):
            self._fill(once, progress)

    @property
    def in_memory(self) -> bool:
        """Whether the decoded pixels are kept."""
        return self._pixels is not None

    @property
    def image_size(self) -> tuple[int, int]:
        """(height, width) of the first image as it reaches the model."""
        return tuple(self[0]["pixel_values"].shape[-2:])  # type: ignore[return-value]

    def set_epoch(self, epoch: int) -> None:
        """Choose the next epoch's augmentation."""
        self._epoch.fill_(epoch)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        """One image, uint8 (3,H,W), and its label."""
        return {name: values[0] for name, values in self.__getitems__([index]).items()}

    def __getitems__(self, indices: Sequence[int]) -> dict[str, torch.Tensor]:
        """A batch: ``pixel_values`` uint8 (N,3,H,W) and ``labels`` int64 (N,)."""
        images = [self._pixels[i] if self._pixels is not None else self._read(self._sources[i]) for i in indices]
        if self._augment is not None:
            with seeded(self._seed, int(self._epoch), indices[0]):  # an image comes first in one batch per epoch
                images = [self._augment(Image.fromarray(image)) for image in images]
        batch = stack_images(images)
        if self._finish is not None:
            batch = self._finish(batch)
        return {"pixel_values": channels_first(batch), "labels": self.labels[list(indices)]}

    def _fill(self, once: bool, progress: bool) -> None:
        pixels = [self._read(source) for source in tqdm(self._sources, "Reading images", disable=not progress)]
        if once and self._finish is not None:
            chunks = (pixels[start : start + _CHUNK] for start in range(0, len(pixels), _CHUNK))
            pixels = [image for chunk in chunks for image in self._finish(stack_images(chunk))]
            self._finish = None
        same = len({image.shape for image in pixels}) == 1
        self._pixels = np.stack(pixels) if same else pixels
        self._sources = ()


def stack_images(images: Sequence[np.ndarray]) -> np.ndarray:
    """Images of one size as one array (N,H,W,3).

    Raises:
        GeometryError: they have several sizes.
    """
    sizes = {image.shape[:2] for image in images}
    if len(sizes) > 1:
        (h1, w1), (h2, w2) = sorted(sizes)[:2]
        raise GeometryError(f"images of {h1}x{w1} and {h2}x{w2} pixels in one batch; give --image_size")
    return np.stack(images)


def keep_batch(batch: Any) -> Any:
    """The data collator: ``__getitems__`` has collated already."""
    return batch
