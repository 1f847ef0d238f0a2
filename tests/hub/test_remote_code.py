"""Loading with ``trust_remote_code``: with the package it works without importing it, without it nothing loads."""

import json

import pytest
from transformers import ViTConfig

from hf_etc.errors import INSTALL
from hf_etc.hub.remote_code import with_remote_code

PIP = f"this model needs the package hf_etc; run: {INSTALL}"

# What a stranger tries, with the plain picture at hand; each attempt gives what came, or the error.
ATTEMPTS = """
import builtins, json, sys
def no_answer(question):
    asked.append(question)
    raise EOFError
asked, builtins.input = [], no_answer
from transformers import AutoConfig, AutoImageProcessor, AutoModelForImageClassification, pipeline
attempts = {
    "config": lambda **options: AutoConfig.from_pretrained("tester/remote", **options),
    "model": lambda **options: AutoModelForImageClassification.from_pretrained("tester/remote", **options),
    "processor": lambda **options: AutoImageProcessor.from_pretrained("tester/remote", **options),
    "pipeline": lambda **options: pipeline("image-classification", "tester/remote", **options)("plain.png"),
    "vit": lambda **options: AutoModelForImageClassification.from_pretrained("tester/vit", **options),
    "vit processor": lambda **options: AutoImageProcessor.from_pretrained("tester/vit", **options),
    "vit pipeline": lambda **options: pipeline("image-classification", "tester/vit", **options)("plain.png"),
}
def attempt(load, **options):
    try:
        return type(load(**options)).__name__
    except Exception as error:
        return f"{type(error).__name__}: {error}"
results = {name: {str(trust): attempt(load, trust_remote_code=trust) for trust in (False, True)}
           for name, load in attempts.items()}
results["default"] = {name: attempt(load) for name, load in attempts.items()}
results["asked"] = len(asked)
"""
WITHOUT_PACKAGE = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "hf_etc":
            raise ModuleNotFoundError("No module named 'hf_etc'", name="hf_etc")
sys.meta_path.insert(0, Missing())
"""


@pytest.fixture(scope="module")
def pushed(process, work, owner_key):
    """A network of the package, and one that transformers knows, each with the processor."""
    outcome = process(f"""
        from transformers import ViTConfig, ViTForImageClassification
        from hf_etc import EtcImageProcessor, EtcKey, load_rgb
        from hf_etc.hub import push_model
        key = EtcKey.load("{work}/owner.key")
        tiny = dict(hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8)
        ViTForImageClassification(ViTConfig(image_size=32, patch_size=16, **tiny)).save_pretrained("vit")
        EtcImageProcessor(key, size=32).save_pretrained("vit")
        push_model("vit", "tester/vit")
        push_model("{work}/model", "tester/remote")
        from datasets import load_from_disk
        load_from_disk("{work}/plain")["test"][0]["image"].save("plain.png")
    """)
    assert outcome.status == 0, outcome.text


def results(process, code, name):
    outcome = process(f"{code}\n{ATTEMPTS}\njson.dump(results, open('{name}.json', 'w'))")
    assert outcome.status == 0, outcome.text
    return json.loads((process.folder / f"{name}.json").read_text())


def test_without_the_package_nothing_is_classified_and_the_error_is_the_pip_command(pushed, process):
    found = results(process, WITHOUT_PACKAGE, "without")
    for name in ("config", "model", "pipeline"):
        assert found[name]["True"] == f"ImportError: {PIP}", name
        assert found[name]["False"].startswith("ValueError: The repository tester/remote contains custom code"), name
    for name in ("processor", "vit processor"):
        assert {one.split(" in ")[0] for one in found[name].values()} == {"ValueError: Unrecognized image processor"}
    assert not any(one in ("list", "ImageClassificationPipeline") for one in found["vit pipeline"].values())
    assert set(found["vit"].values()) == {"ViTForImageClassification"}  # weights alone: nothing of ours in them


def test_with_the_package_everything_loads_without_importing_it(pushed, process):
    found = results(process, "", "with")
    assert {name: found[name]["True"].split(":")[0] for name in ("config", "model", "processor", "pipeline")} == {
        "config": "IsotropicConfig",
        "model": "IsotropicForImageClassification",
        "processor": "EtcImageProcessor",
        "pipeline": "NotACiphertextError",
    }


def test_with_the_package_imported_nobody_is_asked(pushed, process):
    """transformers asks about custom code where it finds some and no class of its own for it."""
    found = results(process, "import hf_etc", "imported")
    assert found["asked"] == 0
    for trust in ("True", "False"):
        assert found["default"] == {name: found[name][trust] for name in found["default"]}
    assert {name: result.split(":")[0] for name, result in found["default"].items()} == {
        "config": "IsotropicConfig",
        "model": "IsotropicForImageClassification",
        "processor": "EtcImageProcessor",
        "pipeline": "NotACiphertextError",
        "vit": "ViTForImageClassification",
        "vit processor": "EtcImageProcessor",
        "vit pipeline": "NotACiphertextError",
    }


def test_what_was_loaded_so_classifies_and_is_saved_without_the_package_s_code(pushed, process, work):
    outcome = process(f"""
        import os
        from transformers import AutoImageProcessor, AutoModelForImageClassification
        options = dict(trust_remote_code=True)
        model = AutoModelForImageClassification.from_pretrained("tester/remote", **options).eval()
        processor = AutoImageProcessor.from_pretrained("tester/remote", **options)
        from hf_etc import EtcImageProcessor, EtcKey
        from hf_etc.models import IsotropicForImageClassification
        assert isinstance(processor, EtcImageProcessor) and isinstance(model, IsotropicForImageClassification)
        key = EtcKey.load("{work}/owner.key")
        client = AutoImageProcessor.from_pretrained("tester/remote", key=key, allow_weak=True, **options)
        from datasets import load_from_disk
        picture = load_from_disk("{work}/plain")["test"][0]["image"]
        values = processor(client.encrypt(picture), return_tensors="pt")
        import torch
        assert torch.equal(values.pixel_values, client(picture, return_tensors="pt").pixel_values)
        logits = model(**values).logits

        model.save_pretrained("again")
        client.save_pretrained("again")
        print(sorted(os.listdir("again")), flush=True)
        model = AutoModelForImageClassification.from_pretrained("again", **options).eval()
        processor = AutoImageProcessor.from_pretrained("again", **options)
        assert torch.equal(model(**processor(client.encrypt(picture), return_tensors="pt")).logits, logits)
    """)
    assert outcome.status == 0, outcome.text
    files = ["config.json", "model.safetensors", "modeling_hf_etc.py", "preprocessor_config.json"]
    assert str(files) in outcome.text


def test_the_stub_holds_imports_and_nothing_else(work, tmp_path):
    files = with_remote_code(work / "model")
    assert sorted(files) == ["config.json", "modeling_hf_etc.py"]
    text = files["modeling_hf_etc.py"].decode()
    compile(text, "modeling_hf_etc.py", "exec")
    assert len(text.splitlines()) < 30 and PIP in text
    config = json.loads(files["config.json"])
    assert config.pop("auto_map") == {
        "AutoConfig": "modeling_hf_etc.IsotropicConfig",
        "AutoModelForImageClassification": "modeling_hf_etc.IsotropicForImageClassification",
    }
    assert config == json.loads((work / "model" / "config.json").read_text())
    ViTConfig().save_pretrained(tmp_path)
    assert with_remote_code(tmp_path) == {}
