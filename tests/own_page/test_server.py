"""The server of the page: who may ask it, and what it passes on."""

import contextlib
import http.client
import io
import json
import socket
import threading

import pytest
from PIL import Image

from hf_etc import EtcCipher, EtcImageProcessor, EtcKey
from hf_etc.client.own_page.server import OwnPage
from hf_etc.client.remote import RemoteClassifier
from hf_etc.errors import GeometryError, KeyMismatchError, ParameterError

from ..gradio_app.support import data_url, file_of, picture
from ..helpers import noise
from ..secrets import find_secret
from .fake_server import LABELS, fake_server
from .visitor import running


@pytest.fixture(scope="module")
def key():
    return EtcKey.generate()


@pytest.fixture(scope="module")
def client(key):
    return EtcImageProcessor(key, size=32, block_size=8)


@pytest.fixture
def remote(client):
    with fake_server(settings=client.to_dict()) as server:
        yield server


@pytest.fixture
def page(remote, key):
    """The server of a page that has the key."""
    with running(remote.url, key) as server:
        yield server


def ask(page, method, path, body=None, **headers):
    """Status, headers and body of an answer; the path is below the page's secret one unless it begins with a slash."""
    connection = http.client.HTTPConnection("127.0.0.1", page.server_port, timeout=20)
    origin = {"Origin": f"http://127.0.0.1:{page.server_port}"} if method == "POST" else {}
    given = {name.replace("_", "-"): value for name, value in (origin | headers).items() if value is not None}
    with contextlib.closing(connection):
        connection.request(method, path if path.startswith("/") else page.root + path, body, given)
        response = connection.getresponse()
        return response.status, dict(response.headers), response.read()


def test_the_link_opens_the_page_once(page):
    path = page.link.removeprefix(f"http://127.0.0.1:{page.server_port}")
    status, headers, _ = ask(page, "GET", path)
    assert (status, headers["Location"]) == (303, page.root)
    assert ask(page, "GET", page.root)[0] == 200
    status, _, body = ask(page, "GET", path)
    assert status == 403 and b"opens the page once" in body
    assert page.root.strip("/") not in page.link, "who reads the link afterwards has no use of it"


def test_only_the_page_itself_is_answered(page):
    local = f"http://127.0.0.1:{page.server_port}"
    for path in ("/", "/settings", "/key", f"/{'A' * 43}/", f"/{'A' * 43}/settings", "/open/", "/open/none"):
        assert ask(page, "GET", path)[0] in (403, 404)
        assert ask(page, "POST", path)[0] in (403, 404)
    for host in ("evil.example", f"evil.example:{page.server_port}", "127.0.0.1", "", "127.0.0.1:1"):
        assert ask(page, "GET", "settings", Host=host)[0] == 403
        assert ask(page, "POST", "key", Host=host)[0] == 403
    for origin in (None, "null", "http://evil.example", f"https://127.0.0.1:{page.server_port}", f"{local}.evil"):
        assert ask(page, "POST", "key", Origin=origin)[0] == 403
        assert ask(page, "POST", "classify", b"x", Origin=origin)[0] == 403
    assert ask(page, "GET", "key")[0] == 404
    assert ask(page, "PUT", "key")[0] == 501
    for path in (
        "../keys.py",
        "own_page/server.py",
        "web/../keys.py",
        "own_page/page/page.html",
        "web/vendor/update.sh",
    ):
        assert ask(page, "GET", path)[0] == 404


def test_every_answer_forbids_caches_frames_and_other_hosts(page):
    for path in ("", "settings", "web/etc.mjs", "web/vendor/mozjpeg_enc.wasm", "nothing", "/elsewhere"):
        headers = ask(page, "GET", path)[1]
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src 'self' 'wasm-unsafe-eval';")
        assert "frame-ancestors 'none'" in policy and "unsafe-inline" not in policy and "http" not in policy
        assert (headers["Cache-Control"], headers["Referrer-Policy"]) == ("no-store", "no-referrer")
        assert headers["X-Content-Type-Options"] == "nosniff"
    assert ask(page, "POST", "key")[1]["Cache-Control"] == "no-store"


def test_the_key_goes_to_the_page_alone(page, remote, key, client):
    assert ask(page, "POST", "key")[2].decode() == key.reveal()
    for path in ("settings", ""):
        assert find_secret(key, ask(page, "GET", path)[2]) == []
    assert json.loads(ask(page, "GET", "settings")[2])["settings"] == json.loads(json.dumps(client.to_dict()))
    assert find_secret(key, b"".join(remote.bodies)) == []
    with running(remote.url) as without:
        assert json.loads(ask(without, "GET", "settings")[2])["key"] is False
        assert ask(without, "POST", "key")[0] == 404


def test_a_ciphertext_is_passed_on(page, remote, client):
    url = data_url(client.encrypt(picture(1))[0])
    status, _, body = ask(page, "POST", "classify", url)
    assert status == 200
    assert {one["label"]: one["score"] for one in json.loads(body)["labels"]} == LABELS
    assert json.loads(remote.bodies[-1]) == {"data": [url]}


def other_files(client):
    """Everything that is no ciphertext for the model, and what is said of it."""
    plain = Image.fromarray(noise(32, 32, 3))
    stranger = EtcImageProcessor(EtcKey.generate(), size=32, block_size=8)
    large = io.BytesIO()
    Image.new("1", (9000, 9000)).save(large, "PNG")
    return {
        "plain png": (data_url(file_of(plain)), "plain image"),
        "plain jpeg": (data_url(file_of(plain, "JPEG"), "jpeg"), "plain image"),
        "plain photo": (data_url(file_of(picture(1))), "41x69 pixels"),
        "plain webp": (data_url(file_of(plain, "WEBP"), "webp"), "not the data URL"),
        "another key": (data_url(stranger.encrypt(picture(1))[0]), "model"),
        "another cipher": (
            data_url(EtcCipher(EtcKey.generate(), 16).seal(noise(32, 32, 3))),
            "model",
        ),
        "damaged": (data_url(client.encrypt(noise(32, 32, 3))[0][:-200]), "truncated or damaged"),
        "bomb": (data_url(large.getvalue()), "9000x9000 pixels"),
        "gif": (data_url(file_of(plain, "GIF")), "not an image"),
        "cut off": ("data:image/png;base64,AAAAA", "cut off"),
        "path": ("/etc/passwd", "not the data URL"),
        "url": ("http://127.0.0.1/a.png", "not the data URL"),
        "two": (data_url(b"a") + "\n" + data_url(b"b"), "not the data URL"),
        "nothing": ("", "not the data URL"),
    }


def test_anything_else_is_not(page, remote, client):
    before = list(remote.asked)
    for name, (body, message) in other_files(client).items():
        status, _, answer = ask(page, "POST", "classify", body)
        assert (name, status, message in json.loads(answer)["error"]) == (name, 422, True), answer
    for length in ("99999999", "9" * 30, "-1", "x", None):
        connection = socket.create_connection(("127.0.0.1", page.server_port))
        host = f"127.0.0.1:{page.server_port}"
        line = f"Content-Length: {length}\r\n" if length else ""
        connection.sendall(
            f"POST {page.root}classify HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\n{line}\r\n".encode()
        )
        with contextlib.closing(connection):
            assert connection.makefile("rb").readline().split()[1] == b"413"
    assert remote.asked == before, "nothing was sent"


def test_what_the_server_says_against_it_is_said(page, remote, client):
    remote.answer = b'event: error\ndata: {"error": "Refused: \\u001b[31mno"}\n\n'
    status, _, body = ask(page, "POST", "classify", data_url(client.encrypt(picture(1))[0]))
    assert (status, json.loads(body)["error"]) == (422, f"{remote.url}: Refused: [31mno")


def test_nothing_is_logged(page, client, key, capfd):
    link = page.link.removeprefix(f"http://127.0.0.1:{page.server_port}")
    ask(page, "GET", link)
    ask(page, "POST", "key")
    ask(page, "POST", "classify", data_url(client.encrypt(picture(1))[0]))
    ask(page, "GET", "/nothing")
    page.check_ciphertext = None  # an error of our own
    with contextlib.suppress(ConnectionError, http.client.HTTPException):
        ask(page, "POST", "classify", data_url(client.encrypt(picture(1))[0]))
    assert "".join(capfd.readouterr()) == "hf-etc: TypeError while answering the page; reload it\n"


def test_what_cannot_be_served(remote, client):
    with pytest.raises(KeyMismatchError), running(remote.url, EtcKey.generate()):
        pass
    for size, message in ((None, "no fixed size"), ((4096, 2048), "4096x2048 pixels")):
        processor = EtcImageProcessor(EtcKey.generate(), size=size, block_size=8)
        with pytest.raises(ParameterError, match=message):
            OwnPage(RemoteClassifier(remote.url), processor)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        for port in (taken.getsockname()[1], 70000, -1):
            with pytest.raises(ParameterError, match=f"cannot listen at port {port} .*choose another --port"):
                OwnPage(RemoteClassifier(remote.url), client, port=port)


def test_it_ends_while_a_browser_waits(remote, client):
    """A page whose answer does not come keeps nothing alive."""
    with OwnPage(RemoteClassifier(remote.url), client) as page:
        thread = threading.Thread(target=page.serve_forever, args=(0.02,))
        thread.start()
        waiting = socket.create_connection(("127.0.0.1", page.server_port))
        page.shutdown()
        thread.join(10)
        assert not thread.is_alive()
        waiting.close()


def test_the_ciphertexts_of_a_model_of_any_key_are_smaller_than_its_pictures(key):
    options = {"size": 96, "key_scope": "image", "gap": 4, "jitter": 4, "keep": 0.5, "block_size": 8}
    with fake_server(settings=EtcImageProcessor(**options).to_dict()) as server, running(server.url, None) as page:
        for client in (EtcImageProcessor(key, **options), EtcImageProcessor(**options, disposable=True)):
            (file,) = client.encrypt(Image.fromarray(noise(96, 96, 3)))
            page.check_ciphertext(file)
        with pytest.raises(GeometryError, match="the image has 96x96 pixels, the model takes 32x64"):
            page.check_ciphertext(EtcImageProcessor(key, size=96).encrypt(Image.fromarray(noise(96, 96, 3)))[0])
