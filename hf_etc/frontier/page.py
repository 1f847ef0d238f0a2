"""The frontier as a table, in plain words, and as a chart; from the records alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..cipher import EtcSpec
from ..experiments.cells import Experiment
from ..experiments.figures import figure, save, unpack
from ..experiments.page import hardware, table
from ..experiments.store import Store
from .measure import MEASURES, cells
from .settings import name_of

HIDDEN, SOME = 0.05, 0.25  # of the neighbours found by the strongest attack
_SHOWN, _ROWS = 5, 3


@dataclass(frozen=True)
class Point:
    """The records of one setting.

    Attributes:
        spec: the setting.
        accuracy, leakage, linked, size: results of :mod:`hf_etc.frontier.measure`.
    """

    spec: EtcSpec
    accuracy: Any
    leakage: Any
    linked: Any
    size: Any

    @property
    def verdict(self) -> str:
        """What the setting is good for, by the neighbours that the strongest attack found."""
        found = self.leakage["value"]
        if found <= HIDDEN:
            return "hides the arrangement"
        return "hides some of it" if found <= SOME else "obfuscation only"

    def of_strongest(self, name: str) -> float | None:
        return self.leakage["attacks"][self.leakage["strongest"]].get(name)


def points(name: str, specs: Sequence[EtcSpec], store: Store) -> list[Point]:
    """The settings that were measured whole."""
    found = []
    for spec in specs:
        records = [store.find(name, f"{name_of(spec)}-{what}") for what in MEASURES]
        if all(records):
            found.append(Point(spec, *(one.results for one in records if one)))
    return found


def frontier(name: str, specs: Sequence[EtcSpec]) -> Experiment:
    """The experiment of some settings; `name` says on which pictures."""
    return Experiment(
        name,
        "Accuracy against leakage",
        cells(list(specs)),
        lambda store: report(name, specs, store),
        lambda store, folder: draw(name, specs, store, folder),
    )


def report(name: str, specs: Sequence[EtcSpec], store: Store) -> str:
    """Markdown: the chart, the table, and which setting is for which need."""
    found = points(name, specs, store)
    if not found:
        return "Nothing is measured yet.\n"
    measured = [f"{name_of(point.spec)}-{what}" for point in found for what in MEASURES]
    return "\n\n".join(
        [
            f"![Accuracy against leakage](figures/{name}.png)",
            table(_HEADER, [_row(point) for point in found]),
            _about(found[0]),
            *recommendation(found),
            *attacks(found),
            f"Measured at: {hardware(store, name, measured)}.",
        ]
    )


_HEADER = ["setting", "sent", "accuracy", "JPEG 85", "strongest attack", "neighbours", "beside", "largest part"]
_HEADER += ["SSIM", "LPIPS", "linked", "bytes", "verdict"]


def _row(point: Point) -> list[str]:
    draws = point.accuracy["draws"]
    spread = f" ± {100 * (max(draws) - min(draws)) / 2:.1f}" if len(draws) > 1 else ""
    return [
        f"`{name_of(point.spec)}`",
        _percent(point.size["sent_share"]),
        f"{100 * point.accuracy['value']:.1f}{spread} %",
        _percent(point.accuracy["jpeg"]),
        point.leakage["strongest"],
        _percent(point.leakage["value"]),
        _percent(point.of_strongest("places_right")),
        _percent(point.of_strongest("largest_component")),
        _decimal(point.of_strongest("ssim_up_to_symmetry")),
        _decimal(point.of_strongest("lpips")),
        _percent(point.linked["value"]),
        _percent(point.size["value"]),
        point.verdict,
    ]


def _about(point: Point) -> str:
    return (
        f"*sent*: share of the pixels. *accuracy*: top-1 on {point.accuracy['test_images']:,} test pictures of "
        f"{point.accuracy['classes']} classes, mean and half range of three draws of keys; the model reaches "
        f"{_percent(point.accuracy['plain'])} on plain ones. *neighbours*, *beside*, *largest part*, *SSIM*, *LPIPS*: "
        f"of the strongest attack on {point.leakage['attacked_images']} pictures, learned on "
        f"{point.leakage['public_images']:,} others. *linked*: share of the pictures whose ciphertext somebody who has "
        f"the picture finds among {point.linked['among']}. *bytes*: of JPEG 85 files, against plain."
    )


def attacks(found: Sequence[Point]) -> list[str]:
    """What each attack that was run found of each setting."""
    names = sorted({name for point in found for name in point.leakage["attacks"]})
    rows = [
        [f"`{name_of(point.spec)}`"]
        + [_percent(point.leakage["attacks"].get(name, {}).get("neighbours_right")) for name in names]
        for point in found
    ]
    about = (
        "Neighbours found by each attack; blank where it does not apply, or was no attack yet when this was measured:"
    )
    return [about, table(["setting", *names], rows)]


def recommendation(found: Sequence[Point]) -> list[str]:
    """Which setting is for which need, and which are only obfuscation; one sentence each."""
    hidden = [point for point in found if point.leakage["value"] <= HIDDEN]
    lines = []
    if hidden:
        best = max(hidden, key=lambda point: point.accuracy["value"])
        least = min(hidden, key=lambda point: (point.size["sent_share"], point.leakage["value"]))
        lines.append(
            f"**Nobody may recognise the pictures:** {_said(best)}. The best accuracy of those that hide them."
        )
        if least is not best:
            lines.append(f"**As little as possible may leave you:** {_said(least)}.")
    else:
        lines.append(f"**No setting that was measured keeps the neighbours found below {_percent(HIDDEN)}.**")
    if weak := [point for point in found if point.verdict == "obfuscation only"]:
        names = ", ".join(f"`{name_of(point.spec)}`" for point in weak)
        lines.append(
            f"**Only obfuscation** (more than {_percent(SOME)} of the neighbours are found): {names}. They keep the "
            "casual onlooker away, and nobody who tries."
        )
    return lines


def _said(point: Point) -> str:
    return (
        f"`{name_of(point.spec)}`: {_percent(point.accuracy['value'])} accuracy, {_percent(point.leakage['value'])} of "
        f"the neighbours found, {_percent(point.size['sent_share'])} of the pixels sent"
    )


def draw(name: str, specs: Sequence[EtcSpec], store: Store, folder: Path) -> None:
    """The chart ``NAME.png``: a point for each setting, and what the attack makes of some of them beside it."""
    found = points(name, specs, store)
    if not found:
        return
    drawn = figure(11, 5.2)
    chart, side = drawn.subfigures(1, 2, width_ratios=[1.5, 1])
    axes = chart.subplots()
    axes.axvspan(0, 100 * HIDDEN, color="#009e73", alpha=0.12)
    gaps = sorted({point.spec.gap / point.spec.block_size for point in found})
    colors = dict(zip(gaps, ["#d55e00", "#e69f00", "#cc79a7", "#56b4e9", "#0072b2", "#222222"] * 9, strict=False))
    for gap in gaps:
        some = [point for point in found if point.spec.gap / point.spec.block_size == gap]
        axes.scatter(
            [100 * point.leakage["value"] for point in some],
            [100 * point.accuracy["value"] for point in some],
            [40 + 200 * point.size["sent_share"] for point in some],
            color=colors[gap],
            label=f"gap {gap:g} of a block" if gap else "no gap",
            alpha=0.8,
        )
    _label(axes, found)
    axes.set_xlabel("neighbouring blocks that the strongest attack finds, %")
    axes.set_ylabel("accuracy on ciphertexts, %")
    axes.set_xlim(-2, 102)
    axes.legend(fontsize=7, title="dot: pixels sent", title_fontsize=7, loc="lower right")
    _pictures(side, _spread(found))
    save(drawn, folder / f"{name}.png")


def _label(axes: Any, found: Sequence[Point]) -> None:
    """The name of each setting beside its dot, each below those above it that it would overlap."""
    wide, high, beside = 25, 0.4, 2.5  # of a label, and from its dot, in percent
    placed: list[tuple[float, float]] = []
    for point in sorted(found, key=lambda point: -point.accuracy["value"]):
        x, height = 100 * point.leakage["value"], 100 * point.accuracy["value"]
        y = min([height, *(other - high for at, other in placed if abs(x - at) < wide)])
        placed.append((x, y))
        left = x + wide > 100
        axes.annotate(
            short(point.spec),
            (x, height),
            (x - beside if left else x + beside, y),
            fontsize=7,
            ha="right" if left else "left",
            va="center",
            arrowprops={"arrowstyle": "-", "lw": 0.4, "color": "gray"},
        )


def short(spec: EtcSpec) -> str:
    """A setting in a chart: scope, block, gap, jitter and share.

    Example:
        >>> short(EtcSpec("image", 16, gap=4, jitter=4, keep=0.5))
        '16 g4 j4 50%'
    """
    words = ["one key"] if spec.key_scope == "dataset" else []
    words += [str(spec.block_size)]
    words += [f"g{spec.gap}"] if spec.gap else []
    words += [f"j{spec.jitter}"] if spec.jitter else []
    return " ".join(words + ([f"{round(100 * spec.keep)}%"] if spec.keep != 1 else []))


def _spread(found: Sequence[Point]) -> list[Point]:
    """A few settings, from the leakiest to the least leaky."""
    ranked = sorted(found, key=lambda point: -point.leakage["value"])
    steps = min(_SHOWN, len(ranked))
    return [ranked[round(i * (len(ranked) - 1) / max(1, steps - 1))] for i in range(steps)]


def _pictures(side: Any, chosen: Sequence[Point]) -> None:
    panels = side.subplots(len(chosen), _ROWS, squeeze=False)
    for row, point in zip(panels, chosen, strict=True):
        strongest = point.leakage["strongest"]
        for axes, name in zip(row, ("plain", "encrypted", strongest), strict=True):
            axes.imshow(unpack(point.leakage["pictures"][name]))
            axes.set_xticks([])
            axes.set_yticks([])
        row[0].set_ylabel(short(point.spec).replace(" ", "\n", 1), fontsize=7)
        row[2].set_title(f"{strongest}: {_percent(point.leakage['value'])}", fontsize=7)
    panels[0, 0].set_title("plain", fontsize=7)
    panels[0, 1].set_title("sent", fontsize=7)


def _percent(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.1f} %"


def _decimal(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
