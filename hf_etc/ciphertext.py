"""Ciphertext image files: PNG, lossless WebP or JPEG with a public marker (docs/spec.md, section 5).

The marker says how an image was encrypted, never with what secret: with it, decryption needs the key
alone, and a server can tell a ciphertext from a plain picture. It is a label, not a signature.
"""

import io
import json
import re
from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from .ciphers.base import NONCE_BYTES, CipherSpec, spec_from_dict
from .errors import EtcError, MarkerError, NotACiphertextError, ParameterError
from .images import ImageSource, check_marked_size, decoding, open_image
from .plan import check_pixels

MARKER_NAME = "hf-etc"
MARKER_VERSION = 1
ImageFormat = Literal["png", "webp", "jpeg"]
Subsampling = Literal["4:4:4", "4:2:0"]
_COMPRESS_LEVEL = 2  # of PNG: 2.5 times faster than the usual 6 for photographs, files 3 % larger
_EXIF_IMAGE_DESCRIPTION = 0x010E
_PREFIX = MARKER_NAME + " "


@dataclass(frozen=True)
class Marker:
    """The public facts about one ciphertext image.

    Attributes:
        spec: cipher and parameters.
        height, width: size in pixels at encryption.
        key_id: of the key used.
        nonce: 16 bytes with key_scope="image", else None.
    """

    spec: CipherSpec
    height: int
    width: int
    key_id: str
    nonce: bytes | None = None

    def to_json(self) -> str:
        """Compact ASCII JSON, the text stored in the file."""
        values = {
            MARKER_NAME: MARKER_VERSION,
            **self.spec.to_dict(),
            "height": self.height,
            "width": self.width,
            "key_id": self.key_id,
        }
        if self.nonce is not None:
            values["nonce"] = self.nonce.hex()
        return json.dumps(values, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> "Marker":
        """Read and check a marker.

        Raises:
            MarkerError: damaged, or of another version.
        """
        try:
            values = json.loads(text)
            version = values.pop(MARKER_NAME)
            if version != MARKER_VERSION:
                raise MarkerError(f"marker version {version!r} is unknown; upgrade hf-etc")
            height, width, key_id = values.pop("height"), values.pop("width"), values.pop("key_id")
            has_nonce, nonce = "nonce" in values, values.pop("nonce", None)
            spec = spec_from_dict(values)
            if type(version) is not int or values != spec.to_dict():  # a default must not fill a missing member
                raise ValueError("members")
            if type(height) is not int or type(width) is not int or not re.fullmatch(r"[0-9a-f]{16}", key_id):
                raise ValueError("height, width or key_id")
            if has_nonce != (spec.key_scope == "image"):
                raise ValueError("nonce")
            if has_nonce and not re.fullmatch(rf"[0-9a-f]{{{2 * NONCE_BYTES}}}", nonce):
                raise ValueError("nonce")
            spec.check_size(height, width)
            return cls(spec, height, width, key_id, None if nonce is None else bytes.fromhex(nonce))
        except MarkerError:
            raise
        except (EtcError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise MarkerError(f"the ciphertext marker is damaged ({error}); encrypt the image again") from None


def read_marker(image: Image.Image) -> Marker | None:
    """The marker of an opened image, or None for a plain one.

    Raises:
        MarkerError: there is a marker and it is damaged.
        ImageError: the EXIF data is damaged.
    """
    text = _marker_text(image)
    return None if text is None else Marker.from_json(text)


def encode_ciphertext(
    pixels: np.ndarray,
    marker: Marker,
    format: ImageFormat = "png",
    quality: int = 85,
    subsampling: Subsampling = "4:4:4",
) -> bytes:
    """Write encrypted pixels as an image file with its marker.

    Args:
        pixels: uint8 (H,W,3), already encrypted.
        marker: how they were encrypted.
        format: "png" and "webp" are lossless, "jpeg" is lossy (paper section IV-C).
        quality: JPEG quality 1..100; the paper uses 85 and 80.
        subsampling: of JPEG's chroma. "4:2:0" smears colour over block borders and costs accuracy.

    Returns:
        The file's bytes.

    Raises:
        ParameterError: unknown format, quality or subsampling.
        GeometryError: the pixels do not have the marker's size.
    """
    check_pixels(pixels)
    check_marked_size(pixels.shape[:2], (marker.height, marker.width))
    check_format(format, quality, subsampling)
    image, text, buffer = Image.fromarray(pixels), marker.to_json(), io.BytesIO()
    if format == "png":
        chunk = PngInfo()
        chunk.add_text(MARKER_NAME, text)
        image.save(buffer, "PNG", pnginfo=chunk, compress_level=_COMPRESS_LEVEL)
    elif format == "webp":
        exif = Image.Exif()
        exif[_EXIF_IMAGE_DESCRIPTION] = _PREFIX + text
        image.save(buffer, "WEBP", lossless=True, exact=True, exif=exif.tobytes())
    else:
        image.save(buffer, "JPEG", quality=quality, subsampling=subsampling, comment=(_PREFIX + text).encode("ascii"))
    return buffer.getvalue()


def decode_ciphertext(source: ImageSource) -> tuple[np.ndarray, Marker]:
    """Read a ciphertext image file, or a PIL image opened from one.

    Returns:
        The encrypted pixels, uint8 (H,W,3), and the marker.

    Raises:
        ImageError: not a readable image.
        NotACiphertextError: a plain image.
        MarkerError: the marker is damaged.
        GeometryError: the image was resized after encryption.
    """
    image = open_image(source)
    marker = read_marker(image)
    if marker is None:
        raise NotACiphertextError("this is a plain image (no hf-etc marker); encrypt it first")
    check_marked_size((image.height, image.width), (marker.height, marker.width))
    if image.mode != "RGB":
        raise MarkerError(f"a ciphertext is RGB, this one has mode {image.mode}; encrypt the image again")
    return np.asarray(image), marker


def check_format(format: str, quality: int, subsampling: str) -> None:
    """Raise ParameterError unless :func:`encode_ciphertext` can write this."""
    if format not in ("png", "webp", "jpeg"):
        raise ParameterError(f"format {format!r}: use png, webp or jpeg")
    if type(quality) is not int or not 1 <= quality <= 100:
        raise ParameterError(f"quality {quality!r}: use a whole number from 1 to 100")
    if subsampling not in ("4:4:4", "4:2:0"):
        raise ParameterError(f"subsampling {subsampling!r}: use 4:4:4 or 4:2:0")


def _marker_text(image: Image.Image) -> str | None:
    if MARKER_NAME in image.info:
        return str(image.info[MARKER_NAME])
    comment = image.info.get("comment", b"")
    texts = [comment.decode("latin-1") if isinstance(comment, bytes) else str(comment)]
    if "exif" in image.info:
        with decoding("the EXIF data of the image"):
            texts.append(str(image.getexif().get(_EXIF_IMAGE_DESCRIPTION, "")))
    return next((text.removeprefix(_PREFIX) for text in texts if text.startswith(_PREFIX)), None)
