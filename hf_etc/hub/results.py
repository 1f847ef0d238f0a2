"""Accuracies for a model card, out of the records that ``hf-etc evaluate`` writes."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import EvalResult

from ..errors import KeyMismatchError, ParameterError

RECORD_NAME = "evaluation.json"


@dataclass(frozen=True)
class Evaluation:
    """One record of an evaluation.

    Attributes:
        dataset, split: what it was measured on.
        images, classes: how much that was.
        top1: accuracy 0..1 by condition.
        chance: accuracy of guessing.
        seed: chose the images.
        commit: of hf-etc, if known.
    """

    dataset: str
    split: str | None
    images: int
    classes: int
    top1: dict[str, float]
    chance: float
    seed: int | None
    commit: str | None


def read_evaluation(path: str | Path, cipher_id: str | None) -> Evaluation:
    """Read a record.

    Args:
        path: JSON file of ``hf-etc evaluate``.
        cipher_id: of the model; None for a model of plain images.

    Raises:
        ParameterError: not a record of an evaluation.
        KeyMismatchError: of a model of another key.
    """
    try:
        record = json.loads(Path(path).read_text(encoding="utf-8"))
        data, results = record["data"], record["results"]
        found_id = record["settings"].get("cipher_id")
        found = Evaluation(
            dataset=str(data["name"]),
            split=data.get("split"),
            images=int(data["images"]),
            classes=len(data["classes"]),
            top1={str(name): float(value) for name, value in results["top1"].items()},
            chance=float(results["chance"]),
            seed=record["seed"],
            commit=record["commit"],
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise ParameterError(f"{path} is not a record of an evaluation; make one with: hf-etc evaluate") from None
    if found_id != cipher_id:
        raise KeyMismatchError(f"{path} was measured under cipher {found_id}, the model belongs to {cipher_id}")
    return found


def eval_results(evaluations: Sequence[Evaluation]) -> list[EvalResult]:
    """The entries of a card's metadata."""
    return [
        EvalResult(
            task_type="image-classification",
            task_name="Image Classification",
            dataset_type=_slug(one.dataset),
            dataset_name=one.dataset,
            dataset_split=one.split,
            dataset_args={"images": one.images, "classes": one.classes},
            metric_type="accuracy",
            metric_name=f"top-1 accuracy, {condition}",
            metric_value=value,
        )
        for one in evaluations
        for condition, value in one.top1.items()
    ]


def results_text(evaluations: Sequence[Evaluation], size: str) -> str:
    """The section of a card: what was measured, and at which scale.

    Args:
        evaluations: may be none.
        size: of the images that the model takes.
    """
    if not evaluations:
        return "No accuracy was measured for this card. `hf-etc evaluate` measures it; `hf-etc push` then adds it."
    return "\n\n".join(_section(one, size) for one in evaluations)


def _section(one: Evaluation, size: str) -> str:
    split = f", split `{one.split}`" if one.split else ""
    rows = [f"| {name} | {100 * value:.2f} % |" for name, value in one.top1.items()]
    seed = "" if one.seed is None else f", seed {one.seed}"
    commit = f", hf-etc {one.commit[:10]}" if one.commit else ""
    return "\n".join(
        [
            f"Measured once with `hf-etc evaluate` on **{one.images} images** of `{one.dataset}`{split}, "
            f"{one.classes} classes, images of {size} pixels{seed}{commit}:",
            "",
            "| condition | top-1 accuracy |",
            "| --- | --- |",
            *rows,
            f"| guessing | {100 * one.chance:.2f} % |",
            "",
            f"One trained model, so without a spread over trainings; {_spread(one.images)} That is the whole scale of "
            "the claim: nothing was measured on other data, larger images or more classes.",
        ]
    )


def _spread(images: int) -> str:
    """How far chance alone moves an accuracy near 50 %, two standard deviations."""
    points = 100 / images**0.5
    return f"on {images} images an accuracy is uncertain by up to {points:.1f} points."


def _slug(name: str) -> str:
    return re.sub(r"[^\w./-]+", "-", name).strip("-") or "local"
