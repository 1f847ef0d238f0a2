"""Files, trees and datasets on disk: what is written, what is refused, and what an interruption leaves."""

import fcntl
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from datasets import Dataset, DatasetDict, Features, Value, config, load_dataset
from datasets import Image as ImageFeature
from PIL import Image

from hf_etc import EncryptImages, EtcCipher, EtcKey, decode_ciphertext, load_rgb
from hf_etc.data import DecryptImages, common_marker
from hf_etc.data.convert import convert, inspect, output, pool
from hf_etc.data.convert import dataset as tables
from hf_etc.errors import AlreadyEncryptedError, EtcError, ImageError, KeyMismatchError, OutputError, ParameterError

from ..helpers import made_under
from .folder_helpers import NAMES, contents, make_dataset, make_tree, noise, pixels_of

SHARED = Path(__file__).parents[2] / ".." / "shared" / "data"


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """Relative names, as a user types them; and no trace in the real cache."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    return tmp_path


# Files and trees


def test_one_file_there_and_back(key):
    noise(1).save("cat.bmp")
    assert convert("cat.bmp", "cat.png", EncryptImages(key, key_scope="image")).images == 1
    pixels, marker = decode_ciphertext("cat.png")
    assert (pixels == EtcCipher(key, key_scope="image").encrypt(np.asarray(noise(1)), marker.nonce)).all()
    convert("cat.png", "back.png", DecryptImages(key))
    assert (np.asarray(Image.open("back.png")) == np.asarray(noise(1))).all()


def test_one_file_into_a_folder(key):
    noise(1).save("cat.bmp")
    Path("out").mkdir()
    convert("cat.bmp", "out", EncryptImages(key, format="jpeg"))
    assert [path.name for path in Path("out").iterdir()] == ["cat.jpg"]


@pytest.mark.parametrize("num_proc", [1, 2])
def test_a_tree_is_mirrored(key, num_proc):
    make_tree(40)
    report = convert("photos", "out", EncryptImages(key), num_proc=num_proc)
    assert (report.images, report.resumed, report.bad, report.left_out) == (40, 0, [], [])
    assert contents("out").keys() == contents("photos").keys()
    assert inspect("out").all_encrypted
    convert("out", "back", DecryptImages(key), num_proc=num_proc)
    for name in contents("photos"):
        assert (np.asarray(Image.open(Path("back") / name)) == np.asarray(Image.open(Path("photos") / name))).all()


def test_every_kind_of_picture_in_a_tree(key):
    Path("photos").mkdir()
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned
    noise(0, 32, 48).save("photos/turned.jpg", exif=exif, quality=95)
    noise(1).convert("CMYK").save("photos/print.tif")
    noise(2).convert("L").save("photos/gray.png")
    noise(3).convert("P").save("photos/palette.gif")
    noise(4).convert("RGBA").save("photos/alpha.webp", lossless=True)
    Image.fromarray(np.arange(1024, dtype=np.uint16).reshape(32, 32) * 64).save("photos/deep.png")
    convert("photos", "out", EncryptImages(key, window="full"))
    convert("out", "back", DecryptImages(key))
    for path in Path("photos").iterdir():
        back = Image.open(Path("back") / path.with_suffix(".png").name)
        assert (np.asarray(back) == np.asarray(load_rgb(path, window="full"))).all(), path
    assert Image.open("back/turned.png").size == (32, 48)


def test_files_that_are_no_images_are_reported_and_never_copied(key):
    make_tree(2)
    Path("photos/labels.csv").write_text("0,plain text")
    Path("photos/Thumbs.db").write_bytes(b"plain thumbnails")
    report = convert("photos", "out", EncryptImages(key))
    assert report.left_out == ["Thumbs.db", "labels.csv"]
    assert len(contents("out")) == 2


def test_a_broken_image_stops_the_run_and_names_the_file(key):
    make_tree(3)
    Path("photos/church/2.png").write_bytes(Path("photos/church/2.png").read_bytes()[:100])
    message = r"^church/2\.png: the image is truncated, damaged or unreadable"
    with pytest.raises(ImageError, match=message):
        convert("photos", "out", EncryptImages(key))
    with pytest.raises(ImageError, match=message):
        convert("photos", "other", EncryptImages(key), num_proc=2)
    Path("photos/church/2.png").unlink()
    done = len(contents("out"))
    report = convert("photos", "out", EncryptImages(key))
    assert (report.images, report.resumed) == (2 - done, done)


def test_skip_bad_lists_the_bad_images(key):
    make_tree(4)
    Path("photos/church/2.png").write_bytes(b"")
    Path("photos/tench/0.png").write_bytes(b"not an image")
    report = convert("photos", "out", EncryptImages(key, skip_bad=True))
    assert report.images == 2
    assert report.bad == [
        "church/2.png: the image is empty (0 bytes)",
        "tench/0.png: the image is not an image that Pillow can read",
    ]


def test_a_ciphertext_in_a_plain_tree_stops_the_run(key):
    make_tree(1)
    convert("photos", "out", EncryptImages(key))
    with pytest.raises(AlreadyEncryptedError, match=r"tench/0\.png: this image is encrypted already"):
        convert("out", "twice", EncryptImages(key))
    assert not Path("twice").exists()  # nothing was written, so nothing blocks the next run


def test_the_wrong_key_writes_nothing(key, other_key):
    make_tree(1)
    convert("photos", "out", EncryptImages(key))
    with pytest.raises(KeyMismatchError, match=rf"tench/0\.png: encrypted under another key than {other_key.key_id}"):
        convert("out", "back", DecryptImages(other_key))
    assert convert("out", "back", DecryptImages(key)).images == 1


# Datasets


@pytest.mark.parametrize("num_proc", [1, 2])
def test_a_dataset_becomes_parquet_with_all_its_columns(key, num_proc, monkeypatch):
    monkeypatch.setattr(tables, "SHARD_ROWS", 4)
    monkeypatch.setattr(tables.DatasetOutput, "rows_per_task", 4)
    plain = DatasetDict(train=make_dataset(9, "img"), validation=make_dataset(3, "img"))
    plain.save_to_disk("plain")
    convert("plain", "out", EncryptImages(key, block_size=8), num_proc=num_proc)
    assert sorted(contents("out")) == [
        "data/train-00000-of-00003.parquet",
        "data/train-00001-of-00003.parquet",
        "data/train-00002-of-00003.parquet",
        "data/validation-00000-of-00001.parquet",
    ]
    loaded = load_dataset("out")
    assert loaded["train"].features == plain["train"].features
    for split in ("train", "validation"):
        assert loaded[split]["label"][:] == plain[split]["label"][:]
        assert loaded[split]["patient"][:] == plain[split]["patient"][:]
    expected = EtcCipher(key, block_size=8).encrypt(pixels_of(plain["train"], "img"))
    assert (pixels_of(loaded["train"], "img") == expected).all()
    assert made_under(key, common_marker(loaded))

    convert("out", "back", DecryptImages(key))
    back = load_dataset("back")
    assert (pixels_of(back["validation"], "img") == pixels_of(plain["validation"], "img")).all()
    assert back["train"].features == plain["train"].features


def test_a_parquet_file_is_a_dataset(key):
    make_dataset().to_parquet("plain.parquet")
    convert("plain.parquet", "out", EncryptImages(key))
    assert (pixels_of(load_dataset("out")["train"]) == EtcCipher(key).encrypt(pixels_of(make_dataset()))).all()


def test_a_dataset_becomes_an_image_folder(key):
    make_dataset(12).remove_columns("patient").save_to_disk("plain")
    convert("plain", "out", EncryptImages(key, format="jpeg"), layout="imagefolder", num_proc=2)
    assert "train/English springer/07.jpg" in contents("out")
    assert len(contents("out")) == 12
    loaded = load_dataset("out")["train"]
    names = loaded.features["label"].names
    assert names == sorted(NAMES)  # as load_dataset numbers folders
    assert [names[label] for label in loaded["label"]] == sorted(NAMES[i % 3] for i in range(12))
    assert made_under(key, common_marker(loaded))


def test_an_image_folder_of_a_dataset_without_labels(key):
    make_dataset(3).remove_columns(["patient", "label"]).save_to_disk("plain")
    convert("plain", "out", EncryptImages(key), layout="imagefolder")
    assert sorted(contents("out")) == ["train/0.png", "train/1.png", "train/2.png"]


def test_a_tree_becomes_a_dataset(key):
    make_tree(6)
    convert("photos", "out", EncryptImages(key), layout="parquet")
    loaded = load_dataset("out")["train"]
    assert loaded.features["label"].names == sorted(NAMES)
    assert made_under(key, common_marker(loaded))


def test_views_of_the_training_split_only(key):
    plain = make_dataset(3).remove_columns("patient")
    DatasetDict(train=plain, test=plain).save_to_disk("plain")
    encrypt = EncryptImages(key, views=2)
    report = convert("plain", "rows", encrypt)
    assert report.images == 6
    loaded = load_dataset("rows")
    assert loaded["train"]["label"][:] == [0, 0, 1, 1, 2, 2]
    assert loaded["test"]["label"][:] == [0, 1, 2]
    convert("plain", "files", encrypt, layout="imagefolder")
    assert [name for name in sorted(contents("files")) if "tench" in name] == [
        "test/tench/0.png",
        "train/tench/0-0.png",
        "train/tench/0-1.png",
    ]
    assert convert("plain", "files", encrypt, layout="imagefolder").resumed == 6


def test_split_and_limit(key):
    DatasetDict(train=make_dataset(5), test=make_dataset(4)).save_to_disk("plain")
    convert("plain", "out", EncryptImages(key), split="test", limit=3)
    loaded = load_dataset("out")
    assert {split: part["patient"][:] for split, part in loaded.items()} == {"test": ["p0", "p1", "p2"]}


def test_skip_bad_leaves_rows_out(key):
    cells = make_dataset(3).cast_column("image", ImageFeature(decode=False))["image"][:]
    cells[1] = {"bytes": b"broken", "path": "scan.png"}
    broken = Dataset.from_dict(
        {"image": cells, "row": [0, 1, 2]}, Features({"image": ImageFeature(), "row": Value("int32")})
    )
    broken.save_to_disk("plain")
    with pytest.raises(ImageError, match=r"^train row 1: the image is not an image that Pillow can read$"):
        convert("plain", "out", EncryptImages(key))
    report = convert("plain", "out", EncryptImages(key, skip_bad=True))
    assert (report.images, report.bad) == (2, ["train row 1: the image is not an image that Pillow can read"])
    assert load_dataset("out")["train"]["row"][:] == [0, 2]


def test_a_second_image_column_would_stay_plain(key):
    cells = make_dataset().cast_column("image", ImageFeature(decode=False))["image"][:]
    make_dataset().add_column("mask", cells, feature=ImageFeature()).save_to_disk("plain")
    with pytest.raises(ParameterError, match=r"^the column mask holds image files, which would stay plain; name it in"):
        convert("plain", "out", EncryptImages(key, column="image"))


def test_an_image_folder_loses_no_column(key):
    make_dataset().save_to_disk("plain")
    with pytest.raises(
        ParameterError, match=r"^an image folder has no place for the column patient; use the layout parquet$"
    ):
        convert("plain", "out", EncryptImages(key), layout="imagefolder")


def test_a_label_that_is_no_folder_name(key):
    features = Features({"image": ImageFeature(), "label": Value("string")})
    Dataset.from_dict({"image": [noise(0)], "label": ["../cat"]}, features=features).save_to_disk("plain")
    with pytest.raises(
        ParameterError, match=r"^the label '\.\./cat' cannot be a folder's name; use the layout parquet$"
    ):
        convert("plain", "out", EncryptImages(key), layout="imagefolder")


@pytest.mark.skipif(not (SHARED / "cifar10").exists(), reason="needs ../shared/data/cifar10")
def test_cifar10_from_a_folder_of_parquet_files(key):
    convert(SHARED / "cifar10", "out", EncryptImages(key), split="test", limit=40)
    loaded, plain = load_dataset("out")["test"], load_dataset(str(SHARED / "cifar10"), split="test[:40]")
    assert (pixels_of(loaded, "img") == EtcCipher(key).encrypt(pixels_of(plain, "img"))).all()
    assert loaded.features == plain.features


# What is refused


def refused(message, *args, **options):
    with pytest.raises(EtcError) as raised:
        convert(*args, **options)
    assert str(raised.value) == message


def test_sources_that_are_not_there(key):
    encrypt = EncryptImages(key)
    Path("empty").mkdir()
    Path("mixed").mkdir()
    noise(0).save("mixed/0.png")
    make_dataset().to_parquet("mixed/0.parquet")
    refused("no such file or folder: nowhere", "nowhere", "out", encrypt)
    refused("no such file or folder: mixed/1.png", "mixed/1.png", "out", encrypt)
    refused("empty holds no images and no parquet or arrow files", "empty", "out", encrypt)
    refused("mixed holds images and .parquet files; point at one of the two", "mixed", "out", encrypt)
    Path("bad.parquet").write_bytes(b"PAR1")
    with pytest.raises(ParameterError, match=r"^cannot load the dataset bad\.parquet: "):
        convert("bad.parquet", "out", encrypt)


def test_destinations_that_would_do_harm(key):
    encrypt = EncryptImages(key)
    make_tree(2)
    Path("full").mkdir()
    Path("full/thesis.tex").write_text("")
    Path("file.png").write_text("")
    refused("photos and photos lie within each other; choose a folder of its own", "photos", "photos", encrypt)
    refused("photos/out and photos lie within each other; choose a folder of its own", "photos", "photos/out", encrypt)
    refused(". and photos lie within each other; choose a folder of its own", "photos", ".", encrypt)
    refused("full is not empty and was not begun by hf-etc; choose a new folder", "photos", "full", encrypt)
    refused("cannot write file.png: File exists", "photos", "file.png", encrypt)
    source = "photos/tench/0.png"
    refused("file.png exists and is not overwritten; choose another name", source, "file.png", encrypt)
    refused("out.jpg would be a .png file; name it so, or choose another format", source, "out.jpg", encrypt)
    refused("cannot write file.png/x/out.png: Not a directory", source, "file.png/x/out.png", encrypt)


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        ("photos", {"split": "train"}, "split and limit are for the layouts parquet and imagefolder"),
        ("photos", {"limit": 3}, "split and limit are for the layouts parquet and imagefolder"),
        ("photos", {"layout": "zip"}, "layout 'zip': use one of mirror, parquet, imagefolder"),
        ("photos", {"num_proc": 0}, "num_proc 0: use 1 or more processes"),
        ("plain", {"limit": 0}, "limit 0: use 1 or more rows"),
        ("plain", {"split": "dev"}, "plain has no split 'dev'; choose from train"),
        (
            "plain",
            {"layout": "mirror"},
            "the layout mirror is for folders of images; use parquet or imagefolder for a dataset",
        ),
        (
            "photos/tench/0.png",
            {"layout": "parquet"},
            "the layout parquet is for folders and datasets, the source is one file",
        ),
    ],
)
def test_arguments_that_do_not_go_together(key, source, options, message):
    make_tree(1)
    make_dataset(1).save_to_disk("plain")
    refused(message, source, "out", EncryptImages(key), **options)
    assert not Path("out").exists()


def test_views_of_a_mirrored_tree_are_refused(key):
    make_tree(1)
    refused("views need the layout parquet or imagefolder", "photos", "out", EncryptImages(key, views=2))


def test_two_images_with_one_output(key):
    make_tree(1)
    noise(0).save("photos/tench/0.jpg")
    message = "tench/0.jpg and tench/0.png would both become tench/0.png; rename one of them"
    refused(message, "photos", "out", EncryptImages(key))


# Resuming


def test_a_second_run_has_nothing_to_do(key):
    make_tree(3)
    make_dataset().save_to_disk("plain")
    for source, out in (("photos", "tree"), ("plain", "rows")):
        convert(source, out, EncryptImages(key, key_scope="image"))
        before = contents(out)
        report = convert(source, out, EncryptImages(key, key_scope="image"))
        assert (report.images, report.resumed) == (0, len(before) if source == "photos" else 6)
        assert contents(out) == before


def test_a_changed_image_is_encrypted_again(key):
    make_tree(3)
    convert("photos", "out", EncryptImages(key))
    noise(77).save("photos/church/2.png")
    later = time.time() + 5
    os.utime("photos/church/2.png", (later, later))
    assert convert("photos", "out", EncryptImages(key)).images == 1
    assert (decode_ciphertext("out/church/2.png")[0] == EtcCipher(key).encrypt(np.asarray(noise(77)))).all()


@pytest.mark.parametrize(
    ("params", "fact"),
    [
        ({"block_size": 8}, "block_size 16, not 8"),
        ({"size": 64}, "size nothing, not [64, 64]"),
        ({"format": "webp"}, 'format "png", not "webp"'),
        ({"key_scope": "image"}, 'key_scope "dataset", not "image"'),
    ],
)
def test_another_setting_does_not_resume(key, params, fact):
    make_tree(1)
    convert("photos", "out", EncryptImages(key))
    message = f"out was begun with {fact}; resume with the same settings, or choose a new folder"
    refused(message, "photos", "out", EncryptImages(key, **params))


def test_another_key_operation_or_source_does_not_resume(key, other_key):
    make_tree(1)
    convert("photos", "out", EncryptImages(key))
    with pytest.raises(OutputError, match=r'^out was begun with id "[0-9a-f]{32}", not "[0-9a-f]{32}"; '):
        convert("photos", "out", EncryptImages(other_key))
    with pytest.raises(OutputError, match=r'^out was begun with operation "encrypt", not "decrypt"; '):
        convert("photos", "out", DecryptImages(key))
    shutil.copytree("photos", "others")
    message = "out was begun from another source; choose a new folder"
    refused(message, "others", "out", EncryptImages(key))


def test_a_damaged_manifest_is_not_trusted(key):
    make_tree(1)
    convert("photos", "out", EncryptImages(key))
    for damage in (b"", b"[]", b'{"hf-etc": 1}', b"\xff"):
        Path("out/hf-etc.json").write_bytes(damage)
        message = "out/hf-etc.json is damaged; remove the folder, or choose a new one"
        refused(message, "photos", "out", EncryptImages(key))


def test_the_manifest_holds_public_facts_and_no_path(here, key):
    make_tree(1)
    convert("photos", "out", EncryptImages(key, block_size=8))
    manifest = Path("out/hf-etc.json").read_text()
    facts = json.loads(manifest)
    assert (facts["operation"], facts["block_size"], facts["complete"]) == ("encrypt", 8, True)
    assert re.fullmatch("[0-9a-f]{32}", facts["id"])
    assert "photos" not in manifest
    assert str(here) not in manifest


def test_an_interrupted_folder_says_that_it_is_incomplete(key):
    make_tree(3)
    Path("photos/tench/3.png").write_bytes(b"broken")
    with pytest.raises(ImageError):
        convert("photos", "out", EncryptImages(key))
    assert json.loads(Path("out/hf-etc.json").read_text())["complete"] is False


def test_stale_temporary_files_are_removed(key):
    make_tree(2)
    convert("photos", "out", EncryptImages(key))
    stale = [Path("out/.123.hf-etc-part"), Path("out/tench/.9.hf-etc-part")]
    for part in stale:
        part.write_bytes(b"half")
    convert("photos", "out", EncryptImages(key))
    assert not any(part.exists() for part in stale)


def test_two_runs_do_not_write_to_one_folder(key, monkeypatch):
    make_tree(1)
    convert("photos", "out", EncryptImages(key))
    monkeypatch.setattr(output, "_LOCK_SECONDS", 0)
    descriptor = os.open("out", os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    refused("another process is writing to out; wait for it, or stop it", "photos", "out", EncryptImages(key))
    os.close(descriptor)
    assert convert("photos", "out", EncryptImages(key)).resumed == 1


def command(*arguments):
    return [sys.executable, "-m", "hf_etc", *arguments]


def start(arguments, **options):
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2])}
    pipe = subprocess.PIPE
    return subprocess.Popen(arguments, stdout=pipe, stderr=pipe, text=True, env=environment, **options)


def wait_for_outputs(folder, process, count=1):
    while process.poll() is None and len([name for name in contents(folder) if "hf-etc-part" not in name]) < count:
        time.sleep(0.005)
    assert process.poll() is None, f"it ended before it could be interrupted: {process.communicate()}"


def gone(process_group):
    for _ in range(200):
        try:
            os.killpg(process_group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize("layout", ["mirror", "parquet", "imagefolder"])
def test_killed_in_the_middle_and_resumed(layout):
    key = EtcKey.generate()
    key.save("my.key")
    if layout == "mirror":
        make_tree(40, 256, 256)
        source, images = "photos", 40
    else:
        rows = 1500 if layout == "parquet" else 400  # enough to be killed long before the end
        dataset = make_dataset(5).remove_columns("patient")
        Dataset.from_dict(
            {
                name: dataset.cast_column("image", ImageFeature(decode=False))[name][:] * rows
                for name in dataset.features
            },
            features=dataset.features,
        ).save_to_disk("plain")
        source, images = "plain", 5 * rows
    run = command("encrypt", source, "out", "--key", "my.key", "--num-proc", "2", "--layout", layout)
    process = start(run, start_new_session=True)
    wait_for_outputs("out", process)
    process.kill()
    process.communicate()
    assert gone(process.pid), "a worker outlived its parent"
    left = contents("out")
    for name, data in left.items():  # whole files, or temporary ones
        if not name.endswith("hf-etc-part"):
            if layout == "parquet":
                assert len(Dataset.from_parquet(str(Path("out") / name))) in (500, 1000)
            else:
                decode_ciphertext(data)

    resumed = start(run)
    stdout, stderr = resumed.communicate()
    assert resumed.returncode == 0, stderr
    again = int(stdout.split(" were finished before")[0].split()[-1])
    assert 0 < again < images
    assert f"{images - again} images encrypted" in stdout
    convert(source, "reference", EncryptImages(key), layout=layout)
    assert contents("out") == contents("reference")


def test_ctrl_c_stops_all_processes_and_resumes():
    EtcKey.generate().save("my.key")
    make_tree(40, 256, 256)
    run = command("encrypt", "photos", "out", "--key", "my.key", "--num-proc", "2")
    process = start(run, start_new_session=True)
    wait_for_outputs("out", process)
    os.killpg(process.pid, signal.SIGINT)
    stdout, stderr = process.communicate()
    assert (process.returncode, stdout) == (130, "")
    assert stderr == "hf-etc: interrupted; run the same command again to resume\n"
    assert gone(process.pid)
    done = contents("out")
    assert 0 < len(done) < 40
    assert not [name for name in done if name.endswith("hf-etc-part")]
    assert f"{len(done)} were finished before" in start(run).communicate()[0]


LIMITED = """
import resource, sys
from hf_etc.cli import main
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize("num_proc", [1, 2])
def test_a_full_disk_leaves_nothing_half_written(num_proc):
    key = EtcKey.generate()
    key.save("my.key")
    make_tree(8)
    noise(0, 128, 128).save("photos/large.png")  # 49 kB of noise do not fit
    make_dataset(60).save_to_disk("plain")
    for source, out in (("photos", "tree"), ("plain", "rows")):
        arguments = ["encrypt", source, out, "--key", "my.key", "--num-proc", str(num_proc)]
        process = start([sys.executable, "-c", LIMITED, *arguments])
        stdout, stderr = process.communicate()
        place = "tree/large.png" if source == "photos" else "rows/data/train-00000-of-00001.parquet"
        assert (process.returncode, stdout, stderr) == (2, "", f"hf-etc: error: cannot write {place}: File too large\n")
        assert not [name for name in contents(out) if name.endswith("hf-etc-part")]
        assert not Path(place).exists()
        convert(source, out, EncryptImages(key))
        assert inspect(out).all_encrypted


SPAWN = """
import multiprocessing, sys
from hf_etc.cli import main
if __name__ == "__main__":
    multiprocessing.set_start_method("spawn")
    sys.exit(main(sys.argv[1:]))
"""


def test_spawned_processes(monkeypatch):
    key = EtcKey.generate()
    key.save("my.key")
    make_tree(20)
    Path("spawn.py").write_text(SPAWN)
    process = start([sys.executable, "spawn.py", "encrypt", "photos", "out", "--key", "my.key", "--num-proc", "2"])
    stdout, stderr = process.communicate()
    assert (process.returncode, stderr) == (0, "")
    assert stdout.startswith("photos -> out: 20 images encrypted in ")
    assert inspect("out").to_dict()["ciphertexts"][0]["cipher_id"] == EtcCipher(key).cipher_id(32, 32)


def die(task):
    os._exit(9)


def test_a_worker_that_dies_is_reported():
    with pytest.raises(EtcError, match=r"^a worker process died, perhaps for want of memory; run again to resume$"):
        list(pool.run(die, [1, 2, 3], 2))


# Inspecting


def test_inspect_counts_what_is_what(key, other_key):
    make_tree(3)
    convert("photos", "out", EncryptImages(key, key_scope="image"))
    (decode,) = inspect("out").to_dict()["ciphertexts"]
    assert (decode["images"], decode["key_scope"], decode["format"]) == (3, "image", "png")
    assert "nonce" not in decode
    assert len(inspect("out/tench/0.png").to_dict()["ciphertexts"][0]["nonce"]) == 32

    convert("photos/tench/0.png", "out/other.jpg", EncryptImages(other_key, format="jpeg"))
    noise(1).save("out/plain.png")
    Path("out/broken.png").write_bytes(b"broken")
    found = inspect("out")
    assert not found.all_encrypted
    assert (
        str(found)
        == f"""\
3 encrypted: cipher etc, key_scope image, block_size 16, steps permutation+rotation+negative-positive+color, \
shared_block_key false, height 32, width 32, cipher_id {EtcCipher(key, key_scope="image").cipher_id(32, 32)}, format png
1 encrypted: cipher etc, key_scope dataset, block_size 16, steps permutation+rotation+negative-positive+color, \
shared_block_key false, height 32, width 32, cipher_id {EtcCipher(other_key).cipher_id(32, 32)}, format jpeg
1 plain
1 unreadable
  broken.png: the image is not an image that Pillow can read
  plain.png: this is a plain image (no hf-etc marker); encrypt it first"""
    )


def test_inspect_counts_in_a_bar_where_somebody_watches(key, capsys, monkeypatch):
    monkeypatch.setattr(sys.modules["hf_etc.data.convert.inspect"], "_PATIENCE", 0)
    make_tree(3)
    inspect("photos", progress=True)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    inspect("photos")
    assert capsys.readouterr().err == ""
    inspect("photos", progress=True)
    assert "inspect: 3image" in capsys.readouterr().err


def test_inspect_a_dataset(key):
    make_dataset(5).save_to_disk("plain")
    convert("plain", "out", EncryptImages(key, block_size=4))
    (group,) = inspect("out").to_dict()["ciphertexts"]
    assert (group["images"], group["block_size"], group["cipher_id"]) == (5, 4, EtcCipher(key, 4).cipher_id(32, 32))
    found = inspect("plain", limit=2)
    assert (found.plain, found.all_encrypted) == (2, False)
    assert found.examples[1] == "train row 1: this is a plain image (no hf-etc marker); encrypt it first"


def test_a_marker_behind_the_pixels_is_seen(key):
    """Some programs move PNG text behind the pixels when they rewrite a file."""
    noise(1).save("cat.bmp")
    convert("cat.bmp", "cat.png", EncryptImages(key))
    data = Path("cat.png").read_bytes()
    start, end = data.index(b"tEXt") - 4, data.index(b"IDAT") - 4
    last = data.index(b"IEND") - 4
    Path("moved.png").write_bytes(data[:start] + data[end:last] + data[start:end] + data[last:])
    assert (np.asarray(Image.open(io.BytesIO(data))) == np.asarray(Image.open("moved.png"))).all()
    assert inspect("moved.png").all_encrypted
