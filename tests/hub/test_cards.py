"""Cards say what was measured, on how much, and refuse records of something else."""

import json

import pytest
from huggingface_hub import ModelCard
from transformers import ViTImageProcessor

from hf_etc import EtcImageProcessor, EtcKey
from hf_etc.cipher import EtcSpec
from hf_etc.errors import KeyMismatchError, ParameterError
from hf_etc.hub.cards import dataset_card, model_card
from hf_etc.hub.guard import Encryption
from hf_etc.hub.results import read_evaluation
from hf_etc.records import result_record, write_json

ID = "0123456789abcdef" * 2


@pytest.fixture
def processor(key):
    return EtcImageProcessor(size=(32, 48), block_size=8, key_scope="image", cipher_id=ID)


@pytest.fixture
def record(tmp_path, key):
    """A record as `hf-etc evaluate` writes it, with some members changed."""

    def write(file="record.json", cipher_id=ID, top1=None, **data):
        data = {"name": "digits", "split": "test", "images": 400, "classes": ["a", "b"]} | data
        results = {"top1": top1 or {"right key": 0.9125, "wrong key": 0.5}, "chance": 0.5}
        settings = {"cipher_id": cipher_id} if cipher_id else {}
        write_json(tmp_path / file, result_record("evaluation", results, data=data, seed=3, settings=settings))
        return tmp_path / file

    return write


def test_without_a_record_a_card_claims_nothing(processor, key):
    card = model_card("a/b", processor, "Net, 9 parameters")
    assert "No accuracy was measured for this card." in card.text
    assert card.data.eval_results is None and card.data.datasets is None
    assert f"| cipher id | {ID} |" in card.text and "| size (height x width) | 32x48 |" in card.text
    assert "| key scope | image |" in card.text and "like a jigsaw" in " ".join(card.text.split())
    assert max(map(len, card.text.splitlines())) <= 120
    assert "from hf_etc import EtcImageProcessor" in card.text, "what makes the Auto classes know the processor"
    assert "\nimport hf_etc\n" in model_card("a/b", ViTImageProcessor(), "Net").text


def test_two_records(processor, record):
    records = [record(), record("b.json", name="uoft-cs/cifar10", images=10000, split=None, top1={"right key": 0.5})]
    card = ModelCard(str(model_card("a/b", processor, "Net", records, ["x/y"])))
    assert [(one.dataset_name, one.dataset_args["images"], one.metric_value) for one in card.data.eval_results] == [
        ("digits", 400, 0.9125),
        ("digits", 400, 0.5),
        ("uoft-cs/cifar10", 10000, 0.5),
    ]
    text = " ".join(card.text.split())
    assert "**400 images** of `digits`, split `test`, 2 classes, images of 32x48 pixels, seed 3" in text
    assert "**10000 images** of `uoft-cs/cifar10`, 2 classes" in text
    assert "| right key | 91.25 % |" in text and "| guessing | 50.00 % |" in text
    assert "uncertain by up to 5.0 points" in text and "uncertain by up to 1.0 points" in text
    assert "Trained on `x/y`." in text


def test_a_record_of_another_model_is_refused(processor, record):
    with pytest.raises(KeyMismatchError, match="was measured under cipher ffff"):
        model_card("a/b", processor, "Net", [record(cipher_id="f" * 32)])
    with pytest.raises(KeyMismatchError, match="under cipher None"):
        model_card("a/b", processor, "Net", [record(cipher_id=None)])


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"data": 1}', '{"results": {"top1": 1}}'])
def test_other_files_are_no_records(processor, tmp_path, content):
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(ParameterError, match="make one with: hf-etc evaluate"):
        model_card("a/b", processor, "Net", [tmp_path / "a.json"])
    with pytest.raises(ParameterError, match="is not a record"):
        read_evaluation(tmp_path / "absent.json", None)


@pytest.mark.parametrize("name", ["/data/private", "../x", "a/b/c", "", "a b"])
def test_datasets_have_names_of_the_hub(processor, name):
    with pytest.raises(ParameterError, match="is not a dataset's name on the Hub"):
        model_card("a/b", processor, "Net", (), [name])


def test_the_card_of_a_plain_model(record):
    card = model_card("a/b", ViTImageProcessor(size={"height": 32, "width": 32}), "Net", [record(cipher_id=None)])
    assert "An image classifier for **plain** images" in card.text and "It protects nothing." in card.text
    assert "encrypted-images" not in card.data.tags and "key id" not in card.text


def test_a_dataset_of_several_sizes(processor):
    encryption = Encryption(processor.spec, "0123456789abcdef", frozenset({(8, 8), (16, 8)}), {"train": 1234})
    card = dataset_card("a/b", encryption)
    assert "| size (height x width) | 2 different ones |" in card.text
    assert "| images, split train | 1,234 |" in card.text
    assert card.data["tags"] == ["encrypted-images", "hf-etc", "privacy"]


def test_no_card_needs_a_key(processor, monkeypatch):
    monkeypatch.setattr(EtcKey, "__init__", None)
    json.dumps(model_card("a/b", processor, "Net").data.to_dict())


def test_a_model_of_any_key_says_so():
    card = model_card("a/b", EtcImageProcessor(size=224, preset="private"), "Net")
    text = " ".join(card.text.split())
    assert "what was encrypted with the parameters below, under any key" in text and "None" not in text
    assert "| cipher id | none: it takes any key |" in card.text and "| gap | 12 |" in card.text
    assert "Any key does, or disposable=True in place of one." in card.text
    assert max(map(len, card.text.splitlines())) <= 120


def test_a_dataset_of_disposable_keys_says_that_nobody_decrypts():
    spec = EtcSpec("image", 16, gap=4, disposable=True)
    card = dataset_card("a/b", Encryption(spec, frozenset(), frozenset([(64, 64)]), {"train": 2}))
    assert "nobody can decrypt it" in card.text and "hf-etc decrypt" not in card.text
    assert "| cipher id | none |" in card.text
    several = dataset_card(
        "a/b", Encryption(spec.with_kept_key(), frozenset([ID, "0" * 32]), frozenset([(64, 64)]), {})
    )
    assert "| cipher id | 2 different ones, of several keys |" in several.text and "hf-etc decrypt" in several.text
