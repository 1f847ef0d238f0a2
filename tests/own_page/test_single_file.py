"""The page in one file: the same bytes each time, the published ones, and no line that it does not understand."""

import base64
import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from hf_etc.client.own_page import content, single_file
from hf_etc.errors import ParameterError

from ..web.engines import find_node

ROOT = Path(__file__).parents[2]
PUBLISHED = ROOT / "docs" / "own-page.sha256"
REFRESH = "hf-etc client --build own-page.html > docs/own-page.sha256"


@pytest.fixture(scope="module")
def page():
    return single_file.build()


def test_the_published_hash_is_that_of_the_page(page):
    assert PUBLISHED.read_text() == f"{hashlib.sha256(page).hexdigest()}  own-page.html\n", f"refresh it: {REFRESH}"
    assert REFRESH in (ROOT / "docs" / "browser.md").read_text()


def test_the_same_bytes_in_another_place_and_process(page, tmp_path):
    code = "import hashlib; from hf_etc.client.own_page import single_file as one;"
    code += "print(hashlib.sha256(one.build()).hexdigest())"
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo", "LC_ALL": "C"}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert run.stdout.strip() == hashlib.sha256(page).hexdigest(), run.stderr


def test_the_policy_pins_script_and_style(page):
    text = page.decode()
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', text)[1]
    for tag, kind in (('<script type="module">', "script"), ("<style>", "style")):
        body = text.split(tag)[1].split(f"</{kind}>")[0]
        digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert "unsafe-inline" not in policy and "unsafe-eval'" not in policy.replace("'wasm-unsafe-eval'", "")
    assert policy.startswith("default-src 'none';")


def test_every_module_is_in_it_and_nothing_is_loaded_from_elsewhere(page):
    text = page.decode()
    others = {"own_page/page/own_page.mjs", "web/connection.mjs"}  # of the two served pages
    own = {name for name in content.modules() if name.endswith(".mjs")} - others
    assert set(re.findall(r'^modules\["([^"]+)"\] = ', text, re.MULTILINE)) == own
    assert not re.search(r'(?:src|href)="(?!data:,")', text)
    assert base64.b64encode((content.WEB / "vendor" / "mozjpeg_enc.wasm").read_bytes()).decode() in text
    licences = sorted((content.WEB / "vendor").glob("*.LICENSE.txt"))
    assert licences and all(path.read_text().strip() in text for path in licences)


def test_a_page_for_one_server_can_ask_no_other(page):
    bound = single_file.build("https://clinic.example/etc").decode()
    assert "connect-src data: https://clinic.example;" in bound and 'value="https://clinic.example/etc"' in bound
    assert "connect-src data: https: http://127.0.0.1:* http://localhost:*;" in page.decode()
    for address in ("clinic/space", "https://", "javascript:alert(1)", "https://a;b.example", "https://u@a.example"):
        with pytest.raises(ParameterError, match="give the address of a server"):
            single_file.build(address)


@pytest.fixture
def modules(tmp_path, monkeypatch):
    """Puts made-up modules in the place of the package's."""
    monkeypatch.setattr(content, "PACKAGE", tmp_path)

    def write(texts):
        for name, text in texts.items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(text)

    return write


@pytest.mark.parametrize(
    "line",
    [
        "export let changes = 1;",
        "export default function () {}",
        "export const { a } = { a: 1 };",
        'import a, { b } from "./b.mjs";',
        'import { b } from "somewhere";',
        'export * as b from "./b.mjs";',
    ],
)
def test_an_unknown_form_ends_the_build(line, modules):
    modules({"a.mjs": f"const x = 1;\n{line}\n", "b.mjs": "export const b = 1;\n"})
    with pytest.raises(ParameterError, match=r"a.mjs: cannot put this into one file: "):
        single_file.bundle("a.mjs")


def test_what_would_end_the_script_ends_the_build():
    for text in ("const a = '</script>';", "const a = '<!--';"):
        with pytest.raises(ParameterError, match="within a script ends it"):
            single_file.safe_in_page(text, "a")


@pytest.mark.parametrize("line", ["export const a = 1, b = 2;", "const b = 1;", "export default b;"])
def test_what_is_not_given_ends_the_build(line, modules):
    for user in ('import { b } from "./b.mjs";', 'export { b as c } from "./b.mjs";'):
        modules({"a.mjs": user, "b.mjs": line})
        with pytest.raises(ParameterError, match=r"a.mjs needs b of ./b.mjs"):
            single_file.bundle("a.mjs")


def test_modules_that_need_each_other_end_the_build(modules):
    modules({"a.mjs": 'import { b } from "./b.mjs";', "b.mjs": 'import { a } from "./a.mjs";'})
    with pytest.raises(ParameterError, match=r"a.mjs needs itself, by way of b.mjs"):
        single_file.bundle("a.mjs")


MODULES = {
    "b.mjs": """
import "./d.mjs";
import start from "./c.mjs";
import * as all from "./c.mjs";
import {
  two,
  three as drei,
} from "./d/e.mjs";
export { two as zwei } from "./d/e.mjs";
export * from "./c.mjs";
const four = 4, five = 5;
export { four, five as fünf };
export async function six() { return (await import("./d.mjs")).seven; }
export class Eight {}
export const sum = start + all.nine + two + drei().next().value;
""",
    "c.mjs": "const start = 1;\nexport default start;\nexport const nine = 9;\n",
    "d.mjs": "export function seven() { return 7; }\n",
    "d/e.mjs": 'import { seven } from "../d.mjs";\nexport const two = 2;\nexport function* three() { yield 3; }\n',
}


@pytest.mark.skipif(find_node() is None, reason="node is not installed")
def test_the_forms_of_imports_and_exports_work(tmp_path, modules):
    modules(MODULES)
    use = 'const { "b.mjs": b } = modules; console.log(Object.keys(b).join(), b.nine, b.sum, (await b.six())());'
    (tmp_path / "out.mjs").write_text(single_file.bundle("b.mjs") + use)
    run = subprocess.run([find_node(), tmp_path / "out.mjs"], capture_output=True, text=True)
    assert run.stdout == "nine,zwei,four,fünf,six,Eight,sum 9 15 7\n", run.stderr
