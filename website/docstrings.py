"""Docstrings as mkdocstrings wants them; those of this package are written for ``help()`` and doctest first."""

import re
from typing import Any

from griffe import Extension, Object

_ROLE = re.compile(r":(?:class|func|meth|mod):`~?([^`]+)`")
_EXAMPLE = re.compile(r"^Example:$", re.MULTILINE)
_SEVERAL = re.compile(r"^( +[a-z]\w*), ([a-z]\w*(?:, [a-z]\w*)*): ", re.MULTILINE)


class Docstrings(Extension):
    """Sphinx roles become code, ``Example:`` the section of doctests; a text of several names is the first one's."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        if obj.docstring is not None:
            text = _EXAMPLE.sub("Examples:", _ROLE.sub(r"`\1`", obj.docstring.value))
            obj.docstring.value = _SEVERAL.sub(lambda found: f"{found[1]}: with `{found[2]}`: ", text)
