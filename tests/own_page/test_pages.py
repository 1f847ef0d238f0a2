"""Both pages with the real classifier: right labels, and only ciphertexts leave this machine."""

import base64
import re
import urllib.request
from pathlib import Path

import numpy as np
import pytest

from hf_etc import EtcCipher, EtcKey, decode_ciphertext, load_rgb
from hf_etc.client.own_page.content import PAGE
from hf_etc.encoding import Encoding
from hf_etc.gradio.app import _MODES

from ..gradio_app.support import LABELS, file_of, find_picture, picture
from ..secrets import find_secret
from .visitor import Visitor, recorded, settings_text, shares

PICTURES = [
    file_of(picture(1)),
    file_of(picture(2), "JPEG", quality=90),
    file_of(picture(3), "WEBP", lossless=True),
]


def sent_files(record: bytes) -> list[bytes]:
    """The ciphertext files among bytes that were sent."""
    found = re.findall(rb"data:image/(?:png|jpeg);base64,([A-Za-z0-9+/]+={0,2})", record)
    return [base64.b64decode(text) for text in found]


def check_record(served, record: bytes, files: list[bytes]) -> None:
    """Nothing that was sent holds the key or a plain picture, in any encoding; all the ciphertexts do go."""
    sent = sent_files(record)
    assert len(sent) == len(files)
    assert find_secret(served.key, record) == []
    for plain, ciphertext in zip(files, sent, strict=True):
        prepared = served.client.preparation.apply(load_rgb(plain), 8)
        assert find_picture(plain, prepared, record) == []
        pixels, marker = decode_ciphertext(ciphertext)
        if ciphertext.startswith(b"\x89PNG"):
            assert np.array_equal(pixels, EtcCipher(served.key, 8).encrypt(prepared, marker.nonce))
        served.client.check(marker)


def use(visitor: Visitor, served, files: list[bytes]) -> list[dict[str, str]]:
    answers = []
    for file in files:
        visitor.open_picture(file)
        visitor.press()
        answers.append(visitor.labels())
    return answers


@pytest.mark.parametrize("with_key", [False, True], ids=["key opened in the page", "key from the command"])
def test_own_page(chromium, served, with_key):
    served.record.clear()
    key = served.key if with_key else None
    with recorded(served.url, key) as (link, local), Visitor(chromium, link) as visitor:
        visitor.page.wait_for_selector("[data-id=key-file]", state="attached")
        if not with_key:
            visitor.open_key(served.key.reveal())
        visitor.wait_for("[data-id=key-status]", ": the model's key")
        visitor.wait_for("#mode", _MODES["dataset"])
        visitor.wait_for("#model", f"model {served.folder.name}, 7 classes: {', '.join(LABELS.values())}")
        answers = use(visitor, served, PICTURES)
        assert visitor.page.inner_text("[role=status] #answer-status") == "Its answer to this ciphertext:"
        assert len(visitor.page.locator("[role=status] #labels li").all()) == 5, "a screen reader says them, too"
        assert answers == [shares(served.expected(file)) for file in sent_files(b"".join(served.record.sent))]
        check_record(served, b"".join(local.sent), PICTURES)
        check_record(served, b"".join(served.record.sent), PICTURES)
        assert find_secret(served.key, b"".join(served.record.received)) == []
        assert (find_secret(served.key, b"".join(local.received)) != []) == with_key
        assert visitor.problems == []
        assert all(url.startswith((link.split("/open/")[0], "data:", "blob:")) for url in visitor.urls)
        assert find_secret(served.key, visitor.stored() + visitor.page.content()) == []
        assert visitor.page.locator("[data-id=keep-key]").count() == 0


def test_the_same_words_for_each_mode():
    """The page from the server, and one's own, say the same of what is not protected."""
    script = (PAGE / "classifier.mjs").read_text(encoding="utf-8")
    assert all(f'{name}: "{text}"' in script for name, text in _MODES.items())


def test_own_page_with_jpeg(chromium, served):
    served.record.clear()
    with (
        recorded(served.url, served.key, encoding=Encoding("jpeg", 70)) as (link, _),
        Visitor(chromium, link) as visitor,
    ):
        (answer,) = use(visitor, served, PICTURES[:1])
        (sent,) = sent_files(b"".join(served.record.sent))
        assert sent.startswith(b"\xff\xd8") and answer == shares(served.expected(sent))
        assert visitor.problems == []


@pytest.mark.parametrize("format", ["png", "jpeg"])
def test_single_file_on_a_web_server(chromium, served, hosted, format):
    served.record.clear()
    with Visitor(chromium, hosted) as visitor:
        visitor.page.select_option("#format", format)
        visitor.ask(served.url)
        visitor.page.wait_for_selector("[data-id=send]")
        visitor.open_key(served.key.reveal())
        answers = use(visitor, served, PICTURES)
        assert answers == [shares(served.expected(file)) for file in sent_files(b"".join(served.record.sent))]
        check_record(served, b"".join(served.record.sent), PICTURES)
        assert visitor.problems == []
        assert all(url.startswith((hosted, served.url, "data:", "blob:")) for url in visitor.urls)
        asked = {url.split("/call/")[1].split("/")[0] for url in visitor.urls if url.startswith(served.url)}
        assert asked == {"settings", "about", "classify"}
        visitor.wait_for("#model", f"model {served.folder.name}, 7 classes")
        assert visitor.page.locator("[data-id=keep-key]").count() == 0


@pytest.mark.parametrize("format", ["png", "jpeg"])
def test_single_file_offline(chromium, served, built, format):
    """Opened from the disk, without any network: it encrypts and saves."""
    with Visitor(chromium, built.as_uri()) as visitor:
        visitor.context.set_offline(True)
        visitor.page.select_option("#format", format)
        visitor.open_settings((served.folder / "preprocessor_config.json").read_text())
        visitor.page.wait_for_selector("[data-id=send]")
        visitor.open_key(served.key.reveal())
        visitor.open_picture(PICTURES[0])
        with visitor.page.expect_download() as download:
            visitor.press()
        visitor.wait_for("#answer-status", "saved")
        file = Path(download.value.path()).read_bytes()
        assert download.value.suggested_filename == f"ciphertext.{'png' if format == 'png' else 'jpg'}"
        pixels, marker = decode_ciphertext(file)
        served.client.check(marker)
        assert len(served.expected(file)) == 7
        if format == "png":
            assert np.array_equal(pixels, decode_ciphertext(served.client.encrypt(picture(1))[0])[0])
        assert visitor.problems == []
        assert all(url.startswith((built.as_uri(), "data:", "blob:")) for url in visitor.urls)
        assert [worker.url.split(":")[0] for worker in visitor.page.workers] == ["blob"], "the file is its own worker"


def test_single_file_from_the_disk_asks_a_hosted_server(chromium, served, built):
    """Gradio allows any page to ask a server that is not on its own machine; the answers here are Gradio's own."""
    host = "classifier.example"

    def forward(route):
        headers = {**route.request.headers, "host": host, "origin": "null"}
        url = route.request.url.replace(f"https://{host}", served.url)
        response = route.fetch(url=url, headers=headers)
        assert response.headers["access-control-allow-origin"] == "null"
        route.fulfill(response=response)

    served.record.clear()
    with Visitor(chromium, built.as_uri()) as visitor:
        visitor.context.route(f"https://{host}/**", forward)
        visitor.ask(f"https://{host}/")
        visitor.page.wait_for_selector("[data-id=send]")
        visitor.open_key(served.key.reveal())
        (answer,) = use(visitor, served, PICTURES[:1])
        (sent,) = sent_files(b"".join(served.record.sent))
        assert answer == shares(served.expected(sent))
        assert visitor.problems == []


def test_single_file_from_the_disk_and_a_server_of_this_machine(chromium, served, built):
    """Gradio refuses: the page says so, and what remains possible."""
    served.record.clear()
    with Visitor(chromium, built.as_uri()) as visitor:
        visitor.ask(served.url)
        assert "does not let this page ask it. To encrypt without it, open a settings file." in visitor.problem()
        visitor.open_settings(settings_text(served.client))
        visitor.page.wait_for_selector("[data-id=send]")
        assert visitor.page.locator("#problem").is_hidden()
    assert sent_files(b"".join(served.record.sent)) == []


@pytest.mark.parametrize(
    ("origin", "host", "allowed"),
    [
        ("null", "clinic.example", True),
        ("http://127.0.0.1:8000", "clinic.example", True),
        ("https://pages.example", "clinic.example", True),
        ("null", None, False),
        ("http://127.0.0.1:8000", None, True),
        ("http://localhost:8000", None, True),
        ("https://pages.example", None, False),
    ],
)
def test_which_pages_gradio_lets_ask(served, origin, host, allowed):
    """The table in docs/browser.md: by origin of the page, and name of the server (None: this machine)."""
    asks = {"Origin": origin, "Access-Control-Request-Method": "POST", **({"Host": host} if host else {})}
    for method in ("OPTIONS", "POST"):
        headers = asks if method == "OPTIONS" else asks | {"Content-Type": "application/json"}
        body = None if method == "OPTIONS" else b'{"data": []}'
        request = urllib.request.Request(f"{served.url}/gradio_api/call/settings", body, headers, method=method)
        with urllib.request.urlopen(request, timeout=20) as response:
            assert response.headers["Access-Control-Allow-Origin"] == (origin if allowed else None)


def test_a_failed_call_leaves_the_ciphertext_to_save(chromium, served, hosted):
    with Visitor(chromium, hosted) as visitor:
        visitor.ask(served.url)
        visitor.page.wait_for_selector("[data-id=send]")
        visitor.open_key(served.key.reveal())
        visitor.open_picture(PICTURES[0])
        visitor.context.route(f"{served.url}/**", lambda route: route.abort())
        visitor.press()
        visitor.wait_for("#answer-status", "No answer: the server cannot be reached")
        with visitor.page.expect_download() as download:
            visitor.page.click("#save")
        assert decode_ciphertext(Path(download.value.path()).read_bytes())[1].height == 32


@pytest.mark.parametrize("kind", ["own page", "single file"])
def test_another_key_sends_nothing(chromium, served, hosted, kind):
    """The page refuses settings whose id is not this key's."""
    served.record.clear()
    with recorded(served.url) as (link, _), Visitor(chromium, link if kind == "own page" else hosted) as visitor:
        if kind == "single file":
            visitor.ask(served.url)
        visitor.page.wait_for_selector("[data-id=send]")
        visitor.open_key(EtcKey.generate().reveal())
        visitor.open_picture(PICTURES[0])
        visitor.wait_for("[data-id=picture-status]", "Nothing can be sent")
        assert visitor.page.locator("[data-id=send]").is_disabled()
    assert sent_files(b"".join(served.record.sent)) == []


def test_an_answer_goes_with_its_picture(chromium, served):
    with recorded(served.url, served.key) as (link, _), Visitor(chromium, link) as visitor:
        use(visitor, served, PICTURES[:1])
        visitor.open_picture(PICTURES[1])
        visitor.wait_for("#answer-status", "Nothing yet")
        assert visitor.page.locator("#labels li").count() == 0
        visitor.page.wait_for_selector("[data-id=send]:enabled")
        served.record.answering.clear()
        visitor.press()
        visitor.wait_for("#answer-status", "Asking")
        visitor.page.click("[data-id=clear]")
        served.record.answering.set()
        visitor.page.wait_for_timeout(500)
        assert visitor.page.locator("#labels li").count() == 0


@pytest.mark.parametrize("kind", ["own page", "single file"])
def test_no_script_but_the_packages_runs(chromium, served, hosted, kind):
    """What gets into the page is not run and cannot speak to anybody else."""
    add = """(how) => { const script = document.createElement("script"); how.text ? script.textContent = how.text :
        script.src = how.src; document.body.append(script); }"""
    with recorded(served.url) as (link, _), Visitor(chromium, link if kind == "own page" else hosted) as visitor:
        visitor.page.evaluate(add, {"text": "window.ran = 1"})
        visitor.page.evaluate(add, {"src": "data:text/javascript,window.ran = 1"})
        visitor.page.evaluate(add, {"src": "http://127.0.0.1:9/a.mjs"})
        visitor.page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.ran = 1\">')")
        fetched = visitor.page.evaluate("fetch('http://192.0.2.1/').then(() => 'sent', (error) => error.message)")
        image = visitor.page.evaluate(
            "new Promise((done) => { const i = new Image(); i.onload = () => done('sent'); i.onerror = () => "
            "done('refused'); i.src = 'https://192.0.2.1/'; })"
        )
        assert (fetched, image, visitor.page.evaluate("window.ran")) == ("Failed to fetch", "refused", None)
        assert len([text for text in visitor.problems if "Content Security Policy" in text]) >= 5


@pytest.mark.parametrize("kind", ["own page", "single file"])
def test_phone_in_the_dark(chromium, served, hosted, kind):
    """Nothing is cut off or scrolls sideways, and dark colours are used."""
    phone = {"viewport": {"width": 360, "height": 700}, "color_scheme": "dark", "has_touch": True}
    with (
        recorded(served.url) as (link, _),
        Visitor(chromium, link if kind == "own page" else hosted, **phone) as visitor,
    ):
        if kind == "single file":
            visitor.ask(served.url)
        visitor.page.wait_for_selector("[data-id=send]")
        visitor.open_key(EtcKey.generate().reveal())
        visitor.wait_for("[data-id=key-status]", "does not belong to the model")
        assert visitor.page.evaluate("document.documentElement.scrollWidth") <= 360
        colors = "(part) => [getComputedStyle(part).color, getComputedStyle(document.body).backgroundColor]"
        found = visitor.page.locator("[data-id=key-status]").evaluate(colors)
        assert found == ["rgb(255, 149, 146)", "rgb(24, 24, 27)"]
