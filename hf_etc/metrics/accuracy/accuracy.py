"""Top-1 accuracy as a module of the evaluate library; it needs neither the network nor scikit-learn."""

from typing import Any

import datasets
import evaluate
import numpy as np

from hf_etc.errors import ParameterError  # absolute: evaluate runs a copy of this file elsewhere

_DESCRIPTION = "The share of images whose predicted class is the reference class (top-1)."
_INPUTS = """
Args:
    predictions: (N,) integer class ids, such as logits.argmax(-1).
    references: (N,) integer class ids.

Returns:
    accuracy: between 0 and 1.
"""


class Accuracy(evaluate.Metric):
    """Top-1 accuracy.

    Raises:
        ParameterError: no images, different numbers of predictions and references, or anything but
            one-dimensional integers. evaluate itself would round probabilities down to class ids.

    Example:
        >>> Accuracy(keep_in_memory=True).compute(predictions=[0, 1, 2, 2], references=[0, 1, 2, 3])
        {'accuracy': 0.75}
    """

    def _info(self) -> evaluate.MetricInfo:
        ids = {"predictions": datasets.Value("int64"), "references": datasets.Value("int64")}
        return evaluate.MetricInfo(
            description=_DESCRIPTION, citation="", inputs_description=_INPUTS, features=datasets.Features(ids)
        )

    def compute(self, *, predictions: Any = None, references: Any = None) -> dict[str, float] | None:
        """The accuracy over everything added so far and these; None in all but the first of several processes."""
        if predictions is None and references is None and len(self) == 0:
            raise ParameterError("no predictions; pass them to compute, or call add_batch before")
        return super().compute(predictions=predictions, references=references)

    def add_batch(self, *, predictions: Any = None, references: Any = None) -> None:
        """Add a batch."""
        predictions, references = _class_ids("predictions", predictions), _class_ids("references", references)
        if len(predictions) != len(references):
            raise ParameterError(f"{len(predictions)} predictions for {len(references)} references; pass one for each")
        super().add_batch(predictions=predictions, references=references)

    def add(self, *, prediction: Any = None, reference: Any = None) -> None:
        """Add one image."""
        self.add_batch(predictions=[prediction], references=[reference])

    def _compute(self, *, predictions: Any = None, references: Any = None) -> dict[str, float]:
        return {"accuracy": float(np.mean(np.asarray(predictions) == np.asarray(references)))}


def _class_ids(name: str, values: Any) -> np.ndarray:
    array = np.asarray(values)
    if array.ndim != 1 or len(array) == 0 or array.dtype.kind not in "iu":
        raise ParameterError(
            f"{name} of shape {array.shape} and {array.dtype}: pass (N,) integer class ids, N at least 1, "
            "such as logits.argmax(-1)"
        )
    return array
