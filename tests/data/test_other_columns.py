"""Nothing plain rides along: columns beside the encrypted one, schemas, and what lies in the source's files."""

import base64
import io
import json
import re
import struct
from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from datasets import (
    Array2D,
    Array3D,
    Audio,
    ClassLabel,
    Dataset,
    DatasetDict,
    Features,
    IterableDataset,
    LargeList,
    List,
    Nifti,
    Pdf,
    Value,
    Video,
    config,
    load_dataset,
)
from datasets import Image as ImageFeature
from PIL import ExifTags, Image, ImageCms

from hf_etc import EncryptImages, EtcImageProcessor, cli
from hf_etc.data import DecryptImages, common_marker, encrypt_dataset
from hf_etc.data.check import peek
from hf_etc.data.convert import convert
from hf_etc.data.pictures import picture_in
from hf_etc.errors import ParameterError

from ..helpers import made_under

ROWS = 3


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))


def picture(seed=0, side=32):
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8))


def file_of(image, format="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def numbers(*shape, high=256, seed=0):
    return np.random.default_rng(seed).integers(0, high, shape)


def normalised(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def with_column(values, feature, name="other"):
    """Pictures, labels and one more column."""
    features = Features({"image": ImageFeature(), "label": ClassLabel(names=["cat", "dog"]), name: feature})
    columns = {"image": [picture(i) for i in range(ROWS)], "label": [0, 1, 0], name: values}
    return Dataset.from_dict(columns, features=features)


PNG, JPEG = file_of(picture()), file_of(picture(), "JPEG")
TEXT = base64.b64encode(JPEG).decode()
U8, F32 = Value("uint8"), Value("float32")

# Columns that hold plain pictures: the feature, one value of a row, and what the error calls it.
PICTURES = {
    "png bytes": (Value("binary"), PNG, "image files"),
    "jpeg bytes": (Value("large_binary"), JPEG, "image files"),
    "webp bytes": (Value("binary"), file_of(picture(), "WEBP"), "image files"),
    "gif bytes": (Value("binary"), file_of(picture(), "GIF"), "image files"),
    "bmp bytes": (Value("binary"), file_of(picture(), "BMP"), "image files"),
    "tiff bytes": (Value("binary"), file_of(picture(), "TIFF"), "image files"),
    "raw pixels": (Value("binary"), picture().tobytes(), "binary data (3072 bytes)"),
    "dark raw pixels": (Value("binary"), bytes([1, 2, 3, 4] * 64), "binary data (256 bytes)"),
    "base64": (Value("string"), TEXT, "pictures as text"),
    "base64 of a bitmap": (Value("string"), base64.b64encode(file_of(picture(), "BMP")).decode(), "pictures as text"),
    "base64 in bytes": (Value("binary"), base64.b64encode(PNG), "pictures as text"),
    "base64 for urls": (Value("large_string"), base64.urlsafe_b64encode(PNG).decode(), "pictures as text"),
    "wrapped base64": (Value("string"), base64.encodebytes(PNG).decode(), "pictures as text"),
    "data url": (Value("string"), f"data:image/jpeg;base64,{TEXT}", "pictures as text"),
    "page with a picture": (Value("string"), f"# Report\n\n![scan](data:image/jpeg;base64,{TEXT})", "pictures as text"),
    "json with a picture": (Value("string"), json.dumps({"id": 7, "scan": TEXT}), "pictures as text"),
    "hexadecimal": (Value("string"), PNG.hex(), "pictures as text"),
    "pixels as text": (Value("string"), " ".join(map(str, numbers(48 * 48))), "pixels as text"),
    "nested lists": (List(List(List(U8))), numbers(32, 32, 3).tolist(), "arrays of 32x32x3 numbers"),
    "gray array": (Array2D((28, 28), "uint8"), numbers(28, 28), "arrays of 28x28 numbers"),
    "array": (Array3D((32, 32, 3), "int32"), numbers(32, 32, 3), "arrays of 32x32x3 numbers"),
    "growing array": (Array3D((None, 32, 3), "uint8"), numbers(40, 32, 3), "arrays of 40x32x3 numbers"),
    "normalised": (Array3D((3, 32, 32), "float32"), normalised(3, 32, 32), "arrays of 3x32x32 numbers"),
    "normalised lists": (LargeList(List(List(F32))), normalised(32, 32, 3).tolist(), "arrays of 32x32x3 numbers"),
    "map of classes": (List(List(Value("int64"))), numbers(20, 24, high=5).tolist(), "arrays of 20x24 numbers"),
    "mask": (List(List(Value("bool"))), (numbers(20, 24) > 128).tolist(), "arrays of 20x24 numbers"),
    "two sizes": (List(List(List(U8))), [numbers(9, 9).tolist(), numbers(12, 12).tolist()], "arrays of 12x12 numbers"),
    "row of bytes": (List(U8), numbers(48 * 60).tolist(), "rows of 2880 numbers like pixels"),
    "row of a square": (List(Value("int64")), numbers(28 * 28).tolist(), "rows of 784 numbers like pixels"),
    "row of whole floats": (List(F32), numbers(28 * 28).tolist(), "rows of 784 numbers like pixels"),
    "images": (List(ImageFeature()), [picture()], "image files"),
    "struct with an image": (
        {"id": Value("int64"), "thumb": ImageFeature()},
        {"id": 1, "thumb": picture()},
        "image files",
    ),
    "struct with bytes": ({"meta": {"thumb": Value("binary")}}, {"meta": {"thumb": JPEG}}, "image files"),
    "list of structs": (List({"crop": List(Value("binary"))}), [{"crop": [b"", PNG]}], "image files"),
    "file with a preview": (
        {"bytes": Value("binary"), "path": Value("string"), "preview": Value("binary")},
        {"bytes": None, "path": None, "preview": PNG},
        "image files",
    ),
    "file by its path": (ImageFeature(), {"bytes": None, "path": "scan.png"}, "image files"),
    "image column": (ImageFeature(decode=False), {"bytes": PNG, "path": None}, "image files"),
}

# Columns that stay: what data beside pictures usually is.
HARMLESS = {
    "class": (ClassLabel(names=["a", "b"]), 1),
    "float": (F32, 0.5),
    "text": (Value("string"), "The patient, 54, shows " + "no signs of disease. " * 30),
    "identifier": (Value("string"), "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08" * 2),
    "sequence": (Value("string"), "MKTAYIAKQRQISFVKSHFSRQLEERLGLIEVQAPILSRVGDGTQDNLSGAEKAVQ" * 4),
    "path": (Value("string"), "/data/scans/" + "a/" * 60 + "patient-0017.png"),
    "address": (Value("string"), "https://example.org/9j/2" + "abcdef0123" * 12 + ".jpg"),
    "hash": (Value("binary"), bytes(range(200, 232))),
    "text in bytes": (Value("binary"), "Größe: 12 mm".encode() * 20),
    "time": (Value("timestamp[s]"), 1700000000),
    "boxes": (List(List(F32)), numbers(40, 4).tolist()),
    "boxes by text": (List(List(Value("int64"))), numbers(200, 8).tolist()),
    "array of boxes": (Array2D((None, 4), "float32"), normalised(50, 4)),
    "objects": (
        {"bbox": List(List(F32)), "category": List(Value("int64")), "name": List(Value("string"))},
        {"bbox": [[1.0, 2, 30, 40]] * 12, "category": [200] * 12, "name": ["cat"] * 12},
    ),
    "keypoints": (List(List(F32)), normalised(133, 3).tolist()),
    "keypoints of people": (List(List(List(F32))), normalised(5, 17, 3).tolist()),
    "polygons": (List(List(F32)), [normalised(n).tolist() for n in (40, 52, 12, 90, 8, 8, 8, 24, 30, 44, 16, 20)]),
    "rings": (List(List(List(Value("int64")))), [numbers(n, 2).tolist() for n in (20, 33, 18)]),
    "run lengths": (
        {"size": List(Value("int64")), "counts": Value("string")},
        {"size": [9, 9], "counts": "PPYo1k04" * 20},
    ),
    "embedding": (List(F32), normalised(768).tolist()),
    "few embeddings": (List(List(F32)), normalised(4, 1024).tolist()),
    "tokens": (List(Value("int32")), numbers(1024, high=30000).tolist()),
    "a short sentence, padded": (List(Value("int32")), [101, 150, 202, 7, 102] + [0] * 1019),
    "letters": (List(Value("int32")), list(b"No signs of disease (54 YEARS, M): QRT/XW; kV=120, mA=30. " * 20)),
    "attention mask": (List(Value("int8")), [1] * 700 + [0] * 324),
    "many classes": (List(U8), numbers(200, high=2).tolist()),
    "heart rates": (List(Value("int64")), numbers(200, high=150).tolist()),
    "empty": (List(List(F32)), []),
    "nothing": (Value("binary"), None),
}


def sources(value, feature):
    """The same rows as every kind of dataset that a batched map runs on."""
    table = with_column([value] * ROWS, feature)
    rows = [{"image": picture(i), "label": i % 2, "other": value} for i in range(ROWS)]
    yield table
    yield DatasetDict(train=table, test=table)
    yield table.to_iterable_dataset()
    yield IterableDataset.from_generator(lambda: iter(rows))


def run_through(dataset):
    for part in dataset.values() if isinstance(dataset, dict) else [dataset]:
        yield from part.with_format(None) if isinstance(part, Dataset) else part


@pytest.mark.parametrize("name", PICTURES)
def test_a_column_with_pictures_is_refused_in_every_kind_of_dataset(key, name):
    picture().save("scan.png")
    feature, value, found = PICTURES[name]
    by_map = lambda dataset, **params: dataset.map(EncryptImages(key, **params), batched=True)  # noqa: E731
    by_function = lambda dataset, **params: encrypt_dataset(dataset, key, **params)  # noqa: E731
    for dataset in sources(value, feature):
        for encrypt in (by_map, by_function):
            with pytest.raises(ParameterError) as raised:
                list(run_through(encrypt(dataset, column="image")))
            error = str(raised.value)
            assert error.startswith("the column other holds ") and "\n" not in error and len(error) < 250
            assert error.endswith("in drop_columns (--drop), or in keep_columns (--keep) if it may stay as it is")
            known = isinstance(dataset, Dataset | DatasetDict)  # a stream shows some of them in another form
            assert found in error or not known


@pytest.mark.parametrize("feature", [Audio(decode=False), Nifti(), Pdf(), Video(), List(Video())])
def test_files_that_are_not_looked_into_are_refused(key, feature):
    cell = {"bytes": b"some file", "path": None}
    stored = {"bytes": Value("binary"), "path": Value("string")}
    if isinstance(feature, List):
        stored, cell = List(stored), [cell]
    dataset = with_column([cell] * ROWS, stored).cast_column("other", feature)
    message = r"^the column other holds files that are not looked into"
    with pytest.raises(ParameterError, match=message):
        dataset.map(EncryptImages(key, column="image"), batched=True)
    empty = with_column([None] * ROWS, stored).cast_column(
        "other", feature
    )  # known from the features before any file is seen
    kind = type(getattr(feature, "feature", feature)).__name__
    for source in (empty, DatasetDict(train=empty), empty.to_iterable_dataset()):
        with pytest.raises(ParameterError, match=message + rf" \({kind}\)"):
            encrypt_dataset(source, key)


@pytest.mark.parametrize("name", HARMLESS)
def test_a_column_without_pictures_is_kept_as_it_is(key, name):
    feature, value = HARMLESS[name]
    for dataset in sources(value, feature):
        for encrypted in (dataset.map(EncryptImages(key), batched=True), encrypt_dataset(dataset, key)):
            for before, after in zip(run_through(dataset), run_through(encrypted), strict=True):
                assert str(after["other"]) == str(before["other"])
                assert made_under(key, peek(after["image"])[0])


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (picture(), "images"),
        (np.asarray(picture()), "arrays of 32x32x3 numbers"),
        (torch.zeros(1, 64, 64), "arrays of 1x64x64 numbers"),
        ([np.zeros(16)] * 16, "arrays of 16x16 numbers"),
        (np.array([PNG, None], object), "image files"),
        ({"rows": [[None] * 12] * 12}, "arrays of 12x12 numbers"),
        ((("key", JPEG),), "image files"),
        (io.BytesIO(PNG), "objects that are not looked into (BytesIO)"),
        (np.float32(3), None),
        (np.datetime64("2020-01-01"), None),
        (np.array(["a", "b"]), None),
        (torch.zeros(768), None),
        ([date(2020, 1, 1), Decimal("3.5"), 2 + 1j, True, None], None),
        ([[], [None], [[]], {}], None),
        ([10**400] * 3, None),
        (np.zeros((0, 32, 32, 3)), "arrays of 0x32x32x3 numbers"),
    ],
)
def test_values_that_only_a_stream_shows(value, found):
    assert picture_in(value) == found


# What the user says


def two_pictures():
    return with_column([{"bytes": PNG, "path": None}] * ROWS, ImageFeature(), "mask")


def plain_file(dataset, column="mask"):
    return [cell["bytes"] for cell in dataset.cast_column(column, ImageFeature(decode=False))[column]]


@pytest.mark.parametrize("keep", ["mask", ["mask"], ("mask", "label")])
def test_a_column_that_is_kept_stays_and_is_not_taken_for_the_one_to_encrypt(key, keep):
    for encrypted in (
        two_pictures().map(EncryptImages(key, keep_columns=keep), batched=True),
        encrypt_dataset(two_pictures(), key, keep_columns=keep, num_proc=2),
    ):
        assert plain_file(encrypted) == [PNG] * ROWS
        assert made_under(key, common_marker(encrypted, "image"))


def test_a_column_that_is_dropped_is_empty_after_a_map_and_gone_after_encrypt_dataset(key):
    mapped = two_pictures().map(EncryptImages(key, drop_columns="mask"), batched=True)
    assert mapped["mask"][:] == [None] * ROWS
    repeated = two_pictures().map(EncryptImages(key, drop_columns="mask", views=2), batched=True)
    assert repeated["mask"][:] == [None] * 2 * ROWS and repeated["label"][:] == [0, 0, 1, 1, 0, 0]
    table = two_pictures()
    untyped = IterableDataset.from_generator(lambda: ({"image": row["image"], "mask": row["mask"]} for row in table))
    for source in (table, DatasetDict(train=table, test=table), table.to_iterable_dataset(), untyped):
        encrypted = encrypt_dataset(source, key, drop_columns=["mask"])
        for row in run_through(encrypted):
            assert "mask" not in row and made_under(key, peek(row["image"])[0])


def test_a_column_to_drop_is_not_even_decoded(key):
    broken = with_column([{"bytes": b"no image", "path": None}] * ROWS, ImageFeature())
    for source in (broken, broken.to_iterable_dataset()):
        assert [sorted(row) for row in encrypt_dataset(source, key, drop_columns="other")] == [
            ["image", "label"]
        ] * ROWS


def test_ciphertexts_in_another_column_are_not_plain(key):
    once = encrypt_dataset(two_pictures(), key, column="image", keep_columns="mask")
    twice = encrypt_dataset(once, key, column="mask")
    assert common_marker(twice, "image") == common_marker(twice, "mask")
    for format in ("jpeg", "webp"):
        cell = EncryptImages(key, format=format)({"image": [picture()]})["image"][0]
        shown = Image.open(io.BytesIO(cell["bytes"]))
        assert picture_in([cell["bytes"], cell, shown]) is None
        assert picture_in([cell, {"bytes": JPEG, "path": None}]) == "image files"
    damaged = Image.open(io.BytesIO(file_of(picture(), "JPEG", comment=b'hf-etc {"hf-etc":1}')))
    assert picture_in(damaged) == "images"


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"drop_columns": ["thum"]}, "there is no column 'thum' to keep or drop; choose from image, label, mask"),
        ({"keep_columns": ["thum"]}, "there is no column 'thum' to keep or drop; choose from image, label, mask"),
        (
            {"column": "image", "drop_columns": ["image", "mask"]},
            "the column image is the one to encrypt; it cannot be kept or dropped",
        ),
    ],
)
def test_columns_that_cannot_be_kept_or_dropped(key, params, message):
    for encrypt in (
        lambda: two_pictures().map(EncryptImages(key, **params), batched=True),
        lambda: encrypt_dataset(two_pictures(), key, **params),
        lambda: encrypt_dataset(two_pictures().to_iterable_dataset(), key, **params),
    ):
        with pytest.raises(ParameterError) as raised:
            encrypt()
        assert str(raised.value) == message


def test_a_column_is_kept_or_dropped_not_both(key):
    with pytest.raises(ParameterError, match=r"^the column mask cannot be both kept and dropped; choose one$"):
        EncryptImages(key, keep_columns=["mask"], drop_columns=["mask"])


def test_every_batch_is_looked_at(key):
    late = with_column([b""] * (ROWS - 1) + [PNG], Value("binary"))
    with pytest.raises(ParameterError, match="the column other holds image files"):
        late.map(EncryptImages(key), batched=True, batch_size=1)
    with pytest.raises(ParameterError, match="the column other holds image files"):
        late.map(EncryptImages(key), batched=True, num_proc=2)
    stream = iter(encrypt_dataset(late.to_iterable_dataset(), key))
    with pytest.raises(ParameterError, match="the column other holds image files"):
        list(stream)


def test_decryption_leaves_other_columns_alone(key):
    encrypted = encrypt_dataset(two_pictures(), key, column="image", keep_columns="mask")
    back = encrypted.map(DecryptImages(key, column="image"), batched=True)
    assert plain_file(back) == [PNG] * ROWS
    assert (np.asarray(back[1]["image"]) == np.asarray(picture(1))).all()


def test_another_choice_of_columns_does_not_share_the_cache(key):
    two_pictures().save_to_disk("plain")
    files = set()
    for params in ({"keep_columns": ["mask"]}, {"drop_columns": ["mask"]}):
        encrypted = Dataset.load_from_disk("plain").map(EncryptImages(key, **params), batched=True)
        files.add(encrypted.cache_files[0]["filename"])
    assert len(files) == 2


# Not a batch


@pytest.mark.parametrize("make", [EncryptImages, DecryptImages])
def test_a_map_that_is_not_batched_or_passes_columns_is_refused(key, make):
    table = with_column(["a"] * ROWS, Value("string"))
    untyped = IterableDataset.from_generator(lambda: iter([{"image": picture(), "other": [1, 2]}]))
    for run in (
        lambda: table.map(make(key)),
        lambda: table.map(make(key), with_indices=True),
        lambda: list(table.to_iterable_dataset().map(make(key))),
        lambda: list(untyped.map(make(key))),
        lambda: table.with_format("numpy").map(make(key)),
        lambda: table.with_format("torch").map(make(key)),
        lambda: table.with_format("arrow").map(make(key), batched=True),
        lambda: table.map(make(key), batched=True, input_columns="image"),
        lambda: table.map(make(key), batched=True, input_columns=["image", "label", "other"]),
        lambda: list(table.to_iterable_dataset().map(make(key), batched=True, input_columns=["image"])),
    ):
        with pytest.raises(ParameterError) as raised:
            run()
        assert str(raised.value) == (
            f"{make.__name__} takes batches of whole rows: use dataset.map({make.__name__}(key), batched=True), "
            "without input_columns, and remove a format with dataset.with_format(None)"
        )


# On disk, through the command line


@pytest.fixture
def run(key, capfd):
    """Type a line and get the exit status and what is printed to stderr."""
    key.save("clinic.key")

    def typed(line):
        capfd.readouterr()
        status = cli.main([*line.split(), "--key", "clinic.key"])
        return status, capfd.readouterr().err

    return typed


@pytest.mark.parametrize("name", PICTURES)
def test_the_command_line_refuses_drops_and_keeps(key, run, name):
    feature, value, found = PICTURES[name]
    picture().save("scan.png")
    with_column([value] * ROWS, feature).to_parquet("plain.parquet")
    status, error = run("encrypt plain.parquet out --column image")
    assert (status, error.count("\n"), Path("out").exists()) == (2, 1, False)
    assert error.startswith("hf-etc: error: the column other holds ")
    assert found.split()[0] in error
    assert run("encrypt plain.parquet dropped --drop other")[0] == 0
    assert load_dataset("dropped")["train"].column_names == ["image", "label"]
    assert run("encrypt plain.parquet kept --keep other")[0] == 0
    assert load_dataset("kept")["train"].column_names == ["image", "label", "other"]


def test_the_command_line_keeps_what_is_harmless(key, run):
    features = {"image": ImageFeature(), **{name: feature for name, (feature, _) in HARMLESS.items()}}
    values = {
        "image": [picture(i) for i in range(ROWS)],
        **{name: [value] * ROWS for name, (_, value) in HARMLESS.items()},
    }
    plain = Dataset.from_dict(values, features=Features(features))
    plain.to_parquet("plain.parquet")
    assert run("encrypt plain.parquet out") == (0, "")
    before, after = load_dataset("parquet", data_files="plain.parquet")["train"], load_dataset("out")["train"]
    assert after.features == before.features
    assert before.remove_columns("image")[:] == after.remove_columns("image")[:]


def test_options_of_the_command_line(run):
    two_pictures().to_parquet("plain.parquet")
    for options, message in (
        ("--drop mask --keep mask", "the column mask cannot be both kept and dropped; choose one"),
        ("--drop thumb", "there is no column 'thumb' to keep or drop; choose from image, label, mask"),
        ("--column mask --keep mask", "the column mask is the one to encrypt; it cannot be kept or dropped"),
    ):
        assert run(f"encrypt plain.parquet out {options}") == (2, f"hf-etc: error: {message}\n")
    assert run("encrypt plain.parquet out --drop mask --drop label --layout imagefolder") == (0, "")
    assert sorted(path.name for path in Path("out").rglob("*.png")) == ["0.png", "1.png", "2.png"]


def test_another_choice_of_columns_does_not_resume(run):
    two_pictures().to_parquet("plain.parquet")
    assert run("encrypt plain.parquet out --drop mask")[0] == 0
    status, error = run("encrypt plain.parquet out --keep mask")
    assert status == 2 and re.match('hf-etc: error: out was begun with id "[0-9a-f]{32}", not "', error)
    assert "mask" not in Path("out/hf-etc.json").read_text()


def test_a_late_picture_leaves_no_shard_with_it(key, monkeypatch):
    from hf_etc.data.convert import dataset as tables

    monkeypatch.setattr(tables, "SHARD_ROWS", 2)
    monkeypatch.setattr(tables.DatasetOutput, "rows_per_task", 2)
    with_column([b""] * (ROWS - 1) + [PNG], Value("binary")).to_parquet("plain.parquet")
    with pytest.raises(ParameterError, match="the column other holds image files"):
        convert("plain.parquet", "out", EncryptImages(key))
    assert [path.name for path in Path("out").rglob("*.parquet")] == ["train-00000-of-00002.parquet"]


# What is not a value of a column


def test_metadata_of_a_table_is_not_copied(key):
    two_pictures().remove_columns("mask").to_parquet("typed.parquet")
    table = pq.read_table("typed.parquet")
    fields = [field.with_metadata({"thumbnail": PNG}) for field in table.schema]
    metadata = {**table.schema.metadata, "thumbnail": PNG, "pandas": json.dumps({"scan": TEXT})}
    pq.write_table(table.cast(pa.schema(fields, metadata)), "plain.parquet")
    assert PNG in pq.read_schema("plain.parquet").metadata[b"thumbnail"]  # as a careless program may write it
    convert("plain.parquet", "out", EncryptImages(key))
    encrypted = load_dataset("parquet", data_files="plain.parquet")["train"].map(EncryptImages(key), batched=True)
    encrypted.to_parquet("mapped.parquet")
    files = [
        *Path("out").rglob("*.parquet"),
        Path("mapped.parquet"),
        *(Path(f["filename"]) for f in encrypted.cache_files),
    ]
    assert len(files) == 3
    for file in files:
        content = file.read_bytes()
        assert PNG[:60] not in content and TEXT[:60].encode() not in content
        assert base64.b64encode(PNG)[:60] not in content  # how parquet keeps an arrow schema


def test_names_of_classes_with_a_picture_are_refused(key):
    dataset = with_column([0] * ROWS, ClassLabel(names=["cat", TEXT]))
    with pytest.raises(ParameterError, match="the column other holds pictures as text"):
        encrypt_dataset(dataset, key)


def exif_with_thumbnail(thumbnail):
    """EXIF with the date of a GPS fix, and a thumbnail in its second directory."""

    def directory(*entries, following=0):
        packed = b"".join(struct.pack("<HHII", *entry) for entry in entries)
        return struct.pack("<H", len(entries)) + packed + struct.pack("<I", following)

    text, long = 2, 4
    gps, date_at, second, thumbnail_at = 26, 44, 56, 86
    return (
        b"Exif\0\0II*\0\x08\0\0\0"
        + directory((0x8825, long, 1, gps), following=second)
        + directory((29, text, 11, date_at))
        + b"1999:12:31\0\0"
        + directory((0x201, long, 1, thumbnail_at), (0x202, long, 1, len(thumbnail)))
        + thumbnail
    )


def camera_file():
    """A JPEG as a phone writes it: a thumbnail, a place, a colour profile, and words of the owner."""
    thumbnail = file_of(picture(9), "JPEG")
    xmp = b"<x:xmpmeta>patient 0018</x:xmpmeta>"
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = exif_with_thumbnail(thumbnail)
    file = file_of(picture(side=64), "JPEG", exif=exif, xmp=xmp, icc_profile=icc, comment=b"patient 0019")
    found = Image.open(io.BytesIO(file)).getexif()
    assert (
        found.get_ifd(ExifTags.IFD.IFD1)[0x202] == len(thumbnail)
        and found.get_ifd(ExifTags.IFD.GPSInfo)[29] == "1999:12:31"
    )
    traces = [thumbnail[2:200], b"patient", b"1999:12:31", b"xmpmeta", icc[36:80]]
    assert all(trace in file for trace in traces)
    return file, traces


@pytest.mark.parametrize("format", ["png", "webp", "jpeg"])
def test_what_a_file_holds_beside_its_pixels_does_not_reach_the_output(key, format):
    file, traces = camera_file()
    Path("photos").mkdir()
    Path("photos/scan.jpg").write_bytes(file)
    Path("photos/scan.xmp").write_bytes(file)
    Path("photos/scan.jpg.json").write_text('{"patient": 20}')
    encrypt, processor = EncryptImages(key, format=format), EtcImageProcessor(key)
    convert("photos", "out", encrypt)
    assert sorted(path.name for path in Path("out").rglob("*")) == sorted(
        [".hf-etc-finished", "hf-etc.json", f"scan{encrypt.suffix}"]
    )
    cell = {"bytes": file, "path": "patient 0021.jpg"}
    table = Dataset.from_dict({"image": [cell]}, features=Features({"image": ImageFeature()}))
    mapped = table.map(encrypt, batched=True)
    mapped.to_parquet("mapped.parquet")
    opened = Image.open(io.BytesIO(file))
    files = {
        "tree": Path(f"out/scan{encrypt.suffix}").read_bytes(),
        "map": mapped.cast_column("image", ImageFeature(decode=False))[0]["image"]["bytes"],
        "decoded": encrypt({"image": [opened]})["image"][0]["bytes"],
        "processor": processor.encrypt([file], format=format)[0],
        "processor, decoded": processor.encrypt([opened], format=format)[0],
    }
    tables = {"parquet": Path("mapped.parquet").read_bytes(), "manifest": Path("out/hf-etc.json").read_bytes()}
    for name, output in (files | tables).items():
        assert [trace for trace in traces if trace in output] == [], name
    for name, output in files.items():
        image = Image.open(io.BytesIO(output))
        image.load()
        assert not {"icc_profile", "xmp", "XML:com.adobe.xmp", "photoshop"} & image.info.keys(), name
        assert image.getexif().get_ifd(ExifTags.IFD.IFD1) == image.getexif().get_ifd(ExifTags.IFD.GPSInfo) == {}, name
