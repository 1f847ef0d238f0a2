"""What the owner is told follows from what was measured: the headline, and the settings to try next."""

from dataclasses import replace

import numpy as np
import pytest

from hf_etc.audit.attacks import get_attack
from hf_etc.audit.record import AttackResult, Control, Scores
from hf_etc.audit.words import advice, headline, verdict
from hf_etc.cipher import EtcSpec, list_ciphers
from hf_etc.cipher.presets import preset_parameters
from hf_etc.cipher.spec import make_spec

ONE, EACH, LARGE = EtcSpec(), EtcSpec("image"), (224, 224)
PRIVATE, STRICT = (EtcSpec(**preset_parameters(name)) for name in ("private", "strict"))
LAST = "do not let perceptual encryption be the only protection"


def ran(name, value, exact=0, used=1):
    """A trusted result on 4 pictures, by the figure that decides."""
    attack, passed = get_attack(name), Control("", 1.0, 0.5, True)
    measured = {} if attack.measure == "ssim" else {attack.measure: value}
    made = None if attack.measure == "linked" else np.zeros((4, 8, 8, 3), np.uint8)
    result = replace(
        AttackResult.of(attack),
        outcome="ran",
        measure=attack.measure,
        value=value,
        chance=0.0,
        scores=Scores(4, exact, exact, blocks_restored=value, **measured),
        ciphertexts=used,
        positive=passed,
        negative=passed,
        restored=made,
    )
    return replace(result, verdict=verdict(result, 0.05))


TOGETHER, KNOWN = ran("dataset-jigsaw", 1.0, 4, 3), ran("known-plaintext", 0.99, 0, 4)
LINKED, JIGSAW, NO_JIGSAW = ran("linkage", 1.0), ran("jigsaw", 0.74), ran("jigsaw", 0.02)
SEARCHED = ran("brute-force", 1.0, 4)


@pytest.mark.parametrize(
    ("spec", "size", "results", "first", "told", "not_told"),
    [
        (ONE, LARGE, [TOGETHER, JIGSAW, KNOWN], "Whoever holds 3 ciphertexts",
         ["would not be enough", "(--preset private)", "Keep plain pictures and their ciphertexts apart"],
         ["--key-scope"]),
        (ONE, LARGE, [TOGETHER, NO_JIGSAW], "Whoever holds 3 ciphertexts", ["(--key-scope image)"], ["--preset"]),
        (ONE, LARGE, [TOGETHER], "Whoever holds 3 ciphertexts", ["(--key-scope image)"], ["--preset"]),
        (EACH, LARGE, [JIGSAW, LINKED], "From ciphertexts alone, pictures are disclosed in part: 74.0 %",
         ["(--preset private)", "Whoever has a picture"], ["--key-scope", "more pixels", "Keep plain"]),
        (PRIVATE, LARGE, [NO_JIGSAW, LINKED], "From ciphertexts alone little was found",
         ["--scale small", "Whoever has a picture"], ["--preset", "--key-scope"]),
        (PRIVATE, LARGE, [NO_JIGSAW, ran("pair-score", 0.02)], "No attack that ran found anything", [], ["--"]),
        (PRIVATE, LARGE, [NO_JIGSAW, ran("pair-score", 0.2)], "From ciphertexts alone, pictures are disclosed in part",
         ["more pixels out between the blocks (--preset strict)"], ["--scale", "--key-scope"]),
        (STRICT, LARGE, [JIGSAW], "From ciphertexts alone, pictures", ["send fewer blocks"], ["--preset"]),
        (ONE, (32, 32), [SEARCHED, TOGETHER], "Each of the 4 ciphertexts that were tried, of 60, was decrypted alone",
         ["would not be enough", "(--preset private --block-size 4)"], ["--key-scope", "smaller pictures"]),
        (EACH, (32, 32), [SEARCHED], "Each of the 4 ciphertexts that were tried",
         ["(--preset private --block-size 4)"], ["--key-scope", "smaller pictures"]),
        (EACH, (16, 16), [SEARCHED], "Each of the 4 ciphertexts", ["or no such pictures"], ["--preset"]),
        (EACH, LARGE, [NO_JIGSAW], "No attack that ran found anything", ["--scale small"], ["--preset"]),
        (EtcSpec("image", steps=("permutation",)), LARGE, [JIGSAW], "From ciphertexts alone",
         ["use the whole EtC cipher", "--preset private"], []),
    ],
)  # fmt: skip
def test_the_advice_follows_from_what_was_measured(spec, size, results, first, told, not_told):
    assert headline(results, 60).startswith(first)
    lines = advice(spec, results, size)
    text = "\n".join(lines)
    assert LAST in lines[-1]
    assert [one for one in told if one not in text] == [] and [one for one in not_told if one in text] == [], text


def test_each_ciphertext_is_said_only_of_all():
    assert headline([SEARCHED], 4).startswith("Each of these 4 ciphertexts can be decrypted alone, without the key")


def test_what_cannot_be_trusted_advises_nothing():
    failed = replace(JIGSAW, positive=Control("", 0.0, 0.5, False))
    assert advice(EACH, [failed], LARGE) == [advice(EACH, [], LARGE)[-1]]


@pytest.mark.parametrize("scope", ["dataset", "image"])
@pytest.mark.parametrize("name", list_ciphers())
def test_there_is_advice_for_every_cipher(name, scope):
    assert "--preset private" in "".join(advice(make_spec(name, key_scope=scope), [JIGSAW], LARGE))
