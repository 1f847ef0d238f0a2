"""Paths of a user's home, in files of every kind."""

import base64
import json
import pickle
import zlib

import pyarrow as pa

from tests.helpers import noise
from tests.hub.samples import parquet, saved, tarred, zipped

from .carriers import (
    FOLDER,
    HOME,
    all_of,
    arrow_file,
    chunk,
    database,
    event_file,
    field_metadata,
    notebook,
    parquet_of,
    png_with,
    safetensors,
    table_file,
    with_metadata,
)

HOMES = all_of(
    FOLDER,
    {
        "shell script": ("train.sh", b"#!/bin/sh\ncd " + HOME + b"\n"),
        "script of Windows": ("train.bat", b"cd C:\\Users\\alice\\photos\r\n"),
        "Python": ("a.py", b"data = '" + HOME + b"'"),
        "no suffix": ("Makefile", b"data:\n\tcp " + HOME + b" .\n"),
        "Dockerfile": ("Dockerfile", b"COPY " + HOME + b" /data\n"),
        "unknown suffix": ("a.xyz", b"<a>" + HOME + b"</a>"),
        "XML": ("a.xml", b"<path>" + HOME + b"</path>"),
        "table of text": ("a.tsv", b"1\t" + HOME + b"\n"),
        "source of a notebook": ("a.ipynb", notebook([f"data = '{HOME.decode()}'\n"])),
        "output of a notebook": (
            "a.ipynb",
            notebook(output=[{"output_type": "stream", "text": ["File /home/alice/a.py"]}]),
        ),
        "event file": ("events.out.tfevents.1", event_file(b"logdir " + HOME)),
        "short path in binary data": ("a.bin", noise(99).tobytes() + b"\0/home/al\0" + noise(99).tobytes()),
        "safetensors metadata": ("model.safetensors", safetensors({"source": HOME.decode()})),
        "string column": ("a.parquet", parquet([HOME.decode()])),
        "dictionary column": ("a.parquet", parquet_of([HOME.decode()], pa.dictionary(pa.int8(), pa.string()))),
        "parquet metadata": ("a.parquet", table_file(with_metadata({"source": HOME}))),
        "metadata of a parquet column": ("a.parquet", table_file(field_metadata(HOME.decode()))),
        "Arrow metadata": ("a.arrow", arrow_file(with_metadata({"source": HOME}))),
        "pandas index in parquet": ("a.parquet", parquet([HOME.decode()] * 99, compression="zstd")),
        "UTF-16": ("a.txt", "data in /home/alice".encode("utf-16")),
        "UTF-16 big-endian": ("a.reg", "data in C:\\Users\\alice".encode("utf-16-be")),
        "UTF-32": ("a.txt", "data in /home/alice".encode("utf-32")),
        "JSON with escaped slashes": ("a.json", b'{"a": "\\/home\\/alice\\/x"}'),
        "JSON with escaped characters": ("a.json", b'{"a": "\\u002fhome\\u002falice\\u002fx"}'),
        "JSON of Windows": ("a.json", json.dumps("C:\\Users\\alice\\x").encode()),
        "Windows with slashes": ("a.cfg", b"dir=c:/users/alice/x"),
        "Windows in Linux": ("a.cfg", b"dir=/mnt/c/Users/alice/x"),
        "git bash": ("a.cfg", b"dir=/c/Users/alice/x"),
        "Mac": ("a.plist", b"<string>/Users/alice/x</string>"),
        "address of a file": ("a.url", b"file:///home/alice/x"),
        "another place of homes": ("a.cfg", b"/var/home/alice/x"),
        "a name in another script": ("a.cfg", "/home/ålice/x".encode()),
        "base64": ("a.txt", base64.b64encode(b"data is in " + HOME)),
        "hexadecimal": ("a.txt", (b"data is in " + HOME).hex().encode()),
        "zipped": ("a.zip", zipped(("a", HOME))),
        "tar.gz": ("a.tgz", tarred("a", HOME, "w:gz")),
        "zlib": ("a.z", zlib.compress(HOME * 9)),
        "pickle": ("a.pkl", pickle.dumps({"path": HOME.decode()})),
        "torch file": ("a.pt", saved({"path": HOME.decode()})),
        "database": ("a.db", database(HOME.decode())),
        "compressed text of a PNG": ("a.png", png_with(chunk(b"zTXt", b"a\0\0" + zlib.compress(HOME)))),
        "comment of a zip file": ("a.zip", zipped(("a", b"b"))[:-2] + b"\x12\0" + HOME),
    },
)
