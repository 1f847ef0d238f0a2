"""Fig. 7: how much of the plain image is visible in its ciphertext, by LPIPS and by SSIM."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..experiments.cells import Cell, Experiment
from ..experiments.figures import figure, save
from ..experiments.lab import Lab
from ..experiments.page import NOT_YET, comparison, hardware, table
from ..experiments.store import Store
from ..metrics.similarity import ssim
from ..sealing.cipher import get_cipher
from .plots import COLORS, box, draw_box

CIPHERS: dict[str, dict[str, Any]] = {"PE": {}, "ELE": {}, "EtC": {"block_size": 16}}
DATASETS = {"cifar10": "CIFAR-10", "imagenette": "Imagenette"}
METRICS = {"lpips": "LPIPS", "ssim": "SSIM"}
IMAGES = 3_856
_CHUNK = 256


def measure(dataset: str, cipher: str, metric: str, lab: Lab) -> dict[str, Any]:
    """One box: the metric between each plain image and its ciphertext."""
    compare = lab.lpips().to(memory_format=torch.channels_last) if metric == "lpips" else ssim
    images = lab.images(dataset, lab.amount(32, 500, IMAGES))
    engine = get_cipher(cipher.lower(), lab.key, **CIPHERS[cipher])
    values = []
    for start in range(0, len(images), _CHUNK):
        plain = images[start : start + _CHUNK]
        values.append(compare(_tensor(plain), _tensor(engine.encrypt(plain)), 8).numpy())
    found = box(np.concatenate(values).astype(np.float64))
    return {"value": found["median"], "edge": images.shape[1], **found}


def check(lab: Lab) -> dict[str, Any]:
    """The example that torchmetrics documents: ten pairs of random images."""
    generator = torch.Generator().manual_seed(123)
    first, second = (torch.rand(10, 3, 100, 100, generator=generator) * 255 for _ in range(2))
    return {"value": float(lab.lpips()(first, second).mean())}


def _tensor(images: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2)  # channels last, which is faster


CHECK = Cell("lpips-check", check, {"check": "torchmetrics' example, ten pairs of random images"}, 0.1008)
BOXES = {
    (metric, dataset, cipher): Cell(f"{metric}-{dataset}-{cipher.lower()}", partial(measure, dataset, cipher, metric))
    for dataset in DATASETS
    for metric in METRICS
    for cipher in CIPHERS
}


def report(store: Store) -> str:
    return f"""\
Each ciphertext is compared with its own plain image. LPIPS (version 0.1, SqueezeNet): higher means less alike.
SSIM: lower means less alike. {IMAGES:,} test images at scale paper; boxes as in the paper: band median, cross mean,
whiskers within 1.5 interquartile ranges, dots beyond. The paper draws LPIPS and prints no numbers.

![Visual information on ciphertexts](figures/fig7.png)

{_table(store)}

{_claims(store)}

The LPIPS implementation against a published value of the same weights:

{comparison("fig7", [CHECK], store, "{:.5f}".format)}

Measured at: {hardware(store, "fig7", [cell.name for cell in BOXES.values()])}. The Imagenette images are 224x224; what
LPIPS sees of a cipher depends on the size of its blocks in the picture. PE and ELE are broken although their
ciphertexts look unlike the plain images: these metrics measure looks, not security.
"""


def _table(store: Store) -> str:
    rows = []
    for (metric, dataset, cipher), cell in BOXES.items():
        found = store.find("fig7", cell.name)
        row = [METRICS[metric], DATASETS[dataset], cipher]
        if found is None:
            rows.append([*row, NOT_YET, "", "", "", ""])
            continue
        values = [found.results[name] for name in ("median", "quartile_low", "quartile_high", "mean")]
        rows.append([*row, *(f"{value:.3f}" for value in values), f"{found.results['images']:,}"])
    return table(["metric", "dataset", "cipher", "median", "quartile 1", "quartile 3", "mean", "images"], rows)


def _claims(store: Store) -> str:
    """What the paper says of its Fig. 7, checked against the medians."""
    medians = {
        (dataset, cipher): found.value
        for (metric, dataset, cipher), cell in BOXES.items()
        if metric == "lpips" and (found := store.find("fig7", cell.name))
    }
    if len(medians) < len(DATASETS) * len(CIPHERS):
        return "(The paper's two statements on this figure are checked once all LPIPS boxes are measured.)"
    highest = {name: max(CIPHERS, key=lambda c, d=name: medians[d, c]) for name in DATASETS}  # type: ignore[misc]
    larger = [cipher for cipher in CIPHERS if medians["imagenette", cipher] > medians["cifar10", cipher]]
    ele = ", ".join(f"{DATASETS[name]}: {cipher}" for name, cipher in highest.items())
    return f"""\
The paper's two statements: "ELE provided the highest score" (highest median here: {ele}), and scores on
Imagenette are higher than on CIFAR-10 (here for {", ".join(larger) or "none"} of {", ".join(CIPHERS)})."""


def draw(store: Store, folder: Path) -> None:
    drawn = figure(9.5, 4.2)
    panels = drawn.subplots(1, 2)
    for axes, (metric, title) in zip(panels, METRICS.items(), strict=True):
        ticks: dict[float, str] = {}
        for group, (dataset, name) in enumerate(DATASETS.items()):
            for place, cipher in enumerate(CIPHERS):
                position = group * 4 + place
                ticks[position] = cipher
                found = store.find("fig7", BOXES[metric, dataset, cipher].name)
                if found is not None:
                    draw_box(axes, position, found.results, COLORS[cipher])
            axes.text(group * 4 + 1, 1.02, name, ha="center", transform=axes.get_xaxis_transform(), fontsize=10)
        axes.set_xticks(list(ticks), list(ticks.values()))
        axes.set_xlim(-0.8, 6.8)
        axes.axvline(3, color="0.8", linewidth=1)
        axes.set_ylabel(f"{title} to the plain image")
        axes.grid(axis="y", alpha=0.3)
    save(drawn, folder / "fig7.png")


EXPERIMENT = Experiment("fig7", "Fig. 7: visual information on ciphertexts", [CHECK, *BOXES.values()], report, draw)
