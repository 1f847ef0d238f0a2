"""Whether bytes that are about to leave hold a key."""

import base64
import json
import os
import re
from collections.abc import Iterator
from contextlib import suppress

import numpy as np

from ..errors import EtcError, KeyFormatError
from .keys import CHECKSUM_BYTES, KEY_BYTES, KEY_PREFIX, MIN_PASSPHRASE, PASSPHRASE_ENV, EtcKey, live_keys

_DIGITS = -(-8 * (KEY_BYTES + CHECKSUM_BYTES) // 5)
_KEY_TEXT = re.compile(re.escape(KEY_PREFIX.encode()) + b"[a-z2-7]{%d}" % _DIGITS, re.IGNORECASE)
_NUMBERS = ("<i4", "<i8", "<f4")  # what a list of bytes becomes in a tensor


def contains_key(data: bytes | memoryview) -> bool:
    """Whether `data` holds a key: the text form of any key, or one of this process in a usual encoding.

    Keys of this process are those alive in it and the environment's. They are looked for as raw bytes, as numbers
    of any width, in hexadecimal, base32 and base64, as a list of decimal numbers and as Python or JSON would escape
    them. A key of someone else can only be told by its text form, and so can one of fewer than nine different bytes,
    which nobody draws at random and which stands in any padding. The passphrase in the environment counts as a key.

    Example:
        >>> contains_key(b"key: " + EtcKey.generate().reveal().encode()), contains_key(b"hfetc2-...")
        (True, False)
    """
    data = bytes(data)
    if any(_is_key(found[0].decode()) for found in _KEY_TEXT.finditer(data)):
        return True
    passphrase = os.environ.get(PASSPHRASE_ENV, "").encode(errors="surrogateescape")
    if len(passphrase) >= MIN_PASSPHRASE and passphrase in data:
        return True
    return any(form in data for secret in _own_secrets() for form in (*_raw_forms(secret), *_text_forms(secret)))


def contains_raw_key(data: bytes) -> bool:
    """As `contains_key`, for keys of this process and their bytes alone: at 10 GB/s, which large weights need."""
    return any(form in data for secret in _own_secrets() for form in _raw_forms(secret))


def _own_secrets() -> list[bytes]:
    keys = live_keys()
    with suppress(EtcError):
        keys.append(EtcKey.from_env())
    secrets = {key._secret for key in keys}  # noqa: SLF001 - the one other module that reads it
    return [secret for secret in secrets if len(set(secret)) > 8]


def _is_key(text: str) -> bool:
    try:
        EtcKey.parse(text)
    except KeyFormatError:
        return False
    finally:
        del text
    return True


def _raw_forms(secret: bytes) -> tuple[bytes, ...]:
    """The bytes as they are, as a pickle of protocol 2 holds them, and as an array of wider numbers."""
    array = np.frombuffer(secret, np.uint8)
    numbers = (array.astype(kind).tobytes() for kind in _NUMBERS)
    return (secret, secret.decode("latin-1").encode(), *numbers)


def _text_forms(secret: bytes) -> Iterator[bytes]:
    """Usual encodings, without what follows or precedes the key at each alignment."""
    yield secret.hex().encode()
    yield secret.hex().upper().encode()
    base32 = base64.b32encode(secret)[:51]  # what follows the key changes the last digit
    yield base32
    yield base32.lower()
    for skipped in range(3):
        text = base64.b64encode(bytes(skipped) + secret)[-(-skipped * 8 // 6) : (skipped + KEY_BYTES) * 8 // 6]
        yield text
        yield text.translate(bytes.maketrans(b"+/", b"-_"))
    yield ",".join(map(str, secret)).encode()
    yield ", ".join(map(str, secret)).encode()
    yield repr(secret)[2:-1].encode()
    yield json.dumps(secret.decode("latin-1"))[1:-1].encode()
