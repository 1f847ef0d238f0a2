"""Attacks: each file declares what the attacker holds and registers itself under one name."""

from .brute_force import BruteForce
from .chosen_plaintext import ChosenPlaintext
from .dataset_jigsaw import DatasetJigsaw
from .fr import FrAdvanced, FrBasic
from .gan import Gan
from .itn import Itn
from .jigsaw import Jigsaw
from .known_plaintext import KnownPlaintext
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
    "Statistics",
    "Weights",
]
