"""Sections 4.2 to 4.4 of docs/spec.md in plain loops: the broken ciphers `le`, `ele` and `pe`.

A plan is two lists of integers over symbols: bytes for `pe`, nibbles for `le` and `ele`.
"""

from .etc_reference import integers, permutation, permutations
from .layout_reference import COLORS
from .refusal import Refusal
from .settings_reference import complete, derive_plan_key

NIBBLE_CIPHERS = ["le", "ele"]


def le_plan(key, height, width, nonce=None, **parameters):
    secret = derive_plan_key(key, "le", parameters, height, width, nonce)
    shuffle = permutation(secret, "nibbles", 96)
    blocks = height // 4 * (width // 4)
    return _nibble_plan([shuffle] * blocks, range(blocks), height, width)


def ele_plan(key, height, width, nonce=None, **parameters):
    secret = derive_plan_key(key, "ele", parameters, height, width, nonce)
    blocks = height // 4 * (width // 4)
    shuffles = permutations(secret, "nibbles", blocks, 96)
    return _nibble_plan(shuffles, permutation(secret, "permutation", blocks), height, width)


def pe_plan(key, height, width, nonce=None, **parameters):
    secret = derive_plan_key(key, "pe", parameters, height, width, nonce)
    pixels = height * width
    negatives, codes = integers(secret, "negative-positive", pixels * 3, 2), [0] * pixels
    if complete("pe", parameters)["shuffle_colors"]:
        codes = integers(secret, "color", pixels, 6)
    index = [pixel * 3 + COLORS[codes[pixel]][component] for pixel in range(pixels) for component in range(3)]
    return index, [255 * negatives[source] for source in index]


def encrypt(plan, pixels):
    """Apply a plan of nibbles; one of bytes is applied by `etc_reference.encrypt`."""
    index, mask = plan
    if 2 * len(pixels) != len(index):
        raise Refusal("GeometryError", "the image is not of the plan's size")
    symbols = [byte % 16 for byte in pixels] + [byte // 16 for byte in pixels]
    out = [symbols[index[i]] ^ mask[i] for i in range(len(index))]
    return bytes(low + 16 * high for low, high in zip(out[: len(pixels)], out[len(pixels) :], strict=True))


def _nibble_plan(shuffles, sources, height, width):
    index, mask = [None] * (height * width * 6), [None] * (height * width * 6)
    for block, source in enumerate(sources):
        shuffle = shuffles[source]
        reverse = [1 if value > 48 else 0 for value in shuffle]
        to, come_from = _nibbles(block, height, width), _nibbles(source, height, width)
        for i in range(96):
            index[to[i]] = come_from[shuffle[i]]
            mask[to[i]] = 15 * (reverse[i] ^ reverse[shuffle[i]])
    return index, mask


def _nibbles(block, height, width):
    """The plan's numbers of a block's 48 low and 48 high nibbles."""
    top, left = block // (width // 4) * 4, block % (width // 4) * 4
    low = [
        ((top + row) * width + left + column) * 3 + component
        for row in range(4)
        for column in range(4)
        for component in range(3)
    ]
    return low + [offset + height * width * 3 for offset in low]


PLANS = {"le": le_plan, "ele": ele_plan, "pe": pe_plan}
