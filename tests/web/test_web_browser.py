"""etc.mjs in Chromium: the vectors again, and the browser's own decoder."""

import base64
import io
import os

import numpy as np
import pytest
from PIL import Image, ImageCms

from hf_etc import Preparation, get_cipher, load_rgb
from hf_etc.cipher.presets import preset_parameters
from hf_etc.images.ciphertext import read_marker

from . import checks
from .checks import KEY
from .engines import ChromiumEngine, chromium_browser, find_chromium, to_base64, unpack
from .png_files import chunk, exif_orientation

pytest.importorskip("playwright", reason="playwright is not installed: pip install playwright")
pytestmark = pytest.mark.skipif(
    find_chromium() is None and not os.environ.get("CI"), reason="chromium is not installed"
)


@pytest.fixture(scope="module")
def running():
    with chromium_browser() as browser_and_address:
        yield browser_and_address


@pytest.fixture(scope="module")
def chromium(running):
    browser, address = running
    return ChromiumEngine(browser.new_page(), address)


@pytest.fixture
def fresh_page(running):
    browser, address = running
    engine = ChromiumEngine(browser.new_page(), address)
    yield engine
    engine.page.close()


@pytest.fixture(scope="module")
def picture():
    """50x75, smooth with noise."""
    y, x = np.mgrid[0:50, 0:75]
    pixels = np.dstack([x * 3, y * 5, 255 - x - y]) + np.random.default_rng(3).integers(0, 20, (50, 75, 3))
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def test_vectors(chromium):
    checks.check_vectors(chromium)


def test_ciphers_agree_with_python(chromium):
    checks.check_ciphers(chromium)


def test_layouts_agree_with_python(chromium):
    checks.check_layouts(chromium)


def test_processors_agree_with_python(chromium):
    checks.check_processors(chromium)


def test_preparation_agrees_with_python(chromium):
    checks.check_preparation(chromium)


def test_png_inputs_agree_with_pillow(chromium):
    checks.check_png_inputs(chromium)


def test_windows_agree_with_python(chromium):
    checks.check_windows(chromium)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "1", "I;16"])
def test_png_picture(chromium, picture, mode):
    """Resized and encrypted: the same bytes as Python's."""
    image = _with_gradient_alpha(picture, mode) if mode.endswith("A") else picture.convert("L").convert(mode)
    file = _file(image if mode != "RGB" else picture, "PNG")
    window = {"window": "0:4095"} if mode == "I;16" else {}
    for options in (
        {"size": 32, "block_size": 16} | window,
        {"size": [48, 16], "fit": "pad", "resample": "bilinear", "block_size": 8} | window,
    ):
        size = (32, 32) if options["size"] == 32 else tuple(options["size"])
        preparation = Preparation(size, options.get("fit"), options.get("resample", "bicubic"))
        checks.check_encrypted_picture(chromium, file, options, preparation.apply(load_rgb(file, **window)))


@pytest.mark.parametrize(
    ("format", "options"),
    [
        ("JPEG", {"quality": 90, "subsampling": "4:4:4"}),
        ("JPEG", {"quality": 75, "subsampling": "4:2:0"}),
        ("JPEG", {"quality": 75, "subsampling": "4:2:2"}),
        ("JPEG", {"quality": 75, "progressive": True}),
        ("WEBP", {"quality": 80}),
        ("WEBP", {"lossless": True}),
    ],
)
def test_decoded_picture(chromium, picture, format, options):
    """Python's ciphertext of the pixels that the browser decoded, which are Pillow's own in this browser."""
    file = _file(picture, format, **options)
    decoded = unpack(chromium.result("load", file=to_base64(file)))
    prepared = Preparation((32, 48)).apply(Image.fromarray(decoded))
    checks.check_encrypted_picture(chromium, file, {"size": [32, 48], "block_size": 16}, prepared)
    assert np.array_equal(decoded, np.asarray(load_rgb(file)))


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_jpeg_modes(chromium, picture, mode):
    file = _file(picture.convert(mode), "JPEG", quality=85)
    assert np.array_equal(unpack(chromium.result("load", file=to_base64(file))), np.asarray(load_rgb(file)))


def test_transparent_webp(chromium, picture):
    """The canvas keeps colour times alpha, rounded: over white, nothing is lost by that."""
    file = _file(_with_gradient_alpha(picture, "RGBA"), "WEBP", lossless=True, exact=True)
    assert np.array_equal(unpack(chromium.result("load", file=to_base64(file))), np.asarray(load_rgb(file)))


@pytest.mark.parametrize("format", ["JPEG", "WEBP"])
def test_orientation_and_profile(chromium, picture, format):
    """EXIF turns the picture exactly once; a colour profile changes nothing, as in Pillow."""
    for orientation in range(1, 9):
        exif = b"Exif\0\0" + exif_orientation(orientation, ">")
        file = _file(picture, format, quality=90, exif=exif, icc_profile=_swapping_profile())
        expected = np.asarray(load_rgb(file))
        assert expected.shape[:2] == ((50, 75) if orientation < 5 else (75, 50))
        assert np.array_equal(unpack(chromium.result("load", file=to_base64(file))), expected)


def test_ciphertext_files_come_back(chromium, picture):
    given = {"file": to_base64(_file(picture, "PNG")), "key": KEY.reveal()}
    for options in ({"format": "png"}, {"format": "jpeg", "quality": 95}):
        found = chromium.result("encryptPicture", options={"size": 48, "block_size": 16} | options, **given)
        back = unpack(chromium.result("decryptPicture", file=found["bytes"], key=KEY.reveal())).astype(int)
        assert np.abs(back - unpack(found["plain"])).mean() <= (0 if options["format"] == "png" else 6)
    assert chromium.error("load", file=found["bytes"])[0] == "AlreadyEncryptedError"


@pytest.mark.parametrize("format", ["png", "webp", "jpeg"])
def test_python_ciphertexts_are_decrypted(chromium, picture, format):
    """What the tag covers is the same in both, in each format; what was altered is refused before it is decrypted."""
    cipher = get_cipher("etc", KEY, block_size=16)
    pixels = Preparation((48, 64)).apply(picture, 16)
    file = cipher.seal(pixels, format=format)
    found = unpack(chromium.result("decryptPicture", file=to_base64(file), key=KEY.reveal()))
    assert np.array_equal(found, cipher.unseal(file))
    label = read_marker(file).to_json().encode()
    other = label.replace(read_marker(file).tag.encode(), b"0" * 32)
    wrap = {"png": lambda text: chunk(b"tEXt", b"hf-etc\0" + text)}.get(format, bytes)  # a chunk has a checksum
    altered = file.replace(wrap(label), wrap(other))
    assert altered != file
    assert chromium.error("decryptPicture", file=to_base64(altered), key=KEY.reveal())[0] == "AuthenticationError"


def test_a_worker_gives_the_same_bytes(fresh_page, picture):
    """Pictures brought to size, files and refusals, from the worker and from the page."""
    options = {"size": [32, 48], "fit": "pad", "resample": "bilinear"}
    for format in ("PNG", "JPEG", "WEBP"):
        file = to_base64(_file(picture, format))
        given = {"file": file, "key": KEY.reveal(), "options": options | {"block_size": 16}}
        plain = fresh_page.result("encryptPicture", **given)["plain"]
        assert fresh_page.result("prepareBeside", file=file, options=options, grid=16) == plain
        for encoding in ({"format": "png"}, {"format": "jpeg", "quality": 70, "subsampling": "4:2:0"}):
            files = [fresh_page.result(op, image=plain, options=encoding) for op in ("encode", "encodeBeside")]
            assert files[0] == files[1]
    (worker,) = fresh_page.page.workers
    assert worker.url.endswith("/hf_etc/client/web/worker.mjs")
    for bad, size in ((to_base64(b"GIF89a"), 32), (file, 33)):
        wrong = {"file": bad, "options": {"size": size, "block_size": 16}}
        refused = fresh_page.error("encryptPicture", **given | wrong)
        assert fresh_page.error("prepareBeside", file=bad, options={"size": size}, grid=16) == refused


def test_private_preset_as_jpeg(chromium, picture):
    """Whoever has the key gets the blocks back that were sent, but for what JPEG loses; the rest is grey."""
    params = preset_parameters("private", 16)
    options = params | {"size": 96, "format": "jpeg", "quality": 95}
    found = chromium.result("encryptPicture", file=to_base64(_file(picture, "PNG")), key=KEY.reveal(), options=options)
    back = get_cipher("etc", KEY, **params).unseal(base64.b64decode(found["bytes"])).astype(int)
    unsent = (back == 128).all(-1)
    assert unsent.sum() == 96 * 96 - unpack(found["encrypted"]).shape[0] * unpack(found["encrypted"]).shape[1]
    assert np.abs(back - unpack(found["plain"]))[~unsent].mean() < 6


HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(40)


def test_heic_is_named(chromium):
    for brands in (b"heicmif1heic", b"heix....mif1", b"mif1....heic", b"msf1....hevc"):
        file = b"\0\0\0\x18ftyp" + brands[:4] + b"\0\0\0\0" + brands[4:] + bytes(40)
        name, message = chromium.error("load", file=to_base64(file))
        assert (name, message) == ("BrowserError", "this browser cannot read HEIC; save the picture as JPEG or PNG")
    avif = HEIC.replace(b"heic", b"avif")
    assert "not a PNG, JPEG or WebP" in chromium.error("load", file=to_base64(avif))[1]


def test_heic_is_used_where_the_browser_decodes_it(fresh_page, picture):
    """Chromium does not; here it is given a PNG's pixels instead."""
    fresh_page.page.evaluate(
        """(png) => {
            const honest = createImageBitmap;
            globalThis.createImageBitmap = async (blob, ...options) => {
                if (blob.type !== "image/heic") return honest(blob, ...options);
                return honest(await (await fetch(`data:image/png;base64,${png}`)).blob());
            };
        }""",
        to_base64(_file(picture, "PNG")),
    )
    found = unpack(fresh_page.result("load", file=to_base64(HEIC)))
    assert np.array_equal(found, np.asarray(picture))


def test_damaged_files(chromium, picture):
    for format in ("JPEG", "WEBP", "PNG"):
        file = _file(picture, format)
        for damaged in (file[:-30], file[: len(file) // 2], file[:40]):
            assert chromium.error("load", file=to_base64(damaged))[0] == "ImageError"
    frames = _file(picture, "WEBP", save_all=True, append_images=[picture.rotate(90)])
    assert "the image is animated" in chromium.error("load", file=to_base64(frames))[1]


def test_altered_canvas_is_refused(fresh_page, picture):
    """Protection against fingerprinting would turn the picture into noise; PNG does not need the canvas."""
    fresh_page.page.evaluate("""() => {
        const prototype = OffscreenCanvasRenderingContext2D.prototype;
        const honest = prototype.getImageData;
        prototype.getImageData = function (...place) {
            const image = honest.apply(this, place);
            image.data[4 * 7] ^= 1;
            return image;
        };
    }""")
    name, message = fresh_page.error("load", file=to_base64(_file(picture, "JPEG")))
    assert (name, "use a PNG" in message) == ("BrowserError", True)
    assert "data" in fresh_page.result("load", file=to_base64(_file(picture, "PNG")))


def test_insecure_page_is_refused(fresh_page):
    fresh_page.page.evaluate("() => Object.defineProperty(crypto, 'subtle', { value: undefined })")
    name, message = fresh_page.error("parseKey", text=KEY.reveal())
    assert (name, "https" in message) == ("BrowserError", True)


def test_missing_encoder_is_refused(fresh_page, picture):
    given = {"file": to_base64(_file(picture, "PNG")), "key": KEY.reveal()}
    options = {"size": 32, "block_size": 16, "format": "jpeg"}
    fresh_page.page.route("**/*.wasm", lambda route: route.abort())
    name, message = fresh_page.error("encryptPicture", options=options, **given)
    assert (name, "reload the page or use PNG" in message) == ("BrowserError", True)
    fresh_page.page.unroute("**/*.wasm")
    assert fresh_page.result("encryptPicture", options=options, **given)["type"] == "image/jpeg"


def test_nothing_leaves_the_page(fresh_page, picture):
    """The only requests are for the modules themselves, and none has a body; the console stays empty."""
    for format in ("png", "jpeg"):
        given = {"file": to_base64(_file(picture, "JPEG")), "key": KEY.reveal()}
        options = {"size": 32, "block_size": 16, "format": format}
        found = fresh_page.result("encryptPicture", options=options, **given)
        assert base64.b64decode(found["bytes"])
    web = f"{fresh_page.address}/hf_etc/client/web/"
    page, *modules = [request for request in fresh_page.requests if "favicon" not in request[1]]
    tests = f"{fresh_page.address}/tests/web/"
    assert all(method == "GET" and url.startswith((web, tests)) for method, url in [page, *modules])
    assert sum(url.endswith(".wasm") for _, url in modules) == 1
    assert fresh_page.console == []


def _with_gradient_alpha(picture: Image.Image, mode: str) -> Image.Image:
    image = picture.convert(mode)
    image.putalpha(Image.fromarray(np.tile(np.linspace(0, 255, 75).astype(np.uint8), (50, 1))))
    return image


def _swapping_profile() -> bytes:
    """sRGB with red and green exchanged, so that a decoder that applies it is noticed."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return profile.replace(b"rXYZ", b"????").replace(b"gXYZ", b"rXYZ").replace(b"????", b"gXYZ")


def _file(image: Image.Image, format: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()
