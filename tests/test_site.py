"""The documentation as a site: it builds, no link leads nowhere, and nothing is fetched from elsewhere."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import hf_etc
from hf_etc.cli import COMMANDS

ROOT = Path(__file__).parents[1]
_FETCHED = re.compile(
    r"<(?:script|img|iframe|source)\b[^>]*\bsrc=\"?(https?:)?//|<link\b[^>]*\bhref=\"?(https?:)?//|@import|url\(\s*[\"']?https?:"
)


def build(out, config=ROOT / "mkdocs.yml"):
    command = [
        sys.executable,
        "-m",
        "mkdocs",
        "build",
        "--strict",
        "--site-dir",
        str(out),
        "-f",
        str(config),
    ]
    quiet = {"NO_MKDOCS_2_WARNING": "1", "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    return subprocess.run(command, cwd=ROOT, env=os.environ | quiet, capture_output=True, text=True)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    out = tmp_path_factory.mktemp("site")
    done = build(out)
    assert done.returncode == 0, done.stdout + done.stderr
    return out


@pytest.fixture(scope="module")
def pages(site):
    return {path.relative_to(site).as_posix(): path.read_text(encoding="utf-8") for path in site.rglob("*.html")}


def test_every_document_is_a_page(pages):
    names = {path.stem for path in (ROOT / "docs").glob("*.md")}
    assert {f"{name}.html" for name in names} | {"index.html", "project/CHANGELOG.html"} <= set(pages)


def test_home_is_the_readme(pages):
    heading = re.search(r"^## (.+)$", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert heading[1] in pages["index.html"]
    assert 'href="threat-model.html"' in pages["index.html"]


def test_links_and_pictures_lead_to_files(site, pages):
    for name, page in pages.items():
        if name == "404.html":  # made for the root of a server
            continue
        for target in re.findall(r"(?:href|src)=\"([^\"#?]+)", page):
            if not re.match(r"[a-z]+:", target):
                assert (site / name).parent.joinpath(target).exists(), (name, target)


def test_nothing_is_fetched_from_elsewhere(site, pages):
    texts = pages | {str(path): path.read_text(encoding="utf-8") for path in site.rglob("*.css")}
    assert [name for name, text in texts.items() if _FETCHED.search(text)] == []


def test_every_command_and_public_name_is_explained(pages):
    commands, names = pages["reference/command-line.html"], pages["reference/hf_etc.html"]
    assert [name for name in COMMANDS if f'id="hf-etc-{name}"' not in commands] == []
    assert [name for name in COMMANDS if not re.search(rf"usage: (hf-etc )?{name}\b", commands)] == []
    public = set(hf_etc.__all__) - {"__version__"}
    assert [name for name in public if not re.search(rf'id="hf_etc\.[\w.]*\b{name}"', names)] == []
    assert "&gt;&gt;&gt;" in names and ":class:" not in names


def test_a_link_that_leads_nowhere_fails(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text("# Home\n\n[lost](nowhere.md)\n")
    (tmp_path / "mkdocs.yml").write_text("site_name: test\n")
    assert "nowhere.md" in build(tmp_path / "out", tmp_path / "mkdocs.yml").stderr
