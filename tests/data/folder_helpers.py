"""Small trees and datasets of noise, for the tests of folders."""

from pathlib import Path

import numpy as np
from datasets import ClassLabel, Dataset, Features, Value
from datasets import Image as ImageFeature
from PIL import Image

from hf_etc import load_rgb
from hf_etc.data.convert.output import is_book

NAMES = ["tench", "English springer", "church"]  # not in alphabetical order


def noise(seed, height=32, width=32):
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8))


def make_tree(count=5, height=32, width=32):
    for i in range(count):
        path = Path("photos") / NAMES[i % 3] / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        noise(i, height, width).save(path)


def make_dataset(rows=6, column="image", height=32):
    features = Features({column: ImageFeature(), "label": ClassLabel(names=NAMES), "patient": Value("string")})
    values = {
        column: [noise(i, height, height) for i in range(rows)],
        "label": [i % 3 for i in range(rows)],
        "patient": [f"p{i}" for i in range(rows)],
    }
    return Dataset.from_dict(values, features=features)


def contents(folder):
    """Every file below a folder, by name, manifest and journals aside."""
    files = (path for path in Path(folder).rglob("*") if path.is_file() and not is_book(path.name))
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def pixels_of(dataset, column="image"):
    return np.stack([np.asarray(load_rgb(image)) for image in dataset[column]])
