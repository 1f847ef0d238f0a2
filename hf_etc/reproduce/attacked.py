"""What Figures 6 and 8 share: images restored by the paper's attacks, which the audit carries out."""

from importlib import import_module

import numpy as np

from .cells import NotMeasured
from .lab import Lab

BLOCK = 4  # pixels; of EtC, so that all four ciphers but PE have the same
CIPHERS = ("LE", "ELE", "PE", "EtC")
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

    Returns:
        "plain", "encrypted" and "restored", uint8 (N,H,W,3).

    Raises:
        NotMeasured: this installation has no such attack.
    """
    folder = lab.work / "attacks"
    file = folder / f"{attack}-{cipher.lower()}-{lab.scale}-seed{lab.seed}.npz"
    if not file.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        for name, arrays in _run(attack.split()[0], cipher, lab):
            partial = folder / "partial.npz"
            np.savez(partial, **arrays)  # type: ignore[arg-type]
            partial.replace(folder / f"{name}-{cipher.lower()}-{lab.scale}-seed{lab.seed}.npz")
    if not file.is_file():
        raise NotMeasured(f"the audit has no attack {attack!r} for these images")
    with np.load(file) as found:
        return dict(found)


def _run(attack: str, cipher: str, lab: Lab) -> list[tuple[str, dict[str, np.ndarray]]]:
    """One attack; ITN comes as two networks."""
    try:
        figures = import_module("hf_etc.audit.figures")
    except ModuleNotFoundError as error:
        if error.name != "hf_etc.audit.figures":
            raise
        raise NotMeasured("the audit's attacks for this figure are not part of this version") from None
    images = lab.images("cifar10", lab.amount(24, 3_000, None))
    found = figures.restorations(images, lab.scale, block_size=BLOCK, ciphers=[cipher.lower()], attacks=[attack])
    return [(one.attack, {"plain": one.plain, "encrypted": one.ciphertexts, "restored": one.restored}) for one in found]
