"""The tables of docs/block-forms.md, from results/block_forms*.json.

Rewrite them after a measurement: python -m tests.models.figures
"""

import json
from functools import partial
from pathlib import Path

from hf_etc.experiments.page import rewrite, table

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "block-forms.md"
# Blocks of 4 pixels, the last form at a later commit; blocks of 16 pixels.
SMALL, LARGE = ("block_forms", "block_forms_halving"), ("block_forms_imagenette",)


def records(names: tuple[str, ...]) -> list[dict]:
    return [json.loads((ROOT / "results" / f"{name}.json").read_text(encoding="utf-8")) for name in names]


def forms(names: tuple[str, ...]) -> str:
    """One row for each form and number of variants, its seeds side by side."""
    rows: dict[tuple[str, int], list[dict]] = {}
    for row in (row for record in records(names) for row in record["results"]):
        rows.setdefault((row["form"], row["variants"]), []).append(row)
    return table(
        ["form of a block", "variants averaged", "parameters", "largest change of a logit", "test accuracy, %"],
        (
            [
                form,
                variants,
                f"{found[0]['parameters']:,}",
                f"{max(row['logit_change'] for row in found):.0e}" if variants == 1 else "",
                ", ".join(f"{100 * row['accuracy']:.1f}" for row in found),
            ]
            for (form, variants), found in rows.items()
        ),
    )


def scale(names: tuple[str, ...]) -> str:
    record = records(names)[0]
    settings, machine = record["settings"], record["hardware"]["cpu"]
    data = record["data"]["name"].replace("imagenette", "Imagenette")
    return (
        f"Reduced scale: {settings['images']:,} training pictures of {data}, {settings['epochs']} "
        f"epochs, blocks of {settings['block_size']} pixels, width {settings['hidden_size']}, "
        f"{settings['num_hidden_layers']} layers, tested on {settings['test_images']:,} pictures; one thread "
        f"of {machine}."
    )


TABLES = {
    f"{name}-{size}": partial(make, names)
    for size, names in (("small", SMALL), ("large", LARGE))
    for name, make in (("scale", scale), ("forms", forms))
}

if __name__ == "__main__":
    rewrite(PAGE, TABLES)
