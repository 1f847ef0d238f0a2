"""Fig. 8: SSIM of the images that the paper's attacks restore, attack by attack and cipher by cipher."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..audit.attacks import get_attack
from ..audit.scores import outlines, similarity
from ..experiments.cells import Cell, Experiment
from ..experiments.figures import figure, save
from ..experiments.lab import Lab
from ..experiments.page import NOT_YET, hardware, table
from ..experiments.store import Store
from .attacked import ATTACKS, BLOCK, CIPHERS, CONTROL, restored
from .plots import COLORS, box, draw_box

COLUMNS = (*CIPHERS, CONTROL)
ENOUGH = get_attack("itn").enough  # of outlines; the same for all of these attacks


def measure(attack: str, cipher: str, lab: Lab) -> dict[str, Any]:
    """One box of SSIM, its chance level (beside another of the images), and the likeness of outlines."""
    arrays = restored(attack, cipher, lab)
    plain, found = arrays["plain"], arrays["restored"]
    ssim = box(similarity(plain, found))
    return {
        "value": ssim["median"],
        **ssim,
        "chance": float(np.median(similarity(np.roll(plain, 1, 0), found))),
        "outlines": float(np.median(outlines(plain, found))),
    }


CELLS = {
    (attack, cipher): Cell(f"{attack.replace(' ', '-')}-{cipher.lower()}", partial(measure, attack, cipher))
    for attack in ATTACKS
    for cipher in COLUMNS
}


def report(store: Store) -> str:
    rows = []
    for (attack, cipher), cell in CELLS.items():
        found = store.find("fig8", cell.name)
        row = [ATTACKS[attack], cipher]
        if found is None:
            rows.append([*row, NOT_YET, *[""] * 7])
            continue
        names = ("mean", "median", "quartile_low", "quartile_high", "chance", "outlines")
        values = [found.results[name] for name in names]
        rows.append([*row, *(f"{value:.3f}" for value in values), f"{found.results['images']:,}", found.scale])
    header = ["attack", "cipher", "mean", "median", "quartile 1", "quartile 3", "chance", "outlines", "images", "scale"]
    return f"""\
SSIM between the images that an attack restores and the plain ones, on test images of CIFAR-10 (the paper
draws all 10,000 and prints no numbers). EtC has blocks of {BLOCK}, as LE and ELE. Chance: the median SSIM with
another of the images. Outlines: the median correlation of edge strength, which sees shapes where SSIM does not.
Control: a cipher that the attack must break (FR advanced: PE; FR basic and GAN: PE without colour shuffle; ITN: colour
shuffle of blocks alone). An attack whose control's outlines are below {ENOUGH} was trained too shortly for its other
figures to mean anything: {_failed(store)}. Nor does a low figure of the others say that a cipher is safe:
[the audit](audit.md) has stronger attacks.

![SSIM of restored images](figures/fig8.png)

{table(header, rows)}

Measured at: {hardware(store, "fig8", [cell.name for cell in CELLS.values()])}.
"""


def _failed(store: Store) -> str:
    """The attacks that did not beat their control."""
    controls = {title: store.find("fig8", CELLS[attack, CONTROL].name) for attack, title in ATTACKS.items()}
    failed = [title for title, one in controls.items() if one and one.results["outlines"] < ENOUGH]
    return ", ".join(failed) or "none here"


def draw(store: Store, folder: Path) -> None:
    drawn = figure(11, 3.8)
    axes = drawn.subplots()
    ticks: dict[float, str] = {}
    for group, (attack, title) in enumerate(ATTACKS.items()):
        for place, cipher in enumerate(COLUMNS):
            position = group * 6 + place
            ticks[position] = cipher
            found = store.find("fig8", CELLS[attack, cipher].name)
            if found is not None:
                draw_box(axes, position, found.results, COLORS.get(cipher, "gray"))
        axes.text(group * 6 + 2, 1.02, title, ha="center", transform=axes.get_xaxis_transform(), fontsize=10)
    axes.set_xticks(list(ticks), list(ticks.values()), rotation=45, ha="right")
    axes.set_xlim(-0.8, 6 * len(ATTACKS) - 1.2)
    axes.set_ylim(top=1.05)
    axes.set_ylabel("SSIM of restored and plain image")
    axes.grid(axis="y", alpha=0.3)
    if not any(store.find("fig8", cell.name) for cell in CELLS.values()):
        axes.text(0.5, 0.5, NOT_YET, ha="center", transform=axes.transAxes)
    save(drawn, folder / "fig8.png")


EXPERIMENT = Experiment("fig8", "Fig. 8: SSIM after attacks", list(CELLS.values()), report, draw)
