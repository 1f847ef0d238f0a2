"""What is asked for, in a form that can be sent to another machine."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal, get_args

from ...files import place
from ..batches import ImageMap
from .finished import Outputs, begun
from .plan import Plan

Arrangement = Literal["mirror", "parquet", "imagefolder"]
ARRANGEMENTS = get_args(Arrangement)


@dataclass(frozen=True)
class Conversion:
    """What is asked for. Its pickle is small and holds no key and no picture, see :class:`hf_etc.sealing.KeyHolder`.

    Attributes: as the arguments of :func:`convert`.
    """

    source: str
    destination: str
    images: ImageMap
    layout: Arrangement
    split: str | None = None
    limit: int | None = None

    def plan(self) -> Plan:
        """Read the source, and say what is to be done."""
        if self.layout == "mirror":
            from .tree import plan_tree

            return plan_tree(place(self.source), self.images)
        from .dataset import plan_splits
        from .source import read_splits

        splits, source = read_splits(self.source, self.split, self.limit), place(self.source)
        known_as = str(source.resolve() if source.exists() else self.source)
        return plan_splits(splits, known_as, self.images, self.layout == "parquet")

    def begun(self, plan: Plan) -> AbstractContextManager[Outputs]:
        """Begin, or resume, and at the end complete the folder: in one process alone."""
        return begun(place(self.destination), self.images, plan.facts, plan.names)

    def outputs(self, plan: Plan) -> Outputs:
        """The outputs of a folder that another process has begun."""
        return Outputs(place(self.destination), self.images, plan.facts)
