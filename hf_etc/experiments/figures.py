"""Figures made of records: matplotlib is loaded when the first is drawn; pictures stand in records as text."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import missing_extra
from ..files import whole_file


def figure(width: float, height: float) -> Any:
    """An empty matplotlib figure of this size in inches.

    Raises:
        MissingExtraError: matplotlib is missing.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise missing_extra("the plots need matplotlib", "demo") from None
    return Figure(figsize=(width, height), dpi=130, layout="constrained")


def save(drawn: Any, path: Path) -> None:
    """Write a figure as PNG without dates, whole or not at all: the same records give the same file."""
    with whole_file(path) as file:
        drawn.savefig(file, format="png", metadata={"Software": None})


def pack(pixels: np.ndarray) -> dict[str, Any]:
    """A uint8 array as JSON: shape and hexadecimal text, which no one can take for a path or a token.

    Example:
        >>> unpack(pack(np.array([[1, 2]], np.uint8))).tolist()
        [[1, 2]]
    """
    return {"shape": list(pixels.shape), "uint8": pixels.tobytes().hex()}


def unpack(packed: Mapping[str, Any]) -> np.ndarray:
    """What :func:`pack` packed."""
    return np.frombuffer(bytes.fromhex(packed["uint8"]), np.uint8).reshape(packed["shape"])
