"""What is measured: modules of the evaluate library that ship with the package and load offline."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evaluate import EvaluationModule

ACCURACY_PATH = Path(__file__).parent / "accuracy"


def load_accuracy() -> "EvaluationModule":
    """Top-1 accuracy, see :class:`hf_etc.metrics.accuracy.accuracy.Accuracy`.

    It keeps its inputs in memory, so any number of processes may use their own at once. For one result
    over several processes pass ``str(ACCURACY_PATH)`` to ``evaluate.load`` with `num_process`,
    `process_id` and `experiment_id`.

    Example:
        >>> load_accuracy().compute(predictions=[1, 0], references=[1, 1])
        {'accuracy': 0.5}
    """
    import evaluate

    return evaluate.load(str(ACCURACY_PATH), module_type="metric", keep_in_memory=True)
