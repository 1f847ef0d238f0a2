"""The EtC cipher: each step does what the paper says, every code is reached, and no known fault is back."""

import random
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from hf_etc import EtcCipher, EtcKey
from hf_etc.cipher import EtcSpec, spec_from_dict
from hf_etc.cipher.spec import make_spec
from hf_etc.errors import GeometryError, ParameterError

from ..helpers import noise
from ..reference import etc_reference as reference
from ..reference import layout_reference as layouts

KEY = EtcKey(bytes(range(32)))
STEPS = ("permutation", "rotation", "negative-positive", "color")
NONCE = bytes(range(16))
B = 4  # block size of the statistics: 240x240 pixels are 3,600 blocks
EDGE = 240
BLOCKS = (EDGE // B) ** 2


def blocks_of(pixels, size=B):
    """(H,W,3) -> (blocks, size, size, 3) in raster order."""
    height, width, _ = pixels.shape
    split = pixels.reshape(height // size, size, width // size, size, 3)
    return split.swapaxes(1, 2).reshape(-1, size, size, 3)


def source_of(*steps, edge=EDGE, **parameters):
    """For each byte of the output, by block: (source row, column, component, mask). What a layout does."""
    layout = EtcCipher(KEY, B, steps=steps, **parameters).compile(edge, edge)
    pixel, component = np.divmod(layout.index(), 3)
    return [blocks_of(part) for part in (pixel // edge, pixel % edge, component, layout.mask())]


def stream(step, *steps):
    """What one step draws from in :func:`source_of` with these steps."""
    return EtcSpec("dataset", B, steps or (step,)).streams(KEY, EDGE, EDGE)(step)


def orientations(rows, columns):
    """A number for how each block is turned: the offsets in the source of its first pixel and of the next one."""
    corner = np.stack([rows[:, 0, 0, 0] % B, columns[:, 0, 0, 0] % B, rows[:, 0, 1, 0] % B, columns[:, 0, 1, 0] % B], 1)
    return np.unique(corner, axis=0, return_inverse=True)[1].ravel()


def is_uniform(values, size):
    counts = np.bincount(values, minlength=size)
    return len(counts) == size and counts.min() > 0 and chisquare(counts).pvalue > 0.001


# One step at a time


def test_permutation_moves_whole_blocks():
    rows, columns, component, mask = source_of("permutation")
    here_rows, here_columns = [blocks_of(np.repeat(grid[..., None], 3, 2)) for grid in np.mgrid[:EDGE, :EDGE]]
    assert not mask.any() and (component == np.arange(3)).all()
    assert (rows % B == here_rows % B).all() and (columns % B == here_columns % B).all()
    source = rows[:, 0, 0, 0] // B * (EDGE // B) + columns[:, 0, 0, 0] // B
    assert sorted(source) == list(range(BLOCKS))
    assert (source != np.arange(BLOCKS)).mean() > 0.99


def test_permuted_positions_are_uniform():
    """Where blocks come from, in a 6x6 raster of the picture, for blocks of one corner of the output."""
    rows, columns, *_ = source_of("permutation")
    region = rows[:, 0, 0, 0] // (EDGE // 6) * 6 + columns[:, 0, 0, 0] // (EDGE // 6)
    assert is_uniform(region[: BLOCKS // 2], 36)


@pytest.mark.parametrize("code", range(16))
def test_rotation_codes_are_those_of_the_specification(code):
    """By the closed formula, for blocks that really drew this code."""
    rows, columns, component, mask = source_of("rotation")
    drawn = stream("rotation").integers(BLOCKS, 16)
    chosen = np.flatnonzero(drawn == code)
    assert len(chosen) > 100 and not mask.any() and (component == np.arange(3)).all()
    for r in range(B):
        for c in range(B):
            source = layouts.source(reference.TURNS[code], B, r, c)
            assert (rows[chosen, r, c] % B == source[0]).all() and (columns[chosen, r, c] % B == source[1]).all()
    assert (rows[chosen] // B == (chosen // (EDGE // B))[:, None, None, None]).all(), "blocks stay where they are"


def test_rotation_and_inversion_as_the_library_turns_arrays():
    block = noise(B, B, 3)
    for code in range(16):
        expected = np.rot90(block, code % 4)
        expected = expected[:, ::-1] if code // 4 & 1 else expected
        expected = expected[::-1] if code // 4 & 2 else expected
        turned = [[block[layouts.source(reference.TURNS[code], B, r, c)] for c in range(B)] for r in range(B)]
        assert (np.array(turned) == expected).all()


def test_negative_positive_inverts_whole_blocks():
    mask = source_of("negative-positive")[3]
    signs = mask[:, 0, 0, 0]
    assert (mask == signs[:, None, None, None]).all(), "one bit per block, common to the three components"
    assert is_uniform((signs // 255).astype(int), 2) and set(signs) == {0, 255}
    image = noise(EDGE, EDGE, 3)
    encrypted = EtcCipher(KEY, B, steps=("negative-positive",)).encrypt(image)
    negative = signs == 255
    assert (blocks_of(encrypted)[negative] == 255 - blocks_of(image)[negative]).all()
    assert (blocks_of(encrypted)[~negative] == blocks_of(image)[~negative]).all()


def test_color_permutes_the_components_of_whole_blocks():
    *_, component, mask = source_of("color")
    orders = component[:, 0, 0]
    assert (component == orders[:, None, None]).all() and not mask.any()
    codes = [layouts.COLORS.index(order) for order in orders.tolist()]
    assert is_uniform(np.array(codes), 6)


def test_every_orientation_is_reached_equally_often():
    rows, columns, *_ = source_of("rotation")
    assert is_uniform(orientations(rows, columns), 8)


@pytest.mark.parametrize(("step", "size"), [("rotation", 16), ("negative-positive", 2), ("color", 6)])
def test_every_code_is_drawn_equally_often(step, size):
    assert is_uniform(stream(step).integers(BLOCKS, size), size)


def test_steps_are_independent_of_each_other():
    """All 8 * 2 * 6 = 96 variants of a block occur, equally often."""
    rows, columns, component, mask = source_of(*STEPS, edge=480)
    colors = np.array([layouts.COLORS.index(order) for order in component[:, 0, 0].tolist()])
    variant = (orientations(rows, columns) * 2 + mask[:, 0, 0, 0] // 255) * 6 + colors
    assert is_uniform(variant.astype(int), 96)


def test_steps_compose_in_any_order_of_the_list():
    image = noise(16, 24, 3)
    out = EtcCipher(KEY, 8).encrypt(image)
    assert (out == EtcCipher(KEY, 8, steps=STEPS[::-1]).encrypt(image)).all()


def test_shared_block_key_draws_once():
    rows, columns, component, mask = source_of(*STEPS, shared_block_key=True)
    assert len(set(orientations(rows, columns))) == len(np.unique(component[:, 0, 0], axis=0)) == 1
    assert len(np.unique(mask)) == 1
    source = rows[:, 0, 0, 0] // B * (EDGE // B) + columns[:, 0, 0, 0] // B
    assert sorted(source) == list(range(BLOCKS)) and (source != np.arange(BLOCKS)).any()
    keys = [EtcKey(bytes([i]) * 32) for i in range(60)]
    layouts = [EtcCipher(key, B, shared_block_key=True, steps=STEPS[1:]).compile(B, B) for key in keys]
    assert len({(*layout.turn, *layout.negative, *layout.color) for layout in layouts}) > 30, "but the key decides"


# Faults of public implementations (each was real somewhere)


def test_fault_inversion_driven_by_the_rotation_key():
    """Then a block has 4 orientations, not 8: 48 variants instead of 96."""
    rows, columns, *_ = source_of("rotation")
    assert len(set(orientations(rows, columns))) == 8
    codes = stream("rotation").integers(BLOCKS, 16)
    pairs = np.stack([codes % 4, codes // 4])
    assert abs(np.corrcoef(pairs)[0, 1]) < 0.05 and len(np.unique(pairs, axis=1).T) == 16


@pytest.mark.parametrize(("step", "last"), [("rotation", 15), ("negative-positive", 1), ("color", 5)])
def test_fault_last_code_excluded(step, last):
    assert stream(step).integers(BLOCKS, last + 1).max() == last


def test_fault_last_codes_have_no_effect():
    """Drawn is not yet applied: the outputs for the last codes occur."""
    rows, _, component, mask = source_of(*STEPS[1:])
    assert (component[:, 0, 0] == [2, 1, 0]).all(axis=1).any()
    assert (mask == 255).any()
    drawn = stream("rotation", *STEPS[1:]).integers(BLOCKS, 16)
    chosen = np.flatnonzero(drawn == 15)  # rotated by 270 degrees, mirrored both ways
    assert (rows[chosen, 0, 1, 0] % B == layouts.source(reference.TURNS[15], B, 0, 1)[0]).all()


def test_fault_channel_overwritten_before_it_is_read():
    """Then a component appears twice and another one is lost. Here each pixel keeps its three values."""
    image = noise(EDGE, EDGE, 3)
    encrypted = EtcCipher(KEY, B, steps=("color",)).encrypt(image)
    assert (np.sort(encrypted, axis=2) == np.sort(image, axis=2)).all()
    assert sorted(EtcCipher(KEY, B).compile(EDGE, EDGE).index().flat) == list(range(EDGE * EDGE * 3))


def test_fault_negative_positive_with_an_offset_after_normalising():
    """With mean = std = 0.5, XOR 255 is exactly the sign flip of the paper's Eq. 7, for all 256 levels."""

    def normalise(level):
        return (Fraction(level, 255) - Fraction(1, 2)) / Fraction(1, 2)

    assert all(normalise(level ^ 255) == -normalise(level) for level in range(256))
    image = torch.arange(256, dtype=torch.uint8).reshape(1, 1, 16, 16).repeat(1, 3, 1, 1)
    cipher = EtcCipher(KEY, 16, steps=("negative-positive",), shared_block_key=True)
    negative = cipher.encrypt(image) if cipher.compile(16, 16).negative.any() else image ^ 255
    plain, flipped = [(pixels.float() / 255 - 0.5) / 0.5 for pixels in (image, negative)]
    assert torch.allclose(flipped, -plain, atol=1e-6) and not torch.allclose(flipped, plain, atol=0.5)
    imagenet = [(pixels.float() / 255 - 0.485) / 0.229 for pixels in (image, negative)]
    assert not torch.allclose(imagenet[1], -imagenet[0], atol=0.1), "the reason for 0.5: elsewhere it has an offset"


def test_fault_global_generator_reseeded():
    image = noise(32, 32, 3)
    before = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()
    out = []
    for seed in (None, 0, 1):
        if seed is not None:
            random.seed(seed), np.random.seed(seed), torch.manual_seed(seed)
        state = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()
        cipher = EtcCipher(KEY)
        out.append(cipher.encrypt(image))
        cipher.decrypt_unauthenticated(out[-1]), cipher.new_nonces(2)
        assert state == (random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist())
    assert (out[0] == out[1]).all() and (out[0] == out[2]).all(), "and the seed of no generator is part of the key"
    random.setstate(before[0])


def test_fault_no_decryption():
    image = noise(32, 32, 3)
    cipher = EtcCipher(KEY)
    assert (cipher.decrypt_unauthenticated(cipher.encrypt(image)) == image).all()


@pytest.mark.parametrize("seed", [0, 2**32 - 1, "0", None, b"seed"])
def test_fault_seed_as_key(seed):
    with pytest.raises(ValueError, match="32 bytes"):
        EtcKey(seed)


# What a plan depends on


def plan_bytes(cipher, height=32, width=32, nonce=None):
    layout = cipher.compile(height, width, nonce)
    return layout.index().tobytes() + layout.mask().tobytes()


def test_everything_in_info_changes_the_plan():
    other = EtcKey(bytes(31) + b"\1")
    image = EtcCipher(KEY, 8, "image")
    plans = [
        plan_bytes(EtcCipher(KEY, 8)),
        plan_bytes(EtcCipher(other, 8)),
        plan_bytes(EtcCipher(KEY, 4)),
        plan_bytes(EtcCipher(KEY, 8), 16, 64),
        plan_bytes(EtcCipher(KEY, 8), 64, 16),
        plan_bytes(EtcCipher(KEY, 8, shared_block_key=True)),
        plan_bytes(image, nonce=NONCE),
        plan_bytes(image, nonce=NONCE[:-1] + b"\xff"),
        plan_bytes(EtcCipher(KEY, 8, "image", shared_block_key=True), nonce=NONCE),
    ]
    assert len(set(plans)) == len(plans)
    assert plan_bytes(EtcCipher(KEY, 8)) == plans[0] and plan_bytes(image, nonce=NONCE) == plans[6]


def test_steps_have_streams_of_their_own():
    heads = {stream(step, *STEPS).read(32) for step in STEPS}
    assert len(heads) == 4


def test_a_subset_of_the_steps_shares_no_draw_with_the_whole_cipher():
    assert {stream(step).read(32) for step in STEPS}.isdisjoint({stream(step, *STEPS).read(32) for step in STEPS})


@given(
    st.sets(st.binary(min_size=16, max_size=16), min_size=1, max_size=5), st.sets(st.sampled_from(STEPS), min_size=1)
)
def test_nonces_of_a_batch_give_what_each_gives_alone(nonces, steps):
    for shared in (False, True):
        spec, nonces = EtcSpec("image", 4, tuple(steps), shared), list(nonces)
        together = spec.compile(KEY, 8, 12, nonces)
        assert not together.shared and together.top.shape == (len(nonces), 6)
        for i, nonce in enumerate(nonces):
            alone = spec.compile(KEY, 8, 12, nonce)
            assert all((a == b).all() for a, b in zip(together[i].arrays, alone.arrays, strict=True))


def test_nonces_of_a_batch_are_each_checked():
    with pytest.raises(ParameterError, match="needs a nonce of 16 bytes"):
        EtcSpec("image").compile(KEY, 16, 16, [NONCE, NONCE[1:]])
    with pytest.raises(ParameterError, match="takes no nonce"):
        EtcSpec().compile(KEY, 16, 16, [NONCE])
    with pytest.raises(ParameterError, match="'le' makes a plan for one image; compile its nonces one by one"):
        make_spec("le", key_scope="image").compile(KEY, 16, 16, [NONCE])


# The specification object


def test_spec_round_trip_and_defaults():
    spec = EtcSpec()
    assert spec.to_dict() == {
        "cipher": "etc",
        "key_scope": "dataset",
        "block_size": 16,
        "steps": list(STEPS),
        "shared_block_key": False,
    }
    other = EtcSpec("image", 8, ("color", "permutation"), True)
    assert other.steps == ("permutation", "color") and spec_from_dict(other.to_dict()) == other
    assert spec.grid == 16 and other.grid == 8


@pytest.mark.parametrize("size", [0, -1, True, False, 16.0, 7.5, "16", None, np.int64(8), [8]])
def test_block_size_must_be_a_whole_number(size):
    with pytest.raises(ParameterError, match="must be a whole number of pixels, 1 or more"):
        EtcSpec(block_size=size)


@pytest.mark.parametrize("steps", [(), [], "permutation", "color", ("sharpen",), (*STEPS, "x"), ("",)])
def test_steps_must_be_known(steps):
    with pytest.raises(ParameterError, match="choose one or more of permutation, rotation, negative-positive, color"):
        EtcSpec(steps=steps)


@pytest.mark.parametrize(
    "values", [{"key_scope": "folder"}, {"key_scope": None}, {"shared_block_key": 1}, {"shared_block_key": "no"}]
)
def test_other_parameters_are_checked(values):
    with pytest.raises(ParameterError, match=next(iter(values))):
        EtcSpec(**values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"cipher": "etc", "blocksize": 8}, "has no parameter 'blocksize'; it has block_size"),
        ({"cipher": "rot13"}, "unknown cipher 'rot13'; choose from"),
        ({"block_size": 8}, "unknown cipher None"),
    ],
)
def test_dictionary_of_another_cipher(values, message):
    with pytest.raises(ParameterError, match=message):
        spec_from_dict(values)


@given(st.integers(1, 40), st.integers(0, 80), st.integers(0, 80))
def test_only_sizes_on_the_grid_are_taken(block, height, width):
    spec = EtcSpec(block_size=block)
    if height and width and height % block == width % block == 0:
        spec.check_size(height, width)
    else:
        with pytest.raises(GeometryError, match="block"):
            spec.check_size(height, width)


@pytest.mark.parametrize(
    ("size", "message"),
    [
        ((30, 32), r"30x32 is not a multiple of the block size 16; resize, crop \(fit='crop'\) or pad"),
        ((8, 8), "the block size 16 is larger than the image, 8x8; use a smaller block"),
        ((0, 16), "larger than the image, 0x16"),
    ],
)
def test_geometry_messages(size, message):
    with pytest.raises(GeometryError, match=message):
        EtcSpec().check_size(*size)
