"""Table I: which scheme meets which requirement, from what the other tables measured."""

from functools import partial
from typing import Any

import torch

from ..experiments.cells import Cell, Experiment
from ..experiments.lab import Lab
from ..experiments.page import NOT_YET, hardware, table
from ..experiments.store import Store
from ..metrics.compression import Codec, dataset_bytes
from ..models.adaptation import EleAdapt, LeAdapt
from ..sealing.cipher import get_cipher
from .conclusions import LIMIT
from .table2 import ACCURACY

SCHEMES = ("LE", "ELE", "PE", "EtC with ELE-Adapt", "EtC (the paper's)")
PUBLISHED = {
    "high accuracy": (True, False, True, False, True),
    "robustness": (False, True, False, True, True),
    "without adaptation": (False, False, True, False, True),
    "compressibility": (False, False, False, False, True),
    "large input size": (False, False, False, False, True),
}
# A scheme's row in Table II, and that of its plain counterpart.
_PAIRS = {
    "LE": ("le-adapt-le-cifar10", "shake-pyramidnet-plain-cifar10"),
    "ELE": ("ele-adapt-ele-cifar10", "shake-pyramidnet-plain-cifar10"),
    "PE": ("resnet-pe-cifar10", "resnet-plain-cifar10"),
    "EtC with ELE-Adapt": ("ele-adapt-etc-cifar10", "shake-pyramidnet-plain-cifar10"),
    "EtC (the paper's)": ("convmixer-etc-cifar10", "convmixer-plain-cifar10"),
}
_CIPHERS: dict[str, tuple[str, dict[str, Any]]] = {
    "LE": ("le", {}),
    "ELE": ("ele", {}),
    "PE": ("pe", {}),
    "EtC with ELE-Adapt": ("etc", {"block_size": 4}),
    "EtC (the paper's)": ("etc", {"block_size": 16}),
}
FACTOR = 1.05  # times the plain size


def compressed(scheme: str, lab: Lab) -> dict[str, Any]:
    """Bytes of the test images as JPEG 85, over those of the plain ones."""
    images = lab.images("cifar10", lab.amount(100, 2000, None))
    name, params = _CIPHERS[scheme]
    plain, secret = (
        dataset_bytes(pixels, Codec("jpeg", 85))
        for pixels in (images, get_cipher(name, lab.key, **params).encrypt(images))
    )
    return {"value": secret / plain, "images": len(images)}


def adaptation(scheme: str, lab: Lab) -> dict[str, Any]:
    """Parameters of the adaptation network for 32x32 and for 224x224 images, at every scale."""
    fronts = {"LE": LeAdapt, "ELE": EleAdapt, "EtC with ELE-Adapt": EleAdapt}
    counts = {}
    for edge in (32, 224):
        if scheme not in fronts:
            counts[str(edge)] = 0
            continue
        with torch.device("meta"):
            front = LeAdapt(3) if fronts[scheme] is LeAdapt else EleAdapt(3, edge)
        counts[str(edge)] = sum(parameter.numel() for parameter in front.parameters())
    return {"value": counts["224"], "parameters": counts}


def _name(kind: str, scheme: str) -> str:
    words = scheme.replace("(the paper's)", "proposed").lower()
    return f"{kind}-{words.replace(' ', '-')}"


FACTORS = {scheme: Cell(_name("jpeg", scheme), partial(compressed, scheme)) for scheme in SCHEMES}
FRONTS = {scheme: Cell(_name("adaptation", scheme), partial(adaptation, scheme)) for scheme in SCHEMES}


def report(store: Store) -> str:
    measured = {
        "high accuracy": lambda scheme: _loss(store, scheme),
        "robustness": lambda scheme: "",
        "without adaptation": lambda scheme: _parameters(store, scheme, "32"),
        "compressibility": lambda scheme: _factor(store, scheme),
        "large input size": lambda scheme: _parameters(store, scheme, "224"),
    }
    rows = [
        [scheme, *(f"{'✓' if marks[i] else '✗'} {measured[name](scheme)}" for name, marks in PUBLISHED.items())]
        for i, scheme in enumerate(SCHEMES)
    ]
    names = [cell.name for cell in [*FACTORS.values(), *FRONTS.values()]]
    return f"""\
The paper's marks, each with what was measured here for that requirement:

{table(["scheme", *PUBLISHED], rows)}

- *High accuracy*: published points of top-1 accuracy lost against the same classifier on plain images (the mark fits
  a limit of {LIMIT:.0f} points), and in brackets measured, re-encrypted, with its scale.
- *Robustness*: the paper's attacks are in Fig. 6 and 8. The marks do not hold against stronger attacks, such as one on
  a handful of EtC images under one key; see the [threat model](threat-model.md).
- *Without adaptation*: parameters of the adaptation network for 32x32 images.
- *Compressibility*: bytes as JPEG 85, 4:4:4, over those of the plain images, on CIFAR-10 (the mark fits a limit of
  {FACTOR:.2f}). EtC with blocks of 4 fails because its blocks are smaller than JPEG's 8x8.
- *Large input size*: parameters of the adaptation network for 224x224 images. The paper's marks say what was tried.

Measured at: {hardware(store, "table1", names)}.
"""


def _loss(store: Store, scheme: str) -> str:
    encrypted, plain = _PAIRS[scheme]
    published = {cell.name: cell.published for cell in ACCURACY}
    drop = (published[plain] or 0) - (published[f"{encrypted}-re-encrypted"] or 0)
    found = store.pair("table2", f"{encrypted}-re-encrypted", plain)
    if found is None:
        return f"{drop:.2f} ({NOT_YET})"
    return f"{drop:.2f} ({found[1].value - found[0].value:.1f}, {found[0].scale})"


def _parameters(store: Store, scheme: str, edge: str) -> str:
    found = store.find("table1", FRONTS[scheme].name)
    return NOT_YET if found is None else f"{found.results['parameters'][edge]:,}"


def _factor(store: Store, scheme: str) -> str:
    found = store.find("table1", FACTORS[scheme].name)
    return NOT_YET if found is None else f"{found.value:.3f}"


EXPERIMENT = Experiment("table1", "Table I: requirements", [*FACTORS.values(), *FRONTS.values()], report)
