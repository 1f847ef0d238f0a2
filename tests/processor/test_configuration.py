"""Whoever publishes a model writes its configuration, and cannot make a client encrypt in a weaker way."""

import json

import numpy as np
import pytest
from PIL import Image

from hf_etc import Cipher, EtcCipher, EtcImageProcessor, EtcKey, get_cipher, read_marker
from hf_etc.errors import KeyMismatchError, ParameterError

KEY, ATTACKER = EtcKey(bytes(range(32))), EtcKey(bytes(range(1, 33)))
OWNERS = {"cipher": "etc", "key_scope": "image", "block_size": 16}
STEPS = ["permutation", "rotation", "negative-positive", "color"]
SIZE = {"encrypted_height": 224, "encrypted_width": 224}
WEAKENED = {
    "le": {"cipher": {"cipher": "le", "key_scope": "image"}},
    "ele": {"cipher": {"cipher": "ele", "key_scope": "image"}},
    "pe": {"cipher": {"cipher": "pe", "key_scope": "image"}},
    **{f"only {step}": {"cipher": OWNERS | {"steps": [step]}} for step in STEPS},
    "one block, one step": {"cipher": OWNERS | {"steps": ["negative-positive"], "block_size": 224}},
    "shared block key": {"cipher": OWNERS | {"shared_block_key": True}},
    "16x16": {"size": {"encrypted_height": 16, "encrypted_width": 16}},
    "key scope dataset": {"cipher": OWNERS | {"key_scope": "dataset"}},
    "any size": {"size": {"encrypted_height": None, "encrypted_width": None}, "fit": "crop"},
}


@pytest.fixture(scope="module")
def published():
    """The configuration that the owner published."""
    return EtcImageProcessor(KEY, size=224, **OWNERS).to_dict()


def load(folder, configuration, **kwargs):
    (folder / "preprocessor_config.json").write_text(json.dumps(configuration))
    return EtcImageProcessor.from_pretrained(folder, key=KEY, **kwargs)


def test_the_owners_configuration_loads(published, tmp_path):
    client = load(tmp_path, published)
    assert client.is_client and read_marker(client.encrypt(np.zeros((50, 60, 3), np.uint8))[0]).spec == client.spec


@pytest.mark.parametrize("name", WEAKENED)
def test_twelve_weakened_configurations_are_refused(name, published, tmp_path):
    """With the owner's id, with one made under a key of the attacker's, and with a random one."""
    assert len(WEAKENED) == 12
    changed = published | WEAKENED[name]
    server = EtcImageProcessor.from_dict(changed)
    size = server.preparation.size or (None, None)
    ids = [published["cipher_id"], Cipher(ATTACKER, server.spec).cipher_id(*size), "0123456789abcdef" * 2]
    for cipher_id in ids:
        with pytest.raises(KeyMismatchError, match="its cipher or size was changed; nothing was encrypted"):
            load(tmp_path, changed | {"cipher_id": cipher_id}, allow_weak=True)


@pytest.mark.parametrize("name", [name for name in WEAKENED if name not in ("key scope dataset", "any size")])
def test_what_the_owner_once_published_in_a_weak_way_needs_a_word_of_the_owner(name, published, tmp_path):
    """Such ids are known, and would pass: a client refuses what is weak unless it is told otherwise."""
    changed = published | WEAKENED[name]
    server = EtcImageProcessor.from_dict(changed)
    replayed = changed | {"cipher_id": Cipher(KEY, server.spec).cipher_id(*server.preparation.size)}
    with pytest.raises(ParameterError, match=r"this configuration is weak \(.*pass allow_weak=True"):
        load(tmp_path, replayed)
    assert load(tmp_path, replayed, allow_weak=True).spec == server.spec


def test_pins_work_on_top(published, tmp_path):
    assert load(tmp_path, published, cipher="etc", size=224, block_size=16, key_scope="image").is_client
    with pytest.raises(ParameterError, match="key_scope='image', expected 'dataset'"):
        load(tmp_path, published, key_scope="dataset")


def test_a_pin_that_the_served_cipher_does_not_have_is_an_error(tmp_path):
    """`pe` has no blocks: who expects blocks of 16 is not served by it."""
    served = EtcImageProcessor(KEY, cipher="pe", size=32).to_dict()
    with pytest.raises(ParameterError, match="the model has block_size=None, expected 16"):
        load(tmp_path, served, block_size=16, allow_weak=True)


def test_a_server_takes_whatever_it_is_given_since_it_has_no_key(published):
    for change in WEAKENED.values():
        assert not EtcImageProcessor.from_dict(published | change).is_client


def test_settings_are_told_apart_without_the_default_block_size():
    assert EtcCipher(KEY).cipher_id(224, 224) == get_cipher("etc", KEY, block_size=16).cipher_id(224, 224)
    assert EtcCipher(KEY, 8).cipher_id(224, 224) != EtcCipher(KEY).cipher_id(224, 224)


def test_a_picture_of_the_reported_kind_is_not_sent(published, tmp_path):
    """One block of 224 pixels and the negative-positive step alone would send the picture pixel for pixel."""
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (224, 224, 3), np.uint8))
    changed = published | WEAKENED["one block, one step"]
    sent = []
    with pytest.raises(KeyMismatchError):
        sent += load(tmp_path, changed).encrypt(picture)
    assert not sent
