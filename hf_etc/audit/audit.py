"""Runs attacks against one cipher configuration, each with a positive and a negative control."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from ..blocks.pixels import check_pixels
from ..cipher import CipherSpec, EtcSpec
from ..encoding import Encoding
from ..errors import ParameterError
from ..metrics.similarity import Lpips
from ..sealing.cipher import Cipher
from .attack import Attack, AttackFailure, Evidence, Measure, Recovery, Scale, block_size_of
from .attacks import get_attack, list_attacks
from .owner import Owner, Shares, Trial, make_trial, synthetic_pictures
from .record import AttackResult, Audit, Control, Quartiles, Scores
from .scores import outlines, score, similarity
from .store import Store
from .words import describe, verdict

TARGETS: dict[Scale, int] = {"smoke": 4, "small": 16, "paper": 100}
_CURVE = (2, 3, 4, 5, 6, 8, 12, 16, 24, 32, 50)
_CURVE_END = 0.99
MARGIN: dict[Measure, float] = {"neighbours_right": 0.05, "places_right": 0.1, "key_share": 0.05}
MARGIN |= {"ssim": 0.1, "outlines": 0.15, "linked": 0.1}
_CONTROL_TARGETS, _FRESH_KEYS = 3, 3


def audit(
    images: np.ndarray,
    cipher: Cipher,
    *,
    codec: Encoding | None = None,
    attacks: Sequence[str] | None = None,
    scale: Scale = "smoke",
    targets: int | None = None,
    weights: tuple[np.ndarray, np.ndarray | None] | None = None,
    lpips: Lpips | None = None,
    store: Store | None = None,
    progress: Callable[[str], None] = lambda line: None,
) -> Audit:
    """Attack the owner's own images as encrypted by the owner's own cipher, and measure what comes back.

    Args:
        images: uint8 (N,H,W,3), plain; 60 or more give every attack what it needs.
        cipher: key and parameters; the key is used to encrypt and to score, no attack receives it.
        codec: lossy codec of the ciphertexts.
        attacks: names (see :func:`list_attacks`); default: :func:`default_attacks`.
        scale: training of the learned attacks: "smoke" (seconds), "small" (minutes), "paper" (hours, GPU).
        targets: images to restore, a third of all at most; default: 4, 16 or 100, by the scale.
        weights: of an encrypted-domain model and of the public one, see :class:`Evidence`.
        lpips: metric to add to SSIM.
        store: where finished attacks are kept, and taken from.
        progress: receives one line per attack.

    Raises:
        ImageError: the images are no such array.
        GeometryError: their size does not fit the cipher.
        ParameterError: unknown attack or scale.

    Example:
        >>> from hf_etc import EtcCipher, EtcKey
        >>> pictures = np.random.default_rng(0).integers(0, 256, (6, 16, 16, 3), np.uint8)
        >>> found = audit(pictures, EtcCipher(EtcKey.generate(), 8), attacks=["chosen-plaintext"])
        >>> found.results[0].scores.key_share
        1.0
    """
    check_pixels(images)
    if images.ndim != 4:
        raise ParameterError(f"audit takes a batch (N,H,W,3), got {images.shape}; add an axis")
    if scale not in TARGETS:
        raise ParameterError(f"scale {scale!r}: use {', '.join(TARGETS)}")
    cipher.spec.check_size(*images.shape[1:3])
    chosen = [get_attack(name) for name in (default_attacks(scale) if attacks is None else attacks)]
    owner, shares = Owner.of(cipher.key, cipher.spec, codec), Shares.of(images, targets or TARGETS[scale])
    trial = make_trial(owner, shares, scale, weights, folder=store.folder if store else None, progress=progress)
    results = run_all(chosen, lambda attack: run_attack(attack, owner, shares, trial, lpips), store, progress)
    return Audit(cipher.spec, codec, len(images), results, trial.plain, trial.evidence.targets, trial.evidence.size)


def default_attacks(scale: Scale = "smoke") -> list[str]:
    """All attacks; at scale "smoke" without those that train a network, for which that is too little."""
    return [name for name in list_attacks() if scale != "smoke" or not get_attack(name).trained]


def run_all(
    attacks: Sequence[Attack],
    run: Callable[[Attack], AttackResult],
    store: Store | None,
    progress: Callable[[str], None],
) -> tuple[AttackResult, ...]:
    """The result of each attack, from the store or now, with a line of progress."""
    results = []
    for number, attack in enumerate(attacks, 1):
        start = time.perf_counter()
        progress(f"[{number}/{len(attacks)}] {attack.name}: {attack.goal}")
        result = store.get(attack.name) if store else None
        if result is None:
            result = run(attack)
            if store:
                store.put(result)
        progress(f"    {result.verdict} [{time.perf_counter() - start:.0f} s]")
        results.append(result)
    return tuple(results)


def run_attack(attack: Attack, owner: Owner, shares: Shares, trial: Trial, lpips: Lpips | None = None) -> AttackResult:
    """One attack with its controls; see :func:`audit`."""
    base = AttackResult.of(attack)
    reason = why_not(attack, trial.evidence)
    if reason:
        return replace(base, reason=reason, verdict=f"Does not apply: {reason}.")
    start = time.perf_counter()
    try:
        recovery = attack.run(trial.evidence.only(attack.needs))
    except AttackFailure as failure:
        return replace(base, outcome="failed", reason=str(failure), verdict=f"The attack failed: {failure}.")
    seconds = time.perf_counter() - start
    scores = score(recovery, trial, lpips)
    result = replace(
        base,
        outcome="ran",
        measure=attack.measure,
        value=value_of(scores, attack.measure),
        chance=_chance(attack.measure, recovery, trial, owner),
        scores=scores,
        ciphertexts=recovery.ciphertexts_used,
        curve=_curve(attack, trial),
        seconds=seconds,
        positive=_positive(attack, owner, shares, trial),
        negative=_negative(attack, owner, shares, trial),
        note=recovery.note,
        restored=recovery.restored,
    )
    return replace(result, verdict=verdict(result, MARGIN[attack.measure]))


def value_of(scores: Scores, measure: Measure) -> float:
    """The one figure that decides; 0 where it could not be measured."""
    value = getattr(scores, "ssim_up_to_symmetry" if measure == "ssim" else measure)
    if isinstance(value, Quartiles):
        return value.median
    return 0.0 if value is None else value


def why_not(attack: Attack, evidence: Evidence) -> str | None:
    """Why an attack says nothing here, in plain words, or None."""
    return evidence.lack(attack.needs) or says_nothing(attack, evidence.spec, *evidence.size)


def says_nothing(attack: Attack, spec: CipherSpec, height: int, width: int) -> str | None:
    """Why an attack says nothing about a cipher and a size of pictures, in plain words, or None."""
    if not spec.sends_all and not attack.partial:
        return "it puts whole pictures together, and these ciphertexts leave parts out"
    return attack.applies_to(spec, height, width)


def _measure(attack: Attack, trial: Trial) -> tuple[float, Recovery]:
    recovery = attack.run(trial.evidence.only(attack.needs))
    return value_of(score(recovery, trial, likeness=attack.measure == "ssim"), attack.measure), recovery


def _curve(attack: Attack, trial: Trial) -> tuple[tuple[int, float], ...]:
    """The value as the number of ciphertexts grows, up to success."""
    collected = trial.evidence.ciphertexts
    if not attack.accumulates or collected is None:
        return ()
    points: list[tuple[int, float]] = []
    for count in _CURVE:
        if count > len(collected) or (points and points[-1][1] >= _CURVE_END):
            break
        part = replace(trial, evidence=replace(trial.evidence, ciphertexts=collected[:count]))
        points.append((count, _measure(attack, part)[0]))
    return tuple(points)


def _chance(measure: Measure, recovery: Recovery, trial: Trial, owner: Owner) -> float:
    """What someone with no knowledge reaches: wrong keys, or the restored pictures beside others."""
    if measure == "linked":
        collected = trial.evidence.ciphertexts
        return 1 / (len(trial.plain) + (0 if collected is None else len(collected)))
    if measure in ("ssim", "outlines") and recovery.restored is not None and len(trial.plain) > 1:
        compare = similarity if measure == "ssim" else outlines
        others = compare(np.roll(trial.plain, 1, axis=0), recovery.restored)
        return float(np.median(others)) if others.size else 0.0
    values = []
    for _ in range(_FRESH_KEYS):
        fresh, size = Owner.new(owner.spec), trial.evidence.size
        nonces = fresh.cipher.nonces_for(len(trial.plain)) or (None,)
        compiled = fresh.without_gaps(tuple(fresh.cipher.compile(*size, nonce) for nonce in nonces), *size)
        guess = Recovery(replace(trial, compiled=compiled).decrypted, compiled)
        values.append(value_of(score(guess, trial, likeness=measure == "ssim"), measure))
    return float(np.mean(values))


def _positive(attack: Attack, owner: Owner, shares: Shares, trial: Trial) -> Control | None:
    """The attack against a cipher that it must break, on the same images."""
    spec = like(attack.positive, owner.spec)
    if says_nothing(attack, spec, *trial.evidence.size):
        return None
    few = shares.fewer(_CONTROL_TARGETS, attack.control_ciphertexts)
    if attack.synthetic:
        few = replace(few, targets=synthetic_pictures(_CONTROL_TARGETS, *trial.evidence.size))
    fresh = _control(Owner.new(spec), few, trial)
    ideal = replace(fresh, evidence=attack.ideal(fresh.evidence, fresh.compiled))
    value, _ = _outcome(attack, ideal)
    what = f"{'synthetic pictures, ' * attack.synthetic}{describe(spec)}, fresh key, {attack.positive_evidence}"
    return Control(what, value, attack.enough, value >= attack.enough)


def _negative(attack: Attack, owner: Owner, shares: Shares, trial: Trial) -> Control:
    """The attack where there is nothing to find: evidence under other keys, or noise for images."""
    few = shares.fewer(_CONTROL_TARGETS, attack.control_ciphertexts)
    keyed = attack.needs & {"ciphertexts", "pairs", "oracle"}
    if not keyed:
        noise = np.random.default_rng(0).integers(0, 256, few.targets.shape, np.uint8)
        few = replace(few, targets=noise)
    others = owner.another if keyed else None
    hard = _control(owner, few, trial, others)
    hard = replace(hard, evidence=attack.senseless(hard.evidence))
    what = "every image of the evidence under a key of its own" if keyed else "random noise instead of images"
    value, recovery = _outcome(attack, hard)
    chance = _chance(attack.measure, recovery, hard, owner) if recovery else 0.0
    limit = chance + MARGIN[attack.measure] + _luck(attack.measure, owner.spec, few.targets.shape)
    return Control(attack.negative_evidence or what, value, limit, value <= limit)


def _control(owner: Owner, shares: Shares, trial: Trial, others: Callable[[], Owner] | None = None) -> Trial:
    held = trial.evidence
    return make_trial(owner, shares, held.scale, held.weights, others, held.folder, held.progress)


def _luck(measure: Measure, spec: CipherSpec, shape: tuple[int, ...]) -> float:
    """The weight of one block, or one picture: among few a single coincidence counts for much."""
    if measure == "linked":
        return 1 / shape[0]
    size = block_size_of(spec)
    return size**2 / (shape[1] * shape[2]) if size and measure not in ("ssim", "outlines") else 0.0


def _outcome(attack: Attack, trial: Trial) -> tuple[float, Recovery | None]:
    try:
        return _measure(attack, trial)
    except AttackFailure:
        return 0.0, None


def like(positive: CipherSpec, spec: CipherSpec) -> CipherSpec:
    """The positive control's cipher with the audited block size."""
    size = spec.layout_block
    return replace(positive, block_size=size) if size and isinstance(positive, EtcSpec) else positive
