"""The result page: Markdown and plots, made from the records and nothing else."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from ..experiments.cells import Experiment
from ..experiments.store import Store
from ..files import write_text

HEADER = """# Results: the paper's tables and figures, measured here

Generated from `results/` by `hf-etc reproduce`; do not edit by hand. MaungMaung and Kiya, *Privacy-Preserving
Image Classification Using Isotropic Network*, is what "published" refers to.

*Scale.* **paper**: all images, the paper's networks and epochs. **medium**: all images, and what a core or two train
in half an hour to two hours: fewer epochs of a narrower network with the paper's kernel, or public weights to start
from. **small**: subsets, smaller networks and a few epochs on a CPU; such an accuracy shows that a row runs and how
rows compare with each other, and is far from the published one. **smoke**: a few images and two training steps; says
nothing but that the code runs. Each row stands at the largest scale it was measured at.

*Protocol.* **static**: the server holds one ciphertext per training image and never sees a plain pixel.
**re-encrypted**: the owner augments each plain image and encrypts the result anew in every epoch, as the authors'
code does; a server that holds only ciphertexts cannot. **plain**: no cipher.

Repeat everything with

```
hf-etc reproduce all --scale smoke                     # minutes, on data that scikit-learn carries
hf-etc reproduce all --scale small                     # hours on a CPU
hf-etc reproduce table2 table3 --scale medium          # a day on a CPU
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
