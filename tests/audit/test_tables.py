"""The page's tables are those of the records."""

from pathlib import Path

import pytest

from hf_etc.audit.report.tables import TABLES, fill, main
from hf_etc.errors import ParameterError

ROOT = Path(__file__).resolve().parents[2]
PAGE, RESULTS = ROOT / "docs" / "audit.md", ROOT / "results"


def test_the_page_is_up_to_date():
    page = PAGE.read_text(encoding="utf-8")
    assert fill(page, RESULTS) == page, "run python -m hf_etc.audit.report.tables"
    assert all(f"<!-- table: {name} -->" in page for name in TABLES)


def test_a_changed_page_is_noticed(tmp_path):
    changed = tmp_path / "audit.md"
    changed.write_text(PAGE.read_text(encoding="utf-8").replace("| ele |", "| ELE |", 1), encoding="utf-8")
    words = ["--page", str(changed), "--results", str(RESULTS)]
    assert main([*words, "--check"]) == 1
    assert main(words) == 0 and main([*words, "--check"]) == 0


def test_an_unknown_table_is_refused():
    with pytest.raises(ParameterError, match="no table is named 'x'"):
        fill("<!-- table: x -->\n<!-- end -->", RESULTS)
