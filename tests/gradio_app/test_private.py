"""The private mode in Chromium: a bag of blocks that takes any key, or one that nobody keeps."""

import base64
import io
import json
import re

import numpy as np
import pytest
import torch
from PIL import Image

from hf_etc import EtcImageProcessor, EtcKey, Preparation, decode_ciphertext, load_rgb
from hf_etc.encoding import Encoding
from hf_etc.gradio.app import _MODES
from hf_etc.models import build_model

from ..own_page.visitor import Visitor as OwnVisitor
from ..own_page.visitor import recorded, shares
from ..secrets import find_secret
from .page import Visitor
from .support import LABELS, Served, file_of, find_picture, picture, serve

SIZE, BLOCK = (48, 40), 4
PRIVATE = {"key_scope": "image", "block_size": BLOCK, "gap": 2, "jitter": 2, "keep": 0.5}  # 8 x 6 cells, 4 rows sent
SENT = (16, 24)
NOBODY = "under a key that exists only for this picture and is kept nowhere: nobody can decrypt it"
_WATCHED = """
const make = SubtleCrypto.prototype.generateKey;
SubtleCrypto.prototype.generateKey = async function (algorithm, extractable, uses) {
    const key = await make.call(this, algorithm, true, uses);
    made(extractable, [...new Uint8Array(await this.exportKey("raw", key))]);
    return key;
};
"""


@pytest.fixture(scope="module")
def private(tmp_path_factory):
    """A bag-vit of random weights, whose processor names no key."""
    folder = tmp_path_factory.mktemp("private")
    torch.manual_seed(0)
    tiny = {"hidden_size": 24, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 24}
    model = build_model("bag-vit", id2label=LABELS, image_size=SENT[0], patch_size=BLOCK, **tiny).eval()
    server = EtcImageProcessor(size=SIZE, **PRIVATE)
    client = EtcImageProcessor(None, size=SIZE, **PRIVATE, disposable=True)
    with torch.inference_mode():  # answers that differ from picture to picture
        logits = model(**client([picture(seed) for seed in range(24)], return_tensors="pt")).logits
        head, scale = model.network.classifier, 1.5 / logits.std(0)
        head.weight.mul_(scale[:, None])
        head.bias.copy_((head.bias - logits.mean(0)) * scale)
    model.save_pretrained(folder / "model")
    server.save_pretrained(folder / "model")
    with serve(folder / "model", EtcKey.generate(), folder / "home") as served:
        yield served


@pytest.fixture
def visitor(chromium, private):
    private.record.clear()
    with Visitor(chromium, private) as visitor:
        yield visitor
        assert visitor.problems == []
        assert all(url.startswith((private.url, "data:", "blob:")) for url in visitor.urls)


def last_sent(record: bytes) -> bytes:
    return base64.b64decode(re.findall(rb"data:image/png;base64,([\w+/]+=*)", record)[-1])


def variants(block: np.ndarray) -> set[bytes]:
    """All 96 forms that the cipher can give a block (B,B,3)."""
    turned = [np.rot90(one, turn) for one in (block, block[:, ::-1]) for turn in range(4)]
    colors = [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)]
    return {(one[..., order] ^ mask).tobytes() for one in turned for order in colors for mask in (0, 255)}


def sent_pixels(plain: np.ndarray, ciphertext: np.ndarray) -> np.ndarray:
    """Which pixels of `plain` the blocks of the ciphertext show, by comparison with every window."""
    rows, columns = (edge - BLOCK + 1 for edge in plain.shape[:2])
    windows = {plain[y : y + BLOCK, x : x + BLOCK].tobytes(): (y, x) for y in range(rows) for x in range(columns)}
    shown = np.zeros(plain.shape[:2], int)
    for top in range(0, ciphertext.shape[0], BLOCK):
        for left in range(0, ciphertext.shape[1], BLOCK):
            forms = variants(ciphertext[top : top + BLOCK, left : left + BLOCK])
            (place,) = {windows[form] for form in forms if form in windows}
            shown[place[0] : place[0] + BLOCK, place[1] : place[1] + BLOCK] += 1
    return shown


def check_what_left(served: Served, file: bytes) -> bytes:
    """The ciphertext in the record; nothing else of the picture is there, not even of the blocks that were not kept."""
    record = b"".join(served.record.sent)
    sent = last_sent(record)
    plain = Preparation(SIZE).apply(load_rgb(file))
    pixels, marker = decode_ciphertext(sent)
    assert pixels.shape == (*SENT, 3) and (marker.height, marker.width) == SIZE
    assert Image.open(io.BytesIO(sent)).info.keys() == {"hf-etc"}, "nothing beside pixels and marker"
    shown = sent_pixels(plain, pixels)
    assert shown.max() == 1 and shown.sum() == SENT[0] * SENT[1]
    assert find_picture(file, plain, record) == []
    blocks = {block.tobytes() for row in np.split(pixels, 4) for block in np.split(row, 6, 1)}
    cells = [(y, x) for y in range(0, 48, 6) for x in range(2, 38, 6)]  # with all that jitter can reach
    unsent = [(y, x) for y, x in cells if not shown[y : y + 6, x : x + 6].any()]
    assert len(cells) == 48 and len(unsent) == 24
    for y, x in unsent:
        for window in (plain[y + dy : y + dy + BLOCK, x + dx : x + dx + BLOCK] for dy in range(3) for dx in range(3)):
            assert not variants(window) & blocks
            assert find_secret(window.tobytes(), record) == [] == find_secret(window.tobytes(), pixels.tobytes())
    return sent


def check_answer(served: Served, sent: bytes, answer: dict[str, float]) -> None:
    """The page's answer is Python's for the same file, and for its blocks in any other order and form."""
    expected = served.expected(sent)
    assert answer == pytest.approx({label: expected[label] for label in answer}, abs=1e-4)
    assert next(iter(answer)) == max(expected, key=expected.get)
    server, model = served.model
    values = server(sent, return_tensors="pt").pixel_values
    with torch.inference_mode():
        other = -values.roll((BLOCK, 2 * BLOCK), (2, 3)).flip(3)
        assert LABELS[int(model(other).logits.argmax())] == next(iter(answer))


def test_disposable_key(chromium, private):
    """No key is asked for. That of each picture is another, never extractable, and nowhere in what the page leaves."""
    keys, answers = [], set()
    private.record.clear()
    with Visitor(chromium, private) as visitor:
        visitor.page.expose_function("made", lambda *made: keys.append(made))
        visitor.page.add_init_script(_WATCHED)
        visitor.open()
        visitor.wait_for_status("key", NOBODY)
        assert _MODES["gap"] in visitor.page.inner_text("body")
        assert visitor.part("disposable").is_checked()
        assert not visitor.part("key-file").is_visible() and not visitor.part("key-text").is_visible()
        for seed in (1, 2, 5, 8):
            private.record.clear()
            visitor.open_picture(file_of(picture(seed)))
            visitor.wait_until_ready()
            share = "16 × 24 of 48 × 40 pixels: a fifth of the picture leaves this page, scrambled"
            assert visitor.part("share").inner_text() == share
            shown = visitor.part("encrypted").evaluate("(canvas) => canvas.toDataURL()")
            answer = visitor.classify()
            sent = check_what_left(private, file_of(picture(seed)))
            assert np.array_equal(load_rgb(base64.b64decode(shown.split(",")[1])), decode_ciphertext(sent)[0])
            check_answer(private, sent, answer)
            answers.add(str(answer))
            assert decode_ciphertext(sent)[1].spec.disposable
            everything = private.record.everything()
            everything += (visitor.stored() + visitor.page.content()).encode()
            assert all(find_secret(bytes(key), everything) == [] for _, key in keys)
        assert visitor.problems == [] and private.written() == []
    assert len(answers) > 1, "the answers differ, so agreement says something"
    assert len(keys) >= 4 and len({tuple(key) for _, key in keys}) == len(keys)
    assert not any(extractable for extractable, _ in keys)


def test_own_key(visitor, private):
    """Any key will do, and its owner decrypts what was sent."""
    key, file = EtcKey.generate(), file_of(picture(3))
    visitor.part("own").check()
    visitor.wait_for_status("key", "This model works with any key: open yours, or make a new one")
    visitor.open_picture(file)
    visitor.wait_for_status("picture", "Now open your key")
    visitor.open_key(key.reveal())
    visitor.wait_for_status("key", "This model works with any key: keep yours if you want to decrypt later")
    visitor.wait_until_ready()
    answer = visitor.classify()
    sent = check_what_left(private, file)
    check_answer(private, sent, answer)
    assert find_secret(key, private.record.everything()) == []
    plain, client = Preparation(SIZE).apply(load_rgb(file)), EtcImageProcessor(key, size=SIZE, **PRIVATE)
    pixels, marker = decode_ciphertext(sent)
    cipher = client.sealer().held.cipher(client.spec)
    assert np.array_equal(cipher.encrypt(plain, marker.nonce), pixels)
    shown = sent_pixels(plain, pixels)[..., None]
    assert np.array_equal(cipher.unseal(sent), np.where(shown, plain, 128))

    visitor.part("disposable").check()
    visitor.wait_for_status("key", NOBODY)
    visitor.wait_until_ready()
    visitor.page.wait_for_selector("text=Nothing yet.")
    visitor.part("own").check()
    visitor.wait_for_status("key", "keep yours")
    visitor.part("forget-key").click()
    visitor.wait_for_status("key", "open yours, or make a new one")
    assert visitor.part("send").is_disabled()


def test_new_key(visitor):
    visitor.part("own").check()
    visitor.part("new-key").click()
    visitor.wait_for_status("key", "download it if you want to decrypt later, or use a disposable one")
    visitor.open_picture(file_of(picture(3)))
    visitor.wait_until_ready()


def test_own_page_with_jpeg(chromium, private):
    private.record.clear()
    file = file_of(picture(5))
    with recorded(private.url, encoding=Encoding("jpeg")) as (link, _), OwnVisitor(chromium, link) as visitor:
        visitor.wait_for("[data-id=key-status]", NOBODY)
        visitor.open_picture(file)
        visitor.press()
        answer, record = visitor.labels(), b"".join(private.record.sent)
        sent = base64.b64decode(re.findall(rb"data:image/jpeg;base64,([\w+/]+=*)", record)[-1])
        pixels, marker = decode_ciphertext(sent)
        assert pixels.shape == (*SENT, 3) and marker.spec.disposable
        assert answer == shares(private.expected(sent))
        assert find_picture(file, Preparation(SIZE).apply(load_rgb(file)), record) == []
        assert visitor.problems == []


@pytest.mark.parametrize("with_key", [False, True])
def test_own_page(chromium, private, with_key):
    """The page of hf-etc client: disposable, or under the key that the command was given."""
    private.record.clear()
    key, file = EtcKey.generate() if with_key else None, file_of(picture(4))
    with recorded(private.url, key) as (link, _), OwnVisitor(chromium, link) as visitor:
        visitor.wait_for("[data-id=key-status]", "keep yours" if with_key else NOBODY)
        visitor.wait_for("#mode", _MODES["gap"])
        visitor.wait_for("#facts", "Any key · cipher etc · 16×24 of 48×40 pixels in blocks of 4")
        visitor.open_picture(file)
        visitor.press()
        answer = visitor.labels()
        sent = check_what_left(private, file)
        assert answer == shares(private.expected(sent))
        assert decode_ciphertext(sent)[1].spec.disposable is not with_key
        assert visitor.problems == []


def test_a_page_that_is_given_few_blocks_sends_nothing(chromium, private):
    """Settings without an owner are anybody's; weak ones need a tick, whatever the key."""
    with Visitor(chromium, private) as visitor:
        visitor.page.route("**/config", _with_less)
        visitor.page.route(private.url + "/", _with_less)
        visitor.open()
        visitor.open_picture(file_of(picture(1)))
        visitor.wait_for_status("key", "The model's settings are weak: a ciphertext has 6 blocks only")
        visitor.wait_for_status("picture", "Nothing can be sent")
        assert visitor.part("send").is_disabled()
        visitor.part("allow-weak").check()
        visitor.wait_for_status("key", "You allow the model's weak settings")
        visitor.wait_until_ready()
        visitor.part("own").check()
        visitor.wait_for_status("key", "open yours, or make a new one")
        assert visitor.part("send").is_disabled()


def _with_less(route) -> None:
    response = route.fetch()
    body = response.text()
    assert json.dumps({"keep": 0.5})[1:-1].replace(" ", "") in body.replace(" ", "")
    route.fulfill(response=response, body=re.sub(r'"keep":\s*0\.5', '"keep":0.1', body))
