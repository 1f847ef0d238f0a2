"""hf_etc: train and run image classifiers on encrypted (EtC) images with the Hugging Face libraries.

Names are loaded on first use, so ``import hf_etc`` stays light and does not import torch. The auto
classes and pipelines of transformers know the processor and the models from then on.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_PUBLIC = {
    "EtcKey": "keys",
    "Cipher": "cipher",
    "EtcCipher": "cipher",
    "get_cipher": "cipher",
    "list_ciphers": "ciphers",
    "Marker": "ciphertext",
    "encode_ciphertext": "ciphertext",
    "decode_ciphertext": "ciphertext",
    "read_ciphertext": "ciphertext",
    "read_marker": "ciphertext",
    "load_rgb": "images",
    "Preparation": "images",
    "EncryptImages": "data",
    "EtcImageProcessor": "image_processing",
    "EtcError": "errors",
}
__all__ = ["__version__", *_PUBLIC]

if TYPE_CHECKING:
    from .cipher import Cipher, EtcCipher, get_cipher
    from .ciphers import list_ciphers
    from .ciphertext import Marker, decode_ciphertext, encode_ciphertext, read_ciphertext, read_marker
    from .data import EncryptImages
    from .errors import EtcError
    from .image_processing import EtcImageProcessor
    from .images import Preparation, load_rgb
    from .keys import EtcKey


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_PUBLIC[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted(__all__)


from . import registration as _registration  # noqa: E402

_registration.install()
