"""The position transformer: it tells where blocks belong by what it was taught, and by nothing else."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from hf_etc.audit.attacks import get_attack
from hf_etc.audit.audit import audit
from hf_etc.audit.owner import Owner, Shares, make_trial, synthetic_pictures
from hf_etc.audit.puzzle.cells import Cells
from hf_etc.audit.puzzle.pieces import STATE_AFTER, STATE_INVERSE, STATES, split_blocks
from hf_etc.audit.puzzle.places import Bag, Placer, examples, fit_placer, place
from hf_etc.audit.scores import score
from hf_etc.audit.training import Budget
from hf_etc.cipher import EtcSpec
from hf_etc.sealing import EtcCipher

CELLS = Cells.of(32, 32, 8)


def shaded(count, seed=0):
    """Noise that is brighter from row to row: in which one a block belongs can be seen."""
    noise = np.random.default_rng(seed).normal(size=(count, 4, 8, 32, 3))
    values = 130 + 25 * np.arange(4).reshape(4, 1, 1, 1) + 8 * noise
    return np.clip(values.reshape(count, 32, 32, 3), 0, 255).astype(np.uint8)


def test_a_bag_is_the_same_under_every_key():
    images = synthetic_pictures(2, 32, 32)
    plain = Bag.of(split_blocks(images, 8))
    sent, layouts = Owner.new(EtcSpec("image", 8)).encrypt(images)
    bag = Bag.of(split_blocks(sent, 8))
    for number, layout in enumerate(layouts):
        assert torch.equal(bag.forms[number], plain.forms[number, torch.from_numpy(layout.cells.copy())])


def test_states_are_those_of_pieces():
    blocks = np.random.default_rng(0).integers(0, 256, (1, STATES, 8, 8, 3), np.uint8)
    bag, one, other = Bag.of(blocks), np.arange(STATES)[None], np.random.default_rng(1).permutation(STATES)[None]
    plain = torch.from_numpy(blocks.transpose(0, 1, 4, 2, 3).copy()).flatten(2).double() / 127.5 - 1
    back = torch.from_numpy(STATE_INVERSE)[bag.states]
    assert torch.allclose(bag.shown(back).double(), plain, atol=1e-6)
    twice = replace(bag, forms=bag.shown(torch.from_numpy(one))).shown(torch.from_numpy(other))
    assert torch.equal(twice, bag.shown(torch.from_numpy(STATE_AFTER[one, other])))


def test_examples_say_the_truth_of_what_is_not_given():
    images, random = synthetic_pictures(3, 32, 32), np.random.default_rng(0)
    windows = torch.from_numpy(split_blocks(images, 8).transpose(0, 1, 4, 2, 3).copy()).flatten(2).float() / 127.5 - 1
    seen = []
    for _ in range(12):
        (blocks, given), answers = examples(images, CELLS, random)
        assert ((given >= 0) == (answers[..., 0] < 0)).all() and (given < 0).any()
        seen.append((given.shape[1], int((given >= 0).sum())))
        hidden = answers.clamp_min(0)
        shown = Bag(blocks, hidden[..., 1]).shown(hidden[..., 1])
        cell = torch.where(given >= 0, given, hidden[..., 0])
        truth = windows.gather(1, cell[..., None].expand_as(blocks))
        found = torch.where(given[..., None] >= 0, blocks, shown)
        assert torch.allclose(found, truth, atol=1e-5)
    assert len({blocks for blocks, _ in seen}) > 2 and {count == 0 for _, count in seen} == {True, False}


def test_places_are_learned_from_other_pictures_and_only_from_what_is_seen():
    network = fit_placer(shaded(64), partial(Placer, CELLS, 64, 2), Budget(150, 256))
    blocks = split_blocks(shaded(4, seed=1), 8)
    order = np.random.default_rng(0).permuted(np.tile(np.arange(16), (4, 1)), axis=1)
    cells, states = place(network, np.take_along_axis(blocks, order[..., None, None, None], 1))
    assert all(sorted(one) == list(range(16)) for one in cells) and states.shape == cells.shape
    assert (cells // 4 == order // 4).mean() > 0.6
    noise = np.random.default_rng(1).integers(0, 256, (8, 16, 8, 8, 3), np.uint8)
    assert (place(network, noise)[0] // 4 == np.arange(16) // 4).mean() < 0.45


@pytest.mark.parametrize("keep", [1, 0.5])
def test_the_attack_takes_ciphertexts_whole_and_in_part_and_keeps_what_it_trained(keep, tmp_path):
    public, images = synthetic_pictures(4, 48, 48, seed=int(2 * keep)), synthetic_pictures(3, 48, 48, seed=9)
    attack, lines = get_attack("position-transformer"), []
    spec = EtcSpec("image", 8, gap=3, jitter=1, keep=keep)
    shares = Shares(images, images[:0], images[:0], public)
    trial = make_trial(Owner.new(spec), shares, folder=tmp_path / str(keep), progress=lines.append)
    first, again = (attack.run(trial.evidence.only(attack.needs)) for _ in range(2))
    assert np.array_equal(first.restored, again.restored) and first.restored.shape == trial.plain.shape
    assert len(list((tmp_path / str(keep)).glob("position-transformer-*.pt"))) == 1
    assert len([line for line in lines if "training on" in line]) == 1, "one training for both"
    assert score(first, trial).neighbours_right < 0.5
    assert "add up" in attack.applies_to(EtcSpec(), 64, 64)


def test_it_is_audited_with_controls(key):
    cipher = EtcCipher(key, 8, key_scope="image", gap=2, jitter=2)
    (result,) = audit(synthetic_pictures(12, 32, 32), cipher, attacks=["position-transformer"]).results
    assert result.outcome == "ran" and result.trusted, (result.positive, result.negative)
    assert "among the attacker's own" in result.positive.what
