"""What a conversion consists of: the same in every process, on every machine."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .finished import Outputs
from .report import Report


@dataclass(frozen=True)
class Plan:
    """Tasks that can be done in any order, by anyone, and more than once.

    Attributes:
        facts: of the manifest.
        names: of all outputs.
        tasks: small and picklable.
        do: makes what is not finished of one task.
        images: number of source images.
        left_out: files that are no images.
    """

    facts: dict[str, Any]
    names: Sequence[str]
    tasks: Sequence[Any]
    do: Callable[[Outputs, Any], Report]
    images: int
    left_out: Sequence[str] = ()
