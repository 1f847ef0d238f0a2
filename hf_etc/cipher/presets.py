"""Settings of the cipher "etc" that have a name."""

from types import MappingProxyType
from typing import Any

from ..errors import ParameterError

PRESETS = MappingProxyType(
    {
        "paper": {"key_scope": "dataset", "block_size": 16},
        "private": {"key_scope": "image", "block_size": 16, "gap": 4, "jitter": 4, "keep": 0.5},
        "strict": {"key_scope": "image", "block_size": 16, "gap": 16, "jitter": 16, "keep": 0.5},
    }
)


def preset_parameters(name: str) -> dict[str, Any]:
    """The parameters of :class:`hf_etc.cipher.EtcSpec` behind the name of a preset.

    Raises:
        ParameterError: there is no such preset.

    Example:
        >>> preset_parameters("private")["gap"]
        4
    """
    if name not in PRESETS:
        raise ParameterError(f"unknown preset {name!r}; choose from {', '.join(PRESETS)}")
    return dict(PRESETS[name])
