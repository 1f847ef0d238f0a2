"""What can be done to a block as a whole: the eight turns of a square, and the six orders of three components.

Both are plain numbers here, with tables that compose and undo them.
"""

from itertools import permutations

import numpy as np

TURNS = 8
"""Elements of D4: turn t mirrors left-right if t >= 4, then turns counter-clockwise by 90 degrees * (t % 4)."""
COLORS = np.array(list(permutations(range(3))))
"""Colour codes in lexicographic order: output component c reads component COLORS[code, c]."""
_CODE_OF = {tuple(code): i for i, code in enumerate(COLORS.tolist())}
COLOR_AFTER = np.array([[_CODE_OF[tuple(first[second])] for second in COLORS] for first in COLORS])
"""COLOR_AFTER[p, q]: the code that equals p followed by q."""
COLOR_INVERSE = np.array([_CODE_OF[tuple(np.argsort(code).tolist())] for code in COLORS])
"""COLOR_INVERSE[p]: the code that undoes p."""


def turn_block(block: np.ndarray, turn: int, axes: tuple[int, int] = (0, 1)) -> np.ndarray:
    """Apply one element of D4 to the two `axes` of an array; the result is a view."""
    return np.rot90(np.flip(block, axes[1]) if turn >= 4 else block, turn % 4, axes)


def turn_after(second: np.ndarray, first: np.ndarray) -> np.ndarray:
    """The turn that equals `first` followed by `second`; both broadcast.

    Example:
        >>> turn_after(np.array(4), np.array(1)).item()  # rot90 then mirror = mirror then rot270
        7
    """
    mirrored = second >= 4
    return (second + np.where(mirrored, -first, first)) % 4 + 4 * (mirrored ^ (first >= 4))


def turn_inverse(turn: np.ndarray) -> np.ndarray:
    """The turn that undoes another; a mirror undoes itself."""
    return np.where(turn >= 4, turn, -turn % 4)
