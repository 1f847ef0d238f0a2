"""The scenarios about markers, and about files that carry one."""

import base64
import json

from .etc_reference import key_id
from .marker_reference import write_marker
from .scenario import KEY, NONCE, STEPS, scenario
from .small_files import jpeg, png, tiff, webp

MARKER = {"key_scope": "dataset", "block_size": 16, "steps": STEPS, "shared_block_key": False}
KEY_ID = key_id(KEY)


def marker_values(**changes):
    return json.loads(write_marker(32, 48, KEY_ID, **MARKER)) | changes


def markers():
    whole = marker_values()
    scoped = json.loads(write_marker(32, 48, KEY_ID, NONCE, **MARKER | {"key_scope": "image"}))
    valid = [
        ("dataset-scope", "as written", whole),
        ("image-scope", "with its nonce", scoped),
        ("shared-block-key", "shared block key, one step", whole | {"shared_block_key": True, "steps": ["color"]}),
        ("members-in-another-order", "order does not matter to a reader", dict(reversed(whole.items()))),
    ]
    for name, description, values in valid:
        yield _marker(name, description, json.dumps(values, separators=(",", ":")))
    yield _marker("white-space", "JSON white space does not matter to a reader", json.dumps(whole, indent=1))
    for name, description, text in _damaged_texts(whole):
        yield _marker(name, description, text, error="MarkerError")
    for name, description, values in _damaged_values(whole, scoped):
        yield _marker(name, description, json.dumps(values, separators=(",", ":")), error="MarkerError")
    text = json.dumps(whole, separators=(",", ":"))
    yield _marker("resized-image", "the image is no longer 32x48", text, 64, 96, error="GeometryError")
    yield _marker("turned-image", "48x32 is not 32x48", text, 48, 32, error="GeometryError")


def _marker(name, description, text, height=32, width=48, error=None):
    given = {"text": text, "height": height, "width": width}
    return scenario(f"marker-{name}", description, given, error)


def _damaged_texts(whole):
    text = json.dumps(whole, separators=(",", ":"))
    yield "truncated", "cut off in the middle", text[: len(text) // 2]
    yield "empty", "no text", ""
    yield "no-json", "not JSON", "encrypted"
    yield "list", "a list is no object", "[1]"
    yield "null", "null is no object", "null"
    yield "number", "a number is no object", "1"


def _damaged_values(whole, scoped):
    for member in whole:
        yield (
            f"without-{member.replace('_', '-')}",
            "no default fills it",
            {k: v for k, v in whole.items() if k != member},
        )
    changes = [
        ("version-2", "a future version", {"hf-etc": 2}),
        ("version-as-text", "a text is no number", {"hf-etc": "1"}),
        ("version-true", "true is not 1", {"hf-etc": True}),
        ("unknown-member", "a member that this version does not have", {"salt": "00"}),
        ("unknown-cipher", "a cipher that does not exist", {"cipher": "rot13"}),
        ("cipher-as-list", "a list is no name", {"cipher": ["etc"]}),
        ("block-size-0", "no block", {"block_size": 0}),
        ("block-size-as-text", "a text is no number", {"block_size": "16"}),
        ("block-size-off-the-grid", "32x48 does not fit 20", {"block_size": 20}),
        ("block-size-true", "true is not 1", {"block_size": True}),
        ("no-steps", "an identity is no cipher", {"steps": []}),
        ("unknown-step", "a step that does not exist", {"steps": ["permutation", "sharpen"]}),
        ("steps-in-another-order", "a writer lists them in order", {"steps": STEPS[::-1]}),
        ("repeated-step", "each at most once", {"steps": ["permutation", "permutation"]}),
        ("steps-as-text", "a text is no list", {"steps": "permutation"}),
        ("steps-as-object", "an object is no list", {"steps": {"permutation": 1}}),
        ("shared-block-key-as-number", "0 is not false", {"shared_block_key": 0}),
        ("unknown-key-scope", "dataset or image", {"key_scope": "folder"}),
        ("height-as-text", "a text is no number", {"height": "32"}),
        ("negative-height", "an image without pixels", {"height": -32}),
        ("no-height", "an image without pixels", {"height": 0}),
        ("key-id-upper-case", "hexadecimal is lower-case", {"key_id": KEY_ID.upper()}),
        ("key-id-short", "15 digits", {"key_id": KEY_ID[:-1]}),
        ("key-id-with-line-end", "a line end behind it", {"key_id": KEY_ID + "\n"}),
        ("key-id-as-number", "a number is no text", {"key_id": 1234567812345678}),
        ("superfluous-nonce", "key scope dataset has none", {"nonce": NONCE.hex()}),
        ("null-nonce", "null is not absence", {"nonce": None}),
    ]
    for name, description, change in changes:
        yield name, description, whole | change
    yield "missing-nonce", "key scope image needs one", {k: v for k, v in scoped.items() if k != "nonce"}
    yield "short-nonce", "15 bytes", scoped | {"nonce": NONCE.hex()[:-2]}
    yield "upper-case-nonce", "hexadecimal is lower-case", scoped | {"nonce": NONCE.hex().upper()}
    yield "nonce-as-number", "a number is no text", scoped | {"nonce": 7}


def files():
    text = write_marker(16, 16, KEY_ID, **MARKER).encode()
    labelled = b"hf-etc " + text
    valid = [
        ("png", "a tEXt chunk", png([(b"tEXt", b"hf-etc\0" + text)])),
        ("png-behind-the-pixels", "a tEXt chunk after the image data", png([], [(b"tEXt", b"hf-etc\0" + text)])),
        ("png-among-other-texts", "other tEXt chunks", png([(b"tEXt", b"Author\0x"), (b"tEXt", b"hf-etc\0" + text)])),
        ("jpeg", "a COM segment", jpeg(labelled)),
        ("webp", "EXIF, little-endian, with its prefix", webp(b"Exif\0\0" + tiff(labelled, "little"))),
        ("webp-big-endian", "EXIF, big-endian, without a prefix", webp(tiff(labelled, "big"))),
    ]
    invalid = [
        ("plain-png", "no text", png([])),
        ("png-other-keyword", "another keyword", png([(b"tEXt", b"hf-etc2\0" + text)])),
        ("plain-jpeg", "no comment", jpeg(None)),
        ("jpeg-other-comment", "a comment without the label", jpeg(text)),
        ("jpeg-label-inside", "the label does not begin the comment", jpeg(b"made by " + labelled)),
        ("plain-webp", "no EXIF", webp(None)),
        ("webp-other-description", "a description without the label", webp(tiff(b"a sunny day", "little"))),
    ]
    for name, description, data in valid:
        yield scenario(f"marker_place-{name}", description, {"file": base64.b64encode(data).decode()})
    for name, description, data in invalid:
        given = {"file": base64.b64encode(data).decode()}
        yield scenario(f"marker_place-{name}", description, given, "NotACiphertextError")
    given = {"file": base64.b64encode(b"hf-etc " + text).decode()}
    yield scenario("marker_place-no-image", "a text file", given, "ImageError")
