"""Whether a value of a dataset may show a picture in plain.

Values are judged by how they begin and how they are shaped; none is decoded as a whole. What cannot be told from a
picture counts as one. Pictures pass unseen as text in another coding than base64 or hexadecimal digits, and as
one-dimensional lists of floating-point numbers, which look like embeddings.
"""

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from datetime import date, time, timedelta
from math import isqrt
from numbers import Number
from typing import Any

import numpy as np
from PIL import Image

from ..errors import EtcError
from ..images.ciphertext import read_marker
from .columns import looks_like_image

SIDE = 10  # numbers along a side from which an array may be a picture: boxes have 4 to 8, keypoints 2 or 3
_ROW_SIDE, _ROW_LEVELS = 16, 32  # of a square picture in one row: its side, its different values
_LONG_ROW = 1024  # numbers that may be a picture of any shape
_LONGEST_ID = 64  # bytes of a hash or an id
_SHORTEST_TEXT = 80  # characters: no picture fits into fewer
_PLAIN_TYPES = (Number, np.bool_, date, time, timedelta)

_STARTS = re.compile(
    rb"\x89PNG|\xff\xd8\xff|RIFF(?s:.{4})WEBP|GIF8[79]a|BM(?s:.{4})\0{4}|II[*+]\0|MM\0[*+]|P[1-6]\s+\d+\s+\d+\s|"
    rb"(?s:.{4})ftyp(?:avi|hei|hev|mif|msf)|\0\0\0\x0cj[Px]|\xff\x4f\xff\x51|8BPS|\0\0\x01\0|"
    rb"(?s:.{128})DICM"
)
_BASE64 = re.compile(
    r"data:image/[\w.+-]+[;,]|(?<![\w+/])(?:iVBORw0KGgo|[/_]9j[/_][2-9+/_-]|UklGR[\w+/-]{7}RUJQ|R0lGOD[dl]h)[\w+/\s-]{60}"
)
_NUMBERS = re.compile(r"[\[\](),;\s]*(?:\d{1,3}[\[\](),;\s]+)+\d{0,3}[\[\](),;\s]*")
_CONTROL = re.compile(r"[\0-\x08\x0e-\x1f\x7f]")


def picture_in(value: Any) -> str | None:
    """What in one value of a column may be a picture in plain, in words for an error; None if nothing.

    Args:
        value: as ``datasets`` stores or shows it: numbers, text, bytes, dictionaries, lists, arrays, PIL images.

    Example:
        >>> picture_in([[0.5] * 32] * 32)
        'arrays of 32x32 numbers'
        >>> picture_in({"boxes": [[3, 4, 20, 30]], "words": ["a", "cat"]})
    """
    if value is None or isinstance(value, _PLAIN_TYPES):
        return None
    if isinstance(value, str):
        return _in_text(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return _in_bytes(bytes(value))
    if isinstance(value, Image.Image):
        return None if _is_ciphertext(value) else "images"
    if isinstance(value, Mapping):
        return _in_file(value) if looks_like_image(value) else _in_any(value.values())
    if hasattr(value, "__array__"):
        return _in_array(np.asarray(value))
    if isinstance(value, list | tuple):
        return _in_list(value)
    return f"objects that are not looked into ({type(value).__name__})"


def picture_feature(feature: Any) -> str | None:
    """What a feature of ``datasets`` says by itself: files other than images, and arrays in the shape of a picture.

    ``datasets.Image`` says nothing: its files may be ciphertexts, so each is looked at.
    """
    if isinstance(feature, Mapping | list | tuple):
        parts = feature.values() if isinstance(feature, Mapping) else feature
        return next(filter(None, map(picture_feature, parts)), None)
    kind = type(feature).__name__
    if kind != "Image" and str(getattr(feature, "pa_type", "")) == "struct<bytes: binary, path: string>":
        return f"files that are not looked into ({kind})"
    if hasattr(feature, "shape"):
        return _in_shape([side or 0 for side in feature.shape])
    if hasattr(feature, "feature"):
        return picture_feature(feature.feature)
    return _in_any(getattr(feature, "names", None) or ())


def _in_any(values: Iterable[Any]) -> str | None:
    return next(filter(None, map(picture_in, values)), None)


def _in_file(cell: Mapping[str, Any]) -> str | None:
    """A file as ``datasets`` stores it, and what may lie beside it."""
    data, path = cell["bytes"], cell["path"]
    others = _in_any(value for name, value in cell.items() if name not in ("bytes", "path"))
    if others or (data is None and path is None) or _is_ciphertext(path if data is None else data):
        return others
    return "image files" if data is None or _STARTS.match(data) else "files that are not looked into"


def _in_bytes(data: bytes) -> str | None:
    if _STARTS.match(data):
        return None if _is_ciphertext(data) else "image files"
    if len(data) <= _LONGEST_ID:
        return None
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = "\0"
    return f"binary data ({len(data)} bytes)" if _CONTROL.search(text) else _in_text(text)


def _in_text(text: str) -> str | None:
    if len(text) < _SHORTEST_TEXT:
        return None
    if _BASE64.search(text) or _STARTS.match(_decoded_start(text)):
        return "pictures as text"
    if _NUMBERS.fullmatch(text) and _is_row_of_pixels(np.array(re.findall(r"\d+", text), float)):
        return "pixels as text"
    return None


def _decoded_start(text: str) -> bytes:
    """What the beginning of a text stands for, if it is hexadecimal or base64."""
    start = "".join(text[:100].split())[:64]
    try:
        if re.fullmatch(r"[0-9a-fA-F]+", start):
            return bytes.fromhex(start)
        return base64.b64decode(start.replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _in_list(values: list | tuple) -> str | None:
    leaf: Any = values
    while isinstance(leaf, list | tuple):
        leaf = next((value for value in leaf if value is not None), None)
    if leaf is None or isinstance(leaf, Number) or hasattr(leaf, "__array__"):
        try:
            return _in_array(np.array(values, float))
        except (ValueError, TypeError, OverflowError):  # rows of several lengths, or a mixture: each by itself
            pass
    return _in_any(values)


def _in_array(array: np.ndarray) -> str | None:
    if array.dtype.kind not in "biufc":
        return _in_any(array.ravel().tolist()) if array.dtype.kind in "OSU" else None
    if not array.size or array.shape[-1:] <= (_LONGEST_ID,) or _in_shape(array.shape):
        return _in_shape(array.shape)
    rows = array.reshape(-1, array.shape[-1])
    return f"rows of {array.shape[-1]} numbers like pixels" if any(map(_is_row_of_pixels, rows)) else None


def _in_shape(shape: Iterable[int]) -> str | None:
    shape = tuple(shape)
    sides = [side for side in shape if side >= SIDE]
    return f"arrays of {'x'.join(map(str, shape))} numbers" if len(sides) >= 2 else None


def _is_row_of_pixels(row: np.ndarray) -> bool:
    """Whether these are whole numbers from 0 to 255, as many as a square picture has, or very many, or bytes.

    Rows of token ids, masks and classes have larger numbers, small ones alone, or few different ones.
    """
    as_bytes = row.dtype == np.uint8 and len(row) > _LONGEST_ID
    if not (as_bytes or len(row) >= _LONG_ROW or _fills_a_square(len(row))) or row.dtype.kind == "c":
        return False
    whole = ((row >= 0) & (row <= 255) & (row == np.floor(row))).all()
    return bool(whole and row.max() > 127 and len(np.unique(row)) >= _ROW_LEVELS)


def _fills_a_square(count: int) -> bool:
    return any(
        count % channels == 0 and (side := isqrt(count // channels)) >= _ROW_SIDE and side * side * channels == count
        for channels in (1, 3, 4)
    )


def _is_ciphertext(image: Any) -> bool:
    try:
        return read_marker(image) is not None
    except EtcError:  # what cannot be read is no ciphertext
        return False
