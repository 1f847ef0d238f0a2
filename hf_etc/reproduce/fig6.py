"""Fig. 6: pictures that the paper's attacks restore, with their SSIM."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..audit.scores import similarity
from ..experiments.cells import Cell, Experiment
from ..experiments.figures import figure, pack, save, unpack
from ..experiments.lab import Lab
from ..experiments.page import comparison
from ..experiments.store import Store
from .attacked import ATTACKS, CIPHERS, PUBLISHED, restored

SHOWN = 2


def measure(attack: str, cipher: str, lab: Lab) -> dict[str, Any]:
    """The first pictures: plain, encrypted, restored, and their SSIM."""
    arrays = restored(attack, cipher, lab)
    values = similarity(arrays["plain"], arrays["restored"])
    return {
        "value": float(np.median(values)),
        "images": len(values),
        "ssim": [round(float(value), 4) for value in values[:SHOWN]],
        "pictures": {name: pack(pixels[:SHOWN]) for name, pixels in arrays.items()},
    }


CELLS = {
    (attack, cipher): Cell(
        f"{attack.replace(' ', '-')}-{cipher.lower()}",
        partial(measure, attack, cipher),
        {"attack": title, "cipher": cipher},
        PUBLISHED.get((cipher, attack)),
    )
    for attack, title in ATTACKS.items()
    for cipher in CIPHERS
}


def report(store: Store) -> str:
    return f"""\
SSIM of restored CIFAR-10 images. Published: the value under the paper's one example; measured: the median over the test
images, since a single picture says little. The pictures below are the first of the test images, not chosen.

![Restored images](figures/fig6.png)

{comparison("fig6", list(CELLS.values()), store, "{:.3f}".format)}
"""


def draw(store: Store, folder: Path) -> None:
    columns = ["plain", "encrypted", *ATTACKS]
    drawn = figure(1.35 * len(columns), 1.5 * SHOWN * len(CIPHERS) / 1.6 + 1)
    panels = drawn.subplots(len(CIPHERS) * SHOWN, len(columns))
    for axes in panels.flat:
        axes.set_axis_off()
    for group, cipher in enumerate(CIPHERS):
        for attack, _ in ATTACKS.items():
            found = store.find("fig6", CELLS[attack, cipher].name)
            if found is None:
                continue
            for row in range(SHOWN):
                line = panels[group * SHOWN + row]
                for column, name in ((0, "plain"), (1, "encrypted"), (columns.index(attack), "restored")):
                    line[column].imshow(unpack(found.results["pictures"][name])[row])
                line[columns.index(attack)].set_title(f"{found.results['ssim'][row]:.2f}", fontsize=8, pad=2)
    for axes, name in zip(panels[0], columns, strict=True):
        axes.text(0.5, 1.35, ATTACKS.get(name, name), ha="center", transform=axes.transAxes, fontsize=9)
    for group, cipher in enumerate(CIPHERS):
        axes = panels[group * SHOWN, 0]
        axes.text(-0.2, -0.15, cipher, ha="right", va="center", transform=axes.transAxes)
    save(drawn, folder / "fig6.png")


EXPERIMENT = Experiment("fig6", "Fig. 6: restored images", list(CELLS.values()), report, draw)
