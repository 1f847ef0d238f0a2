"""What the paper concludes from its tables, beside what the records say of it: two sentences each."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import hypot, sqrt

from ..experiments.cells import Cell
from ..experiments.store import Measured, Store

LIMIT = 5.0  # points of accuracy that may be lost where the paper calls it high
LEGEND = f"""\
What the paper concludes, and what these rows say of it. Few points: {LIMIT:.0f}, or as many as published where those
are more. After ± stands one standard error, over seeds where there are several, else of the test images; two of them
decide."""
_ENOUGH, _CHANCE = 3_000, 10.0  # training images, and percent with ten classes
_VERDICTS = {frozenset([True]): "supported", frozenset([False]): "not supported", frozenset(): "open"}


@dataclass(frozen=True)
class Pair:
    """Two rows of an experiment whose accuracies are compared."""

    label: str
    before: Cell
    after: Cell

    @property
    def published(self) -> float:
        """Points lost."""
        return (self.before.published or 0) - (self.after.published or 0)


@dataclass(frozen=True)
class Loss:
    """A pair as it was measured, at the largest scale that has both."""

    pair: Pair
    before: Measured
    after: Measured

    @property
    def points(self) -> float:
        return self.before.value - self.after.value

    @property
    def error(self) -> float:
        """One standard error of `points`."""
        return hypot(standard_error(self.before), standard_error(self.after))

    @property
    def decides(self) -> bool:
        """Whether it says anything: both were trained on enough images and are clearly better than chance."""
        return all(map(_tells, (self.before, self.after)))

    def __str__(self) -> str:
        seeds = min(len(one.records) for one in (self.before, self.after))
        of = f"{seeds} seeds, " if seeds > 1 else ""
        return (
            f"{self.pair.label} {self.points:.1f} ± {self.error:.1f} ({of}{self.before.value:.1f} to "
            f"{self.after.value:.1f} at scale {self.before.scale}; published {self.pair.published:.2f})"
        )


Holds = Callable[[Loss], bool | None]
"""Whether a conclusion holds for a loss; None: it is too close to tell."""


def measured(store: Store, experiment: str, pairs: Iterable[Pair]) -> list[Loss]:
    """Those of the pairs that were measured."""
    found = [(pair, store.pair(experiment, pair.before.name, pair.after.name)) for pair in pairs]
    return [Loss(pair, *both) for pair, both in found if both]


def conclusion(text: str, losses: Sequence[Loss], holds: Holds) -> str:
    """The two sentences on one conclusion of the paper: whether it is supported, and by what.

    Args:
        text: what the paper concludes.
        losses: that it is about.
        holds: whether it holds for one of them.
    """
    deciding = [(loss, holds(loss)) for loss in losses if loss.decides]
    silent = [loss.pair.label for loss in losses if not loss.decides]
    lost = [f"{loss}{', too close to tell' if held is None else ''}" for loss, held in deciding]
    verdict = _VERDICTS.get(frozenset(held for _, held in deciding if held is not None), "supported in part")
    verdict += ", as far as these rows tell" if lost and silent else ""
    said = [f"Points lost: {'; '.join(lost)}"] if lost else []
    said += (
        [f"Near chance or of fewer than {_ENOUGH:,} images, so without a say: {'; '.join(silent)}"] if silent else []
    )
    return f"- *{text}*: **{verdict}**. {'. '.join(said) or 'Not measured'}."


def learned(loss: Loss) -> bool | None:
    """Whether most of the encrypted test images are recognised."""
    return _clearly(loss.after.value - 50, standard_error(loss.after))


def few(loss: Loss) -> bool | None:
    """Whether at most `LIMIT` points are lost, or as many as published where those are more."""
    return _clearly(max(LIMIT, loss.pair.published) - loss.points, loss.error)


def many(loss: Loss) -> bool | None:
    """Whether more than `LIMIT` points are lost."""
    return _clearly(loss.points - LIMIT, loss.error)


def more_than(others: Sequence[Loss]) -> Holds:
    """Whether more is lost than by each of those that say anything."""

    def holds(loss: Loss) -> bool | None:
        told = [_clearly(loss.points - one.points, hypot(loss.error, one.error)) for one in others if one.decides]
        return None if not told or None in told else all(told)

    return holds


def standard_error(found: Measured) -> float:
    """Of the mean accuracy in percent: over the seeds, where there are several, else over the test images."""
    if found.spread is not None:
        return found.spread / sqrt(len(found.records))
    return _binomial(found.value, found.results["test_images"])


def _binomial(percent: float, images: int) -> float:
    return sqrt(percent * (100 - percent) / images)


def _tells(found: Measured) -> bool:
    chance = _CHANCE + 2 * _binomial(_CHANCE, found.results["test_images"])
    return found.results["train_images"] >= _ENOUGH and found.value > chance


def _clearly(value: float, error: float) -> bool | None:
    """Whether a value is above 0; None: within two standard errors of it."""
    return None if abs(value) <= 2 * error else value > 0
