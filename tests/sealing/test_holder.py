"""A key stays where it is when what holds it travels."""

import copy
import gc
import io
import pickle

import dill
import numpy as np
import pytest
import torch

from hf_etc import EncryptImages, EtcImageProcessor, EtcKey
from hf_etc.cipher import EtcSpec
from hf_etc.data import DecryptImages
from hf_etc.errors import MissingKeyError
from hf_etc.sealing import KeyHolder, Recipe, Sealer, Unsealer

from ..secrets import find_secret

HOLDERS = {
    "KeyHolder": KeyHolder,
    "Sealer": lambda key: Sealer(key, Recipe.of()),
    "its method": lambda key: Sealer(key, Recipe.of()).encrypt,
    "Unsealer": Unsealer,
    "EncryptImages": EncryptImages,
    "DecryptImages": DecryptImages,
    "EtcImageProcessor": EtcImageProcessor,
}


def holder_of(one):
    """The KeyHolder inside, once its cipher was used: plans are as secret as the key."""
    one = getattr(one, "__self__", one)
    one = one.sealer() if isinstance(one, EtcImageProcessor) else getattr(one, "converter", one)
    held = getattr(one, "held", one)
    held.cipher(EtcSpec()).encrypt(np.zeros((32, 32, 3), np.uint8))
    return held


def saved_by_torch(one):
    buffer = io.BytesIO()
    torch.save(one, buffer)
    return buffer.getvalue()


@pytest.mark.parametrize("name", HOLDERS)
def test_no_key_in_anything_that_is_written(name):
    key = EtcKey.generate()
    one = HOLDERS[name](key)
    holder_of(one)
    copied = copy.deepcopy(one)
    written = [pickle.dumps(one, protocol) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)]
    written += [pickle.dumps(copied), dill.dumps(one), saved_by_torch(one)]
    written += [text.encode() for text in (repr(one), repr(copied), str(getattr(one, "__dict__", "")))]
    for data in written:
        assert find_secret(key, data) == []
        assert len(data) < 6000, "there is room for a plan"


@pytest.mark.parametrize("name", HOLDERS)
def test_copies_share_the_key_and_pickles_find_it_again(name, monkeypatch):
    key = EtcKey.generate()
    one = HOLDERS[name](key)
    copies, pickled = (copy.copy(one), copy.deepcopy(one)), pickle.dumps(one)
    assert all(holder_of(other).find() is key for other in (*copies, pickle.loads(pickled)))
    text, lost = key.reveal(), pickle.loads(pickled)
    del key, one, copies
    gc.collect()
    with pytest.raises(MissingKeyError, match="this process does not have the key"):
        holder_of(lost)
    monkeypatch.setenv("HF_ETC_KEY", EtcKey.generate().reveal())
    with pytest.raises(MissingKeyError, match="the environment holds another"):
        holder_of(lost)
    monkeypatch.setenv("HF_ETC_KEY", text)
    assert holder_of(lost).find().reveal() == text


def test_a_cipher_is_made_once(key):
    held = KeyHolder(key)
    assert held.cipher(EtcSpec()) is held.cipher(EtcSpec(block_size=16)) is copy.deepcopy(held).cipher(EtcSpec())
    assert held.cipher(EtcSpec(block_size=8)).spec.block_size == 8
