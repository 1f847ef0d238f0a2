"""The run with its controls, what it says, the report, and an outsider's view."""

import json
from dataclasses import replace

import numpy as np
import pytest

from hf_etc import EtcCipher, EtcKey, get_cipher
from hf_etc.audit import default_attacks
from hf_etc.audit.attack import Attack, Recovery
from hf_etc.audit.attacks.weights import ideal_weights, smooth_positions
from hf_etc.audit.audit import audit, run_attack
from hf_etc.audit.outsider import audit_ciphertexts, outsider_attacks
from hf_etc.audit.owner import Owner, Shares, make_trial
from hf_etc.audit.record import AttackResult, Control
from hf_etc.audit.report.report import render
from hf_etc.audit.store import Store
from hf_etc.audit.words import advice, headline
from hf_etc.cipher import EtcSpec
from hf_etc.encoding import Encoding
from hf_etc.errors import GeometryError, OutputError, ParameterError

from .helpers import pictures


@pytest.fixture(scope="module")
def found():
    cipher = EtcCipher(EtcKey(bytes(range(32))), 16)
    return audit(
        pictures(20),
        cipher,
        attacks=["dataset-jigsaw", "fr-basic", "known-plaintext", "chosen-plaintext", "statistics"],
    )


def test_the_controls_make_a_result_trusted(found):
    result = found.results[0]
    assert result.trusted and result.positive.passed and result.negative.passed
    assert result.value == 1 and result.chance < 0.3
    assert result.curve[-1][1] >= 0.99
    assert result.verdict.startswith("Everything is disclosed: 4 of 4 pictures decrypted exactly")
    assert result.verdict.endswith(f"{result.curve[-1][0]} ciphertexts were enough.")


def test_the_headline_and_the_advice(found):
    assert headline(found.results, 20).startswith("Whoever holds 2 ciphertexts of this kind can decrypt all of them")
    assert any("--key-scope image" in line for line in advice(found.spec, found.results, (32, 32)))


def test_fr_finds_nothing_in_etc(found):
    assert found.results[1].trusted and found.results[1].verdict.startswith("Nothing beyond chance: ")


def test_what_does_not_apply_says_so(found):
    assert found.results[-1].outcome == "not applicable" and found.results[-1].value is None
    assert not found.results[-1].trusted


class Guesser(Attack):
    """An attack that finds nothing, and is sure of it."""

    name, goal, given, source = "guesser", "nothing", "nothing", "this test"
    measure, positive, enough = "ssim", EtcSpec(steps=("permutation",)), 0.5

    def run(self, evidence):
        return Recovery(np.zeros_like(evidence.targets))


class Cheat(Guesser):
    """An attack that sees what it must not: it also succeeds where there is nothing to find."""

    def __init__(self, truth):
        self.truth = truth

    def run(self, evidence):
        return Recovery(self.truth[: len(evidence.targets)])


@pytest.mark.parametrize("kind", ["positive", "negative"])
def test_an_attack_whose_control_fails_is_not_called_robust(kind):
    images = pictures()
    shares = Shares.of(images, 3)
    owner = Owner.new(EtcSpec())
    trial = make_trial(owner, shares)
    attack = Guesser() if kind == "positive" else Cheat(shares.targets)
    if kind == "negative":
        attack.needs = frozenset({"ciphertexts"})
    result = run_attack(attack, owner, shares, trial)
    assert not result.trusted and not getattr(result, kind).passed
    assert result.verdict.startswith(f"Not to be trusted: the {kind} control gave ")
    assert headline([result], 12).startswith("No attack gave a result that can be trusted")


@pytest.mark.parametrize("kind", ["adapted", "from random weights", "no order"])
def test_weights_have_controls_of_their_own(key, kind):
    """A control's key is a fresh one, of which the audited model knows nothing."""
    cipher, public = EtcCipher(key, 4), smooth_positions(8, 8)
    trained, _ = ideal_weights(public, cipher.compile(32, 32))
    if kind == "no order":
        trained = np.random.default_rng(1).normal(size=trained.shape)
    weights = (trained, public if kind == "adapted" else None)
    (result,) = audit(pictures(), cipher, attacks=["weights"], weights=weights).results
    assert result.trusted, result.verdict
    advised = "order of the blocks" in " ".join(advice(cipher.spec, [result], (32, 32)))
    if kind == "no order":
        assert result.verdict.startswith("Nothing beyond chance") and not advised
    else:
        assert result.value >= (1 if kind == "adapted" else 0.8) and advised
        assert headline([result], 12).startswith("With more knowledge, ")


def test_bad_arguments_name_the_remedy(key):
    cipher = EtcCipher(key, 16)
    with pytest.raises(ParameterError, match="scale 'huge': use smoke, small, paper"):
        audit(pictures(), cipher, scale="huge")
    with pytest.raises(ParameterError, match="add an axis"):
        audit(pictures()[0], cipher)
    with pytest.raises(GeometryError, match="not a multiple of the block size"):
        audit(pictures(3, 24), cipher)


def test_trained_attacks_are_asked_for():
    assert {"itn", "gan"} & set(default_attacks("smoke")) == set()
    assert {"itn", "gan"} <= set(default_attacks("small"))


def test_one_image_is_enough_for_what_needs_one(key):
    found = audit(pictures()[:1], EtcCipher(key, 16), attacks=["jigsaw", "dataset-jigsaw", "known-plaintext"])
    assert [one.outcome for one in found.results] == ["ran", "not applicable", "not applicable"]
    assert "give 4 images or more" in found.results[1].reason


@pytest.mark.parametrize("name", ["pe", "le"])
def test_jpeg_and_other_ciphers_run(key, name):
    found = audit(pictures(), get_cipher(name, key), codec=Encoding("jpeg", 85), attacks=["fr-advanced"])
    assert found.results[0].outcome == "ran" and found.to_dict()["format"] == "jpeg 85 4:4:4"


def test_a_stored_result_comes_back_whole(found, tmp_path):
    store = Store(tmp_path)
    for result in found.results:
        store.put(result)
        back = store.get(result.attack)
        assert replace(back, restored=None) == replace(result, restored=None)
        assert (back.restored is None) == (result.restored is None)
        assert result.restored is None or np.array_equal(back.restored, result.restored)
    (tmp_path / "attacks" / "fr-basic.json").write_text("{")
    with pytest.raises(OutputError, match="damaged; remove it"):
        store.get("fr-basic")
    assert store.get("weights") is None


def test_a_stored_attack_is_not_run_again(found, tmp_path, key):
    store = Store(tmp_path)
    store.put(replace(found.results[0], verdict="as it was"))
    again = audit(pictures(), EtcCipher(key, 16), attacks=["dataset-jigsaw"], store=store)
    assert again.results[0].verdict == "as it was"


def test_the_page_stands_alone_and_says_what_matters_first(found):
    page = render(found, 'photos <b> & "co"', ["2 images were left out."])
    assert page.index("Whoever holds 2 ciphertexts") < page.index("What each attack found") < page.index("Controls")
    assert "photos &lt;b&gt; &amp; &#34;co&#34;" in page and "<b> &" not in page
    assert 'src="http' not in page and "href=" not in page and "<script" not in page
    assert page.count("data:image/png;base64,") == 4 * 6  # plain, ciphertext and four attacks
    assert "keep it to yourself" in page and "2 images were left out." in page and "$" not in page
    assert json.loads(json.dumps(found.to_dict()))["attacks"][0]["trusted"] is True


def test_an_outsider_knows_what_it_found_without_any_truth():
    ciphertexts, _ = Owner.new(EtcSpec()).encrypt(pictures(20))
    found = audit_ciphertexts(ciphertexts, EtcSpec(), attacks=["dataset-jigsaw", "fr-basic"])
    first, second = found.results
    assert first.trusted and first.value > 0.9 and first.verdict.startswith("Pictures are disclosed: 1.00 similarity")
    assert second.value is None and "look at them" in second.verdict
    page = render(found, "ciphertexts", [])
    assert "as they came" in page and "<b>weights</b>: It needs more than ciphertexts" in page
    assert "outsider" in page and "plain pictures: keep" not in page and page.count("base64,") == 4 * 3


def test_an_outsider_finds_nothing_where_each_image_has_a_key():
    spec = EtcSpec("image", 16)
    ciphertexts, _ = Owner.new(spec).encrypt(pictures(20))
    (result,) = audit_ciphertexts(ciphertexts, spec, attacks=["dataset-jigsaw"]).results
    assert result.trusted and result.verdict.startswith("Nothing found")


def test_an_outsider_has_no_key():
    assert "known-plaintext" not in outsider_attacks()
    with pytest.raises(ParameterError, match="needs more than ciphertexts; give the key with --key"):
        audit_ciphertexts(pictures(), EtcSpec(), attacks=["known-plaintext"])


def test_controls_decide_whether_a_result_is_trusted():
    passed, failed = Control("", 1.0, 0.5, True), Control("", 0.0, 0.5, False)
    result = replace(AttackResult.of(Guesser()), outcome="ran")
    assert not result.trusted, "no control at all"
    assert replace(result, negative=passed).trusted
    assert not replace(result, negative=passed, positive=failed).trusted
