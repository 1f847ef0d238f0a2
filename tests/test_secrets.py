"""The search for keys finds planted ones: a search that finds nothing proves nothing."""

import base64
import gzip
import io
import json
import logging
import pickle
import random
import zipfile

import numpy as np
import pyarrow
import pytest
import torch
from pyarrow import parquet

from hf_etc import EtcKey

from .secrets import encodings_of, find_secret, scan_tree

RAW = random.Random(7).randbytes(32)
KEY = EtcKey(RAW)

PLANTED = {
    "raw": RAW,
    "raw inside": b"\0\1" + RAW + b"\2",
    "text form": KEY.reveal(),
    "text form upper": KEY.reveal().upper(),
    "hex": RAW.hex(),
    "hex upper": RAW.hex().upper(),
    "base32": base64.b32encode(RAW),
    "base32 lower": base64.b32encode(RAW).lower(),
    "base64": base64.b64encode(RAW),
    "base64 url": base64.urlsafe_b64encode(RAW),
    "base64 shifted by 1": base64.b64encode(b"x" + RAW),
    "base64 shifted by 2": base64.b64encode(b"xy" + RAW + b"z"),
    "base64 of a pickle": base64.b64encode(pickle.dumps({"a": RAW})),
    "repr": repr({"key": RAW}),
    "decimal": f"{int.from_bytes(RAW, 'big')}",
    "decimal little-endian": f"{int.from_bytes(RAW, 'little')}",
    "json list": json.dumps(list(RAW)),
    "json list indented": json.dumps({"key": list(RAW)}, separators=(",", ":")),
    "first half": RAW[:16],
    "second half in hex": RAW[16:].hex(),
    "second half in base64": base64.b64encode(b"x" + RAW[16:] + b"y"),
    "reversed": RAW[::-1],
    "array": np.frombuffer(RAW, np.uint8).reshape(4, 8).tobytes(),
    "log line": logging.LogRecord("x", 10, "f", 1, "key %r", (RAW,), None).getMessage(),
} | {f"pickle {protocol}": pickle.dumps(RAW, protocol) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)}


@pytest.mark.parametrize("name", PLANTED)
def test_planted_key_is_found(name):
    assert find_secret(KEY, PLANTED[name])


@pytest.mark.parametrize("name", encodings_of(KEY))
def test_every_encoding_is_looked_for(name):
    assert name in find_secret(KEY, b"before" + encodings_of(KEY)[name] + b"after")


def packed(writer):
    buffer = io.BytesIO()
    writer(buffer)
    return buffer.getvalue()


def zipped(buffer, content=RAW):
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner", bytes(1000) + content)


CONTAINERS = {
    "gzip": gzip.compress(bytes(1000) + RAW),
    "zip": packed(zipped),
    "zip in gzip": gzip.compress(packed(zipped)),
    "torch": packed(lambda buffer: torch.save({"x": torch.frombuffer(bytearray(RAW), dtype=torch.uint8)}, buffer)),
    "npz": packed(lambda buffer: np.savez_compressed(buffer, x=np.frombuffer(RAW, np.uint8))),
    "parquet": packed(
        lambda buffer: parquet.write_table(pyarrow.table({"x": [bytes(500), RAW] * 50}), buffer, compression="zstd")
    ),
    "parquet metadata": packed(
        lambda buffer: parquet.write_table(pyarrow.table({"x": [1]}).replace_schema_metadata({"k": RAW.hex()}), buffer)
    ),
}


@pytest.mark.parametrize("name", CONTAINERS)
def test_packed_key_is_found(name):
    assert find_secret(KEY, CONTAINERS[name])


def test_nothing_is_found_in_clean_data():
    other = EtcKey.generate()
    for data in [*PLANTED.values(), *CONTAINERS.values(), KEY.key_id, repr(KEY), bytes(10_000)]:
        assert find_secret(other, data) == []
    assert find_secret(KEY, f"{KEY!r} {KEY.key_id} hfetc2-") == []


def test_damaged_container_is_searched_raw():
    assert find_secret(KEY, b"PK\x03\x04" + RAW)
    assert find_secret(KEY, packed(zipped)[:40]) == []


def test_tree_reports_contents_and_names(tmp_path):
    (tmp_path / "a" / ".hidden").mkdir(parents=True)
    (tmp_path / "a" / ".hidden" / "log.txt").write_text(f"starting with {KEY.reveal()}")
    (tmp_path / "a" / "clean.txt").write_text(repr(KEY))
    (tmp_path / RAW.hex()).write_text("")
    (tmp_path / "model.pt").write_bytes(CONTAINERS["zip"])
    hits = scan_tree(KEY, tmp_path)
    assert {hit.split(":")[0] for hit in hits} == {"a/.hidden/log.txt", f"{RAW.hex()} (name)", "model.pt"}
    assert any("inner" in hit for hit in hits if hit.startswith("model.pt"))
    assert scan_tree(EtcKey.generate(), tmp_path) == []
