"""Settings for all tests: no key from the caller's environment, Ctrl-C works, and the same examples in every run."""

import signal

import pytest
import torch
from hypothesis import HealthCheck, settings

from hf_etc import EtcKey

# derandomize: a failure is a failure for everyone. No deadline: a slow machine is no bug.
settings.register_profile("hf_etc", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("hf_etc")

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts background jobs with it ignored


@pytest.fixture(autouse=True)
def no_key_in_environment(monkeypatch):
    for name in ("HF_ETC_KEY", "HF_ETC_KEY_FILE", "HF_ETC_PASSPHRASE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def one_thread():
    """For modules whose figures or times should not depend on the cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def key():
    return EtcKey(bytes(range(32)))


@pytest.fixture
def other_key():
    return EtcKey(bytes(range(1, 33)))
