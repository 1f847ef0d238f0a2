"""The tables of docs/block-forms.md say what the records say."""

import pytest

from hf_etc.experiments.page import rewrite
from tests.models.figures import LARGE, PAGE, SMALL, TABLES, forms, records


def test_the_tables_are_those_of_the_records():
    assert rewrite(PAGE, TABLES, check=True), "run: python -m tests.models.figures"


@pytest.mark.parametrize("names", [SMALL, LARGE])
def test_every_measurement_is_in_its_table(names):
    measured = sum(len(record["results"]) for record in records(names))
    assert sum(row.split("|")[-2].count(",") + 1 for row in forms(names).splitlines()[2:]) == measured > 0
