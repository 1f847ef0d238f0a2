"""Plain images in what is about to leave: as files, within other data, in pickles, and as arrays of pixels."""

import io
import pickletools
import re
from collections.abc import Iterator
from pathlib import PurePath
from typing import Any

import numpy as np
from PIL import Image

from ..cipher.keys import KEY_BYTES
from ..data.check import peek
from ..data.convert.source import IMAGE_SUFFIXES
from ..errors import EtcError, NotACiphertextError, UploadRefusedError
from .contents import View, inflate

_IMAGE_SUFFIXES = IMAGE_SUFFIXES | {".apng", ".jxl", ".svg", ".ico", ".psd", ".exr", ".mp4", ".mov", ".avi"}
# How image files begin. The first ones are long enough to be looked for in the middle of other data.
_EMBEDDED = (rb"\x89PNG\r\n\x1a\n", rb"\xff\xd8\xff[\xdb-\xfe]", rb"RIFF(?s:.{4})WEBP", rb"GIF8[79]a")
# fmt: off
_STARTS = re.compile(b"|".join([
    *_EMBEDDED, rb"BM(?s:.{4})\0{4}", rb"II\*\0", rb"MM\0\*", rb"II\x2b\0", rb"(?s:.{4})ftyp", rb"RIFF(?s:.{4})AVI ",
    rb"\0\0\0\x0c(?:jP  |JXL )", rb"\xff\x4f\xff\x51", rb"8BPS", rb"v/1\x01", rb"qoif", rb"DDS ", rb"#\?RADIANCE",
    rb"#\?RGBE", rb"gimp xcf", rb"AT&TFORM", rb"(?s:.{128})DICM", rb"SIMPLE  =", rb"FUJIFILM",
    rb"P[1-6]\s+(?:#.*\s+)?\d+\s+\d+\s",
]))
# fmt: on
_LARGEST = 2**26  # bytes of an embedded image that are looked at
_SECRET_NAME = re.compile(r"(token|password|passphrase|secret|api_key)$", re.IGNORECASE)
_PICTURE_CLASS = re.compile(r"PIL\.\w+ \w*Image(File)?")
_LEAST_PIXELS = 3 * 16 * 16
_OLD_PICKLE = re.compile(rb"cPIL\.\w+\n\w*Image(?:File)?\n")


def check_pictures(name: str, data: Any, where: str) -> list[bytes]:
    """Raise UploadRefusedError for a plain image, or what may be one.

    Args:
        name: of the file; the suffix may say that it is an image.
        data: its content, bytes or a memory map.
        where: names it in errors.

    Returns:
        What is compressed or rewritten in it, and was not looked at yet.
    """
    hidden: list[bytes] = []
    whole = starts_like_an_image(data[:160])
    if PurePath(name).suffix.lower() in _IMAGE_SUFFIXES or whole:
        check_picture(bytes(data), where, certain=True)
    if data[:6] == b"\x93NUMPY":
        _check_array(data, where)
    if re.match(rb"\x80[\x02-\x05]", data[:2]):
        _check_pickle(data, where)
        hidden += _hidden_in_pickle(data)
    return hidden + check_embedded(data, where, seen=whole)


def check_old_pickle(text: bytes, where: str) -> None:
    """Raise UploadRefusedError for an image in a pickle of protocol 0 or 1, which has no beginning to know it by."""
    if _OLD_PICKLE.search(text):
        raise UploadRefusedError(f"{where} holds a pickled image; encrypt it or leave it out")


def starts_like_an_image(start: bytes) -> bool:
    """Whether a file that begins like this is an image."""
    return _STARTS.match(start) is not None


def check_picture(data: bytes, where: str, certain: bool) -> None:
    """Raise UploadRefusedError for an image that is no ciphertext, or holds more than one picture.

    Args:
        data: an image file.
        where: names it in errors.
        certain: whether it surely is an image; otherwise what does not open as one is let through.
    """
    try:
        peek({"bytes": data, "path": None})
    except NotACiphertextError:
        raise UploadRefusedError(f"{where} holds a plain image; encrypt it or leave it out") from None
    except EtcError as error:
        if certain or _opens(data):
            raise UploadRefusedError(f"{where} cannot be told from a plain image ({error}); leave it out") from None
        return
    with Image.open(io.BytesIO(data)) as image:
        if getattr(image, "n_frames", 1) > 1:
            raise UploadRefusedError(f"{where} holds an image of several frames; a ciphertext has one, leave it out")


def check_embedded(data: Any, where: str, seen: bool = False) -> list[bytes]:
    """Raise UploadRefusedError for plain images anywhere within other data.

    Args:
        data: bytes or a memory map.
        where: names it in errors.
        seen: whether an image at its very beginning was looked at already.

    Returns:
        What is compressed beside the pixels of the images that passed.
    """
    hidden: list[bytes] = []
    starts = sorted(found.start() for pattern in _EMBEDDED for found in re.finditer(pattern, data))
    for start, following in zip(starts, [*starts, len(data)][1:], strict=True):
        if data[start : start + 4] == b"RIFF":  # says its length, and its marker stands at its end
            following = start + 8 + int.from_bytes(data[start + 4 : start + 8], "little")
        if start or not seen:
            check_picture(data[start : min(following, start + _LARGEST)], where, certain=False)
        if data[start : start + 4] == b"\x89PNG":
            hidden += _compressed_texts(data, start)
    return hidden


def _compressed_texts(data: Any, start: int) -> Iterator[bytes]:
    """What a PNG file compresses beside its pixels: texts (zTXt, iTXt), colour profiles, chunks of one's own."""
    at, kind = start + 8, b""
    while kind != b"IEND" and len(header := data[at : at + 8]) == 8:
        length, kind = int.from_bytes(header[:4], "big"), header[4:]
        if kind not in (b"IDAT", b"fdAT", b"PLTE", b"IHDR"):
            chunk = data[at + 8 : at + 8 + length]
            streams = (inflate(chunk[found.start() :]) for found in re.finditer(rb"x[\x01\x5e\x9c\xda]", chunk))
            yield from filter(None, streams)
        at += length + 12


def _hidden_in_pickle(data: Any) -> Iterator[bytes]:
    """Bytes that a pickle of protocol 2, the default of torch.save, holds as text."""
    try:
        for _, argument, _ in pickletools.genops(data):
            if isinstance(argument, str) and len(argument) >= KEY_BYTES and not argument.isascii():
                yield argument.encode("latin-1", errors="ignore")
    except ValueError:  # not a pickle, or other data follows it
        return


def _opens(data: bytes) -> bool:
    """Whether this is an image after all; a few bytes can look like the start of one by chance."""
    try:
        Image.open(io.BytesIO(data)).close()
    except Image.DecompressionBombError:
        return True
    except (OSError, SyntaxError, ValueError):
        return False
    return True


def _check_pickle(data: Any, where: str) -> None:
    """A member such as ``hub_token`` with a text in it, whatever form its tokens have; nothing is unpickled."""
    name, before, is_pixels, longest = None, "", False, 0
    try:
        for opcode, argument, _ in pickletools.genops(data):
            if "MEMOIZE" in opcode.name or "PUT" in opcode.name:
                continue
            if name and (argument if isinstance(argument, str) else "GET" in opcode.name):
                raise UploadRefusedError(f"{where} holds a {name}; leave the file out, no model needs it")
            text = argument if isinstance(argument, str) else ""
            if _PICTURE_CLASS.fullmatch(text) or _PICTURE_CLASS.fullmatch(f"{before} {text}"):
                raise UploadRefusedError(f"{where} holds a pickled image; encrypt it or leave it out")
            is_pixels = is_pixels or text == "u1"  # the dtype of a NumPy array, before or behind its bytes
            longest = max(longest, len(argument) if isinstance(argument, str | bytes | bytearray) else 0)
            if is_pixels and longest >= _LEAST_PIXELS:
                raise UploadRefusedError(f"{where} holds an array of bytes that may be plain pixels; leave it out")
            name, before = text if _SECRET_NAME.search(text) else None, text
    except UploadRefusedError:
        raise
    except ValueError:  # not a pickle, or other data follows it
        return


def _check_array(data: Any, where: str) -> None:
    """By its header alone; the other checks look into objects as bytes."""
    file = View(data)
    try:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(file)
    except ValueError as error:
        raise UploadRefusedError(f"{where} cannot be looked into ({error}); leave it out") from None
    if dtype == np.uint8 and len(shape) >= 3:
        raise UploadRefusedError(f"{where} holds an array of bytes that may be plain pixels; leave it out")
