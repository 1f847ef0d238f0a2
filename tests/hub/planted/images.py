"""Plain images and pixels, and files that cannot be looked into."""

import base64
import gzip
import io
import json
import pickle
import zlib

import pyarrow as pa
import torch
from PIL import Image

from tests.helpers import noise
from tests.hub.samples import PICTURE, arrow, ciphertext, image_file, numpy_file, parquet, saved, zipped

from .carriers import (
    CLOSED,
    PIXELS,
    PLAIN,
    TEXT,
    all_of,
    arrow_file,
    chunk,
    database,
    event_file,
    lines,
    marked,
    notebook,
    npz,
    parquet_of,
    png_with,
    safetensors,
    table_file,
    with_metadata,
)


class Pixels:
    """Anything with an array in it."""

    def __init__(self):
        self.data = noise(32, 32, 3)


def opened(format="PNG"):
    image = Image.open(io.BytesIO(image_file(format)))
    image.load()
    return image


def animation():
    """The first frame is a ciphertext, the second one is not."""
    return marked("PNG", save_all=True, append_images=[PICTURE], default_image=False)


PNG, JPEG, BMP = image_file(), image_file("JPEG"), image_file("BMP")
WRAPPED = base64.encodebytes(PNG)
IMAGES = {
    **{
        f"{format} file": (f"a.{format.lower()}", image_file(format), PLAIN)
        for format in ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF")
    },
    **{f"{format} without its name": ("a.dat", image_file(format), PLAIN) for format in ("TIFF", "PPM", "JPEG2000")},
    "video": ("a.dat", b"\0\0\0\x18ftypmp42" + bytes(99), "cannot be told from a plain image"),
    "DICOM": ("a.dat", bytes(128) + b"DICM" + bytes(99), PLAIN),
    "Photoshop": ("a.dat", b"8BPS\0\1" + bytes(99), "cannot be told from a plain image"),
    "Matroska": ("a.mkv", b"\x1aE\xdf\xa3" + bytes(99), CLOSED),
    "PDF": ("a.pdf", b"%PDF-1.7\n" + JPEG, CLOSED),
    "PDF by another name": ("a.dat", b"\n\n%PDF-1.7\nstream\n" + zlib.compress(noise(99).tobytes()), CLOSED),
    "PDF in a zip file": ("a.zip", zipped(("a", b"%PDF-1.4\n")), CLOSED),
    "PDF in parquet": ("a.parquet", parquet([b"%PDF-1.4\n"]), CLOSED),
    "PostScript": ("a.eps", b"%!PS-Adobe-3.0 EPSF-3.0\n", CLOSED),
    "document of Office": ("a.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(99), CLOSED),
    "image in a new document": ("a.docx", zipped(("word/media/image1.jpeg", JPEG)), PLAIN),
    "second frame of a PNG": ("a.png", animation(), "the image is animated"),
    "second frame in parquet": ("a.parquet", parquet([animation()]), "the image is animated"),
    "dictionary column": ("a.parquet", parquet_of([PNG, PNG], pa.dictionary(pa.int8(), pa.binary())), PLAIN),
    "dictionary column of Arrow": ("a.arrow", arrow_file(pa.table({"a": pa.array([PNG]).dictionary_encode()})), PLAIN),
    "dictionary of structs": (
        "a.arrow",
        arrow_file(pa.table({"a": pa.DictionaryArray.from_arrays([0, 0], pa.array([{"bytes": BMP}]))})),
        PLAIN,
    ),
    "view column": ("a.arrow", arrow_file(pa.table({"a": pa.array([BMP], pa.binary_view())})), PLAIN),
    "run-end encoded column": (
        "a.arrow",
        arrow_file(pa.table({"a": pa.RunEndEncodedArray.from_arrays([3], pa.array([BMP]))})),
        PLAIN,
    ),
    "union column": (
        "a.arrow",
        arrow_file(pa.table({"a": pa.UnionArray.from_sparse(pa.array([0], pa.int8()), [pa.array([BMP])])})),
        PLAIN,
    ),
    "list view column": ("a.arrow", arrow_file(pa.table({"a": pa.array([[BMP]], pa.list_view(pa.binary()))})), PLAIN),
    "large binary": ("a.parquet", parquet_of([BMP], pa.large_binary()), PLAIN),
    "fixed-size binary": ("a.parquet", parquet_of([BMP], pa.binary(len(BMP))), PLAIN),
    "bytes as numbers": ("a.parquet", parquet_of([[*PNG]], pa.list_(pa.uint8())), PLAIN),
    "map of images": ("a.parquet", parquet_of([[("a", BMP)]], pa.map_(pa.string(), pa.binary())), PLAIN),
    "image in parquet metadata": ("a.parquet", table_file(with_metadata({"thumbnail": base64.b64encode(PNG)})), PLAIN),
    "pixels in parquet": ("a.parquet", parquet([noise(8, 8, 3).tolist()]), PIXELS),
    "base64 over lines": ("a.txt", WRAPPED, PLAIN),
    "base64 over lines of Windows": ("a.eml", WRAPPED.replace(b"\n", b"\r\n"), PLAIN),
    "base64 over comments": ("a.py", b"# " + WRAPPED.replace(b"\n", b"\n# "), "a plain image"),
    "base64 over strings": ("a.py", b'"' + WRAPPED.replace(b"\n", b'"\n"') + b'"', "a plain image"),
    "base64 in a notebook": (
        "a.ipynb",
        notebook(output=[{"output_type": "display_data", "data": {"image/png": WRAPPED.decode()}}]),
        PLAIN,
    ),
    "URL-safe base64": ("a.txt", base64.urlsafe_b64encode(JPEG), PLAIN),
    "base64 of BMP": ("a.json", json.dumps(base64.b64encode(BMP).decode()).encode(), PLAIN),
    "base64 of TIFF": ("a.json", json.dumps(base64.b64encode(image_file("TIFF")).decode()).encode(), PLAIN),
    "base64 within base64": ("a.txt", base64.b64encode(base64.b64encode(PNG)), PLAIN),
    "base64 in UTF-16": ("a.txt", base64.b64encode(PNG).decode().encode("utf-16"), PLAIN),
    "base64 in a string column": ("a.parquet", parquet([WRAPPED.decode()]), PLAIN),
    "hexadecimal": ("a.txt", PNG.hex().encode(), PLAIN),
    "dump of hexadecimal": ("a.txt", lines(PNG.hex(" ").encode(), 48), PLAIN),
    **{
        f"pickled image of protocol {i}": ("a.pkl", pickle.dumps(PICTURE, i), "holds a pickled image") for i in range(6)
    },
    "pickled file": ("a.pkl", pickle.dumps(opened()), "holds a pickled image"),
    "pickled images": ("a.pkl", pickle.dumps({"images": [opened("BMP")]}, 2), "holds a pickled image"),
    "pickled image in a torch file": ("a.pt", saved({"image": PICTURE}), "holds a pickled image"),
    "pickled image in parquet": ("a.parquet", parquet([pickle.dumps(PICTURE)]), "holds a pickled image"),
    "pickled image in zlib": ("a.joblib", zlib.compress(pickle.dumps(PICTURE)), "holds a pickled image"),
    **{f"pickled array of protocol {i}": ("a.pkl", pickle.dumps(noise(32, 32, 3), i), PIXELS) for i in range(2, 6)},
    "pickled object with an array": ("a.pkl", pickle.dumps(Pixels()), PIXELS),
    "array": ("a.npy", numpy_file(noise(4, 4, 3)), PIXELS),
    "arrays": ("a.npz", npz(noise(2, 4, 4, 3)), PIXELS),
    "event file": ("events.out.tfevents.3", event_file(PNG), PLAIN),
    "database": ("a.db", database(PNG), PLAIN),
    "image in safetensors": ("a.safetensors", safetensors(tensor=torch.tensor(list(PNG), dtype=torch.uint8)), PLAIN),
    "behind a ciphertext": ("a.png", ciphertext() + JPEG, PLAIN),
    "thumbnail in a ciphertext": ("a.png", png_with(chunk(b"eXIf", JPEG)), PLAIN),
    "compressed within a ciphertext": ("a.png", png_with(chunk(b"prVt", zlib.compress(PNG))), PLAIN),
    "zlib": ("a.z", zlib.compress(PNG), PLAIN),
}

CLOSED_FILES = all_of(
    CLOSED,
    {
        "7z by another name": ("a.dat", b"7z\xbc\xaf\x27\x1c" + bytes(9)),
        "RAR by another name": ("a.dat", b"Rar!\x1a\x07\1" + bytes(9)),
        "zstd by another name": ("a.dat", b"\x28\xb5\x2f\xfd" + bytes(9)),
        "lz4 by another name": ("a.dat", b"\x04\x22\x4d\x18" + bytes(9)),
        "encrypted parquet": ("a.parquet", b"PARE" + bytes(9) + b"PARE"),
        "ORC": ("a.dat", b"ORC" + bytes(9)),
        "Avro": ("a.avro", b"Obj\x01" + bytes(9)),
        "zip file with a password": (
            "a.zip",
            zipped(("a", b"b"))
            .replace(b"PK\3\4\x14\0\0", b"PK\3\4\x14\0\1")
            .replace(b"PK\1\2\x14\3\x14\0\0", b"PK\1\2\x14\3\x14\0\1"),
        ),
        "cut parquet": ("a.parquet", parquet(["a"])[:-99] + b"PAR1"),
        "cut Arrow stream": ("a.arrow", arrow([TEXT.decode()])[:200]),
        "cut gzip": ("a.gz", gzip.compress(TEXT)[:-9]),
    },
)
