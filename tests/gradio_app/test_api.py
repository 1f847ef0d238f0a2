"""What the API refuses, each with a line that says what to send; and that the server keeps nothing of it."""

import http.client
import io
import json
import os
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from hf_etc import EtcCipher, EtcImageProcessor, EtcKey

from ..helpers import noise
from .support import classify, data_url, file_of, picture, post

JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def ciphertext(served):
    return served.client.encrypt(picture(1))[0]


def encrypted(key: EtcKey, size=32, **params) -> str:
    return data_url(EtcImageProcessor(key, size=size, **params).encrypt(noise(48, 48, 3))[0])


def without_marker(ciphertext: bytes) -> bytes:
    return file_of(Image.fromarray(np.asarray(Image.open(io.BytesIO(ciphertext)))))


def refused(served, value) -> str:
    event, message = classify(served.url, value)
    assert event == "error" and message.startswith("Refused: "), (event, message)
    return message


def test_accepted(served, ciphertext):
    for kind in ("png", "webp", "jpeg"):
        file = served.client.encrypt(picture(1), kind, 95)[0]
        event, (label, seen) = classify(served.url, data_url(file, kind))
        expected = served.expected(file)
        assert event == "complete"
        assert label["label"] == max(expected, key=expected.get)
        assert [one["confidence"] for one in label["confidences"]] == pytest.approx(
            sorted(expected.values(), reverse=True)[:5], abs=1e-4
        )
        assert seen.count("data:image/png;base64,") == 1


def test_settings_are_the_public_ones(served):
    status, text = post(served.url, b'{"data": []}', "/gradio_api/call/settings")
    stream = urllib.request.urlopen(f"{served.url}/gradio_api/call/settings/{json.loads(text)['event_id']}").read()
    (settings,) = json.loads(stream.decode().split("data: ")[-1])
    assert status == 200
    assert settings == json.loads((served.folder / "preprocessor_config.json").read_text())


def test_plain_image(served):
    plain = served.client.preparation.apply(picture(1), 8)
    assert "this is a plain image (no hf-etc marker); encrypt it first" in refused(
        served, data_url(file_of(Image.fromarray(plain)))
    )
    photo = refused(served, data_url(file_of(picture(1), "JPEG"), "jpeg"))
    assert "the image has 41x69 pixels; send a ciphertext of 32x32 made by hf-etc" in photo


def test_unmarked_ciphertext(served, ciphertext):
    assert "no hf-etc marker" in refused(served, data_url(without_marker(ciphertext)))


def test_damaged_marker(served, ciphertext):
    image, info = Image.open(io.BytesIO(ciphertext)), PngInfo()
    info.add_text("hf-etc", image.info["hf-etc"].replace('"height":32', '"height":33'))
    assert "marker is damaged" in refused(served, data_url(file_of(image, pnginfo=info)))


def test_wrong_geometry(served):
    assert "the image has 64x48 pixels; send a ciphertext of 32x32" in refused(
        served, encrypted(served.key, (64, 48), block_size=8)
    )


def test_decompression_bomb_is_refused_by_its_header(served):
    """12,000x12,000 pixels in 50 kB would be 400 MB once decoded."""
    bomb = file_of(Image.new("1", (12_000, 12_000)), "PNG", optimize=True)
    assert len(bomb) < 60_000
    assert "send a ciphertext of 32x32" in refused(served, data_url(bomb))


def test_other_key(served):
    stranger = EtcKey.generate()
    message = refused(served, encrypted(stranger, block_size=8))
    assert f"the model takes {EtcCipher(served.key, 8).cipher_id(32, 32)}: another key" in message


def test_other_cipher(served):
    assert "encrypted with block_size 16, the model takes block_size 8" in refused(
        served, encrypted(served.key, block_size=16)
    )
    assert "encrypted with key_scope image, the model takes key_scope dataset" in refused(
        served, encrypted(served.key, block_size=8, key_scope="image")
    )


def test_too_large(served, ciphertext):
    limit = 32 * 32 * 3 * 11 // 10 + 2**16
    message = refused(served, data_url(ciphertext + bytes(limit)))
    assert f"more than {limit} bytes" in message
    status, text = post(served.url, b"x" * (limit * 2))
    assert (status, "is larger than" in text) == (413, True)


def test_large_body_without_a_length(served):
    """Sent in pieces, the server stops reading at its limit."""
    host, port = served.url.removeprefix("http://").split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=60)
    pieces = iter([b"x" * 50_000] * 10)
    try:
        connection.request("POST", "/gradio_api/call/classify", pieces, JSON, encode_chunked=True)
        assert connection.getresponse().status == 413
    except (BrokenPipeError, ConnectionResetError):
        pass  # the refusal came while we were still sending
    assert classify(served.url, "x")[0] == "error", "and lives on"


@pytest.mark.parametrize(
    "value",
    [
        "/etc/passwd",
        "C:\\secret.png",
        "https://example.com/picture.png",
        "file:///etc/passwd",
        "",
        None,
        7,
        True,
        [],
        {},
        {"path": "/etc/passwd"},
        {"url": "https://example.com/picture.png"},
        ["data:image/png;base64,AAAA"],
    ],
    ids=str,
)
def test_path_url_or_other_value(served, value):
    assert "send the data URL of a ciphertext image file" in refused(served, value)


def test_file_by_path_is_not_read(served):
    file = {"path": str(served.folder / "config.json"), "meta": {"_type": "gradio.FileData"}}
    assert "a path or URL" in refused(served, file)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("data:image/png;base64,", "not the data URL of a PNG, JPEG or WebP file"),
        ("data:image/png;base64,====", "not the data URL"),
        ("data:image/png;base64,AAAAA", "cut off"),
        ("data:image/png;base64,AA AA", "not the data URL"),
        ("data:image/svg+xml;base64,AAAA", "not the data URL"),
        ("data:text/html,<script>alert(1)</script>", "not the data URL"),
        (data_url(b"no image at all"), "not an image"),
        (data_url(b"\x89PNG\r\n\x1a\n"), "not an image"),
        (data_url(file_of(Image.new("RGB", (32, 32)), "GIF")), "not an image"),
        (data_url(file_of(Image.new("RGB", (32, 32)), "TIFF")), "not an image"),
    ],
    ids=["nothing", "padding", "cut off", "space", "svg", "html", "text", "png start", "gif", "tiff"],
)
def test_malformed_image(served, value, message):
    assert message in refused(served, value)


def test_cut_off_ciphertext(served, ciphertext):
    for length in (60, len(ciphertext) // 2):
        message = refused(served, data_url(ciphertext[:length]))
        assert "truncated" in message or "not an image" in message or "no hf-etc marker" in message


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"data": 1}', b'{"data": [', b"\xff\xfe", b'{"no": 1}'])
def test_malformed_request(served, body):
    status, text = post(served.url, body)
    assert 400 <= status < 500 and "detail" in text


@pytest.mark.parametrize("data", [[], ["a", "b"]], ids=["too few", "too many"])
def test_wrong_number_of_values(served, data):
    status, text = post(served.url, json.dumps({"data": data}).encode())
    if status == 200:
        stream = urllib.request.urlopen(f"{served.url}/gradio_api/call/classify/{json.loads(text)['event_id']}").read()
        assert b"event: error" in stream
    else:
        assert 400 <= status < 500


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/upload",
        "/gradio_api/upload/",
        "/gradio_api/component_server",
        "/gradio_api/process_recording",
        "/gradio_api/stream/abc",
        "/gradio_api/vibe-edit",
        "/gradio_api/run/classify",
        "/gradio_api/api/classify",
        "/gradio_api/run-history/connect",
        "/login",
    ],
)
def test_other_doors_are_shut(served, path):
    """Uploads above all: nothing plain may reach the disk."""
    boundary = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n'
    request = urllib.request.Request(
        served.url + path,
        boundary + file_of(picture(1)) + b"\r\n--x--",
        {"Content-Type": "multipart/form-data; boundary=x"},
    )
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(request, timeout=30)
    assert error.value.code == 403
    assert "this server takes ciphertexts only" in error.value.read().decode()


def test_session_is_not_stored(served):
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(f"{served.url}/gradio_api/deep_link?session_hash=abc", timeout=30)
    assert error.value.code == 403


def test_server_files_are_not_served(served):
    for path in (served.folder / "config.json", "/etc/passwd", Path(__file__)):
        with pytest.raises(urllib.error.HTTPError) as error:
            urllib.request.urlopen(f"{served.url}/gradio_api/file={path}", timeout=30)
        assert error.value.code in (403, 404)


def test_many_at_once(served):
    """64 visitors: each gets the answer to the picture that was sent, refused ones between them too."""
    files = [served.client.encrypt(picture(seed % 16))[0] for seed in range(64)]
    expected = [max(found := served.expected(file), key=found.get) for file in files[:16]]
    answers: list = [None] * 64

    def ask(number: int) -> None:
        value = "nonsense" if number % 8 == 7 else data_url(files[number])
        answers[number] = classify(served.url, value)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, (event, result) in enumerate(answers):
        if number % 8 == 7:
            assert event == "error"
        else:
            assert (event, result[0]["label"]) == ("complete", expected[number % 16])


def test_nothing_was_written(served, served_per_image):
    """After all of the above: not a file, not even a short-lived one, since the first answer."""
    for server in (served, served_per_image):
        classify(server.url, data_url(server.client.encrypt(picture(1))[0]))
        assert server.written() == []


def test_the_watch_notices_files(tmp_path):
    """The positive control of the test above."""
    code = (
        "import os, tempfile; from tests.gradio_app.watched_server import watch; watch(1);"
        "open(os.devnull, 'w'); open('read', 'a').close(); open('read').close();"
        "tempfile.NamedTemporaryFile(prefix='short').close(); os.mkdir('folder')"
    )
    environment = os.environ | {"TMPDIR": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[2])}
    run = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)
    noticed = [(line.split()[0], Path(line.split()[1]).name[:5]) for line in run.stdout.splitlines()]
    assert noticed[0] == ("open", "read") and len([one for one in noticed if one[1] == "read"]) == 1
    assert noticed[-2:] == [("open", "short"), ("os.mkdir", "folde")]
