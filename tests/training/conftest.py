"""The data of most tests of training, and the key of its ciphertexts."""

import pytest

from hf_etc import EtcKey

from .training_helpers import save_both


@pytest.fixture(scope="module")
def owner_key():
    return EtcKey.generate()


@pytest.fixture(scope="module")
def folder(tmp_path_factory, owner_key):
    return save_both(tmp_path_factory.mktemp("data"), owner_key)
