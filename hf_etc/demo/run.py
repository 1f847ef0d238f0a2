"""Key, encrypted dataset, training on ciphertexts alone, accuracy, reload, one picture, decryption."""

import io
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import datasets
import numpy as np
import transformers
from PIL import Image
from transformers import pipeline

from ..cipher.handover import withheld
from ..cipher.keys import KEY_ENV, KEY_FILE_ENV, EtcKey
from ..data import encrypt_dataset
from ..errors import EtcError, ParameterError
from ..experiments.embedded import DIGIT_SIZE, load_digits, load_photographs
from ..files import write_text
from ..images.ciphertext import decode_ciphertext
from ..processor.image_processing import EtcImageProcessor
from ..records import result_record, write_json
from ..sealing import Recipe, Sealer
from ..training.arguments import SourceArguments, arguments_from
from ..training.data import load_eval_split
from ..training.evaluation import evaluate_model
from ..training.train import TrainingResult, train
from .page import Sample, render_page

T = TypeVar("T")
BLOCK, SEED = 16, 0
EPOCHS, SHOWN = 25, 12
RECIPE = Recipe.of(block_size=BLOCK)
# A ConvMixer small enough for two cores: 8x8 tokens of width 64.
MODEL = {"patch_size": 8, "dim": 64, "depth": 4, "kernel_size": 5}
TRAINING = {
    "model_name_or_path": "convmixer",
    "model_config": ",".join(f"{name}={value}" for name, value in MODEL.items()),
    "per_device_train_batch_size": 64,
    "learning_rate": 0.01,
    "weight_decay": 0.01,
    "max_grad_norm": 1.0,
    "eval_strategy": "epoch",
    "save_strategy": "no",
    "triangular_schedule": True,
    "channels_last": True,
    "seed": SEED,
}


def run(out: Path, epochs: int = EPOCHS) -> dict[str, float]:
    """Run every step and write `out/index.html`, `out/result.json` and all that lies between.

    Args:
        out: a new or empty folder. `out/owner` holds what the owner keeps, `out/provider` what the
            provider gets.
        epochs: training epochs of each of the two models.

    Returns:
        Top-1 accuracy 0..1 by what was tested.

    Raises:
        EtcError: a step did not give what it promises.
        MissingExtraError: scikit-learn or matplotlib is missing.
    """
    if out.exists() and any(out.iterdir()):
        raise ParameterError(f"{out} is not empty; remove it or choose another folder with --out")
    only_long_bars()
    owner, provider = out / "owner", out / "provider"
    owner.mkdir(parents=True)
    provider.mkdir()

    with step("Owner: draw digits and make a key"):
        digits = load_digits()
        digits.save_to_disk(owner / "digits")
        key = EtcKey.generate()
        key.save(owner / "owner.key")
    with step("Owner: encrypt the dataset for the provider"):
        encrypt_dataset(digits, key, RECIPE).save_to_disk(provider / "ciphertexts")
    with step("Provider: train on ciphertexts, without the key"):
        encrypted_curve = train_on(provider / "ciphertexts", provider / "model", "static", epochs)
    with step("For comparison: train the same network on plain digits"):
        plain_curve = train_on(owner / "digits", owner / "plain-model", "plain", epochs)
    with step("Measure accuracy"):
        accuracy = measure(owner / "digits", key, provider / "model", owner / "plain-model")
    with step("Reload, classify and decrypt single pictures"):
        samples = classify(digits["test"], key, provider / "model")
        save_pictures(samples, owner / "pictures")
        photograph = encrypt_photograph(key)

    curves = {"plain digits": plain_curve, "ciphertexts": encrypted_curve}
    record = result_record(
        "demo",
        {"top1": accuracy, "curves": curves},
        data={"name": "scikit-learn digits", "train": len(digits["train"]), "test": len(digits["test"])},
        seed=SEED,
        settings={"size": DIGIT_SIZE, "block_size": BLOCK, "epochs": epochs, **TRAINING},
        command=["hf-etc", "demo"],
    )
    write_json(out / "result.json", record)
    facts = [
        ("training images", str(len(digits["train"]))),
        ("test images", str(len(digits["test"]))),
        ("single pictures decrypted bit for bit", f"{len(samples) + 1} of {len(samples) + 1}"),
        ("network", f"ConvMixer-{MODEL['dim']}/{MODEL['depth']}, {epochs} epochs, {record['hardware']['cores']} cores"),
    ]
    serve = f"hf-etc serve {provider / 'model'} --examples {owner / 'pictures'}"
    page = render_page(list(accuracy.items()), curves, samples, photograph, facts, serve, str(owner / "owner.key"))
    write_text(out / "index.html", page)
    print("\nTop-1 accuracy on test images")
    for name, value in accuracy.items():
        print(f"  {name:<44} {100 * value:5.1f} %")
    print(f"\nResult page: {out / 'index.html'}")
    print(f"In the browser: {serve}")
    return accuracy


def train_on(dataset: Path, output: Path, protocol: str, epochs: int) -> list[tuple[float, float]]:
    """Train in a process whose environment holds no key.

    Returns:
        (epoch, accuracy on the test images 0..1) after each epoch.

    Raises:
        EtcError: the training failed.
        KeyboardInterrupt: it was stopped.
    """
    data = {"dataset_name": str(dataset), "output_dir": str(output), "protocol": protocol, "num_train_epochs": epochs}
    result = without_key(_train, data | TRAINING)
    if result.signal is not None:
        raise KeyboardInterrupt
    return [(row["epoch"], row["eval_accuracy"]) for row in result.history if "eval_accuracy" in row]


def _train(settings: dict[str, Any]) -> TrainingResult:
    return train(*arguments_from(settings))


def without_key(function: Callable[..., T], *arguments: Any) -> T:
    """Call a function in a new process that inherits no key: neither from the environment nor from memory.

    Raises:
        EtcError: the process was killed; or what the function raises.
    """
    hidden = {name: os.environ.pop(name) for name in (KEY_ENV, KEY_FILE_ENV) if name in os.environ}
    # A process of one task is spawned, not forked, and ends with its task even if this process is gone by then.
    with withheld(), ProcessPoolExecutor(1, max_tasks_per_child=1) as pool:
        try:
            called = pool.submit(function, *arguments)
        finally:
            os.environ.update(hidden)
        try:
            return called.result()
        except BrokenProcessPool:
            raise EtcError("the process of the training was killed; is there enough memory?") from None


def measure(digits: Path, key: EtcKey, encrypted_model: Path, plain_model: Path) -> dict[str, float]:
    """Top-1 accuracy on the test digits, by what was tested."""
    split = load_eval_split(SourceArguments(dataset_name=str(digits)))
    plain = evaluate_model(plain_model, split, jpeg_qualities=())
    owner = evaluate_model(encrypted_model, split, key, jpeg_qualities=(85,))
    names = {
        "right key": "model of ciphertexts, right key",
        "right key, JPEG 85": "model of ciphertexts, right key, JPEG 85",
        "wrong key": "model of ciphertexts, wrong key",
        "no encryption": "model of ciphertexts, no encryption",
    }
    accuracy: dict[str, float] = {"model of plain digits": plain["plain"]}
    return accuracy | {names[condition]: owner[condition] for condition in names}


def classify(test: datasets.Dataset, key: EtcKey, model: Path) -> list[Sample]:
    """A client encrypts, a server classifies what arrives, the owner decrypts again.

    Raises:
        EtcError: a decrypted picture is not the original, bit for bit.
    """
    client = EtcImageProcessor.from_pretrained(model, key=key)
    server = pipeline("image-classification", model=str(model))
    sealer = Sealer(key, RECIPE)
    names = test.features["label"].names
    samples = []
    for row in test.select(range(SHOWN)):
        sent = client.encrypt(row["image"])[0]
        answer = server(Image.open(io.BytesIO(sent)))[0]
        sample = Sample(
            plain=np.asarray(row["image"]),
            ciphertext=decode_ciphertext(sent)[0],
            decrypted=sealer.unseal(sent),
            label=names[row["label"]],
            predicted=answer["label"],
            confidence=answer["score"],
        )
        samples.append(_exact(sample))
    return samples


def save_pictures(samples: list[Sample], folder: Path) -> None:
    """Plain PNG files, for the owner to try the model with."""
    folder.mkdir()
    for number, sample in enumerate(samples):
        Image.fromarray(sample.plain).save(folder / f"{number:02d}-is-{sample.label}.png")


def encrypt_photograph(key: EtcKey) -> Sample:
    """A colour photograph of scikit-learn, 320x480, in blocks of 16."""
    sealer = Sealer(key, Recipe.of(block_size=BLOCK, size=(320, 480)))
    (plain,) = sealer.pictures(load_photographs()[1])
    (sent,) = sealer.files([plain])
    return _exact(Sample(plain, decode_ciphertext(sent)[0], sealer.unseal(sent)))


def only_long_bars() -> None:
    """Leave progress bars to the trainings: the rest takes seconds."""
    datasets.disable_progress_bars()
    transformers.utils.logging.disable_progress_bar()


@contextmanager
def step(title: str) -> Iterator[None]:
    """Say what is being done, and then how long it took."""
    print(f"{title} ...", flush=True)
    start = time.monotonic()
    yield
    print(f"    {time.monotonic() - start:.0f} s", flush=True)


def _exact(sample: Sample) -> Sample:
    if not np.array_equal(sample.plain, sample.decrypted):
        raise EtcError("a decrypted picture differs from the original; please report this")
    return sample
