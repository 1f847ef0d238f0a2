"""The generated blocks of a page are made anew, and everything around them stays."""

import pytest

from hf_etc.errors import ParameterError
from hf_etc.experiments.page import fill, rewrite, table

PAGE = """# Page
<!-- table: one -->

| old |

<!-- end -->
between
<!-- table: two -->
old
<!-- end -->
"""
TABLES = {"two": lambda: "second", "one": lambda: "first\n\nof two"}


def test_blocks_are_replaced_whole():
    assert fill(PAGE, TABLES) == PAGE.replace("| old |", "first\n\nof two").replace("\nold\n", "\nsecond\n")
    assert fill(fill(PAGE, TABLES), TABLES) == fill(PAGE, TABLES)


def test_an_empty_block_is_filled():
    assert fill("<!-- table: a -->\n<!-- end -->", {"a": lambda: "x"}) == "<!-- table: a -->\nx\n<!-- end -->"


@pytest.mark.parametrize("page", [PAGE.replace("table: two", "table: three"), PAGE + PAGE, ""])
def test_a_page_with_other_blocks_is_refused(page):
    with pytest.raises(ParameterError, match="one block each of two, one; it has"):
        fill(page, TABLES)


def test_rewrite_says_whether_the_page_was_up_to_date(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    assert not rewrite(page, TABLES, check=True) and page.read_text() == PAGE
    assert not rewrite(page, TABLES) and page.read_text() == fill(PAGE, TABLES)
    assert rewrite(page, TABLES, check=True)


def test_a_table_without_rows():
    assert table(["a", "b"], []) == "| a | b |\n| --- | --- |"
