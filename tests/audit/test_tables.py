"""The page's tables are those of the records."""

from pathlib import Path

from hf_etc.audit.report.tables import main

ROOT = Path(__file__).resolve().parents[2]
PAGE, RESULTS = ROOT / "docs" / "audit.md", ROOT / "results"


def test_the_page_is_up_to_date():
    assert main(["--page", str(PAGE), "--results", str(RESULTS), "--check"]) == 0, "run it without --check"


def test_a_changed_page_is_noticed(tmp_path):
    changed = tmp_path / "audit.md"
    changed.write_text(PAGE.read_text(encoding="utf-8").replace("| ele |", "| ELE |", 1), encoding="utf-8")
    words = ["--page", str(changed), "--results", str(RESULTS)]
    assert main([*words, "--check"]) == 1
    assert main(words) == 0 and main([*words, "--check"]) == 0
