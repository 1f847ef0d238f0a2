"""Sources and outputs in stores that fsspec knows; here its memory, which has no folders, locks or renames either."""

import json
import sys
from pathlib import Path
from uuid import uuid4

import pytest
from datasets import Dataset, DatasetDict, load_dataset
from datasets import Image as ImageFeature
from upath import UPath

from hf_etc import EncryptImages, EtcKey
from hf_etc.data import DecryptImages
from hf_etc.data.convert import convert, inspect
from hf_etc.errors import ImageError, MissingExtraError, OutputError, ParameterError
from hf_etc.files import place, whole_file
from tests.data.folder_helpers import contents, make_dataset, make_tree, pixels_of

STORE = f"memory://{uuid4().hex}"  # datasets keeps what it once loaded from an address without ETags


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store = UPath(STORE)
    if store.exists():
        store.fs.rm(store.path, recursive=True)
    return tmp_path


@pytest.fixture(scope="module")
def key():
    return EtcKey.generate()


def stored(address):
    """Every file below an address, manifest and journals aside."""
    folder = UPath(address)
    files = (folder / name for name in folder.fs.find(folder.path))
    return {file.path.removeprefix(folder.path + "/"): file.read_bytes() for file in files if ".parquet" in file.name}


def save_plain():
    splits = DatasetDict(train=make_dataset(6), test=make_dataset(3))
    for split, part in splits.items():
        part.to_parquet(f"{STORE}/plain/data/{split}-00000-of-00001.parquet")
    splits.save_to_disk("plain")
    return splits


def test_from_a_store_into_a_store_and_back(key):
    plain = save_plain()
    report = convert(f"{STORE}/plain", f"{STORE}/out", EncryptImages(key))
    assert (report.images, report.resumed) == (9, 0)
    convert("plain", "alone", EncryptImages(key))
    assert stored(f"{STORE}/out") == contents("alone")
    assert inspect(f"{STORE}/out").all_encrypted
    manifest = json.loads(UPath(f"{STORE}/out/hf-etc.json").read_text())
    assert manifest["complete"]
    assert [path.name for path in UPath(f"{STORE}/out").glob(".hf-etc*")] == [".hf-etc-finished"]

    convert(f"{STORE}/out", "decrypted", DecryptImages(key))
    decrypted = load_dataset("decrypted")
    assert (pixels_of(decrypted["train"]) == pixels_of(plain["train"])).all()


def test_a_store_is_resumed(key):
    save_plain()
    out = f"{STORE}/out"
    convert("plain", out, EncryptImages(key))
    before = stored(out)
    UPath(f"{out}/data/test-00000-of-00001.parquet").unlink()
    damaged = UPath(f"{out}/data/train-00000-of-00001.parquet")
    report = convert("plain", out, EncryptImages(key))
    assert (report.images, report.resumed) == (3, 6)
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"x")
    report = convert("plain", out, EncryptImages(key))
    assert (report.images, report.resumed) == (6, 3)
    assert stored(out) == before
    with pytest.raises(OutputError, match=r"/out was begun with block_size 16, not 8; "):
        convert("plain", out, EncryptImages(key, block_size=8))


def test_a_folder_of_images_in_a_store(key):
    make_tree(4)
    for path in Path("photos").rglob("*.png"):
        UPath(f"{STORE}/{path}").write_bytes(path.read_bytes())
    assert convert(f"{STORE}/photos", "out", EncryptImages(key)).images == 4
    convert("photos", "alone", EncryptImages(key))
    assert contents("out") == contents("alone")
    assert inspect(f"{STORE}/photos").plain == 4
    assert convert(f"{STORE}/photos/tench/0.png", f"{STORE}/one.png", EncryptImages(key)).images == 1
    assert inspect(f"{STORE}/one.png").all_encrypted
    UPath(f"{STORE}/photos/bad.png").write_bytes(b"broken")
    with pytest.raises(ImageError, match=r"^bad\.png: "):
        convert(f"{STORE}/photos", "other", EncryptImages(key))


def test_addresses_of_files_are_paths(here, key):
    make_tree(2)
    convert(f"file://{here}/photos", f"file://{here}/out", EncryptImages(key))
    convert("photos", "alone", EncryptImages(key))
    assert contents("out") == contents("alone")
    assert place(f"file://{here}/out") == here / "out"


def test_what_a_store_does_not_take(key):
    save_plain()
    make_tree(1)
    with pytest.raises(
        ParameterError, match=r"a store takes shards, not a file for each image; use the layout parquet$"
    ):
        convert("photos", f"{STORE}/out", EncryptImages(key))
    convert("plain", "out", EncryptImages(key))
    with pytest.raises(
        ParameterError, match=r"plain pictures are written to this machine alone; choose a folder here$"
    ):
        convert("out", f"{STORE}/plain2", DecryptImages(key))
    UPath(f"{STORE}/other/file.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"is not empty and was not begun by hf-etc; choose a new folder$"):
        convert("plain", f"{STORE}/other", EncryptImages(key))
    with pytest.raises(OutputError, match=r"lie within each other"):
        convert(f"{STORE}/plain", f"{STORE}/plain/out", EncryptImages(key))
    with pytest.raises(ImageError, match=r"^no such file or folder: memory://[0-9a-f]+/nothing$"):
        convert(f"{STORE}/nothing", "new", EncryptImages(key))


def test_a_mistake_leaves_nothing_in_a_store(key):
    save_plain()
    broken = make_dataset(2).to_dict()
    broken["image"][1] = {"bytes": b"broken", "path": None}
    features = make_dataset(2).features
    undecoded = features | {"image": ImageFeature(decode=False)}
    Dataset.from_dict(broken, features=type(features)(undecoded)).save_to_disk("broken")
    with pytest.raises(ImageError):
        convert("broken", f"{STORE}/out", EncryptImages(key))
    assert not list(UPath(f"{STORE}/out").rglob("*"))


def test_unknown_addresses():
    with pytest.raises(ParameterError, match=r"^nosuch://bucket/plain: "):
        place("nosuch://bucket/plain")


def test_a_store_whose_package_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(MissingExtraError, match=r"^s3://bucket/plain: .*s3fs"):
        place("s3://bucket/plain")


def test_an_upload_that_fails_leaves_no_file(monkeypatch):
    target = place(f"{STORE}/file")
    with pytest.raises(ZeroDivisionError), whole_file(target) as file:
        file.write(b"half")
        raise ZeroDivisionError
    assert not target.exists()

    def refuse(*arguments, **options):
        raise PermissionError(13, "no")

    monkeypatch.setattr(target.fs, "put_file", refuse)
    with (
        pytest.raises(OutputError, match=r"^cannot write memory://[0-9a-f]+/file: Permission denied$"),
        whole_file(target),
    ):
        pass
