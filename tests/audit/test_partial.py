"""What attacks make of ciphertexts that leave pixels and blocks out, and of pictures that are known elsewhere."""

from dataclasses import replace

import numpy as np
import pytest

from hf_etc.audit.attacks import get_attack
from hf_etc.audit.audit import audit, why_not
from hf_etc.audit.owner import Owner, Shares, make_trial
from hf_etc.audit.puzzle.cells import Cells, cells_of
from hf_etc.audit.puzzle.pieces import split_blocks
from hf_etc.audit.scores import score_layout
from hf_etc.cipher import EtcSpec
from hf_etc.sealing import EtcCipher

from .helpers import pictures, run, trial_of

GAPS = EtcSpec("image", 8, gap=3, jitter=1, keep=0.5)


def test_what_was_sent_is_what_is_compared():
    images = pictures()
    trial = trial_of(GAPS, images)
    cells = cells_of(GAPS, 32, 32)
    assert (cells.rows, cells.columns) == (3, 3) and trial.evidence.size == (32, 32)
    assert trial.plain.shape == trial.decrypted.shape == (2, 24, 24, 3)
    assert np.array_equal(trial.plain, trial.decrypted)
    windows = {one.tobytes() for one in cells.windows(images[0])}
    sent = [one for one in split_blocks(trial.plain[:1], 8)[0] if not (one == 128).all()]
    assert len(sent) == 6 and {one.tobytes() for one in sent} <= windows


def test_windows_are_cut_where_the_cipher_takes_them():
    cells, image = Cells.of(32, 32, 8, gap=3, jitter=1), pictures()[:1]
    cut = cells.cut(image, np.random.default_rng(0))[0]
    assert {one.tobytes() for one in cut} <= {one.tobytes() for one in cells.windows(image[0])}


def test_a_layout_of_some_blocks_is_scored_by_those_that_were_sent():
    (truth,) = trial_of(replace(GAPS, keep=0.67), targets=1).compiled
    assert score_layout(truth, truth).neighbours_right == score_layout(truth, truth).pieces_right == 1
    moved = replace(truth, top=np.roll(truth.top, 1), left=np.roll(truth.left, 1))
    assert score_layout(moved, truth).pieces_right == 0 and score_layout(moved, truth).neighbours_right < 1


@pytest.mark.parametrize("keep", [1, 0.5])
def test_a_jigsaw_takes_blocks_with_gaps(keep):
    recovery, scores = run("jigsaw", trial_of(replace(GAPS, gap=0, jitter=0, keep=keep)))
    assert recovery.restored.shape == (2, 32, 32, 3)
    assert scores.neighbours_right > 0.5
    noise = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), np.uint8)
    assert run("jigsaw", trial_of(replace(GAPS, keep=keep), noise))[1].neighbours_right < 0.4


def test_attacks_on_whole_pictures_do_not_apply():
    assert "leave parts out" in why_not(get_attack("fr-basic"), trial_of(GAPS).evidence)
    assert why_not(get_attack("jigsaw"), trial_of(GAPS).evidence) is None


@pytest.mark.parametrize("spec", [EtcSpec("image", 8), GAPS])
def test_a_near_copy_finds_its_ciphertext(spec):
    images = pictures(12, 64)
    trial = make_trial(Owner.new(spec), Shares(images[:8], images[8:], images[:0], images[:0]))
    assert not np.array_equal(trial.evidence.copies, images[:8][trial.copied])
    attack = get_attack("linkage")
    recovery = attack.run(trial.evidence.only(attack.needs))
    assert recovery.restored is None and (recovery.linked == trial.copied).mean() > 0.7
    hidden = attack.run(attack.senseless(trial.evidence).only(attack.needs))
    assert (hidden.linked == trial.copied).mean() < 0.4


@pytest.mark.parametrize("gap", [0, 3])
def test_linkage_is_audited_with_controls(key, gap):
    cipher = EtcCipher(key, 8, key_scope="image", gap=gap, jitter=gap)
    (result,) = audit(pictures(20, 64), cipher, attacks=["linkage"]).results
    assert result.trusted and result.value > 0.9 and result.chance < 0.1
    assert "of the known pictures linked to their ciphertexts" in result.verdict
    assert "restores nothing" in result.goal


def test_a_jigsaw_is_audited_with_controls_where_parts_are_left_out(key):
    cipher = EtcCipher(key, 16, key_scope="image", gap=1, jitter=1, keep=0.5)
    (result,) = audit(pictures(12, 64), cipher, attacks=["jigsaw"]).results
    assert result.outcome == "ran" and result.trusted
    assert result.chance < 0.5
