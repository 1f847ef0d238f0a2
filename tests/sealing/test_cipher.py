"""The public cipher: exact round trips on every kind of input, nonces, wrong keys, and the store of plans."""

import itertools
import weakref
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from hf_etc import Cipher, EtcCipher, EtcKey, get_cipher, list_ciphers
from hf_etc.errors import (
    AlreadyEncryptedError,
    GeometryError,
    ImageError,
    KeyMismatchError,
    MissingKeyError,
    NotACiphertextError,
    ParameterError,
)
from hf_etc.images.ciphertext import decode_ciphertext, read_marker

from ..helpers import noise

STEPS = ("permutation", "rotation", "negative-positive", "color")
SUBSETS = [subset for count in range(1, 5) for subset in itertools.combinations(STEPS, count)]
DEVICES = ["cpu"] + (["cuda"] if torch.cuda.is_available() else [])

keys = st.builds(EtcKey, st.binary(min_size=32, max_size=32))
nonces = st.binary(min_size=16, max_size=16)


def tensor_of(images, device="cpu"):
    return torch.tensor(images, device=device).permute(0, 3, 1, 2)


def array_of(tensor):
    return tensor.cpu().permute(0, 2, 3, 1).numpy()


# Round trips


@settings(max_examples=200)
@given(
    keys,
    st.sampled_from(SUBSETS),
    st.booleans(),
    st.sampled_from(["dataset", "image"]),
    st.integers(1, 9),
    st.integers(1, 4),
    st.integers(1, 4),
    st.integers(1, 3),
    nonces,
)
def test_exact_inverse_for_all_parameters(key, steps, shared, scope, block, rows, columns, count, nonce):
    cipher = EtcCipher(key, block, scope, steps, shared)
    images = noise(count, rows * block, columns * block, 3)
    each = [bytes([i]) + nonce[1:] for i in range(count)] if scope == "image" else None
    encrypted = cipher.encrypt(images, each)
    assert encrypted.shape == images.shape and encrypted.dtype == np.uint8
    assert (cipher.decrypt_unauthenticated(encrypted, each) == images).all()
    assert (array_of(cipher.encrypt(tensor_of(images), each)) == encrypted).all()
    assert (array_of(cipher.decrypt_unauthenticated(tensor_of(encrypted), each)) == images).all()
    single = None if each is None else each[0]
    assert (cipher.encrypt(images[0], single) == encrypted[0]).all()
    assert (cipher.decrypt_unauthenticated(encrypted[0], single) == images[0]).all()
    again = EtcCipher(key, block, scope, steps, shared)
    assert (again.decrypt_unauthenticated(encrypted, each) == images).all(), "no state of the first cipher is needed"


# One shared draw of a step within blocks may be the identity, so those are not alone in this list.
CHANGING = [(False, (step,)) for step in STEPS] + [(shared, STEPS) for shared in (False, True)] + [(True, STEPS[:1])]


@pytest.mark.parametrize("scope", ["dataset", "image"])
@pytest.mark.parametrize(("shared", "steps"), CHANGING, ids=str)
def test_ciphertext_differs_from_plaintext(scope, shared, steps, key):
    """A round trip alone would pass an identity."""
    cipher = EtcCipher(key, 8, scope, steps, shared)
    images = noise(4, 64, 64, 3)
    encrypted = cipher.encrypt(images, cipher.new_nonces(4) if scope == "image" else None)
    assert ((encrypted != images).mean(axis=(1, 2, 3)) > 0.25).all()


@pytest.mark.parametrize("scope", ["dataset", "image"])
def test_wrong_key_does_not_decrypt(scope, key, other_key):
    images = noise(2, 64, 64, 3)
    nonces = [bytes(16), bytes([1]) * 16] if scope == "image" else None
    encrypted = EtcCipher(key, 16, scope).encrypt(images, nonces)
    wrong = EtcCipher(other_key, 16, scope).decrypt_unauthenticated(encrypted, nonces)
    assert (wrong != images).mean() > 0.9


def test_wrong_nonce_does_not_decrypt(key):
    cipher = EtcCipher(key, 16, "image")
    image = noise(64, 64, 3)
    assert (cipher.decrypt_unauthenticated(cipher.encrypt(image, bytes(16)), bytes(15) + b"\1") != image).mean() > 0.9


@pytest.mark.parametrize("size", [(32, 32), (16, 4096), (4096, 16), (16, 16)])
def test_sizes(size, key):
    cipher, image = EtcCipher(key, 16), noise(*size, 3)
    encrypted = cipher.encrypt(image)
    assert (cipher.decrypt_unauthenticated(encrypted) == image).all()
    assert (array_of(cipher.encrypt(tensor_of(image[None])))[0] == encrypted).all()
    assert (np.asarray(cipher.encrypt(Image.fromarray(image))) == encrypted).all()


def test_one_block_is_turned_and_never_refused(key):
    image = noise(16, 16, 3)
    assert (EtcCipher(key, 16).encrypt(image) != image).any()
    assert (EtcCipher(key, 16, steps=("permutation",)).encrypt(image) == image).all(), "one block has one place"


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("scope", ["dataset", "image"])
@pytest.mark.parametrize("count", [1, 2, 33])
def test_torch_equals_numpy_on_batches(device, scope, count, key):
    cipher = EtcCipher(key, 8, scope)
    images = noise(count, 24, 40, 3)
    nonces = cipher.new_nonces(count) if scope == "image" else None
    tensor = tensor_of(images, device)
    out = cipher.encrypt(tensor, nonces)
    assert out.device == tensor.device and out.dtype == torch.uint8 and out.shape == tensor.shape
    assert (array_of(out) == cipher.encrypt(images, nonces)).all()
    assert (cipher.decrypt_unauthenticated(out, nonces) == tensor).all()


def test_input_stays_as_it_was(key):
    cipher, images = EtcCipher(key, 8, "image"), noise(2, 16, 16, 3)
    nonces, before = cipher.new_nonces(2), images.copy()
    images.flags.writeable = False
    cipher.encrypt(images, nonces)
    tensor = tensor_of(before)
    cipher.encrypt(tensor, nonces)
    assert (images == before).all() and (tensor == tensor_of(before)).all()


@pytest.mark.parametrize("view", [lambda x: x[:, ::-1], lambda x: x[..., ::-1], lambda x: x[::2], np.asfortranarray])
def test_memory_order_does_not_matter(view, key):
    cipher, images = EtcCipher(key, 8), view(noise(4, 16, 24, 3))
    assert (cipher.encrypt(images) == cipher.encrypt(np.ascontiguousarray(images))).all()
    planar = torch.tensor(np.ascontiguousarray(images)).permute(0, 3, 1, 2).contiguous()
    assert (cipher.encrypt(planar) == cipher.encrypt(planar.contiguous(memory_format=torch.channels_last))).all()


# PIL images


@pytest.mark.parametrize("scope", ["dataset", "image"])
def test_pil_image_carries_its_marker(scope, key):
    cipher, image = EtcCipher(key, 8, scope), noise(16, 24, 3)
    encrypted = cipher.encrypt(Image.fromarray(image))
    marker = read_marker(encrypted)
    assert encrypted.mode == "RGB" and encrypted.size == (24, 16)
    assert (
        replace(marker, tag="") == cipher.marker(16, 24, marker.nonce)
        and len(marker.tag) == 32
        and (marker.nonce is not None) == (scope == "image")
    )
    assert (np.asarray(encrypted) == cipher.encrypt(image, marker.nonce)).all()
    decrypted = cipher.decrypt(encrypted)
    assert (np.asarray(decrypted) == image).all()
    assert read_marker(decrypted) is None and not decrypted.info


def test_pil_image_takes_a_given_nonce(key):
    cipher, image = EtcCipher(key, 8, "image"), Image.fromarray(noise(16, 24, 3))
    for nonce in (bytes(range(16)), [bytes(range(16))]):
        assert read_marker(cipher.encrypt(image, nonce)).nonce == bytes(range(16))
    assert read_marker(cipher.encrypt(image)).nonce != read_marker(cipher.encrypt(image)).nonce


def test_nothing_of_the_plain_picture_travels_along(key):
    """No thumbnail, place, comment or colour profile."""
    image = Image.fromarray(noise(16, 16, 3))
    image.info |= {"comment": b"at home", "icc_profile": b"x", "dpi": (72, 72), "Author": "me"}
    assert list(EtcCipher(key).encrypt(image).info) == ["hf-etc"]


def test_twice_encrypted_is_refused(key, other_key):
    encrypted = EtcCipher(key).encrypt(Image.fromarray(noise(32, 32, 3)))
    for again in (
        encrypted,
        encrypted.copy(),
        encrypted.convert("L"),
        encrypted.resize((64, 64)),
        encrypted.crop((0, 0, 16, 16)),
    ):
        with pytest.raises(AlreadyEncryptedError, match="this image is encrypted already; decrypt it first"):
            EtcCipher(other_key).encrypt(again)


def test_decrypting_under_another_key_or_cipher_is_refused(key, other_key):
    encrypted = EtcCipher(key, 8).encrypt(Image.fromarray(noise(32, 32, 3)))
    with pytest.raises(KeyMismatchError, match=f"encrypted under another key than {other_key.key_id}"):
        EtcCipher(other_key, 8).decrypt(encrypted)
    with pytest.raises(ParameterError, match="encrypted with EtcSpec"):
        EtcCipher(key, 16).decrypt(encrypted)
    with pytest.raises(GeometryError, match="was resized or cropped after encryption"):
        EtcCipher(key, 8).decrypt(encrypted.resize((64, 64)))
    with pytest.raises(NotACiphertextError, match="plain image"):
        EtcCipher(key, 8).decrypt(Image.fromarray(noise(16, 24, 3)))


def test_pil_image_without_marker_is_decrypted_as_pixels_on_demand(key):
    cipher, image = EtcCipher(key, 8), noise(16, 24, 3)
    bare = Image.fromarray(cipher.encrypt(image))
    assert (np.asarray(cipher.decrypt_unauthenticated(bare)) == image).all()
    scoped = EtcCipher(key, 8, "image")
    bare = Image.fromarray(scoped.encrypt(image, bytes(16)))
    assert (np.asarray(scoped.decrypt_unauthenticated(bare, bytes(16))) == image).all()
    with pytest.raises(ParameterError, match="needs a nonce"):
        scoped.decrypt_unauthenticated(bare)


# Nonces


@pytest.mark.parametrize(
    "kind", [noise, lambda *shape: torch.zeros(shape[0], 3, *shape[1:3], dtype=torch.uint8)], ids=["array", "tensor"]
)
def test_one_nonce_per_image(kind, key):
    cipher, images = EtcCipher(key, 8, "image"), kind(3, 16, 16, 3)
    for wrong in (cipher.new_nonces(2), cipher.new_nonces(4), bytes(16), []):
        with pytest.raises(ParameterError, match="for 3 images; pass one per image"):
            cipher.encrypt(images, wrong)
    with pytest.raises(ParameterError, match="needs a nonce of 16 bytes"):
        cipher.encrypt(images)
    with pytest.raises(ParameterError, match="takes no nonce"):
        EtcCipher(key, 8).encrypt(images, cipher.new_nonces(3))


@pytest.mark.parametrize("nonce", [b"", bytes(15), bytes(17), "0" * 16, [b"short"], bytearray(16), 7, object()])
def test_nonce_of_another_form(nonce, key):
    with pytest.raises(ParameterError):
        EtcCipher(key, 8, "image").encrypt(noise(16, 16, 3), nonce)


def test_order_of_nonces_matters_and_equal_nonces_give_equal_plans(key):
    cipher, image = EtcCipher(key, 8, "image"), noise(32, 32, 3)
    a, b = cipher.new_nonces(2)
    first, second = cipher.encrypt(np.stack([image] * 2), [a, b])
    assert (first == cipher.encrypt(image, a)).all() and (first != second).any()


def test_a_nonce_twice_in_one_call_is_refused(key):
    cipher, images = EtcCipher(key, 8, "image"), noise(3, 16, 16, 3)
    a, b = cipher.new_nonces(2)
    for encrypt in (cipher.encrypt, lambda images, nonces: cipher.seal_all(images, nonces=nonces)):
        with pytest.raises(ParameterError, match="a nonce stands twice among these"):
            encrypt(images, [a, b, a])


@pytest.mark.parametrize(
    "name, scope, params",
    [
        ("etc", "dataset", {}),
        ("etc", "image", {}),
        ("etc", "image", {"keep": 0.5}),
        ("le", "dataset", {}),
        ("le", "image", {}),
    ],
)
def test_pictures_are_sealed_a_few_at_a_time_and_in_their_order(name, scope, params, key, monkeypatch):
    monkeypatch.setattr("hf_etc.sealing.cipher._TOGETHER", 2 * 32 * 32 * 3)
    monkeypatch.setattr("hf_etc.sealing.cipher._SIZES", 2)
    cipher = get_cipher(name, key, key_scope=scope, **params)
    pictures = [noise(*size, 3, seed=i) for i, size in enumerate([(32, 32), (48, 32), *[(32, 32)] * 7, (64, 64)])]
    held = []

    def one_by_one():
        for picture in pictures:
            assert sum(reference() is not None for reference in held) <= 1, "the last one"
            held.append(weakref.ref(copied := picture.copy()))
            yield copied

    files = cipher.seal_all(one_by_one())
    for file, picture in zip(files, pictures, strict=True):
        nonce = read_marker(file).nonce
        assert (decode_ciphertext(file)[0] == cipher.encrypt(picture, nonce)).all()
    if scope == "image":
        nonces = cipher.new_nonces(len(pictures))
        assert [read_marker(file).nonce for file in cipher.seal_all(pictures, nonces=nonces)] == nonces


def test_nonces_are_fresh(key):
    made = EtcCipher(key, 8, "image").new_nonces(100)
    assert len(set(made)) == 100 and {len(nonce) for nonce in made} == {16}


# What is refused


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((16, 16, 3)), "scale to 0..255"),
        (np.zeros((3, 16, 16), np.uint8), "move the channels last"),
        (np.zeros((0, 16, 16, 3), np.uint8), "batch is empty"),
        (np.zeros((16, 16), np.uint8), "expected shape"),
        (np.zeros((16, 16, 4), np.uint8), "convert to RGB first"),
        (torch.zeros(1, 3, 16, 16), "scale to 0..255"),
        (torch.zeros(3, 16, 16, dtype=torch.uint8), "expected a tensor"),
        (torch.zeros(0, 3, 16, 16, dtype=torch.uint8), "batch is empty"),
        (torch.zeros(1, 16, 16, 3, dtype=torch.uint8), "permute"),
        ([[0]], "cannot encrypt a list; pass a PIL image, a uint8 array or a uint8 tensor"),
        (None, "cannot encrypt a NoneType"),
        ("picture.png", "cannot encrypt a str"),
        (b"\x89PNG", "cannot encrypt a bytes"),
    ],
)
def test_what_is_no_image_is_refused(image, message, key):
    for operation in (EtcCipher(key, 8).encrypt, EtcCipher(key, 8).decrypt_unauthenticated):
        with pytest.raises(ImageError, match=message):
            operation(image)


@pytest.mark.parametrize(
    "make",
    [
        lambda h, w: noise(h, w, 3),
        lambda h, w: tensor_of(noise(1, h, w, 3)),
        lambda h, w: Image.fromarray(noise(h, w, 3)),
    ],
    ids=["array", "tensor", "pil"],
)
@pytest.mark.parametrize("size", [(15, 16), (16, 24), (8, 8), (1, 1)])
def test_sizes_off_the_grid_are_refused(make, size, key):
    with pytest.raises(GeometryError):
        EtcCipher(key, 16).encrypt(make(*size))


@pytest.mark.parametrize("wrong", [None, "hfetc2-abc", bytes(32), 7])
def test_a_key_is_an_etc_key(wrong):
    with pytest.raises(MissingKeyError, match="key must be an EtcKey"):
        EtcCipher(wrong)


def test_registry(key):
    assert "etc" in list_ciphers()
    image = noise(16, 16, 3)
    assert (get_cipher("etc", key, block_size=8).encrypt(image) == EtcCipher(key, 8).encrypt(image)).all()
    with pytest.raises(ParameterError, match="unknown cipher 'aes'; choose from"):
        get_cipher("aes", key)
    with pytest.raises(ParameterError, match="has no parameter 'size'"):
        get_cipher("etc", key, size=8)


@pytest.mark.parametrize("name", list_ciphers())
def test_every_registered_cipher_is_exact_and_does_something(name, key, other_key):
    images = noise(2, 16, 24, 3)
    cipher = get_cipher(name, key, **({"block_size": 4} if name == "etc" else {}))
    encrypted = cipher.encrypt(images)
    assert (encrypted != images).mean() > 0.3
    assert (cipher.decrypt_unauthenticated(encrypted) == images).all()
    assert (array_of(cipher.encrypt(tensor_of(images))) == encrypted).all()
    assert (Cipher(other_key, cipher.spec).decrypt_unauthenticated(encrypted) != images).mean() > 0.3


def test_repr_names_the_key_by_its_id(key):
    assert repr(EtcCipher(key, 8)).startswith(f"EtcCipher(key_id='{key.key_id}', spec=EtcSpec(")


def test_marker_of_a_file_needs_nothing_but_the_key(key):
    """What `decrypt FILE --key K` relies on: the marker rebuilds the cipher."""
    encrypted = EtcCipher(key, 8, "image", ("permutation", "color"), True).encrypt(Image.fromarray(noise(16, 24, 3)))
    spec = read_marker(encrypted).spec
    assert (np.asarray(Cipher(key, spec).decrypt(encrypted)) == noise(16, 24, 3)).all()
