"""The scenarios of what the cipher `etc` may leave out of a picture: the parameters gap, jitter and keep."""

from .cipher_scenarios import image
from .scenario import FILL, NONCE, OTHER_NONCE, STEPS, scenario


def chosen(height, width, block_size, nonce=NONCE, **options):
    return image(height, width, block_size, nonce, **options)


def options():
    some = [step for step in STEPS if step != "rotation"]
    cases = [
        ("gap", "6x6 cells of 4 in 32x32", chosen(32, 32, 4, gap=1)),
        ("gap-224-16", "11x11 cells", chosen(224, 224, 16, gap=4)),
        ("gap-left-over", "37x50: what is left over lies around the cells", chosen(37, 50, 8, gap=3)),
        ("gap-nothing-left-over", "30x41: cells from edge to edge", chosen(30, 41, 8, gap=3)),
        ("gap-one-row", "8x40", chosen(8, 40, 8, gap=4)),
        ("gap-two-blocks", "the fewest", chosen(21, 8, 8, gap=5)),
        ("gap-block-size-1", "every second pixel", chosen(7, 9, 1, gap=1)),
        ("gap-larger-than-a-block", "wide gaps", chosen(40, 31, 3, gap=9)),
        ("jitter", "windows off the grid by 0 or 1", chosen(32, 32, 4, gap=1, jitter=1)),
        ("jitter-224-16", "as far as the gap allows", chosen(224, 224, 16, gap=4, jitter=4)),
        ("jitter-less-than-the-gap", "windows never touch", chosen(37, 50, 8, gap=3, jitter=2)),
        ("jitter-nothing-left-over", "30x41", chosen(32, 43, 8, gap=3, jitter=2)),
        ("jitter-one-column", "each axis for itself", chosen(40, 10, 8, gap=2, jitter=1)),
        ("keep", "half of 8 rows", chosen(32, 48, 4, keep=0.5)),
        ("keep-half-a-row", "1.5 rows are 2", chosen(24, 40, 8, keep=0.5)),
        ("keep-rounded-down", "0.29 of 5 rows is 1", chosen(40, 24, 8, keep=0.29)),
        ("keep-hundredth", "0.01 of 50 rows is 1", chosen(50, 3, 1, keep=0.01)),
        ("keep-all-rows", "0.99 of 4 rows is 4", chosen(32, 24, 8, keep=0.99)),
        ("keep-written-as-1", "the default", chosen(32, 24, 8, keep=1)),
        ("keep-written-as-1.0", "the default", chosen(32, 24, 8, keep=1.0)),
        ("gap-keep", "no jitter", chosen(45, 61, 8, gap=3, keep=0.37)),
        ("gap-jitter-keep", "all three", chosen(45, 61, 8, gap=3, jitter=2, keep=0.37)),
        ("gap-jitter-keep-other-nonce", "one bit differs", chosen(45, 61, 8, OTHER_NONCE, gap=3, jitter=2, keep=0.37)),
        ("gap-jitter-keep-tall", "61x45", chosen(61, 45, 8, gap=3, jitter=2, keep=0.37)),
        ("gap-jitter-keep-224-16", "96x176 of 224x224", chosen(224, 224, 16, gap=4, jitter=4, keep=0.5)),
        ("wide-gap-jitter-keep-224-16", "64x112 of 224x224", chosen(224, 224, 16, gap=16, jitter=16, keep=0.5)),
        ("gap-jitter-keep-32-4", "12x24 of 32x32", chosen(32, 32, 4, gap=1, jitter=1, keep=0.5)),
        (
            "gap-jitter-keep-shared-block-key",
            "one draw",
            chosen(30, 41, 4, gap=2, jitter=2, keep=0.6, shared_block_key=True),
        ),
        ("gap-jitter-keep-three-steps", "no rotation", chosen(30, 41, 4, gap=2, jitter=2, keep=0.6, steps=some)),
        ("gap-jitter-without-permutation", "cells in their order", chosen(30, 41, 4, gap=2, jitter=2, steps=STEPS[1:])),
    ]
    for name, description, given in cases:
        yield scenario(f"layout-{name}", description, given)
        yield scenario(f"encrypt-{name}", description, given | {"pixels": FILL})
        yield scenario(f"decrypt-{name}", description, given | {"pixels": FILL})
    yield scenario("layout-square", "32x32, four blocks of 16: no option", image(32, 32))
    yield scenario("layout-image-scope", "no option", image(32, 48, 8, nonce=NONCE))
    yield scenario("plan-gap", "what is left out makes no plan", chosen(32, 32, 4, gap=1), "GeometryError")
    yield scenario("plan-keep", "what is left out makes no plan", chosen(32, 32, 4, keep=0.5), "GeometryError")
    yield scenario("plan-keep-all-rows", "0.99 of 4 rows is 4", chosen(32, 24, 8, keep=0.99))


def refused_options():
    geometry = [
        ("keep-off-the-grid", "30 is no multiple of 8", chosen(30, 32, 8, keep=0.5)),
        ("gap-smaller-than-a-block", "15x32, block size 16", chosen(15, 32, 16, gap=1)),
        ("jitter-smaller-than-a-window", "19x64: a window needs 20", chosen(19, 64, 16, gap=4, jitter=4)),
        ("gap-one-block", "16x16", chosen(16, 16, 16, gap=1)),
        ("gap-one-block-of-224", "a gap of 300", chosen(224, 224, 16, gap=300)),
        ("keep-no-block", "0.01 of 11 rows", chosen(224, 224, 16, gap=4, keep=0.01)),
        ("keep-just-no-block", "0.12 of 4 rows is 0.48", chosen(32, 32, 8, keep=0.12)),
    ]
    own = {"gap": 4, "keep": 0.5, "disposable": True}
    parameter = [(f"{name}-scope-dataset", "no nonce", image(64, 64, **{name: own[name]})) for name in own]
    parameter += [
        ("jitter-scope-dataset", "no nonce", image(64, 64, gap=4, jitter=4)),
        ("jitter-above-the-gap", "windows could overlap", chosen(64, 64, 16, gap=4, jitter=5)),
        ("jitter-without-gap", "windows could overlap", chosen(64, 64, 16, jitter=1)),
        ("keep-without-permutation", "which blocks would be known", chosen(64, 64, 16, keep=0.5, steps=STEPS[1:])),
        ("disposable-with-a-key", "no owner's key takes part", chosen(64, 64, 16, disposable=True)),
    ]
    wrong = {
        "gap": {"negative": -1, "fractional": 1.5, "too-large": 65536, "boolean": True, "text": "4", "null": None},
        "jitter": {"negative": -1, "fractional": 0.5, "boolean": True, "null": None},
        "keep": {"zero": 0, "negative": -0.5, "above-one": 1.01, "two": 2, "thousandth": 0.005, "between": 0.505}
        | {"third": 1 / 3, "just-off": 0.5000000000000001, "boolean": True, "text": "0.5", "null": None},
        "disposable": {"number": 1, "text": "true", "null": None},
    }
    for option, values in wrong.items():
        base = {"gap": 4, "jitter": 0}
        parameter += [
            (f"{option}-{what}", repr(v), chosen(64, 64, 16, **base | {option: v})) for what, v in values.items()
        ]
    yield scenario("layout-gap-no-rows", "an image without pixels", chosen(0, 32, 16, gap=1), "GeometryError")
    for error, cases in (("GeometryError", geometry), ("ParameterError", parameter)):
        for name, description, given in cases:
            yield scenario(f"layout-{name}", description, given, error)
            yield scenario(f"encrypt-{name}", description, given | {"pixels": FILL}, error)
