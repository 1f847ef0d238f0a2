"""Encrypting and checking the images of Hugging Face datasets.

`EncryptImages` and `DecryptImages` go into ``datasets.map``; `encrypt_dataset` makes that call with the
right arguments; `common_marker` says how the images of a dataset are encrypted.
"""

from .check import common_marker
from .decrypt import DecryptImages
from .encrypt import EncryptImages, Recipe, encrypt_dataset
from .views import Views

__all__ = ["DecryptImages", "EncryptImages", "Recipe", "Views", "common_marker", "encrypt_dataset"]
