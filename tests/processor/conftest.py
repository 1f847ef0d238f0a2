"""A client, its server and a picture, for all tests of the processor."""

import numpy as np
import pytest
from PIL import Image

from hf_etc import EtcCipher, EtcImageProcessor

from .helpers import KEY, OPTIONS


@pytest.fixture(scope="module")
def client() -> EtcImageProcessor:
    return EtcImageProcessor(KEY, **OPTIONS)


@pytest.fixture(scope="module")
def server() -> EtcImageProcessor:
    return EtcImageProcessor(cipher_id=EtcCipher(KEY, 8).cipher_id(32, 48), **OPTIONS)


@pytest.fixture
def picture() -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (50, 61, 3), np.uint8))
