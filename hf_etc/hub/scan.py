"""Looks at a file in all its layers: members of archives, text in other encodings, what is decoded from it.

Each layer is judged alike: no key, no access token, no path of a user's home, no plain image. `rules` says what these
look like, `texts` finds text in data of any kind, `contents` and `tables` open what is packed, `pictures` knows images.
"""

from collections.abc import Iterator
from pathlib import PurePath
from typing import Any

from ..cipher.key_search import contains_key, contains_raw_key
from ..errors import UploadRefusedError
from .columns import Cell
from .contents import walk
from .pictures import check_embedded, check_old_pickle, check_picture, check_pictures, starts_like_an_image
from .rules import find_home, find_secret
from .texts import decoded, readable, unescaped, unwrapped

# fmt: off
_KEY_FILES = (
    "*.key", "*.pem", "*.p12", "*.pfx", "*.ppk", "*.jks", "*.keystore", "*.kdbx", ".env*", "id_rsa*", "id_dsa*",
    "id_ecdsa*", "id_ed25519*", ".netrc", "_netrc", ".git-credentials", ".npmrc", ".pypirc", ".htpasswd", ".dockercfg",
    "kaggle.json",
)
# fmt: on
_CHUNK, _OVERLAP = 2**24, 2**12  # what lies across two chunks is seen in one of them
_DEPTH = 3  # base64 of base64 of base64


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
        if not isinstance(data, Cell):
            _check_name(member, where)
            check_secrets(data, where + member)
        if not packed:  # otherwise what is inside comes by itself
            _check_hidden(check_pictures(member, data, where + member), where + member)


def check_secrets(data: Any, where: str, depth: int = _DEPTH) -> None:
    """Raise UploadRefusedError for a key, an access token, a path of a home, or a plain image written as text.

    Args:
        data: bytes or a memory map.
        where: names it in errors.
        depth: how many layers of base64 and hexadecimal are decoded.
    """
    for chunk in _chunks(data):
        _refuse(where, key=contains_raw_key(chunk), home=find_home(chunk))
        if text := readable(chunk):
            _check_text(text, where, depth)


def _check_text(text: bytes, where: str, depth: int) -> None:
    for form in filter(None, (text, unescaped(text))):
        _refuse(where, contains_key(form), find_secret(form), find_home(form))
        check_old_pickle(form, where)
    for form in unwrapped(text):
        _refuse(where, contains_key(form))
        if depth:
            _check_decoded(list(decoded(form)), where, depth - 1)


def _check_decoded(parts: list[bytes], where: str, depth: int) -> None:
    for part in parts:
        if starts_like_an_image(part[:160]):
            check_picture(part, where, certain=False)
    if parts:
        _check_hidden([b"\0".join(parts)], where, depth)


def _check_hidden(parts: list[bytes], where: str, depth: int = _DEPTH) -> None:
    """What was unpacked or decoded: as a file, but without a name, and not certain to be anything."""
    for part in parts:
        check_secrets(part, where, depth)
        hidden = check_embedded(part, where)
        if depth:
            _check_hidden(hidden, where, depth - 1)


def _refuse(where: str, key: bool, secret: str | None = None, home: str | None = None) -> None:
    if key:
        raise UploadRefusedError(f"{where} holds a secret key; remove it, and consider who has seen it")
    if secret:
        raise UploadRefusedError(f"{where} holds {secret}; remove it, and make a new one if others saw it")
    if home:
        raise UploadRefusedError(f"{where} names a folder of a user ({home}); write a relative path, or leave it out")


def _check_name(name: str, where: str) -> None:
    """Names leave, too; and the name of a key file is refused whatever is in it."""
    check_secrets(name.encode(errors="surrogateescape"), f"{where}the name of a file")
    if any(PurePath(name).match(pattern) for pattern in _KEY_FILES):
        raise UploadRefusedError(f"{where}{name} has the name of a key file; keep it out of what you upload")


def _chunks(data: Any) -> Iterator[bytes]:
    """Parts that overlap; each ends where a text does, if possible, so that no image in base64 is cut in two."""
    start = 0
    while start < len(data):
        end = start + _CHUNK
        if end < len(data):
            end = max(data.rfind(b"\n", end - _CHUNK // 2, end), data.rfind(b'"', end - _CHUNK // 2, end)) + 1 or end
        yield data[start:end]
        start = end if end >= len(data) else end - _OVERLAP
