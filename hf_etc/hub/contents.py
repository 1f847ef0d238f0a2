"""What lies inside of a file: members of archives, what is compressed in it, values of tables."""

import bz2
import gzip
import io
import lzma
import mmap
import re
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import Any

import pyarrow as pa

from ..errors import UploadRefusedError
from .columns import Cells, is_table, read_table

_NESTING = 3
_LARGEST = 2**32  # bytes that one member may unpack to; a small file can unpack to more than any memory
_CLOSED = frozenset([".7z", ".rar", ".zst", ".lz4", ".br", ".cab", ".dmg", ".gpg", ".age", ".enc", ".pdf", ".orc"])
# Beginnings of files that hold more than can be seen: other archives and tables, encrypted files, documents, films.
_CLOSED_STARTS = re.compile(
    rb"7z\xbc\xaf|Rar!|\x28\xb5\x2f\xfd|\x04\x22\x4d\x18|MSCF|PARE|ORC|FEA1|Obj\x01|age-encryption\.org|Salted__|"
    rb"(?s:.{0,1000})%PDF-\d|\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1|\x1aE\xdf\xa3|%!PS|\xc5\xd0\xd3\xc6"
)
_PACKED: dict[bytes, Any] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open}
# fmt: off
_DAMAGED = (
    zipfile.BadZipFile, tarfile.TarError, OSError, EOFError, RuntimeError, ValueError, lzma.LZMAError, zlib.error,
    pa.ArrowException,
)
# fmt: on
_ZLIB = re.compile(rb"x[\x01\x5e\x9c\xda]")


def open_file(path: Path) -> Any:
    """The content of a file, mapped into memory: model weights may be larger than it."""
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if path.stat().st_size else b""


def walk(name: str, data: Any, nesting: int = _NESTING) -> Iterator[tuple[str, Any, bool]]:
    """The file itself and all that is packed inside of it.

    Args:
        name: of the file; members are named "archive.zip > member".
        data: its content.
        nesting: how deep archives in archives are opened.

    Returns:
        Name, content, and whether more of it follows unpacked.

    Raises:
        UploadRefusedError: an archive that cannot be looked into.
    """
    try:
        members = None if isinstance(data, Cells) else _members(name, data)
        yield name, data, members is not None or isinstance(data, Cells)
        if members is not None and not nesting:
            raise UploadRefusedError(f"{name} lies within too many archives; unpack it, or leave it out")
        for member, content in members or ():
            yield from walk(f"{name} > {member}", content, nesting - 1)
    except _DAMAGED as error:
        if isinstance(error, UploadRefusedError):
            raise
        reason = str(error).splitlines()[:1]
        raise UploadRefusedError(f"{name} cannot be looked into ({''.join(reason)}); leave it out") from None


class View(io.RawIOBase):
    """Bytes or a memory map as a file, without a copy."""

    def __init__(self, data: Any) -> None:
        self._data, self._at = memoryview(data), 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = max(0, offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: len(self._data)}[whence])
        return self._at

    def readinto(self, buffer: Any) -> int:
        part = self._data[self._at : self._at + len(buffer)]
        buffer[: len(part)] = part
        self._at += len(part)
        return len(part)


def inflate(data: bytes) -> bytes | None:
    """What a zlib stream at the beginning of `data` holds; None if there is none."""
    if not _ZLIB.match(data[:2]):
        return None
    try:
        return zlib.decompressobj().decompress(data, _LARGEST)
    except zlib.error:
        return None


def _members(name: str, data: Any) -> Iterator[tuple[str, Any]] | None:
    if PurePath(name).suffix.lower() in _CLOSED or _CLOSED_STARTS.match(data[:1024]):
        raise UploadRefusedError(f"{name} cannot be looked into; unpack it, or leave it out")
    if data[:4] == b"PK\x03\x04":
        return _zip_members(data)
    if data[257:262] == b"ustar":
        return _tar_members(data)
    for start, opened in _PACKED.items():
        if data[: len(start)] == start:
            return iter([(PurePath(name).stem, _read(opened(View(data))))])
    if is_table(name, data):
        return _table_members(name, data)
    if inflated := inflate(data):
        return iter([("content", inflated)])
    return None


def _read(file: Any) -> bytes:
    content = file.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise ValueError(f"it unpacks to more than {_LARGEST >> 30} GiB")
    return content


def _zip_members(data: Any) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(View(data)) as archive:
        for info in archive.infolist():
            if not info.is_dir():
                with archive.open(info) as member:
                    yield info.filename, _read(member)


def _tar_members(data: Any) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(fileobj=View(data)) as archive:
        for info in archive:
            if opened := archive.extractfile(info):
                yield info.name, _read(opened)


def _table_members(name: str, data: Any) -> Iterator[tuple[str, bytes]]:
    for part, values in read_table(data):
        if values.pixels:
            raise UploadRefusedError(f"{name} > {part}: arrays of numbers may be plain pixels; remove it")
        yield from ((part, data) for data in (values.together, values.cells))
        yield from ((part, value) for value in values.each)
