"""One HTML file that encrypts and asks a classifier: every module of the page in it, pinned by its policy.

The modules become functions of one script, in the order in which they need each other, which is also the script of
the page's worker. That takes no parser: they are ours, each import and export starts a line, and a line that is none
of the known forms ends the build.
"""

import base64
import hashlib
import json
import re
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

from ... import __version__
from ...errors import ParameterError
from . import content

ENTRY = "own_page/page/single_file.mjs"
# Of a page that may ask any classifier. A page in a file or on a web server of this machine may ask one there, too.
_ANY_SERVER = "https: http://127.0.0.1:* http://localhost:*"
_IMPORT = re.compile(r'^import\s+(?:(\*\s+as\s+\w+|\{[^}]*\}|\w+)\s+from\s+)?"(\.[^"]+)";$', re.MULTILINE)
_PASSED_ON = re.compile(r'^export\s+(\*|\{[^}]*\})\s+from\s+"(\.[^"]+)";$', re.MULTILINE)
_LIST = re.compile(r"^export\s+\{([^}]*)\};$", re.MULTILINE)
_DEFAULT = re.compile(r"^export default (\w+);$", re.MULTILINE)
_DECLARED = re.compile(r"^export (?=(?:async function|function\*?|class|const) ([\w$]+))", re.MULTILINE)
_LATER = re.compile(r'\bimport\("(\.[^"]+)"\)')
_WORKER = re.compile(r'\bnew Worker\(new URL\("(\.[^"]+)", import\.meta\.url\), \{ type: "module" \}')
_OF_THIS_SCRIPT = (
    'new Worker(URL.createObjectURL(new Blob([document.querySelector("script[type=module]").textContent], '
    '{ type: "text/javascript" }))'
)
_FILE = re.compile(r'new URL\("(\.[^"]+)", import\.meta\.url\)')
_HERE = re.compile(r"\bimport\.meta\b")  # no browser lets a page on the disk start a module as its worker
_UNKNOWN = re.compile(r"^(?:import|export)\b(?![.(]).*$", re.MULTILINE)
_UNSAFE = re.compile(r"</script|<!--", re.IGNORECASE)


def build(address: str | None = None) -> bytes:
    """The page as one HTML file; the same package gives the same bytes.

    Args:
        address: of the only server that the page can ever speak to, as https://clinic.example; without one the
            user enters it.

    Raises:
        ParameterError: not an address, or the modules are written in a way that cannot be put together.
    """
    style, script = content.style(), bundle(ENTRY)
    policy = (
        f"default-src 'none'; script-src '{_digest(script)}' 'wasm-unsafe-eval'; style-src '{_digest(style)}'; "
        f"img-src data: blob:; connect-src data: {_origin(address) if address else _ANY_SERVER}; worker-src blob:; "
        "base-uri 'none'; form-action 'none'"
    )
    html = content.page(
        head=f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        f'<meta name="referrer" content="no-referrer">\n<meta name="generator" content="hf-etc {__version__}">\n'
        f"<style>{style}</style>",
        connect=content.connect_form(address),
        script=f'<script type="text/plain">\n{_licences()}</script>\n<script type="module">{script}</script>',
    )
    return html.encode("utf-8")


def write(path: str | Path, address: str | None = None) -> str:
    """Build the page into a file ``*.html``, and give its SHA-256 in hexadecimal digits.

    Raises:
        ParameterError: another suffix, or as for :func:`build`.
        OSError: the file cannot be written.
    """
    path = Path(path)
    if path.suffix != ".html":
        raise ParameterError(f"{path}: choose a name that ends in .html")
    page = build(address)
    path.write_bytes(page)
    return hashlib.sha256(page).hexdigest()


def bundle(entry: str) -> str:
    """One script out of a module and all that it imports, each in a function of its own."""
    parts = _Parts()
    parts.add(entry)
    table = "".join(f"modules[{json.dumps(name)}] = (() => {{\n{body}}})();\n\n" for name, body in parts.bodies.items())
    head = (
        "const modules = {};\nconst named = ({ default: _, ...others }) => others;\n"
        'const nowhere = { url: "https://localhost/" }; // in place of import.meta; nothing is asked there\n'
    )
    return safe_in_page(f"\n{head}\n{table}", entry)


class _Parts:
    """Modules as functions that give what they export; each stands behind those that it needs.

    Attributes:
        bodies: of the functions, by the module's path below the package.
        exports: of each module, the names.
    """

    def __init__(self) -> None:
        self.bodies: dict[str, str] = {}
        self.exports: dict[str, set[str]] = {}

    def add(self, name: str, above: tuple[str, ...] = ()) -> None:
        """Add a module and all that it needs; `above` are those that need it."""
        if name in self.bodies:
            return
        if name in above:
            raise ParameterError(f"{name} needs itself, by way of {above[-1]}; the page cannot be put together")
        source = content.read_text(content.PACKAGE / name)
        for pattern in (_IMPORT, _PASSED_ON, _LATER, _WORKER):
            for found in pattern.finditer(source):
                self.add(_resolve(name, found[pattern.groups]), (*above, name))
        self.bodies[name] = self._as_function(name, source)

    def _as_function(self, name: str, source: str) -> str:
        given: dict[str, str] = {}  # from the name of an export to what it is
        stars: list[str] = []  # modules of which all is passed on

        def bring(found: re.Match) -> str:
            names, path = found.groups()
            if names is None:
                return ""
            module = self._reference(name, path)
            if names.startswith("*"):
                return f"const {names.split()[-1]} = {module};"
            pairs = _pairs(names[1:-1]) if names.startswith("{") else [("default", names)]
            self._check(name, path, pairs)
            return f"const {{ {', '.join(f'{old}: {new}' for old, new in pairs)} }} = {module};"

        def pass_on(found: re.Match) -> str:
            names, path = found.groups()
            if names == "*":
                stars.append(_resolve(name, path))
                return ""
            self._check(name, path, _pairs(names[1:-1]))
            return give((new, f"{self._reference(name, path)}.{old}") for old, new in _pairs(names[1:-1]))

        def give(pairs: Iterable[tuple[str, str]]) -> str:
            given.update(pairs)
            return ""

        for pattern, replace in (
            (_IMPORT, bring),
            (_PASSED_ON, pass_on),
            (_LIST, lambda found: give((new, old) for old, new in _pairs(found[1]))),
            (_DEFAULT, lambda found: give([("default", found[1])])),
            (_DECLARED, lambda found: give([(found[1], found[1])])),
            (_LATER, lambda found: f"Promise.resolve({self._reference(name, found[1])})"),
            (_WORKER, _OF_THIS_SCRIPT),
            (_FILE, lambda found: f'new URL("{_data_url(_resolve(name, found[1]))}")'),
            (_HERE, "nowhere"),
        ):
            source = pattern.sub(replace, source)
        if left := _UNKNOWN.search(source):
            raise ParameterError(f"{name}: cannot put this into one file: {left[0]}")
        self.exports[name] = set(given).union(*(self.exports[star] - {"default"} for star in stars))
        everything = [f"...named(modules[{json.dumps(star)}])" for star in stars]
        everything += [f"{new}: {old}" for new, old in given.items()]
        return f"{source.strip()}\nreturn {{ {', '.join(everything)} }};\n"

    def _reference(self, name: str, path: str) -> str:
        return f"modules[{json.dumps(_resolve(name, path))}]"

    def _check(self, name: str, path: str, pairs: list[tuple[str, str]]) -> None:
        if missing := {old for old, _ in pairs} - self.exports[_resolve(name, path)]:
            raise ParameterError(f"{name} needs {missing.pop()} of {path}, where no line of a known form gives it")


def _pairs(names: str) -> list[tuple[str, str]]:
    """(name, name under which it is known) of each member of a list of exports."""
    parts = [one.strip().split(" as ") for one in names.split(",") if one.strip()]
    return [(part[0].strip(), part[-1].strip()) for part in parts]


def _resolve(name: str, path: str) -> str:
    """The path below the package of what `name` calls `path`."""
    folder = (content.PACKAGE / name).parent
    return (folder / path).resolve().relative_to(content.PACKAGE.resolve()).as_posix()


def _data_url(name: str) -> str:
    path = content.PACKAGE / name
    return f"data:{content.TYPES[path.suffix]};base64,{base64.b64encode(path.read_bytes()).decode()}"


def _licences() -> str:
    paths = sorted((content.WEB / "vendor").glob("*.LICENSE.txt"))
    texts = [f"==== {path.name} ====\n\n{content.read_text(path).rstrip()}\n\n" for path in paths]
    return safe_in_page("".join(texts), "the licences")


def safe_in_page(text: str, name: str) -> str:
    """`text`, unless an HTML parser would end the script in the middle of it."""
    if found := _UNSAFE.search(text):
        raise ParameterError(f"{name}: {found[0]} within a script ends it; write it in two parts")
    return text


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _origin(address: str) -> str:
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not re.fullmatch(r"[\w.-]+(:\d+)?", parts.netloc):
        raise ParameterError(f"{address}: give the address of a server, as https://clinic.example")
    return f"{parts.scheme}://{parts.netloc}"
