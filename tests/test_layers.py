"""The import contracts of pyproject.toml hold, and fail when an import breaks one; importing stays light."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import hf_etc

PACKAGE = Path(hf_etc.__file__).parent
CONTRACTS = PACKAGE.parent / "pyproject.toml"


def lint(folder):
    """What lint-imports says of the package in a folder, by the contracts of this one."""
    code = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(sys.argv[1], no_cache=True))"
    command = [sys.executable, "-c", code, str(CONTRACTS)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env={"PYTHONPATH": str(folder)})
    return done.returncode, done.stdout + done.stderr


def test_the_contracts_hold():
    status, said = lint(PACKAGE.parent)
    assert status == 0, said


BROKEN = {
    "A room never imports one above it": ("cipher/etc.py", "def f():\n    from ..data import EncryptImages"),
    "No circle of imports in any room": ("blocks/symmetry.py", "from .layout import Layout"),
    "Networks and blocks reach no key, by no way": ("models/vit.py", "from ..cipher.spec import Streams"),
    "Encrypting needs no Hugging Face library": ("sealing/recipe.py", "def f():\n    import datasets.features"),
    "Encrypting arrays and pictures needs no torch": ("images/load.py", "import torch.nn"),
}


@pytest.fixture(scope="module")
def copied(tmp_path_factory):
    folder = tmp_path_factory.mktemp("copied")
    shutil.copytree(PACKAGE, folder / "hf_etc", ignore=shutil.ignore_patterns("__pycache__", "web", "*.npz"))
    return folder


@pytest.mark.parametrize("contract", BROKEN)
def test_a_broken_contract_fails(copied, contract):
    name, line = BROKEN[contract]
    file = copied / "hf_etc" / name
    whole = file.read_text(encoding="utf-8")
    file.write_text(f"{whole}\n{line}\n", encoding="utf-8")
    try:
        status, said = lint(copied)
    finally:
        file.write_text(whole, encoding="utf-8")
    assert status == 1 and f"{contract} BROKEN" in said, said


def test_a_way_through_other_rooms_is_seen(copied):
    """models -> images -> cipher, with no import of a cipher in models itself."""
    file = copied / "hf_etc" / "models" / "vit.py"
    whole = file.read_text(encoding="utf-8")
    file.write_text(whole + "\nfrom ..images.ciphertext import Marker\n", encoding="utf-8")
    try:
        assert "Networks and blocks reach no key, by no way BROKEN" in lint(copied)[1]
    finally:
        file.write_text(whole, encoding="utf-8")


IMPORT = "import sys, json, hf_etc; {use}; print(json.dumps(sorted({{m.split('.')[0] for m in sys.modules}})))"


def loaded_by(use="0"):
    """Top-level modules that a fresh process holds after importing hf_etc and doing `use`."""
    result = subprocess.run([sys.executable, "-c", IMPORT.format(use=use)], capture_output=True, text=True, check=True)
    return set(json.loads(result.stdout.splitlines()[-1]))


def test_rooms_are_found_without_an_import_of_their_own():
    code = (
        "import hf_etc, sys; absent = {'audit', 'client', 'gradio', 'hub', 'encrypt_dataset'} - set(dir(hf_etc));"
        "print(absent, 'torch' in sys.modules, hf_etc.client.__name__)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.stdout == "set() False hf_etc.client\n", run.stderr


def test_import_is_light():
    assert not loaded_by() & {"torch", "transformers", "datasets", "torchvision", "timm", "evaluate", "accelerate"}
    assert "torch" in loaded_by("import torch"), "the check sees what is loaded"


def test_encrypting_arrays_and_pictures_needs_no_torch():
    use = (
        "import numpy as np; from PIL import Image; c = hf_etc.EtcCipher(hf_etc.EtcKey.generate());"
        "c.unseal(c.seal(np.zeros((16, 16, 3), np.uint8))); c.decrypt(c.encrypt(Image.new('RGB', (16, 16))))"
    )
    assert not loaded_by(use) & {"torch", "transformers", "datasets", "torchvision"}


@pytest.mark.parametrize("name", sorted(hf_etc.__all__))
def test_every_public_name_loads(name):
    assert getattr(hf_etc, name) is not None and name in dir(hf_etc)


def test_unknown_name():
    with pytest.raises(AttributeError, match="module 'hf_etc' has no attribute 'EtcCypher'"):
        hf_etc.EtcCypher  # noqa: B018
