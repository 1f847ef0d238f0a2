"""Keys: the text form, files, the environment, passphrases; and that nothing shows a key by accident."""

import copy
import dataclasses
import errno
import json
import logging
import os
import pickle
import random
import re
import stat
import string
import traceback
import warnings
from pathlib import Path

import dill
import pytest
import torch
from datasets.fingerprint import Hasher
from hypothesis import given
from hypothesis import strategies as st

from hf_etc import EtcCipher, EtcKey
from hf_etc.cipher import keys as keys_module
from hf_etc.cipher.keys import find_key, passphrase_salt, write_private
from hf_etc.errors import EtcError, KeyExposureError, KeyFileError, KeyFormatError, KeyMismatchError, MissingKeyError

from ..secrets import find_secret

DIGITS = string.ascii_lowercase + "234567"
PASSPHRASE = "correct horse battery"
SALT = passphrase_salt(PASSPHRASE)


@pytest.fixture
def fresh():
    """A random key: its bytes cannot turn up by chance."""
    return EtcKey.generate()


def mistyped(text):
    return text[:20] + ("b" if text[20] == "a" else "a") + text[21:]


# Text form


@given(st.binary(min_size=32, max_size=32))
def test_text_form_round_trip(secret):
    text = EtcKey(secret).reveal()
    assert text.startswith("hfetc2-") and len(text) == 65 and text == text.lower()
    assert EtcKey.parse(text) == EtcKey.parse(f"  {text.upper()}\n") == EtcKey(secret)


@given(st.binary(min_size=32, max_size=32), st.integers(7, 64), st.sampled_from(DIGITS))
def test_every_mistyped_digit_is_noticed(secret, place, digit):
    text = EtcKey(secret).reveal()
    changed = text[:place] + digit + text[place + 1 :]
    if changed != text:
        with pytest.raises(KeyFormatError):
            EtcKey.parse(changed)


@given(st.text(max_size=80))
def test_other_texts_are_no_keys(text):
    with pytest.raises(KeyFormatError):
        EtcKey.parse(text)


@pytest.mark.parametrize("value", [None, 7, b"hfetc2-", ["hfetc2-"], bytearray(65)])
def test_what_is_no_text_is_no_key(value):
    with pytest.raises(KeyFormatError):
        EtcKey.parse(value)


@pytest.mark.parametrize("secret", [b"", bytes(31), bytes(33), bytearray(32), "a" * 32, None, 32])
def test_constructor_takes_32_bytes(secret):
    with pytest.raises(KeyFormatError, match="32 bytes"):
        EtcKey(secret)


def test_messages_name_the_remedy(fresh):
    text = fresh.reveal()
    for wrong, message in [
        (mistyped(text), "the checksum of the key is wrong: a typing error; copy it again"),
        (text[:-3], "the key has 55 characters after hfetc2-, not 58; copy it whole"),
        (text[7:], "not a key: it must start with hfetc2-"),
        (text[:-1] + "0", "the key has a character outside a-z and 2-7; copy it again"),
        (SALT, "this is a passphrase salt, not a key; load it with its passphrase"),
    ]:
        with pytest.raises(KeyFormatError) as caught:
            EtcKey.parse(wrong)
        assert str(caught.value) == message


def test_keys_and_ids_differ():
    keys = [EtcKey.generate() for _ in range(50)]
    assert len(set(keys)) == len({key.key_id for key in keys}) == len({key.reveal() for key in keys}) == 50
    assert all(len(key.key_id) == 16 and set(key.key_id) <= set(string.hexdigits.lower()) for key in keys)


def test_generate_leaves_the_global_generators_alone():
    """And draws from the operating system, not from a seed that another program can set."""
    made = []
    for _ in range(2):
        random.seed(0)
        torch.manual_seed(0)
        made.append(EtcKey.generate())
        drawn = random.random(), torch.rand(1).item()
    random.seed(0)
    torch.manual_seed(0)
    assert (random.random(), torch.rand(1).item()) == drawn
    assert made[0] != made[1]


def test_equality_and_hash(key, other_key):
    assert key == EtcKey(bytes(range(32))) and hash(key) == hash(EtcKey(bytes(range(32))))
    assert key != other_key and key != key.reveal() and key != bytes(range(32))


# Passphrases


def test_passphrase_gives_the_same_key_again_and_the_salt_matters(tmp_path):
    key = EtcKey.from_passphrase(PASSPHRASE, SALT)
    path = tmp_path / "salt"
    write_private(path, SALT.upper() + "\n")
    assert EtcKey.load(path, PASSPHRASE) == key
    assert EtcKey.from_passphrase(PASSPHRASE, passphrase_salt(PASSPHRASE)) != key


def test_salt_file_takes_the_passphrase_from_the_environment(tmp_path, monkeypatch):
    path = tmp_path / "salt"
    write_private(path, SALT)
    with pytest.raises(MissingKeyError, match="is a passphrase salt; set HF_ETC_PASSPHRASE"):
        EtcKey.load(path)
    monkeypatch.setenv("HF_ETC_PASSPHRASE", PASSPHRASE)
    assert EtcKey.load(path) == EtcKey.load(path, PASSPHRASE)


def test_wrong_passphrase_is_refused(tmp_path):
    path = tmp_path / "salt"
    write_private(path, SALT)
    for passphrase in (PASSPHRASE + ".", PASSPHRASE.upper()):
        with pytest.raises(KeyMismatchError, match="not the passphrase of this salt; type it again"):
            EtcKey.from_passphrase(passphrase, SALT)
    with pytest.raises(KeyMismatchError, match=f"{path}: this is not the passphrase"):
        EtcKey.load(path, "another passphrase")


def test_passphrase_is_the_same_in_each_unicode_form():
    composed, decomposed = "caf\u00e9 au lait \u00e0 trois", "cafe\u0301 au lait a\u0300 trois"
    salt = passphrase_salt(composed)
    assert EtcKey.from_passphrase(composed, salt) == EtcKey.from_passphrase(decomposed, salt)


@pytest.mark.parametrize("passphrase", ["", "short", "elevenchars", None, b"correct horse battery"])
def test_short_or_foreign_passphrase(passphrase):
    for use in (lambda: EtcKey.from_passphrase(passphrase, SALT), lambda: passphrase_salt(passphrase)):
        with pytest.raises(KeyFormatError, match="fewer than 12 characters"):
            use()


def test_passphrase_that_is_no_unicode():
    with pytest.raises(KeyFormatError, match="not valid Unicode"):
        EtcKey.from_passphrase(PASSPHRASE + "\udcff", SALT)


@pytest.mark.parametrize("cost", [0, 16, 21, 200])
def test_cost_is_bounded_on_both_sides(cost):
    with pytest.raises(KeyFormatError, match=f"the salt has scrypt cost {cost}, allowed are 17 to 20"):
        passphrase_salt(PASSPHRASE, cost)


# Key files


def test_file_round_trip_with_owner_only_mode(tmp_path, fresh):
    path = tmp_path / "my.key"
    old = os.umask(0)
    try:
        fresh.save(path)
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert EtcKey.load(path) == EtcKey.load(str(path)) == fresh


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o622, 0o777])
def test_file_that_others_can_read_warns(tmp_path, fresh, mode):
    path = tmp_path / "my.key"
    fresh.save(path)
    path.chmod(mode)
    with pytest.warns(UserWarning, match="chmod 600") as caught:
        assert EtcKey.load(path) == fresh
    assert not find_secret(fresh, str(caught[0].message))


def test_existing_file_is_never_overwritten(tmp_path, fresh):
    path = tmp_path / "my.key"
    path.write_text("precious")
    with pytest.raises(KeyFileError, match="exists and is not overwritten"):
        fresh.save(path)
    assert path.read_text() == "precious"
    dangling = tmp_path / "link"
    dangling.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(KeyFileError):
        fresh.save(dangling)
    assert not (tmp_path / "elsewhere").exists()


def test_folder_that_cannot_be_written(tmp_path, fresh, monkeypatch):
    (tmp_path / "file").touch()
    for path in (tmp_path / "missing" / "my.key", tmp_path / "file" / "my.key"):
        with pytest.raises(KeyFileError, match="cannot write"):
            fresh.save(path)

    def denied(*args):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(keys_module.os, "open", denied)  # as root, a mode forbids nothing
    with pytest.raises(KeyFileError, match=r"cannot write .*: Permission denied"):
        fresh.save(tmp_path / "my.key")


def test_full_disk_leaves_no_partial_file(tmp_path, fresh, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(keys_module.os, "fsync", full)
    with pytest.raises(KeyFileError, match="No space left on device"):
        fresh.save(tmp_path / "my.key")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (lambda text: mistyped(text), KeyFormatError, "typing error"),
        (lambda text: text[:30], KeyFormatError, "copy it whole"),
        (lambda text: "", KeyFormatError, "must start with"),
        (lambda text: "\n", KeyFormatError, "must start with"),
        (lambda text: text + "\n" + text, KeyFormatError, "copy it whole"),
        (lambda text: "\xff\xfe" + text, KeyFormatError, "must start with"),
        (lambda text: " " * 5000 + text, KeyFormatError, "must start with"),
    ],
)
def test_damaged_file(tmp_path, fresh, content, error, message):
    path = tmp_path / "my.key"
    write_bytes_private(path, content(fresh.reveal()).encode("latin-1"))
    with pytest.raises(error, match=message) as caught:
        EtcKey.load(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def write_bytes_private(path, data):
    path.touch(0o600)
    path.write_bytes(data)


def test_missing_file_and_folder_in_its_place(tmp_path):
    with pytest.raises(KeyFileError, match=r"no key file at .*; make one with: hf-etc keygen"):
        EtcKey.load(tmp_path / "none.key")
    with pytest.raises(KeyFileError, match="cannot read the key file"):
        EtcKey.load(tmp_path)


# Environment


def test_environment(tmp_path, fresh, key, monkeypatch):
    fresh.save(tmp_path / "my.key")
    assert EtcKey.from_env({"HF_ETC_KEY": fresh.reveal()}) == fresh
    assert EtcKey.from_env({"HF_ETC_KEY_FILE": str(tmp_path / "my.key")}) == fresh
    assert EtcKey.from_env({"HF_ETC_KEY": key.reveal(), "HF_ETC_KEY_FILE": str(tmp_path / "my.key")}) == key
    monkeypatch.setenv("HF_ETC_KEY", fresh.reveal())
    assert EtcKey.from_env() == fresh


@pytest.mark.parametrize("environ", [{}, {"HF_ETC_KEY": "", "HF_ETC_KEY_FILE": ""}])
def test_no_key_in_environment(environ):
    with pytest.raises(MissingKeyError, match="set HF_ETC_KEY_FILE to a key file"):
        EtcKey.from_env(environ)


def test_find_key(fresh, key, monkeypatch):
    assert find_key(fresh.key_id) is fresh
    text = fresh.reveal()
    absent = EtcKey.generate().key_id  # dropped at once
    with pytest.raises(MissingKeyError, match=f"this process does not have the key of {absent}; set HF_ETC_KEY_FILE"):
        find_key(absent)
    monkeypatch.setenv("HF_ETC_KEY", text)
    with pytest.raises(MissingKeyError, match=f"need the key of {absent}, the environment holds another"):
        find_key(absent)
    assert find_key(EtcCipher(fresh).cipher_id(), lambda key: EtcCipher(key).cipher_id()) == fresh


# Exposure


@dataclasses.dataclass
class Holder:
    key: EtcKey


SHOWN = {
    "repr": repr,
    "str": str,
    "format": "{}".format,
    "f-string": lambda key: f"{key!r:>60} {key!s} {key}",
    "percent": lambda key: f"{key}" + "%r %s" % (key, key),  # noqa: UP031
    "container": lambda key: repr([key, {key: key}, (key,)]),
    "dataclass": lambda key: repr(Holder(key)) + repr(dataclasses.asdict(Holder(key))),
    "json with default": lambda key: json.dumps({"key": key}, default=str),
    "log": lambda key: logging.LogRecord("x", 10, "f", 1, "%s %r", (key, key), None).getMessage(),
    "key id": lambda key: key.key_id,
    "hash": lambda key: str(hash(key)),
    "cipher": lambda key: repr(EtcCipher(key)) + repr(vars(EtcCipher(key))),
    "plan": lambda key: repr(EtcCipher(key).compile(16, 16)) + str(EtcCipher(key).compile(16, 16)),
    "live keys": lambda key: repr(keys_module.live_keys()),
}


@pytest.mark.parametrize("way", SHOWN)
def test_shown_key_is_redacted(way, fresh):
    shown = SHOWN[way](fresh)
    assert not find_secret(fresh, shown)


def test_repr_is_the_public_id(fresh):
    assert repr(fresh) == f"EtcKey(key_id='{fresh.key_id}')"


REFUSED = {
    **{
        f"pickle {p}": (lambda key, p=p: pickle.dumps(key, p), KeyExposureError)
        for p in range(pickle.HIGHEST_PROTOCOL + 1)
    },
    "pickled in a container": (lambda key: pickle.dumps({"a": [key]}), KeyExposureError),
    "pickled in a dataclass": (lambda key: pickle.dumps(Holder(key)), KeyExposureError),
    "pickled in a cipher": (lambda key: pickle.dumps(EtcCipher(key)), KeyExposureError),
    "dill": (dill.dumps, KeyExposureError),
    "dill of a closure": (lambda key: dill.dumps(lambda: key, recurse=True), KeyExposureError),
    "fingerprint": (Hasher.hash, KeyExposureError),
    "torch.save": (lambda key: torch.save({"key": key}, os.devnull), KeyExposureError),
    "reduce": (lambda key: key.__reduce__(), KeyExposureError),
    "getstate": (lambda key: key.__getstate__(), KeyExposureError),
    "json": (json.dumps, TypeError),
    "json of vars": (lambda key: json.dumps(key, default=vars), TypeError),
    "vars": (vars, TypeError),
    "dict": (lambda key: key.__dict__, AttributeError),
    "bytes": (bytes, TypeError),
    "iteration": (list, TypeError),
    "number": (int, TypeError),
}


@pytest.mark.parametrize("way", REFUSED)
def test_serialising_a_key_is_refused(way, fresh):
    serialise, error = REFUSED[way]
    with pytest.raises(error) as caught:
        serialise(fresh)
    assert not find_secret(fresh, everything_said(caught.value))


def test_copies_are_the_key_itself(fresh):
    assert copy.copy(fresh) is copy.deepcopy(fresh) is copy.deepcopy({"a": [fresh]})["a"][0] is fresh


def everything_said(error, seen=()):
    """Messages and local variables of a traceback, suppressed contexts included, but for frames of this file."""
    if error is None or error in seen:
        return ""
    report = traceback.TracebackException.from_exception(error, capture_locals=True)
    frames = [frame for frame in report.stack if frame.filename != __file__]
    local = [f"{name} = {value}" for frame in frames for name, value in (frame.locals or {}).items()]
    said = "\n".join([f"{error!r} {error.__dict__}", *local])
    return said + everything_said(error.__cause__, (*seen, error)) + everything_said(error.__context__, (*seen, error))


def no_file(path, text):
    write_bytes_private(path, text.encode())
    return path


FAILURES = {
    "mistyped": lambda text, path: EtcKey.parse(mistyped(text)),
    "truncated": lambda text, path: EtcKey.parse(text[:-1]),
    "bad character": lambda text, path: EtcKey.parse(text[:-1] + "!"),
    "not ASCII": lambda text, path: EtcKey.parse(text[:-1] + "\u212a"),
    "no prefix": lambda text, path: EtcKey.parse(text[7:]),
    "bytes": lambda text, path: EtcKey.parse(text.encode()),
    "text for the constructor": lambda text, path: EtcKey(text),
    "too many bytes for the constructor": lambda text, path: EtcKey(text.encode()),
    "environment": lambda text, path: EtcKey.from_env({"HF_ETC_KEY": mistyped(text)}),
    "process environment": lambda text, path: EtcKey.from_env(),
    "find": lambda text, path: find_key("0" * 16),
    "file": lambda text, path: EtcKey.load(no_file(path, mistyped(text))),
    "salt file without passphrase": lambda text, path: EtcKey.load(no_file(path, "hfetc2-scrypt-" + text)),
    "key file exists": lambda text, path: EtcKey.parse(text).save(path.parent),
    "folder is missing": lambda text, path: EtcKey.parse(text).save(path / "no" / "folder"),
    "text for a cipher": lambda text, path: EtcCipher(EtcKey.parse(text)).compile(17, 17),
    "passphrase with a wrong salt": lambda text, path: EtcKey.from_passphrase(text, "hfetc2-scrypt-a"),
    "passphrase with a file of a wrong salt": lambda text, path: EtcKey.load(no_file(path, "hfetc2-scrypt-a"), text),
    "passphrase that is no Unicode": lambda text, path: EtcKey.from_passphrase(text + "\udcff", SALT),
    "passphrase as bytes": lambda text, path: EtcKey.from_passphrase(text.encode(), SALT),
}


@pytest.mark.parametrize("way", FAILURES)
def test_no_secret_in_a_traceback_with_local_variables(way, fresh, tmp_path, monkeypatch):
    """Error reports of many tools hold the local variables of each frame."""
    text = fresh.reveal()
    monkeypatch.setenv("HF_ETC_KEY", mistyped(text))
    with pytest.raises(EtcError) as caught:
        FAILURES[way](text, tmp_path / "my.key")
    said = everything_said(caught.value)
    assert type(caught.value).__name__ in said
    assert not find_secret(fresh, said)  # a mistyped key too: the search knows each half


def test_the_search_of_tracebacks_sees_a_careless_function(fresh):
    """The check above can fail: compiled under another file name, so that its frame is not left out."""
    careless = {}
    exec(compile("def parse(text):\n    raise ValueError('no')", "careless.py", "exec"), careless)
    with pytest.raises(ValueError, match="no") as caught:
        careless["parse"](mistyped(fresh.reveal()))
    said = everything_said(caught.value)
    assert find_secret(fresh, said)


def test_only_this_module_reads_the_secret():
    """And the search for keys in what is about to leave; no other file touches the attribute that holds the bytes."""
    package = Path(keys_module.__file__).parents[1]
    others = [path for path in package.rglob("*.py") if path.name != "keys.py"]
    assert len(others) > 10
    readers = [path.name for path in others if re.search(r"\._secret\b", path.read_text(encoding="utf-8"))]
    assert readers == ["key_search.py"]
