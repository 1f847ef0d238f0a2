"""What every attack declares, receives and returns, and the registry of names."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from ..blocks import Layout
from ..cipher import CipherSpec
from ..cipher.plan import Plan
from ..errors import ParameterError

Measure = Literal["neighbours_right", "places_right", "key_share", "ssim", "outlines", "linked"]
Scale = Literal["smoke", "small", "paper"]
"""Effort of the attacks that train a network: seconds, minutes, hours."""
Compiled = Layout | Plan
"""What a cipher does to pictures, from plain to encrypted; see :meth:`CipherSpec.compile`."""
REGISTRY: dict[str, type["Attack"]] = {}


class AttackFailure(Exception):
    """An attack found nothing to return; the text says why in plain words."""


@dataclass(frozen=True, repr=False)
class Evidence:
    """What an attacker can hold. An attack receives only the members that it declares in `needs`.

    Attributes:
        spec: the public parameters of the cipher.
        targets: uint8 (T,H,W,3), the ciphertexts to restore.
        ciphertexts: uint8 (M,H,W,3), collected ciphertexts; with key_scope="dataset" of the targets' key.
        pairs: known plaintexts and their ciphertexts, each uint8 (K,H,W,3).
        oracle: encrypts chosen plain images, uint8 (K,H,W,3), under the targets' key.
        public: uint8 (L,H,W,3), plain images of the attacker's own, none of them among the plain targets.
        copies: uint8 (T,H,W,3), near copies of the plain targets, in an order of their own.
        weights: the position embedding of the encrypted-domain model, float (N,D), and the public model's,
            or None.
        picture: (height, width) of the plain pictures, which markers tell; None: that of the targets.
        folder: where trained networks are kept for the next run, beside the report; None: nowhere.
        progress: receives lines on a training.
        scale: how much a learned attack may train.
        seed: of the attacker's random choices.
    """

    spec: CipherSpec
    targets: np.ndarray
    ciphertexts: np.ndarray | None = field(
        default=None, metadata={"what": "two or more ciphertexts besides the targets; give 4 images or more"}
    )
    pairs: tuple[np.ndarray, np.ndarray] | None = field(
        default=None, metadata={"what": "a known image besides the targets; give 3 images or more"}
    )
    oracle: Callable[[np.ndarray], np.ndarray] | None = field(default=None, metadata={"what": "the owner's encryption"})
    public: np.ndarray | None = field(
        default=None, metadata={"what": "plain images of the attacker's own; give 4 images or more"}
    )
    copies: np.ndarray | None = field(default=None, metadata={"what": "near copies of the plain images"})
    weights: tuple[np.ndarray, np.ndarray | None] | None = field(
        default=None, metadata={"what": "a model trained on ciphertexts; give one with --model"}
    )
    picture: tuple[int, int] | None = None
    folder: Path | None = None
    progress: Callable[[str], None] = lambda line: None
    scale: Scale = "smoke"
    seed: int = 0

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the plain pictures, in pixels."""
        return self.picture or (self.targets.shape[1], self.targets.shape[2])

    def lack(self, needs: frozenset[str]) -> str | None:
        """Which of these members is missing and how to get it, in plain words, or None."""
        what = (one.metadata["what"] for one in fields(self) if one.name in needs and getattr(self, one.name) is None)
        return next((f"it needs {one}" for one in what), None)

    def only(self, needs: frozenset[str]) -> "Evidence":
        """The same evidence without optional members that are not in `needs`.

        Raises:
            ParameterError: a needed member is missing; names it.
        """
        for name in sorted(needs):
            if getattr(self, name) is None:
                raise ParameterError(f"this attack needs {name}, and there are none")
        hidden: dict[str, Any] = dict.fromkeys(OPTIONAL - needs)
        return replace(self, **hidden)


OPTIONAL = frozenset(one.name for one in fields(Evidence) if one.metadata)


@dataclass(frozen=True, repr=False)
class Recovery:
    """What an attack brings back.

    Attributes:
        restored: uint8 (T,H,W,3), the targets as the attack reads them; None: it restores nothing.
        compiled: what encryption does: one for all targets, or one per target; None: the attack finds no key.
        up_to_symmetry: these leave a global turn, negation and recolouring open.
        ciphertexts_used: how many collected ciphertexts (pairs, queries) it took.
        linked: int (T,), for each of the copies its place among the targets and then the collected ciphertexts.
        note: what else the attack found, in plain words.
        undecidable: bool (N,), cells of the picture's blocks that the evidence cannot tell apart, see
            :func:`hf_etc.audit.puzzle.matching.undecidable`; None: there are none.
    """

    restored: np.ndarray | None = None
    compiled: tuple[Compiled, ...] | None = None
    up_to_symmetry: bool = False
    ciphertexts_used: int = 0
    linked: np.ndarray | None = None
    note: str = ""
    undecidable: np.ndarray | None = None


class Attack(ABC):
    """One attack. Subclasses declare these and implement :meth:`run`.

    Attributes:
        name: unique.
        goal: what it tries to find, in plain words.
        given: what the attacker must hold, in plain words.
        source: where the attack was published, or that it is this package's.
        needs: the optional members of :class:`Evidence` that it receives.
        measure: the figure that tells whether it succeeded.
        accumulates: more ciphertexts help; the audit then looks for the smallest number that suffices.
        trained: it trains a network; at scale "smoke" that only shows that it runs, so it must be asked for.
        partial: it also takes ciphertexts that leave parts of the picture out.
        control_ciphertexts: how many collected ciphertexts its controls use.
        positive: a cipher that it must break, whatever it does to the audited one.
        enough: the figure that it must reach on `positive`.
        synthetic: the positive control takes smooth synthetic pictures instead of the user's own, which may be too
            hard for it under any cipher.
        positive_evidence, negative_evidence: what :meth:`ideal` and :meth:`senseless` make of the evidence of the
            two controls, in plain words.
        advice: what the owner can do when it succeeds.
    """

    name: ClassVar[str]
    goal: ClassVar[str]
    given: ClassVar[str]
    source: ClassVar[str]
    needs: ClassVar[frozenset[str]] = frozenset()
    measure: ClassVar[Measure] = "ssim"
    accumulates: ClassVar[bool] = False
    trained: ClassVar[bool] = False
    partial: ClassVar[bool] = False
    control_ciphertexts: ClassVar[int] = 6
    positive: ClassVar[CipherSpec]
    enough: ClassVar[float]
    synthetic: ClassVar[bool] = False
    positive_evidence: ClassVar[str] = "lossless"
    negative_evidence: ClassVar[str] = ""
    advice: ClassVar[str] = ""

    @abstractmethod
    def run(self, evidence: Evidence) -> Recovery:
        """Attack; only with the declared members of the evidence."""

    def applies_to(self, spec: CipherSpec, height: int, width: int) -> str | None:
        """None, or why this attack says nothing about a cipher and image size, in plain words."""
        return None

    def ideal(self, evidence: Evidence, compiled: tuple[Compiled, ...]) -> Evidence:
        """The evidence of the positive control, where what encryption does, to all targets or to each, is known."""
        return evidence

    def senseless(self, evidence: Evidence) -> Evidence:
        """The evidence of the negative control, without what it says."""
        return evidence


def register(attack: type[Attack]) -> type[Attack]:
    """Class decorator: make an attack reachable by its name; a second use of a name raises."""
    if attack.name in REGISTRY:
        raise ParameterError(f"an attack named {attack.name!r} is registered already")
    unknown = attack.needs - {field.name for field in fields(Evidence)}
    if unknown:
        raise ParameterError(f"attack {attack.name!r} needs {sorted(unknown)[0]!r}, which no evidence has")
    REGISTRY[attack.name] = attack
    return attack


def block_size_of(spec: CipherSpec) -> int | None:
    """The edge of the blocks that a cipher moves whole, or None: blocks of one pixel have no edges to compare."""
    size = spec.layout_block
    return size if size and size > 1 else None
