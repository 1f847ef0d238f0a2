"""What a second run over a folder counts as finished: content decides, and neither names nor dates."""

import hashlib
import json
import os
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
from datasets import ClassLabel, Dataset, config, load_dataset
from PIL import Image

from hf_etc import EncryptImages, EtcCipher, EtcKey, decode_ciphertext
from hf_etc.data import DecryptImages
from hf_etc.data.convert import convert, finished
from hf_etc.data.convert import dataset as tables
from hf_etc.data.convert.output import JOURNAL
from hf_etc.errors import ImageError, OutputError

from .folder_helpers import contents, make_dataset, make_tree, noise, pixels_of

JOURNAL_PATH = Path("out") / JOURNAL
OTHER = noise(77)


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """Relative names, as a user types them; and no trace in the real cache."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    return tmp_path


def date(path, seconds):
    os.utime(path, (seconds, seconds))


def again(source, images, expected, **options):
    """Run once more; the folder must be what a first run would have made."""
    report = convert(source, "out", images, **options)
    assert (report.images, report.resumed) == expected
    assert json.loads(Path("out/hf-etc.json").read_text())["complete"] is True
    shutil.rmtree("fresh", ignore_errors=True)
    convert(source, "fresh", images, **options)
    assert contents("out") == contents("fresh")


# Sources


@pytest.mark.parametrize("options", [{}, {"num_proc": 2}, {"layout": "imagefolder"}])
@pytest.mark.parametrize("seconds", [1, 2**31])
def test_a_replaced_source_is_converted_again_whatever_its_date(key, options, seconds):
    make_tree(5)
    convert("photos", "out", EncryptImages(key), **options)
    replaced, touched = Path("photos/church/2.png"), Path("photos/tench/0.png")
    OTHER.save(replaced)
    date(replaced, seconds)
    date(touched, seconds)
    again("photos", EncryptImages(key), (1, 4), **options)
    again("photos", EncryptImages(key), (0, 5), **options)


def test_a_replaced_source_of_the_same_size_and_date(key):
    make_tree(3)
    convert("photos", "out", EncryptImages(key), layout="imagefolder")
    path = Path("photos/church/2.png")
    before = path.stat()
    OTHER.save(path)
    assert path.stat().st_size == before.st_size
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    again("photos", EncryptImages(key), (1, 2), layout="imagefolder")


def test_decrypting_again_after_a_ciphertext_was_replaced(key):
    make_tree(2)
    convert("photos", "encrypted", EncryptImages(key))
    convert("encrypted", "out", DecryptImages(key))
    OTHER.save("photos/tench/0.png")
    convert("photos", "encrypted", EncryptImages(key))
    again("encrypted", DecryptImages(key), (1, 1))
    assert (np.asarray(Image.open("out/tench/0.png")) == np.asarray(OTHER)).all()


@pytest.mark.parametrize("gone", [1, 2])
def test_the_output_of_a_deleted_source_is_named_and_kept(key, gone):
    """It may be the last copy of the picture."""
    make_tree(3)
    convert("photos", "out", EncryptImages(key))
    for name in ["church/2.png", "tench/0.png"][:gone]:
        Path("photos", name).unlink()
    before = contents("out")
    more = " and 1 more" if gone == 2 else ""
    message = f"^out/church/2.png{more}: the source as it is now has nothing for it; remove it, or choose a new folder$"
    with pytest.raises(OutputError, match=message):
        convert("photos", "out", EncryptImages(key))
    assert contents("out") == before
    assert json.loads(Path("out/hf-etc.json").read_text())["complete"] is False
    for name in ["church/2.png", "tench/0.png"][:gone]:
        Path("out", name).unlink()
    again("photos", EncryptImages(key), (0, 3 - gone))


@pytest.mark.parametrize(("source", "stray"), [("photos", "holiday.JPG"), ("photos", "x/a.parquet"), ("rows", "a.png")])
def test_an_image_or_table_that_is_no_output_is_named(key, source, stray):
    make_tree(1)
    make_dataset(2).save_to_disk("rows")
    convert(source, "out", EncryptImages(key))
    Path("out", "x").mkdir(exist_ok=True)
    Path("out", stray).write_bytes(b"anything")
    Path("out/README.md").write_text("notes of the user may stay")
    with pytest.raises(OutputError, match=f"^out/{stray}: the source as it is now has nothing for it"):
        convert(source, "out", EncryptImages(key))
    Path("out", stray).unlink()
    assert convert(source, "out", EncryptImages(key)).images == 0


def test_a_row_with_another_label_leaves_its_old_file_behind(key):
    rows = make_dataset(3).remove_columns("patient")
    rows.save_to_disk("rows")
    convert("rows", "out", EncryptImages(key), layout="imagefolder")
    shutil.rmtree("rows")
    relabelled = rows.remove_columns("label").add_column("label", [0, 1, 1]).cast(rows.features)
    relabelled.save_to_disk("rows")
    with pytest.raises(OutputError, match=r"^out/train/church/2\.png: the source as it is now has nothing for it"):
        convert("rows", "out", EncryptImages(key), layout="imagefolder")


@pytest.mark.parametrize("garbage", [b"", b"not an image"])
def test_a_source_that_went_bad_leaves_no_output(key, garbage):
    make_tree(3)
    convert("photos", "out", EncryptImages(key))
    Path("photos/church/2.png").write_bytes(garbage)
    with pytest.raises(ImageError, match=r"^church/2\.png: "):
        convert("photos", "out", EncryptImages(key))
    report = convert("photos", "out", EncryptImages(key, skip_bad=True))
    assert (report.images, report.resumed, len(report.bad)) == (0, 2, 1)
    assert sorted(contents("out")) == ["English springer/1.png", "tench/0.png"]


# Outputs


def plain(path):
    shutil.copy(Path("photos", *path.parts[1:]), path)


def garbage(path):
    path.write_bytes(b"garbage")


def truncated(path):
    path.write_bytes(path.read_bytes()[:-1])


def of_another_picture(path):
    shutil.copy("out/tench/3.png", path)


def of_another_key(path):
    convert(Path("photos", *path.parts[1:]), "other.png", EncryptImages(EtcKey.generate()))
    shutil.move("other.png", path)


def newer(path):
    garbage(path)
    date(path, 2**31)


@pytest.mark.parametrize("damage", [plain, garbage, truncated, of_another_picture, of_another_key, newer, Path.unlink])
def test_what_is_not_the_output_is_made_again(key, damage):
    make_tree(5)
    convert("photos", "out", EncryptImages(key))
    damage(Path("out/church/2.png"))
    again("photos", EncryptImages(key), (1, 4))
    assert (decode_ciphertext("out/church/2.png")[0] == EtcCipher(key).encrypt(np.asarray(noise(2)))).all()


@pytest.mark.parametrize("damage", [garbage, truncated, Path.unlink])
def test_every_view_of_a_row_is_looked_at(key, damage):
    make_dataset(3).remove_columns("patient").save_to_disk("rows")
    encrypt = EncryptImages(key, views=2)
    convert("rows", "out", encrypt, layout="imagefolder")
    damage(Path("out/train/church/2-1.png"))
    again("rows", encrypt, (1, 2), layout="imagefolder")


# DatasetOutput


@pytest.fixture
def shards(monkeypatch):
    """Three files of four, four and two rows."""
    monkeypatch.setattr(tables, "SHARD_ROWS", 4)
    monkeypatch.setattr(tables.DatasetOutput, "rows_per_task", 4)
    rows = make_dataset(10)
    rows.save_to_disk("rows")
    return rows


def replace_rows(rows):
    shutil.rmtree("rows")
    rows.save_to_disk("rows")


@pytest.mark.parametrize("num_proc", [1, 2])
def test_a_shard_with_a_changed_row_is_made_again(key, shards, num_proc):
    convert("rows", "out", EncryptImages(key), num_proc=num_proc)
    again("rows", EncryptImages(key), (0, 10), num_proc=num_proc)
    state = Path("rows/state.json").read_bytes()
    images = [OTHER if row == 5 else image for row, image in enumerate(shards["image"])]
    replace_rows(Dataset.from_dict({**shards[:], "image": images}, features=shards.features))
    Path("rows/state.json").write_bytes(state)  # the fingerprint of datasets, which is none
    again("rows", EncryptImages(key), (4, 6), num_proc=num_proc)
    assert (pixels_of(load_dataset("out")["train"])[5] == EtcCipher(key).encrypt(np.asarray(OTHER))).all()


def test_the_same_rows_from_elsewhere_are_finished(key, shards):
    """Another fingerprint, cut into other pieces; the content counts."""
    shards.to_parquet("rows.parquet", batch_size=3)
    convert("rows.parquet", "out", EncryptImages(key))
    shards.to_parquet("rows.parquet", batch_size=10)
    date("rows.parquet", 1)
    again("rows.parquet", EncryptImages(key), (0, 10))


def test_another_label_or_class_name_changes_a_shard(key, shards):
    convert("rows", "out", EncryptImages(key))
    label = [1 if row == 9 else row % 3 for row in range(10)]
    replace_rows(Dataset.from_dict({**shards[:], "label": label}, features=shards.features))
    again("rows", EncryptImages(key), (2, 8))
    replace_rows(shards.cast_column("label", ClassLabel(names=["a", "b", "c"])))
    again("rows", EncryptImages(key), (10, 0))


def cut(path):
    path.write_bytes(path.read_bytes()[:-10])


def foreign(path):
    shutil.copy("out/data/train-00000-of-00003.parquet", path)


def plain_rows(path):
    Dataset.from_dict(make_dataset(4)[:]).to_parquet(path)


@pytest.mark.parametrize("damage", [cut, foreign, plain_rows, garbage, Path.unlink])
def test_a_damaged_or_foreign_shard_is_made_again(key, shards, damage):
    convert("rows", "out", EncryptImages(key))
    damage(Path("out/data/train-00001-of-00003.parquet"))
    again("rows", EncryptImages(key), (4, 6))


# The journal


@pytest.mark.parametrize("damage", [b"", b'\xff\xfe\n[]\n{}\n[1, 2]\n["tench/0.png", "caf\xc3\xa9"]\n', None])
def test_without_its_line_nothing_is_finished(key, damage):
    make_tree(2)
    convert("photos", "out", EncryptImages(key))
    JOURNAL_PATH.unlink() if damage is None else JOURNAL_PATH.write_bytes(damage)
    again("photos", EncryptImages(key), (2, 0))


def test_a_torn_line_costs_one_output(key):
    make_tree(4)
    convert("photos", "out", EncryptImages(key))
    JOURNAL_PATH.write_bytes(JOURNAL_PATH.read_bytes()[:-20])
    again("photos", EncryptImages(key), (1, 3))
    again("photos", EncryptImages(key), (0, 4))


def test_the_journal_of_another_folder_is_not_believed(key):
    """The same files from the same pictures, but under other settings."""
    make_tree(2)
    convert("photos", "larger", EncryptImages(key, block_size=8))
    convert("photos", "out", EncryptImages(key))
    for name in [*contents("out"), JOURNAL]:
        shutil.copy(Path("larger", name), Path("out", name))
    again("photos", EncryptImages(key), (2, 0))


def test_the_journal_tells_nobody_what_is_in_the_pictures(here, key, other_key):
    make_tree(2)
    convert("photos", "out", EncryptImages(key))
    convert("photos", "other", EncryptImages(other_key))
    text = JOURNAL_PATH.read_text()
    assert sorted(json.loads(line)[0] for line in text.splitlines()) == ["English springer/1.png", "tench/0.png"]
    tags = [{json.loads(line)[1] for line in (Path(out) / JOURNAL).open()} for out in ("out", "other")]
    assert not tags[0] & tags[1]
    for folder in ("photos", "out"):
        for data in contents(folder).values():
            assert hashlib.sha256(data).hexdigest()[:16] not in text
    assert "photos" not in text and str(here) not in text


def test_what_goes_to_a_worker_process_holds_no_key(key):
    outputs = finished.Outputs(Path("out"), EncryptImages(key), {})
    assert bytes(range(32)) not in pickle.dumps(outputs)
