"""Encodings have their shapes and seeds, and each attack breaks its own on tiny data, and not its control."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from hf_etc.audit.owner import synthetic_pictures
from hf_etc.audit.scores import similarity
from hf_etc.audit.training import Budget
from hf_etc.errors import GeometryError, ParameterError
from hf_etc.related import instahide, neuracrypt, unet

pytestmark = pytest.mark.usefixtures("one_thread")


def random(seed=0):
    return np.random.default_rng(seed)


@pytest.fixture(scope="module")
def pictures():
    return synthetic_pictures(400, 16, 16)


def test_instahide_mixes_and_hides_signs(pictures):
    private, public = pictures[:10], pictures[10:]
    made = instahide.encode(private, random(), 3, 2, public, 2)
    assert made.pixels.shape == (30, 16, 16, 3) and made.pixels.dtype == np.float32
    assert ((made.weights > 0).sum(1) == 2).all() and made.weights.max() <= instahide.MOST
    assert (made.weights[np.arange(30), np.arange(30) % 10] > 0).all() and (made.weights.sum(1) < 1).all()
    again, other = (instahide.encode(private, random(seed), 3, 2, public, 2).pixels for seed in (0, 1))
    assert np.array_equal(made.pixels, again) and not np.array_equal(made.pixels, other)
    within = instahide.encode(private, random())
    mixed = np.tensordot(within.weights, private / 127.5 - 1, 1)
    assert np.allclose(np.abs(within.pixels), np.abs(mixed), atol=1e-5)
    assert (np.sign(within.pixels) == np.sign(mixed)).mean() == pytest.approx(0.5, abs=0.05)


def test_instahide_refuses_what_it_cannot_mix(pictures):
    with pytest.raises(ParameterError, match="give more"):
        instahide.encode(pictures[:1], random())
    with pytest.raises(ParameterError, match="give some"):
        instahide.encode(pictures[:4], random(), public_mixed=1)


def test_the_solver_finds_what_is_shared_and_nothing_where_nothing_is(pictures):
    private = pictures[:12, :, :, :]
    made = instahide.encode(private, random(), rounds=12)
    absolute = np.abs(made.pixels).reshape(len(made.pixels), -1)
    found = instahide.agree(instahide.solve(absolute, made.weights).reshape(private.shape))
    likeness = np.corrcoef(found.ravel(), private.ravel())[0, 1]
    assert abs(likeness) > 0.9  # as it is, or negative as a whole
    apart = np.concatenate(
        [instahide.encode(two, random(), 1).pixels[:1] for two in pictures[12:300].reshape(144, 2, 16, 16, 3)]
    )
    blind = instahide.agree(instahide.solve(np.abs(apart).reshape(144, -1), made.weights).reshape(private.shape))
    assert abs(np.corrcoef(blind.ravel(), private.ravel())[0, 1]) < 0.3


def test_compared_encodings_that_share_a_picture_are_alike(pictures):
    """And so the whole attack: network, clusters, solution."""
    private, public = pictures[:6], pictures[6:]
    made = instahide.encode(private, random(1), rounds=8)
    network = instahide.learn(public, budget=Budget(40, 40))
    alike = network.alike(made.pixels)
    share = made.weights @ made.weights.T > 0
    above = np.triu(np.ones_like(share), 1)
    assert alike[share & above].mean() > alike[~share & above].mean() + 0.1
    found = instahide.reconstruct(made.pixels, 6, network)
    assert found.shape == private.shape and found.dtype == np.uint8


@pytest.fixture(scope="module")
def encoder(pictures):
    return neuracrypt.Encoder(5, pictures[:50], width=96, depth=1)


def test_neuracrypt_is_its_seed_and_shuffles(pictures, encoder):
    tokens = encoder.encode(pictures[:5], random())
    assert tokens.shape == (5, 16, 96) and tokens.dtype == np.float32
    same, other = (neuracrypt.Encoder(seed, pictures[:50], width=96, depth=1) for seed in (5, 6))
    assert np.array_equal(same.encode(pictures[:5], random()), tokens)
    assert not np.allclose(other.encode(pictures[:5], random()), tokens)
    shuffled = encoder.encode(pictures[:5], random(1))
    assert not np.array_equal(shuffled, tokens) and np.allclose(np.sort(shuffled, 1), np.sort(tokens, 1))
    with pytest.raises(GeometryError, match="choose another"):
        neuracrypt.Encoder(0, pictures, patch=5)


def test_neuracrypt_leaves_the_random_generator_alone(pictures):
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    neuracrypt.Encoder(5, pictures[:2])
    unet.UNet(5)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_neuracrypt_is_matched_and_decoded_under_one_key_alone(pictures, encoder):
    known, others = pictures[:300], pictures[300:340]
    order = random().permutation(300)
    found = neuracrypt.match(encoder.encode(known[order], random()), known)
    assert (found.pictures == order).mean() > 0.9
    decoded = found.decode(encoder.encode(others, random(2)))
    ssim = similarity(others, decoded)
    assert np.median(ssim) > np.median(similarity(np.roll(others, 1, 0), decoded)) + 0.3

    keys = (neuracrypt.Encoder(row, pictures[:8], width=96, depth=1) for row in range(300))
    apart = np.concatenate([key.encode(one[None], random()) for key, one in zip(keys, known[order], strict=True)])
    assert (neuracrypt.match(apart, known).pictures == order).mean() < 0.03


def brightness(values):
    return 20 * torch.stack([values.mean((1, 2, 3)), -values.mean((1, 2, 3))], 1)


def test_the_unet_moves_features_and_leaves_the_class_and_is_undone_from_pairs(pictures):
    labels = (pictures.mean((1, 2, 3)) < 127.5).astype(np.int64)
    network = unet.UNet(0, width=8)
    assert np.array_equal(
        unet.UNet(0, width=8).eval().encode(pictures[:2]), unet.UNet(0, width=8).eval().encode(pictures[:2])
    )
    unet.protect(network, pictures, labels, brightness, lambda x: F.avg_pool2d(x, 2), 4.0, budget=Budget(60, 16))
    protected = network.encode(pictures)
    assert protected.shape == pictures.shape and protected.dtype == np.uint8
    said = brightness(torch.from_numpy(protected).permute(0, 3, 1, 2) / 127.5 - 1).argmax(1).numpy()
    assert (said == labels).mean() > 0.8
    own, targets = slice(0, 300), slice(300, 400)
    inverse = unet.invert(protected[own], pictures[own], budget=Budget(80, 16))
    blind = unet.invert(np.roll(protected[own], 150, 0), pictures[own], budget=Budget(80, 16))
    hidden, undone, control = (
        np.median(similarity(pictures[targets], made))
        for made in (protected[targets], inverse.encode(protected[targets]), blind.encode(protected[targets]))
    )
    assert undone > max(hidden, control) + 0.2
    with pytest.raises(ParameterError, match="multiple of 4"):
        network.encode(pictures[:1, :10])
