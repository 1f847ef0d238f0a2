"""The scenarios of the cipher `etc`: plans, encryption and decryption."""

from .etc_reference import encrypt, etc_plan
from .scenario import FILL, KEY, NONCE, OTHER_NONCE, STEPS, scenario


def image(height, width, block_size=16, nonce=None, **parameters):
    """The input of the groups plan, encrypt and decrypt."""
    defaults = {"block_size": block_size, "key_scope": "dataset" if nonce is None else "image"}
    defaults |= {"steps": STEPS, "shared_block_key": False}
    nonce = None if nonce is None else nonce.hex()
    parameters = defaults | parameters
    return {"key": KEY.hex(), "height": height, "width": width, "nonce": nonce, "parameters": parameters}


def ciphers():
    cases = [
        ("square", "32x32, four blocks of 16", image(32, 32)),
        ("square-of-64-blocks", "32x32, 64 blocks of 4", image(32, 32, 4)),
        ("non-square", "16x24, six blocks of 8", image(16, 24, 8)),
        ("tall", "24x16, six blocks of 8: not the turned plan of 16x24", image(24, 16, 8)),
        ("one-block", "a single block: nothing to permute", image(16, 16)),
        ("one-row-of-blocks", "4x24", image(4, 24, 4)),
        ("block-size-1", "every pixel is a block", image(6, 5, 1)),
        ("block-size-2", "8x8", image(8, 8, 2)),
        ("block-size-3", "an odd block size", image(9, 6, 3)),
        ("block-size-8", "32x40", image(32, 40, 8)),
        ("image-scope", "a nonce for the image", image(32, 48, 8, nonce=NONCE)),
        ("image-scope-other-nonce", "one bit of the nonce differs", image(32, 48, 8, nonce=OTHER_NONCE)),
        ("shared-block-key", "steps 2 to 4 draw once", image(32, 48, 8, shared_block_key=True)),
        ("shared-block-key-image-scope", "both", image(16, 16, 4, NONCE, shared_block_key=True)),
        ("steps-in-another-order", "the order of the list does not matter", image(16, 16, 8, steps=STEPS[::-1])),
        ("224-16", "the setting of most models", image(224, 224)),
        ("96-wide-64-high", "96x64", image(64, 96)),
    ]
    cases += [(f"only-{step}", f"the step {step} alone", image(16, 16, 4, steps=[step])) for step in STEPS]
    cases += [(f"without-{s}", f"all but {s}", image(16, 24, 8, steps=[t for t in STEPS if t != s])) for s in STEPS]
    for name, description, given in cases:
        yield scenario(f"plan-{name}", description, given)
        yield scenario(f"encrypt-{name}", description, given | {"pixels": FILL})
        yield scenario(f"decrypt-{name}", description, given | {"pixels": FILL})
    given = image(4, 4, 2)
    ciphertext = encrypt(etc_plan(KEY, 4, 4, **given["parameters"]), bytes(range(48)))
    yield scenario("encrypt-counting-bytes", "pixels written out", given | {"pixels": bytes(range(48)).hex()})
    yield scenario("decrypt-counting-bytes", "back to the counting bytes", given | {"pixels": ciphertext.hex()})
    yield scenario("encrypt-384-16-image-scope", "a large image", image(384, 384, nonce=NONCE) | {"pixels": FILL})


def refused_ciphers():
    geometry = [
        ("height-off-the-grid", "30 is no multiple of 16", image(30, 32)),
        ("width-off-the-grid", "40 is no multiple of 16", image(32, 40)),
        ("block-larger-than-the-image", "8x8 pixels, block size 16", image(8, 8)),
        ("block-larger-than-one-edge", "16x8 pixels, block size 16", image(16, 8)),
    ]
    parameter = [
        ("block-size-0", "no block", image(16, 16, 0)),
        ("negative-block-size", "no block", image(16, 16, -8)),
        ("fractional-block-size", "pixels are whole", image(16, 16, 7.5)),
        ("boolean-block-size", "true is not 1", image(16, 16, True)),
        ("text-block-size", "a text is no number", image(16, 16, "16")),
        ("no-steps", "an identity is no cipher", image(16, 16, steps=[])),
        ("unknown-step", "a step of another cipher", image(16, 16, steps=["permutation", "nibbles"])),
        ("steps-as-text", "a text is no list", image(16, 16, steps="permutation")),
        ("unknown-key-scope", "dataset or image", image(16, 16, key_scope="folder")),
        ("shared-block-key-as-number", "1 is not true", image(16, 16, shared_block_key=1)),
        ("missing-nonce", "key scope image without a nonce", image(16, 16, key_scope="image")),
        ("superfluous-nonce", "key scope dataset with a nonce", image(16, 16, nonce=NONCE, key_scope="dataset")),
        ("short-nonce", "15 bytes", image(16, 16, nonce=NONCE[:-1])),
        ("long-nonce", "17 bytes", image(16, 16, nonce=NONCE + b"\0")),
        ("empty-nonce", "0 bytes", image(16, 16, nonce=b"")),
    ]
    for error, cases in (("GeometryError", geometry), ("ParameterError", parameter)):
        for name, description, given in cases:
            yield scenario(f"plan-{name}", description, given, error)
            yield scenario(f"encrypt-{name}", description, given | {"pixels": FILL}, error)
    yield scenario("plan-no-rows", "an image without pixels", image(0, 16), "GeometryError")
    yield scenario("plan-negative-width", "an image without pixels", image(16, -16), "GeometryError")
