"""Two plots as SVG text, in the colours of the page around them."""

from collections.abc import Sequence
from html import escape

from ..record import Quartiles

_WIDTH, _LEFT, _BAR = 400, 130, 26  # narrow, so that words can be read on a telephone
_STYLES = ("", "6 4", "2 3", "8 3 2 3")


def box_plot(boxes: Sequence[tuple[str, Quartiles]], label: str) -> str:
    """Horizontal boxes (quartiles, median) with whiskers (extremes) on an axis from 0 to 1.

    Example:
        >>> box_plot([("fr-basic", Quartiles.of([0.1, 0.2]))], "SSIM").count("<rect")
        1
    """
    low = min(0.0, *(one.least for _, one in boxes))
    span = _WIDTH - _LEFT - 20

    def x(value: float) -> float:
        return round(_LEFT + span * (value - low) / (1 - low), 1)

    height = _BAR * len(boxes) + 44
    parts = []
    for tick in (0, 0.2, 0.4, 0.6, 0.8, 1):
        parts.append(_line(x(tick), 4, x(tick), height - 36, "grid"))
        parts.append(_words(x(tick), height - 20, f"{tick:g}", "middle"))
    for row, (name, one) in enumerate(boxes):
        y = _BAR * row + 17
        parts.append(_words(_LEFT - 10, y + 5, name, "end"))
        parts.append(_line(x(one.least), y, x(one.most), y, "whisker"))
        width = max(x(one.high) - x(one.low), 1)
        parts.append(f'<rect x="{x(one.low)}" y="{y - 8}" width="{width:.1f}" height="16" class="box"/>')
        parts.append(_line(x(one.median), y - 8, x(one.median), y + 8, "median"))
    parts.append(_words(_LEFT + span / 2, height - 3, label, "middle"))
    return _svg(height, label, parts)


def line_plot(curves: Sequence[tuple[str, Sequence[tuple[int, float]]]], label: str, value: str) -> str:
    """Shares in 0..1 over counts, one line each.

    Example:
        >>> line_plot([("a", [(2, 0.5), (3, 1.0)])], "ciphertexts", "recovered").count("<circle")
        2
    """
    counts = sorted({count for _, points in curves for count, _ in points})
    span, height = _WIDTH - _LEFT - 20, 220

    def x(count: int) -> float:
        return round(_LEFT + span * (counts.index(count) + 0.5) / len(counts), 1)

    def y(share: float) -> float:
        return round(20 + 140 * (1 - share), 1)

    parts = []
    for tick in (0, 0.25, 0.5, 0.75, 1):
        parts.append(_line(_LEFT, y(tick), _WIDTH - 20, y(tick), "grid"))
        parts.append(_words(_LEFT - 10, y(tick) + 5, f"{100 * tick:g} %", "end"))
    parts += [_words(x(count), 180, str(count), "middle") for count in counts]
    for (name, points), dashes in zip(curves, _STYLES * len(curves), strict=False):
        path = " ".join(f"{x(count)},{y(share)}" for count, share in points)
        parts.append(f'<polyline points="{path}" class="curve" stroke-dasharray="{dashes}"/>')
        parts += [f'<circle cx="{x(count)}" cy="{y(share)}" r="4" class="point"/>' for count, share in points]
        parts.append(_words(_WIDTH - 22, y(points[-1][1]) + 20, name, "end"))
    parts.append(_words(_LEFT + span / 2, 205, label, "middle"))
    return _svg(height, f"{value} by number of {label}", parts)


def _svg(height: float, title: str, parts: Sequence[str]) -> str:
    head = f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" xmlns="http://www.w3.org/2000/svg">'
    return f"{head}<title>{escape(title)}</title>{''.join(parts)}</svg>"


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" class="{kind}"/>'


def _words(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}">{escape(text)}</text>'
