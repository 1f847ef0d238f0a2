"""hf_etc: train and run image classifiers on encrypted (EtC) images with the Hugging Face libraries.

Names are loaded on first use, so ``import hf_etc`` stays light and does not import torch. The auto
classes and pipelines of transformers know the processor and the models from then on.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_PUBLIC = {
    "EtcKey": "cipher.keys",
    "Cipher": "sealing",
    "EtcCipher": "sealing",
    "get_cipher": "sealing",
    "list_ciphers": "cipher",
    "Marker": "images",
    "encode_ciphertext": "images",
    "decode_ciphertext": "images",
    "read_ciphertext": "images",
    "read_marker": "images",
    "load_rgb": "images",
    "Preparation": "images",
    "EncryptImages": "data",
    "encrypt_dataset": "data",
    "EtcImageProcessor": "processor",
    "adapt": "key_adaptation",
    "EtcError": "errors",
}
_ROOMS = ("audit", "client", "data", "gradio", "hub", "models", "training")  # packages with public names of their own
__all__ = ["__version__", *_PUBLIC]

if TYPE_CHECKING:
    from . import audit, client, data, gradio, hub, models, training
    from .cipher import list_ciphers
    from .cipher.keys import EtcKey
    from .data import EncryptImages, encrypt_dataset
    from .errors import EtcError
    from .images import (
        Marker,
        Preparation,
        decode_ciphertext,
        encode_ciphertext,
        load_rgb,
        read_ciphertext,
        read_marker,
    )
    from .key_adaptation import adapt
    from .processor import EtcImageProcessor
    from .sealing import Cipher, EtcCipher, get_cipher


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return import_module(f".{name}", __name__)
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_PUBLIC[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted([*__all__, *_ROOMS])


from . import registration as _registration  # noqa: E402

_registration.install()
