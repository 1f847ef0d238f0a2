"""LE, ELE and PE against loops written straight from their definitions, fed with the same draws."""

import io
import itertools

import numpy as np
import pytest
import torch
from PIL import Image

from hf_etc import EtcKey, decode_ciphertext, get_cipher
from hf_etc.cipher.plan import Plan
from hf_etc.cipher.spec import Streams, make_spec
from hf_etc.cipher.torch_plan import TorchPlan
from hf_etc.errors import GeometryError, ParameterError

KEY = EtcKey(bytes(range(32)))
NONCE = bytes(range(16))
NAMES = ("le", "ele", "pe")
HEIGHT, WIDTH = 12, 20


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (3, HEIGHT, WIDTH, 3), dtype=np.uint8)


def shuffle_block(block: np.ndarray, key: np.ndarray) -> np.ndarray:
    """The definition of LE, one nibble after another: (4,4,3) and a permutation of 0..95."""
    v = [int(p) % 16 for p in block.reshape(-1)] + [int(p) // 16 for p in block.reshape(-1)]
    v = [15 - n if key[i] > 48 else n for i, n in enumerate(v)]
    v = [v[key[i]] for i in range(96)]
    v = [15 - n if key[i] > 48 else n for i, n in enumerate(v)]
    return np.array([16 * high + low for low, high in zip(v[:48], v[48:], strict=True)], np.uint8).reshape(4, 4, 3)


def blocks_of(height: int, width: int) -> list[tuple[slice, slice]]:
    return [(slice(r, r + 4), slice(c, c + 4)) for r in range(0, height, 4) for c in range(0, width, 4)]


def streams(name: str, image: np.ndarray, nonce: bytes | None = None) -> Streams:
    return make_spec(name, key_scope="dataset" if nonce is None else "image").streams(KEY, *image.shape[:2], nonce)


def le(image: np.ndarray, nonce: bytes | None) -> np.ndarray:
    key = streams("le", image, nonce)("nibbles").permutation(96)
    out = np.empty_like(image)
    for where in blocks_of(*image.shape[:2]):
        out[where] = shuffle_block(image[where], key)
    return out


def ele(image: np.ndarray, nonce: bytes | None) -> np.ndarray:
    places = blocks_of(*image.shape[:2])
    keys = streams("ele", image, nonce)("nibbles")
    shuffled = [shuffle_block(image[where], keys.permutation(96)) for where in places]
    order = streams("ele", image, nonce)("permutation").permutation(len(places))
    out = np.empty_like(image)
    for i, where in enumerate(places):
        out[where] = shuffled[order[i]]
    return out


def pe(image: np.ndarray, nonce: bytes | None) -> np.ndarray:
    height, width = image.shape[:2]
    negative = streams("pe", image, nonce)("negative-positive").integers(height * width * 3, 2)
    codes = streams("pe", image, nonce)("color").integers(height * width, 6)
    orders = sorted(itertools.permutations(range(3)))
    out = np.empty_like(image)
    for row in range(height):
        for column in range(width):
            first = (row * width + column) * 3
            pixel = [image[row, column, c] ^ (255 if negative[first + c] else 0) for c in range(3)]
            out[row, column] = [pixel[c] for c in orders[codes[row * width + column]]]
    return out


@pytest.mark.parametrize("nonce", [None, NONCE], ids=["dataset", "image"])
@pytest.mark.parametrize("name", NAMES)
def test_is_its_definition(name: str, nonce: bytes | None, images: np.ndarray) -> None:
    cipher = get_cipher(name, KEY, key_scope="dataset" if nonce is None else "image")
    for image in images:
        encrypted = cipher.encrypt(image, nonce)
        assert (encrypted == globals()[name](image, nonce)).all()
        assert (encrypted != image).mean() > 0.4
        assert (cipher.decrypt_unauthenticated(encrypted, nonce) == image).all()


@pytest.mark.parametrize("name", NAMES)
def test_torch_agrees_with_numpy(name: str, images: np.ndarray) -> None:
    cipher = get_cipher(name, KEY)
    tensor = torch.from_numpy(images).permute(0, 3, 1, 2)
    encrypted = cipher.encrypt(tensor)
    assert (encrypted.permute(0, 2, 3, 1).numpy() == cipher.encrypt(images)).all()
    assert torch.equal(cipher.decrypt_unauthenticated(encrypted), tensor)


@pytest.mark.parametrize("name", NAMES)
def test_every_bit_flip_is_undone(name: str) -> None:
    """All 256 values at every byte: the inverse is exact whatever the content."""
    values = np.arange(256, dtype=np.uint8)[:, None, None, None]
    images = values + np.arange(8 * 8 * 3, dtype=np.uint8).reshape(8, 8, 3)
    cipher = get_cipher(name, KEY)
    assert (cipher.decrypt_unauthenticated(cipher.encrypt(images)) == images).all()


@pytest.mark.parametrize("name", NAMES)
def test_other_keys_nonces_and_sizes_give_other_plans(name: str) -> None:
    other = EtcKey(bytes(32))
    plans = [
        get_cipher(name, KEY).compile(8, 8),
        get_cipher(name, other).compile(8, 8),
        get_cipher(name, KEY, key_scope="image").compile(8, 8, NONCE),
        get_cipher(name, KEY, key_scope="image").compile(8, 8, bytes(16)),
        get_cipher(name, KEY).compile(4, 16),
    ]
    for a, b in itertools.combinations(plans, 2):
        assert (a.index != b.index).any() or (a.mask != b.mask).any()


@pytest.mark.parametrize(("name", "grid"), [("le", 4), ("ele", 4), ("pe", 1)])
def test_grid(name: str, grid: int) -> None:
    cipher = get_cipher(name, KEY)
    assert cipher.spec.grid == grid
    assert cipher.encrypt(np.zeros((grid, 3 * grid, 3), np.uint8)).shape == (grid, 3 * grid, 3)
    with pytest.raises(GeometryError):
        cipher.encrypt(np.zeros((6 if grid > 1 else 0, 8, 3), np.uint8)[None])


@pytest.mark.parametrize("scope", ["dataset", "image"])
@pytest.mark.parametrize("name", NAMES)
def test_ciphertext_file_round_trip(name: str, scope: str, images: np.ndarray) -> None:
    cipher = get_cipher(name, KEY, key_scope=scope)
    plain = Image.fromarray(images[0])
    encrypted = cipher.encrypt(plain)
    assert (np.asarray(cipher.decrypt(encrypted)) == images[0]).all()
    file = cipher.seal(plain, "webp")
    assert decode_ciphertext(file)[1].spec == cipher.spec
    with Image.open(io.BytesIO(file)) as opened:
        assert (np.asarray(cipher.decrypt(opened)) == images[0]).all()


def test_le_is_the_same_in_every_block() -> None:
    block = np.random.default_rng(1).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    out = get_cipher("le", KEY).encrypt(np.tile(block, (2, 3, 1)))
    assert (out == np.tile(out[:4, :4], (2, 3, 1))).all()


def test_ele_differs_from_block_to_block() -> None:
    block = np.random.default_rng(1).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    out = get_cipher("ele", KEY).encrypt(np.tile(block, (2, 3, 1)))
    blocks = {out[where].tobytes() for where in blocks_of(8, 12)}
    assert len(blocks) == 6


def test_le_reverses_by_its_key() -> None:
    """On black, a nibble is 15 exactly where one of the two reversals hits it: 47 positions each."""
    key = streams("le", np.zeros((4, 4, 3)))("nibbles").permutation(96)
    once = key > 48
    assert once.sum() == 47
    out = get_cipher("le", KEY).encrypt(np.zeros((4, 4, 3), np.uint8)).reshape(-1)
    nibbles = np.concatenate([out & 15, out >> 4])
    assert (nibbles == 15 * (once ^ once[key])).all()


def keys(count: int) -> list[EtcKey]:
    return [EtcKey(i.to_bytes(32, "big")) for i in range(count)]


def assert_uniform(counts: np.ndarray) -> None:
    """Chi-squared below its mean plus six standard deviations; `counts` of equally likely outcomes."""
    expected = counts.sum() / counts.size
    assert expected > 5
    freedom = counts.size - 1
    assert ((counts - expected) ** 2 / expected).sum() < freedom + 6 * (2 * freedom) ** 0.5


def test_le_and_ele_move_nibbles_uniformly() -> None:
    for name in ("le", "ele"):
        first = [get_cipher(name, key).compile(4, 4).index for key in keys(2000)]
        for position in (0, 50, 95):
            assert_uniform(np.bincount([index[position] for index in first], minlength=96))


def test_ele_moves_blocks_uniformly() -> None:
    counts = np.zeros((4, 4))
    for key in keys(400):
        source = get_cipher("ele", key).compile(8, 8).index[:192].reshape(2, 4, 2, 4, 3) % 192
        row, column = source // 24 // 4, source // 3 % 8 // 4
        for i, (r, c) in enumerate(itertools.product(range(2), range(2))):
            counts[i, row[r, 0, c, 0, 0] * 2 + column[r, 0, c, 0, 0]] += 1
    for row in counts:
        assert_uniform(row)


def test_pe_reaches_every_color_code_and_sign_alike() -> None:
    plan = get_cipher("pe", KEY).compile(96, 96)
    codes = plan.index.reshape(-1, 3) - np.arange(0, len(plan.index), 3)[:, None]
    orders, counts = np.unique(codes, axis=0, return_counts=True)
    assert orders.tolist() == [list(order) for order in itertools.permutations(range(3))]
    assert_uniform(counts)
    patterns = (plan.mask.reshape(-1, 3) // 255) @ [1, 2, 4]
    assert_uniform(np.bincount(patterns, minlength=8))  # the three signs of a pixel are independent
    assert_uniform(np.bincount(patterns[1:] * 8 + patterns[:-1], minlength=64))  # and those of neighbours


def test_pe_without_color_shuffling_only_flips() -> None:
    plain = get_cipher("pe", KEY, shuffle_colors=False).compile(8, 8)
    assert (plain.index == np.arange(192)).all() and 0 < plain.mask.mean() < 255


def test_bad_parameters() -> None:
    with pytest.raises(ParameterError, match="shuffle_colors"):
        get_cipher("pe", KEY, shuffle_colors=1)
    with pytest.raises(ParameterError, match="no parameter 'block_size'"):
        get_cipher("le", KEY, block_size=8)


def test_nibble_plans_compose() -> None:
    le_plan, ele_plan = (get_cipher(name, KEY).compile(8, 8) for name in ("le", "ele"))
    image = np.random.default_rng(2).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    assert (le_plan.then(ele_plan).apply(image) == ele_plan.apply(le_plan.apply(image))).all()
    assert le_plan.then(le_plan.inverse()).index.tolist() == list(range(384))
    with pytest.raises(ParameterError, match="bytes and one of nibbles"):
        le_plan.then(get_cipher("pe", KEY).compile(8, 8))


def test_plan_refuses_other_symbols() -> None:
    with pytest.raises(GeometryError, match="needs 24 symbols"):
        Plan(np.arange(12), np.zeros(12, np.uint8), 2, 2, symbol_bits=4)
    with pytest.raises(ParameterError, match="symbol_bits"):
        Plan(np.arange(12), np.zeros(12, np.uint8), 2, 2, symbol_bits=2)  # type: ignore[arg-type]


def test_a_torch_plan_that_mixes_up_the_nibbles_is_caught(images: np.ndarray) -> None:
    """The comparison of the backends can fail."""
    plan = get_cipher("le", KEY).compile(HEIGHT, WIDTH)
    broken = TorchPlan(plan)
    broken.index = broken.index.roll(len(broken.index) // 2)
    out = broken.apply(torch.from_numpy(images).permute(0, 3, 1, 2)).permute(0, 2, 3, 1).numpy()
    assert (out != plan.apply(images)).any()
