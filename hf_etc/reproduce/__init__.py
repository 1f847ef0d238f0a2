"""Every table and figure of the paper, measured anew beside the published figures: ``hf-etc reproduce``.

Each ``tableN.py`` and ``figN.py`` declares one :class:`~hf_etc.experiments.cells.Experiment`: its cells, the
published values, how each cell is measured, and how the results are shown. :mod:`hf_etc.experiments` measures what
has no record yet, ``page.py`` puts the sections together to the result page.
"""

from collections.abc import Sequence
from importlib import import_module

from ..errors import ParameterError
from ..experiments.cells import Experiment

NAMES = ("table1", "table2", "table3", "table4", "kodak", "fig5", "fig6", "fig7", "fig8")
# Table I is drawn from the others, so it is measured last.
ORDER = (*NAMES[1:], NAMES[0])


def load(names: Sequence[str]) -> list[Experiment]:
    """The experiments of these names.

    Raises:
        ParameterError: there is none of a name.
    """
    for name in names:
        if name not in NAMES:
            raise ParameterError(f"nothing named {name!r} to reproduce; use {', '.join(NAMES)}, or all")
    return [import_module(f".{name}", __name__).EXPERIMENT for name in names]
