"""Sections 4.2 to 4.4 of docs/spec.md in plain loops: the broken ciphers `le`, `ele` and `pe`.

A plan is two lists of integers over symbols: bytes for `pe`, nibbles for `le` and `ele`.
"""

from .etc_reference import COLORS, SCOPES, Refusal, check_size, derive, integers, subkey_info
from .etc_reference import Stream as Words

NIBBLE_CIPHERS = ["le", "ele"]


def le_plan(key, height, width, nonce=None, key_scope="dataset"):
    _check(height, width, 4, nonce, key_scope)
    shuffle = _permutations(derive(key, subkey_info("le", height, width, 4, "nibbles", nonce), 32), 1, 96)[0]
    blocks = height // 4 * (width // 4)
    return _nibble_plan([shuffle] * blocks, range(blocks), height, width)


def ele_plan(key, height, width, nonce=None, key_scope="dataset"):
    _check(height, width, 4, nonce, key_scope)
    blocks = height // 4 * (width // 4)
    shuffles = _permutations(derive(key, subkey_info("ele", height, width, 4, "nibbles", nonce), 32), blocks, 96)
    step = derive(key, subkey_info("ele", height, width, 4, "permutation", nonce), 32)
    return _nibble_plan(shuffles, _permutations(step, 1, blocks)[0], height, width)


def pe_plan(key, height, width, nonce=None, key_scope="dataset", shuffle_colors=True):
    if type(shuffle_colors) is not bool:
        raise Refusal("ParameterError", "shuffle_colors")
    _check(height, width, 1, nonce, key_scope)
    pixels = height * width
    step = derive(key, subkey_info("pe", height, width, 1, "negative-positive", nonce), 32)
    negatives, codes = integers(step, pixels * 3, 2), [0] * pixels
    if shuffle_colors:
        codes = integers(derive(key, subkey_info("pe", height, width, 1, "color", nonce), 32), pixels, 6)
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


def _check(height, width, grid, nonce, key_scope):
    if key_scope not in SCOPES:
        raise Refusal("ParameterError", "key scope")
    check_size(height, width, grid)
    if (nonce is not None) != (key_scope == "image") or (nonce is not None and len(nonce) != 16):
        raise Refusal("ParameterError", "a nonce of 16 bytes belongs to the key scope `image`, and only there")


def _permutations(subkey, count, n):
    """Draws of section 3 that follow each other in one stream."""
    stream, found = Words(subkey), []
    for _ in range(count):
        words = [stream.word(8) for _ in range(n)]
        found.append(sorted(range(n), key=words.__getitem__))
    return found


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
