"""Files that carry any bytes, and what errors say of what they carry."""

import io
import json
import sqlite3
import struct
import tempfile
import zlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from PIL import Image, PngImagePlugin
from safetensors.torch import save as save_safetensors

from tests.hub.samples import KEY, ciphertext

TEXT = KEY.reveal().encode()
HOME = b"/home/alice/photos"
SECRET_KEY, FOLDER, TOKEN = "holds a secret key", "names a folder of a user", "holds an access token of "
PLAIN, PIXELS, CLOSED = "holds a plain image", "may be plain pixels", "cannot be looked into"


def lines(data, width=20, between=b"\n"):
    return between.join(data[i : i + width] for i in range(0, len(data), width))


def notebook(source=(), output=()):
    cell = {"cell_type": "code", "metadata": {}, "execution_count": 1, "source": [*source], "outputs": [*output]}
    return json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, indent=1).encode()


def event_file(data):
    """A TFRecord with one event: length, checksum, protocol buffer, checksum."""
    event = b"\x09" + struct.pack("<d", 1.0) + b"\x1a" + bytes([len(data) % 128]) + data
    return struct.pack("<Q", len(event)) + b"\1\2\3\4" + event + b"\5\6\7\x08"


def safetensors(metadata=None, tensor=None):
    tensor = torch.randn(9, 9) if tensor is None else tensor
    return save_safetensors({"weight": tensor}, metadata=metadata)


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_with(*chunks):
    """A ciphertext with more chunks before its end."""
    data = ciphertext()
    return data[:-12] + b"".join(chunks) + data[-12:]


def marked(format, **options):
    """A picture with the marker of a ciphertext, and more that Pillow writes."""
    with Image.open(io.BytesIO(ciphertext("png"))) as image:
        image.load()
        info = PngImagePlugin.PngInfo()
        for name, value in image.text.items():
            info.add_text(name, value)
        buffer = io.BytesIO()
        image.save(buffer, format, pnginfo=info, **options)
    return buffer.getvalue()


def table_file(table, **options):
    buffer = io.BytesIO()
    pq.write_table(table, buffer, **options)
    return buffer.getvalue()


def parquet_of(values, kind, **options):
    return table_file(pa.table({"data": pa.array(values, kind)}), **options)


def arrow_file(table, **options):
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as file:
        file.write_table(table)
    return sink.getvalue().to_pybytes()


def with_metadata(metadata, table=None):
    return (pa.table({"a": [1]}) if table is None else table).replace_schema_metadata(metadata)


def field_metadata(value):
    return pa.table({"a": [1]}, schema=pa.schema([pa.field("a", pa.int64(), metadata={"note": value})]))


def database(value):
    with tempfile.TemporaryDirectory() as folder:
        connection = sqlite3.connect(Path(folder) / "a.db")
        connection.execute("create table notes (note)")
        connection.execute("insert into notes values (?)", (value,))
        connection.commit()
        connection.close()
        return (Path(folder) / "a.db").read_bytes()


def npz(array, writer=np.savez_compressed):
    buffer = io.BytesIO()
    writer(buffer, a=array)
    return buffer.getvalue()


def all_of(what, cases):
    return {name: (file, content, what) for name, (file, content) in cases.items()}
