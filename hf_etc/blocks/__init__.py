"""Blocks of pictures without any key: where each block of an output comes from, and what is done to it."""

from .layout import MARK, Layout
from .symmetry import COLOR_AFTER, COLOR_INVERSE, COLORS, TURNS, turn_after, turn_block, turn_inverse

__all__ = [
    "COLORS",
    "COLOR_AFTER",
    "COLOR_INVERSE",
    "MARK",
    "TURNS",
    "Layout",
    "turn_after",
    "turn_block",
    "turn_inverse",
]
