"""EncryptImages, DecryptImages, encrypt_dataset and common_marker on every kind of dataset."""

import copy
import io
import logging
import pickle
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from datasets import Array3D, ClassLabel, Dataset, DatasetDict, Features, IterableDataset, load_from_disk
from datasets import Image as ImageFeature
from datasets.fingerprint import Hasher
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from hf_etc import (
    EncryptImages,
    EtcCipher,
    EtcImageProcessor,
    EtcKey,
    Preparation,
    decode_ciphertext,
    encode_ciphertext,
    list_ciphers,
    load_rgb,
)
from hf_etc.data import DecryptImages, Views, common_marker, encrypt_dataset
from hf_etc.errors import (
    AlreadyEncryptedError,
    AuthenticationError,
    GeometryError,
    ImageError,
    KeyMismatchError,
    MissingKeyError,
    NotACiphertextError,
    ParameterError,
)
from hf_etc.sealing.views import random_box

from ..helpers import made_under
from ..secrets import scan_tree

NAMES = ["cat", "dog", "eel"]


def picture(seed=0, height=32, width=32):
    """A smooth picture with some grain, different for every seed."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (4, 4, 3), np.uint8)).resize((width, height), Image.BICUBIC)
    grain = rng.integers(-8, 9, (height, width, 3))
    return Image.fromarray((np.asarray(coarse) + grain).clip(0, 255).astype(np.uint8))


def file_bytes(image, format="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def plain_dataset(rows=6, column="image", **others):
    features = Features({column: ImageFeature(), "label": ClassLabel(names=NAMES), **others})
    values = {column: [picture(i) for i in range(rows)], "label": [i % 3 for i in range(rows)]}
    return Dataset.from_dict(values, features=features)


def undecoded(dataset, column="image"):
    return dataset.cast_column(column, ImageFeature(decode=False))


def plain_pixels(rows=6):
    return np.stack([np.asarray(picture(i)) for i in range(rows)])


def decrypted(dataset, key, column="image"):
    cells = DecryptImages(key)({column: undecoded(dataset, column)[:][column]})[column]
    return np.stack([np.asarray(Image.open(io.BytesIO(cell["bytes"]))) for cell in cells])


# What comes out


def test_images_are_encrypted_as_the_cipher_does_and_the_rest_is_kept(key):
    plain = plain_dataset()
    encrypted = plain.map(EncryptImages(key, block_size=8), batched=True)
    assert encrypted.features == plain.features
    assert encrypted["label"][:] == plain["label"][:]
    expected = EtcCipher(key, block_size=8).encrypt(plain_pixels())
    for row, pixels in zip(undecoded(encrypted), expected, strict=True):
        assert row["image"]["path"] is None
        found, marker = decode_ciphertext(row["image"]["bytes"])
        assert (found == pixels).all()
        assert (made_under(key, marker), marker.spec.block_size, marker.nonce) == (True, 8, None)
    assert not (plain_pixels() == expected).all(axis=(1, 2, 3)).any()


@pytest.mark.parametrize(("format", "magic"), [("png", b"\x89PNG"), ("webp", b"RIFF"), ("jpeg", b"\xff\xd8")])
def test_formats(key, format, magic):
    encrypted = plain_dataset().map(EncryptImages(key, format=format), batched=True)
    assert all(row["image"]["bytes"].startswith(magic) for row in undecoded(encrypted))
    difference = np.abs(decrypted(encrypted, key).astype(int) - plain_pixels())
    assert difference.max() == 0 if format != "jpeg" else 0 < difference.mean() < 10


def test_jpeg_quality_and_subsampling_reach_the_file(key):
    def size(**params):
        return len(EncryptImages(key, format="jpeg", **params)({"image": [picture(0, 64, 64)]})["image"][0]["bytes"])

    assert size(quality=40) < size(quality=85)
    assert size(subsampling="4:2:0") < size()


def test_pictures_of_different_sizes_in_one_batch(key):
    pictures = [picture(0, 32, 48), picture(1), picture(2, 32, 48), picture(3, 64, 16)]
    batch = EncryptImages(key)({"image": pictures})
    plain = [Image.open(io.BytesIO(cell["bytes"])) for cell in DecryptImages(key)(batch)["image"]]
    for before, after in zip(pictures, plain, strict=True):
        assert (np.asarray(before) == np.asarray(after)).all()


def test_size_fit_and_resample_are_those_of_preparation(key):
    original = picture(0, 50, 70)
    out = EncryptImages(key, size=(32, 48), fit="pad", resample="bilinear")({"image": [original]})
    expected = Preparation((32, 48), "pad", "bilinear").apply(original, 16)
    assert (decode_ciphertext(out["image"][0]["bytes"])[0] == EtcCipher(key).encrypt(expected)).all()


def test_each_image_has_its_own_nonce_with_key_scope_image(key):
    encrypted = plain_dataset(20).map(EncryptImages(key, key_scope="image"), batched=True)
    nonces = [decode_ciphertext(row["image"]["bytes"])[1].nonce for row in undecoded(encrypted)]
    assert len(set(nonces)) == 20
    assert (decrypted(encrypted, key) == plain_pixels(20)).all()


@pytest.mark.parametrize("name", list_ciphers())
@pytest.mark.parametrize("key_scope", ["dataset", "image"])
def test_every_registered_cipher(key, name, key_scope):
    encrypt = EncryptImages(key, cipher=name, key_scope=key_scope)
    encrypted = plain_dataset().map(encrypt, batched=True)
    assert common_marker(encrypted).spec == encrypt.recipe.spec
    assert encrypt.recipe.spec.name == name
    assert (decrypted(encrypted, key) == plain_pixels()).all()


def test_a_cipher_given_as_spec_or_dictionary_is_the_same(key):
    by_name = EncryptImages(key, cipher="etc", block_size=4, steps=("color",))
    spec = by_name.recipe.spec
    assert EncryptImages(key, cipher=spec).recipe == EncryptImages(key, cipher=spec.to_dict()).recipe == by_name.recipe


# Every kind of dataset


def test_several_processes_make_the_same_files(key):
    encrypt = EncryptImages(key)
    one, two = (plain_dataset(9).map(encrypt, batched=True, batch_size=2, num_proc=n) for n in (None, 2))
    assert undecoded(one)[:] == undecoded(two)[:]


def test_dataset_dict(key):
    encrypted = DatasetDict(train=plain_dataset(4), test=plain_dataset(2)).map(EncryptImages(key), batched=True)
    assert made_under(key, common_marker(encrypted))
    assert {split: len(part) for split, part in encrypted.items()} == {"train": 4, "test": 2}


@pytest.mark.parametrize("typed", [True, False])
def test_streaming(key, typed):
    def rows():
        yield from ({"image": picture(i), "label": i % 3} for i in range(6))

    stream = IterableDataset.from_generator(rows, features=plain_dataset().features if typed else None)
    images = [
        decode_ciphertext(row["image"]["bytes"] if isinstance(row["image"], dict) else row["image"])
        for row in stream.map(EncryptImages(key), batched=True, batch_size=4)
    ]
    assert (np.stack([pixels for pixels, _ in images]) == EtcCipher(key).encrypt(plain_pixels())).all()


def test_streaming_with_features_argument(key):
    stream = plain_dataset().to_iterable_dataset()
    encrypted = stream.map(EncryptImages(key), batched=True, features=stream.features)
    assert made_under(key, common_marker(encrypted))


def as_stored(kind, folder):
    """The same pictures in a column that is not of the type Image: bytes, paths, or structs of both."""
    cells = undecoded(plain_dataset())["image"][:]
    for row, cell in enumerate(cells):
        (folder / f"{row}.png").write_bytes(cell["bytes"])
    paths = [str(folder / f"{row}.png") for row in range(len(cells))]
    column = {"bytes": [cell["bytes"] for cell in cells], "paths": paths, "structs": cells}[kind]
    return Dataset.from_dict({"image": column, "label": list(range(len(cells)))})


@pytest.mark.parametrize("kind", ["bytes", "paths", "structs"])
@pytest.mark.parametrize("streamed", [False, True])
def test_columns_of_files_become_images(tmp_path, key, kind, streamed):
    plain = as_stored(kind, tmp_path)
    features = Features({**plain.features, "image": ImageFeature()})
    if streamed:
        plain = plain.to_iterable_dataset()
    encrypt = EncryptImages(key, column="image")
    ways = [
        encrypt_dataset(plain, key, column="image"),
        plain.map(encrypt, batched=True, features=features),
        plain.cast_column("image", ImageFeature(decode=False)).map(encrypt, batched=True, features=features),
    ]
    if not streamed:
        ways.append(plain.map(encrypt, batched=True).cast_column("image", ImageFeature()))
    for encrypted in ways:
        assert encrypted.features == features
        assert made_under(key, common_marker(encrypted))
        assert [row["label"] for row in encrypted] == list(range(6))
    stored = undecoded(ways[0])
    if streamed:
        stored = Dataset.from_generator(lambda: iter(undecoded(ways[0])), features=stored.features)
    stored = stored.cast(features)
    stored.to_parquet(tmp_path / "encrypted.parquet")  # as push_to_hub does
    again = Dataset.from_parquet(str(tmp_path / "encrypted.parquet"), cache_dir=tmp_path / "cache")
    assert again.features == features and made_under(key, common_marker(again))


def test_a_transform_takes_whole_batches_and_shows_what_the_processor_takes(key):
    encrypt = EncryptImages(key)
    shown = plain_dataset().with_transform(lambda batch: {**batch, **encrypt(batch)})
    assert shown[1]["label"] == 1 and shown[:2]["label"] == [0, 1]
    server = EtcImageProcessor(size=32, cipher_id=EtcCipher(key).cipher_id(32, 32))
    expected = EtcImageProcessor(key, size=32)([picture(0), picture(1)], return_tensors="np").pixel_values
    assert (server(shown[:2]["image"], return_tensors="np").pixel_values == expected).all()


def test_datasets_of_files_on_disk(tmp_path, key):
    paths = [str(tmp_path / f"{i}.png") for i in range(6)]
    for i, path in enumerate(paths):
        picture(i).save(path)
    plain = Dataset.from_dict({"img": paths}).cast_column("img", ImageFeature())
    encrypted = plain.map(EncryptImages(key), batched=True)
    assert [row["img"]["path"] for row in undecoded(encrypted, "img")] == [None] * 6
    assert (decrypted(encrypted, key, "img") == plain_pixels()).all()


@pytest.mark.parametrize("column", ["image", "img", "scan"])
def test_the_image_column_is_found_by_its_content(key, column):
    assert made_under(key, common_marker(plain_dataset(column=column).map(EncryptImages(key), batched=True)))


def test_decrypt_images_undoes_it_in_a_map(key):
    encrypted = plain_dataset().map(EncryptImages(key), batched=True)
    back = encrypted.map(DecryptImages(key), batched=True)
    assert (np.stack([np.asarray(image) for image in back["image"]]) == plain_pixels()).all()


# Bad input


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"block_size": 0}, ParameterError, "block_size 0: must be a whole number of pixels, 1 or more"),
        ({"cipher": "rot13"}, ParameterError, "unknown cipher 'rot13'; choose from ele, etc, le, pe"),
        ({"cipher": "pe", "block_size": 4}, ParameterError, "cipher 'pe' has no parameter 'block_size'"),
        (
            {"cipher": {"cipher": "etc"}, "block_size": 4},
            ParameterError,
            "block_size is fixed by the cipher's spec; leave it out, or give the cipher by name",
        ),
        ({"size": 40}, GeometryError, "40x40 is not a multiple of the block size 16"),
        ({"format": "gif"}, ParameterError, "format 'gif': use png, webp or jpeg"),
        ({"quality": 0}, ParameterError, "quality 0: use a whole number from 1 to 100"),
        ({"fit": "exact", "size": 32}, ParameterError, "fit 'exact' with a size: use one of crop, pad, stretch"),
        ({"views": -1}, ParameterError, "views -1: use a whole number, 0 for the picture as it is"),
        ({"views": 2, "seed": -1}, ParameterError, "seed -1: use a whole number, 0 or more"),
        ({"views": 2, "crop_scale": (0, 1)}, ParameterError, "scale (0, 1): give the smallest and largest share"),
    ],
)
def test_bad_parameters_fail_when_the_object_is_made(key, params, error, message):
    with pytest.raises(error) as raised:
        EncryptImages(key, **params)
    assert str(raised.value).startswith(message)


@pytest.mark.parametrize("make", [EncryptImages, DecryptImages])
def test_only_a_key_is_a_key(make):
    with pytest.raises(MissingKeyError, match="key must be an EtcKey"):
        make("hfetc2-secret")


BROKEN = {"bytes": file_bytes(picture(9))[:200], "path": "scans/9.png"}


def broken_dataset():
    cells = [{"bytes": file_bytes(picture(i)), "path": None} for i in range(5)]
    return Dataset.from_dict(
        {"image": [*cells[:3], BROKEN, *cells[3:]], "label": list(range(6))},
        features=Features({"image": ImageFeature(), "label": ClassLabel(num_classes=6)}),
    )


def test_a_broken_image_is_named_by_its_row(key):
    with pytest.raises(ImageError, match=r"^row 3 of its batch \(scans/9.png\): the image is truncated, damaged"):
        broken_dataset().map(EncryptImages(key), batched=True)
    with pytest.raises(ImageError, match=r"^row 3 \(scans/9.png\): the image is truncated, damaged"):
        broken_dataset().map(EncryptImages(key), batched=True, batch_size=2, with_indices=True)
    with pytest.raises(ImageError, match=r"^row 3 \(scans/9.png\): the image is truncated, damaged"):
        encrypt_dataset(broken_dataset(), key, num_proc=2)


def test_skip_bad_leaves_the_row_out_and_says_so(key, caplog):
    with caplog.at_level(logging.WARNING, logger="hf_etc"):
        encrypted = encrypt_dataset(broken_dataset(), key, skip_bad=True)
    assert encrypted["label"][:] == [0, 1, 2, 4, 5]
    assert [record.message.split(":")[1] for record in caplog.records] == [" row 3 (scans/9.png)"]


def test_a_ciphertext_is_not_encrypted_again(key):
    encrypted = plain_dataset().map(EncryptImages(key), batched=True)
    with pytest.raises(AlreadyEncryptedError, match=r"^row 0: this image is encrypted already; decrypt it first$"):
        encrypted.map(EncryptImages(key), batched=True, with_indices=True)


def test_a_plain_image_is_not_decrypted(key):
    with pytest.raises(NotACiphertextError, match=r"^row 0 of its batch: this is a plain image"):
        plain_dataset().map(DecryptImages(key), batched=True)


def test_the_wrong_key_does_not_decrypt(key, other_key):
    encrypted = plain_dataset().map(EncryptImages(key), batched=True)
    for skip_bad in (True, False):  # a wrong key is no bad image
        with pytest.raises(KeyMismatchError, match=f"encrypted under another key than {other_key.key_id}"):
            encrypted.map(DecryptImages(other_key, skip_bad=skip_bad), batched=True)


@pytest.mark.parametrize(
    ("batch", "params", "message"),
    [
        (
            {"label": [1]},
            {},
            "there is no image column among label; cast one to datasets.Image(), "
            "or name one of files or bytes with column; remove a format first",
        ),
        ({"image": [picture()]}, {"column": "img"}, "there is no column 'img'; choose from image"),
        (
            {"a": [picture()], "b": [picture()]},
            {},
            "there are several image columns, a, b; choose one with column",
        ),
    ],
)
def test_columns(key, batch, params, message):
    with pytest.raises(ParameterError) as raised:
        EncryptImages(key, **params)(batch)
    assert str(raised.value) == message


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "row 1 of its batch: there is no image (null)"),
        ({"bytes": None, "path": None}, "row 1 of its batch: there is no image (null)"),
        ({"bytes": b"", "path": None}, "row 1 of its batch: the image is empty (0 bytes)"),
        ({"bytes": b"hello", "path": None}, "row 1 of its batch: the image is not an image that Pillow can read"),
        ({"bytes": None, "path": "/no/x.png"}, "row 1 of its batch (/no/x.png): cannot read /no/x.png: No such file"),
        (np.zeros((32, 32, 3), np.uint8), "row 1 of its batch: a ndarray is not an image file"),
        (Image.new("F", (32, 32)), "row 1 of its batch: the image has numbers without a fixed range"),
        (picture(0, 40, 32), "row 1 of its batch: 40x32 is not a multiple of the block size 16"),
    ],
)
def test_bad_values_of_an_image_column(key, value, message):
    with pytest.raises((ImageError, GeometryError)) as raised:
        EncryptImages(key)({"image": [picture(), value]})
    assert str(raised.value).startswith(message)


def test_arrays_are_refused_because_they_lost_their_marker(key):
    arrays = Dataset.from_dict(
        {"image": [np.zeros((32, 32, 3), np.uint8)]}, features=Features({"image": Array3D((32, 32, 3), "uint8")})
    )
    with pytest.raises(ParameterError, match="there is no image column"):
        arrays.map(EncryptImages(key), batched=True)
    with pytest.raises(ImageError, match=r"a ndarray is not an image file; use dataset\.with_format"):
        plain_dataset().with_format("numpy").map(EncryptImages(key, column="image"), batched=True)


# The key stays out


def test_repr_and_pickle_hold_public_parameters_alone(key):
    encrypt = EncryptImages(key, size=32, format="jpeg")
    assert repr(encrypt) == (
        f"EncryptImages(key_id='{key.key_id}', cipher='etc', key_scope='dataset', block_size=16, "
        "steps=['permutation', 'rotation', 'negative-positive', 'color'], shared_block_key=False, size=[32, 32], "
        "fit='crop', resample='bicubic', format='jpeg', quality=85, subsampling='4:4:4', views=0)"
    )
    pickled = pickle.dumps(encrypt)
    assert len(pickled) < 2000
    assert encrypt({"image": [picture()]}) == pickle.loads(pickled)({"image": [picture()]})


SPAWN = """
import sys
import multiprocess
from datasets import load_from_disk
from hf_etc import EncryptImages, EtcKey
from hf_etc.data import common_marker
if __name__ == "__main__":
    multiprocess.set_start_method("spawn")
    dataset = load_from_disk(sys.argv[1])
    encrypted = dataset.map(EncryptImages(EtcKey.load(sys.argv[2])), batched=True, num_proc=2)
    print(common_marker(encrypted).cipher_id)
"""


def test_spawned_processes_are_given_the_key(tmp_path):
    key = EtcKey.generate()
    plain_dataset().save_to_disk(tmp_path / "plain")
    key.save(tmp_path / "owner.key")
    (tmp_path / "spawn.py").write_text(SPAWN)
    run = subprocess.run(
        [sys.executable, "spawn.py", "plain", "owner.key"], cwd=tmp_path, capture_output=True, text=True
    )
    assert run.stdout.split() == [EtcCipher(key).cipher_id(32, 32)], run.stderr
    (tmp_path / "owner.key").unlink()
    assert scan_tree(key, tmp_path) == []


# The cache of datasets


def test_the_cache_is_shared_by_equal_keys_and_parameters_only(tmp_path, key, other_key):
    plain_dataset().save_to_disk(tmp_path)

    def cache(key, **params):
        encrypted = load_from_disk(tmp_path).map(EncryptImages(key, **params), batched=True)
        assert made_under(key, common_marker(encrypted))
        return encrypted.cache_files[0]["filename"]

    first = cache(key)
    assert (
        cache(EtcKey(bytes(range(32))), block_size=16, steps=("color", *EncryptImages(key).recipe.spec.steps)) == first
    )
    others = [cache(other_key), cache(key, block_size=8), cache(key, format="webp"), cache(key, views=1)]
    assert len({first, *others}) == 5


def test_the_fingerprint_is_the_same_in_every_process_and_after_use(key):
    encrypt = EncryptImages(key, size=32)
    before = Hasher.hash(encrypt)
    encrypt({"image": [picture()]})
    assert Hasher.hash(encrypt) == before
    code = (
        "from datasets.fingerprint import Hasher; from hf_etc import EncryptImages, EtcKey;"
        "print(Hasher.hash(EncryptImages(EtcKey(bytes(range(32))), size=32)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == before


# Views


def test_views_are_drawn_from_the_plain_picture_then_encrypted(key):
    encrypted = plain_dataset(3).map(EncryptImages(key, views=4, size=48), batched=True)
    assert encrypted["label"][:] == [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]
    views = Views(4)
    expected = [view for i in range(3) for view in views.draw(picture(i), (48, 48), Image.Resampling.BICUBIC)]
    assert (decrypted(encrypted, key) == np.stack(expected)).all()
    assert len({view.tobytes() for view in expected}) == 12


def test_views_do_not_depend_on_order_batches_or_processes(key):
    encrypt = EncryptImages(key, views=2)
    whole = undecoded(plain_dataset().map(encrypt, batched=True))["image"][:]
    reverse = undecoded(plain_dataset().select(range(5, -1, -1)).map(encrypt, batched=True, batch_size=2, num_proc=2))[
        "image"
    ][:]
    assert [whole[2 * i : 2 * i + 2] for i in range(5, -1, -1)] == [reverse[2 * i : 2 * i + 2] for i in range(6)]


def test_views_of_another_seed_are_others_and_one_view_is_not_the_picture():
    def draw(**params):
        return [view.tobytes() for view in Views(2, **params).draw(picture(), (32, 32), Image.Resampling.BICUBIC)]

    assert len({*draw(), *draw(seed=1), picture().tobytes()}) == 5


def test_the_whole_picture_without_mirroring_is_the_picture():
    views = Views(3, scale=(1.0, 1.0), flip=False).draw(picture(), (32, 32), Image.Resampling.BICUBIC)
    assert all((view == np.asarray(picture())).all() for view in views)
    mirrored = np.asarray(picture())[:, ::-1]
    views = Views(40, scale=(1.0, 1.0)).draw(picture(), (32, 32), Image.Resampling.BICUBIC)
    assert 8 <= sum((view == mirrored).all() for view in views) <= 32


def test_each_view_has_its_own_nonce(key):
    encrypted = plain_dataset(3).map(EncryptImages(key, views=3, key_scope="image"), batched=True)
    assert len({decode_ciphertext(row["image"]["bytes"])[1].nonce for row in undecoded(encrypted)}) == 9


@given(seed=st.integers(0, 2**32), height=st.integers(1, 300), width=st.integers(1, 300), low=st.floats(0.01, 1.0))
def test_crops_lie_inside_and_have_the_drawn_area(seed, height, width, low):
    left, top, right, bottom = random_box(np.random.default_rng(seed), height, width, (low, 1.0))
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height
    if min(height, width) >= 50 and 3 / 4 <= width / height <= 4 / 3:
        assert (right - left) * (bottom - top) > 0.9 * low * height * width


# encrypt_dataset


def test_encrypt_dataset_augments_the_split_train_only(key):
    encrypted = encrypt_dataset(DatasetDict(train=plain_dataset(4), test=plain_dataset(2)), key, views=3)
    assert {split: len(part) for split, part in encrypted.items()} == {"train": 12, "test": 2}
    assert (decrypted(encrypted["test"], key) == plain_pixels(2)).all()
    assert encrypted["train"].features == plain_dataset().features


def test_views_without_a_training_split_are_refused(key):
    with pytest.raises(ParameterError, match=r"^views are made of the split 'train' alone, there is only test, dev$"):
        encrypt_dataset(DatasetDict(test=plain_dataset(2), dev=plain_dataset(2)), key, views=3)


def test_encrypt_dataset_streams(key):
    stream = encrypt_dataset(plain_dataset().to_iterable_dataset(), key)
    assert [made_under(key, decode_ciphertext(row["image"])[1]) for row in stream] == [True] * 6


def test_a_stream_keeps_a_key_that_nobody_else_holds():
    stream = encrypt_dataset(plain_dataset().to_iterable_dataset(), EtcKey.generate()).shuffle(seed=0).take(3)
    assert common_marker(copy.deepcopy(stream)).spec.block_size == 16


def test_a_mode_in_the_features_would_destroy_ciphertexts_and_is_dropped(key):
    gray = plain_dataset().cast_column("image", ImageFeature(mode="L"))
    encrypted = encrypt_dataset(gray, key)
    assert encrypted.features["image"] == ImageFeature()
    assert made_under(key, common_marker(encrypted))
    assert encrypted[0]["image"].mode == "RGB"


def test_encrypt_dataset_refuses_a_lazy_transform(key):
    with pytest.raises(ParameterError, match=r"the dataset has a lazy transform \(with_transform\)"):
        encrypt_dataset(plain_dataset().with_transform(lambda batch: batch), key)


def test_encrypt_dataset_of_two_image_columns_asks_which(key):
    cells = undecoded(plain_dataset())["image"][:]
    both = plain_dataset().add_column("mask", cells, feature=ImageFeature())
    with pytest.raises(ParameterError, match="several image columns, image, mask; choose one with column"):
        encrypt_dataset(both, key)
    once = encrypt_dataset(both, key, column="image", keep_columns=["mask"])
    with pytest.raises(NotACiphertextError):
        common_marker(once, "mask")
    twice = encrypt_dataset(once, key, column="mask")
    assert common_marker(twice, "image") == common_marker(twice, "mask")


# common_marker


def test_common_marker_leaves_the_nonces_out(key):
    encrypted = plain_dataset().map(EncryptImages(key, key_scope="image", block_size=8), batched=True)
    marker = common_marker(encrypted)
    assert (marker.height, marker.width, made_under(key, marker), marker.nonce) == (32, 32, True, None)
    assert (marker.spec.key_scope, marker.spec.block_size) == ("image", 8)


def test_common_marker_names_the_first_plain_image(key):
    cells = undecoded(plain_dataset())["image"][:]
    cells[:4] = EncryptImages(key)({"image": cells[:4]})["image"]
    mixed = Dataset.from_dict({"image": cells}, features=Features({"image": ImageFeature()}))
    message = r"^row 4: this is a plain image \(no hf-etc marker\); encrypt it first$"
    with pytest.raises(NotACiphertextError, match=message):
        common_marker(mixed)
    with pytest.raises(NotACiphertextError, match=r"^train row 4: "):
        common_marker(DatasetDict(train=mixed))
    assert made_under(key, common_marker(mixed, limit=4))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"block_size": 8}, "row 1 has block_size 8, the first image 16; encrypt them in one way"),
        ({"size": 64}, "row 1 has height 64, the first image 32; encrypt them in one way"),
        (
            {"preset": "private", "size": 64},
            "row 1 has key_scope image, the first image dataset; encrypt them in one way",
        ),
    ],
)
def test_common_marker_refuses_a_mixture(key, params, message):
    cells = [EncryptImages(key, **p)({"image": [picture()]})["image"][0] for p in ({}, params)]
    mixed = Dataset.from_dict({"image": cells}, features=Features({"image": ImageFeature()}))
    with pytest.raises(ParameterError) as raised:
        common_marker(mixed)
    assert str(raised.value) == message


def test_common_marker_tells_keys_apart(key, other_key):
    cells = [EncryptImages(k)({"image": [picture()]})["image"][0] for k in (key, other_key)]
    mixed = Dataset.from_dict({"image": cells}, features=Features({"image": ImageFeature()}))
    with pytest.raises(ParameterError, match=r"row 1 has cipher_id .*, the first image .*; encrypt"):
        common_marker(mixed)


def of_each(*recipes):
    """A dataset of one picture as each (key, members of a recipe) encrypts it."""
    cells = [EncryptImages(key, **members)({"image": [picture()]})["image"][0] for key, members in recipes]
    return Dataset.from_dict({"image": cells}, features=Features({"image": ImageFeature()}))


PRIVATE = {"key_scope": "image", "gap": 4, "jitter": 4, "keep": 0.5, "block_size": 4}


def test_common_marker_where_each_image_has_its_own_key(key, other_key):
    """Two owners and one without a key make one dataset, whose id is nobody's; one owner keeps the id."""
    thrown = (None, PRIVATE | {"disposable": True})
    alone = common_marker(of_each((key, PRIVATE), (key, PRIVATE)))
    assert made_under(key, alone) and alone.size == (8, 16)
    for recipes in (
        [(key, PRIVATE), (other_key, PRIVATE)],
        [(key, PRIVATE), thrown],
        [thrown, (key, PRIVATE)],
        [thrown],
    ):
        assert common_marker(of_each(*recipes)) == replace(alone, cipher_id="")


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"gap": 5}, "row 1 has gap 5, the first image 4; encrypt them in one way"),
        ({"keep": 1}, "row 1 has keep its default, the first image 0.5; encrypt them in one way"),
    ],
)
def test_common_marker_refuses_a_mixture_of_presets(key, other_key, params, message):
    for second in (key, other_key):
        with pytest.raises(ParameterError) as raised:
            common_marker(of_each((key, PRIVATE), (second, PRIVATE | params)))
        assert str(raised.value) == message


def test_common_marker_refuses_an_image_resized_after_encryption(key):
    cell = EncryptImages(key)({"image": [picture()]})["image"][0]
    image = Image.open(io.BytesIO(cell["bytes"]))
    comment = b"hf-etc " + image.info["hf-etc"].encode()
    smaller = {"bytes": file_bytes(image.resize((16, 16)), "JPEG", comment=comment), "path": None}
    resized = Dataset.from_dict({"image": [smaller]}, features=Features({"image": ImageFeature()}))
    with pytest.raises(GeometryError, match="row 0: the ciphertext was resized or cropped after encryption"):
        common_marker(resized)


def test_a_lazy_transform_is_not_mistaken_for_encryption(key):
    encrypt = EncryptImages(key)
    lazy = plain_dataset().with_transform(lambda batch: {**batch, **encrypt(batch)})
    assert made_under(key, decode_ciphertext(lazy[0]["image"]["bytes"])[1])  # what it shows
    with pytest.raises(ParameterError, match="it shows one thing and stores another"):
        common_marker(lazy)


def test_common_marker_of_nothing():
    with pytest.raises(ImageError, match="the dataset has no rows"):
        common_marker(plain_dataset(0))
    with pytest.raises(ParameterError, match="there is no image column among label"):
        common_marker(Dataset.from_dict({"label": [1]}))


def test_grayscale_palette_and_transparent_pictures_are_encrypted_as_rgb(key):
    pictures = [picture().convert(mode) for mode in ("L", "P", "LA", "RGBA", "CMYK", "1", "I;16", "YCbCr")]
    out = DecryptImages(key)(EncryptImages(key, window="full")({"image": pictures}))
    for before, cell in zip(pictures, out["image"], strict=True):
        assert (np.asarray(Image.open(io.BytesIO(cell["bytes"]))) == np.asarray(load_rgb(before, "full"))).all()


# What was changed after encryption


def stored_anew(ciphertext):
    """The pixels and the marker of a ciphertext in a new PNG file, as somebody honest might keep it."""
    pixels, marker = decode_ciphertext(ciphertext["bytes"])
    return {"bytes": encode_ciphertext(pixels, marker, lambda marker, *_: marker), "path": None}


def test_what_was_stored_anew_is_decrypted_under_the_dangerous_name_alone(key):
    (cell,) = EncryptImages(key, format="jpeg")({"image": [picture()]})["image"]
    batch = {"image": [stored_anew(cell)]}
    with pytest.raises(AuthenticationError, match="changed or stored anew after encryption"):
        DecryptImages(key)(batch)
    with pytest.raises(ParameterError, match="nothing vouches for the markers; name the cipher"):
        DecryptImages(key, unauthenticated=True)
    (plain,) = DecryptImages(key, cipher="etc", unauthenticated=True)(batch)["image"]
    assert np.abs(np.asarray(load_rgb(plain["bytes"])).astype(int) - np.asarray(picture())).mean() < 20
    with pytest.raises(ParameterError, match="encrypted with block_size 16, this cipher has block_size 8"):
        DecryptImages(key, block_size=8, unauthenticated=True)(batch)


def test_decryption_expects_what_its_caller_names(key):
    batch = EncryptImages(key, block_size=8, key_scope="image")({"image": [picture()]})
    for expected in (
        {},
        {"block_size": 8, "key_scope": "image"},
        {"cipher": "etc", "block_size": 8, "key_scope": "image"},
    ):
        assert DecryptImages(key, **expected)(batch)["image"][0]["bytes"].startswith(b"\x89PNG")
    for expected, message in (
        ({"cipher": "pe"}, "encrypted with cipher etc, this cipher has cipher pe"),
        ({"block_size": 8}, "encrypted with key_scope image, this cipher has key_scope dataset"),
        ({"block_size": 16, "key_scope": "image"}, "encrypted with block_size 8, this cipher has block_size 16"),
    ):
        with pytest.raises(ParameterError, match=message):
            DecryptImages(key, **expected)(batch)
