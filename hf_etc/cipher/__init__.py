"""Ciphers: each file turns a key into a plan and registers itself under one name."""

from .etc import EtcSpec
from .legacy import EleSpec, LeSpec, PeSpec
from .spec import CipherSpec, list_ciphers, spec_from_dict

__all__ = ["CipherSpec", "EleSpec", "EtcSpec", "LeSpec", "PeSpec", "list_ciphers", "spec_from_dict"]
