"""Apps of one's own: what starts, what is mounted, who may log in, how long a client may take, who may show it."""

import asyncio
import contextlib
import http.client
import json
import socket
import time
import urllib.error
import urllib.request

import fastapi
import gradio as gr
import pytest
from gradio.external import from_spaces_blocks

from hf_etc import EtcCipher, EtcImageProcessor, EtcKey
from hf_etc.errors import ParameterError
from hf_etc.gradio import EncryptedImage, HeaderTimeout, build_app, launch, mount
from hf_etc.gradio.limits import RequestLimits

from .support import classify, data_url, free_port, mounted, picture, post, save_model

KEY = EtcKey.generate()
FILE = {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return save_model(tmp_path_factory.mktemp("serving") / "model", KEY, 32, block_size=8)


@pytest.fixture(scope="module")
def good(model):
    return data_url(EtcImageProcessor.from_pretrained(model, key=KEY).encrypt(picture(1))[0])


@contextlib.contextmanager
def launched(app, **options):
    port = free_port()
    launch(app, server_port=port, quiet=True, prevent_thread_lock=True, **options)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        app.close()


ID = EtcCipher(KEY, 8).cipher_id(32, 32)


def own_app(*inputs, outputs=(), **options) -> gr.Blocks:
    with gr.Blocks() as app:
        made = [make() for make in inputs]
        picture = EncryptedImage(
            EtcImageProcessor(size=32, block_size=8, cipher_id=EtcCipher(KEY, 8).cipher_id(32, 32))
        )
        answers = [gr.Textbox(), *(make() for make in outputs)]
        picture.submit(lambda *values: repr(values[1:]), [picture, *made], answers, api_name="ask", **options)
    return app


def status_of(url: str) -> int:
    try:
        return urllib.request.urlopen(url, timeout=30).status
    except urllib.error.HTTPError as error:
        return error.code


def answer(url: str, body: dict, path: str = "/gradio_api/call/ask") -> str:
    _, text = post(url, json.dumps(body).encode(), path)
    return urllib.request.urlopen(f"{url}{path}/{json.loads(text)['event_id']}", timeout=30).read().decode()


def test_plain_inputs_beside_the_picture(good):
    """Text, numbers, choices and state arrive; a file in their place does not."""
    choices = ["a", "b"]
    app = own_app(gr.Textbox, gr.Slider, lambda: gr.CheckboxGroup(choices), gr.Checkbox, lambda: gr.State(7))
    with launched(app) as url:
        values = ["a, b: [c] {d}", 3, choices, True]
        assert "('a, b: [c] {d}', 3, ['a', 'b'], True, 7)" in answer(url, {"data": [good, *values]})
        assert "event: complete" in answer(url, {"data": [good, *values], "session_hash": "mine"})
        for number in range(4):
            spoilt = [good, *values[:number], FILE, *values[number + 1 :]]
            assert post(url, json.dumps({"data": spoilt}).encode(), "/gradio_api/call/ask")[0] == 400


@pytest.mark.parametrize("component", [gr.Image, gr.File, gr.UploadButton, gr.Gallery, gr.Dataframe, gr.Label])
def test_inputs_of_files_and_tables_are_refused_at_the_start(component):
    with pytest.raises(ParameterError, match=f"'ask' takes a {component.__name__}, and this server takes no files"):
        launch(own_app(component))
    with pytest.raises(ParameterError, match="takes no files"):
        mount(fastapi.FastAPI(), own_app(component), "/a")


@pytest.mark.parametrize("component", [gr.Image, gr.File, gr.DownloadButton, gr.Gallery, gr.Audio, gr.Chatbot])
def test_outputs_that_are_written_to_disk_are_refused_at_the_start(component):
    with pytest.raises(ParameterError, match=rf"answers with a {component.__name__}, .*gr\.HTML and a data URL"):
        launch(own_app(outputs=[component]))


def test_events_past_the_queue_are_refused_at_the_start():
    for start in (launch, lambda app: mount(fastapi.FastAPI(), app, "/a")):
        with pytest.raises(ParameterError, match=r"^the event 'ask' has queue=False, which this server refuses: leave"):
            start(own_app(queue=False))


def test_an_app_cannot_be_copied_by_gradio_load(model):
    """What gradio.load does once it has asked the Hub for the address of a Space."""
    with (
        launched(build_app(model)) as url,
        pytest.raises(ParameterError, match=r"gradio\.load cannot copy an app"),
    ):
        from_spaces_blocks(url, None)


@pytest.mark.parametrize("option", ["share", "ssr_mode", "debug", "allowed_paths", "app_kwargs", "run_history"])
def test_options_that_would_open_the_server(option):
    for start in (
        lambda **more: launch(own_app(), **more),
        lambda **more: mount(fastapi.FastAPI(), own_app(), "/a", **more),
    ):
        with pytest.raises(ParameterError, match=f"^{option} cannot be set"):
            start(**{option: True})


def test_debugging_of_gradio_is_refused(monkeypatch):
    monkeypatch.setenv("GRADIO_DEBUG", "1")
    with pytest.raises(ParameterError, match="GRADIO_DEBUG is set"):
        launch(own_app())


def test_mounted_app_has_the_same_limits(model, good):
    parent = fastapi.FastAPI()

    @parent.post("/mine")
    def mine(body: dict) -> dict:
        return body

    assert mount(parent, build_app(model), "/classify") is parent
    with mounted(parent) as url:
        below = f"{url}/classify"
        assert classify(below, good)[0] == "complete"
        page = urllib.request.urlopen(f"{below}/", timeout=30)
        assert "frame-ancestors 'self' https://huggingface.co" in page.headers["Content-Security-Policy"]
        assert "a path or URL of a file, or another object" in classify(below, FILE)[1]
        escaped = json.dumps({"data": [FILE]}).replace("gradio.", "gradio\\u002e")
        for encoding in ("utf-8", "utf-16"):
            assert post(below, escaped.encode(encoding))[0] == 400
        for path in ("/gradio_api/upload", "/gradio_api/run/classify", "//gradio_api/upload", "/login"):
            assert post(below, b"{}", path)[0] == 403
        for path in ("/gradio_api/deep_link?session_hash=a", "/gradio_api/proxy=http://127.0.0.1:9/", "/monitoring"):
            assert status_of(below + path) == 403
        assert post(url, json.dumps(FILE).encode(), "/mine") == (200, json.dumps(FILE, separators=(",", ":")))


def test_path_of_a_mount_begins_with_a_slash(model):
    with pytest.raises(ParameterError, match="begin it with a slash"):
        mount(fastapi.FastAPI(), build_app(model), "classify")


def log_in(url: str, password: str, multipart: bool) -> tuple[int, str]:
    body, kind = f"username=ward&password={password}", "application/x-www-form-urlencoded"
    if multipart:  # as the page sends it
        parts = {"username": "ward", "password": password}
        body = "".join(f'--x\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{parts[key]}\r\n' for key in parts)
        body, kind = body + "--x--\r\n", "multipart/form-data; boundary=x"
    try:
        response = urllib.request.urlopen(urllib.request.Request(f"{url}/login", body.encode(), {"Content-Type": kind}))
    except urllib.error.HTTPError as error:
        return error.code, ""
    return response.status, "; ".join(one.split(";")[0] for one in response.headers.get_all("set-cookie"))


@pytest.mark.parametrize("multipart", [False, True])
@pytest.mark.parametrize("in_parent", [False, True])
def test_login(model, good, multipart, in_parent):
    """With auth= nobody classifies, or sees the page, without the password; with it, everything is as ever."""
    app, auth = build_app(model), ("ward", "hush")
    parent = fastapi.FastAPI()
    context = mounted(mount(parent, app, "/a", auth=auth)) if in_parent else launched(app, auth=auth)
    with context as url:
        url += "/a" if in_parent else ""
        body = json.dumps({"data": [good]}).encode()
        assert post(url, body)[0] == 401
        assert status_of(f"{url}/config") == 401
        assert log_in(url, "guess", multipart)[0] == 400
        assert log_in(url, "x" * 5000, multipart)[0] == 413
        status, cookie = log_in(url, "hush", multipart)
        assert status == 200
        headers = {"Content-Type": "application/json", "Cookie": cookie}
        call = f"{url}/gradio_api/call/classify"
        event = json.load(urllib.request.urlopen(urllib.request.Request(call, body, headers)))["event_id"]
        stream = urllib.request.urlopen(urllib.request.Request(f"{call}/{event}", headers=headers)).read()
        assert b"event: complete" in stream
        with pytest.raises(urllib.error.HTTPError, match="400"):
            urllib.request.urlopen(urllib.request.Request(call, json.dumps({"data": [FILE]}).encode(), headers))


def test_who_may_show_the_page_in_a_frame():
    with launched(own_app(), frame_ancestors=["'self'", "https://clinic.example"]) as url:
        for path in ("/", "/nothing"):
            connection = http.client.HTTPConnection(url.removeprefix("http://"))
            connection.request("GET", path)
            policy = connection.getresponse().getheader("Content-Security-Policy")
            assert policy.endswith("; frame-ancestors 'self' https://clinic.example")
            assert "default-src 'self' data: blob:" in policy and "object-src 'none'" in policy


@pytest.mark.parametrize("ancestors", ["https://a.example", [], ["a.example"], ["https://a; script-src *"], ["x\r\ny"]])
def test_frame_ancestors_are_origins(ancestors):
    with pytest.raises(ParameterError, match="use a list of origins"):
        launch(own_app(), frame_ancestors=ancestors)


@pytest.mark.parametrize("before", [b"", b"HEAD /config HTTP/1.1\r\nHost: a\r\n\r\n"], ids=["new", "kept alive"])
def test_slow_headers_are_cut_off(monkeypatch, before):
    """A byte at a time, for ever: on a new connection, and on one that has had an answer."""
    monkeypatch.setattr(HeaderTimeout, "seconds", 0.5)
    with launched(own_app()) as url:
        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=30) as connection:
            if before:
                connection.sendall(before)
                assert connection.recv(2**16).startswith(b"HTTP/1.1")
            closed, head = False, b"GET /config HTTP/1.1\r\n" + b"X: y\r\n" * 40
            connection.settimeout(0.05)
            for byte in head:  # without the empty line that ends it
                with contextlib.suppress(TimeoutError):
                    try:
                        connection.sendall(bytes([byte]))
                        closed = connection.recv(1) == b""
                    except ConnectionError:
                        closed = True
                if closed:
                    break
            assert closed
        assert status_of(f"{url}/config") == 200


def test_an_answer_may_take_longer_than_headers(monkeypatch):
    monkeypatch.setattr(HeaderTimeout, "seconds", 0.2)

    def ask() -> str:
        time.sleep(1)
        return "done"

    with gr.Blocks() as app:
        gr.api(ask, api_name="ask")
    with launched(app) as url:
        assert '["done"]' in answer(url, {"data": []})


def asked(pieces: list[tuple[float, bytes]], length: int | None = None) -> tuple[int, bytes]:
    """Status of the limits' answer to a body that comes in pieces with pauses, and the body that passed them."""
    passed, sent, left = [], [], iter(pieces)

    async def app(scope, receive, send):
        passed.append((await receive())["body"])
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def receive():
        pause, body = next(left, (0, None))
        if body is None:
            return {"type": "http.disconnect"}
        await asyncio.sleep(pause)
        return {"type": "http.request", "body": body, "more_body": True}

    async def send(message):
        sent.append(message)

    headers = [(b"content-type", b"application/json")] + [(b"content-length", str(length).encode())] * (
        length is not None
    )
    scope = {"type": "http", "method": "POST", "path": "/gradio_api/call/ask", "headers": headers, "query_string": b""}
    asyncio.run(RequestLimits(app, own_app(), body_seconds=0.3)(scope, receive, send))
    return sent[0]["status"], b"".join(passed)


def test_slow_body_is_cut_off():
    assert asked([(0.02, b" ")] * 100) == (408, b"")


def test_steady_body_has_the_time_it_needs():
    """More than the time for a short body, at 20 kB a second; then it is over the limit."""
    start = time.monotonic()
    assert asked([(0.05, b" " * 1000)] * 200)[0] == 413
    assert time.monotonic() - start > 0.3


def test_announced_size_is_refused_at_once():
    assert asked([], length=300_000_000)[0] == 413
    assert asked([], length=10**30)[0] == 413
