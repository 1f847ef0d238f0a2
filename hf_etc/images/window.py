"""Which values of a picture with more than 8 bits become black and white: its owner says so, nobody guesses.

The text of a window is "MIN:MAX", such as "0:4095"; "CENTER/WIDTH", such as "40/400"; "full", the whole range that the
bits have room for; or "dicom", the window that a DICOM file names itself.
"""

import re

import numpy as np

from ..errors import ImageError, MissingWindowError, ParameterError

FULL, OWN = "full", "dicom"
_NUMBER = r"\s*([-+]?\d+(?:\.\d+)?)\s*"
_FORMS = "MIN:MAX, CENTER/WIDTH, full, or dicom for the window that a DICOM file names"


def limits(window: str) -> tuple[float, float] | None:
    """The values that become black and white; None for a window with a name.

    Raises:
        ParameterError: it is no window.

    Example:
        >>> limits("0:4095"), limits("40/400"), limits("full")
        ((0.0, 4095.0), (-160.0, 240.0), None)
    """
    if window in (FULL, OWN):
        return None
    found = re.fullmatch(f"{_NUMBER}([:/]){_NUMBER}", window) if isinstance(window, str) else None
    if found is None:
        raise ParameterError(f"window {window!r}: use {_FORMS}")
    first, second = float(found[1]), float(found[3])
    low, high = (first, second) if found[2] == ":" else (first - second / 2, first + second / 2)
    if low >= high:
        raise ParameterError(f"window {window!r}: white must lie above black")
    return low, high


def missing(name: str, what: str) -> MissingWindowError:
    """The error of a picture whose window nobody said."""
    return MissingWindowError(
        f"{name} has {what}, and nothing says which values become black and white; give a window, such as "
        '--window 0:4095, or load_rgb(picture, window="0:4095")'
    )


def to_bytes(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Numbers of any kind as uint8 of the same shape: `low` and below give 0, `high` and above 255.

    Example:
        >>> to_bytes(np.array([-5, 0, 50, 100, 900]), 0, 100).tolist()
        [0, 0, 128, 255, 255]
    """
    if values.dtype.kind in "iu" and values.dtype.itemsize == 2:  # a table is exact and takes no memory
        every = np.arange(1 << 16, dtype=np.uint16).view(values.dtype.newbyteorder("="))
        return to_bytes(every.astype(np.float64), low, high)[values.astype(every.dtype).view(np.uint16)]
    scaled = (values.astype(np.float64) - low) * 255 / (high - low)
    return np.floor(np.clip(np.nan_to_num(scaled), 0, 255) + 0.5).astype(np.uint8)


def gray(values: np.ndarray, window: str | None, name: str) -> np.ndarray:
    """The uint8 picture of grayscale numbers that are no DICOM file's: uint16, int32 or float.

    Raises:
        MissingWindowError: nobody said which.
        ImageError: such numbers have no such window.
    """
    whole = values.dtype.kind == "u" and values.dtype.itemsize == 2
    if window is None:
        raise missing(name, "16 bits per pixel" if whole else "numbers without a fixed range as pixels")
    if window == OWN:
        raise ImageError(f"{name} is not a DICOM file, which alone name a window; give one, such as --window 0:4095")
    ends = limits(window)
    if ends is not None:
        return to_bytes(values, *ends)
    if not whole:
        raise ImageError(f"{name} has pixels without a fixed range, so that none is full; give one, such as 0:4095")
    return (values >> 8).astype(np.uint8)  # docs/spec.md, section 6
