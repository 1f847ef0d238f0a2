"""What is measured of one setting: accuracy, leakage, whether it can be linked, bytes."""

from functools import partial
from typing import Any

import numpy as np
from PIL import Image

from ..audit.attack import Attack, AttackFailure
from ..audit.attacks import get_attack, list_attacks
from ..audit.audit import why_not
from ..audit.owner import Owner, Shares, Trial, make_trial
from ..audit.scores import score
from ..cipher import EtcSpec
from ..cipher.keys import EtcKey
from ..encoding import JPEG_QUALITY, Encoding
from ..experiments.cells import Cell
from ..experiments.figures import pack
from ..metrics.compression import Codec, encode
from ..sealing import Recipe, Sealer
from .bench import FrontierBench
from .settings import name_of, sent_share

NONCES = 3
JPEG = Encoding("jpeg", JPEG_QUALITY)
_FILES, _EDGE = 200, 96
_FOUND = ("neighbours_right", "places_right", "largest_component")


def accuracy(spec: EtcSpec, bench: FrontierBench) -> dict[str, Any]:
    """Top-1 on ciphertexts under a fresh key, for three draws of nonces; once more after JPEG.

    "value" is the mean of the three; "plain" is the model's accuracy on the plain pictures.
    """
    draws = NONCES if spec.key_scope == "image" else 1
    found = [bench.top1(spec, Sealer(EtcKey.generate(), Recipe(spec))) for _ in range(draws)]
    return {
        "value": float(np.mean(found)),
        "draws": found,
        "jpeg": bench.top1(spec, Sealer(EtcKey.generate(), Recipe(spec, encoding=JPEG))),
        "plain": bench.plain_top1(spec),
        "test_images": len(bench.split),
        "classes": len(bench.split.class_names),
    }


def leakage(spec: EtcSpec, bench: FrontierBench) -> dict[str, Any]:
    """What each attack from ciphertexts and pictures of the attacker's own finds; "value" is the most neighbours."""
    trial = _trial(spec, bench)
    found: dict[str, Any] = {}
    shown = {"plain": bench.targets[0], "encrypted": trial.evidence.targets[0]}
    for attack in map(get_attack, list_attacks()):
        if not _judges(attack) or why_not(attack, trial.evidence):
            continue
        try:
            recovery = attack.run(trial.evidence.only(attack.needs))
        except AttackFailure as failure:
            found[attack.name] = {"failed": str(failure)}
            continue
        scores = score(recovery, trial, bench.metric)
        found[attack.name] = {name: value for name in _FOUND if (value := getattr(scores, name, None)) is not None}
        for name in ("ssim_up_to_symmetry", "lpips"):
            if spread := getattr(scores, name):
                found[attack.name][name] = spread.median
        if recovery.restored is not None:
            shown[attack.name] = recovery.restored[0]
    arranged = {name: one["neighbours_right"] for name, one in found.items() if "neighbours_right" in one}
    strongest = max(arranged, key=arranged.__getitem__)
    return {
        "value": arranged[strongest],
        "strongest": strongest,
        "attacks": found,
        "attacked_images": len(bench.targets),
        "public_images": len(bench.public),
        "pictures": {name: pack(_small(shown[name])) for name in ("plain", "encrypted", strongest)},
    }


def _trial(spec: EtcSpec, bench: FrontierBench) -> Trial:
    """What an outsider holds of pictures under a fresh key; nothing of it is known in plain."""
    shares = Shares(bench.targets, bench.collected, bench.targets[:0], bench.public)
    return make_trial(Owner.new(spec), shares, bench.scale)


def _judges(attack: Attack) -> bool:
    """An outsider's attack on the arrangement of blocks."""
    return attack.measure in _FOUND and attack.needs <= {"public", "ciphertexts"}


def linked(spec: EtcSpec, bench: FrontierBench) -> dict[str, Any]:
    """Who has a near copy of a picture looks for its ciphertext among all: "value" is the share that was found."""
    trial = _trial(spec, bench)
    attacks = [attack for attack in map(get_attack, list_attacks()) if attack.measure == "linked"]
    found = [score(attack.run(trial.evidence.only(attack.needs)), trial).linked or 0.0 for attack in attacks]
    return {
        "value": max(found),
        "attacked_images": len(bench.targets),
        "among": len(bench.targets) + len(bench.collected),
    }


def _small(picture: np.ndarray) -> np.ndarray:
    image = Image.fromarray(picture)
    image.thumbnail((_EDGE, _EDGE))
    return np.asarray(image)


def size(spec: EtcSpec, bench: FrontierBench) -> dict[str, Any]:
    """Bytes of JPEG files, of plain pictures and of their ciphertexts; "value" is the quotient."""
    pictures = bench.pictures[:_FILES]
    plain = sum(len(encode(picture, Codec("jpeg", JPEG_QUALITY))) for picture in pictures)
    sealer = Sealer(EtcKey.generate(), Recipe(spec, encoding=JPEG))
    encrypted = sum(map(len, sealer.files(list(pictures))))
    return {
        "value": encrypted / plain,
        "plain_bytes": plain,
        "encrypted_bytes": encrypted,
        "images": len(pictures),
        "sent_share": sent_share(spec, bench.size),
    }


MEASURES = {"accuracy": accuracy, "leakage": leakage, "linked": linked, "size": size}


def cells(specs: list[EtcSpec]) -> list[Cell]:
    """Four for each setting."""
    return [
        Cell(f"{name_of(spec)}-{what}", partial(measure, spec), {"setting": name_of(spec)})
        for spec in specs
        for what, measure in MEASURES.items()
    ]
