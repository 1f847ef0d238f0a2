"""The hf-etc command, as transcripts: what is typed ($), what is printed, and the exit status unless it is 0."""

import os
import re
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from datasets import ClassLabel, Dataset, Features, config
from datasets import Image as ImageFeature
from PIL import Image

from hf_etc import EtcKey, __version__, cli, decode_ciphertext, encode_ciphertext

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A folder with two keys, a few photos and a dataset, and relative names as a user types them."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    EtcKey(bytes(range(32))).save("clinic.key")
    EtcKey(bytes(range(1, 33))).save("other.key")
    Path("photos/cats").mkdir(parents=True)
    for i in range(3):
        picture(i).save(f"photos/cats/{i}.png")
    features = Features({"image": ImageFeature(), "label": ClassLabel(names=["cat", "dog"])})
    values = {"image": [picture(i) for i in range(4)], "label": [0, 1, 0, 1]}
    Dataset.from_dict(values, features=features).to_parquet("pets.parquet")


def picture(seed):
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (32, 48, 3), np.uint8))


@pytest.fixture
def shown(capfd):
    """What a user sees who types these lines, times aside."""

    def run(*lines):
        transcript = ""
        capfd.readouterr()
        for line in lines:
            status = cli.main(line.split()[1:])
            text = "".join(capfd.readouterr())
            transcript += f"$ {line}\n" + re.sub(r"in [\d.]+ s, \d+ per second", "in T s, N per second", text)
            transcript += f"[{status}]\n" if status else ""
        return transcript

    return run


@pytest.fixture
def check(shown):
    """Type the lines of a transcript that start with $ and compare all that is printed."""

    def compare(transcript):
        transcript = transcript.lstrip("\n")
        assert shown(*re.findall(r"^\$ (.*)$", transcript, re.MULTILINE)) == transcript

    return compare


# The main job


def test_a_folder_there_and_back(check):
    check("""
$ hf-etc encrypt photos encrypted --key clinic.key --block-size 8
photos -> encrypted: 3 images encrypted in T s, N per second
$ hf-etc inspect encrypted
3 encrypted: cipher etc, key_scope dataset, block_size 8, steps permutation+rotation+negative-positive+color, \
shared_block_key false, height 32, width 48, cipher_id d07ced04f560b88a0e02420f9b83af15, format png
$ hf-etc decrypt encrypted decrypted --key clinic.key
encrypted -> decrypted: 3 images decrypted in T s, N per second
$ hf-etc inspect decrypted
3 plain
  cats/0.png: this is a plain image (no hf-etc marker); encrypt it first
  cats/1.png: this is a plain image (no hf-etc marker); encrypt it first
  cats/2.png: this is a plain image (no hf-etc marker); encrypt it first
[1]
""")
    for i in range(3):
        assert (np.asarray(Image.open(f"decrypted/cats/{i}.png")) == np.asarray(picture(i))).all()


def test_presets_and_disposable_keys(check, monkeypatch):
    monkeypatch.setenv("HF_ETC_KEY_FILE", "missing.key")  # nobody looks for it
    check("""
$ hf-etc encrypt photos/cats/0.png kept.png --key clinic.key --preset private --block-size 4 --keep-blocks 0.25
photos/cats/0.png -> kept.png: 1 image encrypted
$ hf-etc decrypt kept.png back.png --key clinic.key --preset private --block-size 4 --keep-blocks 0.25
kept.png -> back.png: 1 image decrypted
$ hf-etc decrypt kept.png other.png --key other.key
hf-etc: error: kept.png: encrypted under another key than 0d508690e07e53aa; use the key it was made with
[2]
$ hf-etc encrypt photos encrypted --preset private --block-size 4 --jitter 2 --keep-blocks 0.5 --disposable
photos -> encrypted: 3 images encrypted in T s, N per second
$ hf-etc inspect encrypted
3 encrypted: cipher etc, key_scope image, block_size 4, steps permutation+rotation+negative-positive+color, \
shared_block_key false, gap 3, jitter 2, keep 0.5, disposable true, height 32, width 48, format png, sent 8x28
$ hf-etc decrypt encrypted decrypted --key clinic.key
hf-etc: error: cats/0.png: the key of this image was thrown away; nobody can decrypt it
[2]
$ hf-etc encrypt photos encrypted --preset private --block-size 4 --jitter 2 --keep-blocks 0.5 --disposable
hf-etc: error: encrypted: nobody has the keys to check what is there; choose a new folder
[2]
$ hf-etc encrypt photos again --preset private --disposable --key clinic.key
hf-etc: error: a disposable key is made for each image; leave the key out
[2]
$ hf-etc encrypt photos again --disposable
hf-etc: error: disposable needs a key for each image; use --key-scope image
[2]
$ hf-etc encrypt photos again --preset privat --key clinic.key
hf-etc: error: unknown preset 'privat'; choose from paper, private, strict
[2]
$ hf-etc encrypt photos again --preset private --gap 300 --key clinic.key
hf-etc: error: cats/0.png: a gap of 300 pixels leaves one block of 32x48; use a smaller gap or smaller blocks
[2]
""")
    assert Image.open("kept.png").size == (24, 4) and Image.open("back.png").size == (48, 32)
    assert not Path("again").exists()


def test_a_file(check):
    check("""
$ hf-etc encrypt photos/cats/0.png out.jpg --key clinic.key --quality 90
photos/cats/0.png -> out.jpg: 1 image encrypted
$ hf-etc inspect out.jpg --json
{
  "ciphertexts": [
    {
      "images": 1,
      "cipher": "etc",
      "key_scope": "dataset",
      "block_size": 16,
      "steps": [
        "permutation",
        "rotation",
        "negative-positive",
        "color"
      ],
      "shared_block_key": false,
      "height": 32,
      "width": 48,
      "cipher_id": "d97189eefa45d7a4913b73b82366df6a",
      "format": "jpeg"
    }
  ],
  "plain": 0,
  "unreadable": 0,
  "examples": []
}
""")


def test_what_was_changed_after_encryption_is_not_decrypted_unasked(check):
    """Stored anew by somebody, as many services do: the pixels are those of the JPEG, the tag is not."""
    check("""
$ hf-etc encrypt photos/cats/0.png sent.jpg --key clinic.key
photos/cats/0.png -> sent.jpg: 1 image encrypted
""")
    pixels, marker = decode_ciphertext(Path("sent.jpg"))
    Path("kept.png").write_bytes(encode_ciphertext(pixels, marker, lambda marker, *_: marker))
    check("""
$ hf-etc decrypt sent.jpg plain.png --key clinic.key --block-size 16
sent.jpg -> plain.png: 1 image decrypted
$ hf-etc decrypt kept.png again.png --key clinic.key
hf-etc: error: kept.png: the ciphertext was changed or stored anew after encryption; use the original file \
(to decrypt it all the same, see decrypt_unauthenticated or hf-etc decrypt --unauthenticated)
[2]
$ hf-etc decrypt kept.png again.png --key clinic.key --unauthenticated
hf-etc: error: without authentication nothing vouches for the markers; name the cipher
[2]
$ hf-etc decrypt kept.png again.png --key clinic.key --unauthenticated --cipher etc
kept.png -> again.png: 1 image decrypted
$ hf-etc decrypt sent.jpg other.png --key clinic.key --block-size 8
hf-etc: error: sent.jpg: encrypted with block_size 16, this cipher has block_size 8; decrypt with what encrypted
[2]
""")
    assert Path("again.png").read_bytes() == Path("plain.png").read_bytes()


def test_a_dataset_resumes(check):
    check("""
$ hf-etc encrypt pets.parquet encrypted --key clinic.key --size 16x32 --format webp --key-scope image
pets.parquet -> encrypted: 4 images encrypted in T s, N per second
hf-etc: warning: weak settings, only 2 blocks; use a key of its own for such experiments, \
since whoever publishes a model can ask for them again
$ hf-etc encrypt pets.parquet encrypted --key clinic.key --size 16x32 --format webp --key-scope image
pets.parquet -> encrypted: 0 images encrypted; 4 were finished before
hf-etc: warning: weak settings, only 2 blocks; use a key of its own for such experiments, \
since whoever publishes a model can ask for them again
$ hf-etc encrypt pets.parquet encrypted --key other.key
hf-etc: error: encrypted was begun with key_scope "image", not "dataset"; \
resume with the same settings, or choose a new folder
[2]
$ hf-etc inspect encrypted
4 encrypted: cipher etc, key_scope image, block_size 16, steps permutation+rotation+negative-positive+color, \
shared_block_key false, height 16, width 32, cipher_id 2fc84ec13b15e98771888930c796cf62, format webp
""")


def test_what_is_left_out_is_said(check):
    Path("photos/notes.txt").write_text("")
    Path("photos/cats/3.png").write_bytes(b"")
    check("""
$ hf-etc encrypt photos encrypted --key clinic.key --num-proc 1
hf-etc: error: cats/3.png: the image is empty (0 bytes)
[2]
$ hf-etc encrypt photos encrypted --key clinic.key --skip-bad
photos -> encrypted: 0 images encrypted; 3 were finished before
hf-etc: left out, not an image by name: notes.txt
hf-etc: left out, bad: cats/3.png: the image is empty (0 bytes)
""")


def test_nothing_but_bad_images_is_no_success(shown):
    Path("bad.png").write_bytes(b"not an image")
    assert shown("hf-etc encrypt bad.png out.png --key clinic.key --skip-bad").endswith("[1]\n")
    assert not Path("out.png").exists()


def test_every_option_of_encrypt_reaches_the_library(shown):
    options = (
        "--cipher etc --block-size 8 --key-scope image --size 32 --fit stretch --resample bilinear --format jpeg "
        "--quality 70 --subsampling 4:2:0 --views 2 --crop-scale 0.5 0.9 --no-flip --seed 5 --column image "
        "--layout imagefolder --split train --limit 3 --num-proc 1"
    )
    assert "3 images encrypted" in shown(f"hf-etc encrypt pets.parquet out --key clinic.key {options}")
    manifest = re.sub(r"\s+", " ", Path("out/hf-etc.json").read_text())
    for fact in (
        '"cipher": "etc", "key_scope": "image", "block_size": 8,',
        '"size": [ 32, 32 ], "fit": "stretch", "resample": "bilinear",',
        '"format": "jpeg", "quality": 70, "subsampling": "4:2:0",',
        '"views": 2, "crop_scale": [ 0.5, 0.9 ], "flip": false, "seed": 5,',
        '"layout": "imagefolder", "rows": { "train": 3 },',
    ):
        assert fact in manifest
    assert len(list(Path("out").rglob("*.jpg"))) == 6


# Keys


def test_keygen(shown):
    made = shown("hf-etc keygen new.key")
    key = EtcKey.load("new.key")
    assert (
        made
        == f"""\
$ hf-etc keygen new.key
new.key: key {key.key_id}; keep it secret, and keep a copy: without it nothing can be decrypted
"""
    )
    assert Path("new.key").stat().st_mode & 0o777 == 0o600
    assert (
        shown("hf-etc keygen new.key")
        == """\
$ hf-etc keygen new.key
hf-etc: error: new.key exists and is not overwritten; choose another name
[2]
"""
    )
    assert EtcKey.load("new.key") == key


def test_keygen_with_a_passphrase_from_the_environment(shown, monkeypatch):
    monkeypatch.setenv("HF_ETC_PASSPHRASE", "correct horse battery staple")
    made = shown("hf-etc keygen salt.key --passphrase")
    assert (
        made
        == f"""\
$ hf-etc keygen salt.key --passphrase
salt.key: key {EtcKey.load("salt.key").key_id}; it holds a salt; the key is your passphrase: \
without both nothing can be decrypted
"""
    )
    assert "1 image encrypted" in shown("hf-etc encrypt photos/cats/0.png out.png --key salt.key")


def test_keygen_without_a_good_passphrase(check, monkeypatch):
    monkeypatch.setenv("HF_ETC_PASSPHRASE", "short")
    check("""
$ hf-etc keygen salt.key --passphrase
hf-etc: error: the passphrase has fewer than 12 characters; use a longer one
[2]
""")
    monkeypatch.delenv("HF_ETC_PASSPHRASE")
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    check("""
$ hf-etc keygen salt.key --passphrase
hf-etc: error: there is nobody to ask for a passphrase; set HF_ETC_PASSPHRASE
[2]
""")
    answers = iter(["correct horse battery", "correct house battery"])
    monkeypatch.setattr("getpass.getpass", lambda prompt: next(answers))
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    check("""
$ hf-etc keygen salt.key --passphrase
hf-etc: error: the two passphrases differ; try again
[2]
""")
    assert not Path("salt.key").exists()


def test_keygen_asks_for_a_passphrase(shown, monkeypatch):
    monkeypatch.setattr("getpass.getpass", lambda prompt: "correct horse battery")
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    made = shown("hf-etc keygen salt.key --passphrase")
    assert EtcKey.load("salt.key", passphrase="correct horse battery").key_id in made


@pytest.mark.parametrize("name", ["HF_ETC_KEY_FILE", "HF_ETC_KEY"])
def test_the_key_from_the_environment(check, monkeypatch, name):
    check("""
$ hf-etc encrypt photos/cats/0.png out.png
hf-etc: error: no key: pass --key FILE, or set HF_ETC_KEY_FILE to a key file (or HF_ETC_KEY to its text)
[2]
""")
    monkeypatch.setenv(name, "clinic.key" if name.endswith("FILE") else EtcKey.load("clinic.key").reveal())
    check("""
$ hf-etc encrypt photos/cats/0.png out.png
photos/cats/0.png -> out.png: 1 image encrypted
""")


def test_the_environment_is_as_before_afterwards(shown, monkeypatch):
    monkeypatch.setenv("HF_ETC_KEY", EtcKey.load("other.key").reveal())
    before = dict(os.environ)
    assert "3 images encrypted" in shown("hf-etc encrypt photos out --key clinic.key")
    assert dict(os.environ) == before
    assert "cipher_id d97189eefa45d7a4913b73b82366df6a" in shown("hf-etc inspect out")


@pytest.mark.parametrize("place", ["--key {}", "--key={}", "{}", "--colour {}"])
def test_a_key_on_the_command_line_is_refused_and_not_repeated(shown, place):
    typed = f"hf-etc encrypt photos out {place.format(EtcKey.load('clinic.key').reveal())}"
    assert (
        shown(typed)
        == f"""\
$ {typed}
hf-etc: error: a key was given on the command line, where other users can see it; \
pass the path of a key file (--key FILE), and consider this key known
[2]
"""
    )


def test_key_files_with_a_problem(check):
    text = EtcKey.load("clinic.key").reveal()
    for name, content, mode in (
        ("torn.key", text[:-9], 0o600),
        ("typo.key", text.replace("aaaq", "aaqa"), 0o600),
        ("open.key", text, 0o644),
    ):
        Path(name).write_text(content)
        Path(name).chmod(mode)
    check("""
$ hf-etc decrypt photos out --key none.key
hf-etc: error: no key file at none.key; make one with: hf-etc keygen none.key
[2]
$ hf-etc decrypt photos out --key torn.key
hf-etc: error: torn.key: the key has 49 characters after hfetc2-, not 58; copy it whole
[2]
$ hf-etc decrypt photos out --key typo.key
hf-etc: error: typo.key: the checksum of the key is wrong: a typing error; copy it again
[2]
$ hf-etc decrypt photos out --key open.key
hf-etc: warning: other users can read the key file open.key; run: chmod 600 open.key
hf-etc: error: cats/0.png: this is a plain image (no hf-etc marker); encrypt it first
[2]
""")


# Bad input


def test_bad_input_gives_one_line_and_status_2(check):
    check("""
$ hf-etc encrypt nowhere out --key clinic.key
hf-etc: error: no such file or folder: nowhere
[2]
$ hf-etc inspect photos/dogs
hf-etc: error: no such file or folder: photos/dogs
[2]
$ hf-etc encrypt photos out --key clinic.key --block-size 0
hf-etc: error: block_size 0: must be a whole number of pixels, 1 or more
[2]
$ hf-etc encrypt photos out --key clinic.key --block-size 64
hf-etc: error: cats/0.png: the block size 64 is larger than the image, 32x48; use a smaller block
[2]
$ hf-etc encrypt photos out --key clinic.key --size 40
hf-etc: error: 40x40 is not a multiple of the block size 16; resize, crop (--fit crop) or pad (--fit pad) first
[2]
$ hf-etc encrypt photos out --key clinic.key --quality 101
hf-etc: error: quality 101: use a whole number from 1 to 100
[2]
$ hf-etc encrypt photos photos/out --key clinic.key
hf-etc: error: photos/out and photos lie within each other; choose a folder of its own
[2]
$ hf-etc encrypt pets.parquet out --key clinic.key --column picture
hf-etc: error: there is no column 'picture'; choose from image, label
[2]
$ hf-etc encrypt pets.parquet out --key clinic.key --split test
hf-etc: error: pets.parquet has no split 'test'; choose from train
[2]
$ hf-etc encrypt photos out --key clinic.key --views 2
hf-etc: error: views need the layout parquet or imagefolder
[2]
$ hf-etc encrypt photos out --key clinic.key --num-proc 0
hf-etc: error: num_proc 0: use 1 or more processes
[2]
""")
    assert not Path("out").exists()


def test_usage_errors(check):
    check("""
$ hf-etc
hf-etc: error: no command; see hf-etc --help
[2]
$ hf-etc encript photos out
hf-etc: error: unknown command encript (did you mean encrypt?); see hf-etc --help
[2]
$ hf-etc --verison
hf-etc: error: unknown option --verison; see hf-etc --help
[2]
$ hf-etc encrypt photos
hf-etc: error: the following arguments are required: DST; see hf-etc encrypt --help
[2]
$ hf-etc encrypt photos out more --key clinic.key
hf-etc: error: unexpected argument 'more'; see hf-etc encrypt --help
[2]
$ hf-etc encrypt photos out --kye clinic.key
hf-etc: error: unknown option --kye (did you mean --key?); see hf-etc encrypt --help
[2]
$ hf-etc encrypt photos out --size large
hf-etc: error: argument --size: 'large': give pixels, as 224 or 224x160 (height x width); see hf-etc encrypt --help
[2]
""")


def test_warnings_are_shown_as_before_afterwards(shown):
    before = warnings.showwarning
    shown("hf-etc inspect photos")
    assert warnings.showwarning is before


# The program


def program(*arguments):
    command = [sys.executable, "-m", "hf_etc", *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(command, capture_output=True, text=True, env=environment)


def test_python_m_hf_etc_and_the_installed_command():
    script = Path(sys.executable).with_name("hf-etc")
    installed = subprocess.run([script, "--version"], capture_output=True, text=True)
    assert program("--version").stdout == installed.stdout == f"hf-etc {__version__}\n"


def test_a_failure_leaves_no_traceback():
    run = program("encrypt", "photos", "out", "--key", "none.key")
    message = "hf-etc: error: no key file at none.key; make one with: hf-etc keygen none.key\n"
    assert (run.returncode, run.stdout, run.stderr) == (2, "", message)


def test_the_pipe_may_close():
    command = f"{sys.executable} -m hf_etc inspect photos | head -c 1"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    run = subprocess.run(command, shell=True, capture_output=True, text=True, env=environment)
    assert (run.stdout, run.stderr) == ("3", "")
