"""Key, encrypted dataset, training on ciphertexts alone, accuracy, single pictures, and what an attacker makes of them.

Run again after an interruption: what is finished is not done again.
"""

import io
import json
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
import torch
import transformers
from PIL import Image
from transformers import pipeline

from ..cipher.handover import withheld
from ..cipher.keys import KEY_ENV, KEY_FILE_ENV, EtcKey
from ..data import encrypt_dataset
from ..data.convert.output import output_folder
from ..errors import EtcError
from ..experiments.embedded import DIGIT_SIZE, load_digits, load_photographs
from ..files import whole_folder, write_text
from ..images.ciphertext import decode_ciphertext
from ..processor.image_processing import EtcImageProcessor
from ..records import result_record, write_json
from ..sealing import Recipe, Sealer
from ..training.arguments import SourceArguments, arguments_from
from ..training.data import load_eval_split
from ..training.evaluation import evaluate_model
from ..training.train import TrainingResult, build, train
from . import EPOCHS
from .leak import as_pixels, attack_one_key, attack_private
from .page import Sample, render_page

T = TypeVar("T")
BLOCK, SEED = 16, 0
SHOWN = 12
PHOTOGRAPHS, PHOTOGRAPH = ("temple", "flower"), (320, 480)
_STEPS = 7
_STOP = "Ctrl-C stops; the same command goes on from there."
_START, _OTHER, _REST = 10, 1.3, 30  # seconds of a new process; the optimiser and evaluations; what is not training
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
    """Run every step that is not finished, and write `out/index.html` and `out/result.json`.

    Args:
        out: a new or empty folder, or that of an interrupted demo. `out/owner` holds what the owner keeps,
            `out/provider` what the provider gets.
        epochs: training epochs of each of the two models.

    Returns:
        Top-1 accuracy 0..1 by what was tested.

    Raises:
        EtcError: a step did not give what it promises.
        OutputError: the folder holds something else, or a demo with other epochs.
        MissingExtraError: scikit-learn or matplotlib is missing.
    """
    with output_folder(out, {"operation": "demo", "epochs": epochs}):
        return _steps(out, epochs)


def _steps(out: Path, epochs: int) -> dict[str, float]:
    only_long_bars()
    owner, provider = out / "owner", out / "provider"
    owner.mkdir(exist_ok=True)
    provider.mkdir(exist_ok=True)

    with step(1, "Owner: draw digits and make a key"):
        digits = stored(owner / "digits", load_digits)
        key = kept_key(owner / "owner.key")
    with step(2, "Owner: encrypt the dataset for the provider"):
        ciphertexts = stored(provider / "ciphertexts", lambda: encrypt_dataset(digits, key, RECIPE))
    trainings = [(provider, "model"), (owner, "plain-model")]
    left = sum(TrainingResult.read(folder / name) is None for folder, name in trainings)
    print(f"Time left: {minutes(estimate(left, epochs, len(digits['train'])))}. {_STOP}", flush=True)
    with step(3, "Provider: train on ciphertexts, without the key"):
        encrypted_curve = train_on(provider / "ciphertexts", provider / "model", "static", epochs)
    with step(4, "For comparison: train the same network on plain digits"):
        plain_curve = train_on(owner / "digits", owner / "plain-model", "plain", epochs)
    with step(5, "Measure accuracy"):
        accuracy = kept(
            out / "accuracy.json", lambda: measure(owner / "digits", key, provider / "model", owner / "plain-model")
        )
    with step(6, "Reload, classify and decrypt single pictures"):
        samples = classify(digits["test"], key, provider / "model")
        save_pictures(samples, owner / "pictures")
        photographs = encrypt_photographs(key)
    with step(7, "Attacker: restore pictures without the key"):
        plain = as_pixels([row["image"] for row in digits["test"]])
        one_key = attack_one_key(ciphertexts["train"], ciphertexts["test"], plain, key, RECIPE.spec)
        private = attack_private(np.stack([one.plain for one in photographs]), key, BLOCK)

    curves = {"plain digits": plain_curve, "ciphertexts": encrypted_curve}
    record = result_record(
        "demo",
        {
            "top1": accuracy,
            "curves": curves,
            "one_key": {"ciphertexts": one_key.held, "pictures": len(plain), "decrypted": one_key.exact},
            "private": {"sent": private.sent, "neighbours_right": private.neighbours},
        },
        data={"name": "scikit-learn digits", "train": len(digits["train"]), "test": len(digits["test"])},
        seed=SEED,
        settings={"size": DIGIT_SIZE, "block_size": BLOCK, "epochs": epochs, **TRAINING},
        command=["hf-etc", "demo"],
    )
    write_json(out / "result.json", record)
    facts = [
        ("training images", str(len(digits["train"]))),
        ("test images", str(len(digits["test"]))),
        ("single pictures decrypted bit for bit", f"{len(samples + photographs)} of {len(samples + photographs)}"),
        ("network", f"ConvMixer-{MODEL['dim']}/{MODEL['depth']}, {epochs} epochs, {record['hardware']['cores']} cores"),
    ]
    serve = f"hf-etc serve {provider / 'model'} --examples {owner / 'pictures'}"
    page = render_page(
        list(accuracy.items()), curves, samples, photographs, one_key, private, facts, serve, str(owner / "owner.key")
    )
    write_text(out / "index.html", page)
    print("\nTop-1 accuracy on test images")
    for name, value in accuracy.items():
        print(f"  {name:<44} {100 * value:5.1f} %")
    print("Restored without the key")
    print(f"  one key, from {one_key.held} ciphertexts: {one_key.exact} of {len(plain)} test images, exactly")
    print(f"  private mode: {100 * private.neighbours:.1f} % of the neighbouring blocks of photographs")
    print(f"\nResult page: {out / 'index.html'}")
    print(f"In the browser: {serve}")
    return accuracy


def stored(folder: Path, make: Callable[[], datasets.DatasetDict]) -> datasets.DatasetDict:
    """The dataset of this folder; made and saved first, whole or not at all, where there is none."""
    return datasets.DatasetDict.load_from_disk(whole_folder(folder, lambda part: make().save_to_disk(part)))


def kept_key(path: Path) -> EtcKey:
    """The key of this file; a new one where there is none."""
    if not path.exists():
        EtcKey.generate().save(path)
    return EtcKey.load(path)


def kept(path: Path, make: Callable[[], dict[str, float]]) -> dict[str, float]:
    """The figures of this file; made and written first where there is none."""
    if not path.exists():
        write_json(path, make())
    return json.loads(path.read_text(encoding="utf-8"))


def estimate(trainings: int, epochs: int, images: int) -> float:
    """Seconds that so many trainings and the rest of the demo take here, by a few steps that are done for it."""
    model_args, _, args = arguments_from({"dataset_name": "none", "output_dir": "none"} | TRAINING)
    model = build(model_args, (DIGIT_SIZE, DIGIT_SIZE), [str(digit) for digit in range(10)])
    batch = args.per_device_train_batch_size
    pixels, labels = torch.zeros(batch, 3, DIGIT_SIZE, DIGIT_SIZE), torch.zeros(batch, dtype=torch.long)
    for _ in range(2):  # the first one warms up
        start = time.monotonic()
        model(pixel_values=pixels, labels=labels).loss.backward()
    seconds = (time.monotonic() - start) * -(-images // batch) * epochs
    return trainings * (_START + _OTHER * seconds) + _REST


def minutes(seconds: float) -> str:
    """A rough time in words.

    Example:
        >>> minutes(40), minutes(100)
        ('about 1 minute', 'about 2 minutes')
    """
    count = max(1, round(seconds / 60))
    return f"about {count} minute" + ("" if count == 1 else "s")


def train_on(dataset: Path, output: Path, protocol: str, epochs: int) -> list[tuple[float, float]]:
    """Train in a process whose environment holds no key, from the last checkpoint on, unless that is finished.

    Returns:
        (epoch, accuracy on the test images 0..1) after each epoch.

    Raises:
        EtcError: the training failed.
        KeyboardInterrupt: it was stopped.
    """
    data = {"dataset_name": str(dataset), "output_dir": str(output), "protocol": protocol, "num_train_epochs": epochs}
    result = TrainingResult.read(output) or without_key(_train, data | TRAINING)
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
    folder.mkdir(exist_ok=True)
    for number, sample in enumerate(samples):
        Image.fromarray(sample.plain).save(folder / f"{number:02d}-is-{sample.label}.png")


def encrypt_photographs(key: EtcKey) -> list[Sample]:
    """The two colour photographs of scikit-learn, in blocks of 16."""
    sealer, samples = Sealer(key, Recipe.of(block_size=BLOCK, size=PHOTOGRAPH)), []
    for name, photograph in zip(PHOTOGRAPHS, load_photographs(), strict=True):
        (plain,) = sealer.pictures(photograph)
        (sent,) = sealer.files([plain])
        samples.append(_exact(Sample(plain, decode_ciphertext(sent)[0], sealer.unseal(sent), name)))
    return samples


def only_long_bars() -> None:
    """Leave progress bars to the trainings: the rest takes seconds."""
    datasets.disable_progress_bars()
    transformers.utils.logging.disable_progress_bar()


@contextmanager
def step(number: int, title: str) -> Iterator[None]:
    """Say what is being done, and then how long it took."""
    print(f"[{number}/{_STEPS}] {title} ...", flush=True)
    start = time.monotonic()
    yield
    print(f"    {time.monotonic() - start:.0f} s", flush=True)


def _exact(sample: Sample) -> Sample:
    if not np.array_equal(sample.plain, sample.decrypted):
        raise EtcError("a decrypted picture differs from the original; please report this")
    return sample
