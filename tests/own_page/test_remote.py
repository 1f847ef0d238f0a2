"""The HTTP client of a classifier against servers that are up to something."""

import base64
import json

import pytest
from PIL import Image

from hf_etc import EtcImageProcessor, EtcKey, read_marker
from hf_etc.cipher.presets import preset_parameters
from hf_etc.client.classify import EncryptedClassifier
from hf_etc.client.remote import RemoteClassifier, printable
from hf_etc.errors import EtcError, KeyMismatchError, MissingKeyError, ParameterError, RemoteError

from ..secrets import find_secret
from .fake_server import answer_of, confidences, events, fake_server

CALLS = {"/gradio_api/call/settings", "/gradio_api/call/classify"}
NASTY = "cat\x1b]0;owned\x07\x1b[2J\u202e\u2028\x00<img src=x onerror=alert(1)>"
CLEAN = "cat]0;owned[2J <img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def owners_key():
    return EtcKey.generate()


@pytest.fixture
def honest(owners_key):
    """Settings as a classifier gives them."""
    return EtcImageProcessor(owners_key, size=32, block_size=8).to_dict()


@pytest.fixture
def server(honest):
    with fake_server(settings=honest) as running:
        yield running


def test_labels_and_nothing_else_is_asked_for(server, owners_key):
    remote = RemoteClassifier(server.url + "/")
    assert remote.processor(owners_key).is_client
    assert remote.classify("data:image/png;base64,AAAA") == [
        {"label": "cat", "score": 0.75},
        {"label": "dog", "score": 0.25},
    ]
    assert server.paths == CALLS
    assert [json.loads(body) for body in server.bodies] == [{"data": []}, {"data": ["data:image/png;base64,AAAA"]}]


def test_a_server_cannot_have_a_file_of_this_machine(server, owners_key, tmp_path):
    """gradio_client uploads the file that the server's own description names as a default."""
    path = tmp_path / "clinic.key"
    owners_key.save(path)
    file = {"path": str(path), "meta": {"_type": "gradio.FileData"}}
    parameter = {"parameter_name": "x", "parameter_has_default": True, "parameter_default": file, "label": "x"}
    server.settings = server.settings | {"parameters": [parameter], "data": [file]}
    server.answer = [file | {"confidences": [file]}]
    remote = RemoteClassifier(server.url)
    with pytest.raises(EtcError):
        remote.processor(owners_key)
    with pytest.raises(RemoteError):
        remote.classify("data:image/png;base64,AAAA")
    assert server.paths == CALLS
    assert find_secret(owners_key, b"".join(server.bodies)) == []


def test_texts_lose_what_a_terminal_would_act_on(server):
    server.answer = answer_of({NASTY: 1.0})
    assert RemoteClassifier(server.url).classify("x") == [{"label": CLEAN, "score": 1.0}]
    for answer in (events("error", {"error": NASTY}), events("error", NASTY)):
        server.answer = answer
        with pytest.raises(RemoteError) as raised:
            RemoteClassifier(server.url).classify("x")
        assert str(raised.value) == f"{server.url}: {CLEAN}"
    server.settings = {NASTY: 1}
    with pytest.raises(EtcError) as raised:
        RemoteClassifier(server.url).processor()
    assert printable(str(raised.value), 10**6) == str(raised.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"settings": []}, "no settings"),
        ({"settings": None}, "no settings"),
        ({"settings": events("complete", {})}, "no results"),
        ({"settings": events("complete", [])}, "no results"),
        ({"settings": b"event: complete\ndata: {"}, "does not answer as"),
        ({"settings": b"event: complete\ndata: " + b"[" * 50000}, "does not answer as"),
        ({"settings": b"event: heartbeat\ndata: null\n\n" * 5000}, "more than 65536 bytes"),
        ({"settings": b"x" * 2**17}, "more than 65536 bytes"),
        ({"settings": b"event: heartbeat\ndata: null\n\n"}, "cut off"),
        ({"settings": b"\xff\xfe event"}, "does not answer as"),
        ({"event_id": "../../secrets"}, "no event id"),
        ({"event_id": ["a"]}, "no event id"),
        ({"event_id": "a" * 2000}, "does not answer as"),
        ({"status": 302, "headers": {"Location": "/elsewhere"}}, "HTTP 302"),
        ({"status": 500}, "HTTP 500"),
    ],
)
def test_malformed_answers(server, changes, message):
    for name, value in changes.items():
        setattr(server, name, value)
    with pytest.raises(RemoteError, match=message):
        RemoteClassifier(server.url).processor()
    assert all(line.split()[1].startswith("/gradio_api/call/settings") for line in server.asked)


@pytest.mark.parametrize(
    "changes",
    [
        {"cipher": "etc"},
        {"cipher": {"cipher": "\x1b[2J"}},
        {"cipher": {"cipher": "etc", "block_size": 10**30}},
        {"size": {"encrypted_height": "32", "encrypted_width": None}},
        {"size": 7},
        {"fit": []},
        {"resample": {"a": 1}},
        {"image_processor_type": "ViTImageProcessor"},
        {"surprise": 1},
    ],
)
def test_malformed_settings(server, changes):
    server.settings = server.settings | changes
    with pytest.raises(EtcError) as raised:
        RemoteClassifier(server.url).processor()
    assert len(str(raised.value)) < 400 and printable(str(raised.value), 400) == str(raised.value)


@pytest.mark.parametrize(
    "answer",
    [
        [{}],
        ["labels"],
        [{"confidences": "cat"}],
        [{"confidences": [{"label": "cat"}]}],
        [{"confidences": confidences({"cat": float("nan")})}],
        [{"confidences": confidences({"cat": 10**400})}],
        [{"confidences": [{"label": ["cat"], "confidence": 1}]}],
        [{"confidences": {"cat": 1}}],
    ],
)
def test_answers_without_labels(server, answer):
    server.answer = answer
    with pytest.raises(RemoteError, match="gave no labels"):
        RemoteClassifier(server.url).classify("x")


def test_a_million_labels_are_cut(server):
    server.answer = [{"confidences": confidences({str(number): 0.5 for number in range(10**5)})}]
    assert len(RemoteClassifier(server.url).classify("x")) == 100


def test_other_key_and_other_cipher(server, owners_key):
    with pytest.raises(KeyMismatchError):
        RemoteClassifier(server.url).processor(EtcKey.generate())
    with pytest.raises(ParameterError, match="the model has block_size=8, expected 16"):
        EncryptedClassifier(server.url, owners_key, block_size=16)
    assert all(json.loads(body) == {"data": []} for body in server.bodies)


@pytest.mark.parametrize("address", ["", "file:///etc/passwd", "http://", "ftp://a/b", "a b", "http://user@host", "a"])
def test_no_address(address):
    with pytest.raises(ParameterError, match="USER/SPACE"):
        RemoteClassifier(address)


def test_an_address_without_a_scheme(server, owners_key):
    remote = RemoteClassifier(server.url.removeprefix("http://"))
    assert remote.name == server.url and remote.processor(owners_key).is_client
    assert RemoteClassifier("localhost:7860/page").address == "http://localhost:7860/page"
    for address in ("clinic.example", "clinic.example:7860", "clinic:80/page"):
        with pytest.raises(
            ParameterError, match=f"^{address}: write https://{address}, or http:// where it has no TLS$"
        ):
            RemoteClassifier(address)


def test_a_token_goes_to_a_space_alone(server, monkeypatch):
    with pytest.raises(ParameterError, match="give USER/SPACE"):
        RemoteClassifier(server.url, token="hf_secret")

    class Space:
        host = server.url

    monkeypatch.setattr("huggingface_hub.HfApi.space_info", lambda self, name, token: Space())
    remote = RemoteClassifier("clinic/classifier", token="hf_secret")
    assert remote.processor().size is not None
    assert server.paths == {"/gradio_api/call/settings"}
    monkeypatch.setattr(Space, "host", None)
    with pytest.raises(RemoteError, match="does not run"):
        RemoteClassifier("clinic/classifier")


def test_an_unknown_space(monkeypatch):
    def unknown(*_, **__):
        raise OSError("404")

    monkeypatch.setattr("huggingface_hub.HfApi.space_info", unknown)
    with pytest.raises(RemoteError, match="no Space clinic/none on the Hub"):
        RemoteClassifier("clinic/none")


def test_a_model_of_any_key_takes_ones_own_and_those_that_nobody_keeps(owners_key):
    """And a model of one key no other."""
    settings = EtcImageProcessor(size=96, preset="private", block_size=8).to_dict()
    with fake_server(settings=settings, answer=answer_of({"cat": 0.9})) as server:
        for key, options in ((owners_key, {}), (EtcKey.generate(), {}), (None, {"disposable": True})):
            server.bodies.clear()
            with EncryptedClassifier(server.url, key, **preset_parameters("private", 8) | options) as ask:
                assert ask(Image.new("RGB", (96, 96)))[0]["label"] == "cat"
            (sent,) = [data for data in map(json.loads, server.bodies) if data["data"]]
            file = base64.b64decode(sent["data"][0].partition(",")[2])
            assert read_marker(file).size == (48, 48) and read_marker(file).spec.disposable == (key is None)
        with pytest.raises(MissingKeyError):
            EncryptedClassifier(server.url, None)
        with pytest.raises(ParameterError, match="leave the key out"):
            EncryptedClassifier(server.url, owners_key, disposable=True)


def test_a_model_of_one_key_takes_no_disposable_ones(server):
    with pytest.raises(ParameterError, match="the model takes the ciphertexts of one key, no disposable ones"):
        EncryptedClassifier(server.url, None, disposable=True)


def test_what_a_server_says_of_its_model(server):
    """Texts without control characters; a server that says nothing, or something else, is no error."""
    remote = RemoteClassifier(server.url)
    said = {"name": NASTY, "hub_id": None, "classes": [NASTY, 7], "count": 2}
    server.about = said | {"page": NASTY}
    assert remote.about() == {"name": CLEAN, "hub_id": None, "classes": [CLEAN], "count": 2}
    for other in (None, [said], said | {"count": "2"}, said | {"hub_id": 7}, events("error", "no such function"), b""):
        server.about = other
        assert remote.about() is None
