"""The Python client: right answers, and a record of what it sends."""

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from hf_etc import EtcKey, load_rgb
from hf_etc.client.classify import EncryptedClassifier
from hf_etc.client.remote import RemoteClassifier
from hf_etc.commands.classify import main as classify
from hf_etc.errors import AlreadyEncryptedError, KeyMismatchError, ParameterError, RemoteError

from ..secrets import find_secret
from .support import file_of, find_picture, picture


@pytest.mark.parametrize("format", ["png", "webp", "jpeg"])
def test_answers_are_the_models(served, format):
    with EncryptedClassifier(served.url, served.key, block_size=8, format=format) as classify:
        for seed in range(4):
            expected = served.expected(served.client.encrypt(picture(seed), format)[0])
            answer = classify(picture(seed))
            assert [one["label"] for one in answer] == sorted(expected, key=lambda label: -expected[label])[:5]
            assert [one["score"] for one in answer] == pytest.approx(
                [expected[one["label"]] for one in answer], abs=1e-4
            )
        assert repr(classify) == f"EncryptedClassifier({served.url!r}, cipher_id={classify.processor.cipher_id!r})"


def test_key_scope_image(served_per_image):
    with EncryptedClassifier(served_per_image.url, served_per_image.key, key_scope="image") as classify:
        assert len(classify(picture(1))) == 5


def test_neither_key_nor_picture_nor_token_is_sent(served, monkeypatch):
    """And no other host is asked for: the client library would report each start to its makers."""
    token, asked, resolve = "hf_" + "x" * 34, [], socket.getaddrinfo
    monkeypatch.setenv("HF_TOKEN", token)
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *rest, **more: asked.append(host) or resolve(host, *rest, **more)
    )
    served.record.clear()
    file = file_of(picture(7))
    with EncryptedClassifier(served.url, served.key, block_size=8) as classify:
        classify(file)
        classify(picture(8))
    sent = b"".join(served.record.sent)
    prepared = served.client.preparation.apply(load_rgb(file), 8)
    assert find_secret(served.key, sent) == [] and find_picture(file, prepared, sent) == []
    assert sent.count(b"data:image/png;base64,") == 2 and token.encode() not in sent
    assert set(asked) == {"127.0.0.1"}


def test_ciphertexts_and_damaged_files_are_refused_here(served):
    with EncryptedClassifier(served.url, served.key, block_size=8) as classify:
        served.record.clear()
        with pytest.raises(AlreadyEncryptedError):
            classify(served.client.encrypt(picture(1))[0])
        with pytest.raises(ValueError):
            classify(b"nonsense")
        assert b"data:image" not in b"".join(served.record.sent)


def test_key_and_cipher_have_to_be_the_expected_ones(served):
    served.record.clear()
    with pytest.raises(KeyMismatchError, match="was not made with this key"):
        EncryptedClassifier(served.url, EtcKey.generate(), block_size=8)
    for weaker in (
        {"block_size": 16},
        {"size": 64},
        {"block_size": 8, "key_scope": "image"},
        {"block_size": 8, "steps": ["color"]},
        {"cipher": "pe"},
    ):
        with pytest.raises(ParameterError, match=r"the model has .*, expected"):
            EncryptedClassifier(served.url, served.key, **weaker)
    with pytest.raises(ParameterError, match="format"):
        EncryptedClassifier(served.url, served.key, block_size=8, format="gif")
    assert b"data:image" not in b"".join(served.record.sent)


def test_refusal_of_the_server_is_passed_on(served, monkeypatch):
    with EncryptedClassifier(served.url, served.key, block_size=8) as classify:
        monkeypatch.setattr(type(classify.processor), "encrypt", lambda *_: [file_of(picture(1))])
        with pytest.raises(RemoteError, match="Refused: the image has 41x69 pixels"):
            classify(picture(1))


@pytest.mark.parametrize(
    "answer", [b"", b"hello", b"{}", b'{"version": "6.0.0", "components": [], "dependencies": []}']
)
def test_other_servers(answer):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(RemoteError, match="does not answer as a classifier of encrypted images"):
            EncryptedClassifier(f"http://127.0.0.1:{server.server_port}", EtcKey.generate())
        server.shutdown()


@pytest.fixture
def hostile(served, monkeypatch):
    """A server whose every text clears the terminal, hides itself and turns the reading direction."""
    evil, call = "\x1b[2Jcat\r\x9b1m\u202egod\n", RemoteClassifier.ask

    def answer(self, name, values, limit):
        if name == "settings":
            return call(self, name, values, limit)
        return [{"confidences": [{"label": evil, "confidence": 0.5}]}, ""]

    monkeypatch.setattr(RemoteClassifier, "ask", answer)
    return evil


SHOWN = "[2Jcat 1mgod"


def test_labels_are_printed_without_terminal_escapes(served, hostile, tmp_path, capsys):
    served.key.save(tmp_path / "model.key")
    (tmp_path / "a.png").write_bytes(file_of(picture(1)))
    arguments = [str(tmp_path / "a.png"), "--url", served.url, "--key", str(tmp_path / "model.key")]
    assert classify(arguments) == 0
    assert capsys.readouterr().out.endswith(f"a.png: {SHOWN} 50.0 %\n")
    assert classify([*arguments, "--json"]) == 0
    printed = capsys.readouterr().out
    assert printed.isascii() and printed.rstrip("\n").isprintable()
    assert json.loads(printed)["labels"] == [{"label": SHOWN, "score": 0.5}]


def test_settings_of_the_server_are_shown_without_terminal_escapes(served, hostile, monkeypatch):
    for settings in ({"image_processor_type": hostile}, {"image_processor_type": "EtcImageProcessor", hostile: 1}):
        monkeypatch.setattr(RemoteClassifier, "ask", lambda *_, settings=settings: [settings])
        with pytest.raises(ParameterError, match="this is not a saved") as caught:
            EncryptedClassifier(served.url, served.key)
        assert SHOWN in str(caught.value) and str(caught.value).isprintable()


def test_scores_are_numbers(served, hostile, monkeypatch):
    with EncryptedClassifier(served.url, served.key) as classify:
        answer = [{"confidences": [{"label": "cat", "confidence": hostile}]}, ""]
        monkeypatch.setattr(RemoteClassifier, "ask", lambda *_: answer)
        with pytest.raises(RemoteError, match="gave no labels"):
            classify(picture(1))
