"""What is pushed comes back in another process, and no key was ever sent."""

import json

import pytest
from huggingface_hub import DatasetCard, ModelCard

from hf_etc import EtcCipher
from tests.secrets import find_secret
from tests.training.training_helpers import flags


@pytest.fixture(scope="module")
def pushed(hub, process, work):
    """The outcome of pushing the model and the dataset with the command."""
    outcome = process(
        f"""
        from hf_etc import cli
        work = {str(work)!r}
        assert cli.main(["push", work + "/model", "tester/model", "--dataset", "uoft-cs/cifar10"]) == 0
        assert cli.main(["push", work + "/ciphertexts", "tester/data", "--private"]) == 0
    """,
        HF_ETC_KEY_FILE=str(work / "owner.key"),
    )
    assert outcome.status == 0, outcome.text
    return outcome


def stored(hub, kind, repo):
    return hub.repositories[kind, repo].files("main")[1]


def test_the_command_says_what_it_does_and_where_it_went(pushed, hub, work):
    lines = [line for line in pushed.text.splitlines() if line.startswith((str(work), "http"))]
    assert lines[0] == f"{work}/model: looking for keys, tokens and plain images, then uploading the model"
    assert lines[1].startswith(f"{hub.url}/tester/model/commit/")
    assert lines[3].startswith(f"{hub.url}/datasets/tester/data/commit/")
    asked = [json.loads(one.body) for one in hub.requests if one.path == "/api/repos/create"]
    visibility = {one["name"]: one.get("visibility") for one in asked}
    assert (visibility["model"], visibility["data"]) == (None, "private")


def test_a_fresh_process_loads_and_classifies(pushed, process, work):
    """As in the cards: client, server, pipeline, dataset."""
    outcome = process.fresh(f"""
        import torch
        from transformers import AutoImageProcessor, AutoModelForImageClassification, pipeline
        from datasets import load_dataset, load_from_disk
        from hf_etc import EtcCipher, EtcImageProcessor, EtcKey

        key = EtcKey.load("{work}/owner.key")
        client = EtcImageProcessor.from_pretrained("tester/model", key=key, allow_weak=True)
        server = AutoImageProcessor.from_pretrained("tester/model")
        assert client.is_client and not server.is_client and type(server) is EtcImageProcessor
        model = AutoModelForImageClassification.from_pretrained("tester/model")
        local = AutoModelForImageClassification.from_pretrained("{work}/model")
        assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), local.state_dict().values()))

        plain, data = load_from_disk("{work}/plain"), load_dataset("tester/data")
        assert data.num_rows == {{"train": 64, "test": 32}} and data["test"].features == plain["test"].features
        assert data["test"]["label"] == plain["test"]["label"]
        cipher = EtcCipher(key)
        assert cipher.decrypt(data["test"][5]["image"]).tobytes() == plain["test"][5]["image"].tobytes()

        picture, ciphertext = plain["test"][5]["image"], client.encrypt(plain["test"][5]["image"])[0]
        logits = model.eval()(**server(ciphertext, return_tensors="pt")).logits
        expected = model.config.id2label[int(logits.argmax())]
        assert pipeline("image-classification", "tester/model", image_processor=client)(picture)[0]["label"] == expected
        assert pipeline("image-classification", "tester/model")(data["test"][5]["image"])[0]["label"] == expected
        try:
            pipeline("image-classification", "tester/model")(picture)
        except Exception as error:
            print(type(error).__name__, error)
    """)
    assert outcome.status == 0, outcome.text
    assert "\nNotACiphertextError this is a plain image" in "\n" + outcome.text


def test_what_was_pushed_is_what_the_model_needs(pushed, hub):
    assert sorted(stored(hub, "models", "tester/model")) == [
        ".gitattributes",
        "README.md",
        "config.json",
        "evaluation.json",
        "model.safetensors",
        "modeling_hf_etc.py",
        "preprocessor_config.json",
    ]
    assert hub.repositories["models", "tester/model"].lfs_paths == {"model.safetensors"}


def test_the_card_of_the_model_says_what_was_measured(pushed, hub, work, owner_key):
    card = ModelCard(stored(hub, "models", "tester/model")["README.md"].decode())
    record = json.loads((work / "model" / "evaluation.json").read_text())
    assert card.data.pipeline_tag == "image-classification" and card.data.datasets == ["uoft-cs/cifar10"]
    results = {one.metric_name: one for one in card.data.eval_results}
    assert {name: one.metric_value for name, one in results.items()} == {
        f"top-1 accuracy, {condition}": value for condition, value in record["results"]["top1"].items()
    }
    one = results["top-1 accuracy, right key, JPEG 85"]
    assert (one.dataset_name, one.dataset_split, one.dataset_args) == ("plain", "test", {"images": 8, "classes": 4})
    for text in (
        "**8 images** of `plain`, split `test`, 4 classes, images of 32x32 pixels, seed 0",
        "| guessing | 25.00 % |",
        "uncertain by up to 35.4 points",
        "| network | IsotropicForImageClassification, ",
        "| block size | 16 |",
        f"| cipher id | {EtcCipher(owner_key).cipher_id(32, 32)} |",
        "## What this does not protect",
        'EtcImageProcessor.from_pretrained("tester/model", key=EtcKey.load("my.key"))',
    ):
        assert text in card.text, text


def test_the_card_of_the_dataset(pushed, hub, owner_key):
    card = DatasetCard(stored(hub, "datasets", "tester/data")["README.md"].decode())
    assert card.data["task_categories"] == ["image-classification"]
    assert card.data["dataset_info"]["splits"][0]["num_examples"] == 64  # what datasets wrote is kept
    for text in (
        "| size (height x width) | 32x32 |",
        f"| cipher id | {EtcCipher(owner_key).cipher_id(32, 32)} |",
        "| images, split train | 64 |",
        'load_dataset("tester/data")',
        "One key encrypts every image.",
    ):
        assert text in card.text, text


def test_objects_push_themselves_and_a_training_does(pushed, hub, process, work):
    """model.push_to_hub, processor.push_to_hub, dataset through push_dataset, and --push_to_hub."""
    few = {"max_train_samples": 16, "max_eval_samples": 8, "push_to_hub": True}
    trained = flags("run", work / "ciphertexts", hub_model_id="tester/trained", **few)
    baseline = flags("plain-run", work / "plain", hub_model_id="tester/baseline", protocol="plain", **few)
    outcome = process(f"""
        import os
        from datasets import load_from_disk
        from transformers import AutoModelForImageClassification
        from hf_etc import EtcImageProcessor, EtcKey
        from hf_etc.hub import push_dataset
        from hf_etc import cli
        key = EtcKey.load("{work}/owner.key")
        AutoModelForImageClassification.from_pretrained("{work}/model").push_to_hub("tester/objects")
        EtcImageProcessor.from_pretrained("{work}/model", key=key, allow_weak=True).push_to_hub("tester/objects")
        push_dataset(load_from_disk("{work}/ciphertexts")["test"], "tester/split")
        assert cli.main(["train", *{trained}]) == 0
        assert cli.main(["train", *{baseline}]) == 0
        client = EtcImageProcessor.from_pretrained("tester/objects", key=key, allow_weak=True)
        AutoModelForImageClassification.from_pretrained("tester/objects")
        os.environ.pop("HF_TOKEN")
        assert cli.main({["train", *(word.replace("run", "other-run") for word in trained)]}) == 2
    """)
    assert outcome.status == 0, outcome.text
    assert outcome.last_line.startswith(f"hf-etc: error: there is no token for {hub.url}; log in with: hf auth login")
    for repo in ("tester/trained", "tester/baseline"):
        files = stored(hub, "models", repo)
        assert {"README.md", "config.json", "model.safetensors", "preprocessor_config.json"} <= set(files)
        assert not set(files) & {"training_args.bin", "trainer_state.json"}
    assert b"An image classifier for encrypted (EtC) images" in stored(hub, "models", "tester/trained")["README.md"]
    assert b"the baseline of an encrypted-domain model" in stored(hub, "models", "tester/baseline")["README.md"]
    assert "| images, split train | 32 |" in stored(hub, "datasets", "tester/split")["README.md"].decode()


def test_nothing_the_server_got_holds_the_key(pushed, hub, owner_key, work):
    """Runs last in this file; the search would find the key file's text."""
    everything = hub.everything_stored()
    assert EtcCipher(owner_key).cipher_id(32, 32).encode() in everything and len(hub.requests) > 20
    assert find_secret(owner_key, everything) == []
    for files in (files for repo in hub.repositories.values() for files in repo.commits.values()):
        for content in files.values():  # each by itself, compressed members included
            assert find_secret(owner_key, content) == []
    assert find_secret(owner_key, everything + (work / "owner.key").read_bytes())
    assert str(work).encode() not in everything
