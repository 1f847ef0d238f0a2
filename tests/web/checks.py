"""What both engines must pass: the vectors, and agreement with hf_etc on made-up cases."""

import base64
import io
import json
import random
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hf_etc import EtcImageProcessor, EtcKey, Preparation, get_cipher, list_ciphers, load_rgb
from hf_etc.blocks import Layout
from hf_etc.cipher.plan import Plan
from hf_etc.cipher.spec import all_parameters
from hf_etc.errors import EtcError
from hf_etc.images.ciphertext import read_marker

from .engines import Engine, pack, to_base64, unpack
from .png_files import png_variants

VECTORS = Path(__file__).parents[1] / "vectors"
NOT_DECODED_HERE = {"to_rgb-cmyk"}  # CMYK comes in JPEG alone, and that goes through the browser's decoder
KEY = EtcKey(bytes(range(32)))
PARAMETERS: dict[str, list[dict]] = {
    "etc": [
        {"block_size": 4},
        {"block_size": 1},
        {"block_size": 8, "shared_block_key": True},
        {"block_size": 5, "steps": ["rotation", "color"]},
    ],
    "pe": [{}, {"shuffle_colors": False}],
}


def check_vectors(engine: Engine, not_decoded: frozenset[str] = frozenset()) -> None:
    """Every file of tests/vectors/ but those of which this engine cannot decode the pixels."""
    scenarios = {path.stem: json.loads(path.read_text()) for path in sorted(VECTORS.glob("*.json"))}
    left_out = NOT_DECODED_HERE | not_decoded
    assert len(scenarios) > 800 and set(scenarios) > left_out
    asked = {name: scenario for name, scenario in scenarios.items() if name not in left_out}
    answers = engine.results([{"op": "scenario", "scenario": scenario} for scenario in asked.values()])
    assert {name: answer for name, answer in zip(asked, answers, strict=True) if answer is not None} == {}


def check_vector_runner(engine: Engine) -> None:
    """It notices wrong results, wrong errors and unknown groups."""
    good = json.loads((VECTORS / "key_id-all-one-bits.json").read_text())
    bad = [
        good | {"result": {"key_id": "0" * 16}},
        {key: value for key, value in good.items() if key != "result"} | {"error": "KeyFormatError"},
        good | {"group": "something_new"},
    ]
    answers = engine.results([{"op": "scenario", "scenario": scenario} for scenario in [good, *bad]])
    assert [answer is None for answer in answers] == [True, False, False, False]


def check_ciphers(engine: Engine) -> None:
    """Every registered cipher: plan, id, encryption and decryption, for both key scopes."""
    rng = np.random.default_rng(5)
    assert engine.result("listCiphers") == list_ciphers()
    cases = []
    for name in list_ciphers():
        for params in PARAMETERS.get(name, [{}]):
            for scope in ("dataset", "image"):
                cipher = get_cipher(name, KEY, key_scope=scope, **params)
                height, width = 3 * (cipher.spec.grid * 2), 5 * cipher.spec.grid
                nonce = bytes(rng.integers(0, 256, 16, dtype=np.uint8)) if scope == "image" else None
                cases.append((cipher, rng.integers(0, 256, (height, width, 3), dtype=np.uint8), nonce))
    plans = engine.results([{"op": "plan", **_size(x), **_given(cipher, nonce)} for cipher, x, nonce in cases])
    encrypted = engine.results([{"op": "encrypt", "image": pack(x), **_given(c, nonce)} for c, x, nonce in cases])
    decrypted = engine.results(
        [
            {"op": "decrypt", "image": y, **_given(cipher, nonce)}
            for (cipher, _, nonce), y in zip(cases, encrypted, strict=True)
        ]
    )
    for (cipher, x, nonce), plan, y, back in zip(cases, plans, encrypted, decrypted, strict=True):
        ours = cipher.compile(*x.shape[:2], nonce)
        ours = ours if isinstance(ours, Plan) else Plan.of_layout(ours)
        assert np.array_equal(np.frombuffer(base64.b64decode(plan["index"]), np.uint32), ours.index), cipher
        assert np.array_equal(np.frombuffer(base64.b64decode(plan["mask"]), np.uint8), ours.mask), cipher
        assert plan["symbolBits"] == ours.symbol_bits
        assert plan["id"] == cipher.cipher_id(*x.shape[:2])
        assert np.array_equal(unpack(y), cipher.encrypt(x, nonce)), cipher
        assert not np.array_equal(unpack(y), x)
        assert np.array_equal(unpack(back), x), cipher


def check_layouts(engine: Engine, count: int = 90) -> None:
    """Random windows: on a grid, apart from each other, and thrown without looking, which often share pixels."""
    rng = np.random.default_rng(7)
    operations, expected = [], []
    for number in range(count):
        fields = _random_layout(rng, ("grid", "apart", "thrown")[number % 3])
        pixels = rng.integers(0, 256, (fields["height"], fields["width"], 3), dtype=np.uint8)
        operations.append({"op": "layout", "layout": fields, "second": None, "image": pack(pixels)})
        try:
            layout = Layout(**fields)
        except EtcError as error:
            expected.append((pixels, type(error).__name__, None))
            continue
        second = _random_layout(rng, "grid", *layout.output, layout.block_size)
        operations[-1]["second"] = second
        expected.append((pixels, layout, Layout(**second)))
    for operation, found, (pixels, layout, second) in zip(
        operations, engine.outcomes(operations), expected, strict=True
    ):
        if isinstance(layout, str):
            assert found.get("error") == layout, operation
            continue
        result, applied = found["result"], layout.apply(pixels)
        assert np.array_equal(unpack(result["applied"]), applied), operation
        assert np.array_equal(unpack(result["back"]), layout.undo(applied)), operation
        assert base64.b64decode(result["sent"]) == layout.sent().tobytes(), operation
        assert np.array_equal(Layout(**result["both"]).apply(pixels), second.apply(applied)), operation
        assert (result["inverse"] is None) == (not layout.tiles)
        if layout.tiles:
            assert np.array_equal(Layout(**result["inverse"]).apply(applied), pixels), operation
    refused = [layout for _, layout, _ in expected if isinstance(layout, str)]
    assert set(refused) == {"GeometryError"} and count / 20 < len(refused) < count / 3
    assert sum(not isinstance(layout, str) and layout.tiles for _, layout, _ in expected) > count / 20


def check_processors(engine: Engine) -> None:
    """The id of a processor's configuration, with a size and for any size, and what is refused under it."""
    for size in ((64, 96), None):
        processor = EtcImageProcessor(size=size, block_size=8, key=KEY)
        configuration = {"cipher": processor.spec.to_dict(), "cipher_id": processor.cipher_id, "size": size}
        given = {"key": KEY.reveal(), "configuration": configuration}
        assert engine.result("checkConfiguration", **given)["weaknesses"] == []
        configuration["cipher"] = configuration["cipher"] | {"block_size": 4}
        assert engine.error("checkConfiguration", **given)[0] == "KeyMismatchError"


def check_opaque_rgba(engine: Engine) -> None:
    """The pixels of a canvas: encrypted as RGB; transparent ones are refused."""
    cipher = get_cipher("etc", KEY, block_size=4)
    rgb = np.random.default_rng(0).integers(0, 256, (8, 12, 3), dtype=np.uint8)
    rgba = np.dstack([rgb, np.full((8, 12), 255, np.uint8)])
    found = unpack(engine.result("encrypt", image=pack(rgba), **_given(cipher, None)))
    assert np.array_equal(found[..., :3], cipher.encrypt(rgb))
    assert (found[..., 3] == 255).all()
    rgba[3, 4, 3] = 254
    assert engine.error("encrypt", image=pack(rgba), **_given(cipher, None))[0] == "ImageError"


def check_preparation(engine: Engine, count: int = 120) -> None:
    """Random sizes, fits and filters, off-grid and very tall ones among them."""
    rng, picker = np.random.default_rng(6), random.Random(6)
    operations, expected = [], []
    for _ in range(count):
        height, width = picker.choice([1, 2, 3, 7, 16, 33, 64, 101, 202]), picker.choice([1, 2, 5, 16, 33, 90])
        grid = picker.choice([1, 4, 16])
        size = picker.choice([None, (grid * picker.randint(1, 6), grid * picker.randint(1, 6))])
        fit = picker.choice(["exact", "crop", "pad"] if size is None else ["crop", "pad", "stretch"])
        resample = picker.choice(["bicubic", "bilinear"])
        pixels = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        if picker.random() < 0.3:
            pixels = (pixels > 127) * np.uint8(255)  # overshoots, and is clamped
        options = {"size": size, "fit": fit, "resample": resample}
        operations.append({"op": "prepare", "image": pack(pixels), "options": options, "grid": grid})
        try:
            expected.append(Preparation(size, fit, resample).apply(Image.fromarray(pixels), grid))
        except EtcError as error:
            expected.append(type(error).__name__)
    for operation, found, wanted in zip(operations, engine.outcomes(operations), expected, strict=True):
        if isinstance(wanted, str):
            assert found.get("error") == wanted, operation
        else:
            assert np.array_equal(unpack(found["result"]), wanted), operation["options"]
    assert 5 < sum(isinstance(wanted, str) for wanted in expected) < count / 2


def check_png_inputs(engine: Engine) -> None:
    """Any PNG gives the pixels that Pillow reads from it; of 16 bits the upper eight, where they are asked for."""
    files = dict(png_variants())
    found = engine.results([{"op": "load", "file": to_base64(file), "window": "full"} for file in files.values()])
    wrong = [
        name
        for (name, file), image in zip(files.items(), found, strict=True)
        if not np.array_equal(unpack(image), np.asarray(load_rgb(file, "full")))
    ]
    assert wrong == []
    assert len(files) > 90


def check_windows(engine: Engine) -> None:
    """16-bit grayscale becomes 8 bits by the window that its owner names, as in Python, and by none without."""
    values = np.random.default_rng(8).integers(0, 2**16, (64, 48), dtype=np.uint16)
    file = png_of(Image.fromarray(values))
    for window in ("full", "0:4095", " 40 / 400 ", "-1000:40000.5", "32768/70000", "0:65535"):
        found = unpack(engine.result("load", file=to_base64(file), window=window))
        assert np.array_equal(found, np.asarray(load_rgb(file, window))), window
    for window in ("", "auto", "9:9", "400/-40", "dicom", 7, None):
        with pytest.raises(EtcError) as refused:
            load_rgb(file, window)
        kind, message = engine.error("load", file=to_base64(file), window=window)
        assert kind == ("ParameterError" if window == "dicom" else type(refused.value).__name__)
        assert "MIN:MAX" in message or "white must lie above black" in message or "such as 0:4095" in message
    gray = png_of(Image.fromarray((values >> 8).astype(np.uint8)))
    assert np.array_equal(unpack(engine.result("load", file=to_base64(gray))), np.asarray(load_rgb(gray)))


def png_of(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def check_encrypted_picture(engine: Engine, file: bytes, options: dict, expected: np.ndarray) -> bytes:
    """A picture file becomes the ciphertext file that Python makes of the same prepared pixels.

    Returns:
        The ciphertext file.
    """
    found = engine.result("encryptPicture", file=to_base64(file), key=KEY.reveal(), options=options)
    ciphertext = base64.b64decode(found["bytes"])
    marker = read_marker(ciphertext)
    cipher = get_cipher("etc", KEY, **cipher_options(options))
    assert marker.cipher_id == (cipher.cipher_id(*expected.shape[:2]) if "size" in options else cipher.cipher_id())
    assert marker.to_json() == found["marker"]
    assert np.array_equal(unpack(found["plain"]), expected)
    encrypted = cipher.encrypt(expected, marker.nonce)
    assert np.array_equal(unpack(found["encrypted"]), encrypted)
    decrypted = cipher.unseal(ciphertext)  # Python finds the tag right, too
    assert decrypted.shape == expected.shape
    if options.get("format", "png") == "png":
        assert np.array_equal(np.asarray(Image.open(io.BytesIO(ciphertext))), encrypted)
        sent = cipher.compile(*expected.shape[:2], marker.nonce).sent()[..., None]
        assert np.array_equal(decrypted, np.where(sent, expected, 128))
        assert found["type"] == "image/png"
    return ciphertext


def cipher_options(options: dict) -> dict:
    """Those that are parameters of the cipher etc."""
    return {name: value for name, value in options.items() if name in all_parameters()}


def _random_layout(rng, kind: str, height: int = 0, width: int = 0, size: int = 0) -> dict:
    size = size or int(rng.choice([1, 2, 3, 5]))
    spare = int(rng.integers(1, 4)) if kind == "apart" else 0  # of a window's cell
    height, width = (edge or int(rng.integers(1, 6)) * (size + spare) for edge in (height, width))
    top, left = np.indices((height // (size + spare), width // (size + spare))).reshape(2, -1) * (size + spare)
    if kind == "thrown":
        top, left = rng.integers(0, height - size + 1, 2), rng.integers(0, width - size + 1, 2)
    kept = rng.permutation(len(top))[: len(top) if kind == "thrown" or rng.random() < 0.5 else (len(top) + 1) // 2]
    top, left = (edges[kept] + rng.integers(0, spare + 1, len(kept)) for edges in (top, left))
    codes = {name: rng.integers(0, below, len(kept)) for name, below in (("turn", 8), ("negative", 2), ("color", 6))}
    lists = {name: entries.tolist() for name, entries in {"top": top, "left": left, **codes}.items()}
    columns = int(rng.choice([n for n in range(1, len(kept) + 1) if len(kept) % n == 0]))
    return {"height": height, "width": width, "block_size": size, "columns": columns, **lists}


def _given(cipher, nonce: bytes | None) -> dict:
    return {"key": KEY.reveal(), "params": cipher.spec.to_dict(), "nonce": nonce.hex() if nonce else None}


def _size(pixels: np.ndarray) -> dict:
    return {"height": pixels.shape[0], "width": pixels.shape[1]}
