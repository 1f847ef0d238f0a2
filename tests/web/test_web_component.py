"""The page part, encrypted_image.mjs, on a static page: what it sends for which key, settings and picture."""

import base64
import io
import json
import os

import numpy as np
import pytest
from PIL import Image

from hf_etc import EtcKey, get_cipher, load_rgb
from hf_etc.images.ciphertext import read_marker

from ..secrets import find_secret
from .checks import KEY, VECTORS
from .engines import chromium_browser, find_chromium
from .weakened import OWNERS, WEAK, WEAKENED

pytest.importorskip("playwright", reason="playwright is not installed: pip install playwright")
pytestmark = pytest.mark.skipif(
    find_chromium() is None and not os.environ.get("CI"), reason="chromium is not installed"
)
OTHERS = {"format": "png", "quality": 85, "subsampling": "4:4:4", "examples": [], "action": "Send"}
NOT_THE_OWNERS = "This key does not belong to the model, or this page asks for another cipher than its owner does."


@pytest.fixture(scope="module")
def running():
    with chromium_browser() as browser_and_address:
        yield browser_and_address


@pytest.fixture
def tabs(running):
    """Makes tabs of one browser, which share its storage."""
    browser, address = running
    context = browser.new_context()
    yield lambda: Tab(context.new_page(), f"{address}/tests/web/component.html")
    context.close()


@pytest.fixture
def tab(tabs):
    tab = tabs()
    yield tab
    assert tab.problems == []


class Tab:
    """A page with the component, once show() was called."""

    def __init__(self, page, address: str) -> None:
        self.page, self.address = page, address
        self.problems: list[str] = []
        page.set_default_timeout(10000)
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("console", lambda message: self.problems.append(message.text) if message.type == "error" else None)

    def show(self, settings: dict) -> "Tab":
        self.page.goto(self.address)
        self.page.wait_for_function("() => Boolean(window.show)")
        self.page.evaluate("settings => show(settings)", OTHERS | settings)
        return self

    def id_of(self, settings: dict) -> str:
        self.page.goto(self.address)
        self.page.wait_for_function("() => Boolean(window.performAll)")
        given = {"op": "cipherId", "key": KEY.reveal(), "params": settings["cipher"], "size": settings["size"]}
        return self.page.evaluate("operations => performAll(operations)", [given])[0]["result"]

    def part(self, name: str):
        return self.page.locator(f"[data-id={name}]")

    def open_key(self, text: str = KEY.reveal()) -> None:
        self.part("key-file").set_input_files({"name": "a.key", "mimeType": "", "buffer": text.encode()})

    def open_picture(self, file: bytes) -> None:
        self.part("picture-file").set_input_files({"name": "a.png", "mimeType": "image/png", "buffer": file})

    def wait_for(self, what: str, text: str) -> None:
        script = "([what, text]) => document.querySelector(`[data-id=${what}-status]`).textContent.includes(text)"
        self.page.wait_for_function(script, arg=[what, text])

    def delivered(self) -> list:
        return self.page.evaluate("() => delivered")

    def send(self) -> bytes:
        self.page.wait_for_selector("[data-id=send]:enabled")
        self.part("send").click()
        return base64.b64decode(self.delivered()[-1].split(",")[1])

    def refuses_to_send(self) -> bool:
        self.wait_for("picture", "Nothing can be sent")
        self.part("send").evaluate("(button) => { button.disabled = false; button.click(); }")
        return self.delivered() == []


@pytest.fixture(scope="module")
def owners(running):
    """The settings that the owner's own page has."""
    browser, address = running
    with browser.new_context() as context:
        tab = Tab(context.new_page(), f"{address}/tests/web/component.html")
        return OWNERS | {"cipher_id": tab.id_of(OWNERS)}


@pytest.fixture(scope="module")
def picture():
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def test_a_16_bit_picture_waits_for_its_window(tab, owners):
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(2).integers(0, 2**12, (64, 64), dtype=np.uint16)).save(buffer, "PNG")
    tab.show(owners)
    tab.open_key()
    assert not tab.part("window-entry").is_visible()
    tab.open_picture(buffer.getvalue())
    tab.wait_for("picture", "nothing says which values become black and white")
    assert tab.part("send").is_disabled()
    tab.part("window").fill("4095:0")
    tab.part("window").press("Enter")
    tab.wait_for("picture", "white must lie above black")
    tab.part("window").fill("0:4095")
    tab.part("window").press("Enter")
    tab.wait_for("picture", "Ready")
    expected = np.asarray(load_rgb(buffer.getvalue(), window="0:4095"))
    assert np.array_equal(get_cipher("etc", KEY, block_size=8).unseal(tab.send()), expected)


def test_the_owners_page_sends(tab, owners, picture):
    tab.show(owners)
    tab.wait_for("key", f"Open the model's key (model {owners['cipher_id'][:8]}…)")
    tab.open_picture(picture)
    tab.wait_for("picture", "Picture chosen. Now open your key")
    tab.open_key()
    tab.wait_for("key", f"✓ {owners['cipher_id'][:8]}…: the model's key")
    tab.wait_for("picture", "Ready")
    assert tab.delivered() == []
    file = tab.send()
    assert read_marker(file).cipher_id == owners["cipher_id"]
    pixels = np.asarray(Image.open(io.BytesIO(picture)))
    assert np.array_equal(get_cipher("etc", KEY, block_size=8).unseal(file), pixels)
    assert not tab.part("weak").is_visible()


def test_a_picture_is_shown_before_there_is_a_key(tab, owners, picture):
    """As it will be encrypted; the ciphertext says what it does not hide."""
    tab.show(owners)
    tab.open_picture(picture)
    tab.wait_for("picture", "Picture chosen. Now open your key")
    shown = tab.part("plain").evaluate("(canvas) => canvas.toDataURL()")
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(shown.split(",")[1]))).convert("RGB"))
    assert np.array_equal(pixels, np.asarray(Image.open(io.BytesIO(picture))))
    assert tab.part("plain").is_visible() and not tab.part("encrypted").is_visible()
    assert tab.part("blocks").text_content() == ""
    tab.open_key()
    tab.wait_for("picture", "Ready")
    assert tab.part("encrypted").is_visible()
    assert tab.part("blocks").inner_text() == "Inside a block of 8 × 8 pixels everything stays visible"


def test_no_key_goes_to_the_worker(tab, owners, picture):
    tab.page.add_init_script("""
        window.posted = [];
        const post = Worker.prototype.postMessage;
        Worker.prototype.postMessage = function (message, ...others) {
            posted.push(JSON.stringify(message));
            return post.call(this, message, ...others);
        };
    """)
    for _ in range(2):
        tab.show(owners | {"format": "jpeg"})
        tab.open_key()
        tab.open_picture(picture)
        tab.send()
        posted = [json.loads(text) for text in tab.page.evaluate("posted")]
        assert [one["name"] for one in posted] == ["getReady", "prepare", "encode", "decode"]
        given = [set(one["given"]) for one in posted]
        assert given == [{"format"}, {"file", "window", "options", "grid"}, {"image", "options"}, {"bytes"}]
        assert find_secret(KEY, json.dumps(posted)) == []


def test_the_page_decodes_nothing_itself(tab, owners, picture):
    tab.page.add_init_script("window.createImageBitmap = () => { throw new Error('in the page'); };")
    tab.show(owners)
    tab.open_key()
    file = io.BytesIO()
    Image.open(io.BytesIO(picture)).save(file, "JPEG")
    tab.open_picture(file.getvalue())
    tab.send()


@pytest.mark.parametrize("missing", ["unknown to the browser", "refused", "not found"])
def test_without_a_worker_the_page_does_the_work(tabs, owners, picture, missing):
    tab = tabs()
    if missing == "unknown to the browser":
        tab.page.add_init_script("delete window.Worker;")
    elif missing == "refused":
        tab.page.add_init_script("window.Worker = class { constructor() { throw new Error('refused'); } };")
    else:
        tab.page.route("**/worker.mjs", lambda route: route.abort())
    tab.show(owners)
    tab.open_key()
    tab.open_picture(picture)
    pixels = np.asarray(Image.open(io.BytesIO(picture)))
    assert np.array_equal(get_cipher("etc", KEY, block_size=8).unseal(tab.send()), pixels)


def test_work_is_seen(tab, owners, picture):
    """While a picture is read there is a line and a bar; a later picture takes its place."""
    held = []
    tab.page.route("**/worker.mjs", lambda route: held.append(route))
    tab.show(owners)
    tab.open_key()
    tab.open_picture(b"a slow one")
    tab.wait_for("picture", "Reading the picture")
    assert tab.part("progress").is_visible() and tab.part("send").is_disabled()
    tab.open_picture(picture)
    held[0].continue_()
    tab.wait_for("picture", "Ready")
    assert not tab.part("progress").is_visible()


@pytest.mark.parametrize("change", WEAKENED.values(), ids=WEAKENED)
def test_weakened_page_sends_nothing(tab, owners, picture, change):
    tab.show(owners | change)
    tab.open_picture(picture)
    tab.open_key()
    tab.wait_for("key", NOT_THE_OWNERS)
    assert ": the model's key" not in tab.part("key-status").inner_text()
    assert not tab.part("weak").is_visible()
    assert tab.refuses_to_send()


def test_other_keys_send_nothing(tab, owners, picture):
    tab.show(owners)
    tab.open_picture(picture)
    tab.open_key(EtcKey.generate().reveal())
    tab.wait_for("key", NOT_THE_OWNERS)
    assert tab.refuses_to_send()
    tab.part("new-key").click()
    tab.wait_for("key", "download it, to encrypt data and train with it. The model here was trained with another key.")
    assert tab.refuses_to_send()
    tab.open_key()
    tab.wait_for("key", ": the model's key")
    tab.send()


def test_settings_that_make_no_sense_send_nothing(tab, owners):
    for change in ({"cipher": {"cipher": "etc", "block_size": 8, "steps": 2}}, {"cipher": None}, {"size": [60, 60]}):
        tab.show(owners | change)
        tab.open_key()
        tab.wait_for("key", "This page asks for a cipher that cannot be used")
        assert tab.part("send").is_disabled()
    tab.show(owners | {"cipher_id": "<b>"})
    tab.wait_for("key", "(model without a valid id)")


def test_what_was_checked_is_what_is_used(tab, owners, picture):
    """A script of the page that changes the settings afterwards changes nothing."""
    tab.show(owners)
    tab.open_key()
    tab.wait_for("key", ": the model's key")
    tab.page.evaluate("() => { settings.cipher.steps = ['color']; settings.size = null; }")
    tab.open_picture(picture)
    assert read_marker(tab.send()).to_json().startswith('{"hf-etc":2,"cipher":"etc","block_size":8,"height":64')


@pytest.mark.parametrize("name", ["without color", "four blocks", "le"])
def test_weak_settings_need_a_tick_in_each_visit(tab, picture, name):
    change, message = WEAK[name]
    settings = OWNERS | change
    settings["cipher_id"] = tab.id_of(settings)
    for _ in range(2):
        tab.show(settings)
        tab.part("keep-key").check()
        tab.open_picture(picture)
        tab.open_key()
        tab.wait_for("key", ": the model's key, but its settings are weak")
        assert message in tab.part("key-status").inner_text()
        assert tab.part("weak").is_visible()
        assert not tab.part("allow-weak").is_checked()
        assert tab.refuses_to_send()
        tab.part("allow-weak").check()
        tab.wait_for("key", "You allow its weak settings")
        assert message in tab.part("key-status").inner_text()
        assert read_marker(tab.send()).cipher_id == settings["cipher_id"]
        tab.part("allow-weak").uncheck()
        tab.wait_for("picture", "Nothing can be sent")
        assert tab.delivered()[-1] is None
        tab.part("allow-weak").check()
        tab.wait_for("picture", "Ready")


def test_picture_of_few_blocks_where_any_size_goes(tab, picture):
    settings = OWNERS | {"size": None, "fit": None}
    settings["cipher_id"] = tab.id_of(settings)
    tab.show(settings)
    tab.open_key()
    tab.wait_for("key", ": the model's key")
    small = io.BytesIO()
    Image.open(io.BytesIO(picture)).resize((24, 40)).save(small, "PNG")
    tab.open_picture(small.getvalue())
    tab.wait_for("picture", "has 15 blocks only")
    assert tab.part("send").is_disabled()
    tab.open_picture(picture)
    assert read_marker(tab.send()).cipher_id == settings["cipher_id"]


def test_forget_key(tabs, owners, picture):
    """It leaves the storage, the page and the other tabs, also one that only holds it in memory."""
    keeping, holding = tabs().show(owners), tabs().show(owners)
    holding.open_key()
    keeping.part("keep-key").check()
    keeping.open_key()
    for tab in (keeping, holding):
        tab.wait_for("key", ": the model's key")
        tab.open_picture(picture)
        tab.wait_for("picture", "Ready")
    opened = tabs().show(owners)
    opened.wait_for("key", ": the model's key")
    assert opened.part("keep-key").is_checked()
    assert KEY.reveal() in _stored(keeping)

    keeping.part("forget-key").click()
    for tab in (keeping, holding, opened):
        tab.wait_for("key", "Open the model's key")
        assert not tab.part("keep-key").is_checked()
        assert tab.part("send").is_disabled()
        assert tab.part("key-text").input_value() == tab.part("key-file").input_value() == ""
        assert _stored(tab) == "{}{}"
        assert tab.problems == []
    keeping.wait_for("picture", "Picture chosen. Now open your key")
    assert keeping.part("encrypted").is_hidden()
    assert tabs().show(owners).part("key-status").inner_text().startswith("Open the model's key")


def test_no_longer_keeping_a_key_is_told_too(tabs, owners):
    keeping = tabs().show(owners)
    keeping.part("keep-key").check()
    keeping.open_key()
    keeping.wait_for("key", ": the model's key")
    other = tabs().show(owners)
    other.wait_for("key", ": the model's key")
    keeping.part("keep-key").uncheck()
    other.page.wait_for_function("() => !document.querySelector('[data-id=keep-key]').checked")
    other.wait_for("key", ": the model's key")
    assert _stored(other) == "{}{}"


def test_passphrase(tab, owners):
    """A wrong one is refused, and can be tried again."""
    given = json.loads((VECTORS / "passphrase-ascii.json").read_text())["input"]
    tab.show(owners)
    tab.open_key(given["salt"])
    tab.wait_for("key", "needs its passphrase")
    for passphrase, message in (("too short", "fewer than 12"), (given["passphrase"] + "!", "not the passphrase")):
        tab.part("key-text").fill(passphrase)
        tab.part("key-text").press("Enter")
        tab.wait_for("key", message)
    tab.part("key-text").fill(given["passphrase"])
    tab.part("key-text").press("Enter")
    tab.wait_for("key", NOT_THE_OWNERS)


def test_slow_key_file_does_not_replace_a_later_one(tab, owners):
    tab.show(owners)
    tab.page.evaluate("""() => {
        const honest = Blob.prototype.text;
        let slow = true;
        Blob.prototype.text = async function () {
            const wait = slow ? 600 : 0;
            slow = false;
            await new Promise((done) => setTimeout(done, wait));
            window.reads = (window.reads ?? 0) + 1;
            return honest.call(this);
        };
    }""")
    tab.open_key(EtcKey.generate().reveal())
    tab.open_key()
    tab.wait_for("key", ": the model's key")
    tab.page.wait_for_function("() => window.reads === 2")
    tab.page.wait_for_timeout(200)
    assert ": the model's key" in tab.part("key-status").inner_text()


@pytest.mark.parametrize("hosted", [True, False, None])
def test_hosted_page_says_whose_code_it_is(tab, owners, hosted):
    tab.show(owners | ({} if hosted is None else {"hosted": hosted}))
    tab.wait_for("key", "Open the model's key")
    assert tab.part("hosted").is_visible() is (hosted is True)
    assert "This page's code comes from this server" in tab.part("hosted").text_content()


def _stored(tab: Tab) -> str:
    return tab.page.evaluate("() => JSON.stringify({...localStorage}) + JSON.stringify({...sessionStorage})")
