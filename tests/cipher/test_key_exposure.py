"""No file, log line, pickle or traceback of encrypting and decrypting holds the key, in any encoding."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from hf_etc import EtcKey
from tests.helpers import noise
from tests.secrets import find_secret, scan_tree

ROOT = Path(__file__).parents[2]

# Runs in a process of its own, in an empty folder; argument: the key file, which lies elsewhere.
LIBRARY = '''
import copy, io, logging, pickle, sys, traceback
import dill
import numpy as np
import torch
from pathlib import Path
logging.basicConfig(level=logging.DEBUG)
import datasets
from datasets import ClassLabel, Dataset, DatasetDict, Features, load_from_disk
from PIL import Image
from hf_etc import EncryptImages, EtcKey
from hf_etc.data import DecryptImages, common_marker, encrypt_dataset
from hf_etc.data.convert import convert
datasets.logging.set_verbosity_debug()

key = EtcKey.load(sys.argv[1])
noise = np.random.default_rng(0)
pictures = [Image.fromarray(noise.integers(0, 256, (32, 32, 3), np.uint8)) for _ in range(8)]
features = Features({"image": datasets.Image(), "label": ClassLabel(num_classes=2)})
plain = Dataset.from_dict({"image": pictures, "label": [0, 1] * 4}, features=features)
plain.save_to_disk("plain")
plain = load_from_disk("plain")

encrypt = EncryptImages(key, block_size=8)
cached = plain.map(encrypt, batched=True, num_proc=2, desc="encrypting")
cached.map(DecryptImages(key), batched=True, num_proc=2)
encrypt_dataset(DatasetDict(train=plain, test=plain), key, views=2, key_scope="image").save_to_disk("encrypted")
cached.to_parquet("encrypted.parquet")
print(list(encrypt_dataset(plain.to_iterable_dataset(), key))[0], common_marker(cached), encrypt, DecryptImages(key))
for name, dump in (("pickle", pickle.dump), ("dill", dill.dump)):
    with open(f"encrypt.{name}", "wb") as file:
        dump([encrypt, copy.copy(encrypt), copy.deepcopy(encrypt), DecryptImages(key)], file)
torch.save({"map": encrypt}, "encrypt.pt")
for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
    Path(f"encrypt.{protocol}").write_bytes(pickle.dumps(encrypt, protocol))

def fail(name, work):
    """Write down all that a crash reporter can: the traceback with every local variable."""
    try:
        work()
    except Exception as error:
        report = traceback.TracebackException.from_exception(error, capture_locals=True)
        Path(f"{name}.traceback").write_text("".join(report.format()))
        Path(f"{name}.frames").write_text("".join(
            f"{frame.f_locals!r}" for frame, _ in traceback.walk_tb(error.__traceback__)))
        logging.exception(name)
    else:
        raise AssertionError(f"{name} did not fail")

fail("twice", lambda: cached.map(encrypt, batched=True, load_from_cache_file=False))
fail("twice-in-workers", lambda: cached.map(encrypt, batched=True, num_proc=2, load_from_cache_file=False))
fail("plain", lambda: plain.map(DecryptImages(key), batched=True))
fail("key-in-arguments", lambda: plain.map(lambda batch, key: 1 / 0, fn_kwargs={"key": key}))
fail("pickled-key", lambda: pickle.dumps(key))
fail("bad-parameter", lambda: EncryptImages(key, block_size=-1))
fail("bad-folder", lambda: convert("encrypted", "again", encrypt, num_proc=2))
'''

COMMANDS = """
hf-etc encrypt photos encrypted --key {key} --num-proc 2
hf-etc encrypt photos encrypted --key {key} --block-size 8
hf-etc decrypt encrypted decrypted --key {key}
hf-etc encrypt photos rows --key {key} --layout parquet --format jpeg --key-scope image
hf-etc encrypt photos files --key {key} --layout imagefolder --views 2
hf-etc encrypt encrypted twice --key {key}
hf-etc decrypt photos never --key {key}
hf-etc encrypt photos/0.png {text} --key {key}
hf-etc encrypt photos other --key {text}
hf-etc inspect rows --json
hf-etc keygen {key}
"""


def run(folder, log, *command, **environment):
    home = {"HF_HOME": str(folder / "home"), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    with (folder / log).open("ab") as file:
        return subprocess.run(command, cwd=folder, env=os.environ | home | environment, stdout=file, stderr=file)


@pytest.fixture
def written(tmp_path):
    """A folder for all that is written, and a key in a file outside of it."""
    folder = tmp_path / "written"
    folder.mkdir()
    assert run(folder, "keygen.log", sys.executable, "-m", "hf_etc", "keygen", tmp_path / "my.key").returncode == 0
    return folder, tmp_path / "my.key"


def test_the_library_writes_no_key(written):
    folder, key_file = written
    key = EtcKey.load(key_file)
    status = run(folder, "library.log", sys.executable, "-c", LIBRARY, str(key_file)).returncode
    log = (folder / "library.log").read_text()
    assert status == 0, log[-3000:]
    assert key.key_id in log
    files = [path for path in folder.rglob("*") if path.is_file()]
    for expected in ("cache-*.arrow", "*.traceback", "*.frames", "encrypt.[0-9]", "*.parquet"):
        assert any(path.match(expected) for path in files), expected
    assert scan_tree(key, folder) == []


def test_the_command_writes_no_key(written):
    folder, key_file = written
    key = EtcKey.load(key_file)
    (folder / "photos").mkdir()
    for i in range(20):
        Image.fromarray(noise(32, 32, 3, seed=i)).save(folder / "photos" / f"{i}.png")
    for line in COMMANDS.strip().splitlines():
        words = [word.format(key=key_file, text=key.reveal()) for word in line.split()[1:]]
        run(folder, "command.log", sys.executable, "-m", "hf_etc", *words, HF_DEBUG="1")
    log = (folder / "command.log").read_text()
    assert log.count("images encrypted") == 3
    assert log.count("hf-etc: error: a key was given on the command line") == 2
    assert scan_tree(key, folder) == []


def test_the_search_would_find_it(tmp_path):
    key = EtcKey.generate()
    key.save(tmp_path / "my.key")
    assert scan_tree(key, tmp_path)
    assert find_secret(key, repr(key)) == []
