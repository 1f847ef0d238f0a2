"""Encrypting and decrypting files, folder trees and datasets on disk: whole files or none, resumable, in
several processes. The ``hf-etc`` command calls :func:`convert` and :func:`inspect`.
"""

from .convert import convert
from .inspect import Inspection, inspect
from .report import Report

__all__ = ["Inspection", "Report", "convert", "inspect"]
