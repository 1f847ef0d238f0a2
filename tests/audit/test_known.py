"""Known pictures with flat blocks: what can be decided is found, and what cannot is neither counted nor claimed."""

from functools import cache

import numpy as np
import pytest

from hf_etc import EtcCipher
from hf_etc.audit.attack import AttackFailure
from hf_etc.audit.audit import audit
from hf_etc.audit.owner import Shares, synthetic_pictures
from hf_etc.audit.puzzle.matching import undecidable
from hf_etc.audit.words import headline
from hf_etc.blocks import COLORS, turn_block
from hf_etc.cipher import EtcSpec

from .helpers import run, trial_of


@cache
def on_white(width=20, count=16, edge=64):
    """Pictures on white paper, as scans are: of their 64 blocks of 8 pixels most are flat. Of the first 4 none is."""
    images = synthetic_pictures(count, edge, edge)
    images[4:, :, width:] = 255
    return images


def test_what_looks_like_others_in_all_known_pictures_cannot_be_told():
    picture = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), np.uint8)
    assert not undecidable(picture, 8).any()
    picture[0, :8, 8:24] = picture[0, :8, :8].repeat(2, 0).reshape(8, 16, 3)[:, :16]
    assert not undecidable(picture, 8).any(), "the other picture tells"
    changed = 255 - turn_block(picture[:, None, :8, :8], 5, (2, 3))[:, 0][..., COLORS[3]]
    picture[:, 24:, 24:] = changed
    assert np.flatnonzero(undecidable(picture, 8)).tolist() == [0, 15]


def test_flat_blocks_do_not_fail_the_control_and_are_not_claimed(key):
    (result,) = audit(on_white(), EtcCipher(key, 8), attacks=["known-plaintext"]).results
    scores = result.scores
    assert result.trusted and result.value == result.positive.value == scores.key_share == 1
    assert (scores.blocks, scores.undecidable) == (64, 40) and result.ciphertexts == 2
    assert 0.3 < scores.blocks_restored < 1 and scores.exact < scores.images
    assert scores.key_bits_recovered == pytest.approx(scores.key_bits * 24 / 64)
    text = f"{100 * scores.blocks_restored:.1f} % of the blocks of hidden pictures restored"
    assert "without 40 of 64 blocks, which look like others in all known pictures" in result.verdict
    assert text in result.verdict and text in headline([result], 16)


def test_little_that_is_decided_is_not_called_much(key):
    (result,) = audit(on_white(width=8), EtcCipher(key, 8), attacks=["known-plaintext"]).results
    assert result.value == 1 and result.scores.blocks_restored < 0.2
    assert result.verdict.startswith("Something is disclosed: ")


def test_blocks_that_hardly_differ_are_told_apart():
    images = np.full((3, 64, 64, 3), 250, np.uint8)
    images[:, ::8, ::8] -= np.arange(64, dtype=np.uint8).reshape(8, 8)[..., None]  # one pixel of each block
    images[:, 1::8, ::8, 0] -= 1
    images[:, 2::8, ::8, 1] -= 1  # no block is the same when it is turned or recoloured
    _, scores = run("known-plaintext", trial_of(EtcSpec(block_size=8), images, targets=1))
    assert scores.undecidable == 0 and scores.key_share == 1


def test_pictures_without_any_detail_decide_nothing():
    with pytest.raises(AttackFailure, match="all alike"):
        run("known-plaintext", trial_of(EtcSpec(), np.zeros((3, 32, 32, 3), np.uint8)))


@pytest.mark.parametrize(("images", "pairs"), [(3, 1), (12, 1), (20, 3), (60, 4), (300, 4)])
def test_several_pictures_are_known_where_there_are_enough(images, pairs):
    shares = Shares.of(np.arange(images), 4)
    assert len(shares.pairs) == pairs
    assert not set(shares.pairs) & {*shares.targets, *shares.collected, *shares.public}
