"""What a ciphertext may leave out, and keys that nobody keeps: sizes, strength, batches, and what is refused."""

from math import factorial, log2

import numpy as np
import pytest
import torch

from hf_etc import Cipher, EtcCipher, EtcKey, read_marker
from hf_etc.cipher import EtcSpec, spec_from_dict
from hf_etc.cipher.presets import PRESETS, preset_parameters
from hf_etc.errors import GeometryError, KeyMismatchError, MissingKeyError, ParameterError
from hf_etc.sealing import Recipe

from ..helpers import noise

KEY = EtcKey(bytes(range(32)))
OPTIONS = {"gap": 3, "jitter": 2, "keep": 0.6}
SIZES = [  # parameters, size, output
    ({"gap": 4, "jitter": 4, "keep": 0.5}, (224, 224), (96, 176)),
    ({"gap": 16, "jitter": 16, "keep": 0.5}, (224, 224), (64, 112)),
    ({"block_size": 4, "gap": 1}, (32, 32), (24, 24)),
    ({"block_size": 8, "gap": 3, "jitter": 2, "keep": 0.6}, (37, 50), (16, 32)),
    ({"block_size": 8, "keep": 0.5}, (32, 48), (16, 48)),
    ({"block_size": 8, "keep": 0.99}, (32, 48), (32, 48)),
    ({}, (32, 48), (32, 48)),
]


def spec_of(**params):
    return EtcSpec(**{"key_scope": "image"} | params)


def cipher_of(**params):
    return EtcCipher(KEY, **{"key_scope": "image", "block_size": 8} | params)


@pytest.mark.parametrize(("params", "size", "output"), SIZES)
def test_output_size_is_that_of_the_ciphertext(params, size, output):
    spec = spec_of(**params)
    assert spec.output_size(*size) == spec.compile(KEY, *size, bytes(16)).output == output
    assert spec.sends_all == (not params)


def test_key_bits_count_choices_of_blocks_and_shifts():
    each = 4 + log2(6)  # of 8 turns, 2 signs, 6 colours
    assert spec_of(block_size=8, keep=0.5).key_bits(32, 32) == pytest.approx(
        log2(factorial(16) / factorial(8)) + 8 * each
    )
    assert spec_of(block_size=8, gap=8, jitter=3).key_bits(64, 64) == pytest.approx(
        log2(factorial(16)) + 16 * (each + 2 * log2(4))
    )
    ordered = spec_of(block_size=8, gap=8, jitter=1, steps=("color",))
    assert ordered.key_bits(64, 64) == pytest.approx(16 * (log2(6) + 2))


def test_weakness_counts_blocks_that_are_sent():
    assert spec_of(keep=0.5).weakness((64, 64)) == "only 8 blocks"
    assert spec_of(keep=0.5).weakness((128, 64)) is spec_of(keep=0.5).weakness() is None
    assert spec_of(gap=16).weakness((64, 64)) == "only 4 blocks"


@pytest.mark.parametrize("params", [OPTIONS, {"gap": 3}, OPTIONS | {"shared_block_key": True}, {"keep": 0.5}], ids=str)
def test_batches_are_single_images_side_by_side(params):
    """With arrays and with tensors; what comes back is exact where something was sent, and grey elsewhere."""
    cipher, size = cipher_of(**params), (40, 64)
    images, nonces = noise(5, *size, 3), cipher.new_nonces(5)
    encrypted = cipher.encrypt(images, nonces)
    assert encrypted.shape[1:3] == cipher.spec.output_size(*size)
    for one, image, nonce in zip(encrypted, images, nonces, strict=True):
        assert (one == cipher.encrypt(image, nonce)).all()
    tensors = torch.from_numpy(images).permute(0, 3, 1, 2)
    assert torch.equal(cipher.encrypt(tensors, nonces).permute(0, 2, 3, 1), torch.from_numpy(encrypted))
    back = cipher.decrypt_unauthenticated(encrypted, nonces, size)
    again = cipher.decrypt_unauthenticated(torch.from_numpy(encrypted).permute(0, 3, 1, 2), nonces, size)
    assert torch.equal(again.permute(0, 2, 3, 1), torch.from_numpy(back))
    sent = cipher.compile(*size, nonces).sent()
    assert (back[sent] == images[sent]).all() and (back[~sent] == 128).all()
    assert 0 < sent.mean() < 1


def test_files_carry_the_size_before_encryption():
    cipher = cipher_of(**OPTIONS)
    picture = noise(40, 64, 3)
    back = cipher.unseal(cipher.seal(picture))
    assert back.shape == picture.shape and set((back == picture).all(-1).ravel()) == {True, False}
    assert (back[(back != picture).any(-1)] == 128).all()


def test_windows_keep_their_distance():
    """No two windows come nearer than the gap less the jitter, so that no edges of blocks fit."""
    layout = cipher_of(gap=5, jitter=3).compile(80, 80, bytes(16))
    corners = np.stack([layout.top, layout.left], 1)
    apart = np.abs(corners[:, None] - corners).max(-1) - 8
    np.fill_diagonal(apart, 99)
    assert apart.min() >= 5 - 3
    assert len(set(layout.top.tolist())) > 6, "no jitter"


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"gap": -1}, "gap -1: must be a whole number of pixels, 0 to 65535"),
        ({"gap": 1.5}, "gap 1.5: must be"),
        ({"gap": True}, "gap True: must be"),
        ({"gap": 4, "jitter": 5}, "jitter 5: must be a whole number of pixels, 0 to the gap of 4"),
        ({"jitter": 1}, "jitter 1: must be a whole number of pixels, 0 to the gap of 0"),
        ({"keep": -0.5}, "keep -0.5: must be"),
        ({"keep": 0}, "keep 0: must be a multiple of 0.01, from 0.01 to 1"),
        ({"keep": 1.01}, "keep 1.01: must be"),
        ({"keep": 0.505}, "keep 0.505: must be"),
        ({"keep": float("nan")}, "keep nan: must be"),
        ({"keep": "0.5"}, "keep '0.5': must be"),
        ({"keep": True}, "keep True: must be"),
        ({"keep": 0.5, "steps": ("color",)}, "keep 0.5 needs the step permutation, which chooses the blocks; add it"),
        ({"disposable": 1}, "disposable 1: use True or False"),
        ({"gap": 4, "key_scope": "dataset"}, "gap needs a key for each image; use key_scope='image'"),
        ({"gap": 4, "jitter": 4, "key_scope": "dataset"}, "gap needs a key for each image"),
        ({"keep": 0.5, "key_scope": "dataset"}, "keep needs a key for each image"),
        ({"disposable": True, "key_scope": "dataset"}, "disposable needs a key for each image"),
    ],
    ids=str,
)
def test_parameters_that_are_refused(params, message):
    with pytest.raises(ParameterError) as caught:
        spec_of(**params)
    assert str(caught.value).startswith(message) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("params", "size", "message"),
    [
        ({"gap": 300}, (224, 224), "a gap of 300 pixels leaves one block of 224x224; use a smaller gap or smaller"),
        ({"gap": 4, "keep": 0.01}, (224, 224), "keep 0.01 leaves no block of the 11 x 11 blocks; keep more"),
        ({"gap": 4, "jitter": 4}, (19, 224), "19x224 is smaller than a block of 16 with a jitter of 4; use a larger"),
        ({"keep": 0.5}, (30, 32), "30x32 is not a multiple of the block size 16; resize"),
        ({"gap": 4}, (64.0, 64), "the size 64.0x64 is not in whole pixels"),
    ],
    ids=str,
)
def test_sizes_that_are_refused(params, size, message):
    for refuse in (spec_of(**params).check_size, spec_of(**params).output_size):
        with pytest.raises(GeometryError) as caught:
            refuse(*size)
        assert str(caught.value).startswith(message)


def test_decryption_needs_the_size_of_the_picture():
    cipher, nonce = cipher_of(**OPTIONS), bytes(16)
    encrypted = cipher.encrypt(noise(40, 64, 3), nonce)
    with pytest.raises(GeometryError, match=r"give its size=\(height, width\) before encryption"):
        cipher.decrypt_unauthenticated(encrypted, nonce)
    with pytest.raises(GeometryError, match="the layout takes"):
        cipher.decrypt_unauthenticated(encrypted, nonce, (80, 64))


def test_defaults_are_written_nowhere():
    """So that settings, configurations and errors stay as they were."""
    assert EtcSpec("image", 8, keep=1.0) == EtcSpec("image", 8)
    for text in (EtcSpec().settings(), str(EtcSpec().to_dict()), repr(EtcSpec())):
        assert not any(name in text for name in ("gap", "jitter", "keep", "disposable"))
    spec = spec_of(**OPTIONS, disposable=True)
    assert spec_from_dict(spec.to_dict()) == spec and repr(spec).endswith("gap=3, jitter=2, keep=0.6, disposable=True)")


# Presets


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_whole_and_can_be_overridden(name):
    recipe = Recipe.of(preset=name, size=224)
    assert recipe.spec == EtcSpec(**preset_parameters(name)) and recipe.spec.weakness((224, 224)) is None
    assert Recipe.of(preset=name, block_size=32).spec == EtcSpec(**preset_parameters(name, 32))
    assert Recipe.of(recipe.to_dict()) == recipe


def test_private_is_the_preset():
    assert EtcCipher.private(KEY).spec == Recipe.of(preset="private").spec
    assert EtcCipher.private(KEY, keep=1, block_size=8).spec == spec_of(block_size=8, gap=6, jitter=6)


def test_presets_that_are_refused():
    with pytest.raises(ParameterError, match="unknown preset 'secret'; choose from paper, private, strict"):
        Recipe.of(preset="secret")
    with pytest.raises(ParameterError, match="the preset 'private' is one of the cipher 'etc'"):
        Recipe.of(cipher="pe", preset="private")


# Keys that nobody keeps


def test_disposable_keys_leave_nothing_to_decrypt_with(monkeypatch):
    """No key is asked for; two ciphertexts of one picture have nothing in common that could be compared."""
    monkeypatch.setattr(EtcKey, "__init__", lambda *_: pytest.fail("a key was made"))
    cipher, picture = EtcCipher.private(None, disposable=True), noise(96, 96, 3)
    files = [cipher.seal(picture) for _ in range(2)]
    markers = [read_marker(file) for file in files]
    assert markers[0].size == (48, 48) and all(marker.spec == cipher.spec for marker in markers)
    for name in ("cipher_id", "nonce", "tag"):
        assert len({getattr(marker, name) for marker in markers}) == 2
    nonce = cipher.new_nonces(1)[0]
    assert not (cipher.encrypt(picture, nonce) == cipher.encrypt(picture, nonce)).all(), "the nonce decides alone"
    assert not (cipher.compile(96, 96, [nonce] * 2)[0].top == cipher.compile(96, 96, [nonce])[0].top).all()


def test_disposable_keys_are_refused_beside_others():
    disposable = EtcCipher.private(None, disposable=True)
    file, thrown = disposable.seal(noise(96, 96, 3)), "the key of this image was thrown away; nobody can decrypt it"
    for refused in (disposable.unseal, disposable.unseal_unauthenticated):
        with pytest.raises(KeyMismatchError, match=thrown):
            refused(file)
    with pytest.raises(KeyMismatchError, match=thrown):
        disposable.decrypt_unauthenticated(noise(48, 48, 3), bytes(16), (96, 96))
    with pytest.raises(ParameterError, match="a disposable key is made for each image; leave the key out"):
        Cipher(KEY, disposable.spec)
    with pytest.raises(MissingKeyError):
        EtcCipher.private(None)
