"""The table of docs/block-forms.md, from results/block_forms.json.

Rewrite it after a measurement: python -m tests.models.figures
"""

import json
from pathlib import Path

from hf_etc.experiments.page import rewrite, table

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "block-forms.md"
RECORD = json.loads((ROOT / "results" / "block_forms.json").read_text())


def forms() -> str:
    """One row for each form and number of variants, its seeds side by side."""
    rows: dict[tuple[str, int], list[dict]] = {}
    for row in RECORD["results"]:
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


def scale() -> str:
    settings, machine = RECORD["settings"], RECORD["hardware"]["cpu"]
    return (
        f"Reduced scale: {settings['images']:,} training pictures of {RECORD['data']['name']}, {settings['epochs']} "
        f"epochs, blocks of {settings['block_size']} pixels, width {settings['hidden_size']}, "
        f"{settings['num_hidden_layers']} layers, tested on {settings['test_images']:,} pictures; one thread "
        f"of {machine}."
    )


TABLES = {"forms": forms, "scale": scale}

if __name__ == "__main__":
    rewrite(PAGE, TABLES)
