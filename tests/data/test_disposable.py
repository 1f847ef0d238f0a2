"""Datasets and folders whose images each have a key that is thrown away, and whose ciphertexts leave parts out."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, Image

from hf_etc import EncryptImages, EtcKey, decode_ciphertext, load_rgb
from hf_etc.cipher import keys
from hf_etc.data import DecryptImages, common_marker, encrypt_dataset
from hf_etc.data.convert import convert
from hf_etc.data.convert.inspect import inspect
from hf_etc.errors import KeyMismatchError, MissingKeyError, OutputError, ParameterError

from .folder_helpers import contents, make_tree, noise

THROWN = {"preset": "private", "keep": 0.5, "block_size": 4, "size": 32, "disposable": True}


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """Relative names, and a process in which looking for a key fails."""
    monkeypatch.chdir(tmp_path)

    def fail(*_):
        pytest.fail("a key was looked for")

    monkeypatch.setattr(keys.EtcKey, "from_env", fail)
    monkeypatch.setattr(keys.EtcKey, "generate", fail)


@pytest.fixture
def key():
    return EtcKey(bytes(32))


def plain(rows=5):
    features = Features({"image": Image(), "label": ClassLabel(names=list("abcde"))})
    return Dataset.from_dict({"image": [noise(i) for i in range(rows)], "label": list(range(rows))}, features=features)


@pytest.mark.parametrize("num_proc", [None, 2])
def test_a_dataset_needs_no_key(num_proc):
    encrypted = encrypt_dataset(plain(), None, num_proc=num_proc, **THROWN)
    marker = common_marker(encrypted)
    assert marker.size == (8, 16) == encrypted[0]["image"].size[::-1] and marker.cipher_id == ""
    assert encrypted["label"][:] == list(range(5))


def test_a_stream_and_splits_need_no_key():
    streamed = encrypt_dataset(plain().to_iterable_dataset(), None, **THROWN)
    assert [row["image"].size for row in streamed] == [(16, 8)] * 5
    splits = encrypt_dataset(DatasetDict(train=plain(2), test=plain(1)), None, views=2, **THROWN)
    assert [len(splits[name]) for name in ("train", "test")] == [4, 1]


def test_a_worker_process_needs_no_key():
    """What a process gets that shares no memory with this one."""
    one = pickle.loads(pickle.dumps(EncryptImages(None, **THROWN)))
    assert repr(one).startswith("EncryptImages(key_id=None, cipher='etc', key_scope='image', ")
    (cell,) = one({"image": [noise(0)]})["image"]
    assert decode_ciphertext(cell["bytes"])[1].spec.disposable
    with pytest.raises(MissingKeyError, match="there is no key"):
        _ = one.key


def test_the_same_picture_never_gives_the_same_ciphertext():
    one, two = (EncryptImages(None, **THROWN)({"image": [noise(0)] * 2})["image"] for _ in range(2))
    files = [cell["bytes"] for cell in one + two]
    assert len(set(files)) == 4
    assert len({decode_ciphertext(file)[0].tobytes() for file in files}) == 4


def test_a_key_is_refused_and_so_is_none(key):
    with pytest.raises(ParameterError, match="a disposable key is made for each image; leave the key out"):
        EncryptImages(key, **THROWN)
    with pytest.raises(MissingKeyError):
        EncryptImages(None, preset="private")


def test_nobody_decrypts(key):
    (cell,) = EncryptImages(None, **THROWN)({"image": [noise(0)]})["image"]
    for options in ({}, {"preset": "private"}, {"preset": "private", "unauthenticated": True}):
        with pytest.raises(KeyMismatchError, match="row 0 of its batch: the key of this image was thrown away; nobody"):
            DecryptImages(key, **options)({"image": [cell]})


@pytest.mark.parametrize("num_proc", [1, 2])
@pytest.mark.parametrize("layout", ["mirror", "imagefolder", "parquet"])
def test_a_folder_is_made_once(layout, num_proc):
    """A second run could not tell which ciphertexts are whole and of which source."""
    make_tree(40)
    plain().to_parquet("plain.parquet")
    source, rows = ("photos", 40) if layout == "mirror" else ("plain.parquet", 5)
    encrypt = EncryptImages(None, **THROWN)
    assert convert(source, "out", encrypt, num_proc=num_proc, layout=layout).images == rows
    made = contents("out")
    assert inspect("out").all_encrypted
    assert convert(source, "out", encrypt, layout=layout).resumed == rows, "the same run goes on"
    with pytest.raises(OutputError, match="nobody has the keys to check what is there; choose a new folder"):
        convert(source, "out", EncryptImages(None, **THROWN), layout=layout)
    assert contents("out") == made


def test_inspection_counts_them_as_one_kind(key):
    make_tree(3)
    convert("photos", "out", EncryptImages(None, **THROWN))
    (group,) = inspect("out").to_dict()["ciphertexts"]
    assert (group["images"], group["disposable"], group["sent"]) == (3, True, "8x16") and "cipher_id" not in group
    kept = EncryptImages(key, preset="private", keep=0.5, block_size=4, size=32)
    convert("photos", "kept", kept)
    (group,) = inspect("kept").to_dict()["ciphertexts"]
    assert group["cipher_id"] and "disposable" not in group


def test_decrypted_files_have_the_size_of_the_picture(key):
    make_tree(1)
    convert("photos", "sent", EncryptImages(key, preset="private", keep=0.5, block_size=4, size=32))
    convert("sent", "back", DecryptImages(key))
    (file,) = Path("back").rglob("*.png")
    pixels = np.asarray(load_rgb(file))
    assert pixels.shape == (32, 32, 3) and (pixels == 128).all(-1).mean() == 1 - 8 * 16 / 32**2
