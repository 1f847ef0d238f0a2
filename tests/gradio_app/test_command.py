"""``hf-etc serve`` and ``hf-etc classify``: messages and exit status."""

import json
import socket

import pytest

from hf_etc import EtcKey
from hf_etc.commands.classify import main as classify
from hf_etc.commands.serve import main as serve
from hf_etc.errors import EtcError, KeyMismatchError, ParameterError, RemoteError
from hf_etc.gradio import build_app, launch

from .support import classify as classify_at
from .support import data_url, file_of, free_port, picture


@pytest.fixture
def files(tmp_path, served):
    served.key.save(tmp_path / "model.key")
    for seed in (1, 2):
        (tmp_path / f"{seed}.png").write_bytes(file_of(picture(seed)))
    return tmp_path


def test_port_in_use(capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ParameterError, match=f"cannot listen at 127.0.0.1, port {port} .*choose --host and --port"):
            serve(["model", "--port", str(port)])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--port", "70000"], "cannot listen"),
        (["--host", "no.such.host.invalid"], "cannot listen"),
        (["--port", "-1"], "cannot listen"),
        (["--port", str(free_port())], "no such folder: .*nothing; give the output folder"),
        (["--port", str(free_port()), "--examples", "nowhere"], "no pictures .* in the folder nowhere"),
    ],
    ids=["large port", "host", "negative port", "model", "examples"],
)
def test_serve_refuses(arguments, message, tmp_path):
    with pytest.raises(EtcError, match=message):
        serve([str(tmp_path / "nothing"), *arguments])


def test_serve_refuses_an_empty_batch(served):
    with pytest.raises(ParameterError, match="max_batch 0"):
        serve([str(served.folder), "--port", str(free_port()), "--max-batch", "0"])


def test_a_slow_start_is_no_failure(served, monkeypatch):
    monkeypatch.setattr("gradio.networking.url_ok", lambda url: False)  # as after three seconds without an answer
    app, port = build_app(served.folder), free_port()
    launch(app, server_port=port, quiet=True, prevent_thread_lock=True)
    try:
        assert classify_at(f"http://127.0.0.1:{port}", data_url(served.client.encrypt(picture(1))[0]))[0] == "complete"
    finally:
        app.close()


def test_classify(served, files, capsys):
    flags = ["--url", served.url, "--key", str(files / "model.key"), "--block-size", "8"]
    expected = served.expected(served.client.encrypt(picture(1))[0])
    best = max(expected, key=expected.get)
    assert classify([str(files / "1.png"), *flags]) == 0
    assert f"1.png: {best} {100 * expected[best]:.1f} %, " in capsys.readouterr().out

    assert classify([str(files / "1.png"), str(files / "nothing.png"), str(files / "2.png"), "--json", *flags]) == 1
    output = capsys.readouterr()
    first, second = map(json.loads, output.out.splitlines())
    assert first["labels"][0]["label"] == best and second["image"].endswith("2.png")
    assert "no such file" in output.err


def test_classify_refuses(served, files):
    EtcKey.generate().save(files / "other.key")
    image, url = str(files / "1.png"), ["--url", served.url]
    with pytest.raises(KeyMismatchError, match="was not made with this key"):
        classify([image, *url, "--key", str(files / "other.key")])
    with pytest.raises(ParameterError, match="the model has block_size=8, expected 16"):
        classify([image, *url, "--key", str(files / "model.key"), "--block-size", "16"])
    with pytest.raises(RemoteError, match="does not answer"):
        classify([image, "--url", "http://127.0.0.1:9", "--key", str(files / "model.key")])
