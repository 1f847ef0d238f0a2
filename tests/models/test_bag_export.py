"""A bag of blocks in other runtimes: the same logits, for any number of blocks."""

import numpy as np
import onnxruntime
import pytest
import torch

from hf_etc import EtcCipher, EtcKey
from tests.helpers import noise
from tests.models.bags import bag, logits, values

SHAPES = [(32, 32), (16, 24), (64, 16)]


def ciphertexts(count, height, width):
    cipher = EtcCipher(EtcKey(bytes(32)), 8, key_scope="image")
    return cipher.encrypt(noise(count, height, width, 3), cipher.new_nonces(count))


def dynamic():
    """Batches of any size, pictures of any number of whole blocks."""
    rows, columns = torch.export.Dim("rows", min=1, max=1024), torch.export.Dim("columns", min=1, max=1024)
    return {"pixel_values": {0: torch.export.Dim("batch", min=1, max=1024), 2: 8 * rows, 3: 8 * columns}}


@pytest.mark.parametrize("channels", [0, 4])
def test_exported(channels):
    """For two rows and columns or more: torch.export takes a dimension of 1 as always 1, and says so."""
    model = bag(block_stem_channels=channels)
    exported = torch.export.export(
        model, (), {"pixel_values": values(ciphertexts(2, 32, 24))}, dynamic_shapes=dynamic()
    )
    for count, shape in enumerate(SHAPES, 1):
        pictures = ciphertexts(count, *shape)
        found = exported.module()(pixel_values=values(pictures)).logits
        assert torch.allclose(found, logits(model, pictures), atol=1e-5)


@pytest.mark.parametrize("channels", [0, 4])
def test_onnx(tmp_path, channels):
    model, file = bag(block_stem_channels=channels), tmp_path / "bag.onnx"
    example = {"pixel_values": values(ciphertexts(2, 32, 24))}
    torch.onnx.export(model, (), file, kwargs=example, dynamic_shapes=dynamic(), dynamo=True, verbose=False)
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    for count, shape in enumerate([(8, 8), *SHAPES], 1):
        pictures = ciphertexts(count, *shape)
        found = session.run(None, {"pixel_values": values(pictures).numpy()})[0]
        assert np.abs(found - logits(model, pictures).numpy()).max() < 1e-4
