"""Docstrings as mkdocstrings wants them; those of this package are written for ``help()`` and doctest first."""

import re
from typing import Any

from griffe import Extension, Object


class Docstrings(Extension):
    """Sphinx roles become code, and ``Example:`` the section whose doctests are shown as code."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        if obj.docstring is not None:
            text = re.sub(r":(?:class|func|meth|mod):`~?([^`]+)`", r"`\1`", obj.docstring.value)
            obj.docstring.value = re.sub(r"^Example:$", "Examples:", text, flags=re.MULTILINE)
