"""docs/performance.md and the other tables of benchmarks say what the records say."""

import importlib.util
import json
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "page.py"


@pytest.fixture
def page():
    spec = importlib.util.spec_from_file_location("performance_page", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_current(page):
    assert page.main(["--check"]) == 0, "run: python benchmarks/page.py"


def test_another_record_makes_another_page(page, tmp_path, monkeypatch):
    name, file = "encryption", page.SECTIONS["encryption"][1]
    record = json.loads((page.RESULTS / file).read_text())
    record["results"]["batch"]["key for all, ms per image"] *= 2
    (tmp_path / file).write_text(json.dumps(record))
    before = page.section(name)
    monkeypatch.setattr(page, "RESULTS", tmp_path)
    assert page.section(name) != before
    assert page.section("pipeline").startswith("Not measured")


def test_sizes_of_the_presets_are_shares_of_the_plain_files(page, tmp_path, monkeypatch):
    record = json.loads((page.RESULTS / page.PRESET_SIZES).read_text())
    found = record["results"]["bytes per picture"]
    assert found["strict"]["sent"] < found["private"]["sent"] < found["paper"]["sent"] == found["plain"]["sent"] == 1
    found |= {"plain": {"sent": 1, "any": 1000}, "private": {"sent": 0.25, "any": 300}}
    record["results"]["bytes per picture"] = {name: found[name] for name in ("plain", "private")}
    (tmp_path / page.PRESET_SIZES).write_text(json.dumps(record))
    monkeypatch.setattr(page, "RESULTS", tmp_path)
    assert "| private | 25.0 % | 300 (30 %) |" in page.preset_sizes()


@pytest.mark.parametrize("rates", [(50.0, 100.0), (100.0, 50.0)])
def test_the_ratio_is_of_the_measured_over_its_peer(page, rates):
    ways = dict(zip(("as before", "faster"), rates, strict=True))
    (row,) = page.training({"images per second, one thread": {"any": ways}})
    assert row.ratio == rates[1] / rates[0]
