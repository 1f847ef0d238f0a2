"""The demo in Chromium: what it does, and that only ciphertexts leave it."""

import base64
import json
import re

import numpy as np
import pytest
from PIL import Image

from hf_etc import EtcCipher, EtcKey, Preparation, decode_ciphertext, load_rgb
from hf_etc.cipher.keys import passphrase_salt

from ..secrets import find_secret
from .page import Visitor
from .support import LABELS, file_of, find_picture, picture, save_model, serve

PICTURES = [
    *((seed, "PNG", {}) for seed in range(14)),
    *((seed, "JPEG", {"quality": 90}) for seed in range(14, 18)),
    *((seed, "WEBP", {"lossless": True}) for seed in range(18, 22)),
]


@pytest.fixture(scope="module")
def window(chromium, served):
    with Visitor(chromium, served) as visitor:
        yield visitor


@pytest.fixture
def visitor(window, served):
    """The window, empty: loading it anew takes seconds."""
    window.reset()
    yield window
    assert window.sockets == []
    assert all(url.startswith((served.url, "data:", "blob:")) for url in window.urls)
    assert window.problems == []


def test_answers_are_the_models_and_only_ciphertexts_leave(visitor, served):
    """22 pictures: top-5 as in Python, and the record of all that was sent holds neither key nor picture."""
    client, tops = served.client, []
    served.record.clear()
    visitor.open_key(served.key.reveal())
    files = []
    for seed, format, options in PICTURES:
        files.append(file := file_of(picture(seed), format, **options))
        visitor.open_picture(file, f"picture.{format.lower()}")
        visitor.wait_until_ready()
        if seed == 0:
            assert served.record.sent == [], "nothing is sent before the button is pressed"
        answer = visitor.classify()
        expected = served.expected(client.encrypt(file)[0])
        assert list(answer) == sorted(expected, key=lambda label: -expected[label])[:5]
        assert answer == pytest.approx({label: expected[label] for label in answer}, abs=1e-4)
        tops.append(next(iter(answer)))
    assert len(set(tops)) >= 3, "the answers differ, so agreement says something"

    record = served.record.everything()
    sent = b"".join(served.record.sent)
    assert find_secret(served.key, record) == []
    bodies = [
        json.loads(body) for body in re.findall(rb'\{"data":\["data:image.*?\]?\}(?=POST|GET|$)', sent, re.DOTALL)
    ]
    assert len(bodies) == len(PICTURES)
    for file, body in zip(files, bodies, strict=True):
        prepared = client.preparation.apply(load_rgb(file), 8)
        assert find_picture(file, prepared, record) == []
        (url,) = body.pop("data")
        assert len(json.dumps(body)) < 250, "no room for anything beside the ciphertext"
        pixels, _ = decode_ciphertext(base64.b64decode(url.split(",")[1]))
        assert np.array_equal(pixels, EtcCipher(served.key, 8).encrypt(prepared))


def test_the_search_finds_what_it_should(served):
    """The positive control: pictures and keys planted in a record, in several encodings."""
    file, key = file_of(picture(3)), EtcKey.generate()
    prepared = served.client.preparation.apply(load_rgb(file), 8)
    for planted in (
        file,
        base64.b64encode(b"x" + file),
        prepared.tobytes(),
        file_of(Image.fromarray(prepared)).hex().encode(),
    ):
        assert find_picture(file, prepared, b"some bytes" + planted + b"more") != []
    assert find_picture(file, prepared, file_of(picture(4))) == []
    assert find_secret(key, key.reveal()) != []


def test_nothing_is_sent_between_load_and_classify(visitor, served):
    """Every way to give a key and a picture, and none makes a request."""
    served.record.clear()
    visitor.part("new-key").click()
    visitor.wait_for_status("key", "New key")
    visitor.part("forget-key").click()
    visitor.part("key-text").fill(served.key.reveal())
    visitor.part("key-text").press("Enter")
    visitor.wait_for_status("key", ": the model's key")
    for name, file in {"a.png": file_of(picture(1)), "b.jpeg": file_of(picture(2), "JPEG")}.items():
        visitor.open_picture(file, name)
        visitor.wait_until_ready()
    visitor.page.locator(".he-examples button").first.click()
    visitor.wait_until_ready()
    visitor.part("clear").click()
    visitor.drop("drop", file_of(picture(3)), "dropped.png")
    visitor.wait_until_ready()
    visitor.part("clear").click()
    visitor.paste(file_of(picture(4)), "pasted.png")
    visitor.wait_until_ready()
    visitor.part("camera").click()
    visitor.part("shoot").click()
    visitor.wait_until_ready()
    assert (visitor.urls, served.record.sent) == ([], [])
    shot = visitor.classify()
    assert len(shot) == 5


def test_camera_can_be_left(visitor, served):
    """The picture that was there before comes back; the camera is off."""
    visitor.open_key(served.key.reveal())
    for file in (None, file_of(picture(1))):
        if file:
            visitor.open_picture(file)
            visitor.wait_until_ready()
        before = visitor.part("plain").evaluate("(canvas) => canvas.toDataURL()")
        visitor.part("camera").click()
        visitor.page.wait_for_selector("[data-id=shoot]:not([hidden])")
        assert visitor.part("send").is_disabled()
        visitor.part("stop-camera").click()
        visitor.wait_for_status("picture", "Ready" if file else "Now choose a picture")
        assert visitor.part("plain").evaluate("(canvas) => canvas.toDataURL()") == before
        assert not visitor.part("video").is_visible() and not visitor.part("stop-camera").is_visible()
        assert visitor.part("video").evaluate("(video) => video.srcObject") is None


def test_the_answer_is_said(visitor, served):
    """To those who do not see it change; it goes with its picture."""
    visitor.open_key(served.key.reveal())
    visitor.open_picture(file_of(picture(1)))
    visitor.wait_until_ready()
    (label, share), *_ = visitor.classify().items()
    line = visitor.page.locator(".he-said[role=status]")
    visitor.page.wait_for_function("() => document.querySelector('.he-said').textContent")
    assert line.text_content() == f"The model says: {label}, {100 * share:.1f} %"
    visitor.part("clear").click()
    visitor.page.wait_for_function("() => !document.querySelector('.he-said').textContent")


def test_the_page_names_its_model_and_what_is_not_protected(visitor, served):
    text = visitor.page.inner_text("body")
    assert f"Model {served.folder.name} · 7 classes: {', '.join(LABELS.values())}" in text
    assert "from a handful of ciphertexts, all of them can be decrypted" in text
    assert "cannot see" not in text and "without showing" not in text
    visitor.open_key(served.key.reveal())
    visitor.open_picture(file_of(picture(1)))
    visitor.wait_until_ready()
    visitor.classify()
    assert "Inside a block everything stays visible." in visitor.page.inner_text(".he-seen figcaption")


def test_per_image_jpeg(chromium, served_per_image):
    """Another geometry, cipher and format: a fresh nonce each time, the server's answer for what was sent."""
    served, nonces = served_per_image, set()
    with Visitor(chromium, served) as visitor:
        requests = len(visitor.urls)
        visitor.open_key(served.key.reveal())
        served.record.clear()
        for seed in (1, 1, 2):
            visitor.open_picture(file_of(picture(seed)))
            visitor.wait_until_ready()
            assert "of JPEG will be sent" in visitor.part("size").inner_text()
            assert len(visitor.urls) == requests or nonces, "the encoder came with the page"
            answer = visitor.classify()
            sent = base64.b64decode(re.findall(rb"data:image/jpeg;base64,([\w+/=]+)", b"".join(served.record.sent))[-1])
            marker = decode_ciphertext(sent)[1]
            expected = served.expected(sent)
            assert answer == pytest.approx({label: expected[label] for label in answer}, abs=1e-4)
            nonces.add(marker.nonce)
            plain = Preparation((48, 32)).apply(picture(seed), 8)
            back = EtcCipher(served.key, 8, key_scope="image").unseal(sent)
            assert np.abs(back.astype(int) - plain).mean() < 12, "a JPEG of quality 85 of noise"
        assert len(nonces) == 3
        assert visitor.problems == []
    assert find_secret(served.key, served.record.everything()) == []


def test_wrong_key(visitor, served):
    stranger = EtcKey.generate()
    visitor.open_picture(file_of(picture(1)))
    visitor.wait_for_status("picture", "Now open your key")
    visitor.open_key(stranger.reveal())
    visitor.wait_for_status("key", "This key does not belong to the model, or this page asks for another cipher")
    visitor.wait_for_status("picture", "Nothing can be sent")
    assert visitor.part("send").is_disabled()
    visitor.open_key(served.key.reveal())
    visitor.wait_until_ready()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hello", "not a key: it must start with hfetc2-"),
        ("hfetc2-aaaa", "copy it whole"),
        ("hfetc2-" + "a" * 58, "the checksum of the key is wrong"),
    ],
)
def test_bad_key(visitor, served, text, message):
    visitor.open_key(served.key.reveal())
    visitor.wait_for_status("key", ": the model's key")
    visitor.open_picture(file_of(picture(1)))
    visitor.wait_until_ready()
    visitor.open_key(text)
    visitor.wait_for_status("key", message)
    visitor.wait_for_status("picture", "Now open your key")
    assert visitor.part("send").is_disabled(), "an earlier key is not used by mistake"


def test_key_file_with_passphrase(visitor):
    passphrase = "correct horse battery"
    salt = passphrase_salt(passphrase)

    visitor.open_key(salt)
    visitor.wait_for_status("key", "needs its passphrase")
    visitor.part("key-text").fill("too short")
    visitor.part("key-text").press("Enter")
    visitor.wait_for_status("key", "fewer than 12 characters")
    visitor.part("key-text").fill(passphrase)
    visitor.part("key-text").press("Enter")
    visitor.wait_for_status("key", "This key does not belong to the model")


@pytest.mark.parametrize(
    ("file", "message"),
    [
        (b"", "empty"),
        (b"GIF89a" + bytes(60), "cannot be used"),
        (file_of(picture(1))[:400], "truncated or damaged"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "cannot be used"),
        (b"%PDF-1.7", "cannot be used"),
    ],
    ids=["empty", "gif", "cut off", "svg", "pdf"],
)
def test_refused_file(visitor, served, file, message):
    visitor.open_key(served.key.reveal())
    visitor.open_picture(file)
    visitor.wait_for_status("picture", message)
    assert visitor.part("send").is_disabled()


def test_ciphertext_as_input_is_refused(visitor, served):
    visitor.open_key(served.key.reveal())
    visitor.open_picture(served.client.encrypt(picture(1))[0])
    visitor.wait_for_status("picture", "encrypted already")


def test_new_key_is_downloaded_and_is_one(visitor):
    visitor.part("new-key").click()
    visitor.wait_for_status("key", "New key")
    with visitor.page.expect_download() as download:
        visitor.part("save-key").click()
    key = EtcKey.parse(download.value.path().read_text())
    assert download.value.suggested_filename == f"{key.key_id}.key"
    visitor.wait_for_status("key", f"New key {key.key_id}: download it")


def test_key_is_kept_only_when_asked(visitor, served):
    visitor.open_key(served.key.reveal())
    visitor.wait_for_status("key", ": the model's key")
    assert find_secret(served.key, visitor.stored()) == []
    visitor.open()
    visitor.wait_for_status("key", "Open the model's key")

    visitor.part("keep-key").check()
    visitor.open_key(served.key.reveal())
    visitor.wait_for_status("key", ": the model's key")
    visitor.open()
    visitor.wait_for_status("key", ": the model's key")
    assert visitor.part("keep-key").is_checked()
    assert find_secret(served.key, visitor.stored()) != []

    visitor.part("forget-key").click()
    visitor.wait_for_status("key", "Open the model's key")
    assert find_secret(served.key, visitor.stored()) == []


def test_key_text_does_not_stay_in_the_page(visitor, served):
    visitor.part("key-text").fill(served.key.reveal())
    visitor.part("key-text").press("Enter")
    visitor.wait_for_status("key", ": the model's key")
    values = visitor.page.evaluate("() => [...document.querySelectorAll('input')].map(({ value }) => value).join()")
    assert find_secret(served.key, visitor.page.content() + values) == []


def test_result_goes_with_its_picture(visitor, served):
    """A label never stands beside another picture than the one it was given for."""
    visitor.open_key(served.key.reveal())
    visitor.open_picture(file_of(picture(1)))
    visitor.wait_until_ready()
    visitor.classify()
    sent = len(served.record.sent)
    visitor.part("clear").click()
    visitor.page.wait_for_selector("text=Nothing yet.")
    assert visitor.page.locator("[data-testid=label-output-value]").count() == 0
    assert len(served.record.sent) == sent


@pytest.mark.parametrize("sent_again", [False, True])
def test_late_answer_does_not_stay_beside_another_picture(visitor, served, sent_again):
    by_label = {}
    for file in (file_of(picture(seed)) for seed in range(12)):
        expected = served.expected(served.client.encrypt(file)[0])
        by_label[max(expected, key=expected.get)] = file
    (_, first), (label, second), *_ = by_label.items()
    visitor.open_key(served.key.reveal())
    visitor.open_picture(first)
    visitor.wait_until_ready()
    served.record.answering.clear()
    visitor.part("send").click()
    visitor.open_picture(second)
    visitor.wait_until_ready()
    if sent_again:
        visitor.part("send").click()
    visitor.page.wait_for_timeout(300)
    served.record.answering.set()
    top = visitor.page.locator("[data-testid=label-output-value]")
    if sent_again:
        visitor.page.wait_for_function(
            "(label) => document.querySelector('[data-testid=label-output-value]')?.textContent.trim() === label",
            arg=label,
        )
    else:
        visitor.page.wait_for_timeout(1500)
        assert top.count() == visitor.page.locator(".he-seen img").count() == 0


def test_keyboard_alone(visitor, served):
    """Each control is reached by Tab, in reading order, and the pickers open by key."""
    order = ["key-text", "key-file", "new-key", "keep-key", "picture-file", "camera", "Example striped-30"]
    visitor.page.locator("body").press("Tab")
    focused = []
    for _ in range(25):
        focused.append(
            visitor.page.evaluate(
                "() => document.activeElement.dataset.id ?? document.activeElement.firstElementChild?.alt"
            )
        )
        visitor.page.keyboard.press("Tab")
    start = focused.index("key-text")
    assert focused[start : start + len(order)] == order

    visitor.part("key-file").focus()
    with visitor.page.expect_file_chooser() as chooser:
        visitor.page.keyboard.press("Enter")
    chooser.value.set_files({"name": "a.key", "mimeType": "", "buffer": served.key.reveal().encode()})
    visitor.wait_for_status("key", ": the model's key")
    visitor.part("picture-file").focus()
    with visitor.page.expect_file_chooser() as chooser:
        visitor.page.keyboard.press("Space")
    chooser.value.set_files({"name": "a.png", "mimeType": "image/png", "buffer": file_of(picture(1))})
    visitor.wait_until_ready()
    visitor.part("send").focus()
    visitor.page.keyboard.press("Enter")
    visitor.page.wait_for_selector(".he-seen img")


def test_key_file_can_be_dropped(visitor, served):
    visitor.drop("key-card", served.key.reveal().encode(), "some.key")
    visitor.wait_for_status("key", ": the model's key")


def test_phone_in_the_dark(chromium, served):
    """Nothing is cut off or scrolls sideways at 360 pixels, and dark colours are used."""
    phone = {"viewport": {"width": 360, "height": 700}, "color_scheme": "dark", "has_touch": True}
    with Visitor(chromium, served, **phone) as visitor:
        visitor.open_key(EtcKey.generate().reveal())
        visitor.open_picture(file_of(picture(1)))
        visitor.wait_for_status("picture", "Nothing can be sent")
        assert visitor.page.evaluate("() => document.documentElement.scrollWidth") <= 360
        color = visitor.part("picture-status").evaluate("(part) => getComputedStyle(part).color")
        assert color == "rgb(255, 149, 146)"


def test_browser_forbids_other_hosts(visitor):
    """Even a script that got into the page could not send anything elsewhere."""
    outcome = visitor.page.evaluate("() => fetch('http://127.0.0.1:9/').then(() => 'sent', (error) => error.message)")
    assert outcome == "Failed to fetch"
    assert any("Content Security Policy" in problem for problem in visitor.problems)
    visitor.problems.clear()
    visitor.urls[:] = [url for url in visitor.urls if ":9/" not in url]


def test_insecure_page_says_so(chromium, served):
    """Over plain http from another machine there is no WebCrypto."""
    context = chromium.new_context()
    context.add_init_script("Object.defineProperty(Crypto.prototype, 'subtle', { get: () => undefined })")
    page = context.new_page()
    page.goto(served.url)
    page.wait_for_selector("text=open it over https or from localhost")
    context.close()


WEAKENED = {
    "one block, one step": {"steps": ["negative-positive"], "block_size": 32},
    "another key scope": {"key_scope": "image"},
}


@pytest.mark.parametrize("name", WEAKENED)
def test_a_malicious_repository_gets_no_picture(chromium, tmp_path, name):
    """The page as it is, with the configuration that a publisher wrote: the owner's key opens nothing."""
    key = EtcKey.generate()
    model = save_model(tmp_path / "model", key, 32, block_size=8)
    path = model / "preprocessor_config.json"
    configuration = json.loads(path.read_text())
    configuration["cipher"] |= WEAKENED[name]
    path.write_text(json.dumps(configuration))
    with serve(model, key, tmp_path / "home", asked=False) as served, Visitor(chromium, served) as visitor:
        visitor.open_key(key.reveal())
        visitor.open_picture(file_of(picture(1)))
        visitor.wait_for_status("key", "this page asks for another cipher than its owner does. Nothing is sent")
        visitor.wait_for_status("picture", "Nothing can be sent")
        assert visitor.part("send").is_disabled()
        visitor.page.evaluate(
            "() => { const send = document.querySelector('[data-id=send]'); send.disabled = false; send.click(); }"
        )
        visitor.page.wait_for_timeout(500)
        everything = b"".join(served.record.sent)
        assert b"data:image" not in everything and find_secret(key, everything) == []
        prepared = Preparation((32, 32)).apply(picture(1), 8)
        assert find_picture(file_of(picture(1)), prepared, everything) == []
        assert visitor.problems == []
