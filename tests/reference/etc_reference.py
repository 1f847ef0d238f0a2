"""Section 3 and 4.1 of docs/spec.md in plain loops: streams, draws, and the layout that the cipher `etc` draws.

Pixels are `bytes` in byte-offset order; plans are two lists of integers.
"""

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from . import layout_reference as layouts
from .refusal import Refusal
from .settings_reference import cells, complete, derive_plan_key

STREAMS = ["permutation", "rotation", "negative-positive", "color", "nibbles", "jitter"]  # each at its number s
TURNS = [0, 1, 2, 3, 4, 7, 6, 5, 6, 5, 4, 7, 2, 3, 0, 1]  # of each code of the step rotation


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


def etc_layout(key, height, width, nonce=None, **parameters):
    """The layout of section 4.1."""
    parameters = complete("etc", parameters)
    secret = derive_plan_key(key, "etc", parameters, height, width, nonce)
    size, found = parameters["block_size"], cells(parameters, height, width)
    columns, count = found["columns"], found["rows"] * found["columns"]
    sent = found["kept_rows"] * columns

    def draw(step, below):
        if step not in parameters["steps"]:
            return [0] * sent
        if parameters["shared_block_key"]:
            return integers(secret, step, 1, below) * sent
        return integers(secret, step, sent, below)

    moved = "permutation" in parameters["steps"]
    sources = permutation(secret, "permutation", count)[:sent] if moved else range(sent)
    jitter, pitch = parameters["jitter"], size + parameters["gap"]
    shifts = integers(secret, "jitter", 2 * count, jitter + 1) if jitter else [0] * (2 * count)
    top = [found["top"] + p // columns * pitch + shifts[p] for p in sources]
    left = [found["left"] + p % columns * pitch + shifts[count + p] for p in sources]
    turns = [TURNS[code] for code in draw("rotation", 16)]
    changes = {"turn": turns, "negative": draw("negative-positive", 2), "color": draw("color", 6)}
    form = {"height": height, "width": width, "block_size": size, "columns": columns}
    return form | {"top": top, "left": left} | changes


def etc_plan(key, height, width, nonce=None, **parameters):
    """The two lists (index, mask) of the layout, where it has them."""
    return layouts.plan(etc_layout(key, height, width, nonce, **parameters))


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
