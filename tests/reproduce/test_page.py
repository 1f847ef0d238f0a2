"""The result page says what the records say, and nothing else."""

import json
import re
import shutil
from pathlib import Path

from hf_etc.commands.reproduce import main
from hf_etc.experiments.store import Store
from hf_etc.reproduce import NAMES, load
from hf_etc.reproduce.page import publish, render

ROOT = Path(__file__).parents[2]
RESULTS, DOCS = ROOT / "results", ROOT / "docs"


def test_the_page_in_the_repository_is_made_from_the_records():
    assert (DOCS / "results.md").read_text(encoding="utf-8") == render(load(NAMES), Store(RESULTS))


def test_the_page_shows_plots_that_exist():
    shown = re.findall(r"!\[[^]]+\]\(([^)]+)\)", (DOCS / "results.md").read_text(encoding="utf-8"))
    assert len(shown) >= 4
    for name in shown:
        assert (DOCS / name).stat().st_size > 5_000, name


def test_a_changed_record_changes_the_page(tmp_path):
    shutil.copytree(RESULTS / "table4", tmp_path / "table4")
    path = tmp_path / "table4" / "jpeg-85-444-etc.paper.json"
    record = json.loads(path.read_text())
    before = render(load(["table4"]), Store(tmp_path))
    record["results"]["value"] = 12.345
    path.write_text(json.dumps(record))
    after = render(load(["table4"]), Store(tmp_path))
    assert "| 12.35 |" not in before.replace("12.345", "12.35") and before != after
    assert re.search(r"jpeg 85 4:4:4 \| EtC \| 69\.00 \| 12\.3", after)
    path.unlink()
    assert "jpeg 85 4:4:4 | EtC | 69.00 | not measured" in render(load(["table4"]), Store(tmp_path))


def test_every_cell_of_the_comparison_tables_is_in_the_page():
    page = render(load(NAMES), Store(RESULTS))
    for one in load(["table2", "table3", "fig6"]):
        for cell in one.cells:
            assert " | ".join(cell.labels.values()) in page, cell.name


def test_an_empty_store_gives_a_page_without_figures(tmp_path):
    page = publish(load(NAMES), Store(tmp_path / "results"), tmp_path / "docs").read_text()
    assert page.count("not measured") > 100
    assert not re.search(r"\| (smoke|small|paper) \|", page)


def test_page_can_be_written_without_measuring(tmp_path, capsys):
    shutil.copytree(RESULTS / "table4", tmp_path / "results" / "table4")
    assert main(["--page", "--out", str(tmp_path)]) == 0
    written = (tmp_path / "docs" / "results.md").read_text()
    assert "| jpeg 85 4:4:4 | EtC | 69.00 | 66." in written
    assert (tmp_path / "docs" / "figures" / "kodak.png").is_file()
    assert "..." not in capsys.readouterr().out


def test_records_hold_no_paths_of_a_machine():
    for path in RESULTS.glob("*/*.json"):
        assert not re.search(r'"(/|[A-Z]:\\)', path.read_text()), path.name
