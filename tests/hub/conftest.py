"""A Hub, a tiny model and an encrypted dataset, shared by all tests of this folder."""

import os

import pytest
import torch
from datasets import Dataset

from hf_etc import EtcImageProcessor, EtcKey, cli
from hf_etc.hub import push
from hf_etc.models import build_model
from tests.hub.processes import ROOT, Processes
from tests.hub_server import serve_hub
from tests.training.training_helpers import COLORS, TINY, save_both

NETWORK = {name: int(value) for name, _, value in (pair.partition("=") for pair in TINY.split(","))}


@pytest.fixture(scope="session")
def hub():
    with serve_hub() as server:
        yield server


@pytest.fixture(scope="session")
def process(hub, tmp_path_factory):
    """Runs code in new processes that know the Hub and are logged in."""
    folder = tmp_path_factory.mktemp("processes")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING"))}
    environment |= hub.environment | {
        "HF_HOME": str(folder / "home"),
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    processes = Processes(folder, environment)
    yield processes
    processes.close()


@pytest.fixture(scope="session")
def owner_key():
    return EtcKey.generate()


@pytest.fixture(scope="session")
def work(tmp_path_factory, owner_key):
    """`plain` and `ciphertexts`, datasets; `model`, evaluated; `owner.key`, beside and not inside of it."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    folder = save_both(tmp_path_factory.mktemp("work"), owner_key)
    owner_key.save(folder / "owner.key")
    model = build_model("convmixer", id2label=dict(enumerate(COLORS)), image_size=32, **NETWORK)
    model.save_pretrained(folder / "model")
    EtcImageProcessor(owner_key, size=32).save_pretrained(folder / "model")
    arguments = {"model_name_or_path": folder / "model", "dataset_name": folder / "plain", "max_eval_samples": 8}
    arguments |= {"key_file": folder / "owner.key", "jpeg_quality": 85, "eval_split": "test"}
    words = [word for name, value in arguments.items() for word in (f"--{name}", str(value))]
    assert cli.main(["evaluate", *words]) == 0
    return folder


@pytest.fixture
def no_hub(monkeypatch):
    """Nothing is sent, not even asked."""

    def fail(*args, **kwargs):
        raise AssertionError("something was sent")

    monkeypatch.setattr(push, "HfApi", fail)
    monkeypatch.setattr(Dataset, "push_to_hub", fail)
