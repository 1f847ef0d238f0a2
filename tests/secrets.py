"""Searching for a key in everything that was written: ``assert scan_tree(key, folder) == []``.

Make the key with ``EtcKey.generate()``: the bytes of a regular test key can turn up by chance. Import this as
``tests.secrets``, never with this folder on sys.path, where it would hide the standard library's module.
"""

import base64
import bz2
import gzip
import io
import lzma
import pickle
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from hf_etc import EtcKey

_NESTING = 3


def encodings_of(key: EtcKey | bytes) -> dict[str, bytes]:
    """Name of an encoding -> what a file that leaks the key in it contains.

    Texts are cut to what does not depend on the bytes around the key, so that it is found where more follows
    it (as in its own text form) and, in base64, at all three alignments. Half a key counts as a leak.
    """
    raw = _raw(key)
    found = {
        "decimal": str(int.from_bytes(raw, "big")).encode(),
        "decimal little": str(int.from_bytes(raw, "little")).encode(),
    }
    half = len(raw) // 2
    tail = base64.b32encode(raw)[-(-half * 8 // 5) : len(raw) * 8 // 5]  # 5-bit digits: none ends where a half does
    found |= {"base32 upper tail": tail, "base32 lower tail": tail.lower()}
    for part, value in {"": raw, " first half": raw[:half], " second half": raw[half:], " reversed": raw[::-1]}.items():
        found |= {name + part: data for name, data in _encode(value).items()}
    return found


def find_secret(key: EtcKey | bytes, data: bytes | str) -> list[str]:
    """The encodings of the key that occur in `data`, compressed members included."""
    data = data.encode(errors="surrogateescape") if isinstance(data, str) else data
    patterns = encodings_of(key)
    return [
        f"{member}{name}"
        for member, content in _members(data)
        for name, secret in patterns.items()
        if secret in content
    ]


def scan_tree(key: EtcKey | bytes, folder: str | Path) -> list[str]:
    """``path: encoding`` for every hit in the files under `folder`, hidden ones and their names included."""
    hits = []
    for path in sorted(Path(folder).rglob("*")):
        name = path.relative_to(folder).as_posix()
        hits += [f"{name} (name): {hit}" for hit in find_secret(key, path.name)]
        if path.is_file():
            hits += [f"{name}: {hit}" for hit in find_secret(key, path.read_bytes())]
    return hits


def _raw(key: EtcKey | bytes) -> bytes:
    return key if isinstance(key, bytes) else base64.b32decode(key.reveal().split("-")[1].upper() + "======")[:32]


def _encode(value: bytes) -> dict[str, bytes]:
    numbers = [str(byte).encode() for byte in value]
    encoded = {
        "raw": value,
        "hex lower": value.hex().encode(),
        "hex upper": value.hex().upper().encode(),
        "base32 upper": base64.b32encode(value)[: len(value) * 8 // 5],
        "repr": repr(value)[2:-1].encode(),
        "repr of repr": repr(repr(value)[2:-1])[1:-1].encode(),
        "pickle": value.decode("latin-1").encode(),  # protocols 1 and 2; later ones hold the raw bytes
        "pickle text": pickle.dumps(value.decode("latin-1"), 0)[1:].split(b"\n")[0],
        "list": b",".join(numbers),
        "list spaced": b", ".join(numbers),
        "list by line": b"\n".join(numbers),
    }
    encoded["base32 lower"] = encoded["base32 upper"].lower()
    for skipped in range(3):  # a key that begins 0, 1 or 2 bytes into a group of three
        text = base64.b64encode(bytes(skipped) + value)
        core = text[-(-skipped * 8 // 6) : (skipped + len(value)) * 8 // 6]
        encoded[f"base64 at {skipped}"] = core
        encoded[f"base64 url at {skipped}"] = core.translate(bytes.maketrans(b"+/", b"-_"))
    return encoded


def _members(data: bytes, nesting: int = _NESTING) -> Iterator[tuple[str, bytes]]:
    """The data itself and, as (label, content), what a container of it holds."""
    yield "", data
    if not nesting:
        return
    for label, content in _unpack(data):
        for inner, value in _members(content, nesting - 1):
            yield f"{label} > {inner}", value


def _unpack(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Members of a zip file (.pt, .npz too), a gzip, bzip2, xz or zlib stream, or a parquet file.

    A damaged container yields what can be read before the damage; its packed bytes are searched anyway.
    """
    try:
        if data[:4] == b"PK\x03\x04":
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                yield from ((info.filename, archive.read(info)) for info in archive.infolist())
        elif data[:2] == b"\x1f\x8b":
            yield "gzip", gzip.decompress(data)
        elif data[:3] == b"BZh":
            yield "bzip2", bz2.decompress(data)
        elif data[:6] == b"\xfd7zXZ\0":
            yield "xz", lzma.decompress(data)
        elif data[:1] == b"\x78" and len(data) > 2 and int.from_bytes(data[:2], "big") % 31 == 0:
            yield "zlib", zlib.decompress(data)
        elif data[:4] == data[-4:] == b"PAR1":
            yield "parquet", _parquet(data)
    except (zipfile.BadZipFile, OSError, EOFError, lzma.LZMAError, zlib.error, ValueError):
        return


def _parquet(data: bytes) -> bytes:
    """The columns and the metadata as one uncompressed Arrow stream."""
    import pyarrow
    from pyarrow import parquet

    table = parquet.read_table(io.BytesIO(data))
    sink = pyarrow.BufferOutputStream()
    with pyarrow.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return sink.getvalue().to_pybytes()
