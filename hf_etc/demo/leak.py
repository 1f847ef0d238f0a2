"""What somebody without the key makes of the demo's own ciphertexts: under one key, and in the private mode."""

from dataclasses import dataclass

import numpy as np
from datasets import Dataset
from PIL import Image

from ..audit.attack import Evidence
from ..audit.attacks import get_attack
from ..audit.owner import Owner, Shares, Trial, make_trial
from ..audit.scores import align, score
from ..cipher import CipherSpec, EtcSpec
from ..cipher.keys import EtcKey
from ..cipher.presets import preset_parameters
from ..images.ciphertext import decode_ciphertext

_HELD = 50  # ciphertexts of one key


@dataclass(frozen=True)
class Leak:
    """What an attack made of ciphertexts.

    Attributes:
        plain: uint8 (N,H,W,3), the pictures; of a private mode, before anything was left out.
        ciphertexts: uint8 (N,h,w,3).
        restored: uint8 (N,.,.,3), what came back, the right way round.
        exact: how many were decrypted to what the key gives, up to a turn, negation or recolouring of the whole.
        neighbours: share 0..1 of neighbouring blocks that were put together rightly.
        sent: share 0..1 of the pixels that the ciphertexts hold.
        held: ciphertexts that the attacker needed.
    """

    plain: np.ndarray
    ciphertexts: np.ndarray
    restored: np.ndarray
    exact: int
    neighbours: float
    sent: float
    held: int


def attack_one_key(train: Dataset, test: Dataset, plain: np.ndarray, key: EtcKey, spec: CipherSpec) -> Leak:
    """The provider's own ciphertexts put together: some of the training split give the key, which opens the test split.

    Args:
        train, test: encrypted splits with a column "image".
        plain: uint8 (N,H,W,3), the pictures of the test split; to compare with.
        key, spec: what they were encrypted with; the attack gets no key, its score does.
    """
    held, targets = _pixels(train.select(range(_HELD))), _pixels(test)
    compiled = Owner.of(key, spec).cipher.compile(*plain.shape[1:3])
    trial = Trial(Evidence(spec, targets, held), plain, (compiled,), np.arange(len(plain)))
    return _attacked("dataset-jigsaw", trial, plain)


def attack_private(photographs: np.ndarray, key: EtcKey, block_size: int) -> Leak:
    """Photographs, uint8 (N,H,W,3), in the private mode, each put together from its ciphertext alone."""
    owner = Owner.of(key, EtcSpec(**preset_parameters("private", block_size)))
    nothing = photographs[:0]
    return _attacked("jigsaw", make_trial(owner, Shares(photographs, nothing, nothing, nothing)), photographs)


def _attacked(name: str, trial: Trial, plain: np.ndarray) -> Leak:
    attack = get_attack(name)
    recovery = attack.run(trial.evidence.only(attack.needs))
    found = score(recovery, trial, likeness=False)
    assert recovery.restored is not None and found.neighbours_right is not None
    return Leak(
        plain,
        trial.evidence.targets,
        align(recovery.restored, trial.plain),
        found.exact_up_to_symmetry,
        found.neighbours_right,
        trial.evidence.targets[0].size / plain[0].size,
        recovery.ciphertexts_used,
    )


def _pixels(split: Dataset) -> np.ndarray:
    return np.stack([decode_ciphertext(row["image"])[0] for row in split])


def as_pixels(pictures: list[Image.Image]) -> np.ndarray:
    """Pictures of one size as uint8 (N,H,W,3)."""
    return np.stack([np.asarray(one) for one in pictures])
