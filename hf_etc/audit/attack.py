"""What every attack declares, receives and returns, and the registry of names."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, Literal

import numpy as np

from ..cipher import CipherSpec
from ..cipher.plan import Plan
from ..errors import ParameterError

Scale = Literal["smoke", "small", "paper"]
Measure = Literal["neighbours_right", "places_right", "key_share", "ssim", "outlines"]
_REGISTRY: dict[str, type["Attack"]] = {}


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
        weights: the position embedding of the encrypted-domain model, float (N,D), and the public model's,
            or None.
        scale: how much a learned attack may train.
        seed: of the attacker's random choices.
    """

    spec: CipherSpec
    targets: np.ndarray
    ciphertexts: np.ndarray | None = None
    pairs: tuple[np.ndarray, np.ndarray] | None = None
    oracle: Callable[[np.ndarray], np.ndarray] | None = None
    public: np.ndarray | None = None
    weights: tuple[np.ndarray, np.ndarray | None] | None = None
    scale: Scale = "smoke"
    seed: int = 0

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.targets.shape[1], self.targets.shape[2]

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


OPTIONAL = frozenset({"ciphertexts", "pairs", "oracle", "public", "weights"})


@dataclass(frozen=True, repr=False)
class Recovery:
    """What an attack brings back.

    Attributes:
        restored: uint8 (T,H,W,3), the targets as the attack reads them.
        plans: decryption plans: one for all targets, or one per target; None: the attack finds no key.
        up_to_symmetry: the plans leave a global turn, negation and recolouring open.
        ciphertexts_used: how many collected ciphertexts (pairs, queries) it took.
        note: what else the attack found, in plain words.
    """

    restored: np.ndarray
    plans: tuple[Plan, ...] | None = None
    up_to_symmetry: bool = False
    ciphertexts_used: int = 0
    note: str = ""


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
        control_ciphertexts: how many collected ciphertexts its controls use.
        positive: a cipher that it must break, whatever it does to the audited one.
        enough: the figure that it must reach on `positive`.
        synthetic: the positive control takes smooth synthetic pictures instead of the user's own, which may be too
            hard for it under any cipher.
    """

    name: ClassVar[str]
    goal: ClassVar[str]
    given: ClassVar[str]
    source: ClassVar[str]
    needs: ClassVar[frozenset[str]] = frozenset()
    measure: ClassVar[Measure] = "ssim"
    accumulates: ClassVar[bool] = False
    trained: ClassVar[bool] = False
    control_ciphertexts: ClassVar[int] = 6
    positive: ClassVar[CipherSpec]
    enough: ClassVar[float]
    synthetic: ClassVar[bool] = False

    @abstractmethod
    def run(self, evidence: Evidence) -> Recovery:
        """Attack; only with the declared members of the evidence."""

    def applies_to(self, spec: CipherSpec, height: int, width: int) -> str | None:
        """None, or why this attack says nothing about a cipher and image size, in plain words."""
        return None


def register(attack: type[Attack]) -> type[Attack]:
    """Class decorator: make an attack reachable by its name; a second use of a name raises."""
    if attack.name in _REGISTRY:
        raise ParameterError(f"an attack named {attack.name!r} is registered already")
    unknown = attack.needs - {field.name for field in fields(Evidence)}
    if unknown:
        raise ParameterError(f"attack {attack.name!r} needs {sorted(unknown)[0]!r}, which no evidence has")
    _REGISTRY[attack.name] = attack
    return attack


def list_attacks() -> list[str]:
    """Names of all registered attacks.

    Example:
        >>> "dataset-jigsaw" in list_attacks()
        True
    """
    from . import attacks  # noqa: F401  registers them

    return sorted(_REGISTRY)


def get_attack(name: str) -> Attack:
    """A registered attack.

    Raises:
        ParameterError: unknown name.
    """
    if name not in list_attacks():
        raise ParameterError(f"unknown attack {name!r}; choose from {', '.join(list_attacks())}")
    return _REGISTRY[name]()


def block_size_of(spec: CipherSpec) -> int | None:
    """The block size of a cipher that moves whole blocks of two or more pixels, else None."""
    size = getattr(spec, "block_size", None)
    return size if spec.name == "etc" and size and size >= 2 else None
