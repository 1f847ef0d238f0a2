"""No false alarm: what this package makes, and data in which chance could plant something."""

from pathlib import Path

import numpy as np
import pytest
from datasets import load_from_disk
from transformers import AutoImageProcessor

from hf_etc import EncryptImages
from hf_etc.data.convert import convert
from hf_etc.hub import check_dataset, check_folder
from hf_etc.hub.cards import dataset_card, model_card
from hf_etc.hub.scan import check_file
from tests.helpers import noise
from tests.hub.samples import numpy_file, parquet

ROOT = Path(__file__).parents[2]


def test_a_trained_model(work):
    names = {path.name for path in (work / "model").iterdir()}
    assert {"config.json", "model.safetensors", "preprocessor_config.json", "evaluation.json"} <= names
    check_folder(work / "model")


@pytest.mark.parametrize("layout", ["parquet", "imagefolder"])
@pytest.mark.parametrize("format", ["png", "jpeg"])
def test_an_encrypted_dataset(work, owner_key, tmp_path, layout, format):
    convert(work / "plain", tmp_path / "out", EncryptImages(owner_key, format=format), layout=layout)
    assert any((tmp_path / "out").rglob("*"))
    check_folder(tmp_path / "out")


def test_a_dataset_with_a_plan_for_every_image(work, owner_key):
    plain = load_from_disk(work / "plain")["test"]
    encrypted = plain.map(EncryptImages(owner_key, key_scope="image"), batched=True)
    assert check_dataset(encrypted).spec.key_scope == "image"


def test_cards(work):
    processor = AutoImageProcessor.from_pretrained(work / "model")
    records = [work / "model" / "evaluation.json"]
    card = str(model_card("clinic/model", processor, "network", records, ["uoft-cs/cifar10"]))
    assert "evaluation" in card.lower() or "accuracy" in card
    check_file("README.md", card.encode())
    encryption = check_dataset(load_from_disk(work / "ciphertexts"))
    check_file("README.md", str(dataset_card("clinic/data", encryption)).encode())


@pytest.mark.parametrize(
    "path", [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))], ids=lambda path: path.name
)
def test_our_own_texts(path):
    check_file(path.name, path.read_bytes())


def test_our_own_code():
    files = sorted((ROOT / "hf_etc").rglob("*.py"))
    assert len(files) > 100
    for path in files:
        if path.name != "rules.py":  # it gives an example of what it looks for
            check_file(path.name, path.read_bytes())


RANDOM = np.random.default_rng(0)
LETTERS = np.frombuffer(b"abcdefghijklmnopqrstuvwxyzABC 0123456789-_./+=\n", np.uint8)
WORDS = [b"sk-", b"hf_", b"the", b"##ing", b"npm_", b"of", b"/home", b"key", b"token"] * 999
CHANCE = {
    "float32 weights": RANDOM.standard_normal(3_000_000, dtype=np.float32).tobytes(),
    "float16 weights": RANDOM.standard_normal(3_000_000).astype(np.float16).tobytes(),
    "int8 weights": RANDOM.integers(-128, 128, 8_000_000, np.int8).tobytes(),
    "7-bit data": RANDOM.integers(0, 128, 1_000_000, np.uint8).tobytes(),
    "random letters": RANDOM.choice(LETTERS, 2**20).tobytes(),
    "a vocabulary": b"\n".join(RANDOM.permutation(WORDS)),
    "a log": b"\n".join(b"2026-01-01 step=%d loss=%.6f token_type=3" % (i, 1 / (i + 1)) for i in range(9999)),
    "large numbers": np.arange(500_000).tobytes(),
    "zeros": bytes(3_000_000),
}


@pytest.fixture(autouse=True)
def no_regular_test_keys(monkeypatch):
    """Those of other tests, such as the bytes 0 to 31, stand in every row of numbers; nobody draws one at random."""
    monkeypatch.setattr("hf_etc.cipher.key_search.live_keys", list)


@pytest.mark.parametrize("name", CHANCE)
def test_nothing_is_found_by_chance(name):
    check_file("model.bin", CHANCE[name])


def test_numbers_in_tables_and_arrays():
    check_file("a.npy", numpy_file(noise(64, 64)))
    check_file("a.parquet", parquet([float(i) for i in range(5000)]))
    check_file("a.parquet", parquet([[i, i + 1] for i in range(2000)]))
