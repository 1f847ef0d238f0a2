"""The owner's key, in every encoding and container."""

import base64
import bz2
import gzip
import json
import lzma
import pickle
import textwrap
import zlib

import numpy as np
import pyarrow as pa
import torch

from tests.helpers import noise
from tests.hub.samples import RAW, ciphertext, numpy_file, parquet, tarred, zipped

from .carriers import (
    SECRET_KEY,
    TEXT,
    all_of,
    arrow_file,
    chunk,
    database,
    event_file,
    field_metadata,
    lines,
    notebook,
    parquet_of,
    png_with,
    safetensors,
    table_file,
    with_metadata,
)

BASE64, HEXTEXT = base64.b64encode(b"key: " + TEXT), TEXT.hex().encode()
UTF16 = TEXT.decode().encode("utf-16-le")
KEYS = all_of(
    SECRET_KEY,
    {
        "UTF-16": ("a.txt", TEXT.decode().encode("utf-16")),
        "UTF-16 big-endian": ("a.txt", TEXT.decode().encode("utf-16-be")),
        "UTF-16 at an odd place": ("a.bin", noise(333).tobytes() + UTF16 + noise(99).tobytes()),
        "UTF-32": ("a.txt", TEXT.decode().encode("utf-32")),
        "UTF-32 big-endian": ("a.txt", b"\0" + TEXT.decode().encode("utf-32-be")),
        "raw in base64 in UTF-16": ("a.txt", base64.b64encode(RAW).decode().encode("utf-16")),
        "hexadecimal in UTF-16": ("a.txt", RAW.hex().encode("utf-16")),
        **{f"text in base64 at {i}": ("a.txt", base64.b64encode(bytes(i) + TEXT)) for i in range(3)},
        "text in URL-safe base64": ("a.txt", base64.urlsafe_b64encode(b"???" + TEXT)),
        "text in base64 within words": ("a.txt", b"prefix" + BASE64 + b"suffix"),
        "text in hexadecimal": ("a.txt", HEXTEXT),
        "text in HEXADECIMAL": ("a.txt", HEXTEXT.upper()),
        "text in hexadecimal within digits": ("a.txt", b"1" + HEXTEXT),
        "UTF-16 in base64": ("a.txt", base64.b64encode(UTF16)),
        "base64 in base64": ("a.txt", base64.b64encode(BASE64)),
        "base64 in hexadecimal": ("a.txt", BASE64.hex().encode()),
        "base64 in base64 in base64": ("a.txt", base64.b64encode(base64.b64encode(BASE64))),
        "raw in base64 in base64": ("a.txt", base64.b64encode(base64.b64encode(b"a" + RAW))),
        "text over lines": ("a.txt", lines(TEXT)),
        "text over lines of Windows": ("a.txt", lines(TEXT, 16, b"\r\n")),
        "text over indented lines": ("a.yaml", lines(TEXT, 30, b"\n    ")),
        "text over quoted lines": ("a.md", lines(TEXT, 30, b"\n> ")),
        "base64 over lines": ("a.txt", base64.encodebytes(b"a long beginning, " + TEXT)),
        "raw base64 over lines": ("a.txt", lines(base64.b64encode(RAW), 10)),
        "hexadecimal over lines": ("a.txt", lines(RAW.hex().encode(), 16)),
        "base64 over lines of Python": ("a.py", b'k = ("' + lines(BASE64, 30, b'"\n     "') + b'")'),
        "base64 in a sum of Python": ("a.py", b'k = "' + lines(BASE64, 30, b'" +\n     "') + b'"'),
        "base64 over comments": ("a.py", b"# " + lines(BASE64, 30, b"\n# ")),
        "base64 over lines of a shell": ("a.sh", lines(BASE64, 30, b"\\\n")),
        "base64 over lines of a notebook": (
            "a.ipynb",
            notebook([part + "\n" for part in textwrap.wrap(BASE64.decode(), 40)]),
        ),
        "base64 with escaped line ends": ("a.json", json.dumps(base64.encodebytes(TEXT * 2).decode()).encode()),
        "base64 in a list of strings": ("a.json", json.dumps(textwrap.wrap(BASE64.decode(), 25), indent=2).encode()),
        "hexadecimal with spaces": ("a.txt", RAW.hex(" ").encode()),
        "hexadecimal with colons": ("a.txt", RAW.hex(":").encode()),
        "list of hexadecimal numbers": ("a.c", b", ".join(b"0x%02x" % byte for byte in RAW)),
        "list of numbers": ("a.json", json.dumps([*RAW]).encode()),
        "list of numbers over lines": ("a.json", json.dumps([*RAW], indent=2).encode()),
        "as Python shows it": ("a.log", repr(RAW).encode()),
        "as JSON escapes it": ("a.json", json.dumps(RAW.decode("latin-1")).encode()),
        "array of numbers": ("a.npy", numpy_file(np.frombuffer(RAW, np.uint8).astype(np.int64))),
        "tensor of floats": ("model.safetensors", safetensors(tensor=torch.tensor(list(RAW), dtype=torch.float32))),
        "tensor of bytes": ("model.safetensors", safetensors(tensor=torch.tensor(list(RAW), dtype=torch.uint8))),
        "safetensors metadata": ("model.safetensors", safetensors({"note": TEXT.decode()})),
        "text of a PNG": ("a.png", png_with(chunk(b"tEXt", b"a\0" + TEXT))),
        "compressed text of a PNG": ("a.png", png_with(chunk(b"zTXt", b"a\0\0" + zlib.compress(TEXT)))),
        "compressed international text": ("a.png", png_with(chunk(b"iTXt", b"a\0\1\0\0\0" + zlib.compress(TEXT)))),
        "international text": ("a.png", png_with(chunk(b"iTXt", b"a\0\0\0\0\0" + TEXT))),
        "colour profile of a PNG": ("a.png", png_with(chunk(b"iCCP", b"a\0\0" + zlib.compress(RAW)))),
        "chunk of one's own": ("a.png", png_with(chunk(b"prVt", zlib.compress(RAW, 9)))),
        "compressed text of a PNG in parquet": (
            "a.parquet",
            parquet([png_with(chunk(b"zTXt", b"a\0\0" + zlib.compress(TEXT)))]),
        ),
        "compressed text of a PNG in base64": (
            "a.json",
            json.dumps(base64.b64encode(png_with(chunk(b"zTXt", b"a\0\0" + zlib.compress(TEXT)))).decode()).encode(),
        ),
        "comment of a JPEG": ("a.jpg", ciphertext("jpeg")[:2] + b"\xff\xfe\0\x43" + TEXT + ciphertext("jpeg")[2:]),
        "parquet metadata": ("a.parquet", table_file(with_metadata({"k": TEXT}))),
        "raw in parquet metadata": ("a.parquet", table_file(with_metadata({"k": RAW.hex()}))),
        "metadata of a parquet column": ("a.parquet", table_file(field_metadata(BASE64.decode()))),
        "name of a parquet column": ("a.parquet", table_file(pa.table({TEXT.decode(): [1]}))),
        "Arrow metadata": ("a.arrow", arrow_file(with_metadata({"k": BASE64}))),
        "compressed Arrow file": ("a.arrow", arrow_file(pa.table({"a": [TEXT.decode()] * 50}), compression="zstd")),
        "feather": ("a.feather", arrow_file(pa.table({"a": [TEXT.decode()] * 50}), compression="lz4")),
        "dictionary column": (
            "a.parquet",
            parquet_of([TEXT], pa.dictionary(pa.int8(), pa.binary()), compression="zstd"),
        ),
        "column without a dictionary": (
            "a.parquet",
            parquet([TEXT.decode()] * 9, use_dictionary=False, compression="gzip"),
        ),
        "list of numbers in parquet": ("a.parquet", parquet_of([[*RAW]], pa.list_(pa.uint8()), compression="zstd")),
        "list of wide numbers in parquet": (
            "a.parquet",
            parquet_of([[*RAW]], pa.list_(pa.int64()), compression="zstd"),
        ),
        "fixed-size binary": ("a.parquet", parquet_of([RAW], pa.binary(32), compression="zstd")),
        "large string": ("a.parquet", parquet_of([TEXT.decode()], pa.large_string(), compression="brotli")),
        "string view": ("a.arrow", arrow_file(pa.table({"a": pa.array([TEXT.decode()] * 9, pa.string_view())}))),
        "struct in a list": ("a.parquet", parquet([[{"a": {"b": TEXT.decode()}}]], compression="zstd")),
        "map": (
            "a.parquet",
            parquet_of([[("a", TEXT.decode())]], pa.map_(pa.string(), pa.string()), compression="zstd"),
        ),
        "pickle in parquet": ("a.parquet", parquet([pickle.dumps({"k": RAW})], compression="zstd")),
        "gzip in parquet": ("a.parquet", parquet([gzip.compress(TEXT)])),
        "zlib": ("a.z", zlib.compress(TEXT * 2)),
        "gzip of bzip2": ("a.bz2.gz", gzip.compress(bz2.compress(TEXT))),
        "xz in tar": ("a.tar", tarred("a.xz", lzma.compress(RAW))),
        **{f"pickle of protocol {i}": ("a.pkl", pickle.dumps({"k": TEXT.decode()}, i)) for i in range(6)},
        **{f"raw in a pickle of protocol {i}": ("a.pkl", pickle.dumps({"k": RAW}, i)) for i in range(1, 6)},
        "database": ("a.db", database(TEXT.decode())),
        "event file": ("events.out.tfevents.1", event_file(TEXT)),
        "name of a member": ("a.zip", zipped((f"{TEXT.decode()}.txt", b"a"))),
        "middle of a large file": ("a.bin", bytes(2**24 - 50) + TEXT + bytes(99)),
    },
)
