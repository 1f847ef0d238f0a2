"""What the documents name exists, and what they show runs."""

import ast
import re
import tomllib
from pathlib import Path

import pytest
import yaml

import hf_etc
from hf_etc.cli import COMMANDS

ROOT = Path(__file__).parents[1]
DOCS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
TEXTS = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in DOCS}
FOLDERS = ("benchmarks", "docs", "examples", "hf_etc", "results", "spaces", "tests", "website")


def named_paths(text):
    """Targets of links, and paths below the top-level folders that stand in code."""
    links = [target.split("#")[0] for target in re.findall(r"\]\(([^)]+)\)", text) if "://" not in target]
    return {path for path in links if path}, set(re.findall(rf"\b(?:{'|'.join(FOLDERS)})/[\w./-]*\w", text))


@pytest.mark.parametrize("name", TEXTS)
def test_named_paths_exist(name):
    links, paths = named_paths(TEXTS[name])
    assert not [link for link in links if not (ROOT / name).parent.joinpath(link).exists()]
    assert not [path for path in paths if not (ROOT / path).exists()]


@pytest.mark.parametrize("name", TEXTS)
def test_named_commands_exist(name):
    named = set(re.findall(r"(?:^|`)(?:[A-Z_]+=\S+ )*hf-etc ([a-z]+)", TEXTS[name], re.MULTILINE))
    assert named <= set(COMMANDS)


@pytest.mark.parametrize("name", TEXTS)
def test_python_blocks_parse_and_import_what_exists(name):
    for block in re.findall(r"```python\n(.*?)```", TEXTS[name], re.DOTALL):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and node.module == "hf_etc":
                assert {alias.name for alias in node.names} <= set(hf_etc.__all__)


def test_the_checks_see_mistakes():
    links, paths = named_paths("[a](docs/none.md) and `examples/recipes/none.yaml`, [b](https://example.org)")
    assert (links, paths) == ({"docs/none.md"}, {"docs/none.md", "examples/recipes/none.yaml"})


def test_changelog_and_citation_are_of_this_version():
    heading = re.search(r"^## \[(.+?)\]", TEXTS["CHANGELOG.md"], re.MULTILINE)
    assert heading[1] == hf_etc.__version__
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == hf_etc.__version__ and citation["license"] == "Apache-2.0"
    (paper,) = citation["references"]
    assert [author["family-names"] for author in paper["authors"]] == ["MaungMaung", "Kiya"]


@pytest.mark.parametrize("name", TEXTS)
def test_named_make_targets_exist(name):
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(re.findall(r"(?:^|`)make ([a-z]+)", TEXTS[name], re.MULTILINE)) <= set(targets)


def test_make_help_lists_every_target():
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = re.search(r"^\.PHONY: (.*)$", text, re.MULTILINE)[1].split()
    assert sorted(phony) == sorted(re.findall(r"^([a-z]+):.*## ", text, re.MULTILINE))


def test_everything_is_packaged():
    """Files that are no Python modules are named in the package data."""
    patterns = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]["hf_etc"]
    packaged = {file for pattern in patterns for file in (ROOT / "hf_etc").glob(pattern)}
    data = [p for p in (ROOT / "hf_etc").rglob("*") if p.is_file() and p.suffix not in (".py", ".pyc", ".pyi")]
    assert set(data) <= packaged
