"""What the guard saw is what is sent, whatever happens to the originals meanwhile."""

import io
import shutil

import pyarrow.parquet as pq
import pytest
from datasets import Dataset, Features
from datasets import Image as ImageFeature

from tests.hub.samples import HUB_TOKEN, ciphertext, image_file

# Runs {call}; once {place} has returned, {target} is another file: written over, or another one by its name.
PUSH = """
import os, pathlib, shutil
from huggingface_hub import HfApi
from hf_etc.errors import EtcError
from hf_etc.hub import push, push_dataset, push_model

def swap():
    if {in_place}:
        pathlib.Path({target!r}).write_bytes(pathlib.Path({other!r}).read_bytes())
    else:
        shutil.copy({other!r}, {target!r} + ".new")
        os.replace({target!r} + ".new", {target!r})

def then_swap(function):
    def run(*arguments, **options):
        result = function(*arguments, **options)
        swap()
        return result
    return run

{place} = then_swap({place})
try:
    print({call})
except EtcError as error:
    print(type(error).__name__, error)
assert pathlib.Path({target!r}).read_bytes() == pathlib.Path({other!r}).read_bytes(), "nothing was swapped"
left = list((pathlib.Path(os.environ["HF_HOME"])).glob("hf-etc-push-*"))
assert not left, left
"""
SCAN, SCAN_OF_DATASET, REPOSITORY = "push.check_file", "push.check_dataset", "HfApi.create_repo"


@pytest.fixture
def model(work, tmp_path):
    shutil.copytree(work / "model", tmp_path / "model")
    return tmp_path / "model"


@pytest.fixture
def push(process, hub, tmp_path):
    """Pushes while `target` gets other content; returns the last line, and what the Hub was sent."""

    def run(call, target, content, place, in_place=True):
        (tmp_path / "other").write_bytes(content)
        before = len(hub.requests)
        names = {"target": str(target), "other": str(tmp_path / "other"), "place": place, "call": call}
        outcome = process(PUSH.format(**names, in_place=in_place))
        assert outcome.status == 0, outcome
        return outcome.last_line, b"".join(one.body for one in hub.requests[before:])

    return run


@pytest.mark.parametrize("in_place", [True, False])
@pytest.mark.parametrize("name", ["preprocessor_config.json", "model.safetensors", "evaluation.json"])
def test_a_file_swapped_after_the_scan_is_refused_and_nothing_is_sent(push, model, name, in_place):
    line, sent = push(f"push_model({str(model)!r}, 'tester/swapped')", model / name, HUB_TOKEN, SCAN, in_place)
    expected = f"{name} changed while it was looked at; push again when nothing writes to it"
    assert line == f"UploadRefusedError {expected}"
    assert sent == b""


@pytest.mark.parametrize("in_place", [True, False])
def test_a_file_swapped_on_the_way_arrives_as_it_was_seen(push, hub, work, model, in_place):
    repo = f"tester/on-the-way-{in_place}"
    call = f"push_model({str(model)!r}, {repo!r})"
    line, sent = push(call, model / "model.safetensors", HUB_TOKEN, REPOSITORY, in_place)
    assert "/commit/" in line and HUB_TOKEN not in sent
    arrived = hub.repositories["models", repo].files("main")[1]["model.safetensors"]
    assert arrived == (work / "model" / "model.safetensors").read_bytes()


@pytest.mark.parametrize("place", [SCAN_OF_DATASET, REPOSITORY])
def test_an_image_file_that_a_row_names_arrives_as_it_was_seen(push, hub, tmp_path, place):
    (tmp_path / "a.png").write_bytes(ciphertext())
    features = Features({"image": ImageFeature()})
    Dataset.from_dict({"image": [str(tmp_path / "a.png")]}, features=features).to_parquet(tmp_path / "a.parquet")
    repo = f"tester/named-{place.lower().replace('.', '-')}"
    call = f"push_dataset(__import__('datasets').Dataset.from_parquet({str(tmp_path / 'a.parquet')!r}), {repo!r})"
    line, sent = push(call, tmp_path / "a.png", image_file(), place)
    assert "/commit/" in line and image_file() not in sent
    assert images_of(hub, repo) == [ciphertext()]


def test_a_stored_dataset_arrives_as_it_was_seen(push, hub, tmp_path):
    features = Features({"image": ImageFeature()})
    kept = Dataset.from_dict({"image": [{"bytes": ciphertext(), "path": None}] * 9}, features=features)
    kept.save_to_disk(tmp_path / "data")
    [file] = (tmp_path / "data").glob("*.arrow")
    before = file.read_bytes()
    swapped = before.replace(ciphertext(), image_file().ljust(len(ciphertext()), b"\0")[: len(ciphertext())])
    assert swapped != before and len(swapped) == len(before)
    line, _ = push(f"push_dataset({str(tmp_path / 'data')!r}, 'tester/kept')", file, swapped, SCAN_OF_DATASET)
    assert "/commit/" in line
    assert images_of(hub, "tester/kept") == [ciphertext()] * 9


def images_of(hub, repo):
    files = hub.repositories["datasets", repo].files("main")[1]
    tables = [pq.read_table(io.BytesIO(data)) for name, data in files.items() if name.endswith(".parquet")]
    return [row["image"]["bytes"] for table in tables for row in table.to_pylist()]
