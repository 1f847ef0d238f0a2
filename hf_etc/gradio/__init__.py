"""Gradio parts whose server sees ciphertexts only: the input component and the classifier app."""

from ..errors import MissingExtraError

try:
    import gradio as _gradio  # noqa: F401
except ImportError:
    raise MissingExtraError('gradio is not installed; run: pip install "hf-etc[space]"') from None

from .app import build_app
from .component import EncryptedImage
from .header_timeout import HeaderTimeout
from .serving import launch, mount

__all__ = ["EncryptedImage", "HeaderTimeout", "build_app", "launch", "mount"]
