"""Datasets that must not leave: plain images in any column, lazy transforms, secrets."""

import base64
from pathlib import Path

import pytest
from datasets import Array3D, Dataset, Features, List, Value, concatenate_datasets, load_from_disk
from datasets import Image as ImageFeature

from hf_etc import EncryptImages, EtcCipher, EtcKey
from hf_etc.data import DecryptImages, encrypt_dataset
from hf_etc.data.convert import convert
from hf_etc.data.convert.source import read_splits
from hf_etc.errors import UploadRefusedError
from hf_etc.hub import check_dataset, check_folder, push_dataset
from tests.helpers import noise
from tests.hub.samples import HUB_TOKEN, KEY, RAW, ciphertext, image_file


@pytest.fixture
def plain(work):
    return load_from_disk(work / "plain")["test"]


@pytest.fixture
def encrypted(work):
    return load_from_disk(work / "ciphertexts")["test"]


def with_column(dataset, values, feature=None):
    return dataset.select(range(len(values))).add_column("more", values, feature=feature)


def test_a_lazily_transformed_dataset_is_refused(plain, no_hub):
    """What it shows is encrypted, what push_to_hub would send is not."""
    lazy = plain.with_transform(EncryptImages(KEY))
    for dataset in (lazy, {"train": lazy}):
        with pytest.raises(UploadRefusedError, match=r"split (train|test): the dataset has a lazy transform"):
            push_dataset(dataset, "tester/refused")
    plain.set_transform(EncryptImages(KEY))
    with pytest.raises(UploadRefusedError, match="materialise it"):
        push_dataset(plain, "tester/refused")


def test_a_transform_over_ciphertexts_is_refused_too(encrypted):
    with pytest.raises(UploadRefusedError, match="lazy transform"):
        check_dataset(encrypted.with_transform(lambda batch: batch))


def test_one_plain_image_is_refused(plain, encrypted, no_hub, work):
    with pytest.raises(UploadRefusedError, match=r"^split train, column image, row 0: this is a plain image"):
        push_dataset(plain, "tester/refused")
    with pytest.raises(UploadRefusedError, match=r"^split train, column image, row 0: this is a plain image"):
        push_dataset(work / "plain", "tester/refused")
    mixed = concatenate_datasets([encrypted, plain.select([3])])
    with pytest.raises(UploadRefusedError, match=r"^split train, column image, row 32: this is a plain image"):
        push_dataset(mixed, "tester/refused")
    check_dataset(mixed.select(range(32)))


@pytest.mark.parametrize(
    ("values", "feature", "what"),
    [
        ([image_file()], Value("binary"), "column more, from row 0: value holds a plain image"),
        ([image_file("BMP")], Value("binary"), "column more, from row 0: value holds a plain image"),
        ([[image_file("JPEG")]], List(Value("binary")), "holds a plain image"),
        ([[{"bytes": ciphertext(), "path": None}]], List(ImageFeature()), "column more: nested images"),
        ([base64.b64encode(image_file()).decode()], Value("string"), "column more holds a plain image"),
        ([noise(8, 8, 3).tolist()], Array3D((8, 8, 3), "uint8"), "column more: arrays of numbers may be plain pixels"),
        ([noise(8, 8, 3).tolist()], List(List(List(Value("int64")))), "arrays of numbers may be plain pixels"),
        (["", KEY.reveal()], Value("string"), "column more holds a secret key"),
        ([RAW], Value("binary"), "column more holds a secret key"),
        ([HUB_TOKEN.decode()], Value("string"), "column more holds an access token"),
    ],
)
def test_other_columns_are_looked_at(encrypted, values, feature, what):
    with pytest.raises(UploadRefusedError) as caught:
        check_dataset(with_column(encrypted, values, feature))
    assert str(caught.value).startswith("split train, column more") and what in str(caught.value)


@pytest.mark.parametrize(
    ("values", "feature"),
    [
        (["a name", ""], Value("string")),
        ([[0.5, 0.25]], List(Value("float32"))),
        ([[[1, 2, 3, 4]]], List(List(Value("int64")))),
        ([ciphertext(), None], Value("binary")),
    ],
)
def test_harmless_columns_pass(encrypted, values, feature):
    assert check_dataset(with_column(encrypted, values, feature)).images == {"train": len(values)}


def test_only_the_rows_that_leave_matter(encrypted):
    column = with_column(encrypted, ["a", KEY.reveal(), "b"], Value("string"))
    check_dataset(column.select([0, 2]))
    check_dataset(column.select(range(1)))
    with pytest.raises(UploadRefusedError):
        check_dataset(column.select([1]))


def test_other_datasets_that_are_refused(encrypted, owner_key):
    with pytest.raises(UploadRefusedError, match="is a IterableDataset; materialise it"):
        check_dataset(encrypted.to_iterable_dataset())
    with pytest.raises(UploadRefusedError, match="has no image column"):
        check_dataset(encrypted.remove_columns("image"))
    with pytest.raises(UploadRefusedError, match="no rows"):
        check_dataset(encrypted.select([]))
    features = Features({"image": ImageFeature()})
    other = Dataset.from_dict({"image": [{"bytes": ciphertext(), "path": None}]}, features=features)
    with pytest.raises(UploadRefusedError, match=r"different ways, .* and EtcSpec"):
        check_dataset({"test": encrypted, "train": other})
    missing = Dataset.from_dict({"image": [{"bytes": None, "path": "absent.png"}]}, features=features)
    with pytest.raises(UploadRefusedError, match=r"column image, row 0: cannot read absent\.png"):
        check_dataset(missing)


def test_sizes_may_differ(owner_key, plain):
    small = plain.select([0]).map(EncryptImages(owner_key, size=16), batched=True)
    found = check_dataset({"a": small, "b": plain.select([1, 2]).map(EncryptImages(owner_key), batched=True)})
    assert found.sizes == {(16, 16), (32, 32)} and found.images == {"a": 1, "b": 2}
    assert found.cipher_ids == {EtcCipher(owner_key).cipher_id(16, 16), EtcCipher(owner_key).cipher_id(32, 32)}


def test_two_keys_in_one_dataset_are_refused(owner_key, plain):
    parts = {
        name: plain.select([0]).map(EncryptImages(key), batched=True)
        for name, key in (("a", owner_key), ("b", EtcKey.generate()))
    }
    with pytest.raises(UploadRefusedError, match="different ways, under two keys; push them one by one"):
        check_dataset(parts)


def test_image_files_beside_a_dataset(tmp_path, plain):
    """A file that a row names is read where it lies: encrypted in the row, plain on the disk."""
    plain[0]["image"].save(tmp_path / "photo.png")
    features = Features({"image": ImageFeature()})
    dataset = Dataset.from_dict({"image": [str(tmp_path / "photo.png")]}, features=features)
    with pytest.raises(UploadRefusedError, match="this is a plain image"):
        check_dataset(dataset)
    assert Path(tmp_path / "photo.png").exists()


def test_every_layout_of_hf_etc_encrypt_can_be_pushed(owner_key, work, tmp_path):
    encrypt = EncryptImages(owner_key)
    convert(work / "plain", tmp_path / "parquet", encrypt, layout="parquet")
    convert(work / "plain", tmp_path / "folders", encrypt, layout="imagefolder")
    convert(tmp_path / "folders", tmp_path / "decrypted", DecryptImages(owner_key))
    convert(tmp_path / "decrypted", tmp_path / "mirror", encrypt)
    for layout in ("parquet", "folders", "mirror"):
        check_folder(tmp_path / layout)
        assert check_dataset(read_splits(str(tmp_path / layout))).images == {"train": 64, "test": 32}
    with pytest.raises(UploadRefusedError, match="row 0: this is a plain image"):
        check_dataset(read_splits(str(tmp_path / "decrypted")))
    with pytest.raises(UploadRefusedError, match=r"^test/brick/01\.png holds a plain image"):
        check_folder(tmp_path / "decrypted")


PRIVATE = {"key_scope": "image", "gap": 4, "jitter": 4, "keep": 0.5, "block_size": 8, "size": 64}


def of_each(plain, *owners):
    """The first images of a dataset, each encrypted with another key and other parameters."""
    parts = [encrypt_dataset(plain.select([0]), key, **PRIVATE | more) for key, more in owners]
    return concatenate_datasets(parts)


def test_several_owners_where_each_image_has_its_own_key(plain):
    thrown = (None, {"disposable": True})
    found = check_dataset(of_each(plain, (KEY, {}), (EtcKey.generate(), {}), thrown))
    assert len(found.cipher_ids) == 2 and found.sizes == {(64, 64)} and not found.spec.disposable
    alone = check_dataset(of_each(plain, thrown, thrown))
    assert not alone.cipher_ids and alone.spec.disposable
    with pytest.raises(UploadRefusedError, match="the images are encrypted in different ways"):
        check_dataset(of_each(plain, (KEY, {}), (KEY, {"gap": 5})))
    with pytest.raises(UploadRefusedError, match="the images are encrypted in different ways, under two keys"):
        check_dataset(
            of_each(
                plain,
                *(
                    (key, {"key_scope": "dataset", "gap": 0, "jitter": 0, "keep": 1})
                    for key in (KEY, EtcKey.generate())
                ),
            )
        )
