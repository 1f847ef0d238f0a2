"""The demo's result page: one self-contained HTML file."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template

import numpy as np
from PIL import Image

TEMPLATE = Path(__file__).with_name("page.html")


@dataclass(frozen=True)
class Sample:
    """One picture's way through the demo.

    Attributes:
        plain, ciphertext, decrypted: uint8 (H,W,3).
        label, predicted: class names; None for a picture that is not classified.
        confidence: softmax probability of the prediction, 0..1.
    """

    plain: np.ndarray
    ciphertext: np.ndarray
    decrypted: np.ndarray
    label: str | None = None
    predicted: str | None = None
    confidence: float = 0.0


def render_page(
    accuracy: Sequence[tuple[str, float]],
    curves: dict[str, list[tuple[float, float]]],
    digits: Sequence[Sample],
    photograph: Sample,
    facts: Sequence[tuple[str, str]],
    serve: str,
    key: str,
) -> str:
    """The page as HTML text.

    Args:
        accuracy: rows of the table: what was tested, top-1 accuracy 0..1.
        curves: per model, (epoch, evaluation accuracy 0..1).
        digits: classified samples.
        photograph: a colour picture, to show what encryption does to one.
        facts: name and value of what else was measured.
        serve: the command that starts the model as a web page.
        key: the key file to open there.
    """
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        accuracy="".join(_row(name, f"{100 * value:.1f} %") for name, value in accuracy),
        curves=_png(_plot(curves), "Evaluation accuracy over the epochs of training"),
        digits="".join(map(_card, digits)),
        photograph=_triple(photograph),
        facts="".join(_row(*fact) for fact in facts),
        serve=escape(serve),
        key=escape(key),
    )


def _row(name: str, value: str) -> str:
    return f"<tr><th scope=row>{escape(name)}</th><td>{escape(value)}</td></tr>\n"


def _card(sample: Sample) -> str:
    right = sample.label == sample.predicted
    verdict = f"{'✓' if right else '✗'} {sample.predicted} ({100 * sample.confidence:.0f} %)"
    caption = (
        f"<figcaption class={'right' if right else 'wrong'}>{escape(verdict)}<br>truth: {escape(str(sample.label))}"
    )
    return f"<figure>{_triple(sample)}{caption}</figcaption></figure>\n"


def _triple(sample: Sample) -> str:
    names = {"plain": sample.plain, "ciphertext": sample.ciphertext, "decrypted": sample.decrypted}
    return "".join(_png(Image.fromarray(pixels), name) for name, pixels in names.items())


def _png(image: Image.Image, alt: str) -> str:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    data = base64.b64encode(buffer.getvalue()).decode()
    return f'<img src="data:image/png;base64,{data}" alt="{escape(alt)}">'


def _plot(curves: dict[str, list[tuple[float, float]]]) -> Image.Image:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 3.2), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    for (name, points), style in zip(curves.items(), ("-", "--", ":"), strict=False):
        epochs, values = zip(*points, strict=True)
        axes.plot(epochs, [100 * value for value in values], style, label=name)
    axes.set(xlabel="epoch", ylabel="top-1 accuracy on test images (%)", ylim=(0, 101))
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return Image.open(buffer)
