"""docs/keys.md is run as it stands: its commands and Python lines, in order, in a folder with pictures."""

import re
import shlex
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hf_etc import EtcKey, decode_ciphertext
from hf_etc.cipher.keys import KEY_ENV, KEY_FILE_ENV, PASSPHRASE_ENV
from hf_etc.cli import main

from .helpers import noise

PAGE = (Path(__file__).parents[1] / "docs" / "keys.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def run(line):
    words = shlex.split(line)
    with pytest.MonkeyPatch.context() as patch:
        while "=" in words[0]:
            patch.setenv(*words.pop(0).split("=", 1))
        if words[0] == "hf-etc":
            assert main(words[1:]) == 0, line
        else:
            subprocess.run(words, check=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where all of it was run, and what was printed by Python."""
    folder = tmp_path_factory.mktemp("keys")
    (folder / "photos").mkdir()
    for number in range(2):
        Image.fromarray(noise(64, 64, 3, seed=number)).save(folder / "photos" / f"{number}.png")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name in (KEY_ENV, KEY_FILE_ENV, PASSPHRASE_ENV):
            patch.delenv(name, raising=False)
        for language, block in BLOCKS:
            if language == "python":
                exec(block, {})
            else:
                for line in block.splitlines():
                    run(line)
    return folder


def pictures(folder):
    return [np.asarray(Image.open(path).convert("RGB")) for path in sorted(folder.glob("*.png"))]


def test_the_copy_and_the_old_key_give_the_pictures_back(folder):
    plain = pictures(folder / "photos")
    for name in ("checked", "plain"):
        assert all(np.array_equal(a, b) for a, b in zip(plain, pictures(folder / name), strict=True))
    assert (
        EtcKey.load(folder / "copy.key") == EtcKey.load(folder / "clinic.key") != EtcKey.load(folder / "clinic-2.key")
    )


def test_both_ways_to_the_new_key_make_the_same(folder):
    for number in range(2):
        one, other = (folder / name / f"{number}.png" for name in ("encrypted-2", "encrypted-from-old"))
        assert np.array_equal(decode_ciphertext(one)[0], decode_ciphertext(other)[0])


def test_what_the_page_says_of_files_is_so(folder):
    text = (folder / "clinic.key").read_text().strip()
    assert re.fullmatch("hfetc2-[a-z2-7]{58}", text) and (folder / "clinic.key").stat().st_mode & 0o777 == 0o600
    assert EtcKey.parse(text.upper()) == EtcKey.load(folder / "clinic.key")
    assert (folder / "trial.salt").read_text().startswith("hfetc2-scrypt-")
    assert len(list((folder / "encrypted-for-good").glob("*.png"))) == 2
