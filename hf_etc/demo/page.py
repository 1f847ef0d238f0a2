"""The demo's result page: one self-contained HTML file."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from ..experiments.html import render
from .leak import Leak


@dataclass(frozen=True)
class Sample:
    """One picture's way through the demo.

    Attributes:
        plain, ciphertext, decrypted: uint8 (H,W,3).
        label, predicted: class names; of a picture that is not classified, what it shows, and None.
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
    photographs: Sequence[Sample],
    one_key: Leak,
    private: Leak,
    facts: Sequence[tuple[str, str]],
    serve: str,
    key: str,
) -> str:
    """The page as HTML text.

    Args:
        accuracy: rows of the table: what was tested, top-1 accuracy 0..1.
        curves: per model, (epoch, evaluation accuracy 0..1).
        digits: classified samples.
        photographs: colour pictures, to show what encryption does to them.
        one_key: what an attack restored of the test digits.
        private: what an attack restored of the photographs in the private mode.
        facts: name and value of what else was measured.
        serve: the command that starts the model as a web page.
        key: the key file to open there.
    """
    return render(
        Path(__file__).with_name("page.html"),
        accuracy=accuracy,
        curves=_plot(curves),
        digits=digits,
        photographs=photographs,
        one_key=one_key,
        private=private,
        facts=facts,
        serve=serve,
        key=key,
    )


def _plot(curves: dict[str, list[tuple[float, float]]]) -> Image.Image:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4, 3), dpi=200, layout="constrained")  # inches: its words can be read on a telephone
    axes = figure.add_subplot()
    for (name, points), style in zip(curves.items(), ("-", "--", ":"), strict=False):
        epochs, values = zip(*points, strict=True)
        axes.plot(epochs, [100 * value for value in values], style, label=name)
    axes.set(xlabel="epoch", ylabel="accuracy on test images (%)", ylim=(0, 101))
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return Image.open(buffer)
