"""Crafted and damaged tables: refused in one line.

Pyarrow follows a wrong offset out of its memory, and the process ends; so these checks run in processes of their own.
"""

import json
import pickle

import numpy as np
import pyarrow as pa
import pytest
from datasets import Dataset

from hf_etc.hub.scan import check_file
from tests.hub.planted.carriers import arrow_file
from tests.hub.samples import arrow, parquet

FAR = 2**30


def with_far_offsets(data, width):
    """A file of three values of sixteen bytes each, whose offsets point a gigabyte behind them."""
    before, after = (np.array(at, width).tobytes() for at in ([0, 16, 32, 48], [0, FAR, FAR + 16, FAR + 32]))
    assert data.count(before) == 1
    return data.replace(before, after)


def table(kind):
    return pa.table({"a": pa.array([b"sixteen bytes, !"] * 3, kind)})


def with_far_indices():
    before = np.tile(np.array([0, 1], np.int32), 8)
    data = arrow_file(pa.table({"a": pa.DictionaryArray.from_arrays(pa.array(before), pa.array([b"ab", b"cd"]))}))
    assert data.count(before.tobytes()) == 1
    return data.replace(before.tobytes(), np.full(16, FAR, np.int32).tobytes())


CRAFTED = {
    "stream of bytes": with_far_offsets(arrow([b"sixteen bytes, !"] * 3), np.int32),
    "file of bytes": with_far_offsets(arrow_file(table(pa.binary())), np.int32),
    "file of large bytes": with_far_offsets(arrow_file(table(pa.large_binary())), np.int64),
    "file of texts": with_far_offsets(arrow_file(table(pa.string())), np.int32),
    "dictionary": with_far_indices(),
}


CHECK = """
import json, pickle, sys
from hf_etc.errors import UploadRefusedError
from hf_etc.hub.scan import check_file
said = []
for data in pickle.load(open({path!r}, "rb")):
    try:
        check_file({name!r}, data)
        said.append("")
    except UploadRefusedError as error:
        said.append(str(error))
print(json.dumps(said))
"""
PUSH = """
from hf_etc.errors import UploadRefusedError
from hf_etc.hub import push_dataset
try:
    push_dataset({path!r}, "tester/crafted")
except UploadRefusedError as error:
    print(error)
"""


@pytest.fixture
def check_apart(process, tmp_path):
    """Checks files of one name in a process of its own, which must live to the end; returns what is said of each."""

    def check(name, files):
        (tmp_path / "files").write_bytes(pickle.dumps(files))
        outcome = process(CHECK.format(path=str(tmp_path / "files"), name=name))
        assert outcome.status == 0, outcome
        return json.loads(outcome.last_line)

    return check


def test_a_crafted_file_is_refused_and_the_process_goes_on(check_apart):
    for line in check_apart("a.arrow", list(CRAFTED.values())):
        assert line.startswith("a.arrow cannot be looked into (In column 0: ") and line.endswith("; leave it out")


def test_a_crafted_dataset_is_refused_and_the_process_goes_on(process, tmp_path):
    Dataset.from_dict({"a": [b"sixteen bytes, !"] * 3}).save_to_disk(tmp_path / "data")
    [file] = (tmp_path / "data").glob("*.arrow")
    file.write_bytes(with_far_offsets(file.read_bytes(), np.int32))
    outcome = process(PUSH.format(path=str(tmp_path / "data")))
    assert outcome.status == 0 and outcome.last_line.startswith("split train is damaged (Column 0: "), outcome
    assert outcome.last_line.endswith("; make the dataset again")


@pytest.mark.parametrize(
    ("name", "seed"),
    [
        ("a.arrow", arrow(["a", "bc"] * 99)),
        ("a.arrow", arrow_file(table(pa.binary()))),
        ("a.parquet", parquet(["a"] * 99)),
    ],
    ids=["stream", "file", "parquet"],
)
def test_no_damage_by_chance_ends_the_process(check_apart, name, seed):
    """A few files with some bytes changed; sixteen thousand were tried when this was written."""
    rng = np.random.default_rng(0)
    files = []
    for _ in range(100):
        data = np.frombuffer(seed, np.uint8).copy()
        data[rng.integers(0, len(data), 3)] = rng.integers(0, 256, 3)
        files.append(data.tobytes())
    assert sum("cannot be looked into" in line for line in check_apart(name, files)) > 20


def test_the_same_files_undamaged_pass():
    for kind in (pa.binary(), pa.large_binary(), pa.string()):
        check_file("a.arrow", arrow_file(table(kind)))
    check_file("a.arrow", arrow([b"sixteen bytes, !"] * 3))
