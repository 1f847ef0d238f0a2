"""What a run of bytes must not hold when it leaves: a key, an access token, a path of home, a plain image."""

import base64
import io
import pickletools
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path, PurePath
from typing import Any

import numpy as np
from PIL import Image

from ..data.check import peek
from ..errors import EtcError, NotACiphertextError, UploadRefusedError
from ..folders.source import IMAGE_SUFFIXES
from ..keys import KEY_BYTES, contains_key
from .contents import walk

_IMAGE_SUFFIXES = IMAGE_SUFFIXES | {".apng", ".jxl", ".svg"}
# fmt: off
_KEY_FILES = (
    "*.key", "*.pem", "*.p12", "*.pfx", ".env*", "id_rsa*", "id_ed25519*", ".netrc", ".git-credentials",
)
_TEXTS = frozenset([
    ".md", ".json", ".jsonl", ".yaml", ".yml", ".txt", ".csv", ".toml", ".ini", ".html", ".py", ".log",
])
# fmt: on
# Patterns begin with fixed bytes, which makes a search of many megabytes ten times faster.
_TOKENS = {
    rb"hf_[A-Za-z0-9]{30,}": "an access token of the Hub",
    rb"gh[pousr]_[A-Za-z0-9]{36}": "an access token",
    rb"github_pat_\w{50,}": "an access token",
    rb"AKIA[A-Z0-9]{16}\b": "an access token",
    rb"-----BEGIN [A-Z ]*PRIVATE KEY-----": "a private key",
}
_SECRET_NAME = re.compile(r"(token|password|passphrase|secret|api_key)$", re.IGNORECASE)
_HOME = re.compile(rb"(?:(?<![\w.-])/(?:home|Users)/|\b[A-Za-z]:[\\/]+Users[\\/]+)[\w.-]+")
_CHUNK, _OVERLAP = 64 * 2**20, 4096  # a key or token that lies across two chunks is seen in one of them

# How image files begin. The first ones are long enough to be looked for in the middle of other data.
_EMBEDDED = (rb"\x89PNG\r\n\x1a\n", rb"\xff\xd8\xff[\xdb-\xfe]", rb"RIFF(?s:.{4})WEBP", rb"GIF8[79]a")
_STARTS = re.compile(
    b"|".join([*_EMBEDDED, rb"BM(?s:.{4})\0{4}", rb"II\*\0", rb"MM\0\*", rb"(?s:.{4})ftyp(?:avi|hei|mif)"])
)
_BASE64 = [start + rb"[A-Za-z0-9+/]{60,}={0,2}" for start in (rb"iVBORw0KGgo", rb"/9j/[24]", rb"UklGR")]
_DATA_URL = rb"data:image/[\w.+-]+;base64,([A-Za-z0-9+/]+)"
_LARGEST = 2**26  # bytes of an embedded image that are looked at


def check_file(name: str, content: Any, where: str = "") -> None:
    """Look at a file, and at all that is packed inside of it.

    Args:
        name: of the file, as it will be called.
        content: bytes or a memory map.
        where: goes before the name in errors.

    Raises:
        UploadRefusedError: names the file and what was found in it.
    """
    for member, data, packed in walk(name, content):
        _check_name(member, where)
        if packed:  # what is inside comes by itself
            check_texts(data, where + member)
        else:
            check_content(member, data, where + member)


def check_content(name: str, data: Any, where: str) -> None:
    """Raise UploadRefusedError for what a file or a member of an archive must not hold.

    Args:
        name: its name; the suffix says how to read it.
        data: its content, bytes or a memory map.
        where: names it in errors.
    """
    suffix = PurePath(name).suffix.lower()
    check_texts(data, where)
    if suffix in _TEXTS:
        _check_paths(data, where)
    if re.match(rb"\x80[\x02-\x05]", data[:2]):
        _check_pickle(data, where)
    if suffix in _IMAGE_SUFFIXES or starts_like_an_image(data[:16]):
        _check_picture(bytes(data), where, certain=True)
    if data[:6] == b"\x93NUMPY":
        _check_array(data, where)
    check_embedded(data, where)


def check_credentials(data: bytes | memoryview, where: str) -> None:
    """Raise UploadRefusedError when a key or an access token stands in `data`."""
    if contains_key(data):
        raise UploadRefusedError(f"{where} holds a secret key; remove it, and consider who has seen it")
    for pattern, what in _TOKENS.items():
        if re.search(pattern, data):
            raise UploadRefusedError(f"{where} holds {what}; remove it, and make a new one if others saw it")


def starts_like_an_image(start: bytes) -> bool:
    """Whether a file that begins like this is an image."""
    return _STARTS.match(start) is not None


def check_texts(data: Any, where: str) -> None:
    """Secrets, and plain images in base64."""
    for start in range(0, len(data), _CHUNK):
        check_credentials(data[start : start + _CHUNK + _OVERLAP], where)
    for text in chain(*(re.findall(pattern, data) for pattern in (*_BASE64, _DATA_URL))):
        digits = text.rstrip(b"=")
        picture = base64.b64decode(digits[: len(digits) - (len(digits) % 4 == 1)] + b"==")
        _check_picture(picture, where, certain=False)


def check_embedded(data: Any, where: str) -> None:
    """Plain images anywhere within other data."""
    for picture in _embedded(data):
        _check_picture(picture, where, certain=False)


def _check_name(name: str, where: str) -> None:
    """Names leave, too; and the name of a key file is refused whatever is in it."""
    check_credentials(name.encode(errors="surrogateescape"), f"{where}the name of a file")
    if any(PurePath(name).match(pattern) for pattern in _KEY_FILES):
        raise UploadRefusedError(f"{where}{name} has the name of a key file; keep it out of what you upload")


def _embedded(data: Any) -> Iterator[bytes]:
    starts = sorted(found.start() for pattern in _EMBEDDED for found in re.finditer(pattern, data))
    for start, following in zip(starts, [*starts, len(data)][1:], strict=True):
        if data[start : start + 4] == b"RIFF":  # says its length, and its marker stands at its end
            following = start + 8 + int.from_bytes(data[start + 4 : start + 8], "little")
        yield data[start : min(following, start + _LARGEST)]


def _check_picture(data: bytes, where: str, certain: bool) -> None:
    try:
        peek({"bytes": data, "path": None})
    except NotACiphertextError:
        raise UploadRefusedError(f"{where} holds a plain image; encrypt it or leave it out") from None
    except EtcError as error:
        if certain or _opens(data):
            raise UploadRefusedError(f"{where} cannot be told from a plain image ({error}); leave it out") from None


def _opens(data: bytes) -> bool:
    """Whether this is an image after all; a few bytes can look like the start of one by chance."""
    try:
        Image.open(io.BytesIO(data)).close()
    except Image.DecompressionBombError:
        return True
    except (OSError, SyntaxError, ValueError):
        return False
    return True


def _check_paths(data: Any, where: str) -> None:
    home = str(Path.home()).encode()
    found = _HOME.search(data) or (len(home) > 1 and re.search(rb"(?<![\w.-])" + re.escape(home) + rb"(?=[/\\])", data))
    if found:
        path = found[0].decode(errors="replace")
        raise UploadRefusedError(f"{where} names a folder of a user ({path}); write a relative path, or leave it out")


def _check_pickle(data: Any, where: str) -> None:
    """A member such as ``hub_token`` with a text in it, whatever form its tokens have; nothing is unpickled."""
    name = None
    try:
        for opcode, argument, _ in pickletools.genops(data):
            if "MEMOIZE" in opcode.name or "PUT" in opcode.name:
                continue
            if name and (argument if isinstance(argument, str) else "GET" in opcode.name):
                raise UploadRefusedError(f"{where} holds a {name}; leave the file out, no model needs it")
            text = argument if isinstance(argument, str) else ""
            if len(text) >= KEY_BYTES and not text.isascii():  # how protocol 2 writes bytes, torch.save's by default
                hidden = text.encode("latin-1", errors="ignore")
                check_texts(hidden, where)
                check_embedded(hidden, where)
            name = text if _SECRET_NAME.search(text) else None
    except UploadRefusedError:
        raise
    except ValueError:  # not a pickle, or other data follows it
        return


def _check_array(data: Any, where: str) -> None:
    try:
        array = np.load(io.BytesIO(data), allow_pickle=False, mmap_mode=None)
    except ValueError:  # objects, which the other checks look into as bytes
        return
    if array.dtype == np.uint8 and array.ndim >= 3:
        raise UploadRefusedError(f"{where} holds an array of bytes that may be plain pixels; leave it out")
