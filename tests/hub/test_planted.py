"""Each planted case is refused for what it is; what is left by choice passes, as the list of it says."""

import base64
from collections import Counter
from pathlib import Path

import pytest

from hf_etc.errors import UploadRefusedError
from hf_etc.hub.scan import check_file
from tests.hub.passing import PASSING
from tests.hub.planted import PLANTED
from tests.hub.samples import KEY


@pytest.mark.parametrize("name", PLANTED)
def test_refused(name):
    file, content, what = PLANTED[name]
    with pytest.raises(UploadRefusedError) as caught:
        check_file(file, content)
    assert what in str(caught.value) and "\n" not in str(caught.value)
    assert KEY.reveal() not in str(caught.value)


def test_the_passphrase_at_hand_is_found(monkeypatch):
    text = b"the passphrase is correct-horse-battery, in base64 " + base64.b64encode(b"it is correct-horse-battery")
    check_file("notes.txt", text)
    monkeypatch.setenv("HF_ETC_PASSPHRASE", "correct-horse-battery")
    for data in (text, text[text.index(b"in base64") :], text.decode().encode("utf-16")):
        with pytest.raises(UploadRefusedError, match="holds a secret key"):
            check_file("notes.txt", data)


def test_the_table_is_large_enough_to_mean_something():
    kinds = Counter(name.split(":")[0] for name in PLANTED)
    assert len(PLANTED) >= 300 and min(kinds.values()) >= 10


@pytest.mark.parametrize("name", PASSING)
def test_left_by_choice(name):
    """If one of these is found one day, strike it off the list and off docs/upload-guard.md."""
    file, content, _ = PASSING[name]
    check_file(file, content)


def test_the_documentation_lists_what_is_left():
    page = (Path(__file__).parents[2] / "docs" / "upload-guard.md").read_text(encoding="utf-8")
    listed = [line for line in page.splitlines() if line.startswith("| ")][2:]
    assert listed == [f"| {name} | {reason} |" for name, (_, _, reason) in PASSING.items()]
