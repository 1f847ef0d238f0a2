"""The scenarios about settings, ids and plan keys, about tags, and about streams and their draws."""

from .marker_reference import marker_text
from .scenario import KEY, NONCE, OTHER_KEY, OTHER_NONCE, PLAN_KEY, STEPS, scenario
from .settings_reference import cipher_id

DEFAULTS = {"key_scope": "dataset", "steps": STEPS, "shared_block_key": False}


def derive_case(cipher, parameters, size=(None, None), nonce=None, key=KEY):
    given = {"key": key.hex(), "cipher": cipher, "parameters": parameters, "height": size[0], "width": size[1]}
    return given | {"nonce": None if nonce is None else nonce.hex()}


def derivations():
    size, blocks = (224, 224), {"block_size": 16}
    scoped = blocks | {"key_scope": "image"}
    cases = [
        ("224-16", "the setting of most models", derive_case("etc", blocks, size)),
        ("defaults-written-out", "the same: a default is left out", derive_case("etc", blocks | DEFAULTS, size)),
        ("any-size", "no height and width, and so no plan key", derive_case("etc", blocks)),
        ("other-key", "the same under another key", derive_case("etc", blocks, size, key=OTHER_KEY)),
        ("block-size", "another block size", derive_case("etc", {"block_size": 8}, size)),
        ("height-before-width", "32x48", derive_case("etc", blocks, (32, 48))),
        ("width-before-height", "48x32", derive_case("etc", blocks, (48, 32))),
        ("image-scope", "the nonce is part of the plan key alone", derive_case("etc", scoped, size, NONCE)),
        ("image-scope-other-nonce", "one bit of it differs", derive_case("etc", scoped, size, OTHER_NONCE)),
        ("image-scope-any-size", "an id needs no nonce", derive_case("etc", scoped)),
        ("shared-block-key", "the last parameter", derive_case("etc", blocks | {"shared_block_key": True}, size)),
        ("all-parameters", "none has its default", derive_case("etc", _unusual(), (16, 24), NONCE)),
        ("all-parameters-any-size", "none has its default", derive_case("etc", _unusual())),
        ("block-size-65535", "the largest", derive_case("etc", {"block_size": 65535})),
        ("large-size", "numbers of many digits", derive_case("etc", {"block_size": 1000}, (12000, 7000))),
    ]
    for step in STEPS:
        cases.append((f"only-{step}", "one step alone", derive_case("etc", blocks | {"steps": [step]}, size)))
    for name, options in _options().items():
        given = derive_case("etc", scoped | options, (1000, 700), NONCE)
        cases.append((name, "what a picture's ciphertext leaves out", given))
        cases.append((f"{name}-any-size", "an id needs no nonce", derive_case("etc", scoped | options)))
    for name, steps in _orders().items():
        description = "a caller's order and repetitions do not matter"
        cases.append((name, description, derive_case("etc", blocks | {"steps": steps}, size)))
    for cipher in ("le", "ele", "pe"):
        cases += [
            (cipher, "no parameter is written", derive_case(cipher, {}, (8, 12))),
            (f"{cipher}-any-size", "the name alone", derive_case(cipher, {})),
            (f"{cipher}-image-scope", "a nonce", derive_case(cipher, {"key_scope": "image"}, (8, 12), NONCE)),
        ]
    cases += [
        ("pe-without-colors", "a flag", derive_case("pe", {"shuffle_colors": False}, (5, 7))),
        ("pe-defaults-written-out", "left out again", derive_case("pe", {"shuffle_colors": True}, (8, 12))),
    ]
    for name, description, given in cases:
        yield scenario(f"derive-{name}", description, given)
    for name, description, given, error in _refused():
        yield scenario(f"derive-{name}", description, given, error)


def _unusual():
    return {"shared_block_key": True, "steps": ["color", "rotation"], "block_size": 8, "key_scope": "image"}


def _options():
    """In the order of the settings, whatever that of a caller."""
    return {
        "gap": {"gap": 65535 // 200},
        "jitter": {"jitter": 3, "gap": 4},
        "keep": {"gap": 4, "keep": 0.5},
        "keep-two-digits": {"gap": 4, "keep": 0.29},
        "keep-one-digit": {"gap": 4, "keep": 0.10},
        "gap-jitter-keep": {"keep": 0.07, "jitter": 4, "gap": 4, "shared_block_key": True},
        "options-written-out": {"gap": 4, "jitter": 0, "keep": 1.0, "disposable": False},
    }


def _orders():
    return {
        "steps-in-another-order": STEPS[::-1],
        "two-steps-in-another-order": ["color", "permutation"],
        "repeated-step": ["color", "permutation", "color"],
    }


def _refused():
    size, blocks = (224, 224), {"block_size": 16}
    scoped = blocks | {"key_scope": "image"}
    off = ("GeometryError",)
    parameter = ("ParameterError",)
    return [
        ("height-off-the-grid", "30 is no multiple of 16", derive_case("etc", blocks, (30, 32)), *off),
        ("width-off-the-grid", "6 is no multiple of 4", derive_case("le", {}, (8, 6)), *off),
        ("no-rows", "pictures have pixels", derive_case("pe", {}, (0, 7)), *off),
        ("unknown-cipher", "no such cipher", derive_case("rot13", {}, size), *parameter),
        ("unknown-parameter", "no such parameter", derive_case("etc", blocks | {"rounds": 2}, size), *parameter),
        ("parameter-of-another-cipher", "le has blocks of 4", derive_case("le", {"block_size": 4}, size), *parameter),
        ("without-block-size", "it has no default", derive_case("etc", {}, size), *parameter),
        ("without-block-size-any-size", "it has no default", derive_case("etc", {}), *parameter),
        ("block-size-65536", "too large for a picture", derive_case("etc", {"block_size": 65536}), *parameter),
        ("null-block-size", "null is no number", derive_case("etc", {"block_size": None}), *parameter),
        ("no-steps", "an identity is no cipher", derive_case("etc", blocks | {"steps": []}), *parameter),
        ("missing-nonce", "scope image", derive_case("etc", blocks | {"key_scope": "image"}, size), *parameter),
        ("superfluous-nonce", "scope dataset", derive_case("etc", blocks, size, NONCE), *parameter),
        ("gap-scope-dataset", "no nonce", derive_case("etc", blocks | {"gap": 4}, size), *parameter),
        (
            "jitter-above-the-gap",
            "overlaps",
            derive_case("etc", scoped | {"gap": 1, "jitter": 2}, size, NONCE),
            *parameter,
        ),
        ("keep-0", "nothing would be left", derive_case("etc", scoped | {"keep": 0}), *parameter),
        ("gap-one-block", "16x31", derive_case("etc", scoped | {"gap": 4}, (16, 31), NONCE), *off),
        ("disposable", "no owner's key", derive_case("etc", scoped | {"disposable": True}, size, NONCE), *parameter),
        ("disposable-any-size", "no owner's key", derive_case("etc", scoped | {"disposable": True}), *parameter),
        ("short-nonce", "15 bytes", derive_case("pe", {"key_scope": "image"}, size, NONCE[:-1]), *parameter),
    ]


def tags():
    blocks = {"block_size": 4}
    plain = marker_text("etc", blocks, 4, 8, cipher_id(KEY, "etc", blocks, 4, 8))
    scoped = marker_text("etc", blocks | {"key_scope": "image"}, 4, 8, "0123456789abcdef" * 2, NONCE)
    pixels = bytes(range(96))
    cases = [
        ("pixels", "PNG and WebP", KEY, plain, "pixels", pixels),
        ("other-key", "another key", OTHER_KEY, plain, "pixels", pixels),
        ("other-pixels", "one bit of the last component", KEY, plain, "pixels", pixels[:-1] + b"\x5e"),
        ("other-marker", "a nonce", KEY, scoped, "pixels", pixels),
        ("jpeg", "the bytes of a file", KEY, plain, "jpeg", b"\xff\xd8\xff\xda\0\2\xff\xd9"),
        ("same-data-other-kind", "pixels are no file", KEY, plain, "jpeg", pixels),
        ("no-data", "the two zero bytes remain", KEY, plain, "pixels", b""),
    ]
    for name, description, key, text, kind, data in cases:
        given = {"key": key.hex(), "text": text, "kind": kind, "data": data.hex()}
        yield scenario(f"tag-{name}", description, given)


def draws():
    for step in [*STEPS, "nibbles", "jitter"]:
        given = {"plan_key": PLAN_KEY.hex(), "step": step, "length": 128}
        yield scenario(f"stream-{step}", "AES-256-CTR of zeros from the step's first counter block", given)
    for n in (1, 2, 4, 196, 1024):
        given = {"plan_key": PLAN_KEY.hex(), "step": "permutation", "n": n}
        yield scenario(f"permutation-of-{n}", "stable argsort of 64-bit words", given)
    given = {"plan_key": PLAN_KEY.hex(), "step": "nibbles", "n": 96}
    yield scenario("permutation-nibbles-of-96", "the draw of another step", given)
    for step, bounds in _bounds().items():
        for name, below in bounds.items():
            given = {"plan_key": PLAN_KEY.hex(), "step": step, "count": 40, "below": below}
            yield scenario(f"integers-below-{name}", f"{step}: integers below {below}", given)
    for name, below in {"zero": 0, "more-than-a-word": 2**32 + 1}.items():
        given = {"plan_key": PLAN_KEY.hex(), "step": "color", "count": 4, "below": below}
        yield scenario(f"integers-below-{name}", "outside 1..2^32", given, "ParameterError")


def _bounds():
    color = {"6": 6, "1": 1, "255": 255, "half-of-all-words-rejected": 2**31 + 1}
    color |= {"any-word": 2**32, "one-word-rejected": 2**32 - 1}
    return {"negative-positive": {"2": 2}, "rotation": {"16": 16}, "color": color}
