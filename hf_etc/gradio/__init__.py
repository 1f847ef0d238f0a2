"""Gradio parts whose server sees ciphertexts only: the input component and the classifier app."""

from ..errors import missing_extra

try:
    import gradio as _gradio  # noqa: F401
except ImportError:
    raise missing_extra("gradio is not installed", "space") from None

from .app import build_app
from .component import EncryptedImage
from .header_timeout import HeaderTimeout
from .serving import launch, mount

__all__ = ["EncryptedImage", "HeaderTimeout", "build_app", "launch", "mount"]
