"""EtcImageProcessor saved, loaded, copied and pickled: public parameters only, and never the key."""

import copy
import gc
import json
import logging
import pickle

import pytest
import torch
from transformers import CLIPImageProcessor, ViTImageProcessor, ViTImageProcessorPil
from transformers.utils import logging as transformers_logging

from hf_etc import Cipher, EtcCipher, EtcImageProcessor, EtcKey, Preparation, list_ciphers
from hf_etc.errors import EtcError, KeyMismatchError, MissingKeyError, NotACiphertextError, ParameterError

from ..secrets import find_secret, scan_tree
from .helpers import KEY, OPTIONS, OTHER, values

# Saving and loading


def test_the_saved_configuration_is_exactly_this(client, server, tmp_path):
    expected = {
        "image_processor_type": "EtcImageProcessor",
        "cipher": {
            "cipher": "etc",
            "key_scope": "dataset",
            "block_size": 8,
            "steps": ["permutation", "rotation", "negative-positive", "color"],
            "shared_block_key": False,
        },
        "cipher_id": EtcCipher(KEY, 8).cipher_id(32, 48),
        "size": {"encrypted_height": 32, "encrypted_width": 48},
        "fit": "crop",
        "resample": "bicubic",
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
    }
    for name, processor in (("client", client), ("server", server)):
        processor.save_pretrained(tmp_path / name)
        assert [file.name for file in (tmp_path / name).iterdir()] == ["preprocessor_config.json"]
        assert json.loads((tmp_path / name / "preprocessor_config.json").read_text()) == expected


@pytest.mark.parametrize("name", list_ciphers())
def test_round_trip_through_a_folder(name, picture, tmp_path):
    made = EtcImageProcessor(
        KEY, cipher=name, size=(64, 128), fit="pad", resample="bilinear", image_mean=[0.4, 0.5, 0.6]
    )
    made.save_pretrained(tmp_path)
    client = EtcImageProcessor.from_pretrained(tmp_path, key=KEY, allow_weak=name != "etc")
    server = EtcImageProcessor.from_pretrained(tmp_path)
    assert client.is_client and not server.is_client
    assert made.to_dict() == client.to_dict() == server.to_dict()
    assert (values(client, picture) == values(made, picture)).all()
    assert (values(server, made.encrypt(picture)) == values(made, picture)).all()
    assert not EtcImageProcessor.from_json_file(tmp_path / "preprocessor_config.json").is_client


def test_a_wrong_key_fails_at_once(client, tmp_path):
    client.save_pretrained(tmp_path)
    with pytest.raises(KeyMismatchError, match="was not made with this key"):
        EtcImageProcessor.from_pretrained(tmp_path, key=OTHER)
    with pytest.raises(MissingKeyError, match="EtcKey"):
        EtcImageProcessor.from_pretrained(tmp_path, key="owner.key")


def test_loading_can_change_values_and_preparation(client, tmp_path, picture):
    client.save_pretrained(tmp_path)
    loaded = EtcImageProcessor.from_pretrained(tmp_path, key=KEY, fit="stretch", do_normalize=False)
    assert loaded.preparation == Preparation((32, 48), "stretch")
    assert values(loaded, picture).min() >= 0
    loaded, unused = EtcImageProcessor.from_pretrained(tmp_path, return_unused_kwargs=True, other=1)
    assert unused == {"other": 1} and loaded.to_dict() == client.to_dict()


def test_loading_compares_the_cipher_with_what_is_expected(client, tmp_path):
    client.save_pretrained(tmp_path)
    expected = {"cipher": "etc", "block_size": 8, "steps": list(client.spec.steps), "size": [32, 48]}
    expected["cipher_id"] = client.cipher_id
    assert EtcImageProcessor.from_pretrained(tmp_path, key=KEY, **expected).spec == client.spec
    for change in (
        {"cipher": "pe"},
        {"block_size": 16},
        {"steps": ["color"]},
        {"key_scope": "image"},
        {"size": 64},
        {"size": None},
        {"shuffle_colors": True},
    ):
        with pytest.raises(ParameterError, match=f"{next(iter(change))}="):
            EtcImageProcessor.from_pretrained(tmp_path, key=KEY, **change)
    with pytest.raises(KeyMismatchError):
        EtcImageProcessor.from_pretrained(tmp_path, cipher_id=EtcCipher(OTHER, 8).cipher_id(32, 48))
    with pytest.raises(ParameterError, match="do_resize"):
        EtcImageProcessor.from_pretrained(tmp_path, do_resize=False)


def test_other_configurations_are_refused(client, tmp_path):
    ViTImageProcessor().save_pretrained(tmp_path)
    with pytest.raises(ParameterError, match="type ViTImageProcessor"):
        EtcImageProcessor.from_pretrained(tmp_path, key=KEY)
    for change in (
        {"image_processor_type": None},
        {"cipher": {"cipher": "rot13"}},
        {"cipher": None},
        {"cipher_id": 7},
        {"size": {"height": 32, "width": 48}},
        {"size": {"encrypted_height": 32, "encrypted_width": None}},
        {"size": None},
        {"extra": 1},
        {"key": KEY.reveal()},
        {"cipher": {"cipher": "etc"}},
    ):
        with pytest.raises(ParameterError) as caught:
            EtcImageProcessor.from_dict(client.to_dict() | change)
        assert "hfetc2" not in str(caught.value)
    for name in client.to_dict():
        with pytest.raises(ParameterError, match=name if name != "image_processor_type" else "type None"):
            EtcImageProcessor.from_dict({k: v for k, v in client.to_dict().items() if k != name})


@pytest.mark.parametrize("plain", [ViTImageProcessor, ViTImageProcessorPil, CLIPImageProcessor])
@pytest.mark.parametrize("size", [32, None])
def test_a_processor_that_does_not_encrypt_refuses_the_configuration(plain, size, tmp_path):
    EtcImageProcessor(KEY, size=size).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="encrypted_height"):
        plain.from_pretrained(tmp_path)


# The key


def test_the_key_is_in_nothing_that_is_written(picture, tmp_path, caplog):
    key = EtcKey.generate()
    client = EtcImageProcessor(key, **OPTIONS)
    transformers_logging.set_verbosity_debug()
    transformers_logging.enable_propagation()
    try:
        with caplog.at_level(logging.DEBUG):
            client.save_pretrained(tmp_path)
            EtcImageProcessor.from_pretrained(tmp_path, key=key)(picture)
    finally:
        transformers_logging.set_verbosity_warning()
        transformers_logging.disable_propagation()
    assert "preprocessor_config.json" in caplog.text
    written = [str(client.to_dict()), client.to_json_string(), caplog.text, *client.encrypt(picture)]
    assert [find_secret(key, data) for data in written] == [[]] * 4
    assert scan_tree(key, tmp_path) == []
    assert not [value for value in vars(client).values() if isinstance(value, EtcKey | Cipher)]


def test_attributes_that_a_user_adds_are_not_saved(client):
    processor = copy.copy(client)
    processor.owner = KEY
    assert "owner" not in processor.to_dict()
    with pytest.raises(EtcError, match="never pickled"):
        pickle.dumps(processor)


def test_a_pickled_client_without_its_key_fails_closed(picture, tmp_path, monkeypatch):
    for name in ("HF_ETC_KEY", "HF_ETC_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)
    key = EtcKey.generate()
    key.save(tmp_path / "owner.key")
    client = EtcImageProcessor(key, **OPTIONS)
    expected, (sent,), pickled = values(client, picture), client.encrypt(picture), pickle.dumps(client)
    del key, client
    gc.collect()
    for use in (lambda p: p(picture), lambda p: p.encrypt(picture), lambda p: p(sent)):
        with pytest.raises(MissingKeyError):
            use(pickle.loads(pickled))
    OTHER.save(tmp_path / "other.key")
    monkeypatch.setenv("HF_ETC_KEY_FILE", str(tmp_path / "other.key"))
    with pytest.raises(MissingKeyError, match="the environment holds another"):
        pickle.loads(pickled)(picture)
    monkeypatch.setenv("HF_ETC_KEY_FILE", str(tmp_path / "owner.key"))
    found = pickle.loads(pickled)
    assert found.is_client and (values(found, picture) == expected).all()


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy])
def test_copies_are_clients_of_their_own(duplicate, picture, monkeypatch):
    monkeypatch.delenv("HF_ETC_KEY_FILE", raising=False)
    client = EtcImageProcessor(EtcKey.generate(), **OPTIONS)
    expected, copied = values(client, picture), duplicate(client)
    copied.do_normalize = False
    assert (values(client, picture) == expected).all()
    del client
    gc.collect()
    copied.do_normalize = True
    assert copied.is_client and (values(copied, picture) == expected).all()


def test_copies_of_a_server_are_servers(server, client, picture):
    for copied in (copy.copy(server), copy.deepcopy(server), pickle.loads(pickle.dumps(server))):
        assert not copied.is_client
        assert (values(copied, client.encrypt(picture)) == values(client, picture)).all()
        with pytest.raises(NotACiphertextError):
            copied(picture)


def test_a_client_as_collate_function_of_a_forked_loader_worker(client, picture):
    workers = {"num_workers": 1, "multiprocessing_context": "fork"}
    loader = torch.utils.data.DataLoader([picture] * 4, batch_size=2, collate_fn=client, **workers)
    expected = values(client, picture)
    assert [(batch.pixel_values[0] == expected[0]).all() for batch in loader] == [True, True]
