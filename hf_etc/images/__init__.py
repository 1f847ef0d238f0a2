"""Picture files: any picture as upright uint8 RGB of the right size, and ciphertext files with their public marker."""

from .ciphertext import Marker, decode_ciphertext, encode_ciphertext, read_ciphertext, read_marker
from .load import load_rgb
from .prepare import Preparation

__all__ = [
    "Marker",
    "Preparation",
    "decode_ciphertext",
    "encode_ciphertext",
    "load_rgb",
    "read_ciphertext",
    "read_marker",
]
