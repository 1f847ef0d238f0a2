"""The accuracy module: it loads offline, in several processes at once, and refuses what is not class ids."""

import os
import subprocess
import sys

import evaluate
import numpy as np
import pytest
import torch

from hf_etc.errors import ParameterError
from hf_etc.metrics import load_accuracy

TWO_PROCESSES = """
import socket, sys

def refuse(*_):
    raise AssertionError("no network")

socket.socket.connect = socket.getaddrinfo = refuse
sys.modules["sklearn"] = None  # importing it raises
from hf_etc.metrics import ACCURACY_PATH, load_accuracy

assert not {"torch", "evaluate", "datasets"} & sys.modules.keys()
rank = int(sys.argv[1])
for _ in range(10):
    print(load_accuracy().compute(predictions=[rank, 1], references=[0, 1]))

import evaluate

both = evaluate.load(str(ACCURACY_PATH), num_process=2, process_id=rank, experiment_id="both")
both.add_batch(predictions=[rank, 1], references=[0, 1])
print(both.compute())
"""


@pytest.fixture(scope="module")
def accuracy():
    return load_accuracy()


@pytest.mark.parametrize("make", [list, np.array, torch.tensor, lambda ids: np.array(ids, np.uint8), tuple])
def test_share_of_equal_class_ids(accuracy, make):
    assert accuracy.compute(predictions=make([0, 1, 2, 2, 7]), references=make([0, 1, 2, 3, 0])) == {"accuracy": 0.6}
    assert accuracy.compute(predictions=make([4]), references=make([4])) == {"accuracy": 1.0}


def test_batches_add_up_and_compute_starts_again(accuracy):
    accuracy.add_batch(predictions=[0, 1, 2], references=[0, 1, 1])
    accuracy.add_batch(predictions=[5], references=[4])
    accuracy.add(prediction=3, reference=3)
    assert accuracy.compute() == {"accuracy": 0.6}
    accuracy.add_batch(predictions=[5], references=[4])
    assert accuracy.compute(predictions=[1], references=[1]) == {"accuracy": 0.5}
    with pytest.raises(ParameterError, match="no predictions"):
        accuracy.compute()


def test_many_images():
    rng = np.random.default_rng(0)
    predictions, references = rng.integers(0, 10, (2, 60_000))
    result = load_accuracy().compute(predictions=predictions, references=references)
    assert result == {"accuracy": np.count_nonzero(predictions == references) / 60_000}


@pytest.mark.parametrize(
    ("predictions", "references", "message"),
    [
        ([], [], "N at least 1"),
        ([1, 2, 3], [1, 2], "3 predictions for 2 references"),
        ([0.9, 0.1], [0, 1], "integer class ids"),
        (np.array([1.0]), [1], "integer class ids"),
        (np.zeros((2, 3)), [0, 1], "argmax"),
        ([[1, 2]], [1], "argmax"),
        (["1"], [1], "integer class ids"),
        ([None], [1], "integer class ids"),
        ([True], [1], "integer class ids"),
        (3, 3, "integer class ids"),
        ([1], None, "references of shape"),
        (None, [1], "predictions of shape"),
    ],
)
def test_anything_else_raises_and_leaves_nothing_behind(accuracy, predictions, references, message):
    for method in accuracy.compute, accuracy.add_batch:
        with pytest.raises(ParameterError, match=message) as caught:
            method(predictions=predictions, references=references)
        assert "\n" not in str(caught.value)
    assert len(accuracy) == 0
    assert accuracy.compute(predictions=[1, 1], references=[1, 0]) == {"accuracy": 0.5}


def test_combine():
    both = evaluate.combine({"plain": load_accuracy(), "encrypted": load_accuracy()})
    both.add_batch(predictions=[0, 1], references=[0, 0])
    assert both.compute() == {"plain_accuracy": 0.5, "encrypted_accuracy": 0.5}
    assert evaluate.combine([load_accuracy()]).compute([0, 1], [0, 1]) == {"accuracy": 1.0}


def test_loads_offline_in_two_processes_at_once(tmp_path):
    """With one empty cache: each its own accuracy, then the documented one over both."""
    environment = os.environ | {"HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", TWO_PROCESSES, str(rank)],
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for rank in range(2)
    ]
    results = [(process.communicate(timeout=300), process.returncode) for process in processes]
    assert [code for _, code in results] == [0, 0], results
    first, second = (output.splitlines() for (output, _), _ in results)
    assert first == ["{'accuracy': 1.0}"] * 10 + ["{'accuracy': 0.75}"]
    assert second == ["{'accuracy': 0.5}"] * 10 + ["None"]
