"""The result page: Markdown and plots, made from the records and nothing else."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from ..experiments.store import Measured, Store
from ..files import write_text
from .cells import Cell, Experiment

NOT_YET = "not measured"
HEADER = """# Results: the paper's tables and figures, measured here

Generated from `results/` by `hf-etc reproduce`; do not edit by hand. MaungMaung and Kiya, *Privacy-Preserving
Image Classification Using Isotropic Network*, is what "published" refers to.

*Scale.* **paper**: all images, the paper's networks and epochs. **small**: subsets, smaller networks and a few
epochs on a CPU; such an accuracy shows that a row runs and how rows compare with each other, and is far from the
published one. **smoke**: a few images and two training steps; says nothing but that the code runs.

*Protocol.* **static**: the server holds one ciphertext per training image and never sees a plain pixel.
**re-encrypted**: the owner augments each plain image and encrypts the result anew in every epoch, as the authors'
code does; a server that holds only ciphertexts cannot. **plain**: no cipher.

Repeat everything with

```
hf-etc reproduce all --scale smoke                     # minutes, on data that scikit-learn carries
hf-etc reproduce all --scale small                     # hours on a CPU
hf-etc reproduce all --scale paper                     # a GPU for table2, table3 and fig5; a CPU for the others
```

Datasets come from the Hub, or from `--data DIR`. A run that was stopped goes on where it was.
"""


def render(experiments: Iterable[Experiment], store: Store) -> str:
    """The whole page as Markdown; ``note.md`` beside the records, if there is one, says what is special about them."""
    note = store.folder / "note.md"
    notes = [note.read_text(encoding="utf-8")] if note.is_file() else []
    sections = [f"## {experiment.title}\n\n{experiment.report(store).strip()}\n" for experiment in experiments]
    return "\n".join([HEADER, *notes, *sections])


def publish(experiments: Sequence[Experiment], store: Store, docs: Path) -> Path:
    """Write ``results.md`` and the plots it shows.

    Returns:
        The path of the page.
    """
    for experiment in experiments:
        if experiment.draw is not None:
            experiment.draw(store, docs / "figures")
    page = docs / "results.md"
    write_text(page, render(experiments, store))
    return page


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table.

    Example:
        >>> print(table(["a", "b"], [["1", "2"]]))
        | a | b |
        | --- | --- |
        | 1 | 2 |
    """
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def comparison(
    experiment: str,
    cells: Sequence[Cell],
    store: Store,
    number: Callable[[float], str] = "{:.2f}".format,
) -> str:
    """A table of cells: their labels, then protocol, published, measured, scale, hardware, and what was trained.

    Args:
        experiment: name of the cells' experiment.
        cells: all with the same labels, and all with a protocol or none.
        store: of the records.
        number: writes a value.
    """
    trained = cells[0].protocol is not None
    rows = []
    for cell in cells:
        found = store.find(experiment, cell.name)
        row = [*cell.labels.values(), *([str(cell.protocol)] if trained else [])]
        row += ["" if cell.published is None else number(cell.published), *_measured(found, number)]
        rows.append([*row, *_trained(found)] if trained else row)
    header = [*cells[0].labels, *(["protocol"] if trained else []), "published", "measured", "scale", "hardware"]
    return table([*header, "what was trained", "test images"] if trained else header, rows)


def _trained(found: Measured | None) -> list[str]:
    return [str(found.results["how"]), f"{found.results['test_images']:,}"] if found else ["", ""]


def _measured(found: Measured | None, number: Callable[[float], str]) -> list[str]:
    if found is None:
        return [NOT_YET, "", ""]
    value = number(found.value)
    if found.spread is not None:
        value += f" ± {number(found.spread)} ({len(found.records)} seeds)"
    return [value, found.scale, found.hardware]


def hardware(store: Store, experiment: str, names: Iterable[str]) -> str:
    """One line: scale and machine of some cells, for tables that have no such columns."""
    found = [one for name in names if (one := store.find(experiment, name))]
    kinds = sorted({(one.scale, one.hardware) for one in found})
    return "; ".join(f"scale {scale}, {machine}" for scale, machine in kinds) or NOT_YET
