"""The auto classes and pipelines know the processor and the models, in any import order, and fail closed."""

import inspect
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import (
    AutoConfig,
    AutoImageProcessor,
    AutoModelForImageClassification,
    AutoProcessor,
    ViTConfig,
    ViTImageProcessor,
)
from transformers import ViTForImageClassification as ViT
from transformers.image_processing_base import ImageProcessingMixin
from transformers.models.auto.image_processing_auto import IMAGE_PROCESSOR_MAPPING

from hf_etc import EtcImageProcessor, EtcKey, registration
from hf_etc.errors import ParameterError
from hf_etc.models import IsotropicConfig, IsotropicForImageClassification

# One process per import order, forked after torch is loaded (slow, and without influence on the order).
# Each attempt gives "client", "server", a label, or "error: ...".
PROBE = """
import json, os, sys, warnings
from pathlib import Path

import torch, torchvision

folder, orders = Path(sys.argv[1]), json.loads(sys.argv[2])
vit, iso, bare, open_ = folder / "vit", folder / "iso", folder / "bare", folder / "open"
task = "image-classification"
warnings.simplefilter("ignore")


def probe(prelude):
    exec(prelude)
    known = "hf_etc" in sys.modules
    from transformers import AutoImageProcessor, AutoModelForImageClassification, AutoProcessor, ViTConfig
    from transformers import ViTImageProcessor, pipeline

    key = wrong = "no key class here"
    if known:
        from hf_etc import EtcKey

        key, wrong = EtcKey.load(folder / "owner.key"), EtcKey.generate()

    def load(path, **kwargs):
        processor = AutoImageProcessor.from_pretrained(path, **kwargs)
        kind = type(processor).__name__
        return ("client" if processor.is_client else "server") if kind == "EtcImageProcessor" else kind

    def classify(model, image, **kwargs):
        return pipeline(task, model=str(model), **kwargs)(str(folder / image))[0]["label"]

    def features(model, image):
        extract = pipeline("image-feature-extraction", model=str(model))
        return "features" if extract((folder / image).read_bytes())[0] else "nothing"

    def client():
        return AutoImageProcessor.from_pretrained(vit, key=key)

    attempts = {
        "auto": lambda: load(vit),
        "auto, key": lambda: load(vit, key=key),
        "auto, wrong key": lambda: load(vit, key=wrong),
        "auto, pil": lambda: load(vit, backend="pil"),
        "auto, torchvision": lambda: load(vit, backend="torchvision", key=key),
        "auto, other backend": lambda: load(vit, backend="other"),
        "auto, slow": lambda: load(vit, use_fast=False),
        "auto, fast": lambda: load(vit, use_fast=True),
        "auto, ViT config": lambda: load(vit, config=ViTConfig()),
        "auto, bare": lambda: load(bare),
        "auto, bare, ViT config": lambda: load(bare, config=ViTConfig()),
        "pipeline, ciphertext": lambda: classify(vit, "sent.png"),
        "pipeline, jpeg": lambda: classify(vit, "sent.jpeg"),
        "pipeline, webp": lambda: classify(vit, "sent.webp"),
        "pipeline, bytes": lambda: pipeline(task, str(vit))((folder / "sent.png").read_bytes())[0]["label"],
        "pipeline, plain": lambda: classify(vit, "plain.png"),
        "features, bytes": lambda: features(vit, "sent.png"),
        "features, plain": lambda: features(vit, "plain.png"),
        "pipeline, bare": lambda: classify(bare, "plain.png"),
        "client pipeline, plain": lambda: classify(vit, "plain.png", image_processor=client()),
        "client pipeline, ciphertext": lambda: classify(vit, "sent.png", image_processor=client()),
        "iso": lambda: type(AutoModelForImageClassification.from_pretrained(iso)).__name__,
        "iso pipeline": lambda: classify(iso, "sent.png"),
        "iso pipeline, plain": lambda: classify(iso, "plain.png"),
        "open": lambda: load(open_),
        "open, key": lambda: load(open_, key=key),
        "open, key as text": lambda: load(open_, key="a text"),
        "open, key, pil": lambda: load(open_, backend="pil", key=key),
        "open, key, AutoProcessor": lambda: type(AutoProcessor.from_pretrained(open_, key=key)).__name__,
        "open, key, own class": lambda: type(ViTImageProcessor.from_pretrained(open_, key=key)).__name__,
        "open, key, pipeline": lambda: classify(open_, "plain.png", key=key),
        "open, key, pipeline's model": lambda: classify(open_, "plain.png", model_kwargs={"key": key}),
        "AutoProcessor, key": lambda: type(AutoProcessor.from_pretrained(vit, key=key)).__name__,
        "AutoProcessor, wrong key": lambda: type(AutoProcessor.from_pretrained(vit, key=wrong)).__name__,
    }
    results = {}
    for name, attempt in attempts.items():
        try:
            results[name] = attempt()
        except Exception as error:
            results[name] = f"error: {type(error).__name__}: {error}"
    results["watching"] = any("Watcher" in type(finder).__name__ for finder in sys.meta_path)
    return results


for order, prelude in orders.items():
    if os.fork() == 0:
        log = os.open(folder / f"{order}.log", os.O_CREAT | os.O_WRONLY)
        os.dup2(log, 1), os.dup2(log, 2)
        try:
            (folder / f"{order}.json").write_text(json.dumps(probe(prelude)))
        finally:
            os._exit(0)
    os.wait()
"""

LABELS = ("cat", "dog", "bird")
ORDERS = {
    "hf_etc first": "import hf_etc",
    "transformers first": "from transformers import AutoImageProcessor, AutoModelForImageClassification; import hf_etc",
    "only the pipeline first": "from transformers import pipeline; import hf_etc",
    "the models first": "import hf_etc.models",
    "a configuration of transformers after it": "import hf_etc; from transformers import ViTConfig",
    "a model class of transformers after it": "import hf_etc; from transformers import ViTForImageClassification",
    "the processor first": "from hf_etc.processor.image_processing import EtcImageProcessor",
    "a plain processor first": "from transformers import ViTImageProcessor; import hf_etc",
}
WITHOUT = "without hf_etc"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Saved models with the processor, one without, a key file, a plain picture and its ciphertexts."""
    folder = tmp_path_factory.mktemp("models")
    torch.manual_seed(0)
    key = EtcKey.generate()
    key.save(folder / "owner.key")
    processor = EtcImageProcessor(key, size=32, block_size=8)
    labels = {"id2label": dict(enumerate(LABELS)), "label2id": {name: i for i, name in enumerate(LABELS)}}
    tiny = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    ViT(ViTConfig(image_size=32, patch_size=8, **tiny, **labels)).save_pretrained(folder / "vit")
    iso = IsotropicConfig(dim=8, depth=1, patch_size=8, kernel_size=3, image_size=32, **labels)
    IsotropicForImageClassification(iso).save_pretrained(folder / "iso")
    shutil.copytree(folder / "vit", folder / "bare")
    shutil.copytree(folder / "vit", folder / "open")
    ViTImageProcessor(size={"height": 32, "width": 32}).save_pretrained(folder / "open")
    for name in ("vit", "iso"):
        processor.save_pretrained(folder / name)
    plain = Image.fromarray(np.random.default_rng(1).integers(0, 256, (40, 48, 3), np.uint8))
    plain.save(folder / "plain.png")
    for name in ("png", "jpeg", "webp"):
        (folder / f"sent.{name}").write_bytes(processor.encrypt(plain, format=name)[0])
    return folder


def run(*arguments: object) -> subprocess.CompletedProcess:
    """A new interpreter without any key in its environment."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HF_ETC_")}
    environment |= {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-W", "ignore", "-c", *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True)


@pytest.fixture(scope="module")
def probed(folder) -> dict[str, dict]:
    """The results of the probe for every import order, with what was logged."""
    run(PROBE, folder, json.dumps(ORDERS | {WITHOUT: ""}))
    logs = {order: (folder / f"{order}.log").read_text() for order in (*ORDERS, WITHOUT)}
    files = {order: folder / f"{order}.json" for order in logs}
    missing = [logs[order] for order, file in files.items() if not file.exists()]
    assert not missing, missing[0]
    return {order: json.loads(file.read_text()) | {"log": logs[order]} for order, file in files.items()}


SAME_PICTURE = ("pipeline, ciphertext", "pipeline, webp", "pipeline, bytes", "client pipeline, plain")


@pytest.mark.parametrize("order", ORDERS)
def test_auto_classes_and_pipelines_encrypt_or_refuse_in_every_import_order(order, probed):
    found = dict(probed[order])
    assert "not supported" not in found.pop("log")  # what a pipeline logs for a model it does not know
    errors = {name: found.pop(name) for name in list(found) if str(found[name]).startswith("error")}
    labels = {found.pop(name) for name in SAME_PICTURE}
    assert len(labels) == 1 and labels <= set(LABELS)
    assert {found.pop("pipeline, jpeg"), found.pop("iso pipeline")} <= set(LABELS)
    assert found == {
        "watching": False,
        "auto": "server",
        "auto, key": "client",
        "auto, pil": "server",
        "auto, torchvision": "client",
        "auto, other backend": "server",
        "auto, slow": "server",
        "auto, fast": "server",
        "auto, ViT config": "server",
        "iso": "IsotropicForImageClassification",
        "features, bytes": "features",
        "open": "ViTImageProcessor",
        "open, key as text": "ViTImageProcessor",
        "AutoProcessor, key": "EtcImageProcessor",
    }
    assert {name: error.split(": ")[1] for name, error in errors.items()} == {
        "auto, wrong key": "KeyMismatchError",
        "auto, bare": "OSError",
        "auto, bare, ViT config": "OSError",
        "pipeline, plain": "NotACiphertextError",
        "features, plain": "NotACiphertextError",
        "pipeline, bare": "OSError",
        "client pipeline, ciphertext": "AlreadyEncryptedError",
        "iso pipeline, plain": "NotACiphertextError",
        "open, key": "ParameterError",
        "open, key, pil": "ParameterError",
        "open, key, AutoProcessor": "ParameterError",
        "open, key, own class": "ParameterError",
        "open, key, pipeline": "TypeError",
        "open, key, pipeline's model": "ValueError",
        "AutoProcessor, wrong key": "KeyMismatchError",
    }
    assert errors["open, key"] == (
        "error: ParameterError: ViTImageProcessor does not encrypt and would ignore the key; "
        "make a processor that does with EtcImageProcessor(key, ...), and save it beside the model"
    )


def test_without_hf_etc_nothing_loads_and_nothing_is_classified(probed):
    found = {name: result for name, result in probed[WITHOUT].items() if not name.startswith("open")}
    assert found.pop("watching") is False and found.pop("log") is not None
    assert [name for name, result in found.items() if not result.startswith("error")] == []


def test_a_plain_processor_ignores_a_key_where_hf_etc_is_not_there_to_refuse_it(probed):
    assert probed[WITHOUT]["open, key"] == probed[WITHOUT]["open, key, AutoProcessor"] == "ViTImageProcessor"


LOADERS = {
    "from_pretrained": lambda folder, *args, **kwargs: ViTImageProcessor.from_pretrained(folder, *args, **kwargs),
    "from_dict": lambda folder, **kwargs: ViTImageProcessor.from_dict(ViTImageProcessor().to_dict(), **kwargs),
    "__init__": lambda folder, **kwargs: ViTImageProcessor(**kwargs),
}


@pytest.mark.parametrize("name", LOADERS)
def test_a_key_anywhere_among_the_arguments_of_a_plain_processor_is_refused(folder, key, name):
    for arguments in ({"key": key}, {"secret": key}, {"key": key, "return_unused_kwargs": True}):
        with pytest.raises(ParameterError, match=r"^ViTImageProcessor does not encrypt and would ignore the key; "):
            LOADERS[name](folder / "open", **arguments)
    for make in (ViTImageProcessor, AutoImageProcessor):
        with pytest.raises(ParameterError, match="does not encrypt"):
            make.from_pretrained(folder / "open", key)


def test_without_a_key_the_loaders_of_transformers_do_what_they_did(folder):
    registration.register()
    for owner, name in (
        *((ImageProcessingMixin, name) for name in LOADERS),
        (AutoProcessor, "from_pretrained"),
    ):
        guarded = getattr(owner.__dict__[name], "__func__", owner.__dict__[name])
        assert inspect.signature(guarded) == inspect.signature(guarded.__wrapped__)
        assert not hasattr(guarded.__wrapped__, "__wrapped__")  # once, however often it was registered
    arguments = {"do_resize": False, "size": {"height": 8, "width": 8}, "key": "text", "return_unused_kwargs": True}
    before = ImageProcessingMixin.from_pretrained.__func__.__wrapped__(ViTImageProcessor, folder / "open", **arguments)
    after = ViTImageProcessor.from_pretrained(folder / "open", **arguments)
    assert after[0].to_dict() == before[0].to_dict() and after[1] == before[1]
    assert after[0].do_resize is False and after[1]["key"] == "text"
    with pytest.raises(OSError, match="Can't load image processor"):
        ViTImageProcessor.from_pretrained(folder / "bare")


def test_importing_hf_etc_imports_neither_torch_nor_transformers():
    code = "import hf_etc, sys; print(*[m for m in ('torch', 'transformers', 'timm', 'datasets') if m in sys.modules])"
    assert run(code).stdout.split() == []


def test_registering_twice_changes_nothing(folder):
    registration.register()
    before = dict(IMAGE_PROCESSOR_MAPPING._extra_content), list(sys.meta_path)  # noqa: SLF001
    registration.register()
    registration.install()
    assert (dict(IMAGE_PROCESSOR_MAPPING._extra_content), list(sys.meta_path)) == before  # noqa: SLF001
    assert isinstance(AutoConfig.from_pretrained(folder / "iso"), IsotropicConfig)
    assert isinstance(AutoModelForImageClassification.from_pretrained(folder / "iso"), IsotropicForImageClassification)


def test_other_models_keep_their_processors(tmp_path):
    from transformers import ViTImageProcessorPil

    ViTImageProcessor().save_pretrained(tmp_path)
    ViTConfig().save_pretrained(tmp_path)
    assert type(AutoImageProcessor.from_pretrained(tmp_path)) is ViTImageProcessor
    assert type(AutoImageProcessor.from_pretrained(tmp_path, backend="pil")) is ViTImageProcessorPil
    with pytest.raises(KeyError):
        IMAGE_PROCESSOR_MAPPING[IsotropicConfig]


def test_the_watcher_lets_a_failed_import_fail_and_registers_at_the_next_try(tmp_path, monkeypatch):
    """Its own auto module, first broken and then repaired, stands for transformers'."""
    calls = []
    monkeypatch.setattr(registration, "REGISTRARS", {"watched_module": lambda: calls.append(1)})
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "meta_path", [f for f in sys.meta_path if "Watcher" not in type(f).__name__])
    file = tmp_path / "watched_module.py"
    file.write_text("raise RuntimeError('broken')")
    registration.install()
    assert len(sys.meta_path) > 1 and "Watcher" in type(sys.meta_path[0]).__name__
    with pytest.raises(RuntimeError, match="broken"):
        __import__("watched_module")
    assert calls == [] and "watched_module" not in sys.modules
    file.write_text("value = 42  # longer than before, so that no cached bytecode fits")
    assert __import__("watched_module").value == 42
    assert calls == [1] and "Watcher" not in type(sys.meta_path[0]).__name__
    sys.modules.pop("watched_module")
