"""docs/performance.md with its chart, the sizes in docs/scale.md, and the modes in README.md, from the records.

Run: python benchmarks/page.py [--check]            (after a benchmark; --check says whether the page is current)

A section is one function from a record to rows, under the name of its block on the page. A section whose record is
not there yet says so; a new benchmark adds a function, an entry of `SECTIONS` and a block.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

from hf_etc.experiments.figures import figure, save
from hf_etc.experiments.page import NOT_YET, rewrite, table

ROOT = Path(__file__).resolve().parents[1]
README, PAGE, SCALE = ROOT / "README.md", ROOT / "docs" / "performance.md", ROOT / "docs" / "scale.md"
CHART, RESULTS = ROOT / "docs" / "figures" / "performance.png", ROOT / "results"
HEAD = ("measured", "", "peer or limit", "", "ratio")


@dataclass(frozen=True)
class Row:
    """One figure beside its peer.

    Attributes:
        name, value: what was measured.
        peer, other: what it is measured against, in the same run.
        ratio: of the two, `name` over `peer`; None where the two are of different kinds.
        chart: its bar on the chart.
    """

    name: str
    value: str
    peer: str
    other: str
    ratio: float | None = None
    chart: bool = False


Rows = Iterator[Row]


def encryption(results: Any) -> Rows:
    """In memory, 64 images of 224x224, one core."""
    found = results["batch"]

    def against(name: str, peer: str, chart: bool = False) -> Rows:
        keys = [f"{one}, ms per image" for one in (name, peer)]
        if all(key in found for key in keys):
            mine, other = (found[key] for key in keys)
            yield Row(name, milliseconds(mine), peer, milliseconds(other), mine / other, chart)

    for name in ("key for all", "key for each"):
        for peer in ("copy", "AES-GCM", "block loop"):
            yield from against(name, peer, chart=True)
    for name in ("torch, key for all", "torch, key for each"):
        for peer in ("torch, copy", "torch, torchvision transforms", "torch, kornia RandomJigsaw", "torch, block loop"):
            yield from against(name, peer, chart=name.endswith("each"))


def pipeline(results: Any) -> Rows:
    """Decode, 224x224, encrypt, write: milliseconds of processor time per image."""
    for group in ("500x375, jpeg", "500x375, png", "224x224, jpeg", "224x224, png", "map"):
        if group not in results:  # the record grows group by group
            continue
        found = results[group]
        peer = next(iter(found)).removesuffix(", ms")
        for name in ("key for all", "key for each", "private preset"):
            what = f"datasets.map to JPEG, {name}" if group == "map" else f"{group}, {name}"
            other = "a plain JPEG round trip by datasets.map" if group == "map" else peer
            values = (milliseconds(found[f"{one}, ms"]) for one in (name, peer))
            yield Row(what, next(values), other, next(values), found[f"{name}: ratio"], chart=group != "map")


def scaling(results: Any) -> Rows:
    """Two processes."""
    if found := results.get("processes"):
        value, limit = found["two over one"], found["two over one: plain work"]
        gains = f"{value:.2f} times", f"{limit:.2f} times"
        yield Row("two processes over one", gains[0], "the same without encryption", gains[1], value / limit)


def memory(results: Any) -> Rows:
    """Peak memory over more and more images."""
    for name, peaks in results.items():
        first, *more = peaks
        for count in more:
            values = f"{peaks[count]:.0f} MiB", f"{peaks[first]:.0f} MiB"
            what = f"{name.removesuffix(', MiB')}, {count} images"
            yield Row(what, values[0], f"{first} images", values[1], peaks[count] / peaks[first])


def stages(results: Any) -> Rows:
    """Where the time goes: each step over the whole."""
    for source, found in results.get("stages", {}).items():
        whole = sum(found.values())
        for name, value in found.items():
            what = f"{source}: {name.removesuffix(', ms')}"
            yield Row(what, milliseconds(value), "all steps", milliseconds(whole), value / whole)


def dataset(results: Any) -> Rows:
    """hf-etc on a whole data set."""
    encrypted, decrypted = (results[f"{name}, images per second"] for name in ("encrypt", "decrypt"))
    yield Row("encrypt", per_second(encrypted), "decrypt", per_second(decrypted), encrypted / decrypted)
    same, images = results["identical after decryption"], results["images"]
    yield Row("identical after decryption", f"{same:,}", "images", f"{images:,}", same / images)


def space(results: Any) -> Rows:
    """The server of a Space under 200 visitors at once."""
    for name, found in results["load"].items():
        limit = results["without HTTP, images per second"][name]
        rate = found["answers per second"]
        yield Row(f"{name}: answers", per_second(rate), "its classifier without HTTP", per_second(limit), rate / limit)
        waited, alone = found["seconds until answered"], found["one visitor alone, seconds"]
        for part in ("p50", "p95", "p99"):
            yield Row(f"{name}: {part} of the wait", f"{waited[part]} s", "one visitor alone", f"{alone} s")
        lost, wrong = found["lost"], found["other answer than alone"]
        yield Row(f"{name}: lost, or answered differently", f"{lost}, {wrong}", "requests", f"{found['requests']:,}")
    memory = results["uncollected"]["memory, MiB"]
    after, before = memory["after"], memory["before"]
    count = f"{results['uncollected']['requests']:,}"
    yield Row(f"memory after {count} requests", f"{after} MiB", "before them", f"{before} MiB", after / before)


def training(results: Any) -> Rows:
    """Images per second of whole training steps on one thread: each way over the first."""
    for network, rates in results["images per second, one thread"].items():
        first, *ways = rates
        for way in ways:
            values = per_second(rates[way]), per_second(rates[first])
            yield Row(f"{network}: {way}", values[0], first, values[1], rates[way] / rates[first])
    for way, accuracies in list(results.get("accuracy, percent", {}).items())[1:]:
        first, reference = next(iter(results["accuracy, percent"].items()))
        means = fmean(accuracies), fmean(reference)
        what = f"top-1 of a short training, {len(accuracies)} seeds: {way}"
        yield Row(what, f"{means[0]:.1f} %", first, f"{means[1]:.1f} %", means[0] / means[1])
    if loader := results.get("loader, images per second"):
        (host, slow), (device, fast) = loader.items()
        yield Row(f"re-encrypted batches {device}", per_second(fast), host, per_second(slow), fast / slow)


def threads(results: Any) -> Rows:
    """Images per second of whole training steps, by the clock, on several threads over one."""
    for network, rates in results.items():
        (one, slow), (several, fast) = rates.items()
        yield Row(f"{network}, bfloat16: {several}", per_second(fast), one, per_second(slow), fast / slow)


SECTIONS: dict[str, tuple[Callable[[Any], Rows], str]] = {
    "encryption": (encryption, "encryption_speed.json"),
    "pipeline": (pipeline, "pipeline.json"),
    "scaling": (scaling, "pipeline.json"),
    "memory": (memory, "memory.json"),
    "stages": (stages, "pipeline.json"),
    "dataset": (dataset, "dataset_conversion.json"),
    "space": (space, "space_load.json"),
    "training": (training, "training_speed.json"),
    "threads": (threads, "training_threads.json"),
}


MODES = {
    "dataset-16": ("one key for all, the paper's (`paper`)", "the glance"),
    "image-16": (
        "a key for each picture, all blocks (`--key-scope image`)",
        "the glance; one picture never gives another",
    ),
    "image-16-gap12-jitter12": ("**`private`**: gaps between the blocks, too", "who puts the puzzle together"),
    "image-16-gap16-jitter16-keep50": (
        "**`strict`**: wider gaps, half of the blocks",
        "the same, and most pixels never leave",
    ),
}


def modes() -> str:
    """What each mode hides, leaks and costs: Imagenette, 224x224 in blocks of 16."""

    def percent(setting: str, what: str, value: str = "value") -> str:
        record = json.loads((RESULTS / "frontier_imagenette_224" / f"{setting}-{what}.small.json").read_text())
        return f"{100 * record['results'][value]:.0f} %"

    rows = [
        [
            mode,
            hides,
            percent(name, "leakage"),
            percent(name, "size", "sent_share"),
            percent(name, "linked"),
            f"{percent(name, 'accuracy')} of {percent(name, 'accuracy', 'plain')}",
        ]
        for name, (mode, hides) in MODES.items()
    ]
    header = ["mode", "hides from", "put together by the strongest attack", "pixels sent", "recognised by who has it"]
    return table([*header, "accuracy, of plain"], rows)


def main(argv: Sequence[str] | None = None) -> int:
    """Write the page and the chart; with --check, exit status 1 unless the page is current."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args(argv)
    up_to_date = rewrite(PAGE, {name: partial(section, name) for name in SECTIONS}, options.check)
    up_to_date &= rewrite(SCALE, {"sizes": sizes}, options.check)
    up_to_date &= rewrite(README, {"modes": modes}, options.check)
    if not options.check:
        chart()
    return int(options.check and not up_to_date)


def sizes() -> str:
    """What it takes to encrypt ImageNet-1k and a billion images, from the rates of one core.

    Plain files are counted at the mean of ImageNet's training set as published, 138 GB for 1,281,167 images.
    """
    record = read("pipeline")
    if record is None:
        return f"{NOT_YET.capitalize()}: the record `{SECTIONS['pipeline'][1]}` is not there."
    times, lines = record["results"]["500x375, jpeg"], []
    settings = {"key for each": "image-16", "private preset": "image-16-gap12-jitter12"}
    for images, engine in ((1_281_167, "processes"), (10**9, "ray or ranks")):
        for name, cell in settings.items():
            hours = times[f"{name}, ms"] / 3.6e6 * images
            stored = json.loads((RESULTS / "frontier_imagenette_224" / f"{cell}-size.small.json").read_text())[
                "results"
            ]
            out = stored["encrypted_bytes"] / stored["images"] * images
            read_in = 138e9 / 1_281_167 * images
            traffic = (read_in + out) * 8 / 10e9 / 3600
            cores = [f"{hours:,.1f}", f"{hours / 64:,.2f}"]
            lines.append([f"{images:,}", name, *cores, tera(read_in), tera(out), f"{traffic:,.2f}", engine])
    head = ["images", "keys", "core-hours", "hours on 64 cores", "read", "stored", "hours at 10 Gbit/s", "engine"]
    return f"{table(head, lines)}\n\n{source('pipeline', record)}, and the sizes of the frontier's ciphertexts."


def tera(count: float) -> str:
    return f"{count / 1e12:,.3g} TB"


def section(name: str) -> str:
    """The table of a section, and how it was measured."""
    record = read(name)
    if record is None:
        return f"{NOT_YET.capitalize()}: the record `{SECTIONS[name][1]}` is not there."
    cells = ([one.name, one.value, one.peer, one.other, shown(one.ratio)] for one in rows(name))
    return f"{table(HEAD, cells)}\n\n{source(name, record)}"


def rows(name: str) -> list[Row]:
    """Of a section; none where its record is not there."""
    record = read(name)
    return [] if record is None else list(SECTIONS[name][0](record["results"]))


def read(name: str) -> dict[str, Any] | None:
    path = RESULTS / SECTIONS[name][1]
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def source(name: str, record: dict[str, Any]) -> str:
    """Command, record, data and machine."""
    machine, load = record["hardware"], record["settings"].get("load average")
    busy = "" if load is None else f", load average {load:g}"
    where = f"{machine['cpu']}, {machine['cores']} cores{busy}"
    file = SECTIONS[name][1]
    return f"`python benchmarks/{record['command']}` on {record['data']['name']}; {where}; [{file}](../results/{file})"


def chart() -> None:
    """All rows with a bar, on a logarithmic axis: how many times the peer."""
    bars = [one for name in SECTIONS for one in rows(name) if one.chart and one.ratio is not None]
    drawn = figure(9, 0.26 * len(bars) + 1)
    axes = drawn.subplots()
    places = range(len(bars), 0, -1)
    ratios = [one.ratio for one in bars]
    colors = ["#0072b2" if ratio <= 1 else "#d55e00" for ratio in ratios]
    axes.barh(places, [ratio - 1 for ratio in ratios], left=1, color=colors)
    axes.set_yticks(places, [f"{one.name} / {one.peer}" for one in bars], fontsize=7)
    axes.set_xscale("log")
    axes.axvline(1, color="black", linewidth=0.8)
    for place, ratio in zip(places, ratios, strict=True):
        axes.text(ratio, place, f" {shown(ratio)} ", va="center", ha="left" if ratio > 1 else "right", fontsize=7)
    axes.set_xlabel("time over the peer's, in the same run (below 1: faster than the peer)")
    axes.margins(x=0.15)
    save(drawn, CHART)


def milliseconds(value: float) -> str:
    return f"{value:.3g} ms"


def per_second(value: float) -> str:
    return f"{value:,.0f} per second" if value >= 100 else f"{value:.3g} per second"


def shown(ratio: float | None) -> str:
    """Three digits, whole numbers from 100 on.

    Example:
        >>> shown(0.01234), shown(123.4), shown(None)
        ('0.0123', '123', '')
    """
    return "" if ratio is None else f"{ratio:.0f}" if ratio >= 100 else f"{ratio:.3g}"


if __name__ == "__main__":
    sys.exit(main())
