"""An outsider's view: ciphertexts alone, no key and no plain picture to measure against.

Where ciphertexts of one key add up, two halves of them are attacked apart from each other. If both lead to the
same pictures, the attack has found something; scrambles that fail differ. The controls are the outsider's
own: synthetic pictures under a key of its own, and the same ciphertexts each encrypted once more.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from ..blocks.pixels import check_pixels
from ..cipher import CipherSpec
from ..errors import ParameterError
from .attack import Attack, AttackFailure, Evidence, Scale
from .attacks import get_attack, list_attacks
from .audit import MARGIN, TARGETS, like, run_all, why_not
from .owner import Owner, synthetic_pictures
from .record import AttackResult, Audit, Control
from .scores import align, similarity
from .store import Store
from .words import describe, outsider_verdict

_AGREE = 0.8
_SYNTHETIC = 8


def outsider_attacks() -> list[str]:
    """The attacks that need ciphertexts alone."""
    return [name for name in list_attacks() if get_attack(name).needs <= {"ciphertexts"}]


def audit_ciphertexts(
    ciphertexts: np.ndarray,
    spec: CipherSpec,
    *,
    picture: tuple[int, int] | None = None,
    attacks: Sequence[str] | None = None,
    scale: Scale = "smoke",
    store: Store | None = None,
    progress: Callable[[str], None] = lambda line: None,
) -> Audit:
    """Attack ciphertexts without key and plain pictures.

    Args:
        ciphertexts: uint8 (N,H,W,3), with key_scope="dataset" all of one key.
        spec: their cipher, from their markers.
        picture: (height, width) of the plain pictures, from their markers; None: that of the ciphertexts.
        attacks: names; default: all that need no more.
        scale: how many ciphertexts to restore.
        store, progress: see :func:`hf_etc.audit.audit.audit`.

    Raises:
        ParameterError: an attack needs more than ciphertexts.

    Example:
        >>> from hf_etc.cipher.legacy import PeSpec
        >>> pictures = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3), np.uint8)
        >>> audit_ciphertexts(pictures, PeSpec(), attacks=["fr-basic"]).results[0].outcome
        'ran'
    """
    check_pixels(ciphertexts)
    chosen = [get_attack(name) for name in (outsider_attacks() if attacks is None else attacks)]
    for attack in chosen:
        if not attack.needs <= {"ciphertexts"}:
            raise ParameterError(f"{attack.name} needs more than ciphertexts; give the key with --key")
    count = min(TARGETS[scale], max(1, len(ciphertexts) // 3))
    others = ciphertexts[count:] if len(ciphertexts) > 1 + count else None
    evidence = Evidence(spec, ciphertexts[:count], others, picture=picture)
    results = run_all(chosen, lambda attack: _run(attack, evidence), store, progress)
    return Audit(spec, None, len(ciphertexts), results, None, evidence.targets, evidence.size)


def _run(attack: Attack, evidence: Evidence) -> AttackResult:
    base = AttackResult.of(attack)
    reason = why_not(attack, evidence)
    if reason:
        return replace(base, reason=reason, verdict=f"Does not apply: {reason}.")
    start = time.perf_counter()
    try:
        recovery = attack.run(evidence.only(attack.needs))
    except AttackFailure as failure:
        return replace(base, outcome="failed", reason=str(failure), verdict=f"The attack failed: {failure}.")
    result = replace(
        base,
        outcome="ran",
        ciphertexts=recovery.ciphertexts_used,
        seconds=time.perf_counter() - start,
        note=recovery.note,
        restored=recovery.restored,
    )
    if "ciphertexts" in attack.needs and evidence.ciphertexts is not None and len(evidence.ciphertexts) > 3:
        result = replace(result, measure="agreement", chance=0.0, value=_agreement(attack, evidence))
        result = replace(result, positive=_positive(attack, evidence), negative=_negative(attack, evidence))
    return replace(result, verdict=outsider_verdict(result))


def _agreement(attack: Attack, evidence: Evidence) -> float:
    """The median SSIM between what two halves of the ciphertexts make of the same targets."""
    assert evidence.ciphertexts is not None
    half = len(evidence.ciphertexts) // 2
    parts = (evidence.ciphertexts[:half], evidence.ciphertexts[half:])
    needed = [replace(evidence, ciphertexts=part).only(attack.needs) for part in parts]
    try:
        first, second = (attack.run(one).restored for one in needed)
    except AttackFailure:
        return 0.0
    if first is None or second is None:
        return 0.0
    likeness = similarity(first, align(second, first))
    return float(np.median(likeness)) if likeness.size else 0.0


def _positive(attack: Attack, evidence: Evidence) -> Control:
    spec = like(attack.positive, evidence.spec)
    plain = synthetic_pictures(3 + _SYNTHETIC, *evidence.size)
    images, _ = Owner.new(spec).encrypt(plain)
    value = _agreement(attack, Evidence(spec, images[:3], images[3:]))
    return Control(f"synthetic pictures, {describe(spec)}, fresh key", value, _AGREE, value >= _AGREE)


def _negative(attack: Attack, evidence: Evidence) -> Control:
    assert evidence.ciphertexts is not None
    again = [Owner.new(evidence.spec).encrypt(one[None])[0] for one in evidence.ciphertexts[: 2 * _SYNTHETIC]]
    hard = replace(evidence, targets=evidence.targets[:3], ciphertexts=np.concatenate(again))
    value, limit = _agreement(attack, hard), _AGREE - MARGIN["ssim"]
    return Control("each ciphertext encrypted once more under a key of its own", value, limit, value <= limit)
