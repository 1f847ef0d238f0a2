"""JSON that reads the same everywhere: what was judged is what Gradio will read."""

import json
import math
from typing import Any

_MAX_PARTS = 10_000  # values and brackets; a list of millions of empty lists fits in few bytes and fills the memory


def read_json(body: bytes) -> Any:
    """The value of a JSON text.

    Args:
        body: UTF-8 without a byte order mark.

    Raises:
        ValueError: another encoding, a name that occurs twice, NaN or infinity, half a surrogate pair, too many or
            too deeply nested values, or no JSON at all.

    Example:
        >>> read_json(b'{"data": [null, 0.5]}')
        {'data': [None, 0.5]}
        >>> read_json(b'{"data": [], "data": [1]}')
        Traceback (most recent call last):
        ValueError: the name 'data' occurs twice
    """
    if sum(map(body.count, (b",", b"[", b"{"))) > _MAX_PARTS:
        raise ValueError(f"more than {_MAX_PARTS} values")
    try:
        return json.loads(
            body.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_constant, parse_float=_finite
        )
    except RecursionError:
        raise ValueError("nested too deeply") from None


def write_json(value: Any) -> bytes:
    """The one form of `value` that is handed on, in ASCII.

    Raises:
        ValueError: a text with half a surrogate pair, which other readers refuse or replace.
    """
    json.dumps(value, ensure_ascii=False).encode("utf-8")
    return json.dumps(value, allow_nan=False).encode("ascii")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the name {next(name for name in names if names.count(name) > 1)[:40]!r} occurs twice")
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("a number is too large")
    return value
