"""Each attack recovers what it must from a cipher that it must break, and nothing where there is nothing."""

import numpy as np
import pytest
import torch
from transformers import AutoModelForImageClassification, ViTConfig

from hf_etc.audit.attack import AttackFailure, Evidence, register
from hf_etc.audit.attacks import Jigsaw, gan, get_attack, itn, list_attacks
from hf_etc.audit.attacks.statistics import block_brightness
from hf_etc.audit.attacks.weights import ideal_weights, load_positions, smooth_positions
from hf_etc.audit.owner import synthetic_pictures
from hf_etc.audit.puzzle.matching import symbol_numbers
from hf_etc.audit.scores import outlines
from hf_etc.audit.training import Budget
from hf_etc.cipher import EtcSpec
from hf_etc.cipher.spec import make_spec
from hf_etc.encoding import Encoding
from hf_etc.errors import KeyMismatchError, ParameterError
from hf_etc.processor.image_processing import EtcImageProcessor

from .helpers import fresh_keys, pictures, run, trial_of

NAMES = ["brute-force", "chosen-plaintext", "dataset-jigsaw", "fr-advanced", "fr-basic", "gan", "itn", "jigsaw"]
NAMES += ["known-plaintext", "linkage", "pair-score", "position-transformer", "statistics", "weights"]


def test_the_names_of_the_attacks():
    assert list_attacks() == NAMES
    with pytest.raises(ParameterError, match="unknown attack 'nosuch'; choose from brute-force, "):
        get_attack("nosuch")
    with pytest.raises(ParameterError, match="registered already"):
        register(Jigsaw)


@pytest.mark.parametrize("name", NAMES)
def test_every_attack_says_what_it_is_and_gets_no_more_than_it_declares(name):
    attack = get_attack(name)
    assert attack.goal and attack.given and attack.source and attack.positive
    everything = trial_of(EtcSpec(), weights=(np.zeros((4, 2), np.float32), None)).evidence
    got = everything.only(attack.needs)
    for member in ("ciphertexts", "pairs", "oracle", "public", "weights"):
        assert (getattr(got, member) is not None) == (member in attack.needs), member
    for member in attack.needs:
        with pytest.raises(ParameterError, match=f"needs {member}"):
            Evidence(everything.spec, everything.targets).only(frozenset({member}))


@pytest.mark.parametrize(
    ("size", "codec"), [(16, None), (8, None), (4, None), (16, Encoding("jpeg", 80)), (4, Encoding("jpeg", 85))]
)
def test_a_handful_of_ciphertexts_gives_the_key_away(size, codec):
    recovery, scores = run("dataset-jigsaw", trial_of(EtcSpec(block_size=size), codec=codec))
    assert scores.neighbours_right == 1
    assert scores.exact_up_to_symmetry == scores.images == 2
    assert len(recovery.compiled) == 1, "one key for all images"


@pytest.mark.parametrize("scope", ["dataset", "image"])
def test_ciphertexts_under_other_keys_say_nothing(scope):
    spec = EtcSpec(scope, 8)
    _, scores = run("dataset-jigsaw", trial_of(spec, others=fresh_keys(spec)))
    assert scores.neighbours_right < 0.3
    assert scores.exact_up_to_symmetry == 0


def test_a_key_per_image_does_not_add_up():
    _, scores = run("dataset-jigsaw", trial_of(EtcSpec("image", 8)))
    assert scores.neighbours_right < 0.3


@pytest.mark.parametrize("name", ["jigsaw", "brute-force"])
def test_single_ciphertexts_are_put_together(name):
    _, scores = run(name, trial_of(EtcSpec("image", 16)))
    assert scores.neighbours_right == 1
    noise = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), np.uint8)
    _, scores = run(name, trial_of(EtcSpec("image", 16), noise))
    assert scores.neighbours_right < 0.6


def test_brute_force_and_jigsaw_agree_on_the_least_cost():
    trial = trial_of(EtcSpec("image", 16), targets=1)
    by_search, by_assembly = (run(name, trial)[0].restored for name in ("brute-force", "jigsaw"))
    assert np.array_equal(by_search, by_assembly)


@pytest.mark.parametrize("name", ["etc", "pe", "le", "ele"])
def test_chosen_plaintexts_give_every_key_whole(name):
    recovery, scores = run("chosen-plaintext", trial_of(make_spec(name)))
    assert scores.key_share == 1 and scores.exact == scores.images
    assert recovery.ciphertexts_used <= 5


def test_chosen_plaintexts_work_through_jpeg():
    recovery, scores = run("chosen-plaintext", trial_of(EtcSpec(), codec=Encoding("jpeg", 80)))
    assert scores.key_share == 1 and recovery.ciphertexts_used > 5


@pytest.mark.parametrize(("name", "least"), [("etc", 1.0), ("le", 0.95), ("pe", 0.95), ("ele", 0.02)])
def test_one_known_pair_gives_the_key_or_what_it_decides(name, least):
    _, scores = run("known-plaintext", trial_of(make_spec(name)))
    assert scores.key_share >= least
    spec = make_spec(name)
    _, nothing = run("known-plaintext", trial_of(spec, others=fresh_keys(spec)))
    assert nothing.key_share < 0.3


def test_statistics_read_pe_from_its_ciphertexts_alone():
    _, scores = run("statistics", trial_of(make_spec("pe"), pictures(40)))
    assert scores.outlines.median > 0.95 and scores.key_share > 0.3
    _, nothing = run("statistics", trial_of(make_spec("pe"), pictures(40), others=fresh_keys(make_spec("pe"))))
    assert nothing.outlines.median < 0.3


def test_statistics_read_the_high_nibbles_of_le_from_its_ciphertexts_alone():
    _, scores = run("statistics", trial_of(make_spec("le"), pictures(24)))
    assert scores.outlines.median > 0.5


def test_statistics_find_the_brightness_of_the_blocks_of_ele():
    images = pictures(60, 16)
    trial = trial_of(make_spec("ele"), images, targets=2)
    assert run("statistics", trial)[0].restored.shape == (2, 16, 16, 3)
    found = block_brightness(trial.evidence.ciphertexts, 50)
    true = images[2:].reshape(58, 4, 4, 4, 4, 3).mean((2, 4, 5)).reshape(58, 16)
    alike = np.abs(np.corrcoef(found.T, true.T)[:16, 16:])
    numbers = symbol_numbers(16, 16, make_spec("ele").cells)
    block_of = np.argsort(numbers.ravel()) // 96
    source = block_of[trial.compiled[0].inverse().index[numbers[:, 0]]]  # the ciphertext block of each plain one
    assert alike[source, np.arange(16)].min() > 0.99


def test_fr_sees_outlines_through_pe_and_none_through_etc():
    for name in ("fr-basic", "fr-advanced"):
        assert run(name, trial_of(make_spec("pe", shuffle_colors=False)))[1].outlines.median > 0.3
        assert run(name, trial_of(EtcSpec(block_size=4)))[1].outlines.median < 0.2


@pytest.mark.parametrize("adapted", [True, False])
def test_position_embeddings_give_the_block_order_away(adapted):
    spec, public = EtcSpec(block_size=8), smooth_positions(4, 4)
    trial = trial_of(spec)
    (trained, _), evidence = ideal_weights(public, trial.compiled[0]), trial.evidence
    object.__setattr__(evidence, "weights", (trained, public if adapted else None))
    assert run("weights", trial)[1].places_right >= (1.0 if adapted else 0.7)
    object.__setattr__(evidence, "weights", (np.random.default_rng(0).normal(size=trained.shape), None))
    assert run("weights", trial)[1].places_right < 0.6


def test_weights_of_another_size_are_refused():
    trial = trial_of(EtcSpec(block_size=8), weights=(np.zeros((9, 4), np.float32), None))
    with pytest.raises(AttackFailure, match="9 positions, the images have 16 blocks"):
        run("weights", trial)


def test_itn_learns_to_undo_what_keeps_its_place_but_cannot_move_blocks(monkeypatch):
    torch.manual_seed(0)
    monkeypatch.setitem(itn.BUDGETS, "smoke", Budget(steps=80, batch=8))
    images = synthetic_pictures(70, 16, 16)
    in_place = EtcSpec(block_size=4, steps=("color",))
    for spec, least, most in ((in_place, 0.3, 1.0), (EtcSpec(block_size=4), -1.0, 0.3)):
        trial = trial_of(spec, images, 8)
        restored, loss = itn.restore(trial.evidence, "block-local")
        assert least < np.median(outlines(trial.plain, restored)) < most and 0 < loss < 1


def test_itn_takes_the_network_that_does_better(monkeypatch):
    monkeypatch.setitem(itn.BUDGETS, "smoke", Budget(steps=2, batch=2))
    recovery, _ = run("itn", trial_of(EtcSpec(block_size=4), pictures(12, 16)))
    assert "block-local loss" in recovery.note and "position-aware loss" in recovery.note


def test_gan_runs_and_returns_pictures(monkeypatch):
    monkeypatch.setitem(gan.BUDGETS, "smoke", Budget(steps=3, batch=4))
    recovery, scores = run("gan", trial_of(make_spec("pe", shuffle_colors=False), synthetic_pictures(12, 16, 16)))
    assert recovery.restored.shape == (2, 16, 16, 3) and recovery.restored.std() > 0
    assert scores.key_share is None


@pytest.mark.parametrize(
    ("name", "spec", "edge", "why"),
    [
        ("brute-force", EtcSpec(block_size=8), 32, "16 blocks have too many keys"),
        ("jigsaw", make_spec("pe"), 32, "does not move whole blocks"),
        ("dataset-jigsaw", EtcSpec(), 16, "a single block"),
        ("gan", EtcSpec(), 224, "images up to 64x64"),
        ("statistics", EtcSpec(), 32, "jigsaw attacks are stronger"),
        ("statistics", make_spec("ele"), 224, "more than 256 blocks"),
        ("weights", EtcSpec("image"), 32, "no order of blocks to learn"),
    ],
)
def test_an_attack_says_where_it_does_not_apply(name, spec, edge, why):
    assert why in get_attack(name).applies_to(spec, edge, edge)


def test_positions_of_a_vit_are_read_and_its_key_is_checked(tmp_path, key):
    sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    config = ViTConfig(image_size=32, patch_size=8, **sizes)
    AutoModelForImageClassification.from_config(config).save_pretrained(tmp_path)
    assert load_positions(str(tmp_path)).shape == (16, 32)
    with pytest.raises(KeyMismatchError, match="use the other key"):
        load_positions(str(tmp_path), key)
    EtcImageProcessor(key=key, size=32, block_size=8).save_pretrained(tmp_path)
    assert load_positions(str(tmp_path), key).shape == (16, 32)
    with pytest.raises(ParameterError, match="cannot load the model"):
        load_positions(str(tmp_path / "nothing"))
