"""The result of one attack, and of an audit, in figures that another reader can check."""

from collections.abc import Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from typing import Any, Literal

import numpy as np

from ..cipher import CipherSpec
from ..encoding import Encoding
from .attack import Attack


@dataclass(frozen=True)
class Quartiles:
    """Spread of a figure over images.

    Example:
        >>> Quartiles.of([0.0, 1.0, 2.0, 3.0, 4.0])
        Quartiles(low=1.0, median=2.0, high=3.0, least=0.0, most=4.0)
    """

    low: float
    median: float
    high: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float] | np.ndarray) -> "Quartiles":
        return cls(*(float(one) for one in np.quantile(np.asarray(values, np.float64), (0.25, 0.5, 0.75, 0.0, 1.0))))


@dataclass(frozen=True)
class Control:
    """A run whose outcome is known beforehand.

    Attributes:
        what: the run, in plain words.
        value: the attack's measure there.
        limit: what the value had to reach (positive control) or stay below (negative control).
        passed: whether it did.
    """

    what: str
    value: float
    limit: float
    passed: bool


@dataclass(frozen=True)
class Scores:
    """What was recovered, measured against the owner's key and images. None: does not apply.

    Attributes:
        images: targets measured.
        exact: targets restored to exactly what the key gives.
        exact_up_to_symmetry: the same after the best global turn, negation and recolouring.
        pieces_right: Dc, the share of blocks in their place and state.
        pieces_right_up_to_symmetry: the same after the best global symmetry.
        neighbours_right: Nc, the share of neighbours that are neighbours in the same way.
        places_right: the share of neighbours that lie side by side, whatever their turns, signs and colours.
        largest_component: Lc, the largest part of right neighbours, as a share of the image.
        blocks_restored: the share of the targets' blocks (pixels, where a cipher moves these) that are exactly what the
            key gives, after the best global symmetry.
        key_share: the share of the blocks, or symbols, with the right source and changes, without undecidable ones.
        blocks, undecidable: how many blocks there are, and of which of them the evidence cannot tell.
        key_bits: log2 of the number of keys of the cipher at this size.
        ssim, lpips: of the restored against the plain targets.
        ssim_up_to_symmetry: after the best global symmetry.
        outlines: correlation of the strength of edges with that of the plain targets.
        linked: the share of plain pictures whose ciphertext was found.
    """

    images: int
    exact: int
    exact_up_to_symmetry: int
    pieces_right: float | None = None
    pieces_right_up_to_symmetry: float | None = None
    neighbours_right: float | None = None
    places_right: float | None = None
    largest_component: float | None = None
    blocks_restored: float | None = None
    key_share: float | None = None
    blocks: int | None = None
    undecidable: int | None = None
    key_bits: float | None = None
    ssim: Quartiles | None = None
    ssim_up_to_symmetry: Quartiles | None = None
    outlines: Quartiles | None = None
    lpips: Quartiles | None = None
    linked: float | None = None

    @property
    def key_bits_recovered(self) -> float | None:
        """key_share of the key's bits that can be decided; compare it with the attack's cost, not with a key space."""
        if self.key_share is None or self.key_bits is None:
            return None
        decided = 1 - self.undecidable / self.blocks if self.blocks and self.undecidable else 1
        return self.key_share * decided * self.key_bits

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Scores":
        # Older results lack figures that came later.
        later = {one.name: one.default for one in fields(cls) if one.default is not MISSING}
        own = {one.name: (later | values)[one.name] for one in fields(cls)}
        for name in ("ssim", "ssim_up_to_symmetry", "outlines", "lpips"):
            own[name] = own[name] and Quartiles(**own[name])
        return cls(**own)


@dataclass(frozen=True)
class AttackResult:
    """One attack against one cipher configuration.

    Attributes:
        attack, goal, given, source: what was run; see :class:`hf_etc.audit.Attack`.
        needs: the members of the evidence that it received.
        outcome: "ran"; "not applicable" or "failed" with the `reason`.
        measure: the name of the score that decides.
        value, chance: that score, and its level without any knowledge.
        scores: all figures; None when the owner's truth is unknown or the attack did not run.
        ciphertexts: collected ciphertexts, pairs or queries used.
        curve: (number of ciphertexts, value) while the number was raised.
        seconds: of the attack itself.
        positive, negative: controls.
        verdict: one sentence in plain words.
    """

    attack: str
    goal: str
    given: str
    source: str
    needs: tuple[str, ...]
    outcome: Literal["ran", "not applicable", "failed"]
    verdict: str
    reason: str = ""
    measure: str = ""
    value: float | None = None
    chance: float | None = None
    scores: Scores | None = None
    ciphertexts: int = 0
    curve: tuple[tuple[int, float], ...] = ()
    seconds: float = 0.0
    positive: Control | None = None
    negative: Control | None = None
    note: str = ""
    restored: np.ndarray | None = field(default=None, repr=False)

    @classmethod
    def of(cls, attack: Attack) -> "AttackResult":
        """Of an attack that has not run."""
        needs = tuple(sorted(attack.needs))
        return cls(attack.name, attack.goal, attack.given, attack.source, needs, "not applicable", "")

    @property
    def knowledge(self) -> int:
        """How much the attacker holds besides ciphertexts and pictures of its own."""
        return len(set(self.needs) - {"ciphertexts", "public"})

    @property
    def restores_single(self) -> bool:
        """Whether it makes pictures of single ciphertexts, whatever else the attacker holds of its own."""
        return self.restored is not None and set(self.needs) <= {"public"}

    @property
    def trusted(self) -> bool:
        """Whether both controls came out as they must; if not, a low value means nothing."""
        controls = [one for one in (self.positive, self.negative) if one is not None]
        return self.outcome == "ran" and bool(controls) and all(one.passed for one in controls)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, without the restored pictures."""
        values = asdict(replace(self, restored=None))
        values.pop("restored")
        values["trusted"] = self.trusted
        if self.scores is not None:
            values["scores"]["key_bits_recovered"] = self.scores.key_bits_recovered
        return values

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "AttackResult":
        """Inverse of :meth:`to_dict`.

        Raises:
            KeyError, TypeError: they are not those of a result.
        """
        own = {one.name: values[one.name] for one in fields(cls) if one.name != "restored"}
        for name in ("positive", "negative"):
            own[name] = own[name] and Control(**own[name])
        own["needs"], own["curve"] = tuple(own["needs"]), tuple(map(tuple, own["curve"]))
        return cls(**own | {"scores": own["scores"] and Scores.from_dict(own["scores"])})

    def with_pictures(self, restored: np.ndarray | None) -> "AttackResult":
        """With the restored targets, uint8 (T,H,W,3)."""
        return replace(self, restored=restored)


@dataclass(frozen=True, repr=False)
class Audit:
    """The results of all attacks, and the pictures that go with them.

    Attributes:
        spec: the audited cipher.
        codec: the ciphertexts' lossy codec, or None.
        images: how many plain images were given.
        results: one per attack.
        plain, ciphertexts: uint8 (T,H,W,3), the targets; `plain` is None in an outsider's view.
        size: (height, width) of the plain pictures, in pixels.
    """

    spec: CipherSpec
    codec: Encoding | None
    images: int
    results: tuple[AttackResult, ...]
    plain: np.ndarray | None
    ciphertexts: np.ndarray
    size: tuple[int, int]

    @property
    def format(self) -> str:
        """Of the ciphertexts' files; an outsider takes them as they came."""
        return "as they came" if self.plain is None else str(self.codec or "lossless")

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "cipher": self.spec.to_dict(),
            "format": self.format,
            "height": self.size[0],
            "width": self.size[1],
            "view": "outsider" if self.plain is None else "owner",
            "images": self.images,
            "targets": len(self.ciphertexts),
            "attacks": [result.to_dict() for result in self.results],
        }
