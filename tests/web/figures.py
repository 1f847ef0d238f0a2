"""The tables of docs/browser.md, from results/browser.json, results/page.json and results/space_load.json.

Rewrite them after a measurement: python -m tests.web.figures
"""

import json
from collections.abc import Callable

from hf_etc.experiments.page import rewrite, table

from .engines import ROOT

PAGE = ROOT / "docs" / "browser.md"
RESULT = ROOT / "results" / "browser.json"
SPACE = ROOT / "results" / "space_load.json"
SERVED, EARLIER = (ROOT / "results" / name for name in ("page.json", "page_before.json"))


def update_page() -> None:
    """Put the tables of the results as they are now into the page."""
    rewrite(PAGE, TABLES)


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
    return table(["what", "median, ms", "first in a fresh page, ms"], rows)


def uploads() -> str:
    rows = []
    for name, value in _read(RESULT)["upload"].items():
        plain, encrypted, png = (value[key] for key in ("plain_jpeg_bytes", "etc_jpeg_bytes", "etc_png_bytes"))
        growth = f"{100 * (encrypted / plain - 1):+.1f} %"
        rows.append([f"JPEG, {name}", f"{plain:,.0f}", f"{encrypted:,.0f}", growth, f"{png:,.0f}"])
    return table(["picture", "plain, bytes", "ciphertext, bytes", "difference", "ciphertext as PNG"], rows)


def decoders() -> str:
    rows = [
        [name, value["pictures"], value["mean"], value["max"]]
        for name, value in _read(RESULT)["decoder_difference"].items()
    ]
    return table(["file", "pictures", "mean difference, levels of 255", "largest"], rows)


def slow_lines() -> str:
    earlier, now = (_read(path)["load"] for path in (EARLIER, SERVED))
    parts = ("first text, s", "usable, s", "bytes", "own scripts, bytes", "requests")
    rows = [
        [line, *(f"{earlier[line][part]:,} → {found[part]:,}" for part in parts)]
        for line, found in now.items()
        if line in earlier
    ]
    return table(["line", *parts], rows)


def stalls() -> str:
    earlier, now = (_read(path)["stalls"] for path in (EARLIER, SERVED))
    parts = ("longest time without a frame, ms", "longest task, ms", "ready, s")
    rows = [[size, *(f"{earlier[size][part]:,} → {found[part]:,}" for part in parts)] for size, found in now.items()]
    return table(["picture", *parts], rows)


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
    return table(heads, rows)


def malformed() -> str:
    value = _read(SPACE)["malformed"]
    refused = sum(value["refused"].values())
    return (
        f"{value['bodies']:,} malformed requests of {len(value['refused'])} kinds: {refused:,} refused, "
        f"{len(value['files left'])} files left behind, "
        f"the server {'answers as before' if value['right answer afterwards'] else 'is broken'} afterwards."
    )


def uncollected() -> str:
    value = _read(SPACE)["uncollected"]
    memory, visitor = value["memory, MiB"], value["visitor"]
    return (
        f"{value['requests']:,} requests in {value['seconds']:.0f} s whose answers nobody collects: memory "
        f"{memory['before']:,} MiB before, {memory['largest']:,} at most, {memory['after']:,} afterwards; a visitor "
        f"meanwhile got {visitor['answers']:,} answers, lost {visitor['lost']}, half of them within "
        f"{visitor['p50, s']} s and all within {visitor['slowest, s']} s."
    )


TABLES: dict[str, Callable[[], str]] = {
    "times": times,
    "uploads": uploads,
    "decoders": decoders,
    "slow_lines": slow_lines,
    "stalls": stalls,
    "load": load,
    "malformed": malformed,
    "uncollected": uncollected,
}


def _read(path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))["results"]


if __name__ == "__main__":
    update_page()
