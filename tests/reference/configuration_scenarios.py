"""The scenarios about what a client accepts from the configuration that a model's publisher wrote: section 7."""

from .scenario import KEY, OTHER_KEY, STEPS, scenario
from .settings_reference import cipher_id

SIZE = [224, 224]
SCOPED = {"cipher": "etc", "key_scope": "image", "block_size": 16}
DATASET = {"cipher": "etc", "block_size": 16}
PRIVATE = SCOPED | {"gap": 4, "jitter": 4, "keep": 0.5}


def configuration(cipher=SCOPED, size=SIZE, key=KEY, **changes):
    """With the right id, unless it is among the changes."""
    parameters = {name: value for name, value in cipher.items() if name != "cipher"}
    found = {"cipher": cipher, "size": size, "cipher_id": None}
    if key is None:
        return found | changes
    if "cipher_id" not in changes:
        changes["cipher_id"] = cipher_id(key, cipher["cipher"], parameters, *(size or (None, None)))
    return found | changes


OWN_ID = configuration()["cipher_id"]


def configurations():
    for name, about, given in _accepted():
        yield _configuration(name, about, given)
    for allow_weak in (False, True):
        suffix = "-allowed" if allow_weak else ""
        for name, about, cipher, size in _weakened():
            given = configuration(cipher, size, cipher_id=OWN_ID)
            yield _configuration(f"{name}-with-the-old-id{suffix}", about, given, "KeyMismatchError", allow_weak)
    for name, about, cipher, size in _weakened():
        weak = not name.startswith("changed-")
        given = configuration(cipher, size)
        yield _configuration(f"{name}-with-its-id", about, given, "ParameterError" if weak else None)
        if weak:
            yield _configuration(f"{name}-with-its-id-allowed", about, given, allow_weak=True)
    for error, cases in _refused().items():
        for name, about, given in cases:
            yield _configuration(name, about, given, error)


def _configuration(name, about, content, error=None, allow_weak=False):
    given = {"key": KEY.hex(), "configuration": content, "allow_weak": allow_weak}
    return scenario(f"configuration-{name}", about, given, error)


def _accepted():
    whole = SCOPED | {"steps": STEPS, "shared_block_key": False}
    return [
        ("image-scope", "224x224 in blocks of 16", configuration()),
        ("dataset-scope", "the defaults", configuration({"cipher": "etc", "block_size": 16})),
        ("all-parameters", "defaults written out", configuration(whole)),
        ("any-size", "an id without height and width", configuration(size=None)),
        ("non-square", "rows before columns", configuration(size=[64, 128])),
        ("gap-jitter-keep", "96x176 are sent", configuration(PRIVATE)),
        ("gap-off-the-grid", "which a gap does not need", configuration(PRIVATE, [223, 230])),
        ("any-owner", "no id: any key", configuration(PRIVATE, key=None)),
        ("any-owner-any-size", "no id: any key", configuration(PRIVATE, None, None)),
        ("null-id", "no id: any key", configuration(cipher_id=None)),
        ("no-id", "no id: any key", {"cipher": SCOPED, "size": SIZE}),
        ("sixteen-sent-blocks", "half of 32", configuration(SCOPED | {"keep": 0.5}, [128, 64])),
        ("sixteen-blocks", "the fewest that are not weak", configuration(size=[64, 64])),
    ]


def _weakened():
    """What somebody between the owner and its client may write instead: (name, about, cipher, size)."""
    for cipher in ("le", "ele", "pe"):
        yield cipher, "a broken cipher", {"cipher": cipher, "key_scope": "image"}, SIZE
    for step in STEPS:
        yield f"only-{step}", "one step", SCOPED | {"steps": [step]}, SIZE
    yield "three-steps", "all but one", SCOPED | {"steps": STEPS[:3]}, SIZE
    yield "shared-block-key", "one draw for all blocks", SCOPED | {"shared_block_key": True}, SIZE
    yield "one-block", "16x16", SCOPED, [16, 16]
    yield "fifteen-blocks", "48x80", SCOPED, [48, 80]
    yield "fifteen-sent-blocks", "of 30", SCOPED | {"keep": 0.5}, [96, 80]
    yield "changed-gap", "more pixels", SCOPED | {"gap": 1}, SIZE
    yield "changed-scope", "one plan for all pictures", {"cipher": "etc", "block_size": 16}, SIZE
    yield "changed-to-any-size", "no size", SCOPED, None
    yield "changed-size", "another size", SCOPED, [224, 240]
    yield "changed-block-size", "blocks of 8", SCOPED | {"block_size": 8}, SIZE


def _refused():
    ids = [
        ("other-key", "the id of another key", configuration(key=OTHER_KEY)),
        ("id-of-any-size", "the id of the settings without the size", configuration(cipher_id=_any_size())),
        ("id-in-upper-case", "ids are lower-case", configuration(cipher_id=OWN_ID.upper())),
        ("id-cut-off", "30 digits", configuration(cipher_id=OWN_ID[:-2])),
        ("empty-id", "no digits", configuration(cipher_id="")),
        ("null-id-scope-dataset", "one key for all", configuration(DATASET, cipher_id=None)),
        ("no-id-scope-dataset", "one key for all", {"cipher": DATASET, "size": SIZE}),
    ]
    parameters = [
        ("unknown-cipher", "no such cipher", configuration({"cipher": "rot13"}, cipher_id=OWN_ID)),
        ("unknown-parameter", "no such parameter", configuration(SCOPED | {"rounds": 2}, cipher_id=OWN_ID)),
        ("without-block-size", "it has no default", configuration({"cipher": "etc"}, cipher_id=OWN_ID)),
        ("any-owner-one-step", "weak", configuration(SCOPED | {"steps": ["color"]}, key=None)),
        ("disposable", "a key does not take part", configuration(PRIVATE | {"disposable": True}, key=None)),
        ("jitter-above-the-gap", "windows could overlap", configuration(PRIVATE | {"gap": 3}, key=None)),
        ("size-in-the-cipher", "it has its own member", configuration(SCOPED | {"height": 224}, cipher_id=OWN_ID)),
        ("shared-block-key-as-number", "0 is not false", configuration(SCOPED | {"shared_block_key": 0}, cipher_id="")),
    ]
    geometry = [("gap-one-block", "a gap of 300", configuration(PRIVATE | {"gap": 300}, key=None))]
    geometry += [("size-off-the-grid", "no multiple of 16", configuration(size=[224, 230], cipher_id=OWN_ID))]
    return {"KeyMismatchError": ids, "ParameterError": parameters, "GeometryError": geometry}


def _any_size():
    return configuration(size=None)["cipher_id"]
