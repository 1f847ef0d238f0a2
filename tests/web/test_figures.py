"""The figures of docs/browser.md are those of the results, and the results carry what is needed to repeat them."""

import json

import pytest

from hf_etc.experiments.page import fill, rewrite

from .figures import EARLIER, PAGE, RESULT, SERVED, SPACE, TABLES


def test_page_agrees_with_the_results():
    assert rewrite(PAGE, TABLES, check=True), "run: python -m tests.web.figures"


def test_an_altered_figure_is_noticed():
    page = PAGE.read_text(encoding="utf-8")
    figure = str(json.loads(RESULT.read_text())["results"]["encrypt_ms"]["224"]["median"])
    assert fill(page.replace(figure, "0.001"), TABLES) == page


@pytest.mark.parametrize("path", [RESULT, SPACE, SERVED, EARLIER], ids=lambda path: path.name)
def test_results_are_records(path):
    record = json.loads(path.read_text())
    assert {"command", "commit", "data", "settings", "hardware", "versions", "results"} <= record.keys()
    assert record["versions"]["pillow"] and record["hardware"]["cores"]


def test_what_was_promised():
    """Not a timing of this run: of the published ones."""
    measured, space = (json.loads(path.read_text())["results"] for path in (RESULT, SPACE))
    assert measured["encrypt_ms"]["224"]["median"] < 10
    assert measured["encrypt_ms"]["4096"]["median"] < 1000
    earlier, served = (json.loads(path.read_text())["results"] for path in (EARLIER, SERVED))
    assert all(served["load"][line]["usable, s"] < found["usable, s"] for line, found in earlier["load"].items())
    assert all(served["load"][line]["first text, s"] < 1.5 for line in served["load"])
    stalls = {size: earlier["stalls"][size]["longest task, ms"] for size in served["stalls"]}
    assert all(2 * found["longest task, ms"] < stalls[size] for size, found in served["stalls"].items())
    assert all(one["lost"] == one["other answer than alone"] == 0 for one in space["load"].values())
    refused = space["malformed"]
    assert sum(refused["refused"].values()) == refused["bodies"] >= 1000
    ignored = space["uncollected"]
    assert ignored["requests"] >= 10_000 and ignored["visitor"]["lost"] == 0 < ignored["visitor"]["answers"]
    assert ignored["memory, MiB"]["largest"] - ignored["memory, MiB"]["before"] < 200 and not ignored["files left"]
    assert refused["right answer afterwards"] and not refused["not refused"] and not refused["files left"]
