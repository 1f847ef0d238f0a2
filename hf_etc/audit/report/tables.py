"""The tables of docs/audit.md, from the records in results: ``python -m hf_etc.audit.report.tables [--check]``."""

import argparse
import json
import statistics
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ...experiments.page import NOT_YET, rewrite, table

Record = dict[str, Any]
_JIGSAWS = ("jigsaw", "pair-score")
_SHARES = ("neighbours_right", "places_right", "largest_component", "cells_right")


def main(argv: Sequence[str] | None = None) -> int:
    """Write the tables into the page, or with --check say whether they are up to date (exit status 1 if not)."""
    parser = argparse.ArgumentParser(prog="python -m hf_etc.audit.report.tables", description=__doc__)
    parser.add_argument("--page", type=Path, default=Path("docs/audit.md"))
    parser.add_argument("--results", type=Path, default=Path("results"))
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args(argv)
    up_to_date = rewrite(options.page, tables(options.results), options.check)
    return int(options.check and not up_to_date)


def tables(results: Path) -> dict[str, Callable[[], str]]:
    """The makers of the page's tables, from the records in this folder."""

    def make(name: str) -> str:
        of_records, pattern = TABLES[name]
        return of_records([json.loads(path.read_text(encoding="utf-8")) for path in sorted(results.glob(pattern))])

    return {name: partial(make, name) for name in TABLES}


def dataset_jigsaw(records: Sequence[Record]) -> str:
    """Per setting: the figures by number of ciphertexts up to success, and the time with 50."""
    rows = []
    for record in records:
        settings = dict.fromkeys((row["key_scope"], row["format"]) for row in record["results"])
        for scope, form in settings:
            mine = [row for row in record["results"] if (row["key_scope"], row["format"]) == (scope, form)]
            all_of = [one for one in mine if one["decrypted_up_to_symmetry"] == one["unseen"]]
            first = next((one for one in all_of if one["neighbours_right"] >= 0.99), None)
            last = mine[-1]
            steps = ", ".join(f"{one['ciphertexts']}: {_percent(one['neighbours_right'])}" for one in mine)
            rows.append(
                [
                    f"{record['data']['name']} {_setting(record)}",
                    "dataset" if scope == "dataset" else "image (control)",
                    form,
                    "none" if first is None else str(first["ciphertexts"]),
                    steps,
                    f"{last['decrypted_up_to_symmetry']} of {last['unseen']}",
                    f"{last.get('cpu_seconds', last.get('seconds')):.0f} s",
                ]
            )
    head = ["data, size / block", "key scope", "format", "enough", "neighbours right by number of ciphertexts"]
    return table([*head, "unseen images decrypted with 50", "time with 50"], rows)


def jigsaw(records: Sequence[Record]) -> str:
    """Means over the images."""
    rows = []
    for record in records:
        found = record["results"]
        names = ("baseline_best_right", "best_right", "neighbours_right", "largest_component")
        means = [_percent(statistics.fmean(row[name] for row in found)) for name in names]
        median = _percent(statistics.median(row["neighbours_right"] for row in found))
        solved = sum(row["pieces_right"] == 1 for row in found)
        setting = f"{record['data']['name']} {_setting(record)}"
        rows.append([setting, str(len(found)), *means[:3], median, means[3], str(solved)])
    head = ["data, size / block", "images", "baseline: best partner right", "audit: best partner right"]
    head += ["neighbours right", "median", "largest component", "solved whole"]
    return table(head, rows)


def pair_score(records: Sequence[Record]) -> str:
    """Means over the images, of the jigsaw without and with the learned measure."""
    rows = []
    for record in records:
        for keep in dict.fromkeys(row["keep"] for row in record["results"]):
            found = [row for row in record["results"] if row["keep"] == keep]
            cells = [f"{record['data']['name']} {_setting(record)}", str(record["settings"]["gap"]), str(keep)]
            for name in ("neighbours_right", "largest_component"):
                cells += [_percent(statistics.fmean(row[one][name] for row in found)) for one in _JIGSAWS]
            ssim = statistics.median(row[_JIGSAWS[1]]["ssim"] for row in found)
            rows.append([*cells[:3], str(len(found)), *cells[3:], f"{ssim:.2f}"])
    head = ["data, size / block", "gap and jitter", "keep", "images", "neighbours right: jigsaw", "pair score"]
    return table([*head, "largest component: jigsaw", "pair score", "SSIM, pair score"], rows)


def position_transformer(records: Sequence[Record]) -> str:
    """Means over the images, of each attack on the same ciphertexts and of a wrong key."""
    rows = []
    for record in records:
        for keep in dict.fromkeys(row["keep"] for row in record["results"]):
            found = [row for row in record["results"] if row["keep"] == keep]
            setting = [f"{record['data']['name']} {_setting(record)}", str(record["settings"]["gap"]), str(keep)]
            for attack in (*_JIGSAWS, "position-transformer", "chance"):
                shares = [_percent(statistics.fmean(row[attack][name] for row in found)) for name in _SHARES]
                ssim = statistics.median(row[attack]["ssim"] for row in found)
                rows.append([*setting, str(len(found)), attack, *shares, f"{ssim:.2f}"])
    head = ["data, size / block", "gap and jitter", "keep", "images", "attack"]
    made = table([*head, "neighbours right", "beside", "largest component", "in their cells", "SSIM"], rows)
    return made if rows else NOT_YET


def linkage(records: Sequence[Record]) -> str:
    """The share of pictures whose ciphertext is found."""
    rows = [
        [
            f"{record['data']['name']} {_setting(record)}",
            str(record["settings"]["gap"]),
            str(row["keep"]),
            row["copies"],
            _percent(row["linked"]),
            _percent(1 / row["among"]),
        ]
        for record in records
        for row in record["results"]
    ]
    head = ["data, size / block", "gap and jitter", "keep", "what the attacker has", "ciphertext found", "chance"]
    return table(head, rows)


def known_plaintext(records: Sequence[Record]) -> str:
    """The share of the key from one pair, and what it restores of other pictures."""
    rows = [
        [
            row["cipher"],
            row["format"],
            _percent(row["key_share"]),
            "" if row["blocks"] is None else f"{row['undecidable']} of {row['blocks']}",
            _percent(row["blocks_restored"]),
            f"{row['decrypted']} of {row['unseen']}",
            f"{row['ssim']:.2f}",
        ]
        for record in records
        for row in record["results"]
    ]
    head = ["cipher", "format", "key found", "blocks that look like others", "blocks of other images restored"]
    return table([*head, "other images decrypted exactly", "their SSIM"], rows)


def per_position(records: Sequence[Record]) -> str:
    """What statistics find, by the number of ciphertexts."""
    rows = [
        [
            row["cipher"],
            str(row["ciphertexts"]),
            _percent(row["key_share"]),
            f"{row['decrypted']} of {row['unseen']}",
            f"{row['ssim']:.2f}",
        ]
        for record in records
        for row in record["results"]
    ]
    return table(["cipher", "ciphertexts", "key found", "unseen images decrypted exactly", "their SSIM"], rows)


def weights(records: Sequence[Record]) -> str:
    """What position embeddings give away, from records that ``hf-etc audit --attacks weights`` wrote."""
    rows = []
    for record in records:
        found = record["results"]
        setting = f"{record['data']['name']} {found['height']} / {found['cipher']['block_size']}"
        (attack,) = found["attacks"]
        controls = [attack[name]["value"] for name in ("positive", "negative")]
        shares = (attack["value"], attack["chance"], *controls)
        rows.append([setting, ", ".join(found["cipher"]["steps"]), *map(_percent, shares)])
    head = ["data, size / block", "steps of the cipher", "beside their true neighbours", "chance"]
    return table([*head, "control: ideal model", "control: random order"], rows)


TABLES: dict[str, tuple[Callable[[Sequence[Record]], str], str]] = {
    "dataset-jigsaw": (dataset_jigsaw, "audit_dataset_jigsaw_*.json"),
    "jigsaw": (jigsaw, "audit_jigsaw_*.json"),
    "pair-score": (pair_score, "audit_pair_score_*.json"),
    "position-transformer": (position_transformer, "audit_position_transformer_*.json"),
    "linkage": (linkage, "audit_linkage_*.json"),
    "known-plaintext": (known_plaintext, "audit_known_plaintext_*.json"),
    "statistics": (per_position, "audit_statistics_*.json"),
    "weights": (weights, "audit_weights_*.json"),
}


def _setting(record: Record) -> str:
    return f"{record['data']['height']} / {record['settings']['block_size']}"


def _percent(value: float) -> str:
    return f"{100 * value:.0f} %" if value in (0, 1) else f"{100 * value:.1f} %"


if __name__ == "__main__":
    sys.exit(main())
