"""What must not leave, what may, and containers to hide it in."""

import io
import tarfile
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from PIL import Image

from hf_etc import EtcImageProcessor, EtcKey
from tests.helpers import noise
from tests.secrets import encodings_of

KEY = EtcKey.generate()
RAW = next(data for name, data in encodings_of(KEY).items() if name == "raw")
PICTURE = Image.fromarray(noise(32, 32, 3))
HUB_TOKEN = b"hf_" + b"AbCdEfGhIj" * 3 + b"KlMn"


def image_file(format="PNG", **options):
    buffer = io.BytesIO()
    PICTURE.save(buffer, format, **options)
    return buffer.getvalue()


def ciphertext(format="png"):
    return EtcImageProcessor(KEY, size=32, block_size=8).encrypt(PICTURE, format=format)[0]


def zipped(*members, method=zipfile.ZIP_DEFLATED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return buffer.getvalue()


def tarred(name, data, mode="w"):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        info = tarfile.TarInfo(name)
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def parquet(values, **options):
    buffer = io.BytesIO()
    pq.write_table(pa.table({"label": range(len(values)), "data": values}), buffer, **options)
    return buffer.getvalue()


def arrow(values):
    table, sink = pa.table({"data": values}), pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return sink.getvalue().to_pybytes()


def saved(value):
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


def numpy_file(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()
