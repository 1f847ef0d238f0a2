"""What the paper claims in one chart: the accuracy that is lost from plain images to JPEG ciphertexts."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..experiments.figures import figure, save
from ..experiments.store import Measured, Scale, Store
from .plots import COLORS

NETWORKS = ("convmixer", "vit")
STEPS = ("plain", "EtC", "EtC, JPEG 85", "EtC, JPEG 80")


def cell_names(network: str, dataset: str, protocol: str) -> list[tuple[str, str]]:
    """Experiment and cell of each step, from plain to JPEG 80."""
    encrypted = f"{network}-etc-{dataset}-{protocol}"
    names = [("table2", f"{network}-plain-{dataset}"), ("table2", encrypted)]
    return names + [("table3", f"{encrypted}-jpeg{quality}") for quality in (85, 80)]


def measured(store: Store, network: str, dataset: str, protocol: str) -> tuple[Scale, list[Measured | None]] | None:
    """The steps at the largest scale that has the first two; None where there is none."""
    (experiment, plain), (_, encrypted), *jpeg = cell_names(network, dataset, protocol)
    pair = store.pair(experiment, plain, encrypted)
    return pair and (pair[0].scale, [*pair, *(store.at(*name, pair[0].scale) for name in jpeg)])


def draw(
    store: Store, folder: Path, published: Mapping[tuple[str, str], float | None], datasets: Mapping[str, str]
) -> None:
    """Write losses.png: a panel for each network and dataset, the published line beside the measured ones.

    Args:
        store: of the records.
        folder: of the figures.
        published: percent, by experiment and cell.
        datasets: titles, by name.
    """
    drawn = figure(9, 6.4)
    panels = drawn.subplots(2, 2, sharex=True)
    for row, network in zip(panels, NETWORKS, strict=True):
        for axes, dataset in zip(row, datasets, strict=True):
            line: Any = [published[name] for name in cell_names(network, dataset, "re-encrypted")]
            axes.plot(STEPS, line, "--", marker="o", color="#777777", label="published, re-encrypted")
            for protocol, color in (("re-encrypted", COLORS["EtC"]), ("static", COLORS["ELE"])):
                _plot(axes, measured(store, network, dataset, protocol), protocol, color)
            axes.axhline(10, color="#bbbbbb", linewidth=0.8)
            axes.text(3.1, 11, "chance", fontsize=8, color="#777777", ha="right")
            axes.set_ylim(0, 104)
            axes.set_title(f"{'ConvMixer' if network == 'convmixer' else 'ViT'}, {datasets[dataset]}", fontsize=11)
            axes.legend(fontsize=8, loc="lower left")
    for axes in panels[:, 0]:
        axes.set_ylabel("top-1 accuracy (%)")
    save(drawn, folder / "losses.png")


def _plot(axes: Any, found: tuple[Scale, list[Measured | None]] | None, protocol: str, color: str) -> None:
    if found is not None:
        scale, steps = found
        points = [(step, one.value) for step, one in zip(STEPS, steps, strict=True) if one]
        axes.plot(*zip(*points, strict=True), marker="o", color=color, label=f"measured, {protocol}, scale {scale}")
