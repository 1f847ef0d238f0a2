"""Data that scikit-learn carries: measured on where nothing else is at hand."""

import numpy as np
from datasets import ClassLabel, Dataset, DatasetDict, Features
from datasets import Image as ImageFeature
from PIL import Image

from ..errors import missing_extra

DIGIT_SIZE = 64
_SEED = 0
_MISSING = "scikit-learn is not installed", "demo"


def load_digits() -> DatasetDict:
    """1,797 handwritten digits as 64x64 RGB images: 1,437 to train on, 360 to test.

    Raises:
        MissingExtraError: scikit-learn is missing.
    """
    try:
        from sklearn.datasets import load_digits as load
    except ImportError:
        raise missing_extra(*_MISSING) from None
    digits = load()
    images = [_enlarged(pixels) for pixels in (digits.images * 255 / 16).round().astype(np.uint8)]
    features = Features({"image": ImageFeature(), "label": ClassLabel(names=[str(digit) for digit in range(10)])})
    table = Dataset.from_dict({"image": images, "label": digits.target.tolist()}, features=features)
    return table.train_test_split(test_size=0.2, seed=_SEED, stratify_by_column="label")


def load_photographs() -> list[Image.Image]:
    """Two colour photographs of 427x640: a temple and a flower.

    Raises:
        MissingExtraError: scikit-learn is missing.
    """
    try:
        from sklearn.datasets import load_sample_images
    except ImportError:
        raise missing_extra(*_MISSING) from None
    return [Image.fromarray(pixels) for pixels in load_sample_images().images]


def _enlarged(pixels: np.ndarray) -> Image.Image:
    return Image.fromarray(pixels).resize((DIGIT_SIZE, DIGIT_SIZE), Image.Resampling.BICUBIC).convert("RGB")
