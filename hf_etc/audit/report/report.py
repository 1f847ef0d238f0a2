"""The report: report.json with all figures, report.html with summary, controls, pictures and plots."""

import base64
import io
from collections.abc import Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import Any

import numpy as np
from PIL import Image

from ...experiments.records import write_json
from ...files import write_text
from ..attack import get_attack, list_attacks
from ..audit import Audit
from ..record import AttackResult, Control
from .plots import box_plot, line_plot
from .words import advice, disclosed, headline, number

TEMPLATE = Path(__file__).with_name("report.html")
_SHOWN = 4
_PICTURE = 224  # pixels; smaller ones are enlarged
_BOXES = (
    ("ssim_up_to_symmetry", "SSIM", "Similarity of the restored to the plain pictures: 1 is equal."),
    ("lpips", "LPIPS", "Perceptual distance of the restored from the plain pictures: 0 is equal."),
)


def write_report(folder: Path, audit: Audit, record: dict[str, Any], source: str, remarks: Sequence[str]) -> None:
    """Write `folder`/report.json and `folder`/report.html, each whole or not at all.

    Args:
        audit: the results.
        record: from :func:`hf_etc.experiments.records.result_record`, with the results.
        source: what was audited, as the user named it.
        remarks: how it was read.
    """
    write_json(folder / "report.json", record)
    write_text(folder / "report.html", render(audit, source, remarks))


def render(audit: Audit, source: str, remarks: Sequence[str]) -> str:
    """The page as HTML text; it refers to no other file."""
    ran = [result for result in audit.results if result.outcome == "ran"]
    owner = audit.plain is not None
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        source=escape(source),
        headline=escape(headline(audit.results, audit.images)),
        level="bad" if any(map(disclosed, audit.results)) else "unknown",
        facts=_rows(_facts(audit)),
        remarks="".join(f"<li>{escape(line)}</li>" for line in remarks),
        findings="".join(map(_finding, sorted(ran, key=_order))),
        advice="".join(f"<li>{escape(line)}</li>" for line in advice(audit.spec, audit.results)),
        others="".join(f"<li><b>{escape(name)}</b>: {escape(why)}</li>" for name, why in _not_run(audit)),
        pictures=_pictures(audit, ran),
        plots=_plots(ran) if owner else "",
        controls="".join(map(_controls, ran)),
        privacy="It shows plain pictures: keep it to yourself." if owner else "",
    )


def _order(result: AttackResult) -> tuple[bool, bool, int]:
    """What leaks first, and of that what takes the least knowledge."""
    return not result.trusted, not disclosed(result), len(set(result.needs) & {"pairs", "oracle", "weights"})


def _not_run(audit: Audit) -> list[tuple[str, str]]:
    out = [(one.attack, one.verdict) for one in audit.results if one.outcome != "ran"]
    for name in sorted(set(list_attacks()) - {one.attack for one in audit.results}):
        attack, why = get_attack(name), "Not asked for."
        if audit.plain is None and not attack.needs <= {"ciphertexts"}:
            why = "It needs more than ciphertexts; give the key with --key."
        elif attack.trained:
            why = f"It trains a network; ask for it with --attacks {name} --scale small."
        out.append((name, why))
    return out


def _facts(audit: Audit) -> list[tuple[str, str]]:
    parameters = {name: value for name, value in audit.spec.to_dict().items() if name != "cipher"}
    view = "the owner's: recovery is measured against the plain pictures" if audit.plain is not None else ""
    height, width = audit.ciphertexts.shape[1:3]
    return [
        ("view", view or "an outsider's: ciphertexts alone, so that nothing can be measured against the truth"),
        ("cipher", f"{audit.spec.name}, " + ", ".join(f"{name} {_text(value)}" for name, value in parameters.items())),
        ("format of the ciphertexts", audit.format),
        ("pictures", f"{audit.images} of {height}x{width} pixels, {len(audit.ciphertexts)} of them to be restored"),
    ]


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple | list) else str(value).lower()


def _rows(facts: Sequence[tuple[str, str]]) -> str:
    return "".join(f"<tr><th scope=row>{escape(name)}</th><td>{escape(value)}</td></tr>\n" for name, value in facts)


def _finding(result: AttackResult) -> str:
    kind = "untrusted" if not result.trusted and result.value is not None else "leak" if disclosed(result) else "none"
    note = f" {escape(result.note[0].upper() + result.note[1:])}." if result.note and result.value is not None else ""
    return (
        f"<li class={kind}><b>{escape(result.attack)}</b> <span class=given>with {escape(result.given)}</span><br>"
        f"{escape(result.verdict)}{note}</li>\n"
    )


def _controls(result: AttackResult) -> str:
    value = "" if result.value is None else number(result.measure, result.value)
    chance = "" if result.chance is None else number(result.measure, result.chance)
    cells = [
        f"<th scope=row>{escape(result.attack)}</th><td>{value}</td><td>{chance}</td>",
        _control(result.measure, result.positive, "≥"),
        _control(result.measure, result.negative, "≤"),
        f"<td>{result.seconds:.1f}</td><td class=text>{escape(result.source)}</td>",
    ]
    return f"<tr>{''.join(cells)}</tr>\n"


def _control(measure: str, control: Control | None, side: str) -> str:
    if control is None:
        return "<td class=text>none applies</td>"
    mark = "✓" if control.passed else "✗"
    figures = f"{number(measure, control.value)} ({side} {number(measure, control.limit)})"
    kind = "pass" if control.passed else "fail"
    return f"<td class=text><span class={kind}>{mark} {figures}</span><br><small>{escape(control.what)}</small></td>"


def _pictures(audit: Audit, ran: Sequence[AttackResult]) -> str:
    columns: list[tuple[str, np.ndarray]] = [] if audit.plain is None else [("plain", audit.plain)]
    columns.append(("ciphertext", audit.ciphertexts))
    columns += [(result.attack, result.restored) for result in ran if result.restored is not None]
    head = "".join(f"<th scope=col>{escape(name)}</th>" for name, _ in columns)
    rows = []
    for i in range(min(_SHOWN, len(audit.ciphertexts))):
        cells = (f"<td>{png(images[i], f'{name}, picture {i + 1}')}</td>" for name, images in columns)
        rows.append(f"<tr>{''.join(cells)}</tr>\n")
    return f"<table class=pictures><tr>{head}</tr>\n{''.join(rows)}</table>"


def _plots(ran: Sequence[AttackResult]) -> str:
    plots = []
    for name, label, caption in _BOXES:
        boxes = [(one.attack, found) for one in ran if one.scores and (found := getattr(one.scores, name))]
        if boxes:
            plots.append(_figure(box_plot(boxes, label), caption))
    curves = [(one.attack, one.curve) for one in ran if len(one.curve) > 1]
    if curves:
        text = "What is recovered as the number of collected ciphertexts grows."
        plots.append(_figure(line_plot(curves, "ciphertexts", "recovered"), text))
    return "".join(plots)


def _figure(svg: str, caption: str) -> str:
    return f"<figure>{svg}<figcaption>{escape(caption)}</figcaption></figure>\n"


def png(pixels: np.ndarray, alt: str) -> str:
    """An image element that holds a PNG of uint8 (H,W,3)."""
    image = Image.fromarray(pixels)
    image.thumbnail((_PICTURE, _PICTURE))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return f'<img src="data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}" alt="{escape(alt)}">'
