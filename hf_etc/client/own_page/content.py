"""What both pages consist of: the HTML, the style sheet and the modules of the installed package."""

from html import escape
from pathlib import Path
from string import Template

PACKAGE = Path(__file__).parents[1]
PAGE, WEB = Path(__file__).parent / "page", PACKAGE / "web"
TYPES = {".mjs": "text/javascript", ".wasm": "application/wasm"}


def modules() -> dict[str, Path]:
    """Each script that a page can load, by its path below the package."""
    files = sorted(path for folder in (PAGE, WEB) for path in folder.rglob("*") if path.suffix in TYPES)
    return {path.relative_to(PACKAGE).as_posix(): path for path in files}


def style() -> str:
    """The style sheet: the page's, and within it the component's, which is written to be nested."""
    return f"{read_text(PAGE / 'page.css')}.he-scope {{\n{read_text(WEB / 'encrypted_image.css')}}}\n"


def page(*, head: str, script: str, connect: str = "") -> str:
    """The HTML of a page.

    Args:
        head: policy and style.
        script: what starts it.
        connect: the part that asks for the classifier, where the page has to.
    """
    return Template(read_text(PAGE / "page.html")).substitute(head=head, script=script, connect=connect)


def connect_form(address: str | None) -> str:
    """The part of the single file that asks for the classifier, with an address in it or without."""
    return Template(read_text(PAGE / "connect.html")).substitute(address=escape(address or "", quote=True))


def read_text(path: Path) -> str:
    return path.read_bytes().decode("utf-8").replace("\r\n", "\n")
