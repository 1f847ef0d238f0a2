"""Ciphertext image files: PNG, lossless WebP or JPEG with a public marker (docs/spec.md, section 5).

The marker says how an image was encrypted, never with what secret, and carries a tag that only the key can make and
check. Without the key, as on a server, it is a label: it tells a ciphertext from a plain picture.
"""

import io
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from ..blocks.pixels import check_pixels
from ..cipher.spec import NONCE_BYTES, CipherSpec, spec_from_dict
from ..encoding import JPEG_QUALITY, Encoding, ImageFormat, Subsampling
from ..errors import (
    AlreadyEncryptedError,
    AuthenticationError,
    EtcError,
    GeometryError,
    ImageError,
    MarkerError,
    NotACiphertextError,
)
from . import containers
from .bounds import check_size
from .extras import HEAD, format_of
from .load import ImageSource, decoding, open_image, to_rgb

MARKER_NAME = containers.NAME
FORMAT_VERSION = 2
Signed = Literal["pixels", "jpeg"]
Sign = Callable[["Marker", Signed, bytes], "Marker"]
"""Gives a marker its tag; see :meth:`hf_etc.Cipher.sign`."""
_COMPRESS_LEVEL = 2  # of PNG: 2.5 times faster than the usual 6 for photographs, files 3 % larger
_EXIF_IMAGE_DESCRIPTION = 0x010E
_PREFIX = MARKER_NAME + " "
DECRYPT_FIRST = "decrypt it first"


@dataclass(frozen=True)
class Marker:
    """The public facts about one ciphertext image.

    Attributes:
        spec: cipher and parameters.
        height, width: size in pixels before encryption; `size` is that of the ciphertext.
        cipher_id: of the key with these parameters and this size, or any size; see :meth:`hf_etc.Cipher.cipher_id`.
        nonce: 16 bytes with key_scope="image", else None.
        tag: 32 hexadecimal digits that authenticate the image under the key; "" where there is no image yet.
    """

    spec: CipherSpec
    height: int
    width: int
    cipher_id: str
    nonce: bytes | None = None
    tag: str = ""

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the ciphertext, in pixels."""
        return self.spec.output_size(self.height, self.width)

    def to_json(self) -> str:
        """The text stored in the file: compact ASCII JSON."""
        settings = self.spec.settings((self.height, self.width)).strip("{}")
        nonce = "" if self.nonce is None else f',"nonce":"{self.nonce.hex()}"'
        tag = f',"tag":"{self.tag}"' if self.tag else ""
        return f'{{"{MARKER_NAME}":{FORMAT_VERSION},{settings},"id":"{self.cipher_id}"{nonce}{tag}}}'

    def to_dict(self) -> dict[str, Any]:
        """What images that were encrypted alike have in common: all parameters, the size and the id."""
        size = {"height": self.height, "width": self.width}
        return self.spec.to_dict() | size | {"cipher_id": self.cipher_id}

    @classmethod
    def from_json(cls, text: str) -> "Marker":
        """Read a marker; it must be, character for character, what :meth:`to_json` writes.

        Raises:
            MarkerError: damaged, or of another version.
        """
        try:
            values = json.loads(text)
            if values[MARKER_NAME] != FORMAT_VERSION:
                raise MarkerError(f"marker version {values[MARKER_NAME]!r} is unknown; upgrade hf-etc")
            marker = cls._from_values(values)
            if marker.to_json() != text:
                raise ValueError("not in its one form")
            return marker
        except MarkerError:
            raise
        except (EtcError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
            raise MarkerError(f"the ciphertext marker is damaged ({reason}); encrypt the image again") from None

    @classmethod
    def _from_values(cls, values: dict[str, Any]) -> "Marker":
        del values[MARKER_NAME]
        height, width = values.pop("height"), values.pop("width")
        nonce = _hex(values.pop("nonce"), NONCE_BYTES, "nonce") if "nonce" in values else None
        id_, tag = _hex(values.pop("id"), 16, "id"), _hex(values.pop("tag"), 16, "tag")
        spec = spec_from_dict(values)
        if type(height) is not int or type(width) is not int:
            raise ValueError("height or width")
        spec.check_size(height, width)
        spec.check_nonce(None if nonce is None else bytes.fromhex(nonce))
        return cls(spec, height, width, id_, None if nonce is None else bytes.fromhex(nonce), tag)


@dataclass(frozen=True)
class Ciphertext:
    """A ciphertext image that was opened, and not yet decoded.

    Attributes:
        marker: what it says of itself.
        signed: what the marker's tag covers: "pixels", or the compressed data of "jpeg".
    """

    marker: Marker
    signed: Signed
    _image: bytes | Image.Image

    def pixels(self) -> np.ndarray:
        """The encrypted pixels, uint8 (H,W,3).

        Raises:
            ImageError: they cannot be decoded.
        """
        return self._pixels

    @cached_property
    def _pixels(self) -> np.ndarray:
        """Decoded once: the tag of a lossless file covers them, and then they are decrypted."""
        return np.asarray(open_image(self._image))

    def data(self) -> bytes:
        """The bytes that the tag covers.

        Raises:
            AuthenticationError: a JPEG that was decoded before it came here.
        """
        if self.signed == "pixels":
            return self.pixels().tobytes()
        if isinstance(self._image, Image.Image):
            raise AuthenticationError("a decoded JPEG cannot be checked; pass the bytes or the path of the file itself")
        return self._image


def read_ciphertext(source: ImageSource) -> Ciphertext:
    """Open a ciphertext: its path, its bytes, or a PIL image opened from it. Pixels are not decoded.

    Raises:
        ImageError: not a readable image.
        NotACiphertextError: a plain image.
        MarkerError: the marker is damaged or there are several, or the pixels are not 8-bit RGB.
        GeometryError: the image was resized after encryption.
    """
    if isinstance(source, Image.Image):
        return _from_pil(source)
    data = _file_bytes(source)
    if containers.kind_of(data) is None:
        if format_of(data[:HEAD]) is None:
            with decoding("the image" if isinstance(source, bytes) else str(source)):
                Image.open(io.BytesIO(data)).close()
        raise NotACiphertextError("this is a plain image (no hf-etc marker); encrypt it first")
    facts = containers.inspect(data)
    check_size(facts.height, facts.width, "the image")
    if facts.animated:
        raise ImageError("the image is animated, a ciphertext is not; extract one frame and encrypt it")
    marker = _marker_of(facts.labels, facts.misplaced)
    if marker is None:
        raise NotACiphertextError("this is a plain image (no hf-etc marker); encrypt it first")
    _check_image(marker, facts.is_rgb, (facts.height, facts.width))
    return Ciphertext(marker, "jpeg", facts.bare) if facts.kind == "jpeg" else Ciphertext(marker, "pixels", data)


def read_marker(source: ImageSource) -> Marker | None:
    """The marker of an image, or None for a plain one.

    Args:
        source: the path or bytes of a file, or a PIL image. Of a PIL image only what Pillow kept is seen: of two
            texts in a PNG the last one. Prefer the file.

    Raises:
        MarkerError: there is a marker and it is damaged or misplaced, or there are several.
        ImageError: the file or its EXIF data is damaged.
    """
    if isinstance(source, Image.Image):
        return _marker_of(*_pil_labels(source))
    data = _file_bytes(source)
    if containers.kind_of(data) is None:
        return None
    facts = containers.inspect(data)
    return _marker_of(facts.labels, facts.misplaced)


def load_plain(source: ImageSource, remedy: str = DECRYPT_FIRST, window: str | None = None) -> Image.Image:
    """A picture that is about to be encrypted, as :func:`hf_etc.load_rgb` gives it.

    Args:
        source: path, bytes of an image file, or PIL image.
        remedy: what the error for a ciphertext tells the user to do.
        window: of pictures with more than 8 bits, see :func:`hf_etc.load_rgb`.

    Raises:
        AlreadyEncryptedError: it is a ciphertext.
        MarkerError: it carries a damaged marker.
        ImageError: see :func:`hf_etc.load_rgb`.
    """
    opened = open_image(source, plain=True, window=window)  # whole: some markers stand behind the pixels
    try:
        marker = read_marker(source)
    except ImageError:  # Pillow reads it all the same
        marker = read_marker(opened)
    if (marker or read_marker(opened)) is not None:
        raise AlreadyEncryptedError(f"this image is encrypted already; {remedy}")
    return to_rgb(source, opened, window)


def encode_ciphertext(
    pixels: np.ndarray,
    marker: Marker,
    sign: Sign,
    format: ImageFormat | Encoding = "png",
    quality: int = JPEG_QUALITY,
    subsampling: Subsampling = "4:4:4",
) -> bytes:
    """Write encrypted pixels as an image file with its marker; :meth:`hf_etc.Cipher.seal` encrypts, too.

    Args:
        pixels: uint8 (H,W,3), already encrypted.
        marker: how they were encrypted.
        sign: gives the marker its tag, such as ``cipher.sign``.
        format, quality, subsampling: see :class:`hf_etc.encoding.Encoding`, which may stand for all three.

    Returns:
        The file's bytes.

    Raises:
        ParameterError: unknown format, quality or subsampling.
        GeometryError: the pixels do not have the marker's size.
    """
    check_pixels(pixels)
    check_marked_size(pixels.shape[:2], marker)
    encoding = Encoding.of(format, quality, subsampling)
    if encoding.format == "jpeg":
        bare = _jpeg(pixels, encoding)
        text = _PREFIX + sign(marker, "jpeg", bare).to_json()
        return containers.with_jpeg_comment(bare, text.encode("ascii"))
    image, buffer = Image.fromarray(pixels), io.BytesIO()
    text = sign(marker, "pixels", pixels.tobytes()).to_json()
    if encoding.format == "png":
        chunk = PngInfo()
        chunk.add_text(MARKER_NAME, text)
        image.save(buffer, "PNG", pnginfo=chunk, compress_level=_COMPRESS_LEVEL)
    else:
        exif = Image.Exif()
        exif[_EXIF_IMAGE_DESCRIPTION] = _PREFIX + text
        image.save(buffer, "WEBP", lossless=True, exact=True, exif=exif.tobytes())
    return buffer.getvalue()


def as_received(pixels: np.ndarray, encoding: Encoding) -> np.ndarray:
    """Encrypted pixels, uint8 (H,W,3) or (N,H,W,3), as they come out of files of this encoding: JPEG changes them."""
    if encoding.format != "jpeg":
        return pixels
    if pixels.ndim == 4:
        return np.stack([as_received(one, encoding) for one in pixels])
    return np.asarray(Image.open(io.BytesIO(_jpeg(pixels, encoding))))


def decode_ciphertext(source: ImageSource) -> tuple[np.ndarray, Marker]:
    """Read a ciphertext image file, or a PIL image opened from one, as a server does: without checking its tag.

    Returns:
        The encrypted pixels, uint8 (H,W,3), and the marker.

    Raises:
        ImageError, NotACiphertextError, MarkerError, GeometryError: as for :func:`read_ciphertext`.
    """
    ciphertext = read_ciphertext(source)
    return ciphertext.pixels(), ciphertext.marker


def check_marked_size(found: tuple[int, int], marker: Marker) -> None:
    """Raise GeometryError when a ciphertext no longer has the (height, width) that encryption gave it."""
    if found != marker.size:
        sizes = f"encrypted at {marker.size[0]}x{marker.size[1]}, now {found[0]}x{found[1]}"
        raise GeometryError(
            f"the ciphertext was resized or cropped after encryption ({sizes}); resize before encrypting"
        )


def _jpeg(pixels: np.ndarray, encoding: Encoding) -> bytes:
    """A JPEG file without metadata: Pillow writes none unasked."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=encoding.quality, subsampling=encoding.subsampling)
    return buffer.getvalue()


def _hex(value: Any, size: int, name: str) -> str:
    if not isinstance(value, str) or not re.fullmatch(rf"[0-9a-f]{{{2 * size}}}", value):
        raise ValueError(name)
    return value


def _marker_of(labels: list[bytes], misplaced: int = 0) -> Marker | None:
    if len(labels) > 1:
        raise MarkerError(f"the image has {len(labels)} hf-etc markers, it must have one; encrypt it again")
    if misplaced:
        raise MarkerError("the hf-etc marker of the image is not in its place; encrypt it again")
    return Marker.from_json(labels[0].decode("latin-1")) if labels else None


def _check_image(marker: Marker, is_rgb: bool, size: tuple[int, int]) -> None:
    if not is_rgb:
        raise MarkerError("a ciphertext is 8-bit RGB, this image is not; encrypt it again")
    check_marked_size(size, marker)


def _from_pil(image: Image.Image) -> Ciphertext:
    opened = open_image(image)
    marker = read_marker(opened)
    if marker is None:
        raise NotACiphertextError("this is a plain image (no hf-etc marker); encrypt it first")
    _check_image(marker, opened.mode == "RGB", (opened.height, opened.width))
    return Ciphertext(marker, "jpeg" if opened.format in ("JPEG", "MPO") else "pixels", opened)


def _pil_labels(image: Image.Image) -> tuple[list[bytes], int]:
    """What Pillow kept of the labels of a file, and how many of them are not in their place."""
    segments = [content for name, content in getattr(image, "applist", ()) if name == "COM"]
    comment = image.info.get("comment", b"")
    comments = segments or [comment if isinstance(comment, bytes) else str(comment).encode("latin-1", "replace")]
    labels = [text.removeprefix(containers.PREFIX) for text in comments if text.startswith(containers.PREFIX)]
    if MARKER_NAME in image.info:
        labels.append(str(image.info[MARKER_NAME]).encode("latin-1", "replace"))
    misplaced = 0
    if "exif" in image.info:
        texts = containers.descriptions(image.info["exif"])
        described = [text.removeprefix(containers.PREFIX) for text in texts if text.startswith(containers.PREFIX)]
        labels += described
        misplaced = len(described) if image.format in ("PNG", "JPEG", "MPO") else 0
    return labels, misplaced


def _file_bytes(source: Any) -> bytes:
    if isinstance(source, bytes):
        return source
    with decoding(str(source)):
        return Path(source).read_bytes()
