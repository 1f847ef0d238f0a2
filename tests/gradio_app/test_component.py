"""The component and the app as Python objects."""

import subprocess
import sys
import urllib.request
from pathlib import Path

import gradio as gr
import pytest
from PIL import Image

import hf_etc.gradio
from hf_etc import EtcCipher, EtcImageProcessor, EtcKey
from hf_etc.errors import ImageError, ParameterError
from hf_etc.gradio import EncryptedImage, build_app
from hf_etc.gradio.app import _MODES, _about
from hf_etc.models import build_model

from ..helpers import noise
from ..secrets import find_secret
from .support import data_url, file_of, save_model

KEY = EtcKey.generate()


@pytest.fixture
def server():
    return EtcImageProcessor(size=32, block_size=8, cipher_id=EtcCipher(KEY, 8).cipher_id(32, 32))


def test_settings_name_everything_the_page_needs(server):
    with gr.Blocks():
        component = EncryptedImage(server, format="jpeg", quality=70, subsampling="4:2:0", action="Go")
    assert component.props["settings"] == {
        "cipher": server.spec.to_dict(),
        "cipher_id": EtcCipher(KEY, 8).cipher_id(32, 32),
        "size": (32, 32),
        "fit": "crop",
        "resample": "bicubic",
        "format": "jpeg",
        "quality": 70,
        "subsampling": "4:2:0",
        "hosted": True,
        "examples": [],
        "action": "Go",
    }


@pytest.mark.parametrize(
    "options", [{"format": "webp"}, {"format": "gif"}, {"quality": 0}, {"subsampling": "4:1:1"}], ids=str
)
def test_bad_options(server, options):
    with pytest.raises(ParameterError):
        EncryptedImage(server, **options)


def test_processor_with_a_key_is_refused():
    with pytest.raises(ParameterError, match="holds a key"):
        EncryptedImage(EtcImageProcessor(KEY, size=32))


def test_examples_lose_their_metadata_and_are_small(server, tmp_path):
    exif = Image.Exif()
    exif[0x010E] = "taken at home"
    path = tmp_path / "beach.jpg"
    Image.fromarray(noise(700, 900, 3)).save(path, exif=exif)
    with gr.Blocks():
        (example,) = EncryptedImage(server, examples=[path]).props["settings"]["examples"]
    picture = Image.open(urllib.request.urlopen(example["url"]))
    assert (example["name"], picture.size, picture.info) == ("beach", (512, 398), {})
    with pytest.raises(ImageError, match="no such file"):
        EncryptedImage(server, examples=[tmp_path / "nothing.png"])


def test_preprocess_gives_the_checked_image(server):
    (file,) = EtcImageProcessor(KEY, size=32, block_size=8).encrypt(noise(40, 50, 3))
    component = EncryptedImage(server)
    assert component.preprocess(data_url(file)).size == (32, 32)
    assert component.postprocess("anything") is None
    with pytest.raises(gr.Error, match="Refused: this is a plain image"):
        component.preprocess(data_url(file_of(Image.fromarray(noise(32, 32, 3)))))


def test_any_size_has_a_limit():
    server = EtcImageProcessor(block_size=8, cipher_id=EtcCipher(KEY, 8).cipher_id())
    client = EtcImageProcessor(KEY, block_size=8)
    component = EncryptedImage(server)
    assert component.preprocess(data_url(client.encrypt(noise(40, 56, 3))[0])).size == (56, 40)
    with pytest.raises(gr.Error, match="at most 2048x2048"):
        component.preprocess(data_url(file_of(Image.new("RGB", (4096, 1032)))))


def test_no_interface_file_is_written():
    """Gradio would write component.pyi beside component.py, into an installed package."""
    assert list(Path(hf_etc.gradio.__file__).parent.glob("*.pyi")) == []


def test_the_key_is_not_in_the_page(tmp_path):
    key = EtcKey.generate()
    app = build_app(save_model(tmp_path, key, 32, block_size=8))
    assert find_secret(key, str(app.get_config_file())) == []
    assert EtcCipher(key, 8).cipher_id(32, 32) in str(app.get_config_file())


@pytest.mark.parametrize(("scope", "said"), [("dataset", "all of them can be decrypted"), ("image", "put together")])
def test_the_page_says_what_its_mode_does_not_protect(tmp_path, scope, said):
    config = str(
        build_app(save_model(tmp_path, EtcKey.generate(), 32, block_size=8, key_scope=scope)).get_config_file()
    )
    assert _MODES[scope] in config and said in _MODES[scope]
    assert not any(_MODES[other] in config for other in _MODES.keys() - {scope})


def test_a_model_is_described_in_words():
    """What a publisher writes is text; only an id on the Hub makes a link."""
    hostile = "<script>alert(1)</script>"
    shown = _about({"name": hostile, "hub_id": None, "classes": [hostile] * 30, "count": 2000})
    assert "<script" not in shown and "<a " not in shown
    assert "2000 classes</summary>" in shown and shown.endswith("…</details>")
    shown = _about({"name": "clinic/skin", "hub_id": "clinic/skin", "classes": ["a", "b"], "count": 2})
    assert 'href="https://huggingface.co/clinic/skin"' in shown and shown.endswith("2 classes: a, b")


def test_what_is_no_model_of_ciphertexts(tmp_path):
    with pytest.raises(ParameterError, match="cannot load the model"):
        build_app(tmp_path / "nothing")
    build_model("convmixer", 3, dim=16, depth=1, patch_size=8, kernel_size=3).save_pretrained(tmp_path)
    with pytest.raises(ParameterError, match="cannot load the model"):
        build_app(tmp_path)
    from transformers import ViTImageProcessor

    ViTImageProcessor().save_pretrained(tmp_path)
    with pytest.raises(ParameterError, match="is a model of plain images"):
        build_app(tmp_path)
    EtcImageProcessor(block_size=8, cipher_id=EtcCipher(KEY, 8).cipher_id()).save_pretrained(tmp_path)
    with pytest.raises(ParameterError, match="has no fixed size"):
        build_app(tmp_path)


def test_missing_gradio_names_the_extra():
    code = "import sys; sys.modules['gradio'] = None; import hf_etc.gradio"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert 'gradio is not installed; run: pip install "gradio<7,>=6' in run.stderr


def test_a_component_of_any_key_takes_everybodys_ciphertexts():
    """By the size of what is sent, and whoever has its key."""
    options = {"size": 96, "key_scope": "image", "gap": 4, "jitter": 4, "keep": 0.5, "block_size": 8}
    with gr.Blocks():
        component = EncryptedImage(EtcImageProcessor(**options))
    assert component.props["settings"]["cipher_id"] is None and component.props["settings"]["size"] == (96, 96)
    clients = [EtcImageProcessor(KEY, **options), EtcImageProcessor(**options, disposable=True)]
    for client in clients:
        (file,) = client.encrypt(Image.fromarray(noise(96, 96, 3)))
        assert component.preprocess(data_url(file)).size == (64, 32)
    (other,) = EtcImageProcessor(KEY, **options | {"gap": 5}).encrypt(Image.fromarray(noise(96, 96, 3)))
    with pytest.raises(gr.Error, match="Refused"):
        component.preprocess(data_url(other))
