"""Table III: accuracy of models that are trained and tested on JPEG ciphertexts."""

from functools import partial
from pathlib import Path
from typing import Any

from ..experiments.cells import Cell, Experiment
from ..experiments.page import comparison
from ..experiments.store import Store
from .conclusions import LEGEND, Loss, Pair, conclusion, few, many, measured
from .losses import draw as draw_losses
from .table2 import ACCURACY, DATASETS, ETC, network
from .training import Training, measure

# recipe without its dataset, dataset, cipher, published accuracy by quality
ROWS: list[tuple[str, str, dict[str, Any], dict[int | None, float]]] = [
    ("convmixer-etc", "cifar10", ETC, {None: 92.72, 85: 90.43, 80: 89.95}),
    ("convmixer-etc", "imagenette", ETC, {None: 90.11, 85: 89.17, 80: 88.91}),
    ("vit-etc", "cifar10", ETC, {None: 87.89, 85: 81.99, 80: 81.84}),
    ("vit-etc", "imagenette", ETC, {None: 90.62, 85: 89.63, 80: 89.60}),
    ("ele-adapt-ele", "cifar10", {"cipher": "ele"}, {None: 83.06, 85: 31.50, 80: 30.51}),
]


def _cells() -> list[Cell]:
    cells = []
    for protocol in ("static", "re-encrypted"):
        for recipe, dataset, cipher, published in ROWS:
            for quality, accuracy in published.items():
                training = Training(f"{recipe}-{dataset}", dataset, protocol, cipher, quality)
                files = "lossless" if quality is None else f"JPEG {quality}"
                labels = {
                    "encryption": cipher["cipher"].upper() if cipher is not ETC else "EtC",
                    "network": network(recipe, dataset),
                    "dataset": DATASETS[dataset],
                    "files": files,
                }
                name = f"{recipe}-{dataset}-{protocol}-{files.lower().replace(' ', '')}"
                cells.append(Cell(name, partial(measure, training), labels, accuracy, protocol))
    return cells


CELLS = _cells()


def report(store: Store) -> str:
    ordered = sorted(CELLS, key=lambda cell: [row[0] + row[1] for row in ROWS].index(_row(cell)))
    return f"""\
Top-1 accuracy in percent of models whose training and test images are ciphertexts stored as JPEG, 4:4:4.
Under the static protocol the server holds these very files; under the other each ciphertext goes through JPEG
before it reaches the network. "Lossless" is the row of Table II.

{comparison("table3", ordered, store)}

{LEGEND}

{conclusions(store)}

![Accuracy from plain images to JPEG ciphertexts](figures/losses.png)

At paper scale: `hf-etc reproduce table3 --scale paper`, after Table II, whose models it takes over.
"""


def conclusions(store: Store) -> str:
    """What the paper draws from this table, and whether the records support it."""
    cells = {cell.name: cell for cell in CELLS}

    def losses(*rows: tuple[str, str]) -> list[Loss]:
        names = [(f"{recipe}-{dataset}-re-encrypted", quality) for recipe, dataset in rows for quality in (85, 80)]
        pairs = []
        for name, quality in names:
            before, after = cells[f"{name}-lossless"], cells[f"{name}-jpeg{quality}"]
            label = "{network} on {dataset}, {files}".format(**after.labels)
            pairs.append(Pair(label, before, after))
        return measured(store, "table3", pairs)

    etc, ele = ([row[:2] for row in ROWS if (row[2] is ETC) == wanted] for wanted in (True, False))
    return "\n".join(
        [
            conclusion("JPEG costs few points of EtC", losses(*etc), few),
            conclusion("JPEG ruins ELE", losses(*ele), many),
        ]
    )


def _row(cell: Cell) -> str:
    return next(row[0] + row[1] for row in ROWS if cell.name.startswith(f"{row[0]}-{row[1]}"))


def draw(store: Store, folder: Path) -> None:
    published = {("table2", cell.name): cell.published for cell in ACCURACY}
    published |= {("table3", cell.name): cell.published for cell in CELLS}
    draw_losses(store, folder, published, DATASETS)


EXPERIMENT = Experiment("table3", "Table III: accuracy on JPEG ciphertexts", CELLS, report, draw)
