"""The runner: what is measured stays measured, a kill loses one cell at most, and nothing missing is hidden."""

import json
import subprocess
import sys
from functools import partial

import pytest

from hf_etc.commands.reproduce import main
from hf_etc.errors import EtcError, ParameterError
from hf_etc.experiments.cells import Cell, Experiment, NotMeasured
from hf_etc.experiments.lab import Lab
from hf_etc.experiments.runner import run
from hf_etc.experiments.store import Store
from hf_etc.reproduce import NAMES, load

SILENT = {"say": lambda line: None}


def experiment(*cells, name="table9"):
    return Experiment(name, "Table IX", cells, lambda store: "")


def counting(calls, name, value=1.0):
    def measure(lab):
        calls.append(name)
        return {"value": value}

    return Cell(name, measure, {"row": name}, published=2.0)


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "results")


@pytest.fixture
def lab(tmp_path):
    return Lab("smoke", tmp_path / "work")


def test_a_measured_cell_is_not_measured_again(store, lab):
    calls, lines = [], []
    one = experiment(counting(calls, "a"), counting(calls, "b"))
    assert run([one], lab, store, **SILENT) == {}
    assert run([one], lab, store, say=lines.append) == {}
    assert calls == ["a", "b"]
    assert lines == ["[1/2] table9 a: done before", "[2/2] table9 b: done before"]


def test_the_time_left_is_estimated_from_the_cells_that_were_measured(store, lab, monkeypatch):
    clock = iter(range(0, 10_000, 50))  # three looks at it for each cell
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    run([experiment(counting([], "b"))], lab, store, **SILENT)
    lines = []
    run([experiment(*(counting([], name) for name in "abcde"))], lab, store, say=lines.append)
    assert [line for line in lines if line.endswith(("cells", "cell", " s"))] == [
        "    150 s; about 8 min left for 3 cells",
        "    150 s; about 5 min left for 2 cells",
        "    150 s; about 2 min left for 1 cell",
        "    150 s",
    ]


def test_a_record_says_what_was_measured(store, lab):
    run([experiment(counting([], "a", 0.25))], lab, store, **SILENT)
    record = json.loads(store.path("table9", "a", "smoke").read_text())
    assert record["results"] == {"value": 0.25}
    assert record["settings"]["published"] == 2.0 and record["settings"]["labels"] == {"row": "a"}
    assert record["command"] == "hf-etc reproduce table9 --scale smoke"
    assert record["seed"] == 42 and record["data"]["scale"] == "smoke"
    assert {"hardware", "versions", "commit"} <= set(record)


def test_another_scale_or_seed_is_another_measurement(store, tmp_path):
    calls = []
    one = experiment(counting(calls, "a"))
    for scale, seed in (("smoke", 42), ("small", 42), ("small", 7), ("small", 7)):
        run([one], Lab(scale, tmp_path, seed=seed), store, **SILENT)
    assert len(calls) == 3
    assert {path.name for path in store.folder.rglob("*")} == {
        "table9",
        "a.smoke.json",
        "a.small.json",
        "a.small.seed7.json",
    }


def test_find_takes_the_largest_scale_and_all_its_seeds(store, tmp_path):
    assert store.find("table9", "a") is None
    for scale, seed, value in (("smoke", 42, 9.0), ("small", 42, 1.0), ("small", 7, 2.0)):
        run([experiment(counting([], "a", value))], Lab(scale, tmp_path, seed=seed), store, **SILENT)
        run([experiment(counting([], "a-other", 100.0))], Lab("paper", tmp_path), store, **SILENT)
    found = store.find("table9", "a")
    assert (found.scale, found.value, len(found.records)) == ("small", 1.5, 2)
    assert found.spread == pytest.approx(0.5**0.5)


def test_what_cannot_be_measured_is_listed_and_the_rest_goes_on(store, lab):
    def refuse(lab):
        raise NotMeasured("needs a thing")

    calls, lines = [], []
    one = experiment(Cell("x", refuse), counting(calls, "a"), Cell("y", refuse))
    assert run([one], lab, store, say=lines.append) == {"needs a thing": ["table9 x", "table9 y"]}
    assert calls == ["a"] and not store.has("table9", "x", "smoke")
    assert lines.count("    not measured: needs a thing") == 2


def test_other_errors_end_the_run_without_a_record(store, lab):
    def fail(lab):
        raise ParameterError("broken")

    with pytest.raises(ParameterError, match="broken"):
        run([experiment(Cell("x", fail))], lab, store, **SILENT)
    assert not store.folder.exists()


def test_only_chooses_cells(store, lab):
    calls = []
    run([experiment(counting(calls, "jpeg-85"), counting(calls, "webp"))], lab, store, only="jpeg-*", **SILENT)
    assert calls == ["jpeg-85"]


KILLED = """
import os, signal, sys
from pathlib import Path
from hf_etc.experiments.cells import Cell, Experiment
from hf_etc.experiments.lab import Lab
from hf_etc.experiments.runner import run
from hf_etc.experiments.store import Store

folder, where = Path(sys.argv[1]), sys.argv[2]

def die(*args, **kwargs):
    os.kill(os.getpid(), signal.SIGKILL)

def measure(name, lab):
    (folder / "calls").open("a").write(name)
    if name == "b" and where == "measuring":
        die()
    if name == "b" and where == "writing":
        Path.replace = die
    return {"value": 1.0}

cells = [Cell(name, lambda lab, name=name: measure(name, lab)) for name in "abc"]
run([Experiment("table9", "", cells, lambda store: "")], Lab("smoke", folder), Store(folder / "results"))
"""


@pytest.mark.parametrize("where", ["measuring", "writing"])
def test_a_killed_run_goes_on_and_leaves_nothing_half_written(where, tmp_path):
    def go(where):
        return subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), where], capture_output=True, text=True)

    assert go(where).returncode == -9
    store = Store(tmp_path / "results")
    records = sorted(path.name for path in (store.folder / "table9").glob("*.json"))
    assert records == ["a.smoke.json"]
    assert store.find("table9", "b") is None
    done = go("nowhere")
    assert done.returncode == 0, done.stderr
    assert "table9 a: done before" in done.stdout
    assert (tmp_path / "calls").read_text() == "abbc"
    for name in "abc":
        assert store.find("table9", name).value == 1.0


def test_a_dataset_that_was_being_prepared_is_prepared_anew(lab):
    def fail(folder):
        folder.mkdir()
        (folder / "half").touch()
        raise EtcError("killed")

    with pytest.raises(EtcError, match="killed"):
        lab.made("data", fail)
    folder = lab.made("data", lambda folder: folder.mkdir())
    assert list(folder.iterdir()) == []
    assert lab.made("data", fail) == folder


def test_every_experiment_is_declared_alike():
    for name, one in zip(NAMES, load(NAMES), strict=True):
        names = [cell.name for cell in one.cells]
        assert one.name == name and names and len(set(names)) == len(names)
        assert all(name == name.lower() and "/" not in name and " " not in name for name in names)


def test_command_line(tmp_path, capsys):
    out = ["--out", str(tmp_path)]
    assert main(["table1", "table2", "--only", "*adapt*-ele*", *out]) == 0
    printed = capsys.readouterr().out
    assert "table1 adaptation-ele ..." in printed and f"Result page: {tmp_path / 'docs' / 'results.md'}" in printed
    assert json.loads((tmp_path / "results/table1/adaptation-ele.smoke.json").read_text())["results"]["value"] > 4e7
    with pytest.raises(ParameterError, match=r"nothing named 'table5' .* table1, .* or all"):
        main(["table5", *out])
    with pytest.raises(ParameterError, match=r"name table1, .* or all"):
        main(out)


def test_missing_data_gives_one_line(tmp_path):
    with pytest.raises(ParameterError, match="no folder cifar10"):
        Lab("small", tmp_path, data=tmp_path).images("cifar10", 3)
    with pytest.raises(NotMeasured, match="LPIPS weights"):
        Lab("smoke", tmp_path).lpips()
    with pytest.raises(ParameterError, match="24 are needed"):
        Lab("small", tmp_path, data=tmp_path).photographs(24)


def test_the_lab_serves_embedded_data(lab):
    images = lab.images("cifar10", 5)
    assert images.shape == (5, 32, 32, 3) and images.dtype == "uint8" and images.std() > 10
    assert lab.images("cifar10", 5) is images
    assert lab.images("imagenette", 4).shape == (4, 64, 64, 3)
    assert [photograph.shape for photograph in lab.photographs(2)] == [(256, 384, 3)] * 2
    assert partial(lab.amount, 1, 2, 3)() == 1
