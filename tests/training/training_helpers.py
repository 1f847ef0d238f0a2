"""A tiny learnable dataset and the flags of a run that takes a second, for the tests of training and evaluation."""

import numpy as np
from datasets import ClassLabel, Dataset, DatasetDict, Features, Image
from PIL import Image as PilImage

from hf_etc import cli
from hf_etc.data import encrypt_dataset

COLORS = {"leaf": (40, 190, 60), "brick": (200, 50, 40), "sky": (90, 140, 240), "chalk": (235, 235, 230)}
TINY = "dim=16,depth=2,patch_size=16,kernel_size=3"


def colored(rows, seed, size=32):
    """Images of one colour with noise; the class is the colour."""
    rng = np.random.default_rng(seed)
    labels = np.arange(rows) % len(COLORS)
    colors = np.array(list(COLORS.values()))[labels]
    noise = rng.integers(-30, 31, (rows, size, size, 3))
    pixels = (colors[:, None, None] + noise).clip(0, 255).astype(np.uint8)
    features = Features({"image": Image(), "label": ClassLabel(names=list(COLORS))})
    images = [PilImage.fromarray(one) for one in pixels]
    return Dataset.from_dict({"image": images, "label": labels}, features=features)


def colored_splits(train=64, test=32, size=32):
    return DatasetDict(train=colored(train, 0, size), test=colored(test, 1, size))


def save_both(folder, key, **params):
    """The plain dataset and its ciphertexts, as folders of ``save_to_disk``."""
    plain = colored_splits()
    plain.save_to_disk(folder / "plain")
    encrypt_dataset(plain, key, **params).save_to_disk(folder / "ciphertexts")
    return folder


def flags(output_dir, dataset_name, **changes):
    """Flags of a run of four steps with a tiny ConvMixer; a change to None leaves a flag out."""
    values = {
        "dataset_name": dataset_name,
        "output_dir": output_dir,
        "model_name_or_path": "convmixer",
        "model_config": TINY,
        "per_device_train_batch_size": 16,
        "num_train_epochs": 1,
        "learning_rate": 0.01,
        "use_cpu": True,
        "disable_tqdm": True,
        "logging_steps": 1,
        "save_strategy": "no",
    }
    values |= changes
    return [text for name, value in values.items() if value is not None for text in (f"--{name}", str(value))]


def run_train(words):
    """The exit status of ``hf-etc train``."""
    return cli.main(["train", *words])


def run_evaluate(words):
    """The exit status of ``hf-etc evaluate``."""
    return cli.main(["evaluate", *words])
