"""Text in data of any kind: as it lies there, and what is written in it as base64 or hexadecimal.

Weights hold hundreds of megabytes without a word in them. So everything slow looks at readable runs alone, which one
pass of NumPy finds: fifteen characters in a row fill an aligned word of eight bytes at any position, in ASCII, UTF-16
and UTF-32 alike.
"""

import binascii
import re
from collections.abc import Iterator

import numpy as np

_WORD, _GAP = 8, 3
_HIGH_BITS = np.uint64(0x8080808080808080)
_READABLE = np.zeros(256, bool)
_READABLE[[9, 10, 13, *range(32, 127)]] = True
_WIDE = {width: re.compile(rb"(?:[\t\n\r -~]\0{%d}){7,}[\t\n\r -~]?" % (width - 1)) for width in (2, 4)}
_BASE64, _HEX = re.compile(rb"[A-Za-z0-9+/]{32,}"), re.compile(rb"[0-9A-Fa-f]{40,}")
_TO_STANDARD = bytes.maketrans(b"-_", b"+/")
_ESCAPED = re.compile(rb"\\u00([2-7][0-9A-Fa-f])")
_SPACE, _WRAPPING = b" \t\r\n", b"\"'`,;:#>*|\\()[]"


def readable(data: bytes) -> bytes:
    """All text of fifteen characters or more, UTF-16 and UTF-32 as ASCII, parted by zero bytes.

    Example:
        >>> b"a text in UTF-16" in readable(bytes(99) + "a text in UTF-16".encode("utf-16-le") + bytes(99))
        True
    """
    if len(data) < 4 * _WORD:
        return b"\0".join(_of_any_width(data))
    words = np.frombuffer(data, "<u8", len(data) // _WORD)
    found = np.flatnonzero((words & _HIGH_BITS) == 0)
    found = found[_hold_text(words[found])]
    if not len(found):
        return b""
    ends = np.flatnonzero(np.diff(found, append=found[-1] + 2 * _GAP) > _GAP)
    starts = np.concatenate(([0], ends[:-1] + 1))
    runs = zip((found[starts] - 1).clip(0) * _WORD, (found[ends] + 2) * _WORD, strict=True)
    return b"\0".join(text for start, end in runs for text in _of_any_width(data[start:end]))


def unwrapped(text: bytes) -> Iterator[bytes]:
    """A text without what wraps it over lines: white space, then also quotes, commas, comment signs and the like."""
    text = text.replace(b"\\n", b"").replace(b"\\r", b"")
    strict = text.translate(None, _SPACE)
    yield strict
    wide = strict.replace(b'"+"', b"").replace(b"'+'", b"").translate(None, _WRAPPING)
    if wide != strict:
        yield wide


def unescaped(text: bytes) -> bytes | None:
    """A text without the escapes that JSON allows in place of a plain character; None if it has none."""
    if b"\\/" not in text and b"\\u00" not in text:
        return None
    return _ESCAPED.sub(lambda found: bytes([int(found[1], 16)]), text).replace(b"\\/", b"/")


def decoded(text: bytes) -> Iterator[bytes]:
    """What stands in a text as base64 or hexadecimal, at every alignment: most of it is noise.

    Example:
        >>> b"a secret that is long enough" in decoded(b"61207365637265742074686174206973206c6f6e6720656e6f756768")
        True
    """
    for run in _BASE64.findall(text.translate(_TO_STANDARD)):
        for skipped in range(4):
            yield binascii.a2b_base64(run[skipped:] + b"A" * ((skipped - len(run)) % 4))  # "=" may be missing
    for run in _HEX.findall(text.replace(b"\\x", b"").replace(b"0x", b"")):
        for skipped in range(2):
            yield binascii.a2b_hex(run[skipped : skipped + (len(run) - skipped) // 2 * 2])


def _hold_text(words: np.ndarray) -> np.ndarray:
    """Which of some words of eight bytes are all text, of characters of one, two or four bytes."""
    letters = words.view(np.uint8).reshape(-1, _WORD)
    text = _READABLE[letters]
    found: np.ndarray = np.all(text, axis=1)
    open_ones = np.flatnonzero(~found & (letters == 0).any(1))
    text, blank = text[open_ones], letters[open_ones] == 0
    for width in (2, 4):
        for first in range(width):
            other = [i for i in range(_WORD) if i % width != first]
            found[open_ones] |= text[:, first::width].all(1) & blank[:, other].all(1)
    return found


def _of_any_width(data: bytes) -> Iterator[bytes]:
    yield data
    if b"\0" in data:
        for width, pattern in _WIDE.items():
            yield from (run[::width] for run in pattern.findall(data))
