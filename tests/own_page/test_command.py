"""``hf-etc client``: what a user reads, and how it ends."""

import hashlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from hf_etc import EtcImageProcessor, EtcKey
from hf_etc.cli import main
from hf_etc.client.own_page import single_file

from ..secrets import find_secret, scan_tree
from .fake_server import fake_server

ROOT = Path(__file__).parents[2]


@pytest.fixture
def key(tmp_path, monkeypatch):
    """In a folder of its own, as clinic.key."""
    monkeypatch.chdir(tmp_path)
    key = EtcKey.generate()
    key.save("clinic.key")
    EtcKey.generate().save("other.key")
    return key


@pytest.fixture
def server(key):
    with fake_server(settings=EtcImageProcessor(key, size=32, block_size=8).to_dict()) as running:
        yield running


@pytest.fixture
def said(capfd):
    """The exit status and the only line on stderr."""

    def run(*arguments: str) -> tuple[int, str]:
        capfd.readouterr()
        status = main(["client", *arguments])
        output = capfd.readouterr()
        assert output.out == "" and output.err.count("\n") == 1
        return status, output.err.strip()

    return run


def test_bad_input_gives_one_line(server, said, monkeypatch):
    assert said() == (2, "hf-etc: error: name the classifier: hf-etc client URL, or hf-etc client USER/SPACE")
    status, line = said("http://127.0.0.1:9")
    assert (status, line.startswith("hf-etc: error: http://127.0.0.1:9 does not answer as a classifier")) == (2, True)
    status, line = said("nonsense")
    assert (status, "give USER/SPACE, or an address" in line) == (2, True)
    status, line = said(server.url, "--key", "other.key")
    assert (status, "was not made with this key" in line) == (2, True)
    status, line = said(server.url, "--key", "none.key")
    assert (status, "no key file at none.key" in line) == (2, True)
    status, line = said(server.url, "--format", "jpeg", "--quality", "0")
    assert (status, line) == (2, "hf-etc: error: quality 0: use a whole number from 1 to 100")
    for token, message in ((None, "run: hf auth login"), ("hf_x", "a token of the Hub is for a Space")):
        monkeypatch.setattr("huggingface_hub.get_token", lambda token=token: token)
        status, line = said(server.url, "--token")
        assert (status, message in line) == (2, True)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        status, line = said(server.url, "--port", port)
        assert (status, f"cannot listen at port {port}" in line, "choose another --port" in line) == (2, True, True)
    server.settings = ["\x1b[2J"]
    status, line = said(server.url)
    assert (status, line) == (
        2,
        f"hf-etc: error: {server.url} is not a classifier of encrypted images (it has no settings)",
    )


def test_a_key_on_the_command_line_is_refused(key, said):
    assert "a key was given on the command line" in said("http://127.0.0.1:9", "--key", key.reveal())[1]


def test_build(key, capfd):
    assert main(["client", "--build", "page.html"]) == 0
    assert capfd.readouterr().out == f"{hashlib.sha256(single_file.build()).hexdigest()}  page.html\n"
    assert Path("page.html").read_bytes() == single_file.build()
    assert main(["client", "https://clinic.example", "--build", "bound.html"]) == 0
    assert Path("bound.html").read_bytes() == single_file.build("https://clinic.example")


def test_build_refuses(key, said):
    before = Path("clinic.key").read_text()
    assert said("--build", "clinic.key") == (2, "hf-etc: error: clinic.key: choose a name that ends in .html")
    assert Path("clinic.key").read_text() == before
    assert "holds neither key nor token" in said("--build", "a.html", "--key", "clinic.key")[1]
    assert "cannot be written" in said("--build", "none/a.html")[1]
    assert "give the address of a server" in said("clinic/space", "--build", "a.html")[1]
    assert not Path("a.html").exists()


def test_the_browser_gets_the_link(server, monkeypatch, capfd):
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.setattr("hf_etc.client.own_page.server.OwnPage.serve_forever", lambda self: None)
    assert main(["client", server.url]) == 0
    first, second = capfd.readouterr().out.splitlines()
    assert opened == [first] and re.fullmatch(r"http://127\.0\.0\.1:\d+/open/[\w-]{43}", first)
    assert second == f"opens a page for {server.url}, once; open your key there. Ctrl-C ends."
    assert main(["client", server.url, "--no-browser", "--key", "clinic.key"]) == 0
    assert len(opened) == 1 and "with the key of clinic.key" in capfd.readouterr().out


def test_ctrl_c_ends_it_and_nothing_stays(server, key, tmp_path):
    """A process of its own, in an empty home: one line at the end, and no file that was not there."""
    home = tmp_path / "home"
    home.mkdir()
    folders = {name: str(home) for name in ("HOME", "TMPDIR", "XDG_CACHE_HOME", "HF_HOME")}
    environment = os.environ | folders | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [
        sys.executable,
        "-m",
        "hf_etc",
        "client",
        server.url,
        "--key",
        str(tmp_path / "clinic.key"),
        "--no-browser",
    ]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=home,
        env=environment,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # a background job ignores it
    ) as process:
        link = process.stdout.readline().strip()
        with urllib.request.urlopen(link, timeout=20) as page:
            assert b"Classify an encrypted picture" in page.read()
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, "ended\n")
    assert find_secret(key, link + out + err) == []
    assert [path for path in home.rglob("*") if path.is_file()] == [] and scan_tree(key, home) == []
