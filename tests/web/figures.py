"""The tables of docs/browser.md, from results/browser.json and results/space_load.json.

Rewrite them after a measurement: python -m tests.web.figures
"""

import json
import re
from collections.abc import Callable, Sequence

from hf_etc.files import write_text

from .engines import ROOT

PAGE = ROOT / "docs" / "browser.md"
RESULT = ROOT / "results" / "browser.json"
SPACE = ROOT / "results" / "space_load.json"


def update_page() -> None:
    """Put the tables of the results as they are now into the page."""
    write_text(PAGE, with_tables(PAGE.read_text(encoding="utf-8")))


def with_tables(page: str) -> str:
    """The page with each table, between its two comments, made anew."""
    for name, make in TABLES.items():
        pattern = rf"(<!-- table: {name} -->\n).*?(<!-- end -->)"
        page, count = re.subn(pattern, lambda found, make=make: found[1] + make() + found[2], page, flags=re.DOTALL)
        if count != 1:
            raise ValueError(f"{PAGE.name} has {count} places for the table {name}")
    return page


def times() -> str:
    measured = _read(RESULT)
    rows = [
        [f"key schedule, plan and encryption, {edge}x{edge}", value["median"], value["first"]]
        for edge, value in measured["encrypt_ms"].items()
    ]
    rows += [
        [f"768x512 {name.replace(' to ', ' file to 224x224 ')} file, all included", value["median"], value["first"]]
        for name, value in measured["picture_ms"].items()
    ]
    return _table(["what", "median, ms", "first in a fresh page, ms"], rows)


def uploads() -> str:
    rows = []
    for name, value in _read(RESULT)["upload"].items():
        plain, encrypted, png = (value[key] for key in ("plain_jpeg_bytes", "etc_jpeg_bytes", "etc_png_bytes"))
        growth = f"{100 * (encrypted / plain - 1):+.1f} %"
        rows.append([f"JPEG, {name}", f"{plain:,.0f}", f"{encrypted:,.0f}", growth, f"{png:,.0f}"])
    return _table(["picture", "plain, bytes", "ciphertext, bytes", "difference", "ciphertext as PNG"], rows)


def decoders() -> str:
    rows = [
        [name, value["pictures"], value["mean"], value["max"]]
        for name, value in _read(RESULT)["decoder_difference"].items()
    ]
    return _table(["file", "pictures", "mean difference, levels of 255", "largest"], rows)


def load() -> str:
    measured, rows = _read(SPACE), []
    for name, value in measured["load"].items():
        wait = value["seconds until answered"]
        work = value["processor time of the server per answer, ms"]
        alone = measured["without HTTP, images per second"][name]
        rows.append([name, value["requests"], value["lost"], *wait.values(), value["answers per second"], work, alone])
    waits = ["p50, s", "p95, s", "p99, s", "slowest, s"]
    heads = [
        "",
        "requests",
        "lost",
        *waits,
        "answers per second",
        "processor time each, ms",
        "without HTTP, per second",
    ]
    return _table(heads, rows)


def malformed() -> str:
    value = _read(SPACE)["malformed"]
    refused = sum(value["refused"].values())
    return (
        f"{value['bodies']:,} malformed requests of {len(value['refused'])} kinds: {refused:,} refused, "
        f"{len(value['files left'])} files left behind, "
        f"the server {'answers as before' if value['right answer afterwards'] else 'is broken'} afterwards.\n"
    )


def uncollected() -> str:
    value = _read(SPACE)["uncollected"]
    memory, visitor = value["memory, MiB"], value["visitor"]
    return (
        f"{value['requests']:,} requests in {value['seconds']:.0f} s whose answers nobody collects: memory "
        f"{memory['before']:,} MiB before, {memory['largest']:,} at most, {memory['after']:,} afterwards; a visitor "
        f"meanwhile got {visitor['answers']:,} answers, lost {visitor['lost']}, half of them within "
        f"{visitor['p50, s']} s and all within {visitor['slowest, s']} s.\n"
    )


TABLES: dict[str, Callable[[], str]] = {
    "times": times,
    "uploads": uploads,
    "decoders": decoders,
    "load": load,
    "malformed": malformed,
    "uncollected": uncollected,
}


def _read(path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))["results"]


def _table(heads: Sequence[str], rows: Sequence[Sequence]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines)


if __name__ == "__main__":
    update_page()
