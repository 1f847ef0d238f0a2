"""Datasets at ``hf://`` addresses, read and written through fsspec."""

import json

from datasets import load_dataset, load_from_disk

from tests.secrets import find_secret

ENCRYPT = """
import sys
from huggingface_hub import HfApi
from hf_etc.cli import main
HfApi().create_repo("tester/addressed", repo_type="dataset", exist_ok=True)
sys.exit(main(["encrypt", "{source}", "{destination}", "--key", "{key}", "--num-proc", "2"]))
"""


def test_from_the_hub_and_to_the_hub(hub, process, work, owner_key, tmp_path):
    key, address = work / "owner.key", "hf://datasets/tester/addressed"
    done = process(ENCRYPT.format(source=work / "plain", destination=address, key=key))
    assert done.status == 0, done.text
    assert "96 images encrypted" in done.last_line
    again = process(ENCRYPT.format(source=work / "plain", destination=address, key=key))
    assert again.last_line.endswith("0 images encrypted; 96 were finished before"), again.text

    files = hub.repositories["datasets", "tester/addressed"].files("main")[1]
    assert json.loads(files["hf-etc.json"])["complete"]
    shards = [name for name in sorted(files) if name.endswith(".parquet")]
    assert shards == ["data/test-00000-of-00001.parquet", "data/train-00000-of-00001.parquet"]
    assert [name for name in sorted(files) if name not in shards] == [
        ".gitattributes",
        ".hf-etc-finished",
        "hf-etc.json",
    ]
    assert find_secret(owner_key, hub.everything_stored()) == []

    decrypt = ENCRYPT.replace('"encrypt"', '"decrypt"')
    done = process(decrypt.format(source=address, destination=tmp_path / "decrypted", key=key))
    assert done.status == 0, done.text
    decrypted, plain = load_dataset(str(tmp_path / "decrypted")), load_from_disk(work / "plain")
    for split in plain:
        assert decrypted[split]["label"] == plain[split]["label"]
        assert [image.tobytes() for image in decrypted[split]["image"]] == [
            image.convert("RGB").tobytes() for image in plain[split]["image"]
        ]
