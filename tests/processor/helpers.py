"""The keys and options of the processors under test."""

import numpy as np

from hf_etc import EtcImageProcessor, EtcKey

KEY = EtcKey(bytes(range(32)))
OTHER = EtcKey(bytes(32))
OPTIONS = {"size": (32, 48), "block_size": 8}


def values(processor: EtcImageProcessor, images: object, **kwargs) -> np.ndarray:
    return processor(images, return_tensors="np", **kwargs).pixel_values
