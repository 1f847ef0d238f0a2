"""Fig. 5: the patch embedding that a ConvMixer learns from plain and from encrypted images."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file

from ..experiments.cells import Cell, Experiment
from ..experiments.figures import figure, pack, save, unpack
from ..experiments.lab import Lab
from ..experiments.page import NOT_YET, hardware, table
from ..experiments.store import Store
from .table2 import DATASETS, ETC, network
from .training import Training, measure, trained

SHOWN = 256
PANELS = {
    ("cifar10", "plain"): ("a", Training("convmixer-plain-cifar10", "cifar10", "plain")),
    ("cifar10", "EtC"): ("b", Training("convmixer-etc-cifar10", "cifar10", "re-encrypted", ETC)),
    ("imagenette", "plain"): ("c", Training("convmixer-plain-imagenette", "imagenette", "plain")),
    ("imagenette", "EtC"): ("d", Training("convmixer-etc-imagenette", "imagenette", "re-encrypted", ETC)),
}


def filters(training: Training, lab: Lab) -> dict[str, Any]:
    """The first 256 filters, each stretched to 0..255 around its zero at 128."""
    result, _ = trained(training, lab)
    layers = load_file(result.folder / "model.safetensors").values()
    weights = [weight for weight in layers if weight.ndim == 4 and weight.shape[1] == 3]
    if len(weights) != 1:
        raise AssertionError(f"{len(weights)} weights look like the patch embedding")
    shown = weights[0][:SHOWN].astype(np.float64)
    largest = np.abs(shown).max(axis=(1, 2, 3), keepdims=True)
    pixels = np.round(128 + 127 * shown / np.where(largest > 0, largest, 1)).astype(np.uint8)
    found = measure(training, lab)
    return {"filters": pack(pixels), "accuracy": found["value"], "how": found["how"]}


CELLS = {
    key: Cell(f"{letter}-{training.recipe}", partial(filters, training), protocol=training.protocol)
    for key, (letter, training) in PANELS.items()
}


def report(store: Store) -> str:
    return f"""\
The filters of the patch embedding (up to 256), each scaled to its own largest weight; grey is zero.

![Patch embeddings](figures/fig5.png)

{_table(store)}

{_likeness(store)}

Measured at: {hardware(store, "fig5", [cell.name for cell in CELLS.values()])}.
"""


def _table(store: Store) -> str:
    rows = []
    for (dataset, images), cell in CELLS.items():
        found = store.find("fig5", cell.name)
        row = [f"({PANELS[dataset, images][0]})", network("convmixer", dataset), DATASETS[dataset], images]
        row.append(cell.protocol or "")
        if found is None:
            rows.append([*row, NOT_YET, "", "", ""])
            continue
        shape = found.results["filters"]["shape"]
        row += [f"{shape[0]} of {shape[2]}x{shape[3]}", f"{found.results['accuracy']:.2f}", found.scale]
        rows.append([*row, found.results["how"]])
    header = ["panel", "published network", "dataset", "images", "protocol", "filters", "top-1 (%)", "scale"]
    return table([*header, "what was trained"], rows)


def _likeness(store: Store) -> str:
    """The paper's "high similarities", as a number beside what chance gives."""
    lines = []
    for dataset in DATASETS:
        pair = [store.find("fig5", CELLS[dataset, images].name) for images in ("plain", "EtC")]
        if pair[0] is None or pair[1] is None:
            continue
        plain, etc = (_unit(unpack(one.results["filters"])) for one in pair if one)
        noise = _unit(np.random.default_rng(0).normal(size=etc.shape), center=0)
        lines.append([DATASETS[dataset], f"{_best(etc, plain):.3f}", f"{_best(noise, plain):.3f}"])
    if not lines:
        return ""
    header = ["dataset", "filters of encrypted images", "random filters"]
    return f"""\
The paper sees "high similarities" between the two kinds. For each filter the largest absolute cosine to a filter of
the plain network, averaged:

{table(header, lines)}

Both networks start from the same random weights, the seed's, which is part of the likeness after a short training.
With patches of one pixel a filter has three weights, and any three find a near neighbour among hundreds: there the
likeness says nothing."""


def _unit(filters: np.ndarray, center: float = 128) -> np.ndarray:
    flat = filters.reshape(len(filters), -1).astype(np.float64) - center
    return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-12)


def _best(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.abs(first @ second.T).max(axis=1).mean())


def draw(store: Store, folder: Path) -> None:
    found = {key: store.find("fig5", cell.name) for key, cell in CELLS.items()}
    sheets = {key: sheet(unpack(one.results["filters"])) for key, one in found.items() if one}
    drawn = figure(9, 0.9 + 9 * max((len(one) / one.shape[1] for one in sheets.values()), default=0.4))
    for axes, (dataset, images) in zip(drawn.subplots(2, 2).flat, CELLS, strict=True):
        axes.set_axis_off()
        axes.set_title(f"({PANELS[dataset, images][0]}) {DATASETS[dataset]}, {images}", fontsize=12)
        if (dataset, images) in sheets:
            axes.imshow(sheets[dataset, images], interpolation="nearest")
        else:
            axes.text(0.5, 0.5, NOT_YET, ha="center", transform=axes.transAxes)
    save(drawn, folder / "fig5.png")


def sheet(filters: np.ndarray) -> np.ndarray:
    """All filters on one sheet, with white lines between them.

    Args:
        filters: uint8 (N,3,P,P).

    Returns:
        uint8 (rows, columns, 3).
    """
    count, _, edge, _ = filters.shape
    zoom = max(1, 12 // edge)
    columns = next(n for n in range(int(np.ceil(count**0.5)), count + 1) if count % n == 0)  # full rows
    tile = zoom * edge + 1 + zoom * edge // 10
    out = np.full((-(-count // columns) * tile, columns * tile, 3), 255, np.uint8)
    for i, one in enumerate(filters):
        row, column = divmod(i, columns)
        pixels = one.transpose(1, 2, 0).repeat(zoom, 0).repeat(zoom, 1)
        out[row * tile : row * tile + zoom * edge, column * tile : column * tile + zoom * edge] = pixels
    return out


EXPERIMENT = Experiment("fig5", "Fig. 5: patch embeddings", list(CELLS.values()), report, draw)
