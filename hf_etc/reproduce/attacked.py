"""What Figures 6 and 8 share: images restored by the paper's attacks, which the audit carries out."""

from collections.abc import Iterator

import numpy as np

from ..audit.attacks import get_attack
from ..audit.attacks.itn import restore, variants
from ..audit.audit import like
from ..audit.owner import Owner, Shares, make_trial
from ..cipher import CipherSpec, EtcSpec
from ..cipher.spec import make_spec
from ..experiments.lab import Lab
from ..files import whole_file

BLOCK = 4  # pixels; of EtC, so that all four ciphers but PE have the same
CIPHERS: dict[str, CipherSpec] = {name: make_spec(name.lower()) for name in ("LE", "ELE", "PE")}
CIPHERS["EtC"] = EtcSpec(block_size=BLOCK)
CONTROL = "control"  # in place of a cipher: one that the attack must break
ATTACKS = {
    "fr-basic": "FR (basic)",
    "fr-advanced": "FR (advanced)",
    "gan": "GAN",
    "itn block-local": "ITN (as published)",
    "itn position-aware": "ITN (position-aware)",
}
# Printed under the pictures of the paper's Fig. 6.
PUBLISHED = {
    ("EtC", "gan"): 0.031,
    ("EtC", "itn block-local"): 0.529,
    ("LE", "gan"): 0.774,
    ("LE", "itn block-local"): 0.407,
    ("ELE", "gan"): 0.021,
    ("PE", "itn block-local"): 0.086,
}


def restored(attack: str, cipher: str, lab: Lab) -> dict[str, np.ndarray]:
    """Images, their ciphertexts, and what the attack makes of these; kept in the working folder.

    The control of an attack is its positive one in the audit. All ciphers have one key per dataset. Of the other
    images (at scale paper the training images), half are encrypted for the attacker, and the rest are the attacker's.

    Returns:
        "plain", "encrypted" and "restored", uint8 (N,H,W,3).
    """
    folder = lab.work / "attacks"
    file = folder / f"{attack}-{cipher.lower()}-{lab.scale}-seed{lab.seed}.npz"
    if not file.is_file():
        for name, arrays in _run(attack.split()[0], cipher, lab):
            with whole_file(folder / f"{name}-{cipher.lower()}-{lab.scale}-seed{lab.seed}.npz") as kept:
                np.savez(kept, **arrays)  # type: ignore[arg-type]
    with np.load(file) as found:
        return dict(found)


def _run(attack: str, cipher: str, lab: Lab) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
    """One attack; ITN comes as two networks."""
    tests: tuple[str | None, ...] = (None,)
    images = lab.images("cifar10", lab.amount(24, 3_000, None), lab.amount(tests, tests, (None, "train")))
    count = lab.amount(4, 64, 10_000)
    half = count + (len(images) - count) // 2
    shares = Shares(images[:count], images[count:half], images[:0], images[half:])
    evidence = make_trial(Owner.new(_spec(attack, cipher)), shares, lab.amount("smoke", "small", "paper")).evidence
    known = {"plain": shares.targets, "encrypted": evidence.targets}
    if attack == "itn":
        for variant in variants(evidence.spec, *evidence.size):
            yield f"itn {variant}", known | {"restored": restore(evidence, variant)[0]}
    else:
        found = get_attack(attack)
        restored = found.run(evidence.only(found.needs)).restored
        assert restored is not None
        yield attack, known | {"restored": restored}


def _spec(attack: str, cipher: str) -> CipherSpec:
    return like(get_attack(attack).positive, CIPHERS["EtC"]) if cipher == CONTROL else CIPHERS[cipher]
