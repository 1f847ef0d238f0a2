"""Augmentation: of one plain image before it is encrypted, and of a batch on the device.

Mixup and CutMix combine whole images at equal positions, so they are valid on ciphertexts; a crop, a
flip or a change of colours is not, and acts on the plain image only.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from PIL import Image
from timm.data.random_erasing import RandomErasing
from timm.data.transforms_factory import transforms_imagenet_train
from torch import Tensor
from torch.nn import functional as F
from torchvision.transforms import v2

from .arguments import DataArguments
from .block_augment import BlockAugment

Augment = Callable[[Image.Image], np.ndarray]


def plain_augment(args: DataArguments, size: tuple[int, int]) -> Augment | None:
    """timm's training transform for one plain image, or None when nothing is asked for.

    Args:
        args: crop_scale, flip, color_jitter, rand_augment and resample.
        size: (height, width) of the result in pixels.

    Returns:
        A function from an RGB image to uint8 (H,W,3). It draws from the global random generators: call
        it inside :func:`seeded`.
    """
    if args.crop_scale == 1 and not (args.flip or args.color_jitter or args.rand_augment):
        return None
    crop, change, _ = transforms_imagenet_train(
        size,
        scale=(args.crop_scale, 1.0),
        hflip=args.flip,
        color_jitter=args.color_jitter or None,  # type: ignore[arg-type]
        auto_augment=args.rand_augment,
        interpolation=args.resample,
        mean=(0.5, 0.5, 0.5),  # grey fills what RandAugment moves in
        separate=True,
    )
    if args.crop_scale == 1:
        crop.transforms = crop.transforms[1:]  # the rest: the flip; the image has its size already
    return lambda image: np.asarray(change(crop(image)))


class BatchAugment:
    """Random erasing, mixup and CutMix of a normalised batch, on its device; labels become soft targets.

    Args:
        num_classes: of the targets.
        mixup_alpha, cutmix_alpha: of the Beta distributions; 0 is off. With both, each batch gets one of
            them with equal probability (the paper: 0.5 and 0.5).
        random_erasing: probability for each image, noise for each pixel.
        label_smoothing: of the targets.
        blocks: what is done last, to whole blocks.

    Example:
        >>> mix = BatchAugment(10, mixup_alpha=0.5, cutmix_alpha=0.5)
        >>> pixels, targets = mix(torch.zeros(4, 3, 32, 32), torch.tensor([0, 1, 2, 3]))
        >>> pixels.shape, targets.sum(1)
        (torch.Size([4, 3, 32, 32]), tensor([1., 1., 1., 1.]))
    """

    def __init__(
        self,
        num_classes: int,
        mixup_alpha: float = 0.0,
        cutmix_alpha: float = 0.0,
        random_erasing: float = 0.0,
        label_smoothing: float = 0.0,
        blocks: BlockAugment | None = None,
    ) -> None:
        mixes = [(v2.MixUp, mixup_alpha), (v2.CutMix, cutmix_alpha)]
        chosen = [mix(alpha=alpha, num_classes=num_classes) for mix, alpha in mixes if alpha]
        self.num_classes, self.label_smoothing, self.random_erasing = num_classes, label_smoothing, random_erasing
        self._mix = v2.RandomChoice(chosen) if chosen else None
        self._blocks = blocks

    def __call__(self, pixels: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """
        Args:
            pixels: float (N,C,H,W); erased in place.
            labels: int64 (N,).

        Returns:
            The pixels, and float32 targets (N,num_classes), each row summing to 1.
        """
        if self.random_erasing:
            RandomErasing(self.random_erasing, mode="pixel", device=pixels.device)(pixels)
        targets = F.one_hot(labels, self.num_classes).float()
        if self._mix is not None:
            pixels, targets = self._mix(pixels, targets)
        targets = targets * (1 - self.label_smoothing) + self.label_smoothing / self.num_classes
        return (pixels, targets) if self._blocks is None else self._blocks(pixels, targets)


@contextmanager
def seeded(*numbers: int) -> Iterator[None]:
    """Draws inside depend on `numbers` alone; the global generators continue afterwards as if nothing had been.

    So an image's augmentation is the same on whichever process, worker or resumed run it falls.

    Example:
        >>> with seeded(1, 2, 3):
        ...     first = random.random(), float(torch.rand(())), float(np.random.rand())
        >>> with seeded(1, 2, 3):
        ...     first == (random.random(), float(torch.rand(())), float(np.random.rand()))
        True
    """
    before = random.getstate(), np.random.get_state(), torch.get_rng_state()
    seed = int(np.random.SeedSequence(numbers).generate_state(1)[0])
    random.seed(seed)
    np.random.seed(seed)
    torch.default_generator.manual_seed(seed)  # torch.manual_seed would also reset the devices' generators
    try:
        yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])
        torch.set_rng_state(before[2])


def channels_first(images: np.ndarray) -> Tensor:
    """uint8 (N,H,W,3) as a contiguous tensor (N,3,H,W)."""
    return torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()
