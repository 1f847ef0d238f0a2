"""The pieces of a puzzle in their states, and layouts of pictures that are turned as a whole."""

from itertools import product

import numpy as np
import pytest

from hf_etc import EtcCipher
from hf_etc.audit.puzzle.board import neighbour
from hf_etc.audit.puzzle.naturalness import readings_of
from hf_etc.audit.puzzle.pieces import (
    STATE_AFTER,
    STATE_INVERSE,
    STATES,
    VARIANT_AFTER,
    VARIANT_INVERSE,
    VARIANTS,
    layout_of,
    pack,
    pieces_of,
    transformed,
    turned_steps,
    unpack,
)
from hf_etc.blocks import COLORS, TURNS, turn_block
from hf_etc.errors import GeometryError

from ..helpers import noise


def in_state(block, state):
    turn, negative, color = unpack(state)
    block = turn_block(block, turn)[..., COLORS[color]]
    return 255 - block if negative else block


def test_states_are_packed_and_compose():
    assert pack(*unpack(np.arange(STATES))).tolist() == list(range(STATES))
    block = noise(3, 3, 3)
    for first, second in product(range(0, STATES, 5), range(0, STATES, 7)):
        both = in_state(in_state(block, first), second)
        assert np.array_equal(in_state(block, int(STATE_AFTER[first, second])), both)
    assert (STATE_AFTER[np.arange(STATES), STATE_INVERSE] == 0).all()
    assert (VARIANT_AFTER[np.arange(VARIANTS), VARIANT_INVERSE] == 0).all()


@pytest.mark.parametrize("turn", range(TURNS))
def test_steps_turn_as_pictures_do(turn):
    cells = np.stack(np.indices((3, 5)), -1)
    turned = turn_block(cells, turn)  # what each cell of the turned picture shows
    shown = (turned[1:] - turned[:-1])[:1, 0], (turned[:, 1:] - turned[:, :-1])[0, :1]
    assert [turned_steps(one, turn)[0].tolist() for one in shown] == [[1, 0], [0, 1]]


def test_the_state_of_a_neighbour_follows_from_how_the_two_meet():
    """Blocks cut out of one picture and brought into all states: each link leads to the other block's true state."""
    random = np.random.default_rng(0)
    for state, other in random.integers(0, STATES, (200, 2)).tolist():
        turn, step = unpack(int(STATE_INVERSE[state]))[0], ((-1, 0), (0, 1), (1, 0), (0, -1))
        side = step.index(tuple(turned_steps(np.array([[0, 1]]), turn)[0].tolist()))  # that points right
        turn = unpack(int(STATE_INVERSE[other]))[0]
        opposite = step.index(tuple(turned_steps(np.array([[0, -1]]), turn)[0].tolist()))
        change = unpack(int(STATE_AFTER[other, STATE_INVERSE[state]]))
        assert neighbour(side, state, opposite, pack(change[0] // 4, *change[1:])) == (1, other)


@pytest.mark.parametrize(("height", "width", "size"), [(32, 32, 16), (32, 48, 8), (24, 8, 4), (4, 6, 2)])
def test_a_layout_is_read_as_pieces_and_made_of_them(key, height, width, size):
    cipher, images = EtcCipher(key, block_size=size), noise(2, height, width, 3)
    cells, states = pieces_of(cipher.compile(height, width))
    columns = width // size
    layout = layout_of(cells @ (columns, 1), states, height // size, columns, size)
    assert np.array_equal(layout.undo(cipher.encrypt(images)), images)
    with pytest.raises(GeometryError, match="same pixels"):
        layout_of(np.zeros(len(cells), np.int64), states, height // size, columns, size)


def test_every_symmetry_shows_the_turned_negated_recoloured_image(key):
    cipher, image = EtcCipher(key, block_size=4), noise(8, 12, 3)
    layout, encrypted = cipher.compile(8, 12), cipher.encrypt(image)
    shown = {transformed(layout, *reading).undo(encrypted).tobytes() for reading in readings_of(8, 12)}
    assert len(shown) == 48
    assert image.tobytes() in shown and (255 - image[::-1, ::-1]).tobytes() in shown
    turned = transformed(layout, 6, 1, 3).undo(encrypted)
    assert np.array_equal(turned, 255 - turn_block(image, 6)[..., [1, 2, 0]])
    assert transformed(layout, 1, 0, 0).undo(encrypted).shape == (12, 8, 3)
