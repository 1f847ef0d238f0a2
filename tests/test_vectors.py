"""Every scenario of tests/vectors/ on every implementation: hf_etc with NumPy, with torch, and the reference."""

import base64
import hashlib
import json
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from hf_etc import EtcImageProcessor, EtcKey, Preparation, load_rgb, read_ciphertext
from hf_etc.blocks import COLOR_INVERSE, Layout, turn_inverse
from hf_etc.blocks.torch_layout import TorchLayout
from hf_etc.cipher import spec_from_dict
from hf_etc.cipher.keystream import KeyStream
from hf_etc.cipher.plan import Plan
from hf_etc.cipher.spec import cipher_id, make_spec
from hf_etc.errors import EtcError
from hf_etc.images.ciphertext import Marker, check_marked_size
from hf_etc.sealing.cipher import Cipher, tag_of

from .generate_vectors import dump, scenarios
from .reference import runner
from .reference.etc_reference import Refusal

FOLDER = Path(__file__).parent / "vectors"
FILES = sorted(FOLDER.glob("*.json"))
SCENARIOS = {path.stem: json.loads(path.read_text(encoding="ascii")) for path in FILES}


# hf_etc as seen by the vectors: one function per group, from "input" to "result"


def read_key(given):
    return EtcKey(bytes.fromhex(given["key"]))


def reveal_bytes(key):
    return base64.b32decode(key.reveal()[7:].upper() + "======")[:32].hex()


def key_parse(given):
    key = EtcKey.parse(given["text"])
    return {"key": reveal_bytes(key), "key_id": key.key_id, "text": key.reveal()}


def passphrase(given):
    key = EtcKey.from_passphrase(given["passphrase"], given["salt"])
    return {"key": reveal_bytes(key), "key_id": key.key_id}


class InfoRecorder:
    """Stands in for a key and keeps the `info` of what is derived from it."""

    def derive(self, info):
        self.info = info
        return bytes(32)


def derive(given):
    spec = spec_from_dict({"cipher": given["cipher"], **given["parameters"]})
    size = None if given["height"] is None else (given["height"], given["width"])
    if size is not None:
        spec.check_size(*size)
    key, plan_key = read_key(given), None
    if size is not None:
        recorder = InfoRecorder()
        spec.check_nonce(runner.read_nonce(given))
        spec.streams(recorder, *size, runner.read_nonce(given))
        plan_key = key.derive(recorder.info).hex()
    return {"settings": spec.settings(size), "cipher_id": cipher_id(key, spec, size), "plan_key": plan_key}


def tag(given):
    return {"tag": tag_of(read_key(given), given["text"], given["kind"], bytes.fromhex(given["data"]))}


def key_stream(given):
    return KeyStream(bytes.fromhex(given["plan_key"]), given["step"])


def read_cipher(given):
    return Cipher(read_key(given), make_spec(runner.read_cipher_name(given), **given["parameters"]))


def plan(given):
    return show_plan(read_cipher(given).compile(given["height"], given["width"], runner.read_nonce(given)))


def show_plan(compiled):
    compiled = compiled if isinstance(compiled, Plan) else Plan.of_layout(compiled)
    nibbles = {"symbol_bits": 4} if compiled.symbol_bits == 4 else {}
    shown = {"index": runner.show_index(compiled.index.tolist()), "mask": runner.show_bytes(compiled.mask.tobytes())}
    return shown | nibbles


def read_array(given, size=None):
    height, width = size or (given["height"], given["width"])
    return np.frombuffer(runner.read_pixels(given, height * width * 3), np.uint8).reshape(height, width, 3)


def read_tensor(given, size=None):
    return torch.tensor(read_array(given, size)).permute(2, 0, 1)[None]


def show_image(image):
    """An array (H,W,3), or a tensor (1,3,H,W)."""
    pixels = image if isinstance(image, np.ndarray) else image[0].permute(1, 2, 0).contiguous().numpy()
    return {"height": pixels.shape[0], "width": pixels.shape[1], "pixels": runner.show_bytes(pixels.tobytes())}


def encrypt(read_image):
    """With arrays or tensors, in a batch of one."""

    def run(given):
        shown = show_image(read_cipher(given).encrypt(read_image(given), nonces_of(given)))
        size = shown["height"], shown["width"]
        return {"pixels": shown["pixels"]} | runner.show_size(size, given)

    return run


def decrypt(read_image):
    def run(given):
        cipher, size = read_cipher(given), (given["height"], given["width"])
        received = read_image(given, cipher.spec.output_size(*size))
        return {"pixels": show_image(cipher.decrypt_unauthenticated(received, nonces_of(given), size))["pixels"]}

    return run


def nonces_of(given):
    nonce = runner.read_nonce(given)
    return None if nonce is None else [nonce]


def layout(given):
    """That of a batch of one must be the same."""
    cipher, size, nonce = read_cipher(given), (given["height"], given["width"]), runner.read_nonce(given)
    alone = cipher.compile(*size, nonce)
    assert nonce is None or show_layout(cipher.compile(*size, [nonce])[0]) == show_layout(alone)
    return show_layout(alone)


def read_layout(given, name="layout"):
    return Layout(**given[name])


def show_layout(layout):
    values = {field.name: getattr(layout, field.name) for field in fields(layout)}
    return {"layout": {name: v.tolist() if isinstance(v, np.ndarray) else v for name, v in values.items()}}


def layout_undo(given, image):
    return {"pixels": show_image(image)["pixels"], "sent": runner.show_bytes(read_layout(given).sent().tobytes())}


def marker(given):
    found = Marker.from_json(given["text"])
    check_marked_size((given["height"], given["width"]), found)
    facts = {"id": found.cipher_id, "tag": found.tag, **({} if found.nonce is None else {"nonce": found.nonce.hex()})}
    return {"marker": {**found.spec.to_dict(), "height": found.height, "width": found.width, **facts}}


def marker_place(given):
    return {"text": read_ciphertext(base64.b64decode(given["file"])).marker.to_json()}


def authenticate(given):
    ciphertext = read_ciphertext(base64.b64decode(given["file"]))
    expected = given["expected"]
    spec = ciphertext.marker.spec
    if expected is not None:
        spec = spec_from_dict({"cipher": expected["cipher"], **expected["parameters"]})
    Cipher(None if spec.disposable else read_key(given), spec).authenticate(ciphertext)
    data = hashlib.sha256(ciphertext.data()).hexdigest()
    return {"id": ciphertext.marker.cipher_id, "kind": ciphertext.signed, "data": data}


def configuration(given):
    """As the member of a saved processor; what is not cipher, size and id does not matter here.

    A saved processor always has an id, if only null.
    """
    served = given["configuration"]
    height, width = (None, None) if served["size"] is None else served["size"]
    fit = "exact" if served["size"] is None else "crop"
    rest = EtcImageProcessor(size=32, cipher_id="0" * 32).to_dict() | {"fit": fit}
    saved = rest | {"cipher_id": None} | served | {"size": {"encrypted_height": height, "encrypted_width": width}}
    client = EtcImageProcessor.from_dict(saved, key=read_key(given), allow_weak=given["allow_weak"])
    return {"cipher_id": client.cipher_id}


def to_rgb(given):
    image = Image.frombytes(given["mode"], (given["width"], given["height"]), bytes.fromhex(given["samples"]))
    return {"pixels": runner.show_bytes(load_rgb(image, window=given.get("window")).tobytes())}


def prepare(given):
    size = None if given["size"] is None else tuple(given["size"])
    image = Image.fromarray(read_array(given))
    return show_image(Preparation(size, given["fit"], given["resample"]).apply(image, given["block_size"]))


ANY_BACKEND = {
    "key_parse": key_parse,
    "passphrase": passphrase,
    "key_id": lambda given: {"key_id": read_key(given).key_id},
    "derive": derive,
    "tag": tag,
    "stream": lambda given: {"bytes": key_stream(given).read(given["length"]).hex()},
    "permutation": lambda given: {"values": key_stream(given).permutation(given["n"]).tolist()},
    "integers": lambda given: {"values": key_stream(given).integers(given["count"], given["below"]).tolist()},
    "plan": plan,
    "layout": layout,
    "layout_inverse": lambda given: show_layout(read_layout(given).inverse()),
    "layout_then": lambda given: show_layout(read_layout(given).then(read_layout(given, "second"))),
    "layout_plan": lambda given: show_plan(read_layout(given)),
    "marker": marker,
    "marker_place": marker_place,
    "authenticate": authenticate,
    "configuration": configuration,
    "to_rgb": to_rgb,
    "prepare": prepare,
}
RUNNERS = {
    "numpy": ANY_BACKEND
    | {
        "encrypt": encrypt(read_array),
        "decrypt": decrypt(read_array),
        "layout_apply": lambda given: show_image(read_layout(given).apply(read_array(given))),
        "layout_undo": lambda given: layout_undo(given, read_layout(given).undo(read_array(given))),
    },
    "torch": {
        "encrypt": encrypt(read_tensor),
        "decrypt": decrypt(read_tensor),
        "layout_apply": lambda given: show_image(TorchLayout(read_layout(given)).apply(read_tensor(given))),
        "layout_undo": lambda given: layout_undo(given, TorchLayout(read_layout(given)).undo(read_tensor(given))),
    },
    "reference": runner.RUNNERS,
}
GROUPS = set(runner.RUNNERS)


def cases(backend):
    """All scenarios, but for torch only those that reach it; one of an unknown group reaches them all."""
    return [name for name, s in SCENARIOS.items() if s["group"] in RUNNERS[backend] or s["group"] not in GROUPS]


def check(backend, name):
    """Run one scenario and compare the whole result, or the exact error."""
    scenario = SCENARIOS[name]
    run = RUNNERS[backend][scenario["group"]]
    if "result" in scenario:
        assert run(scenario["input"]) == scenario["result"]
        return
    with pytest.raises((EtcError, Refusal)) as caught:
        run(scenario["input"])
    error = caught.value
    assert getattr(error, "kind", type(error).__name__) == scenario["error"], error
    assert "\n" not in str(error), "an error is one line"


@pytest.mark.parametrize("name", cases("numpy"))
def test_numpy(name):
    check("numpy", name)


@pytest.mark.parametrize("name", cases("torch"))
def test_torch(name):
    check("torch", name)


@pytest.mark.parametrize("name", cases("reference"))
def test_reference(name):
    check("reference", name)


# No scenario can be lost on the way


def test_files_are_those_that_the_generator_writes():
    """Fails for a file edited by hand, one left over, one missing and one in a folder of its own."""
    on_disk = {
        p.relative_to(FOLDER).as_posix(): p.read_text(encoding="ascii") for p in FOLDER.rglob("*") if p.suffix != ".md"
    }
    assert on_disk == {name: dump(content) for name, content in scenarios().items()}


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario_is_well_formed(name):
    scenario = SCENARIOS[name]
    outcome = set(scenario) - {"group", "description", "input"}
    assert outcome in ({"result"}, {"error"})
    assert scenario["group"] in GROUPS
    assert name.startswith(scenario["group"] + "-")
    assert set(SCENARIOS[name]) >= {"group", "description", "input"}


def test_every_group_is_described_has_scenarios_and_runs_everywhere():
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert {s["group"] for s in SCENARIOS.values()} == GROUPS == set(RUNNERS["numpy"])
    assert all(f"| `{group}` |" in text for group in GROUPS)


def test_every_scenario_reaches_its_backends():
    assert cases("numpy") == cases("reference") == list(SCENARIOS)
    moving = {"encrypt", "decrypt", "layout_apply", "layout_undo"}
    assert set(RUNNERS["torch"]) == moving
    assert len(cases("torch")) == sum(s["group"] in moving for s in SCENARIOS.values()) > 100


def test_unknown_group_fails(monkeypatch):
    monkeypatch.setitem(SCENARIOS, "polish-shine", {"group": "polish", "description": "", "input": {}, "result": {}})
    for backend in RUNNERS:
        assert "polish-shine" in cases(backend)
        with pytest.raises(KeyError):
            check(backend, "polish-shine")


# The vectors notice a broken backend


def identity(layout):
    """Passes every round trip."""
    return Layout.identity(layout.height, layout.width, layout.block_size)


def without_signs(layout):
    return replace(layout, negative=np.zeros_like(layout.negative))


def turned_backwards(layout):
    return replace(layout, turn=turn_inverse(layout.turn))


def recolored_backwards(layout):
    return replace(layout, color=COLOR_INVERSE[layout.color])


@pytest.mark.parametrize("broken", [identity, without_signs, turned_backwards, recolored_backwards])
def test_broken_torch_backend_is_caught(broken, monkeypatch):
    original = TorchLayout.__init__
    monkeypatch.setattr(TorchLayout, "__init__", lambda self, layout, device: original(self, broken(layout), device))
    for name in ("encrypt-square-of-64-blocks", "encrypt-224-16", "decrypt-image-scope"):
        with pytest.raises(AssertionError):
            check("torch", name)
