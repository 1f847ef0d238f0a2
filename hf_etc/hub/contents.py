"""What lies inside of a file: members of archives, columns of tables."""

import bz2
import gzip
import io
import lzma
import mmap
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import UploadRefusedError

_NESTING = 3
_CLOSED = frozenset([".7z", ".rar", ".zst", ".lz4", ".br", ".cab", ".dmg", ".gpg", ".age", ".enc"])
_PACKED = {b"\x1f\x8b": gzip.decompress, b"BZh": bz2.decompress, b"\xfd7zXZ": lzma.decompress}
_DAMAGED = (zipfile.BadZipFile, tarfile.TarError, OSError, EOFError, RuntimeError, ValueError, lzma.LZMAError)
_ROWS = 1000


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
        members = _members(name, data)
        yield name, data, members is not None or isinstance(data, Column)
        if members is not None and not nesting:
            raise UploadRefusedError(f"{name} lies within too many archives; unpack it, or leave it out")
        for member, content in members or ():
            yield from walk(f"{name} > {member}", content, nesting - 1)
    except (*_DAMAGED, zlib.error, pa.ArrowException) as error:
        if isinstance(error, UploadRefusedError):
            raise
        raise UploadRefusedError(f"{name} cannot be looked into ({error}); leave it out") from None


class Column(bytes):
    """A column as bytes: its binary values come by themselves, too."""


def columns(table: pa.Table | pa.RecordBatch) -> Iterator[tuple[str, Column]]:
    """Name and bytes of each column, of its own rows alone even where it is part of a larger table."""
    rows = pa.array(range(len(table)))
    for name in table.schema.names:
        column = table.column(name).take(rows)  # a copy: a slice would be written with the whole behind it
        for chunk in column.chunks if isinstance(column, pa.ChunkedArray) else [column]:
            yield name, Column(pa.RecordBatch.from_arrays([chunk], [name]).serialize().to_pybytes())


def cells(column: pa.Array | pa.ChunkedArray) -> Iterator[bytes]:
    """Each binary value at any depth of a column."""
    if isinstance(column, pa.ChunkedArray):
        for chunk in column.chunks:
            yield from cells(chunk)
    elif isinstance(column, pa.ExtensionArray):
        yield from cells(column.storage)
    elif pa.types.is_struct(column.type):
        for part in column.flatten():
            yield from cells(part)
    elif pa.types.is_map(column.type):
        yield from cells(column.keys)
        yield from cells(column.items)
    elif pa.types.is_nested(column.type) and hasattr(column, "flatten"):
        yield from cells(column.flatten())
    elif pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
        yield from (value.as_py() for value in column if value.is_valid)


def _members(name: str, data: Any) -> Iterator[tuple[str, Any]] | None:
    suffix = PurePath(name).suffix.lower()
    if suffix in _CLOSED:
        raise UploadRefusedError(f"{name} cannot be looked into; unpack it, or leave it out")
    if data[:4] == b"PK\x03\x04":
        return _zip_members(data)
    if data[257:262] == b"ustar":
        return _tar_members(data)
    for start, unpack in _PACKED.items():
        if data[: len(start)] == start:
            return iter([(PurePath(name).stem, unpack(bytes(data)))])
    if data[:4] == b"PAR1":
        batches = pq.ParquetFile(pa.BufferReader(data)).iter_batches(_ROWS)
        return _table_members(batches)
    if suffix == ".arrow":
        return _table_members(_arrow_batches(data))
    return None


def _zip_members(data: Any) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for info in archive.infolist():
            if not info.is_dir():
                yield info.filename, archive.read(info)


def _tar_members(data: Any) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for info in archive:
            if opened := archive.extractfile(info):
                yield info.name, opened.read()


def _arrow_batches(data: Any) -> Iterator[pa.RecordBatch]:
    if data[:6] == b"ARROW1":
        reader = pa.ipc.open_file(pa.BufferReader(data))
        return (reader.get_batch(i) for i in range(reader.num_record_batches))
    return iter(pa.ipc.open_stream(pa.BufferReader(data)))


def _table_members(batches: Iterator[pa.RecordBatch]) -> Iterator[tuple[str, bytes]]:
    """Columns, for secrets; and binary values one by one, for images."""
    start = 0
    for batch in batches:
        yield from ((f"column {name}", data) for name, data in columns(batch))
        for name in batch.schema.names:
            yield from ((f"column {name}, from row {start}", value) for value in cells(batch.column(name)))
        start += len(batch)
