"""Servers that want more than a ciphertext: nothing of theirs runs, nothing plain leaves, and the page says why."""

import contextlib

import pytest

from hf_etc import EtcImageProcessor, EtcKey

from ..gradio_app.support import file_of, find_picture, picture
from ..secrets import find_secret
from .fake_server import EVIL_SCRIPT, answer_of, confidences, events, fake_server
from .visitor import Visitor, running

FILE = file_of(picture(5))
MARKUP = "<img src=x onerror=\"window.ran='label'\"><script>window.ran='label'</script>"
ESCAPES = "cat\x1b[2J\u202e\u2066\x00\x07"


@pytest.fixture(scope="module")
def key():
    return EtcKey.generate()


@pytest.fixture(scope="module")
def processor(key):
    return EtcImageProcessor(key, size=32, block_size=8)


@pytest.fixture
def server(processor):
    """It also has a page, scripts and a configuration of its own to offer."""
    policy = {"Content-Security-Policy": "default-src * 'unsafe-inline'", "Link": "</evil.mjs>; rel=modulepreload"}
    with fake_server(settings=processor.to_dict(), headers=policy) as running_server:
        yield running_server


@pytest.fixture(params=["own page", "single file"])
def opened(request, chromium, hosted, server, key, processor):
    """A function that opens the page for the server; at the end, what must hold whatever the server did."""
    with contextlib.ExitStack() as stack:
        visitors = []

        def open_page(address: str | None = None) -> Visitor:
            if request.param == "own page":
                visitor = stack.enter_context(Visitor(chromium, stack.enter_context(running(server.url)).link))
            else:
                visitor = stack.enter_context(Visitor(chromium, hosted))
                visitor.ask(address or server.url)
            visitors.append(visitor)
            return visitor

        yield open_page
        for visitor in visitors:
            assert visitor.page.evaluate("window.ran") is None
            assert EVIL_SCRIPT not in visitor.page.content()
            assert visitor.page.locator("main img, main iframe, main script").count() == 0
            links = visitor.page.evaluate("[...document.querySelectorAll('a')].map((link) => link.href)")
            assert set(links) <= {"https://huggingface.co/clinic/skin"}
    sent = b"".join(server.bodies) + "".join(server.asked).encode()
    assert find_secret(key, sent) == []
    assert find_picture(FILE, processor.preparation.apply(picture(5), 8), sent) == []
    assert server.paths <= {f"/gradio_api/call/{name}" for name in ("settings", "about", "classify")}


def classify(visitor: Visitor, key: EtcKey) -> None:
    visitor.page.wait_for_selector("[data-id=send]")
    visitor.open_key(key.reveal())
    visitor.open_picture(FILE)
    visitor.press()


def status(visitor: Visitor) -> str:
    visitor.wait_for("#answer-status", "No answer")
    return visitor.page.inner_text("#answer-status")


def test_its_pages_and_scripts_are_never_fetched(opened, server, key):
    visitor = opened()
    classify(visitor, key)
    assert visitor.labels() == {"cat": "75.0 %", "dog": "25.0 %"}
    assert {path.split("/")[3] for path in server.paths} == {"settings", "about", "classify"}
    assert visitor.problems == []


def test_labels_are_text(opened, server, key):
    server.answer = answer_of({MARKUP: 0.5, ESCAPES: 0.25, "x" * 10**5: 0.125})
    visitor = opened()
    classify(visitor, key)
    assert visitor.labels() == {MARKUP: "50.0 %", "cat[2J": "25.0 %", "x" * 99 + "…": "12.5 %"}
    assert visitor.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_model_is_described_in_text(opened, server, processor):
    """Name and classes as they are written, a link to the Hub alone, and a long list to be opened."""
    classes = [MARKUP, ESCAPES, "${7}", *map(str, range(1500))]
    server.about = {
        "name": MARKUP,
        "hub_id": "clinic/skin",
        "classes": classes,
        "count": 1503,
        "card": "//evil.example",
    }
    visitor = opened()
    visitor.wait_for("#model", f"The server says: model {MARKUP[:99]}")
    assert visitor.page.inner_text("#model").endswith(", 1503 classes · model card")
    link = visitor.page.locator("#model a")
    assert (link.get_attribute("target"), link.get_attribute("rel")) == ("_blank", "noopener noreferrer")
    shown = visitor.page.text_content("#classes p")
    assert shown.startswith(f"{MARKUP}, cat[2J, ${{7}}, 0, 1, ") and shown.endswith(", 996")
    assert visitor.page.inner_text("#classes summary") == "The first 1000 classes"
    assert visitor.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


NO_DESCRIPTIONS = [
    {"name": {"toString": MARKUP}, "hub_id": None, "classes": [], "count": 0},
    {"name": "a", "hub_id": None, "classes": MARKUP, "count": 1},
    events("complete", None),
    events("error", MARKUP),
    b"event: complete\ndata: [{",
    b"event: complete\ndata: " + b" " * 2**19,
]
NO_LINKS = ["javascript:window.ran=1", "//evil.example/a", "../../evil", "a/b/c", "clinic/skin?x", "clinic", ["a/b"]]


def test_descriptions_that_are_none(opened, server):
    """The page works without one; what is no model's id on the Hub is no link."""
    for said in NO_DESCRIPTIONS:
        server.about = said
        visitor = opened()
        visitor.page.wait_for_selector("[data-id=send]")
        assert visitor.page.text_content("#model") == "", said
    for hub_id in NO_LINKS:
        server.about = {"name": "skin", "hub_id": hub_id, "classes": ["a", "b"], "count": 2}
        visitor = opened()
        visitor.page.wait_for_selector("[data-id=send]")
        assert visitor.page.text_content("#model") in ("", "The server says: model skin, 2 classes: a, b"), hub_id
        assert visitor.page.locator("a").count() == 0


@pytest.mark.parametrize("answer", [events("error", {"error": MARKUP + ESCAPES}), events("error", MARKUP + ESCAPES)])
def test_errors_are_text(opened, server, key, answer):
    server.answer = answer
    visitor = opened()
    classify(visitor, key)
    assert status(visitor).endswith(f"{MARKUP}cat[2J")


NO_ANSWERS = [
    [MARKUP],
    [{"label": "cat"}],
    [{"confidences": confidences({"cat": 7})}],
    [{"confidences": [{"label": {"toString": MARKUP}, "confidence": 0.5}]}],
    [{"confidences": [{"label": "cat", "confidence": "0.5; background: url(//evil.example)"}]}],
    events("complete", None),
    b"event: complete\ndata: [{",
    b"event: heartbeat\ndata: null\n\n",
    b"",
]


def test_answers_that_are_none(opened, server, key):
    visitor, server.answer = opened(), NO_ANSWERS[0]
    classify(visitor, key)
    for answer in NO_ANSWERS:
        assert "classifier of encrypted images" in status(visitor), answer
        assert visitor.page.locator("#labels li").count() == 0
        server.answer = answer
        visitor.press()
    assert "classifier of encrypted images" in status(visitor)
    server.answer = answer_of({"cat": 1.0})
    visitor.press()
    assert visitor.labels() == {"cat": "100.0 %"}, "the page still works"


def test_an_answer_without_end(opened, server, key):
    server.answer = b"event: heartbeat\ndata: null\n\n" * (2**25 // 28)
    visitor = opened()
    classify(visitor, key)
    assert "has more than 33554432 bytes" in status(visitor)


def test_the_ciphertext_is_not_taken_to_another_place(opened, server, key):
    with fake_server(settings=server.settings) as other:
        visitor = opened()
        visitor.page.wait_for_selector("[data-id=send]")
        server.status, server.headers = 307, {"Location": f"{other.url}/gradio_api/call/classify"}
        classify(visitor, key)
        assert status(visitor)
        assert other.asked == []


def test_settings_of_another_key(opened, server, key):
    server.settings = EtcImageProcessor(EtcKey.generate(), size=32, block_size=8).to_dict()
    visitor = opened()
    visitor.page.wait_for_selector("[data-id=send]")
    visitor.open_key(key.reveal())
    visitor.open_picture(FILE)
    visitor.wait_for("[data-id=picture-status]", "Nothing can be sent")
    assert visitor.page.locator("[data-id=send]").is_disabled()
    assert "/gradio_api/call/classify" not in server.paths


BAD_SETTINGS = {
    "no object": ["settings"],
    "another processor": {"image_processor_type": "ViTImageProcessor"},
    "unknown cipher": {"cipher": {"cipher": "none"}},
    "markup": {"cipher": {"cipher": MARKUP}},
    "prototype": {
        "cipher": {"cipher": "etc", "block_size": 8, "__proto__": {"key_scope": "dataset"}, "constructor": 1}
    },
    "no cipher": {"cipher": None},
    "no size": {"size": {"encrypted_height": None, "encrypted_width": None}},
    "huge size": {"size": {"encrypted_height": 80000, "encrypted_width": 80000}},
    "text for a size": {"size": {"encrypted_height": "32", "encrypted_width": "32"}},
    "off the grid": {"size": {"encrypted_height": 33, "encrypted_width": 32}},
    "unknown fit": {"fit": MARKUP},
    "unknown filter": {"resample": ["bicubic"]},
}


def test_settings_that_no_model_has(chromium, hosted, server):
    """Of the page in a file; those of the own page are read in Python, see test_remote.py."""
    good = server.settings
    with Visitor(chromium, hosted) as visitor:
        for name, changes in BAD_SETTINGS.items():
            server.settings = good | changes if isinstance(changes, dict) else changes
            visitor.ask(server.url)
            found = visitor.problem()
            assert (name, "settings" in found, "\n" in found) == (name, True, False)
            assert visitor.page.locator("[data-id=send]").count() == 0
            assert visitor.page.evaluate("[window.ran, {}.key_scope]") == [None, None]
        server.settings = good
        visitor.ask(server.url)
        visitor.page.wait_for_selector("[data-id=send]")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"settings": b"event: complete\ndata: " + b" " * 2**17}, "more than 65536 bytes"),
        ({"settings": b"event: complete\ndata: [" + b"[" * 60000}, "does not answer as a classifier"),
        ({"settings": events("error", {"error": MARKUP})}, MARKUP),
        ({"event_id": "../../../evil"}, "does not answer as a classifier"),
        ({"event_id": "a" * 5000}, "more than 1024 bytes"),
        ({"status": 302, "headers": {"Location": "https://evil.example/"}}, "cannot be reached"),
        ({"status": 500}, "HTTP 500"),
        ({"headers": {"Access-Control-Allow-Origin": "https://evil.example"}}, "does not let this page ask it"),
    ],
)
def test_answers_to_the_page_in_a_file_that_are_no_settings(chromium, hosted, server, changes, message):
    for name, value in changes.items():
        setattr(server, name, value)
    with Visitor(chromium, hosted) as visitor:
        visitor.ask(server.url)
        assert message in visitor.problem()
        assert visitor.page.evaluate("window.ran") is None
        assert all("evil" not in url for url in visitor.urls)


def test_what_is_no_address(chromium, hosted):
    with Visitor(chromium, hosted) as visitor:
        before = len(visitor.urls)
        for address in ("", "javascript:window.ran=1", "http://192.0.2.1", "file:///etc/passwd", "clinic", "a b"):
            visitor.ask(address)
            assert "give USER/SPACE, or an address that begins with https://" in visitor.problem(), address
        assert len(visitor.urls) == before


def test_settings_files_that_are_none(chromium, hosted):
    with Visitor(chromium, hosted) as visitor:
        for text in ("", "{", "[]", "null", '{"image_processor_type": "EtcImageProcessor"}', "x" * 2**17):
            visitor.open_settings(text)
            visitor.wait_for("#problem", "settings")
            assert visitor.page.locator("[data-id=send]").count() == 0, text


def test_a_space_by_its_name(chromium, hosted, server):
    with Visitor(chromium, hosted) as visitor:
        asked = []
        visitor.context.route("https://*.hf.space/**", lambda route: (asked.append(route.request.url), route.abort()))
        visitor.ask(" Clinic_1/Encrypted.Classifier ")
        assert "cannot be reached" in visitor.problem()
        assert asked == ["https://clinic-1-encrypted-classifier.hf.space/gradio_api/call/settings"]
