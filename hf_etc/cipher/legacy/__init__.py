"""Broken ciphers, kept to reproduce the paper's comparison and to audit. Never protect an image with one."""

from .ele import EleSpec
from .le import LeSpec
from .pe import PeSpec

__all__ = ["EleSpec", "LeSpec", "PeSpec"]
