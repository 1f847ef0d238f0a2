"""Ciphers: each file turns a key into a plan and registers itself under one name."""

from .base import CipherSpec, list_ciphers, spec_from_dict
from .etc import EtcSpec

__all__ = ["CipherSpec", "EtcSpec", "list_ciphers", "spec_from_dict"]
