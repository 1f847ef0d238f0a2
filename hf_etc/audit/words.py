"""What the figures mean, in plain words for the owner of the data."""

from collections.abc import Sequence

from ..cipher import CipherSpec, EtcSpec
from ..cipher.presets import PRESETS, preset_parameters
from ..errors import GeometryError
from .attacks import get_attack
from .record import AttackResult, Scores

ENOUGH = 0.99
_SMALLEST_BLOCK = 4  # worth a try
_MEASURES = {
    "neighbours_right": "of the block neighbours put together rightly",
    "places_right": "of the blocks put beside their true neighbours",
    "key_share": "of the key found",
    "ssim": "similarity (SSIM) to the plain pictures",
    "outlines": "agreement of the outlines with those of the plain pictures",
    "linked": "of the known pictures linked to their ciphertexts",
    "agreement": "similarity (SSIM) between two independent solutions",
}


def verdict(result: AttackResult, margin: float) -> str:
    """One sentence on one attack that ran."""
    assert result.value is not None and result.chance is not None and result.scores is not None
    if not result.trusted:
        return _untrusted(result)
    figure = f"{figure_of(result)} (chance {number(result.measure, result.chance)})"
    if result.value <= result.chance + margin:
        return f"Nothing beyond chance: {figure}."
    return f"{_level(result)}: {_images(result.scores)}{figure}{_effort(result)}."


def outsider_verdict(result: AttackResult) -> str:
    """One sentence on one attack that ran without anything to measure against."""
    if result.value is None:
        return f"Pictures were made of the ciphertexts; look at them{f': {result.note}' if result.note else ''}."
    if not result.trusted:
        return _untrusted(result)
    assert result.negative is not None
    if result.value <= result.negative.limit:
        return f"Nothing found: {figure_of(result)}."
    return f"Pictures are disclosed: {figure_of(result)}{_effort(result)}; look at them."


def headline(results: Sequence[AttackResult], images: int) -> str:
    """The most important thing to know, in one or two sentences; `images` were given, of which some were attacked."""
    ran = [result for result in results if result.trusted]
    if not ran:
        return (
            "No attack gave a result that can be trusted, so nothing is known. This does not mean that nothing leaks."
        )
    alone = [one for one in ran if one.scores is not None and not one.knowledge]
    whole = [one for one in alone if one.scores and one.scores.exact_up_to_symmetry == one.scores.images]
    if whole:
        best = min(whole, key=_count)
        if _count(best) < 2 and best.scores and best.scores.images == images:
            these = f"these {_many(images, 'ciphertext')}"
            return f"Each of {these} can be decrypted alone, without the key ({best.attack})."
        if _count(best) < 2 and best.scores:
            tried = f"Each of the {_many(best.scores.images, 'ciphertext')} that were tried, of {images},"
            return f"{tried} was decrypted alone, without the key ({best.attack})."
        held = _many(_count(best), "ciphertext")
        return f"Whoever holds {held} of this kind can decrypt all of them, without the key ({best.attack})."
    found = [one for one in ran if disclosed(one)]
    if not found:
        return "No attack that ran found anything beyond chance. A stronger attack may; this is no proof of security."
    best = max(found, key=lambda one: (one in alone or one.scores is None, one.value or 0.0))
    if best in alone or best.scores is None:
        return f"From ciphertexts alone, pictures are disclosed in part: {figure_of(best)} ({best.attack})."
    before = "From ciphertexts alone little was found; with" if alone else "With"
    return f"{before} more knowledge, {figure_of(best)} ({best.attack})."


def advice(spec: CipherSpec, results: Sequence[AttackResult], size: tuple[int, int]) -> list[str]:
    """What the owner can do about what was found.

    Args:
        spec, results: the audited cipher, and what attacks did to it.
        size: (height, width) of the plain pictures, in pixels.
    """
    lines = []
    if weakness := spec.weakness():
        lines.append(
            f"These settings are for comparison only, not for protection ({weakness}): use the whole EtC cipher."
        )
    lines.append(_remedy(spec, results, size))
    lines += [get_attack(one.attack).advice for one in results if disclosed(one)]
    lines = [line for line in dict.fromkeys(lines) if line]
    lines.append("If a leak would hurt someone, do not let perceptual encryption be the only protection.")
    return lines


def _remedy(spec: CipherSpec, results: Sequence[AttackResult], size: tuple[int, int]) -> str:
    """Which settings to try next, or "": an answer to what single ciphertexts gave away, and ciphertexts of one key."""
    alone = [one for one in results if one.trusted and one.restores_single]
    if not any(map(disclosed, alone)):
        if spec.key_scope == "dataset":
            return "Use a key for each image (--key-scope image): then ciphertexts do not add up. Audit that, too."
        if not alone or any(get_attack(one.attack).trained for one in alone):
            return ""
        return "Let the attacks that train have a try, before you rely on these settings: --scale small."
    options = _options_beyond(spec, size)
    if options is None:
        return "Single ciphertexts give pictures away in these settings, too: send fewer blocks, or no such pictures."
    pixels = "pixels" if spec.sends_all else "more pixels"
    remedy = f"leave {pixels} out between the blocks ({options}), and audit that"
    if spec.key_scope == "dataset":
        return f"Single ciphertexts fall, so that a key for each image would not be enough: {remedy}."
    return f"Single ciphertexts give pictures away: {remedy}."


def _options_beyond(spec: CipherSpec, size: tuple[int, int]) -> str | None:
    """The options of the first preset that leaves more out than this cipher and has enough blocks at this size."""
    block = spec.layout_block or EtcSpec.block_size
    gap = spec.gap / block if isinstance(spec, EtcSpec) else 0
    for preset, shares in PRESETS.items():
        smaller = block
        while shares.get("gap", 0) > gap and smaller >= _SMALLEST_BLOCK:
            try:
                if EtcSpec(**preset_parameters(preset, smaller)).weakness(size) is None:
                    return f"--preset {preset}" + (f" --block-size {smaller}" if smaller != block else "")
            except GeometryError:
                pass
            smaller //= 2
    return None


def describe(spec: CipherSpec) -> str:
    """A cipher and what of its parameters is not the default.

    Example:
        >>> from hf_etc.cipher import EtcSpec
        >>> describe(EtcSpec(block_size=8, steps=("permutation",)))
        'etc (block size 8, steps permutation)'
    """
    usual, given = type(spec)().to_dict(), spec.to_dict()
    parts = [
        f"{name.replace('_', ' ')} {', '.join(value) if isinstance(value, list) else str(value).lower()}"
        for name, value in given.items()
        if value != usual.get(name)  # options that came later are given only where they are used
    ]
    return spec.name + (f" ({', '.join(parts)})" if parts else "")


def disclosed(result: AttackResult) -> bool:
    """Whether a result that can be trusted says that something leaks."""
    return result.trusted and not result.verdict.startswith("Nothing")


def number(measure: str, value: float) -> str:
    """A figure as text: SSIM as it is, shares in percent."""
    return f"{value:.2f}" if measure in ("ssim", "outlines", "agreement") else f"{100 * value:.1f} %"


def figure_of(result: AttackResult) -> str:
    """The deciding figure with its name, and what else must be known to judge it."""
    assert result.value is not None
    figure, scores = f"{number(result.measure, result.value)} {_MEASURES[result.measure]}", result.scores
    if result.measure != "key_share" or scores is None or scores.blocks_restored in (None, 1):
        return figure
    if scores.undecidable:
        alike = f"{scores.undecidable} of {scores.blocks} blocks"
        figure = f"{figure}, without {alike}, which look like others in all known pictures"
    return f"{figure}; {number(result.measure, scores.blocks_restored)} of the blocks of hidden pictures restored"


def _untrusted(result: AttackResult) -> str:
    for name, side, control in (("positive", "at least", result.positive), ("negative", "at most", result.negative)):
        if control is not None and not control.passed:
            return (
                f"Not to be trusted: the {name} control gave {control.value:.2f} instead of {side} "
                f"{control.limit:.2f}, so this result says nothing."
            )
    return "Not to be trusted: it had no control, so this result says nothing."


def _level(result: AttackResult) -> str:
    scores, value = result.scores, result.value
    assert scores is not None and value is not None
    if scores.exact_up_to_symmetry == scores.images:
        return "Everything is disclosed"
    if result.measure == "key_share" and scores.blocks_restored is not None:  # what can be decided may be little
        value = min(value, scores.blocks_restored)
    return "Much is disclosed" if value >= 0.5 or scores.exact_up_to_symmetry else "Something is disclosed"


def _images(scores: Scores) -> str:
    if not scores.exact_up_to_symmetry:
        return ""
    mirrored = scores.exact_up_to_symmetry - scores.exact
    aside = f" ({mirrored} of them mirrored as a whole, or the like)" if mirrored else ""
    return f"{scores.exact_up_to_symmetry} of {_many(scores.images, 'picture')} decrypted exactly{aside}; "


def _count(result: AttackResult) -> int:
    return next((count for count, value in result.curve if value >= ENOUGH), result.ciphertexts)


def _effort(result: AttackResult) -> str:
    if any(value >= ENOUGH for _, value in result.curve):
        return f"; {_many(_count(result), 'ciphertext')} were enough"
    held = "pair" if "pairs" in result.needs else "chosen picture" if "oracle" in result.needs else "ciphertext"
    return f", from {_many(result.ciphertexts, held)}" if result.ciphertexts else ""


def _many(count: int, what: str) -> str:
    return f"{count} {what}" + ("" if count == 1 else "s")
