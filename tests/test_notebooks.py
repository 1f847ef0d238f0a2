"""The notebooks run, and neither they nor the Hub hold a key."""

import json
import re

import nbformat
import pytest

from hf_etc import EtcKey

from .notebooks import NOTEBOOKS, ROOT, run
from .secrets import find_secret

NAMES = [path.stem for path in NOTEBOOKS]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=NAMES)
def test_runs_without_telling_the_key(path, tmp_path):
    notebook, sent = run(path, tmp_path, after="key.save('after.key')")
    (kept,) = tmp_path.rglob("after.key")
    key = EtcKey.load(kept)
    assert find_secret(key, nbformat.writes(notebook)) == []
    assert find_secret(key, sent) == []
    assert [cell.source for cell in notebook.cells if cell.cell_type == "code" and cell.execution_count is None] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=NAMES)
def test_stored_with_small_outputs_of_no_machine(path):
    text = path.read_text(encoding="utf-8")
    cells = json.loads(text)["cells"]
    assert any(cell.get("outputs") for cell in cells) and len(text) < 200_000
    assert not re.search(r"hfetc2-|127\.0\.0\.1:\d|/(?:tmp|home|root|work|Users)/", text)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=NAMES)
def test_links_lead_somewhere(path):
    links = re.findall(r"\]\(([^)]+)\)", path.read_text(encoding="utf-8"))
    assert links
    assert not [link for link in links if not (path.parent / link.split("#")[0]).exists()]


def test_all_of_them_are_on_the_site():
    site = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert [name for name in NAMES if f"notebooks/{name}.md" not in site] == []
