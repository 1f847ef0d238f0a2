"""Small pieces that several test files use."""

import zlib

import numpy as np

from hf_etc import read_marker
from hf_etc.cipher.spec import cipher_id


def noise(*shape, seed=0):
    """Random uint8 pixels, the same in every run."""
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def gradient(height, width):
    """A smooth picture without two equal pixels nearby; nothing clips under JPEG."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([rows * 150 // height + 50, columns * 150 // width + 50, (rows + columns) % 128 + 60], -1).astype(
        np.uint8
    )


def made_under(key, marker):
    """Whether a marker has the id of this key for its own settings and size."""
    return marker.cipher_id == cipher_id(key, marker.spec, (marker.height, marker.width))


def with_marker(file, marker):
    """A ciphertext file with another marker of the same length in the place of its own."""
    old, new = read_marker(file).to_json().encode(), marker.to_json().encode()
    assert len(old) == len(new) and file.count(old) == 1
    place = file.index(old)
    data = file.replace(old, new)
    if not data.startswith(b"\x89PNG"):
        return data
    start, end = place - len(b"tEXthf-etc\0"), place + len(new)
    return data[:end] + zlib.crc32(data[start:end]).to_bytes(4, "big") + data[end + 4 :]
