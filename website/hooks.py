"""Pages of the site that are no files of docs/: the README as home, references, notebooks, files of the project.

Links that lead into the repository become links to where it is hosted, if `repo_url` of mkdocs.yml says so, and names
otherwise. Records in results/ that a page links to are part of the site.
"""

import contextlib
import html
import io
import json
import os
import posixpath
import re
from collections.abc import Mapping, Sequence
from importlib import import_module
from inspect import isclass, isroutine
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from hf_etc.cli import COMMANDS
from hf_etc.cli import main as command_line

ROOT = Path(__file__).resolve().parents[1]
PROJECT = ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
HOME = {"index.md": "README.md", **{f"project/{name}": name for name in PROJECT}}  # page -> file of the repository
ROOMS: dict[str, dict[str, Sequence[str]]] = {  # page -> module -> names that it shows, where not all public ones
    "hf_etc": {"hf_etc": ()},
    "hub": {"hf_etc.hub": ()},
    "audit": {"hf_etc.audit": ()},
    "gradio": {"hf_etc.gradio": ()},
    "client": {
        "hf_etc.client.classify": ["EncryptedClassifier"],
        "hf_etc.client.remote": ["RemoteClassifier"],
        "hf_etc.client.own_page.server": ["OwnPage"],
        "hf_etc.client.own_page.single_file": ["build", "write"],
    },
    "metrics": {"hf_etc.metrics": (), "hf_etc.metrics.similarity": (), "hf_etc.metrics.compression": ()},
}
LONG = 100  # lines of a help text that is folded away
_BADGE = re.compile(r"^\[!\[.*\n", re.MULTILINE)  # a picture that some server would be asked for
_LINK = re.compile(r"\[([^\[\]]+)\]\(([^)\s]+)\)")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Documents that the navigation does not name stand behind the guides."""
    (guides,) = (section["Guides"] for section in config.nav or () if "Guides" in section)
    guides += sorted(
        path.name for path in Path(config.docs_dir).glob("*.md") if f"'{path.name}'" not in str(config.nav)
    )
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made, and the records that pages link to."""
    made = {place: (ROOT / name).read_text(encoding="utf-8") for place, name in HOME.items()}
    made["index.md"] = _BADGE.sub("", made["index.md"])
    made["reference/command-line.md"] = command_line_page()
    made |= {
        f"reference/{page}.md": names_page("hf_etc" if page == "hf_etc" else f"hf_etc.{page}", modules)
        for page, modules in ROOMS.items()
    }
    made |= {f"notebooks/{path.stem}.md": notebook_page(path) for path in notebooks()}
    made["style.css"] = (ROOT / "website" / "style.css").read_text(encoding="utf-8")
    for place, text in made.items():
        files.append(File.generated(config, place, content=text))
    texts = [path.read_text(encoding="utf-8") for path in Path(config.docs_dir).glob("*.md")]
    for path in notebooks():
        files.append(File.generated(config, f"notebooks/{path.name}", abs_src_path=str(path)))
    for record in sorted({name for text in texts for name in re.findall(r"\]\(\.\./(results/[\w./-]+)\)", text)}):
        files.append(File.generated(config, record, abs_src_path=str(ROOT / record)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let links lead to pages of the site, wherever the file that they name is in the repository."""
    here = page.file.src_uri
    origins = HOME | {f"notebooks/{path.stem}.md": f"examples/notebooks/{path.name}" for path in notebooks()}
    places = {name: place for place, name in origins.items()}

    def rewritten(match: re.Match[str]) -> str:
        text, target = match.groups()
        path, mark, anchor = target.partition("#")
        if "://" in target or not path:
            return match[0]
        name = posixpath.normpath(posixpath.join(posixpath.dirname(origins.get(here, f"docs/{here}")), path))
        place = places.get(name, name.removeprefix("docs/"))
        if files.get_file_from_path(place) is not None:
            return f"[{text}]({posixpath.relpath(place, posixpath.dirname(here) or '.')}{mark}{anchor})"
        if not (ROOT / name).exists():
            return match[0]  # and the build fails
        if config.repo_url:
            return f"[{text}]({config.repo_url.rstrip('/')}/blob/HEAD/{name})"
        return text if text == name else f"{text} (`{name}`)"

    return _LINK.sub(rewritten, markdown)


def on_page_content(content: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Figures in tables stay in one piece."""
    return re.sub(r"<td.*?</td>", lambda cell: re.sub(r"(?<=\d) (?=[%±])|(?<=±) (?=\d)", "&nbsp;", cell[0]), content)


def command_line_page() -> str:
    """What ``--help`` says of each subcommand."""
    sections = [f"# The command `hf-etc`\n\n{_block(help_of())}"]
    for name in COMMANDS:
        text = help_of(name)
        folded = text.count("\n") > LONG
        body = _block(text)
        if folded:
            body = '??? note "All options"\n\n' + "".join(f"    {line}\n" for line in body.splitlines())
        sections.append(f"## hf-etc {name}\n\n{body}")
    return "\n\n".join(sections)


def help_of(*words: str) -> str:
    """The help text of a subcommand, in 80 columns and without colours."""
    text = io.StringIO()
    os.environ |= {"COLUMNS": "80", "NO_COLOR": "1"}
    with contextlib.redirect_stdout(text), contextlib.suppress(SystemExit):
        command_line([*words, "--help"])
    return text.getvalue()


def names_page(title: str, modules: Mapping[str, Sequence[str]]) -> str:
    """The docstrings of some modules and of their public names."""
    parts = [f"# {title}"]
    for module, names in ((import_module(name), names) for name, names in modules.items()):
        if len(modules) > 1:
            parts.append(f"**`{module.__name__}`**")
        parts.append(re.sub(r":(?:class|func|meth|mod):`~?", "`", (module.__doc__ or "").strip()))
        found = (getattr(module, name) for name in names or public(module))
        parts += [f"::: {one.__module__}.{one.__qualname__}" for one in found if isclass(one) or isroutine(one)]
    return "\n\n".join(parts)


def public(module: Any) -> Sequence[str]:
    """The names that a module has for others."""
    own = (name for name, thing in vars(module).items() if getattr(thing, "__module__", "") == module.__name__)
    return getattr(module, "__all__", None) or [name for name in own if not name.startswith("_")]


def notebooks() -> list[Path]:
    """In the order of their names."""
    return sorted((ROOT / "examples" / "notebooks").glob("*.ipynb"))


def notebook_page(path: Path) -> str:
    """A notebook as Markdown, with what its cells gave."""
    parts = []
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(source)
            continue
        parts.append(_block(source, "python"))
        parts += [_output(output) for output in cell.get("outputs", ())]
    parts.append(f'To run it yourself: <a href="{path.name}" download>{path.name}</a>.')
    return "\n\n".join(parts)


def _output(output: dict[str, Any]) -> str:
    data = output.get("data", {})
    if "image/png" in data:
        return f'<img class="notebook-output" alt="" src="data:image/png;base64,{data["image/png"].strip()}">'
    text = "".join(output.get("text") or data.get("text/plain", ""))
    return f'<pre class="notebook-output">{html.escape(text.strip())}</pre>' if text.strip() else ""


def _block(text: str, language: str = "text") -> str:
    return f"```{language}\n{text.strip()}\n```"
