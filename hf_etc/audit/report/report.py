"""The report: report.json with all figures, report.html with summary, controls, pictures and plots."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from ...experiments import html
from ...files import write_text
from ...records import write_json
from ..attacks import get_attack, list_attacks
from ..record import AttackResult, Audit
from ..words import advice, disclosed, headline, number
from .plots import box_plot, line_plot

TEMPLATE = Path(__file__).with_name("report.html")
_SHOWN = 4
_PICTURE = 224  # pixels; the page enlarges smaller ones
_BOXES = (
    ("ssim_up_to_symmetry", "SSIM", "Similarity of the restored to the plain pictures: 1 is equal."),
    ("lpips", "LPIPS", "Perceptual distance of the restored from the plain pictures: 0 is equal."),
)


def write_report(folder: Path, audit: Audit, record: dict[str, Any], source: str, remarks: Sequence[str]) -> None:
    """Write `folder`/report.json and `folder`/report.html, each whole or not at all.

    Args:
        audit: the results.
        record: from :func:`hf_etc.records.result_record`, with the results.
        source: what was audited, as the user named it.
        remarks: how it was read.
    """
    write_json(folder / "report.json", record)
    write_text(folder / "report.html", render(audit, source, remarks))


def render(audit: Audit, source: str, remarks: Sequence[str]) -> str:
    """The page as HTML text; it refers to no other file."""
    ran = [result for result in audit.results if result.outcome == "ran"]
    columns = [] if audit.plain is None else [("plain", audit.plain)]
    columns += [("ciphertext", audit.ciphertexts)]
    columns += [(result.attack, result.restored) for result in ran if result.restored is not None]
    return html.render(
        TEMPLATE,
        source=source,
        owner=audit.plain is not None,
        headline=headline(audit.results, audit.images),
        leaks=any(map(disclosed, audit.results)),
        findings=sorted(ran, key=_order),
        kind=_kind,
        columns=columns,
        shown=min(_SHOWN, len(audit.ciphertexts)),
        edge=_PICTURE,
        plots=[] if audit.plain is None else list(_plots(ran)),
        advice=advice(audit.spec, audit.results, audit.size),
        facts=_facts(audit),
        remarks=remarks,
        ran=ran,
        number=number,
        others=_not_run(audit),
    )


def _order(result: AttackResult) -> tuple[bool, bool, int]:
    """What leaks first, and of that what takes the least knowledge."""
    return not result.trusted, not disclosed(result), result.knowledge


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
    (height, width), (rows, columns) = audit.size, audit.ciphertexts.shape[1:3]
    sent = f"{100 * rows * columns / (height * width):.0f} %"
    return [
        ("view", view or "an outsider's: ciphertexts alone, so that nothing can be measured against the truth"),
        ("cipher", f"{audit.spec.name}, " + ", ".join(f"{name} {_text(value)}" for name, value in parameters.items())),
        ("format of the ciphertexts", audit.format),
        ("pictures", f"{audit.images} of {height}x{width} pixels, {len(audit.ciphertexts)} of them to be restored"),
        ("ciphertexts", f"{rows}x{columns} pixels, {sent} of the picture"),
    ]


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple | list) else str(value).lower()


def _kind(result: AttackResult) -> str:
    if not result.trusted and result.value is not None:
        return "untrusted"
    return "leak" if disclosed(result) else "none"


def _plots(ran: Sequence[AttackResult]) -> Iterator[tuple[Markup, str]]:
    """SVG and caption."""
    for name, label, caption in _BOXES:
        boxes = [(one.attack, found) for one in ran if one.scores and (found := getattr(one.scores, name))]
        if boxes:
            yield Markup(box_plot(boxes, label)), caption
    curves = [(one.attack, one.curve) for one in ran if len(one.curve) > 1]
    if curves:
        caption = "What is recovered as the number of collected ciphertexts grows."
        yield Markup(line_plot(curves, "ciphertexts", "recovered")), caption
