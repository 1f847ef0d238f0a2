"""The published pages say what the records in results/ say."""

import runpy
from pathlib import Path

import pytest

from hf_etc.experiments.page import rewrite
from hf_etc.experiments.store import Store
from hf_etc.frontier.page import frontier
from hf_etc.frontier.settings import usual_settings

ROOT = Path(__file__).parents[2]
STORE = Store(ROOT / "results")


def test_the_frontier_is_that_of_the_records():
    name = "frontier_imagenette_224"
    report = frontier(name, usual_settings([16], (224, 224))).report(STORE)
    assert "| `image-16-gap12-jitter12` |" in report
    assert (ROOT / "docs" / f"{name}.md").read_text().endswith(report + "\n")


def test_the_tables_of_the_base_models_are_those_of_the_records():
    pytest.importorskip("sklearn.metrics", reason="the benchmark measures with scikit-learn, of the demo extra")
    tables = runpy.run_path(str(ROOT / "benchmarks" / "base_model.py"))["tables"]
    assert rewrite(ROOT / "docs" / "base-model.md", tables(STORE), check=True)
