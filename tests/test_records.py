"""Records can be published as they are, and repeat what was measured; see test_evaluation.py for a whole one."""

import json
import re
import stat
import subprocess
from pathlib import Path, PurePosixPath

import pytest

from hf_etc import EtcKey, records
from hf_etc.records import result_record, scrub, scrub_command, write_json, write_rows, write_text

TOKEN = "hf_" + "AbCdEfGhIj" * 3


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A working directory, and a machine and a user with names that can be recognised."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(records.getpass, "getuser", lambda: "margaret")
    monkeypatch.setattr(records.socket, "gethostname", lambda: "build-host-7.example.org")
    return tmp_path


@pytest.mark.parametrize(
    ("text", "scrubbed"),
    [
        ("/data/private/cifar10", "cifar10"),
        ("/data/private/cifar10/", "cifar10"),
        ("~/photos", "photos"),
        ("C:\\Users\\someone\\data", "data"),
        ("D:/photos/cats", "cats"),
        ("\\\\server\\share\\cats", "cats"),
        ("from /a/b to /c/d", "from b to d"),
        ("--data=/a/b,/c/d", "--data=b,d"),
        ("--data='/a/b'", "--data='b'"),
        ("/", "/"),
        ("data/photos", "data/photos"),
        ("../shared/data", "../shared/data"),
        ("./runs/a", "./runs/a"),
        ("uoft-cs/cifar10", "uoft-cs/cifar10"),
        ("8/16 and 1/2", "8/16 and 1/2"),
        ("https://huggingface.co/a/b", "https://huggingface.co/a/b"),
        ("margaret on build-host-7.example.org", "[removed] on [removed]"),
        ("build-host-7", "[removed]"),
        ("margarets build-host-70", "margarets build-host-70"),
        (f"token {TOKEN}", "token [removed]"),
        (f"hub:{TOKEN}!", "hub:[removed]!"),
        ("hf_etc is no token", "hf_etc is no token"),
        ("", ""),
    ],
)
def test_texts(text, scrubbed):
    assert scrub(text) == scrubbed


def test_paths_within_the_working_directory_stay_relative(here):
    assert scrub(str(here / "runs" / "a")) == "runs/a"
    assert scrub(here / "runs") == "runs"
    assert scrub(PurePosixPath("/data/photos")) == "photos"


def test_a_home_is_not_a_project(here, monkeypatch):
    monkeypatch.setenv("HOME", str(here.parent))
    assert scrub("~/other/place") == "place"
    assert scrub(f"~/{here.name}/runs") == "runs"


def test_structures_are_scrubbed_to_the_bottom_and_other_values_kept():
    key = EtcKey.generate()
    value = {"/a/b": [1, 2.5, None, True, ("/c/d", {"deep": f"key {key.reveal()}"})], "none": None}
    assert scrub(value) == {"b": [1, 2.5, None, True, ["d", {"deep": "key [removed]"}]], "none": None}


def test_keys_are_found_in_either_case():
    text = EtcKey.generate().reveal()
    assert scrub(f"a {text} b") == scrub(f"a {text.upper()} b") == "a [removed] b"


@pytest.mark.parametrize("flag", ["--hub_token", "--token", "-token", "--passphrase", "--my-secret", "--password"])
def test_flags_whose_value_is_a_secret(flag):
    assert scrub_command(["hf-etc", "train", flag, "abc", "--lr", "1"]) == f"hf-etc train {flag} [removed] --lr 1"
    assert scrub_command(["hf-etc", f"{flag}=abc"]) == f"hf-etc {flag}=[removed]"


def test_commands_can_be_typed_again():
    assert scrub_command([]) == ""
    assert scrub_command(["/opt/venv/bin/hf-etc"]) == "hf-etc"
    assert scrub_command(["hf-etc", "--name", "two words", "--x", "$HOME"]) == "hf-etc --name 'two words' --x '$HOME'"


def test_a_record_has_what_is_needed_to_repeat_it(here):
    record = result_record("speed", {"seconds": 1.5}, data="noise", seed=7, settings={"folder": here / "a"})
    assert list(record) == [
        "record",
        "name",
        "command",
        "commit",
        "seed",
        "data",
        "settings",
        "results",
        "hardware",
        "versions",
    ]
    assert record["data"] == {"name": "noise"} and record["settings"] == {"folder": "a"}
    assert {"machine", "system", "cpu", "cores", "threads", "gpus"} == set(record["hardware"])
    assert {"python", "numpy", "pillow"} <= set(record["versions"])
    text = json.dumps(record)
    assert "margaret" not in text and "build-host-7" not in text and str(here) not in text


def test_a_copy_outside_of_a_repository_names_no_commit(here, monkeypatch):
    monkeypatch.setattr(records, "__file__", str(here / "records.py"))
    assert records.commit() is None
    monkeypatch.setenv("PATH", str(here))  # no git at all
    assert records.commit() is None


def test_a_changed_source_has_a_plus_and_a_written_record_has_none(here, monkeypatch):
    def git(*words):
        subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *words], cwd=here, check=True)

    source, record = here / "package" / "__init__.py", here / "results" / "speed.json"
    for path in (source, record):
        write_text(path, "before")
    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "--message", "all")
    monkeypatch.setattr(records, "__file__", str(source))
    record.write_text("after")
    assert re.fullmatch("[0-9a-f]{40}", records.commit())
    source.write_text("after")
    assert re.fullmatch(r"[0-9a-f]{40}\+", records.commit())


def test_short_and_common_names_are_no_secrets(monkeypatch):
    monkeypatch.setattr(records.getpass, "getuser", lambda: "root")
    monkeypatch.setattr(records.socket, "gethostname", lambda: "pc")
    assert scrub("the root of a pc") == "the root of a pc"


def test_a_user_without_a_name(monkeypatch):
    def fail():
        raise KeyError("no such user")

    monkeypatch.setattr(records.getpass, "getuser", fail)
    assert scrub("build-host-7 and margaret") == "[removed] and margaret"


def test_a_file_is_replaced_whole_and_readable_by_others(here):
    path = here / "results" / "a.json"
    write_json(path, {"ü": [1, 2]})
    write_json(path, {"b": "ü"})
    assert json.loads(path.read_text(encoding="utf-8")) == {"b": "ü"}
    assert path.read_bytes().endswith(b"\n")
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert [one.name for one in path.parent.iterdir()] == ["a.json"]


def test_a_value_that_is_no_json_leaves_the_old_file(here):
    write_text(here / "a.json", "old")
    for value in ({"a": float("inf")}, {"a": Path("x")}, {"a": {1, 2}}):
        with pytest.raises((TypeError, ValueError)):
            write_json(here / "a.json", value)
    assert (here / "a.json").read_text() == "old"
    assert [path.name for path in here.iterdir()] == ["a.json"]


def test_a_full_disk_leaves_the_old_file(here, monkeypatch):
    write_json(here / "a.json", {"a": 1})

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(records.os, "fsync", full)
    with pytest.raises(OSError):
        write_json(here / "a.json", {"a": 2})
    assert json.loads((here / "a.json").read_text()) == {"a": 1}
    assert [path.name for path in here.iterdir()] == ["a.json"]


def test_rows_are_kept_as_they_are_measured(here, capsys):
    def rows():
        yield {"count": 1}
        assert json.loads((here / "a.json").read_text())["results"] == [{"count": 1}]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_rows(here / "a.json", "audit x", rows(), data="noise", seed=1)
    record = json.loads((here / "a.json").read_text())
    assert (record["name"], record["seed"], record["data"]) == ("audit x", 1, {"name": "noise"})
    assert capsys.readouterr().out == "{'count': 1}\n"
