"""The scenarios about the text of a marker."""

import json

from .marker_reference import marker_text
from .scenario import KEY, NONCE, STEPS, scenario
from .settings_reference import cipher_id

PARAMETERS = {"block_size": 16}
OPTIONS = {"key_scope": "image", "gap": 4, "jitter": 4, "keep": 0.5}
TAG = "00112233445566778899aabbccddeeff"


def text_of(cipher="etc", parameters=PARAMETERS, height=32, width=48, nonce=None):
    return marker_text(cipher, parameters, height, width, cipher_id(KEY, cipher, parameters, height, width), nonce, TAG)


def dump(values):
    return json.dumps(values, separators=(",", ":"))


def markers():
    for name, description, text in _valid():
        yield _marker(name, description, text)
    for damaged in (_texts(), _numbers(), _members(), _values(), _nonces()):
        for name, description, text in damaged:
            yield _marker(name, description, text, error="MarkerError")
    chosen = PARAMETERS | OPTIONS
    text = text_of(parameters=chosen, height=224, width=224, nonce=NONCE)
    yield _marker("gap-jitter-keep", "the output of 224x224", text, 96, 176)
    yield _marker("gap-jitter-keep-plain-size", "it is not 224x224", text, 224, 224, error="GeometryError")
    yield _marker("gap-jitter-keep-turned", "nor 176x96", text, 176, 96, error="GeometryError")
    thrown = marker_text("etc", chosen | {"disposable": True}, 224, 224, "0123456789abcdef" * 2, NONCE, TAG)
    yield _marker("disposable", "whose id and tag say nothing", thrown, 96, 176)
    for name, description, changed in _options(text):
        yield _marker(name, description, changed, 96, 176, error="MarkerError")
    yield _marker("resized-image", "the image is no longer 32x48", text_of(), 64, 96, error="GeometryError")
    yield _marker("turned-image", "48x32 is not 32x48", text_of(), 48, 32, error="GeometryError")


def _marker(name, description, text, height=32, width=48, error=None):
    given = {"text": text, "height": height, "width": width}
    return scenario(f"marker-{name}", description, given, error)


def _valid():
    scoped = PARAMETERS | {"key_scope": "image"}
    unusual = {"block_size": 8, "steps": ["rotation", "color"], "shared_block_key": True, "key_scope": "image"}
    yield "dataset-scope", "defaults are left out", text_of()
    yield "image-scope", "with its nonce", text_of(parameters=scoped, nonce=NONCE)
    yield "all-parameters", "none has its default", text_of(parameters=unusual, nonce=NONCE)
    yield "any-id", "whose id it is shows with the key alone", dump(json.loads(text_of()) | {"id": TAG})
    for cipher in ("le", "ele", "pe"):
        yield cipher, "a marker names any cipher", text_of(cipher, {})
    yield "pe-without-colors", "a flag", text_of("pe", {"shuffle_colors": False, "key_scope": "image"}, nonce=NONCE)


def _options(text):
    changes = [
        ("keep-two-zeros", "0.50 is not written so", '"keep":0.5', '"keep":0.50'),
        ("keep-with-exponent", "5e-1 is not written so", '"keep":0.5', '"keep":5e-1'),
        ("keep-without-zero", "not JSON", '"keep":0.5', '"keep":.5'),
        ("keep-as-text", "a text is no number", '"keep":0.5', '"keep":"0.5"'),
        ("keep-third", "not in hundredths", '"keep":0.5', '"keep":0.3333333333333333'),
        ("keep-0", "nothing would be left", '"keep":0.5', '"keep":0'),
        ("keep-no-block", "0.01 of 11 rows", '"keep":0.5', '"keep":0.01'),
        ("keep-written-out", "a default is left out", '"keep":0.5', '"keep":1'),
        ("keep-written-out-with-fraction", "a default is left out", '"keep":0.5', '"keep":1.0'),
        ("gap-with-fraction", "4.0 is not written so", '"gap":4', '"gap":4.0'),
        ("gap-smaller-than-the-jitter", "windows could overlap", '"gap":4', '"gap":3'),
        ("gap-one-block", "a gap of 300", '"gap":4', '"gap":300'),
        ("gap-without", "jitter needs it", '"gap":4,', ""),
        ("jitter-before-gap", "there is one order", '"gap":4,"jitter":4', '"jitter":4,"gap":4'),
        ("jitter-written-out", "a default is left out", '"jitter":4', '"jitter":0'),
        ("gap-written-out", "a default is left out", '"gap":4,"jitter":4', '"gap":0'),
        ("disposable-written-out", "a default is left out", '"height"', '"disposable":false,"height"'),
        ("disposable-before-keep", "there is one order", '"keep"', '"disposable":true,"keep"'),
        ("disposable-as-number", "1 is not true", '"height"', '"disposable":1,"height"'),
        ("gap-scope-dataset", "no nonce", '"key_scope":"image",', ""),
        ("keep-without-permutation", "a step", '"gap"', '"steps":["rotation","color"],"gap"'),
    ]
    for name, description, old, new in changes:
        assert old in text, name
        yield name, description, text.replace(old, new)


def _texts():
    text = text_of()
    yield "truncated", "cut off in the middle", text[: len(text) // 2]
    yield "empty", "no text", ""
    yield "no-json", "not JSON", "encrypted"
    yield "list", "a list is no object", "[1]"
    yield "null", "null is no object", "null"
    yield "number", "a number is no object", "1"
    yield "nested", "deeper than most readers go", "[" * 5000 + "]" * 5000
    yield "white-space", "no space within", json.dumps(json.loads(text))
    yield "indented", "no line ends within", json.dumps(json.loads(text), indent=1)
    yield "leading-space", "no space before", " " + text
    yield "trailing-line-end", "no line end behind", text + "\n"
    yield "trailing-zero", "no zero byte behind", text + "\0"
    yield "two-objects", "one object", text + text
    yield "byte-order-mark", "no mark before", "\ufeff" + text
    yield "escaped-letter", "u0065 is an e", text.replace('"etc"', '"\\u0065tc"')
    yield "escaped-member", "u0063 is a c", text.replace('"cipher"', '"\\u0063ipher"')
    yield "single-quotes", "not JSON", text.replace('"', "'")
    yield "trailing-comma", "not JSON", text[:-1] + ",}"


def _numbers():
    text = text_of()
    changes = [
        ("height-with-fraction", "32.0 is not written so", '"height":32', '"height":32.0'),
        ("height-with-exponent", "32e0 is not written so", '"height":32', '"height":32e0'),
        ("block-size-with-fraction", "16.0 is not written so", '"block_size":16', '"block_size":16.0'),
        ("block-size-with-exponent", "1.6e1 is not written so", '"block_size":16', '"block_size":1.6e1'),
        ("version-with-fraction", "2.0 is not written so", '"hf-etc":2', '"hf-etc":2.0'),
        ("leading-zero", "not JSON", '"height":32', '"height":032'),
        ("plus-sign", "not JSON", '"height":32', '"height":+32'),
        ("nan", "no number of JSON", '"height":32', '"height":NaN'),
        ("infinity", "no number of JSON", '"height":32', '"height":Infinity'),
        ("negative-infinity", "no number of JSON", '"height":32', '"height":-Infinity'),
        ("huge-number", "more digits than a reader takes", '"height":32', '"height":' + "1" * 5000),
        ("huge-exponent", "more than a double holds", '"height":32', '"height":1e999'),
        ("negative-zero", "-0 is not a size", '"height":32', '"height":-0'),
    ]
    for name, description, old, new in changes:
        yield name, description, text.replace(old, new)
    yield "exponent", "1e1 is not written so", text_of("pe", {}, 10, 10).replace('"height":10', '"height":1e1')


def _members():
    text = text_of()
    whole = json.loads(text)
    for member in whole:
        name = f"without-{member.replace('_', '-')}"
        yield name, "no default fills it", dump({k: v for k, v in whole.items() if k != member})
    yield "members-in-another-order", "there is one order", dump(dict(reversed(whole.items())))
    yield "width-before-height", "there is one order", text.replace('"height":32,"width":48', '"width":48,"height":32')
    scoped = text_of(parameters={"key_scope": "image", "block_size": 16}, nonce=NONCE)
    moved = scoped.replace('"key_scope":"image","block_size":16', '"block_size":16,"key_scope":"image"')
    yield "parameters-in-another-order", "the order of section 4", moved
    values = json.loads(scoped)
    yield "tag-before-nonce", "the tag is last", dump(values | {"nonce": values.pop("nonce")})
    twice = [
        ("repeated-member", "the same value twice", '"height":32', '"height":32,"height":32'),
        ("repeated-member-other-value", "the first is another", '"height":32', '"height":64,"height":32'),
        ("repeated-tag", "two tags", '"tag"', f'"tag":"{TAG}","tag"'),
        ("unknown-member", "a member that this version does not have", '"id"', '"salt":"00","id"'),
        ("key-id", "a member of format 1", '"id"', '"key_id":"0011223344556677","id"'),
    ]
    for name, description, old, new in twice:
        yield name, description, text.replace(old, new)
    defaults = [
        ("key-scope-written-out", '"block_size"', '"key_scope":"dataset","block_size"'),
        ("steps-written-out", '"height"', f'"steps":{dump(STEPS)},"height"'),
        ("shared-block-key-written-out", '"height"', '"shared_block_key":false,"height"'),
    ]
    for name, old, new in defaults:
        yield name, "a default is left out", text.replace(old, new)
    shuffled = text_of("pe", {}).replace('"height"', '"shuffle_colors":true,"height"')
    yield "shuffle-colors-written-out", "a default is left out", shuffled
    yield "parameter-of-another-cipher", "le has none", text_of("le", {}).replace('"height"', '"block_size":4,"height"')
    yield (
        "old-version",
        "a marker of format 1",
        (
            '{"hf-etc":1,"cipher":"etc","key_scope":"dataset","block_size":16,"steps":'
            + dump(STEPS)
            + ',"shared_block_key":false,"height":32,"width":48,"key_id":"0011223344556677"}'
        ),
    )


def _values():
    changes = [
        ("version-1", "another version", {"hf-etc": 1}),
        ("version-3", "a future version", {"hf-etc": 3}),
        ("version-as-text", "a text is no number", {"hf-etc": "2"}),
        ("version-true", "true is no number", {"hf-etc": True}),
        ("unknown-cipher", "a cipher that does not exist", {"cipher": "rot13"}),
        ("cipher-as-list", "a list is no name", {"cipher": ["etc"]}),
        ("cipher-in-upper-case", "names are lower-case", {"cipher": "ETC"}),
        ("block-size-0", "no block", {"block_size": 0}),
        ("block-size-as-text", "a text is no number", {"block_size": "16"}),
        ("block-size-null", "null is no number", {"block_size": None}),
        ("block-size-off-the-grid", "32x48 does not fit 20", {"block_size": 20}),
        ("block-size-true", "true is not 1", {"block_size": True}),
        ("height-as-text", "a text is no number", {"height": "32"}),
        ("height-true", "true is not 1", {"height": True}),
        ("negative-height", "an image without pixels", {"height": -32}),
        ("no-height", "an image without pixels", {"height": 0}),
        ("id-upper-case", "hexadecimal is lower-case", {"id": TAG.upper()}),
        ("id-short", "31 digits", {"id": TAG[:-1]}),
        ("id-long", "33 digits", {"id": TAG + "0"}),
        ("id-of-a-key", "16 digits", {"id": TAG[:16]}),
        ("id-with-line-end", "a line end behind it", {"id": TAG + "\n"}),
        ("id-not-hexadecimal", "g is no digit", {"id": "g" * 32}),
        ("id-with-full-width-digits", "digits are ASCII", {"id": "\uff10" * 32}),
        ("id-as-number", "a number is no text", {"id": 12345678123456781234567812345678}),
        ("id-null", "null is no text", {"id": None}),
        ("tag-upper-case", "hexadecimal is lower-case", {"tag": TAG.upper()}),
        ("tag-truncated", "30 digits", {"tag": TAG[:-2]}),
        ("tag-empty", "no digits", {"tag": ""}),
        ("tag-long", "64 digits", {"tag": TAG * 2}),
        ("tag-as-number", "a number is no text", {"tag": 7}),
        ("superfluous-nonce", "key scope dataset has none", {"nonce": NONCE.hex()}),
        ("null-nonce", "null is not absence", {"nonce": None}),
    ]
    for name, description, change in changes:
        values = json.loads(text_of()) | change
        if "nonce" in values:
            values["tag"] = values.pop("tag")
        yield name, description, dump(values)
    for name, description, change in _parameter_changes():
        text = text_of().replace('"height"', dump(change)[1:-1] + ',"height"')
        yield name, description, text


def _parameter_changes():
    return [
        ("no-steps", "an identity is no cipher", {"steps": []}),
        ("unknown-step", "a step that does not exist", {"steps": ["permutation", "sharpen"]}),
        ("step-of-another-cipher", "nibbles belong to le", {"steps": ["nibbles"]}),
        ("steps-in-another-order", "a writer lists them in order", {"steps": ["color", "rotation"]}),
        ("repeated-step", "each once", {"steps": ["permutation", "permutation"]}),
        ("steps-as-text", "a text is no list", {"steps": "permutation"}),
        ("steps-as-object", "an object is no list", {"steps": {"permutation": 1}}),
        ("steps-with-a-list", "a list is no step", {"steps": [["permutation"]]}),
        ("shared-block-key-as-number", "1 is not true", {"shared_block_key": 1}),
        ("shared-block-key-as-text", "a text is no flag", {"shared_block_key": "true"}),
        ("shared-block-key-null", "null is not false", {"shared_block_key": None}),
    ]


def _nonces():
    scoped = json.loads(text_of(parameters={"key_scope": "image", "block_size": 16}, nonce=NONCE))
    changes = [
        ("short-nonce", "15 bytes", {"nonce": NONCE.hex()[:-2]}),
        ("long-nonce", "17 bytes", {"nonce": NONCE.hex() + "00"}),
        ("upper-case-nonce", "hexadecimal is lower-case", {"nonce": NONCE.hex().upper()}),
        ("nonce-as-number", "a number is no text", {"nonce": 7}),
        ("unknown-key-scope", "dataset or image", {"key_scope": "folder"}),
        ("key-scope-null", "null is no scope", {"key_scope": None}),
        ("key-scope-as-list", "a list is no scope", {"key_scope": ["image"]}),
        ("key-scope-written-out-with-nonce", "dataset, and a nonce", {"key_scope": "dataset"}),
    ]
    for name, description, change in changes:
        yield name, description, dump(scoped | change)
    yield "missing-nonce", "key scope image needs one", dump({k: v for k, v in scoped.items() if k != "nonce"})
