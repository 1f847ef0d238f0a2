"""Section 3 and 4.1 of docs/spec.md in plain loops: streams, draws, and the cipher `etc`.

Pixels are `bytes` in byte-offset order; plans are two lists of integers.
"""

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from .refusal import Refusal
from .settings_reference import complete, derive_plan_key

COLORS = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]]
STREAMS = ["permutation", "rotation", "negative-positive", "color", "nibbles"]  # each at its number s


# Section 3: streams and draws


class Stream:
    def __init__(self, plan_key, step):
        first = STREAMS.index(step).to_bytes(8, "big") + bytes(8)
        self._encryptor = Cipher(algorithms.AES(plan_key), modes.CTR(first)).encryptor()

    def word(self, size):
        return int.from_bytes(self._encryptor.update(bytes(size)), "little")


def permutation(plan_key, step, n):
    return permutations(plan_key, step, 1, n)[0]


def permutations(plan_key, step, count, n):
    """Draws that follow each other in one stream."""
    stream, found = Stream(plan_key, step), []
    for _ in range(count):
        words = [stream.word(8) for _ in range(n)]
        found.append(sorted(range(n), key=words.__getitem__))  # sorted() keeps the order of equal words
    return found


def integers(plan_key, step, count, below):
    if not 1 <= below <= 2**32:
        raise Refusal("ParameterError", "bound of a draw")
    stream = Stream(plan_key, step)
    limit = 2**32 - 2**32 % below
    values = []
    while len(values) < count:
        word = stream.word(4)
        if word < limit:
            values.append(word % below)
    return values


# Section 4: plans, and the cipher `etc`


def etc_plan(key, height, width, nonce=None, **parameters):
    """The two lists (index, mask) of section 4.1."""
    parameters = complete("etc", parameters)
    secret = derive_plan_key(key, "etc", parameters, height, width, nonce)
    size = parameters["block_size"]
    across = width // size
    blocks = height // size * across

    def draw(step, below):
        if step not in parameters["steps"]:
            return [0] * blocks
        if parameters["shared_block_key"]:
            return integers(secret, step, 1, below) * blocks
        return integers(secret, step, blocks, below)

    moved = "permutation" in parameters["steps"]
    sources = permutation(secret, "permutation", blocks) if moved else range(blocks)
    turns, negatives, colors = draw("rotation", 16), draw("negative-positive", 2), draw("color", 6)

    index, mask = [None] * (height * width * 3), [None] * (height * width * 3)
    for block in range(blocks):
        source = _block_coordinates(sources[block], across, size)
        turned = _turn(source, turns[block])
        place = _block_coordinates(block, across, size)
        for r in range(size):
            for c in range(size):
                (row, column), (from_row, from_column) = place[r][c], turned[r][c]
                for component in range(3):
                    offset = (row * width + column) * 3 + component
                    index[offset] = (from_row * width + from_column) * 3 + COLORS[colors[block]][component]
                    mask[offset] = 255 * negatives[block]
    return index, mask


def _block_coordinates(number, across, size):
    top, left = number // across * size, number % across * size
    return [[(top + r, left + c) for c in range(size)] for r in range(size)]


def _turn(block, code):
    """Rotation and inversion in words, not by the formula: turn, then mirror left-right, then top-bottom."""
    rotation, inversion = code % 4, code // 4
    for _ in range(rotation):  # counter-clockwise: the last column becomes the first row
        block = [list(row) for row in zip(*block, strict=True)][::-1]
    if inversion & 1:
        block = [row[::-1] for row in block]
    if inversion & 2:
        block = block[::-1]
    return block


def source_by_formula(code, size, r, c):
    """The same in the closed form of section 4.1: which (row, column) of the source block (r, c) reads."""
    rotation, inversion = code % 4, code // 4
    u = size - 1 - r if inversion & 2 else r
    v = size - 1 - c if inversion & 1 else c
    return [(u, v), (v, size - 1 - u), (size - 1 - u, size - 1 - v), (size - 1 - v, u)][rotation]


def encrypt(plan, pixels):
    index, mask = plan
    if len(pixels) != len(index):
        raise Refusal("GeometryError", "the image is not of the plan's size")
    return bytes(pixels[index[i]] ^ mask[i] for i in range(len(index)))


def inverse(plan):
    index, mask = plan
    back, back_mask = [None] * len(index), [None] * len(index)
    for i in range(len(index)):
        back[index[i]] = i
        back_mask[index[i]] = mask[i]
    return back, back_mask
