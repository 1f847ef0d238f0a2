"""Encrypting and checking the images of Hugging Face datasets.

`EncryptImages` and `DecryptImages` go into ``datasets.map``; `encrypt_dataset` makes that call with the
right arguments; `common_marker` says how the images of a dataset are encrypted.
"""

from ..sealing import Recipe
from ..sealing.views import Views
from .check import common_marker
from .decrypt import DecryptImages
from .encrypt import EncryptImages, encrypt_dataset

__all__ = ["DecryptImages", "EncryptImages", "Recipe", "Views", "common_marker", "encrypt_dataset"]
