"""The layer table of docs/architecture.md: a lower layer never imports a higher one, not even inside of a function."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import hf_etc

PACKAGE = Path(hf_etc.__file__).parent
TABLE = PACKAGE.parent / "docs" / "architecture.md"
# What each of the two lowest layers may import from elsewhere; higher ones are free.
LIBRARIES = [{"numpy", "PIL", "cryptography"}, {"numpy", "PIL", "cryptography", "torch"}]
# The package's own face names public modules of every layer, loaded on first use.
FACE = {"__init__"}
# A network never learns of a key: `models` imports nothing that holds or takes one.
KEYLESS = {"models"}
KEYED = {"keys", "key_search", "keystream", "cipher", "data", "folders", "image_processing"}

FILES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))
NAMES = [path.as_posix() for path in FILES]


def unit(path):
    """`training/trainer.py` belongs to the unit `training`, `cipher.py` to `cipher`."""
    return path.parts[0].removesuffix(".py")


def read_table(text):
    """Unit -> layer, from the tree in docs/architecture.md: a number holds for the lines below it, too."""
    number, layers = None, {"__main__": 4}
    for line in text[text.index("\nhf_etc/\n") :].split("```")[0].splitlines():
        if found := re.match(r"^ (\d| )  ([a-z_]+)(\.py|/)", line):
            number = int(found[1]) if found[1] != " " else number
            assert found[2] not in layers, f"{found[2]} stands in the table twice"
            layers[found[2]] = number
    return layers


LAYERS = read_table(TABLE.read_text(encoding="utf-8"))


def layer(name):
    assert name in LAYERS, f"hf_etc.{name} is not in the table of docs/architecture.md"
    return LAYERS[name]


def imports(source, path):
    """Absolute dotted names of all that a file imports: statements at any depth, and import_module of a literal."""
    package = ["hf_etc", *path.parts[:-1]]
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            parents = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*parents, *([node.module] if node.module else [])])
            found += [f"{base}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Call) and "import_module" in ast.unparse(node.func):
            found += [
                resolve(argument.value, package) for argument in node.args[:1] if isinstance(argument, ast.Constant)
            ]
    return found


def resolve(name, package):
    dots = len(name) - len(name.lstrip("."))
    return ".".join([*package[: len(package) - dots + 1], name[dots:]]) if dots else name


def own(names):
    """The units of hf_etc among dotted names; public names count as the module that defines them."""
    units = set()
    for name in names:
        parts = name.split(".")
        if parts[0] == "hf_etc" and len(parts) > 1:
            units.add(hf_etc._PUBLIC.get(parts[1], parts[1]).split(".")[0])
    return units - {"__version__"}


def check(source, path):
    """Raise AssertionError for what the table forbids."""
    name, found = unit(path), imports(source, path)
    number = layer(name)
    for used in own(found) - {name}:
        assert layer(used) <= number, f"{path} (layer {number}) imports hf_etc.{used} (layer {layer(used)})"
        assert not (name in KEYLESS and used in KEYED), f"{path} imports hf_etc.{used} and must not know a key"
    if number < len(LIBRARIES):
        foreign = {one.split(".")[0] for one in found} - sys.stdlib_module_names - {"hf_etc"}
        assert foreign <= LIBRARIES[number], f"{path} (layer {number}) imports {foreign - LIBRARIES[number]}"


@pytest.mark.parametrize("name", [name for name in NAMES if name.removesuffix(".py") not in FACE])
def test_file_keeps_its_layer(name):
    check((PACKAGE / name).read_text(encoding="utf-8"), Path(name))


def test_the_table_is_read_whole():
    """A unit of each layer, the first and the last of the list among them, and nothing that is gone."""
    known = {"errors": 0, "keys": 0, "ciphertext": 0, "torch_plan": 1, "cipher": 1, "image_processing": 2, "data": 2}
    known |= {"models": 3, "training": 3, "registration": 4, "cli": 4}
    assert {name: LAYERS.get(name) for name in known} == known
    assert set(LAYERS.values()) == set(range(5))
    units = {unit(Path(name)) for name in NAMES} | {"web"}  # JavaScript
    assert set(LAYERS) <= units, "the table names what does not exist"


def test_the_face_imports_only_what_it_must():
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    eager = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    assert own(imports(ast.unparse(ast.Module(eager, [])), Path("__init__.py"))) <= {"registration"}


FORBIDDEN = {
    "upwards": ("keys.py", "from .cipher import Cipher"),
    "upwards from a package": ("ciphers/new.py", "from ..data import EncryptImages"),
    "inside of a function": ("plan.py", "def f():\n    from . import torch_plan"),
    "for types alone": ("images.py", "if TYPE_CHECKING:\n    from .cipher import Cipher"),
    "by the public name": ("images.py", "from hf_etc import EtcCipher"),
    "by the absolute name": ("images.py", "import hf_etc.training.trainer"),
    "by a string": ("images.py", "import_module('.training', __name__)"),
    "by an absolute string": ("images.py", "importlib.import_module('hf_etc.cli')"),
    "torch below": ("plan.py", "import torch"),
    "torch below, in a function": ("ciphers/etc.py", "def f():\n    import torch.nn"),
    "transformers in layer 1": ("cipher.py", "from transformers import Trainer"),
    "a key in a network": ("models/vit.py", "from ..keys import EtcKey"),
    "a file that is not in the table": ("surprise.py", "import os"),
    "a folder that is not in the table": ("surprise/new.py", "import os"),
    "a module that is not in the table": ("cli.py", "from .surprise import x"),
}


@pytest.mark.parametrize("case", FORBIDDEN)
def test_what_is_forbidden_fails(case):
    path, source = FORBIDDEN[case]
    with pytest.raises(AssertionError):
        check(source, Path(path))


def test_what_is_allowed_passes():
    check("import os, numpy\nfrom PIL import Image\nfrom ..keys import EtcKey", Path("ciphers/new.py"))
    check("from .keys import EtcKey\nfrom hf_etc import EtcCipher\nimport torch", Path("cipher.py"))
    check("from ..errors import EtcError\nimport transformers", Path("models/new.py"))


IMPORT = "import sys, json, hf_etc; {use}; print(json.dumps(sorted({{m.split('.')[0] for m in sys.modules}})))"


def loaded_by(use="0"):
    """Top-level modules that a fresh process holds after importing hf_etc and doing `use`."""
    result = subprocess.run([sys.executable, "-c", IMPORT.format(use=use)], capture_output=True, text=True, check=True)
    return set(json.loads(result.stdout.splitlines()[-1]))


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
