"""Layouts: what a block-wise plan hides, and its decryption."""

import numpy as np
import pytest

from hf_etc import EtcCipher
from hf_etc.audit.puzzle.pieces import TURNS, Layout, turn_after, turn_block
from hf_etc.cipher.spec import make_spec
from hf_etc.errors import GeometryError

from ..helpers import noise


@pytest.mark.parametrize(("height", "width", "size"), [(32, 32, 16), (32, 48, 8), (24, 8, 4), (4, 6, 2)])
def test_layout_of_a_plan_decrypts(key, height, width, size):
    cipher = EtcCipher(key, block_size=size)
    images = noise(2, height, width, 3)
    layout = Layout.of_plan(cipher.plan(height, width), size)
    assert np.array_equal(layout.decryption_plan().apply(cipher.encrypt(images)), images)


def test_every_symmetry_shows_the_turned_negated_recoloured_image(key):
    cipher = EtcCipher(key, block_size=4)
    image = noise(8, 12, 3)
    layout = Layout.of_plan(cipher.plan(8, 12), 4)
    shown = {layout.decryption_plan().apply(cipher.encrypt(image)).tobytes() for layout in layout.symmetries()}
    assert len(shown) == 48
    assert image.tobytes() in shown and (255 - image[::-1, ::-1]).tobytes() in shown
    turned = layout.transformed(6, 1, 3).decryption_plan().apply(cipher.encrypt(image))
    assert np.array_equal(turned, 255 - turn_block(image, 6)[..., [1, 2, 0]])


def test_turns_compose():
    block = noise(3, 3)
    for first in range(TURNS):
        for second in range(TURNS):
            both = turn_after(np.array(second), np.array(first)).item()
            assert np.array_equal(turn_block(turn_block(block, first), second), turn_block(block, both))


@pytest.mark.parametrize("name", ["pe", "le"])
def test_ciphers_without_whole_blocks_have_no_layout(key, name):
    with pytest.raises(GeometryError, match="whole blocks"):
        Layout.of_plan(make_spec(name).compile(key, 16, 16), 4)


def test_an_incomplete_layout_does_not_decrypt(key):
    layout = Layout.of_plan(EtcCipher(key, block_size=4).plan(8, 8), 4)
    layout.cells[0] = layout.cells[1]
    with pytest.raises(GeometryError, match="exactly one block"):
        layout.decryption_plan()
