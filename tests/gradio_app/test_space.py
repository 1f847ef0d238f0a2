"""spaces/encrypted-classifier: what the Hub reads, and that the app is built from it."""

import runpy
from pathlib import Path

import gradio
import pytest
import yaml
from packaging.version import Version

from hf_etc import EtcImageProcessor, load_rgb

SPACE = Path(__file__).parents[2] / "spaces" / "encrypted-classifier"


def test_front_matter():
    text = (SPACE / "README.md").read_text(encoding="utf-8")
    fields = yaml.safe_load(text.split("---\n")[1])
    assert {"title", "emoji", "colorFrom", "colorTo", "short_description", "tags"} <= fields.keys()
    assert fields["sdk"] == "gradio" and fields["license"] == "apache-2.0"
    assert Version("6.31") <= Version(fields["sdk_version"]) < Version("7")
    assert Version(fields["sdk_version"]) <= Version(gradio.__version__), "no newer one than the tests ran with"
    assert (SPACE / fields["app_file"]).is_file()
    assert len(fields["short_description"]) <= 60
    assert "not cryptographic" in text and "recover the key" in text


def test_app(served, monkeypatch):
    monkeypatch.setenv("HF_ETC_MODEL", str(served.folder))
    app = runpy.run_path(str(SPACE / "app.py"))["demo"]
    config = str(app.get_config_file())
    assert EtcImageProcessor.from_pretrained(served.folder).cipher_id in config and "api_name': 'classify'" in config
    for example in sorted((SPACE / "examples").glob("*.png")):
        load_rgb(example)
        assert example.stem in config


def test_app_without_a_model_says_what_to_set(monkeypatch):
    monkeypatch.delenv("HF_ETC_MODEL", raising=False)
    with pytest.raises(SystemExit, match="HF_ETC_MODEL"):
        runpy.run_path(str(SPACE / "app.py"))
