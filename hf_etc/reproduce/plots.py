"""What the plots of the result page have in common: colours, and the paper's boxes."""

from collections.abc import Mapping
from typing import Any

import numpy as np

# Told apart by colour-blind readers (Okabe and Ito).
COLORS = {"plain": "#222222", "EtC": "#0072b2", "ELE": "#d55e00", "PE": "#009e73", "LE": "#cc79a7"}
COLORS |= {"EtC-16": COLORS["EtC"], "EtC-8": "#56b4e9"}
_DECIMALS = 4


def box(values: np.ndarray) -> dict[str, Any]:
    """What a box plot shows, as in the paper's Figures 7 and 8.

    Args:
        values: float (N,).

    Returns:
        Mean, median, quartiles, the whiskers (the outermost values within 1.5 interquartile ranges of the
        box) and the values beyond them, JSON-ready.

    Example:
        >>> found = box(np.array([1.0, 2.0, 3.0, 4.0, 50.0]))
        >>> found["median"], found["whisker_high"], found["outliers"]
        (3.0, 4.0, [50.0])
    """
    low, median, high = np.percentile(values, [25, 50, 75])
    reach = 1.5 * (high - low)
    inside = values[(values >= low - reach) & (values <= high + reach)]
    found = {"mean": values.mean(), "median": median, "quartile_low": low, "quartile_high": high}
    found |= {"whisker_low": inside.min(), "whisker_high": inside.max()}
    outliers = np.sort(values[(values < low - reach) | (values > high + reach)])
    numbers = {name: round(float(value), _DECIMALS) for name, value in found.items()}
    return numbers | {"images": len(values), "outliers": np.round(outliers, _DECIMALS).tolist()}


def draw_box(axes: Any, position: float, found: Mapping[str, Any], color: str, width: float = 0.6) -> None:
    """One box of :func:`box` at a horizontal position: band at the median, cross at the mean, dots outside."""
    stats = {"med": found["median"], "q1": found["quartile_low"], "q3": found["quartile_high"], "mean": found["mean"]}
    stats |= {"whislo": found["whisker_low"], "whishi": found["whisker_high"], "fliers": found["outliers"]}
    axes.bxp(
        [stats],
        positions=[position],
        widths=width,
        showmeans=True,
        patch_artist=True,
        boxprops={"facecolor": color, "alpha": 0.35, "edgecolor": color},
        medianprops={"color": color, "linewidth": 2},
        meanprops={"marker": "x", "markeredgecolor": "black", "markersize": 6},
        whiskerprops={"color": color},
        capprops={"color": color},
        flierprops={"marker": ".", "markersize": 2, "markeredgecolor": color, "alpha": 0.4},
        manage_ticks=False,
    )
