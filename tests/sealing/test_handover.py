"""Keys reach the processes that are started here, by whatever method, and no pickle that anybody could keep."""

import multiprocessing
import pickle
from multiprocessing.process import current_process
from multiprocessing.reduction import ForkingPickler

import dill
import pytest
from PIL import Image
from torch.utils.data import DataLoader

from hf_etc import EncryptImages, EtcKey
from hf_etc.cipher.handover import withheld
from hf_etc.errors import MissingKeyError
from hf_etc.sealing import KeyHolder

from ..helpers import noise
from ..secrets import find_secret
from .workers import ids_of_keys, pool, tag, tag_of_a_process_below

METHODS = [name for name in ("spawn", "forkserver") if name in multiprocessing.get_all_start_methods()]


@pytest.fixture
def holder():
    return KeyHolder(EtcKey.generate())


@pytest.mark.parametrize("method", METHODS)
def test_a_process_has_the_keys_that_were_held_when_it_started(method, holder):
    with pool(method) as started:
        assert started.submit(tag, holder).result() == tag(holder)
        assert started.submit(tag_of_a_process_below, holder).result() == tag(holder)
        later = KeyHolder(EtcKey.generate())
        with pytest.raises(MissingKeyError, match=r"does not have the key of .*; set HF_ETC_KEY_FILE .* or start it"):
            started.submit(tag, later).result()


class Encrypted:
    """A data set that encrypts what it is asked for."""

    def __init__(self, encrypt):
        self.encrypt = encrypt

    def __len__(self):
        return 2

    def __getitem__(self, index):
        return self.encrypt({"image": [Image.fromarray(noise(32, 32, 3, seed=index))]})["image"][0]["bytes"]


@pytest.mark.parametrize("method", METHODS)
def test_workers_of_a_data_loader(method):
    data = Encrypted(EncryptImages(EtcKey.generate()))
    loader = DataLoader(data, batch_size=None, num_workers=1, multiprocessing_context=method)
    assert list(loader) == [data[0], data[1]]


def test_pickles_hold_no_key(holder):
    handover = current_process()._config["hf_etc"]  # noqa: SLF001
    for dump in (pickle.dumps, dill.dumps, lambda thing: bytes(ForkingPickler.dumps(thing))):
        assert [find_secret(holder.find(), dump(thing)) for thing in (holder, handover, [holder])] == [[]] * 3
    assert pickle.loads(pickle.dumps(handover)) is handover


def test_the_stream_to_a_new_process_holds_the_keys_that_are_held(holder, monkeypatch):
    other, streams = EtcKey.generate(), []

    def dump(thing, file, protocol=None):
        streams.append(bytes(ForkingPickler.dumps(thing, protocol)))
        file.write(streams[-1])

    monkeypatch.setattr("multiprocessing.reduction.dump", dump)
    with pool() as started:
        assert started.submit(tag, holder).result() == tag(holder)
        assert other.key_id not in started.submit(ids_of_keys).result()
    assert any(find_secret(holder.find(), data) for data in streams), "the search sees what is sent"
    assert not any(find_secret(other, data) for data in streams)


def test_keys_can_be_withheld(holder):
    with withheld(), pool() as started:
        assert started.submit(ids_of_keys).result() == []
        with pytest.raises(MissingKeyError):
            started.submit(tag, holder).result()
