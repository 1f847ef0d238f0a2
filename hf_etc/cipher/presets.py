"""Settings of the cipher "etc" that have a name."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from ..errors import ParameterError
from .etc import EtcSpec

PRESETS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "paper": {"key_scope": "dataset"},
        "private": {"key_scope": "image", "gap": 3 / 4, "jitter": 3 / 4},
        "strict": {"key_scope": "image", "gap": 1, "jitter": 1, "keep": 0.5},
    }
)
"""Parameters by name; `gap` and `jitter` are shares of the edge of a block (docs/frontier_imagenette_224.md)."""


def preset_parameters(name: str, block_size: int | None = None) -> dict[str, Any]:
    """The parameters of :class:`hf_etc.cipher.EtcSpec` behind the name of a preset.

    Args:
        name: of the preset.
        block_size: edge of a block in pixels, to which gap and jitter are proportional; 16 by default.

    Raises:
        ParameterError: there is no such preset.

    Example:
        >>> preset_parameters("private")["gap"], preset_parameters("private", 8)["gap"]
        (12, 6)
    """
    if name not in PRESETS:
        raise ParameterError(f"unknown preset {name!r}; choose from {', '.join(PRESETS)}")
    block = EtcSpec.block_size if block_size is None else block_size
    values: dict[str, Any] = dict(PRESETS[name]) | {"block_size": block}
    if isinstance(block, int):  # anything else is refused where the spec is made
        values |= {part: round(values[part] * block) for part in ("gap", "jitter") if part in values}
    return values
