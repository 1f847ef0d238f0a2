"""Section 1 of docs/spec.md in plain loops, and the HKDF of section 2: keys, salts, passphrases.

Nothing here comes from hf_etc, so an error in one of the two shows as a difference.
"""

import hashlib
import hmac
import unicodedata

from .refusal import Refusal

ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
SPACES = " \t\r\n"
KEY_PREFIX, SALT_PREFIX = "hfetc2-", "hfetc2-scrypt-"
COSTS = range(17, 21)


def base32(data):
    """RFC 4648 in lower case without padding."""
    bits = "".join(f"{byte:08b}" for byte in data)
    bits += "0" * (-len(bits) % 5)
    return "".join(ALPHABET[int(bits[i : i + 5], 2)] for i in range(0, len(bits), 5))


def format_key(key):
    return KEY_PREFIX + base32(key + hashlib.sha256(key).digest()[:4])


def format_salt(payload):
    return SALT_PREFIX + base32(payload + hashlib.sha256(payload).digest()[:4])


def parse_key(text):
    return _parse(text, KEY_PREFIX, 32)


def parse_salt(text):
    """The payload of 25 bytes; its cost is checked by `key_from_passphrase`."""
    return _parse(text, SALT_PREFIX, 25)


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
    """The key of a passphrase and the text of its salt; the checks come in the order of section 1."""
    passphrase = unicodedata.normalize("NFC", passphrase)
    if len(passphrase) < 12 or any(0xD800 <= ord(character) <= 0xDFFF for character in passphrase):
        raise Refusal("KeyFormatError", "passphrase too short or not Unicode")
    payload = parse_salt(salt)
    if payload[0] not in COSTS:
        raise Refusal("KeyFormatError", "cost")
    key = stretch(passphrase, payload[0], payload[1:17])
    if derive(key, "hf-etc/2/passphrase", 8) != payload[17:]:
        raise Refusal("KeyMismatchError", "another passphrase")
    return key


def stretch(passphrase, cost, random):
    text = unicodedata.normalize("NFC", passphrase).encode()
    return hashlib.scrypt(text, salt=random, n=2**cost, r=8, p=1, dklen=32, maxmem=2 ** (cost + 11))


def salt_for(passphrase, cost, random):
    """The text that an owner keeps beside the passphrase, out of 16 random bytes."""
    check = derive(stretch(passphrase, cost, random), "hf-etc/2/passphrase", 8)
    return format_salt(bytes([cost]) + random + check)


def derive(key, info, length):
    """HKDF-SHA256 with an empty salt, spelled out."""
    pseudorandom = hmac.new(b"", key, "sha256").digest()
    output, block, counter = b"", b"", 1
    while len(output) < length:
        block = hmac.new(pseudorandom, block + info.encode("ascii") + bytes([counter]), "sha256").digest()
        output, counter = output + block, counter + 1
    return output[:length]


def key_id(key):
    return derive(key, "hf-etc/2/key-id", 8).hex()
