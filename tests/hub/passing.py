"""What the guard lets through by choice: name -> (file, content, reason).

Each one is asserted to pass, so that this list, and what the documentation says of it, stays true.
"""

import base64
import codecs
import gzip
import io
import zlib
from dataclasses import replace
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import torch

from hf_etc import EtcKey
from hf_etc.images.ciphertext import encode_ciphertext, read_marker
from tests.helpers import noise
from tests.hub.planted.carriers import HOME, TEXT, arrow_file, safetensors
from tests.hub.planted.tokens import some
from tests.hub.samples import HUB_TOKEN, PICTURE, RAW, ciphertext, image_file, numpy_file, saved, zipped

FOREIGN = EtcKey.generate().reveal().encode()  # of a key that no process holds: this name keeps none alive
FOREIGN_RAW = base64.b32decode(FOREIGN.split(b"-")[1].upper() + b"======")[:32]

UNKNOWN = "a key of someone else has no form but its text by which it could be told from noise"
NUMBERS = "pixels as plain numbers look like any other numbers, and quantised weights are bytes, too"
INTENT = "done on purpose; the guard stops mistakes"
RARE = "nobody leaks it this way by mistake, and looking for it costs time or false alarms"


def forged():
    """A plain picture with the marker of a ciphertext."""
    from PIL import Image

    with Image.open(io.BytesIO(ciphertext())) as image:
        marker = read_marker(image)
    return encode_ciphertext(np.asarray(PICTURE), marker, lambda marker, *_: replace(marker, tag="0" * 32))


def below_nulls():
    """A picture in the memory of an Arrow value that is declared missing."""
    picture = image_file()
    offsets = pa.py_buffer(np.array([0, len(picture)], np.int32).tobytes())
    values = pa.Array.from_buffers(pa.binary(), 1, [pa.py_buffer(b"\0"), offsets, pa.py_buffer(picture)])
    return arrow_file(pa.table({"a": values}))


PASSING = {
    "plain picture with a forged marker": ("a.png", forged(), INTENT),
    "key of someone else, raw": ("a.bin", FOREIGN_RAW, UNKNOWN),
    "key of someone else, hexadecimal": ("a.txt", FOREIGN_RAW.hex().encode(), UNKNOWN),
    "key of someone else, mistyped": (
        "a.txt",
        FOREIGN[:20] + (b"b" if FOREIGN[20:21] == b"a" else b"a") + FOREIGN[21:],
        UNKNOWN,
    ),
    "key reversed": ("a.txt", TEXT[::-1], INTENT),
    "key in base85": ("a.txt", base64.b85encode(RAW), RARE),
    "key text in base32": ("a.txt", base64.b32encode(TEXT), RARE),
    "key in ROT13": ("a.txt", codecs.encode(TEXT.decode(), "rot13").encode(), INTENT),
    "first half of a key": ("a.bin", RAW[:16], RARE),
    "key in two files": ("a.txt", TEXT[:40], INTENT),
    "key in float64": ("a.npy", numpy_file(np.frombuffer(RAW, np.uint8).astype(np.float64)), RARE),
    "key in base64 four times": (
        "a.txt",
        base64.b64encode(base64.b64encode(base64.b64encode(base64.b64encode(b"key: " + TEXT)))),
        INTENT,
    ),
    "archive in base64": ("a.txt", base64.b64encode(gzip.compress(TEXT)), RARE),
    "archive behind other data": ("a.bin", b"#!/bin/sh\n" + zipped(("a", TEXT)), RARE),
    "zlib behind other data": ("a.bin", bytes(99) + zlib.compress(TEXT * 9), RARE),
    "token over lines": ("a.txt", HUB_TOKEN[:20] + b"\n" + HUB_TOKEN[20:], "lists of words, one a line, look alike"),
    "secret without a prefix or a name": ("a.txt", some(40), "looks like any checksum or identifier"),
    "short password": ("a.py", b'password = "correct1"', "looks like an example"),
    "home in percent signs": ("a.txt", quote(HOME, safe="").encode(), RARE),
    "folder elsewhere": ("a.txt", b"/data/alice/photos", "only homes name a user by rule"),
    "pixels as bytes in one dimension": ("a.npy", numpy_file(noise(32, 32, 3).ravel()), NUMBERS),
    "pixels in a torch tensor": ("a.pt", saved(torch.from_numpy(noise(32, 32, 3))), NUMBERS),
    "pixels in safetensors": ("a.safetensors", safetensors(tensor=torch.from_numpy(noise(32, 32, 3))), NUMBERS),
    "pixels as floats": ("a.npy", numpy_file(noise(32, 32, 3).astype(np.float32)), NUMBERS),
    "pixels in a table of text": (
        "a.csv",
        b"\n".join(b",".join(b"%d" % v for v in row) for row in noise(9, 27)),
        NUMBERS,
    ),
    "raw pixels": ("a.raw", noise(32, 32, 3).tobytes(), NUMBERS),
    "picture without a beginning of its own (TGA)": ("a.dat", image_file("TGA"), RARE),
    "picture of BMP within other data": (
        "a.bin",
        bytes(99) + image_file("BMP"),
        "too short a beginning",
    ),
    "picture below a missing value of Arrow": ("a.arrow", below_nulls(), INTENT),
    "drawing within a page": ("a.html", b"<svg><path d='M0 0'/></svg>", "pages and reports draw their figures so"),
}
