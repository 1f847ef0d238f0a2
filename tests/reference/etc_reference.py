"""Sections 1 to 4 of docs/spec.md in plain loops: keys, derivation, draws and plans.

Nothing here comes from hf_etc, so an error in one of the two shows as a difference. Pixels are `bytes` in
byte-offset order; plans are two lists of integers.
"""

import hashlib
import hmac

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
SPACES = " \t\r\n"
COLORS = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]]
STEPS = ["permutation", "rotation", "negative-positive", "color"]
SCOPES = ["dataset", "image"]


class Refusal(Exception):
    """What the specification demands to reject; `kind` is the name of the error in its table."""

    def __init__(self, kind, reason):
        super().__init__(f"{kind}: {reason}")
        self.kind = kind


# Section 1: keys


def base32(data):
    """RFC 4648 in lower case without padding."""
    bits = "".join(f"{byte:08b}" for byte in data)
    bits += "0" * (-len(bits) % 5)
    return "".join(ALPHABET[int(bits[i : i + 5], 2)] for i in range(0, len(bits), 5))


def format_key(key):
    return "hfetc1-" + base32(key + hashlib.sha256(key).digest()[:4])


def format_salt(salt):
    return "hfetc1-scrypt-" + base32(salt + hashlib.sha256(salt).digest()[:4])


def parse_key(text):
    return _parse(text, "hfetc1-", 32)


def parse_salt(text):
    return _parse(text, "hfetc1-scrypt-", 16)


def _parse(text, prefix, length):
    text = text.strip(SPACES)
    if any(ord(character) > 127 for character in text):
        raise Refusal("KeyFormatError", "not ASCII")
    text = text.lower()
    if not text.startswith(prefix):
        raise Refusal("KeyFormatError", "wrong prefix")
    body = text[len(prefix) :]
    count = (length + 4) * 8
    if len(body) != -(-count // 5):
        raise Refusal("KeyFormatError", "wrong length")
    if any(character not in ALPHABET for character in body):
        raise Refusal("KeyFormatError", "wrong character")
    bits = "".join(f"{ALPHABET.index(character):05b}" for character in body)
    if "1" in bits[count:]:
        raise Refusal("KeyFormatError", "padding bits are not zero")
    data = bytes(int(bits[i : i + 8], 2) for i in range(0, count, 8))
    if hashlib.sha256(data[:length]).digest()[:4] != data[length:]:
        raise Refusal("KeyFormatError", "wrong checksum")
    return data[:length]


def key_from_passphrase(passphrase, salt):
    if len(passphrase) < 12 or any(0xD800 <= ord(character) <= 0xDFFF for character in passphrase):
        raise Refusal("KeyFormatError", "passphrase too short or not Unicode")
    return hashlib.scrypt(passphrase.encode(), salt=salt, n=2**17, r=8, p=1, dklen=32, maxmem=2**28)


# Section 2: derivation


def derive(key, info, length):
    """HKDF-SHA256 with an empty salt, spelled out."""
    pseudorandom = hmac.new(b"", key, "sha256").digest()
    output, block, counter = b"", b"", 1
    while len(output) < length:
        block = hmac.new(pseudorandom, block + info.encode("ascii") + bytes([counter]), "sha256").digest()
        output, counter = output + block, counter + 1
    return output[:length]


def key_id(key):
    return derive(key, "hf-etc/v1/key-id", 8).hex()


def subkey_info(label, height, width, block_size, step, nonce=None):
    """`nonce` is bytes, or None for the key scope `dataset`."""
    info = f"hf-etc/v1/{label}/{height}x{width}/{block_size}/{step}"
    return info if nonce is None else info + "/" + nonce.hex()


# Section 3: stream and draws


class Stream:
    def __init__(self, subkey):
        self._encryptor = Cipher(algorithms.AES(subkey), modes.CTR(bytes(16))).encryptor()

    def word(self, size):
        return int.from_bytes(self._encryptor.update(bytes(size)), "little")


def permutation(subkey, n):
    stream = Stream(subkey)
    words = [stream.word(8) for _ in range(n)]
    return sorted(range(n), key=words.__getitem__)  # sorted() keeps the order of equal words


def integers(subkey, count, below):
    if not 1 <= below <= 2**32:
        raise Refusal("ParameterError", "bound of a draw")
    stream = Stream(subkey)
    limit = 2**32 - 2**32 % below
    values = []
    while len(values) < count:
        word = stream.word(4)
        if word < limit:
            values.append(word % below)
    return values


# Section 4: ciphers


def etc_parameters(block_size=16, steps=STEPS, shared_block_key=False, key_scope="dataset"):
    """Check the parameters of `etc`."""
    if type(block_size) is not int or block_size < 1:
        raise Refusal("ParameterError", "block size")
    if type(steps) is not list or not steps or any(step not in STEPS for step in steps):
        raise Refusal("ParameterError", "steps")
    if type(shared_block_key) is not bool:
        raise Refusal("ParameterError", "shared_block_key")
    if key_scope not in SCOPES:
        raise Refusal("ParameterError", "key scope")
    return {"block_size": block_size, "steps": steps, "shared_block_key": shared_block_key, "key_scope": key_scope}


def etc_plan(key, height, width, nonce=None, **parameters):
    """The two lists (index, mask) of section 4.1."""
    parameters = etc_parameters(**parameters)
    size = parameters["block_size"]
    check_size(height, width, size)
    if (nonce is not None) != (parameters["key_scope"] == "image"):
        raise Refusal("ParameterError", "a nonce belongs to the key scope `image`, and only there")
    if nonce is not None and len(nonce) != 16:
        raise Refusal("ParameterError", "length of the nonce")
    label = "etc-shared" if parameters["shared_block_key"] else "etc"
    across = width // size
    blocks = height // size * across

    def subkey(step):
        return derive(key, subkey_info(label, height, width, size, step, nonce), 32)

    def draw(step, below):
        if step not in parameters["steps"]:
            return [0] * blocks
        if parameters["shared_block_key"]:
            return integers(subkey(step), 1, below) * blocks
        return integers(subkey(step), blocks, below)

    sources = permutation(subkey("permutation"), blocks) if "permutation" in parameters["steps"] else range(blocks)
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


def check_size(height, width, block_size):
    if height < 1 or width < 1 or height % block_size or width % block_size:
        raise Refusal("GeometryError", f"{height}x{width} is not a positive multiple of {block_size}")


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
