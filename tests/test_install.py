"""Built, installed and used as a stranger does it, and every line that says how to install works."""

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import hf_etc
from hf_etc.errors import INSTALL, SOURCE

from .gradio_app.support import free_port, wait_for
from .hub_server import serve_hub

ROOT = Path(__file__).parents[1]
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
SOURCES = ("pyproject.toml", "MANIFEST.in", "README.md", "LICENSE")
WHEEL = f"hf_etc-{hf_etc.__version__}-py3-none-any.whl"
OTHERS = {"deepspeed", "playwright", "s3fs"}  # packages that are on the index
FOLDERS = ("docs", "examples", "hf_etc", "spaces")
TEXTS = [
    path
    for path in [*ROOT.glob("*.md"), *(path for name in FOLDERS for path in sorted((ROOT / name).rglob("*")))]
    if path.suffix in {".md", ".py", ".txt", ".yaml", ".ipynb"} and "pip install " in path.read_text(encoding="utf-8")
    if path.name != "errors.py"
]


def package_files():
    files = (path for path in (ROOT / "hf_etc").rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(ROOT).as_posix() for path in files}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Wheel and source distribution, the first made from the second."""
    sources, out = tmp_path_factory.mktemp("sources"), tmp_path_factory.mktemp("dist")
    shutil.copytree(ROOT / "hf_etc", sources / "hf_etc", ignore=shutil.ignore_patterns("__pycache__"))
    for name in SOURCES:
        shutil.copy(ROOT / name, sources)
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, sources)
    (wheel,), (sdist,) = out.glob("*.whl"), out.glob("*.tar.gz")
    return wheel, sdist


@pytest.fixture(scope="module")
def hub():
    with serve_hub() as server:
        yield server


@pytest.fixture(scope="module")
def space(built, hub, tmp_path_factory):
    """The folder of a Space, published."""
    folder = tmp_path_factory.mktemp("space") / "space"
    environment = hub.environment
    run(sys.executable, ROOT / "spaces" / "build.py", "tester/classifier", folder, "--wheel", built[0], **environment)
    hf = Path(sysconfig.get_path("scripts"), "hf")
    run(hf, "upload", "tester/classifier", folder, "--repo-type", "space", **environment)
    return folder


@pytest.fixture(scope="module")
def installed(space, tmp_path_factory):
    """A fresh environment with what the Space requires; other packages are those of this one. Gives its programs."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check")
    run(*pip, "install", "--quiet", "--no-deps", "--no-cache-dir", "--requirement", space / "requirements.txt")
    (there,) = (folder / "lib").glob("python*/site-packages")
    (there / "others.pth").write_text(sysconfig.get_path("purelib"))
    return folder / "bin"


@pytest.fixture(scope="module")
def demo(installed, tmp_path_factory):
    folder = tmp_path_factory.mktemp("work")
    run(installed / "hf-etc", "demo", "--out", "out", "--epochs", "1", cwd=folder)
    return folder / "out"


def environment(**more):
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return kept | {"OMP_NUM_THREADS": "1"} | more


def run(*command, cwd=None, **more):
    done = subprocess.run([*map(str, command)], cwd=cwd, env=environment(**more), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_both_hold_the_whole_package_and_nothing_else(built):
    wheel, sdist = built
    assert wheel.name == WHEEL
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert names == package_files()
    with tarfile.open(sdist) as archive:
        members = {member.name.partition("/")[2] for member in archive if member.isfile()}
    assert package_files() | set(SOURCES) <= members
    assert not [name for name in members if name.startswith("tests/")]


def test_the_index_would_take_them(built):
    assert "PASSED" in run(sys.executable, "-m", "twine", "check", "--strict", *built)


def test_installed_package_is_its_own(installed):
    code = "import hf_etc, hf_etc.gradio; print(hf_etc.__file__)"
    assert run(installed / "python", "-c", code, cwd="/").startswith(str(installed.parent))
    assert run(installed / "hf-etc", "--version") == f"hf-etc {hf_etc.__version__}\n"


def test_demo_works(demo):
    assert (demo / "index.html").is_file()


def test_space_works(installed, demo, space):
    port = free_port()
    answers = {"HF_ETC_MODEL": str(demo / "provider" / "model"), "GRADIO_SERVER_PORT": str(port), "HF_HUB_OFFLINE": "1"}
    url, key = f"http://127.0.0.1:{port}", demo / "owner" / "owner.key"
    with (space.parent / "log.txt").open("w+") as log:
        command = [str(installed / "python"), "app.py"]
        server = subprocess.Popen(command, cwd=space, env=environment(**answers), stdout=log, stderr=log)
        try:
            wait_for(f"{url}/config", server, log)
            picture = next((demo / "owner" / "pictures").iterdir())
            assert "%" in run(installed / "hf-etc", "classify", picture, "--url", url, "--key", key)
        finally:
            server.terminate()
            server.wait(30)


def test_build_refuses(tmp_path):
    build = [sys.executable, str(ROOT / "spaces" / "build.py")]
    for words, text in ((["classifier", "new"], "not the name of a Space"), (["me/classifier", "."], "exists")):
        done = subprocess.run([*build, *words], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 2 and text in done.stderr


def test_missing_extras_name_what_is_on_the_index(installed):
    code = "import sys; from hf_etc.errors import missing_extra; [print(missing_extra('', x)) for x in sys.argv[1:]]"
    extras = [extra for extra in EXTRAS if extra != "dev"]  # no error asks for it, and it names the others
    for extra, line in zip(extras, run(installed / "python", "-c", code, *extras).splitlines(), strict=True):
        told = {Requirement(one).name for one in shlex.split(line.partition("pip install ")[2])}
        assert told == {Requirement(one).name for one in EXTRAS[extra]}


def install_lines(text):
    """What a text gives to pip, command by command."""
    for words in re.findall(r"pip install ([^`\n#)]+)", text):
        yield [word for word in shlex.split(words.rstrip(" .") if words.strip() != "." else ".") if word[0] != "-"]


def is_true(source):
    """Whether pip finds it: this package in a checkout, as its wheel or in its repository, or another's name."""
    known = re.fullmatch(rf"(?:\.|{re.escape(SOURCE)}|dist/{re.escape(WHEEL)}|git\+ADDRESS)(?:\[([a-z,]+)\])?", source)
    return source in OTHERS or (known is not None and set((known[1] or "dev").split(",")) <= set(EXTRAS))


@pytest.mark.parametrize("path", TEXTS, ids=[path.relative_to(ROOT).as_posix() for path in TEXTS])
def test_every_line_that_says_how_to_install_is_true(path):
    lines = list(install_lines(path.read_text(encoding="utf-8").replace('\\"', '"')))  # as notebooks write it
    assert lines
    assert [line for line in lines if len(line) != 1 or not is_true(line[0])] == []


def test_the_check_sees_what_is_not_true():
    wrong = 'run `pip install "hf-etc[space]"`, or pip install .[none]\nor pip install hf_etc-0.0.1-py3-none-any.whl'
    assert [is_true(line[0]) for line in install_lines(wrong)] == [False, False, False]
    right = f'`pip install ".[space,demo]"`; pip install .\npip install {SOURCE}  # a wheel'
    assert [is_true(line[0]) for line in install_lines(right)] == [True, True, True]


def test_cards_and_stubs_say_what_errors_say():
    assert SOURCE in (WHEEL, "hf-etc")
    assert INSTALL.startswith(f"pip install {SOURCE}")
    for name in ("hub/cards.py", "hub/remote_code.py"):
        assert "{INSTALL}" in (text := (ROOT / "hf_etc" / name).read_text()) or "install=INSTALL" in text


def test_releasing_names_commands_that_exist():
    text = (ROOT / "docs" / "releasing.md").read_text(encoding="utf-8")
    commands = [line for block in re.findall(r"```\n(.*?)```", text, re.DOTALL) for line in block.splitlines()]
    for command in commands:
        program, *words = command.split()
        if program == "make":
            assert re.search(rf"^{words[0]}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
        elif words[0] == "-m":
            assert importlib.util.find_spec(words[1]), command
        else:
            assert program.startswith("try/") or shutil.which(program), command
    assert len(commands) > 10
