"""Attacks: each file declares what the attacker holds and registers itself under one name."""

from ...errors import ParameterError
from ..attack import REGISTRY, Attack
from .brute_force import BruteForce
from .chosen_plaintext import ChosenPlaintext
from .dataset_jigsaw import DatasetJigsaw
from .fr import FrAdvanced, FrBasic
from .gan import Gan
from .itn import Itn
from .jigsaw import Jigsaw
from .known_plaintext import KnownPlaintext
from .linkage import Linkage
from .pair_score import PairScore
from .position_transformer import PositionTransformer
from .statistics import Statistics
from .weights import Weights

__all__ = [
    "BruteForce",
    "ChosenPlaintext",
    "DatasetJigsaw",
    "FrAdvanced",
    "FrBasic",
    "Gan",
    "Itn",
    "Jigsaw",
    "KnownPlaintext",
    "Linkage",
    "PairScore",
    "PositionTransformer",
    "Statistics",
    "Weights",
    "get_attack",
    "list_attacks",
]


def list_attacks() -> list[str]:
    """Names of all registered attacks.

    Example:
        >>> "dataset-jigsaw" in list_attacks()
        True
    """
    return sorted(REGISTRY)


def get_attack(name: str) -> Attack:
    """A registered attack.

    Raises:
        ParameterError: unknown name.
    """
    if name not in list_attacks():
        raise ParameterError(f"unknown attack {name!r}; choose from {', '.join(list_attacks())}")
    return REGISTRY[name]()
