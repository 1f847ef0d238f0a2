"""The table of docs/block-forms.md says what the record says."""

from hf_etc.experiments.page import rewrite
from tests.models.figures import PAGE, RECORD, TABLES, forms


def test_the_table_is_that_of_the_record():
    assert rewrite(PAGE, TABLES, check=True), "run: python -m tests.models.figures"


def test_every_measurement_is_in_the_table():
    assert sum(row.split("|")[-2].count(",") + 1 for row in forms().splitlines()[2:]) == len(RECORD["results"])
