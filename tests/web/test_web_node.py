"""etc.mjs in Node: everything but the browser's own JPEG and WebP decoder."""

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image, JpegImagePlugin
from PIL.PngImagePlugin import PngInfo

from hf_etc import EtcKey, Preparation, decode_ciphertext, get_cipher
from hf_etc.images.ciphertext import read_marker

from . import checks
from .checks import KEY
from .engines import NodeEngine, find_node, pack, to_base64, unpack
from .png_files import chunk, exif_orientation, make_png

pytestmark = pytest.mark.skipif(find_node() is None, reason="node is not installed")
TEXT = KEY.reveal()
WEBP_PIXELS = frozenset(  # the tag covers them, and the browser decodes them
    f"authenticate-webp{what}"
    for what in ("", "-bytes-behind-riff", "-flipped-bit", "-orientation", "-other-chunks", "-without-vp8x")
)


@pytest.fixture(scope="module")
def node():
    return NodeEngine()


@pytest.fixture(scope="module")
def photograph():
    """A smooth picture with noise, 60x90, as a PNG file."""
    y, x = np.mgrid[0:60, 0:90]
    pixels = np.dstack([x * 2, y * 4, (x + y) % 256]) + np.random.default_rng(3).integers(0, 9, (60, 90, 3))
    return _png(Image.fromarray(pixels.astype(np.uint8)))


def test_vectors(node):
    checks.check_vectors(node, WEBP_PIXELS)


def test_vector_runner_can_fail(node):
    checks.check_vector_runner(node)


def test_ciphers_agree_with_python(node):
    checks.check_ciphers(node)


def test_layouts_agree_with_python(node):
    checks.check_layouts(node)


def test_refused_layouts_say_nothing_of_their_entries(node):
    fields = {"height": 9, "width": 9, "block_size": 3, "columns": 1, "top": [0, 6], "left": [0, 3]}
    fields |= {"turn": [0, 1], "negative": [0, 1], "color": [0, 5]}
    for name in ("top", "left", "turn", "negative", "color"):
        for entries in ([0, 7654], [0, 7654.5], [0, "7654"], [7654] * 3, "7654"):
            error, message = node.error("layout", layout=fields | {name: entries})
            assert error in ("ParameterError", "GeometryError")
            assert "7654" not in message
    image = pack(np.zeros((9, 9, 3), np.uint8))
    assert node.result("layout", layout=fields, image=image)["both"] is None
    for wrong in (image | {"data": ""}, pack(np.zeros((9, 9, 4), np.uint8))):
        assert node.error("layout", layout=fields, image=wrong)[0] == "ImageError"


def test_processors_agree_with_python(node):
    checks.check_processors(node)


def test_rgba(node):
    checks.check_opaque_rgba(node)


def test_preparation_agrees_with_python(node):
    checks.check_preparation(node)


def test_png_inputs_agree_with_pillow(node):
    checks.check_png_inputs(node)


def test_windows_agree_with_python(node):
    checks.check_windows(node)


@pytest.mark.parametrize(
    "options",
    [
        {"size": 48, "block_size": 16},
        {"size": [32, 48], "fit": "pad", "resample": "bilinear", "block_size": 8},
        {"size": [32, 48], "fit": "stretch", "block_size": 4, "key_scope": "image"},
        {"fit": "crop", "block_size": 16},
        {"size": 48, "block_size": 8, "key_scope": "image", "gap": 2, "jitter": 2, "keep": 0.5},
    ],
)
def test_png_picture_to_png_ciphertext(node, photograph, options):
    preparation = Preparation(_size(options.get("size")), options.get("fit"), options.get("resample", "bicubic"))
    pixels = preparation.apply(Image.open(io.BytesIO(photograph)), options.get("block_size", 16))
    ciphertext = checks.check_encrypted_picture(node, photograph, options, pixels)
    expected = checks.cipher_options(options)
    pixels = get_cipher("etc", KEY, **expected).unseal(ciphertext)  # grey where nothing was sent
    for params in (expected, None):
        found = node.result("decryptPicture", file=to_base64(ciphertext), key=TEXT, params=params)
        assert np.array_equal(unpack(found), pixels)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP"])
def test_bare_files(node, photograph, format):
    """What a decoder gets has the same pixels, and nothing that could make it turn or recolour them."""
    exif = b"Exif\0\0" + exif_orientation(6)
    file = _file(Image.open(io.BytesIO(photograph)), format, exif=exif, icc_profile=b"profile", comment=b"hello")
    assert {"exif", "icc_profile"} <= Image.open(io.BytesIO(file)).info.keys()
    bare = Image.open(io.BytesIO(base64.b64decode(node.result("bare", file=to_base64(file)))))
    assert not {"exif", "icc_profile", "comment", "xmp"} & bare.info.keys()
    assert bare.getexif() == {}
    assert np.array_equal(np.asarray(bare), np.asarray(Image.open(io.BytesIO(file))))


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:0"])
@pytest.mark.parametrize("quality", [30, 85, 100])
def test_jpeg_ciphertext(node, photograph, quality, subsampling):
    """libjpeg's tables and sampling; pixels about as close to the ciphertext as Pillow's JPEG is."""
    options = {"size": 48, "block_size": 16, "format": "jpeg", "quality": quality, "subsampling": subsampling}
    expected = Preparation((48, 48)).apply(Image.open(io.BytesIO(photograph)), 16)
    file = checks.check_encrypted_picture(node, photograph, options, expected)
    cipher = get_cipher("etc", KEY, block_size=16)
    encrypted = cipher.encrypt(expected)
    ours = Image.open(io.BytesIO(file))
    sealed = cipher.seal(expected, format="jpeg", quality=quality, subsampling=subsampling)
    theirs = Image.open(io.BytesIO(sealed))
    assert ours.quantization == theirs.quantization
    assert JpegImagePlugin.get_sampling(ours) == JpegImagePlugin.get_sampling(theirs)
    assert "progressive" not in ours.info
    assert _error(ours, encrypted) < 1.5 * _error(theirs, encrypted) + 0.5


def test_python_ciphertexts_are_decrypted(node):
    for scope in ("dataset", "image"):
        cipher = get_cipher("etc", KEY, block_size=8, key_scope=scope)
        pixels = np.random.default_rng(4).integers(0, 256, (16, 24, 3), dtype=np.uint8)
        found = node.result("decryptPicture", file=to_base64(cipher.seal(pixels)), key=TEXT)
        assert np.array_equal(unpack(found), pixels)


def test_reencoded_ciphertext(node):
    """A tag is lost with the file that it was made for; who knows that says so, and names cipher and nonce."""
    pixels = np.random.default_rng(4).integers(0, 256, (16, 24, 3), dtype=np.uint8)
    params, given = {"block_size": 8, "key_scope": "image"}, {"key": TEXT}
    file = get_cipher("etc", KEY, **params).seal(pixels)
    nonce = read_marker(file).nonce.hex()
    again = _png(Image.open(io.BytesIO(file)))
    assert node.error("decryptPicture", file=to_base64(again), **given)[0] == "NotACiphertextError"
    for one in (again, file):
        found = node.result("decryptUnauthenticated", file=to_base64(one), params=params, nonce=nonce, **given)
        assert np.array_equal(unpack(found), pixels)
    other = {"block_size": 4, "key_scope": "image"}  # the caller's parameters count, not the marker's
    found = node.result("decryptUnauthenticated", file=to_base64(file), params=other, nonce=nonce, **given)
    assert not np.array_equal(unpack(found), pixels)
    assert node.error("decryptUnauthenticated", file=to_base64(file), params=params, nonce=None, **given)[0] == (
        "ParameterError"
    )


def test_nonces_are_fresh(node, photograph):
    given = {"file": to_base64(photograph), "key": TEXT, "options": {"size": 32, "block_size": 8, "key_scope": "image"}}
    markers = [json.loads(found["marker"]) for found in node.results([{"op": "encryptPicture", **given}] * 3)]
    assert len({marker["nonce"] for marker in markers}) == 3


def test_key_stays_hidden(node):
    secrets = {TEXT[7:], KEY.reveal().upper()[7:], bytes(range(32)).hex(), to_base64(bytes(range(32)))}
    seen = node.result("exposure", key=TEXT)
    mistyped = [TEXT[:-3] + "aaa", TEXT + "a", TEXT[:-1] + "1", TEXT[7:], "x" + TEXT]
    seen += [node.error("parseKey", text=text)[1] for text in mistyped]
    assert not any(secret[4:24] in text for secret in secrets for text in seen)
    assert any(KEY.key_id in text for text in seen)


def test_refusals(node, photograph):
    rgb = np.zeros((8, 8, 3), np.uint8)
    ciphertext = get_cipher("etc", KEY, block_size=4).seal(rgb)
    text = read_marker(ciphertext).to_json()
    label = PngInfo()
    label.add_text("hf-etc", text)
    other = EtcKey.generate().reveal()
    huge = photograph.replace(photograph[8:33], chunk(b"IHDR", b"\0\0\x40\0\0\0\x40\0" + photograph[24:29]))
    animated = io.BytesIO()
    frames = [Image.fromarray(rgb), Image.fromarray(rgb + 1)]
    frames[0].save(animated, "PNG", save_all=True, append_images=frames[1:])
    rng = np.random.default_rng(0)
    load = {
        b"": "the image file is empty (0 bytes)",
        b"GIF89a": "not a PNG, JPEG or WebP picture; save it as one of these",
        photograph[:-20]: "the image is truncated or damaged",
        photograph[:200]: "the image is truncated or damaged",
        photograph[:60] + b"\0" + photograph[61:]: "damaged",
        make_png(rng, 4, 4, 8, 2).replace(b"IDAT", b"IDAX"): "damaged",
        huge: "16384x16384 is over the limit of 89478485 pixels; make the picture smaller",
        animated.getvalue(): "the image is animated; extract one frame first",
        ciphertext: "this image is encrypted already; decrypt it first",
        _file(Image.fromarray(rgb), "JPEG"): "image/jpeg is decoded by a browser, and this is none that can; use a PNG",
        _file(Image.fromarray(rgb), "JPEG")[:-9]: "the image is truncated or damaged",
        _file(Image.fromarray(rgb), "WEBP")[:-9]: "the image is truncated or damaged",
    }
    found = node.outcomes([{"op": "load", "file": to_base64(file)} for file in load])
    for outcome, message in zip(found, load.values(), strict=True):
        assert message in outcome["message"]
    resized = _png(Image.fromarray(rgb).resize((4, 8)), label)
    altered = _png(Image.fromarray(rgb), label)
    twice = ciphertext[:33] + chunk(b"tEXt", b"hf-etc\0" + text.encode()) + ciphertext[33:]
    decrypt = [
        (photograph, TEXT, None, "NotACiphertextError", "this is a plain image (no hf-etc marker); encrypt it first"),
        (ciphertext, other, None, "KeyMismatchError", "use the other key"),
        (ciphertext, other, {"block_size": 8}, "ParameterError", '"block_size":4'),
        (resized, TEXT, None, "GeometryError", "resized or cropped after encryption"),
        (_png(Image.fromarray(rgb).convert("L"), label), TEXT, None, "MarkerError", "a ciphertext is 8-bit RGB"),
        (twice, TEXT, None, "MarkerError", "2 markers"),
        (altered, TEXT, None, "AuthenticationError", "altered or re-encoded"),
    ]
    operations = [
        {"op": "decryptPicture", "file": to_base64(file), "key": key, "params": params}
        for file, key, params, *_ in decrypt
    ]
    for outcome, (*_, name, message) in zip(node.outcomes(operations), decrypt, strict=True):
        assert outcome["error"] == name
        assert message in outcome["message"]


def test_bad_options(node, photograph):
    given = {"op": "encryptPicture", "file": to_base64(photograph), "key": TEXT}
    cases = [
        ({"size": 40}, "GeometryError"),
        ({"block_size": 7}, "GeometryError"),
        ({"size": 32, "block_size": None}, "ParameterError"),
        ({"size": 32, "block_sise": 16}, "ParameterError"),
        ({"size": 32, "steps": 2}, "ParameterError"),
        ({"size": 32, "steps": [["color"]]}, "ParameterError"),
        ({"size": 32, "shared_block_key": 1}, "ParameterError"),
        ({"size": 32, "key_scope": ["image"]}, "ParameterError"),
        ({"size": 32, "cipher": "rot13"}, "ParameterError"),
        ({"size": 32, "cipher": "toString"}, "ParameterError"),
        ({"size": 0}, "ParameterError"),
        ({"size": [32]}, "ParameterError"),
        ({"size": 32, "fit": "exact"}, "ParameterError"),
        ({"size": 32, "resample": "toString"}, "ParameterError"),
        ({"size": [16, 10**9]}, "ImageError"),
        ({"size": 32, "format": "webp"}, "ParameterError"),
        ({"size": 32, "format": "jpeg", "quality": 0}, "ParameterError"),
        ({"size": 32, "format": "jpeg", "quality": 85.5}, "ParameterError"),
        ({"size": 32, "format": "jpeg", "subsampling": "4:1:1"}, "ParameterError"),
    ]
    found = node.outcomes([given | {"options": {"block_size": 16} | options} for options, _ in cases])
    for outcome, (options, name) in zip(found, cases, strict=True):
        assert outcome.get("error") == name, options


def test_refused_options_of_the_private_mode(node):
    """Values out of range, alone and together, and sizes that leave no block, each with what to do."""
    image = {"key_scope": "image", "block_size": 4}
    makes_no_sense = [
        ({"keep": 0}, "keep 0: must be a multiple of 0.01, from 0.01 to 1"),
        ({"keep": 1.01}, "keep 1.01: must be"),
        ({"keep": 0.005}, "keep 0.005: must be"),
        ({"keep": "0.5"}, 'keep "0.5": must be'),
        ({"gap": -1}, "gap -1: must be a whole number of pixels, 0 to 65535"),
        ({"gap": 65536}, "gap 65536: must be"),
        ({"gap": 1.5}, "gap 1.5: must be"),
        ({"gap": 2, "jitter": 3}, "jitter 3: must be a whole number of pixels, 0 to the gap of 2"),
        ({"jitter": 1}, "jitter 1: must be a whole number of pixels, 0 to the gap of 0"),
        ({"disposable": 1}, "disposable 1: use true or false"),
        ({"keep": 0.5, "steps": ["color"]}, "keep 0.5 needs the step permutation"),
        ({"gap": 2, "key_scope": "dataset"}, 'gap needs a key for each image; use key_scope "image"'),
        ({"disposable": True, "key_scope": "dataset"}, "disposable needs a key for each image"),
    ]
    found = node.outcomes([{"op": "makeSpec", "params": image | params} for params, _ in makes_no_sense])
    for outcome, (_, message) in zip(found, makes_no_sense, strict=True):
        assert outcome["error"] == "ParameterError" and message in outcome["message"]
    does_not_fit = [
        ({"gap": 12}, (15, 15), "a gap of 12 pixels leaves one block of 15x15; use a smaller gap"),
        ({"keep": 0.01}, (16, 16), "keep 0.01 leaves no block of the 4 x 4 blocks"),
        ({"gap": 4, "jitter": 4}, (7, 20), "7x20 is smaller than a block of 4 with a jitter of 4"),
        ({}, (15, 16), "15x16 is not a multiple of the block size 4"),
    ]
    given = {"op": "encrypt", "key": TEXT, "nonce": "00" * 16}
    images = [pack(np.zeros((*size, 3), np.uint8)) for _, size, _ in does_not_fit]
    operations = [
        given | {"image": one, "params": image | case[0]} for one, case in zip(images, does_not_fit, strict=True)
    ]
    for outcome, (*_, message) in zip(node.outcomes(operations), does_not_fit, strict=True):
        assert outcome["error"] == "GeometryError" and message in outcome["message"]


def test_disposable_keys(node, photograph):
    """Python reads the file; the key is refused on the way in, and there is none on the way out."""
    options = {"size": 48, "block_size": 8, "key_scope": "image", "gap": 2, "jitter": 1, "keep": 0.5}
    given = {"op": "encryptPicture", "file": to_base64(photograph), "options": options | {"disposable": True}}
    first, second, refused, missing = node.outcomes(
        [given | {"key": None}] * 2 + [given | {"key": TEXT}, given | {"key": None, "options": options}]
    )
    assert "leave the key out" in refused["message"] and missing["error"] == "MissingKeyError"
    markers = [json.loads(one["result"]["marker"]) for one in (first, second)]
    for name in ("id", "nonce", "tag"):
        assert markers[0][name] != markers[1][name]
    file = base64.b64decode(first["result"]["bytes"])
    pixels, marker = decode_ciphertext(file)
    assert np.array_equal(pixels, unpack(first["result"]["encrypted"])) and marker.spec.disposable
    assert pixels.shape[:2] == marker.spec.output_size(48, 48)
    assert not np.array_equal(pixels, unpack(second["result"]["encrypted"]))
    name, message = node.error("decryptPicture", file=to_base64(file), key=TEXT)
    assert (name, message) == ("KeyMismatchError", "the key of this image was thrown away; nobody can decrypt it")


def test_wrong_pixels(node):
    short = pack(np.zeros((8, 8, 3), np.uint8)) | {"height": 9}
    assert node.error("encrypt", image=short, key=TEXT, params={"block_size": 4}, nonce=None)[0] == "ImageError"


def test_parameters_that_are_none(node):
    """What a page or a file may put in their place, each with a message that names it."""
    cases = {
        None: "null",
        "etc": '"etc"',
        2: "2",
        (): "[]",
        '{"block_size": 16, "steps": 2}': "steps 2: give a list of one or more of permutation",
        '{"block_size": 16, "steps": [["color"]]}': 'steps [["color"]]: give a list',
        '{"block_size": 16, "cipher": ["etc"]}': 'unknown cipher ["etc"]',
        "{}": "needs its block_size",
    }
    for given, message in cases.items():
        params = json.loads(given) if str(given).startswith("{") else given
        name, found = node.error("makeSpec", params=params)
        assert name == "ParameterError"
        assert message in found


def _size(size):
    return (size, size) if isinstance(size, int) else size and tuple(size)


def _error(image: Image.Image, pixels: np.ndarray) -> float:
    """Root mean square difference, in grey levels."""
    return float(np.sqrt(np.mean((np.asarray(image).astype(float) - pixels) ** 2)))


def _png(image: Image.Image, text: PngInfo | None = None) -> bytes:
    return _file(image, "PNG", pnginfo=text)


def _file(image: Image.Image, format: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()
