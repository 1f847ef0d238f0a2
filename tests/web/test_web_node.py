"""etc.mjs in Node: everything but the browser's own JPEG and WebP decoder."""

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image, JpegImagePlugin
from PIL.PngImagePlugin import PngInfo

from hf_etc import EtcKey, Preparation, encode_ciphertext, get_cipher

from . import checks
from .checks import KEY
from .engines import NodeEngine, find_node, pack, to_base64, unpack
from .png_files import chunk, exif_orientation, make_png

pytestmark = pytest.mark.skipif(find_node() is None, reason="node is not installed")
TEXT = KEY.reveal()


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
    checks.check_vectors(node)


def test_vector_runner_can_fail(node):
    checks.check_vector_runner(node)


def test_ciphers_agree_with_python(node):
    checks.check_ciphers(node)


def test_rgba(node):
    checks.check_opaque_rgba(node)


def test_preparation_agrees_with_python(node):
    checks.check_preparation(node)


def test_png_inputs_agree_with_pillow(node):
    checks.check_png_inputs(node)


@pytest.mark.parametrize(
    "options",
    [
        {"size": 48},
        {"size": [32, 48], "fit": "pad", "resample": "bilinear", "block_size": 8},
        {"size": [32, 48], "fit": "stretch", "block_size": 4, "key_scope": "image"},
        {"fit": "crop"},
    ],
)
def test_png_picture_to_png_ciphertext(node, photograph, options):
    preparation = Preparation(_size(options.get("size")), options.get("fit"), options.get("resample", "bicubic"))
    pixels = preparation.apply(Image.open(io.BytesIO(photograph)), options.get("block_size", 16))
    ciphertext = checks.check_encrypted_picture(node, photograph, options, pixels)
    assert np.array_equal(unpack(node.result("decryptPicture", file=to_base64(ciphertext), key=TEXT)), pixels)


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
    options = {"size": 48, "format": "jpeg", "quality": quality, "subsampling": subsampling}
    expected = Preparation((48, 48)).apply(Image.open(io.BytesIO(photograph)), 16)
    file = checks.check_encrypted_picture(node, photograph, options, expected)
    cipher = get_cipher("etc", KEY)
    encrypted = cipher.encrypt(expected)
    ours = Image.open(io.BytesIO(file))
    theirs = Image.open(io.BytesIO(encode_ciphertext(encrypted, cipher.marker(48, 48), "jpeg", quality, subsampling)))
    assert ours.quantization == theirs.quantization
    assert JpegImagePlugin.get_sampling(ours) == JpegImagePlugin.get_sampling(theirs)
    assert "progressive" not in ours.info
    assert _error(ours, encrypted) < 1.5 * _error(theirs, encrypted) + 0.5


def test_python_ciphertexts_are_decrypted(node):
    for scope, nonce in (("dataset", None), ("image", bytes(range(16)))):
        cipher = get_cipher("etc", KEY, block_size=8, key_scope=scope)
        pixels = np.random.default_rng(4).integers(0, 256, (16, 24, 3), dtype=np.uint8)
        file = encode_ciphertext(cipher.encrypt(pixels, nonce), cipher.marker(16, 24, nonce))
        assert np.array_equal(unpack(node.result("decryptPicture", file=to_base64(file), key=TEXT)), pixels)


def test_nonces_are_fresh(node, photograph):
    given = {"file": to_base64(photograph), "key": TEXT, "options": {"size": 32, "key_scope": "image"}}
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
    cipher = get_cipher("etc", KEY, block_size=4)
    rgb = np.zeros((8, 8, 3), np.uint8)
    ciphertext = encode_ciphertext(cipher.encrypt(rgb), cipher.marker(8, 8))
    gray = PngInfo()
    gray.add_text("hf-etc", cipher.marker(8, 8).to_json())
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
        animated.getvalue(): "the image is animated (2 frames); extract one frame first",
        ciphertext: "this image is encrypted already; decrypt it first",
        _file(Image.fromarray(rgb), "JPEG"): "image/jpeg is decoded by a browser, and this is none that can; use a PNG",
        _file(Image.fromarray(rgb), "JPEG")[:-9]: "the image is truncated or damaged",
        _file(Image.fromarray(rgb), "WEBP")[:-9]: "the image is truncated or damaged",
    }
    found = node.outcomes([{"op": "load", "file": to_base64(file)} for file in load])
    for outcome, message in zip(found, load.values(), strict=True):
        assert message in outcome["message"]
    resized = _png(Image.fromarray(rgb).resize((4, 8)), gray)
    decrypt = {
        (photograph, TEXT): ("NotACiphertextError", "this is a plain image (no hf-etc marker); encrypt it first"),
        (ciphertext, other): ("KeyMismatchError", "use the other key"),
        (resized, TEXT): ("GeometryError", "resized or cropped after encryption"),
        (_png(Image.fromarray(rgb).convert("L"), gray), TEXT): ("MarkerError", "a ciphertext is 8-bit RGB"),
    }
    found = node.outcomes([{"op": "decryptPicture", "file": to_base64(file), "key": key} for file, key in decrypt])
    for outcome, (name, message) in zip(found, decrypt.values(), strict=True):
        assert outcome["error"] == name
        assert message in outcome["message"]


def test_bad_options(node, photograph):
    given = {"op": "encryptPicture", "file": to_base64(photograph), "key": TEXT}
    cases = [
        ({"size": 40}, "GeometryError"),
        ({}, "GeometryError"),
        ({"size": 32, "block_sise": 16}, "ParameterError"),
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
    found = node.outcomes([given | {"options": options} for options, _ in cases])
    for outcome, (options, name) in zip(found, cases, strict=True):
        assert outcome.get("error") == name, options


def test_wrong_pixels(node):
    short = pack(np.zeros((8, 8, 3), np.uint8)) | {"height": 9}
    assert node.error("encrypt", image=short, key=TEXT, params={}, nonce=None)[0] == "ImageError"


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
