"""The learned jigsaw: it finds neighbours across gaps, by what it was taught and by nothing else."""

from dataclasses import replace

import numpy as np
import pytest

from hf_etc.audit.attacks import get_attack
from hf_etc.audit.owner import Owner, Shares, make_trial, synthetic_pictures
from hf_etc.audit.puzzle.cells import Cells
from hf_etc.audit.puzzle.learned import beside, fit_judge, fit_relation, learned_costs, partners_of, sides_of
from hf_etc.audit.puzzle.pieces import STATES, split_blocks, unpack, variant_of
from hf_etc.audit.scores import score
from hf_etc.blocks import COLORS, turn_block
from hf_etc.cipher import EtcSpec


@pytest.fixture(scope="module")
def public():
    return synthetic_pictures(20, 64, 64, seed=5)


def test_sides_in_their_variant_continue_each_other():
    image = synthetic_pictures(1, 16, 16)
    blocks = split_blocks(image, 8)[0]
    partner, sides = partners_of(2, 2), sides_of(blocks)
    inside = np.flatnonzero(partner >= 0)
    assert len(inside) == 8 and (partner[partner[inside]] == inside).all()
    for state in range(0, STATES, 7):
        turn, negative, color = unpack(state)
        changed = blocks.copy()
        undo = (-turn) % 4 if turn < 4 else turn
        changed[1] = turn_block(blocks[1] ^ np.uint8(255 * negative), undo)[..., np.argsort(COLORS[color])]
        others = beside(sides_of(changed), int(variant_of(state)))
        off = ((others[1::4] - sides[3 * 4 + 1]).abs().amax((1, 2, 3)) < 1e-6) | (
            (others[1::4].flip(3) - sides[3 * 4 + 1]).abs().amax((1, 2, 3)) < 1e-6
        )
        assert off.any(), state


@pytest.mark.parametrize("gap", [0, 4])
def test_neighbours_are_learned_across_a_gap(public, gap):
    cells = Cells.of(64, 64, 8, gap, gap // 2)
    partner = partners_of(cells.rows, cells.columns)
    relation = fit_relation(public[:10], cells)
    judge = fit_judge(public[10:], cells, relation, 60)
    blocks = cells.cut(synthetic_pictures(1, 64, 64, seed=9), np.random.default_rng(0))[0]
    found = learned_costs(blocks, relation, judge).partners[partner >= 0] == partner[partner >= 0]
    assert found.mean() > (0.9 if gap == 0 else 0.3)
    mixed = learned_costs(np.random.default_rng(0).permutation(blocks), relation, judge)
    assert (mixed.partners[partner >= 0] == partner[partner >= 0]).mean() < 0.2


def test_the_learned_jigsaw_restores_and_keeps_what_it_trained(public, tmp_path):
    images, spec = synthetic_pictures(3, 64, 64, seed=9), EtcSpec("image", 8, gap=2, jitter=1)
    attack, lines = get_attack("pair-score"), []
    shares = Shares(images, images[:0], images[:0], public)
    trial = make_trial(Owner.new(spec), shares, folder=tmp_path, progress=lines.append)
    first = attack.run(trial.evidence.only(attack.needs))
    assert score(first, trial).neighbours_right > 0.5
    assert len(list(tmp_path.glob("pair-score-*.pt"))) == 1 and "training on" in lines[0]
    other = attack.run(replace(trial.evidence, public=public[:4], folder=None).only(attack.needs))
    again = attack.run(trial.evidence.only(attack.needs))
    assert np.array_equal(first.restored, again.restored) and other.restored.shape == first.restored.shape
    assert len([line for line in lines if "training on" in line]) == 2, "the first was kept"
    assert "add up" in attack.applies_to(EtcSpec(), 64, 64)
