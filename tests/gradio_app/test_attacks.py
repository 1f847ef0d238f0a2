"""Requests that try to make the server write a file or fetch an address: none gets to Gradio."""

import gzip
import http.client
import http.server
import json
import threading
from urllib.parse import urlsplit

import pytest

from hf_etc.gradio.component import WEB

from .support import classify, data_url, picture, post

CALL, JOIN = "/gradio_api/call/classify", "/gradio_api/queue/join"
MARK = "gradio.FileData"
FORM = (
    b'--x\r\nContent-Disposition: form-data; name="data"\r\n\r\n[]\r\n'
    b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\nplain\r\n--x--\r\n'
)


@pytest.fixture(scope="module")
def canary():
    """An address that a server under attack could fetch, and what was asked of it."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"fetched")

        do_HEAD = do_GET

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/canary.png", asked
        server.shutdown()


@pytest.fixture(scope="module")
def good(served):
    return data_url(served.client.encrypt(picture(1))[0])


@pytest.fixture
def attack(served, canary, good):
    """Sends a request, and collects its answer if it was taken; afterwards nothing may be written or fetched."""
    asked = canary[1]

    def send(body=None, path=CALL, kind="application/json", method="POST", **headers) -> int:
        connection = http.client.HTTPConnection(urlsplit(served.url).netloc, timeout=30)
        connection.request(method, path, body, {"Content-Type": kind, **headers})
        response = connection.getresponse()
        if method == "POST" and response.status == 200:  # a mistake here; let the server do its work
            event = json.loads(response.read()).get("event_id")
            collected = http.client.HTTPConnection(urlsplit(served.url).netloc, timeout=30)
            collected.request("GET", f"{CALL}/{event}")
            collected.getresponse().read()
        connection.close()
        return response.status

    yield send
    assert classify(served.url, good)[0] == "complete"
    assert served.written() == [] and asked == []


def file(canary):
    url, _ = canary
    return {"path": url, "url": url, "orig_name": "a.png", "meta": {"_type": MARK}}


def call(*data, **more) -> bytes:
    return json.dumps({"data": [*data], **more}).encode()


def join(*data, fn_index=1, **more) -> bytes:
    known = {"fn_index": fn_index, "session_hash": "attack", "event_data": None, "trigger_id": None}
    return call(*data, **known | more)


ENCODED = {
    "JSON escape": lambda text: text.replace(".", "\\u002e").encode(),
    "JSON escapes all over": lambda text: text.replace(MARK, "".join(f"\\u{ord(one):04x}" for one in MARK)).encode(),
    "UTF-16": lambda text: text.encode("utf-16"),
    "UTF-16 without a mark": lambda text: text.encode("utf-16-le"),
    "UTF-16, the other way round": lambda text: text.encode("utf-16-be"),
    "UTF-32": lambda text: text.encode("utf-32"),
    "UTF-32 without a mark": lambda text: text.encode("utf-32-le"),
    "UTF-8 with a byte order mark": lambda text: text.encode("utf-8-sig"),
    "UTF-7": lambda text: text.encode("utf-7"),
    "bytes behind": lambda text: text.encode() + b"\x00",
}


@pytest.mark.parametrize("encode", ENCODED.values(), ids=ENCODED)
def test_file_in_other_encodings(attack, canary, good, encode):
    stored = file(canary)
    assert attack(encode(join(good, stored, stored, fn_index=2).decode()), JOIN) in (400, 403)
    for index in range(4):
        assert attack(encode(join(stored, fn_index=index).decode()), JOIN) in (400, 403, 422)
    assert attack(encode(call(stored).decode())) in (400, 422)


NESTED = {
    "list": lambda file: [file],
    "list in a list": lambda file: [[file]],
    "dictionary": lambda file: {"value": file},
    "dictionary in a dictionary": lambda file: {"a": {"b": [file]}},
    "no type": lambda file: {"path": file["path"]},
    "address alone": lambda file: {"url": file["url"]},
    "image of a gallery": lambda file: [{"image": file, "caption": None}],
    "update of a component": lambda file: {"__type__": "update", "value": file},
    "message of a chat": lambda file: [{"role": "user", "content": [{"type": "file", "file": file}]}],
}


@pytest.mark.parametrize("nest", NESTED.values(), ids=NESTED)
def test_file_in_other_values(attack, canary, good, nest):
    value = nest(file(canary))
    assert attack(join(good, value, value, fn_index=2), JOIN) == 403
    assert attack(call(value)) == 400
    assert attack(json.dumps({"ciphertext": value}).encode(), "/gradio_api/call/v2/classify") == 400
    for index in range(4):
        assert attack(join(value, value, value, fn_index=index), JOIN) in (400, 403, 422)


@pytest.mark.parametrize(
    "body",
    [
        b'{"data": ["x"], "data": [%s]}',
        b'{"data": [%s], "data": ["x"]}',
        b'{"data": ["x"], "fn_index": 2, "d\\u0061ta": [%s]}',
        b'{"data": ["x"], "more": %s}',
        b'{"data": ["x", %s]}',
        b'{"data": {"0": %s}}',
        b"[%s]",
    ],
)
def test_file_beside_what_is_read(attack, canary, body):
    body = body.replace(b"%s", json.dumps(file(canary)).encode())
    assert attack(body) in (400, 422)
    assert attack(body, JOIN) in (400, 422)


@pytest.mark.parametrize(
    "more",
    [
        {"event_data": {"file": 1}},
        {"event_id": "a1"},
        {"batched": True},
        {"simple_format": True},
        {"oauth_token": "a"},
        {"request": {}},
        {"session_hash": {"a": 1}},
        {"session_hash": "../../a"},
        {"session_hash": "a" * 65},
        {"session_hash": "a\n"},
        {"trigger_id": 10**9},
        {"trigger_id": "1"},
        {"fn_index": True},
        {"fn_index": "1"},
        {"fn_index": 1.0},
        {"fn_index": -1},
        {"fn_index": None},
        {"fn_index": 0},
        {"fn_index": 2},
        {"fn_index": 99},
    ],
    ids=str,
)
def test_other_fields_of_a_join(attack, more):
    assert attack(join("x", **more), JOIN) in (400, 403, 422)


def test_functions_of_the_page_are_not_called(served):
    """Two events of the app have no function on the server: Gradio would store the files in their data."""
    config = json.loads(http_get(served, "/config"))
    functions = {one["id"]: one["backend_fn"] for one in config["dependencies"]}
    assert list(functions.values()).count(False) == 2
    for index, has_function in functions.items():
        status, _ = post(served.url, join(fn_index=index), JOIN)
        assert (status == 403) == (not has_function)


def http_get(served, path) -> str:
    connection = http.client.HTTPConnection(urlsplit(served.url).netloc, timeout=30)
    connection.request("GET", path)
    return connection.getresponse().read().decode()


@pytest.mark.parametrize(
    "body",
    [
        b'{"data": [NaN]}',
        b'{"data": [-Infinity]}',
        b'{"data": [1e999]}',
        b'{"data": [' + b"9" * 5000 + b"]}",
        b'{"data": ["\\ud800"]}',
        b'{"data": ["\xed\xa0\x80"]}',
        b"[" * 5_000 + b"]" * 5_000,
        b'{"data": [' + b"[]," * 20_000 + b"[]]}",
        b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
        b"",
        b'"data"',
    ],
    ids=lambda body: body[:24].decode("latin-1"),
)
def test_json_that_readers_disagree_on_or_choke_on(attack, body):
    assert attack(body) in (400, 422)
    assert attack(body, JOIN) in (400, 422)


@pytest.mark.parametrize(
    "headers",
    [
        {"kind": "multipart/form-data; boundary=x"},
        {"kind": "application/x-www-form-urlencoded"},
        {"kind": "text/plain"},
        {"kind": "application/json; charset=utf-16"},
        {"kind": "application/json+x"},
        {"Content-Encoding": "gzip"},
        {"Content-Encoding": "br"},
    ],
    ids=str,
)
def test_other_kinds_of_body(attack, headers):
    body = gzip.compress(call("x")) if "Content-Encoding" in headers else FORM
    for path in (CALL, JOIN, "/gradio_api/cancel"):
        assert attack(body, path, **headers) == 415


def test_body_in_pieces(attack, canary):
    for pieces in ([call(file(canary))], [bytes([one]) for one in call(file(canary))]):
        assert attack(iter(pieces)) == 400


@pytest.mark.parametrize(
    "path",
    [
        "//gradio_api/upload",
        "/gradio_api//upload",
        "/gradio_api/%75pload",
        "/gradio_api/upload/",
        "/gradio_api/upload?upload_id=a",
        "/gradio_api/call/../upload",
        "/gradio_api/call/%2e%2e/upload",
        "/gradio_api/call/classify/../../upload",
        "/gradio_api/upload%00",
        "/gradio_api/upload%0a",
        "/x/gradio_api/call/classify",
        "/gradio_api/call/classify/",
        "/gradio_api/call/classify%2f",
        "/gradio_api/queue/join/",
        "/GRADIO_API/call/classify",
        "/gradio_api/call/lambda",
        "/gradio_api/call/clear",
        "/gradio_api/call/fn",
        "/gradio_api/call/v2/nothing",
        "/gradio_api/call/v3/classify",
        "/gradio_api/run/predict",
        "/gradio_api/run/classify",
        "/gradio_api/stream/attack/close",
        "/gradio_api/component_server",
        "/gradio_api/vibe-code",
        "/gradio_api/profiling/clear",
        "/queue/join",
        "/upload",
        "/login",
        "/",
    ],
)
def test_other_paths(attack, canary, path):
    assert attack(FORM, path, "multipart/form-data; boundary=x") == 403
    assert attack(call(file(canary)), path) == 403
    assert attack(call(file(canary)), path, method="PUT") == 403


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/proxy={canary}",
        "/gradio_api/proxy=https://user-space.hf.space/gradio_api/file=a",
        "/gradio_api/file={canary}",
        "/gradio_api/file/{canary}",
        "/gradio_api/file={web}/../app.py",
        "/gradio_api/file={web}/%2e%2e/app.py",
        "/gradio_api/file={web}",
        "/gradio_api/file=config.json",
        "/gradio_api/deep_link?session_hash=attack",
        "//gradio_api/deep_link?session_hash=attack",
        "/gradio_api/%64eep_link?session_hash=attack",
        "/gradio_api/deep_link/?session_hash=attack",
        "/gradio_api/upload_progress?upload_id=a",
        "/gradio_api/stream/a/b/1/playlist-file",
        "/gradio_api/dev/reload",
        "/gradio_api/vibe-code",
        "/gradio_api/runs",
        "/gradio_api/run-history/buckets",
        "/gradio_api/custom_component/a/client/component/index.js",
        "/gradio_api/openapi.json",
        "/gradio_api/token",
        "/monitoring",
        "/monitoring/summary",
        "/pwa_icon/100000",
        "/docs",
        "/assets/../../../routes.py",
        "/static/%2e%2e/%2e%2e/routes.py",
    ],
)
def test_other_pages(attack, canary, path):
    path = path.format(canary=canary[0], web=WEB)
    assert attack(path=path, method="GET") == 403
    assert attack(path=path, method="HEAD") == 403


def test_the_page_and_its_scripts_are_served(attack):
    """The positive control: what the test above asks for in vain lies beside what is given."""
    for path in ("/", "/config", "/gradio_api/info", "/theme.css", f"/gradio_api/file={WEB}/encrypted_image.mjs"):
        assert attack(path=path, method="GET") == 200


@pytest.mark.parametrize("query", ["", "?session_hash=", "?session_hash=a&session_hash=b", "?session_hash=../a"])
def test_stream_of_one_session(attack, query):
    assert attack(path=f"/gradio_api/queue/data{query}", method="GET") == 400


def test_websocket(attack):
    headers = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    assert attack(path="/gradio_api/queue/ws", method="GET", **headers, **{"Sec-WebSocket-Key": "YQ=="}) in (400, 403)
