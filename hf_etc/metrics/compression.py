"""What ciphertexts cost to store: still-image codecs, file sizes of a dataset, PSNR (paper section IV-C, Table IV).

Pillow writes JPEG, JPEG 2000, WebP and lossy AVIF; JPEG-LS, JPEG XL and lossless AVIF come from
imagecodecs, the extra ``compression``.
"""

import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal

import numpy as np
from PIL import Image

from ..blocks.pixels import check_pixels
from ..encoding import Subsampling
from ..errors import GeometryError, ImageError, MissingExtraError, ParameterError, missing_extra

CodecName = Literal["jpeg", "jpeg-ls", "jpeg2000", "webp", "avif", "jpeg-xl"]
LOSSLESS_ONLY, LOSSY_ONLY = ("jpeg-ls", "jpeg2000"), ("jpeg",)
WITH_SUBSAMPLING = ("jpeg", "avif")


@dataclass(frozen=True)
class Codec:
    """One way to write an image.

    Attributes:
        name: "jpeg" (baseline, standard Huffman tables), "jpeg-ls", "jpeg2000" (reversible, a .jp2
            file), "webp", "avif" or "jpeg-xl".
        quality: 1..100. None is lossless; "jpeg" needs a value, "jpeg-ls" and "jpeg2000" take none.
        subsampling: of the chroma of "jpeg" and lossy "avif"; "4:4:4" when left out. Lossy "webp" is
            4:2:0 by its format.
        color_transform: of "jpeg2000". False (default) writes the components as they are, which
            reproduces the paper's sizes; True decorrelates them first and is smaller.

    Raises:
        ParameterError: unknown name, or an option that the codec does not have.

    Example:
        >>> str(Codec("jpeg", 85)), str(Codec("jpeg-ls"))
        ('jpeg 85 4:4:4', 'jpeg-ls')
    """

    name: CodecName
    quality: int | None = None
    subsampling: Subsampling | None = None
    color_transform: bool = False

    def __post_init__(self) -> None:
        if self.name not in _CODECS:
            raise ParameterError(f"codec {self.name!r}: use one of {', '.join(_CODECS)}")
        if self.quality is None and self.name in LOSSY_ONLY:
            raise ParameterError(f"codec {self.name!r} is lossy; give quality=1..100")
        if self.quality is not None and self.name in LOSSLESS_ONLY:
            raise ParameterError(f"codec {self.name!r} is lossless here; leave quality out")
        if self.quality is not None and (type(self.quality) is not int or not 1 <= self.quality <= 100):
            raise ParameterError(f"quality {self.quality!r}: use a whole number from 1 to 100")
        if self.color_transform and self.name != "jpeg2000":
            raise ParameterError(f"codec {self.name!r} has no color_transform; only jpeg2000 has")
        subsampled = self.name in WITH_SUBSAMPLING and self.quality is not None
        if subsampled and self.subsampling is None:
            object.__setattr__(self, "subsampling", "4:4:4")
        if self.subsampling not in (("4:4:4", "4:2:0") if subsampled else (None,)):
            remedy = "use 4:4:4 or 4:2:0" if subsampled else "leave it out (jpeg and lossy avif have it)"
            raise ParameterError(f"subsampling {self.subsampling!r} for codec {self.name!r}: {remedy}")

    def __str__(self) -> str:
        return " ".join(str(value) for value in (self.name, self.quality, self.subsampling) if value is not None)


def encode(pixels: np.ndarray, codec: Codec | CodecName, **options: Any) -> bytes:
    """Write one image.

    Args:
        pixels: uint8 (H,W,3).
        codec: a :class:`Codec`, or its name with the options of :class:`Codec`.

    Returns:
        The bytes of the image file.

    Raises:
        ParameterError: unknown codec or unsuitable option.
        ImageError: wrong dtype or layout.
        MissingExtraError: the codec needs imagecodecs.

    Example:
        >>> x = np.zeros((16, 16, 3), np.uint8)
        >>> bool((decode(encode(x, "webp"), "webp") == x).all())
        True
    """
    codec = _codec(codec, options)
    check_pixels(pixels)
    if pixels.ndim != 3:
        raise ImageError(f"encode takes one image (H,W,3), got {pixels.shape}; loop over the batch")
    return _CODECS[codec.name](pixels, codec)


def decode(data: bytes, codec: Codec | CodecName) -> np.ndarray:
    """Read one image that :func:`encode` wrote; uint8 (H,W,3).

    Raises:
        ImageError: the bytes are no such image.
        MissingExtraError: the codec needs imagecodecs.
    """
    name = codec.name if isinstance(codec, Codec) else codec
    try:
        if name == "jpeg-ls":
            pixels = _imagecodecs().jpegls_decode(data)
        elif name == "jpeg-xl":
            pixels = _imagecodecs().jpegxl_decode(data)
        else:
            pixels = np.asarray(Image.open(io.BytesIO(data), formats=[_PILLOW[name]]).convert("RGB"))
    except KeyError:
        raise ParameterError(f"codec {name!r}: use one of {', '.join(_CODECS)}") from None
    except MissingExtraError:
        raise
    except (OSError, SyntaxError, ValueError, RuntimeError) as error:
        raise ImageError(f"not a readable {name} image: {error}") from None
    return pixels


def dataset_bytes(images: Iterable[np.ndarray], codec: Codec | CodecName, **options: Any) -> int:
    """Total size of a dataset, one file per image; Table IV counts a megabyte as 10**6 bytes.

    Args:
        images: uint8 (H,W,3) arrays, or one (N,H,W,3) array.
        codec: as for :func:`encode`.

    Raises:
        ImageError, ParameterError, MissingExtraError: as for :func:`encode`.

    Example:
        >>> dataset_bytes(np.zeros((2, 16, 16, 3), np.uint8), "jpeg", quality=85) > 2 * 600  # the header alone
        True
    """
    codec = _codec(codec, options)
    return sum(len(encode(image, codec)) for image in images)


def psnr(reference: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Peak signal-to-noise ratio over all three components, in dB; infinite for equal images.

    Args:
        reference, other: uint8 (H,W,3) or (N,H,W,3), of one shape.

    Returns:
        float64, one value per image: shape () or (N,).

    Raises:
        ImageError: wrong dtype or layout.
        GeometryError: the shapes differ.

    Example:
        >>> x = np.zeros((8, 8, 3), np.uint8)
        >>> round(float(psnr(x, x + 1)), 2)
        48.13
    """
    check_pixels(reference)
    check_pixels(other)
    if reference.shape != other.shape:
        raise GeometryError(f"cannot compare shapes {reference.shape} and {other.shape}; decrypt or resize first")
    error = (reference.astype(np.int64) - other) ** 2
    with np.errstate(divide="ignore"):
        return 10 * np.log10(255**2 / error.mean(axis=(-3, -2, -1)))


def _codec(codec: Codec | CodecName, options: dict[str, Any]) -> Codec:
    if not isinstance(codec, Codec):
        return Codec(codec, **options)
    if options:
        raise ParameterError(f"{codec} has its options already; leave out {', '.join(options)}")
    return codec


def _pillow(pixels: np.ndarray, format: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format, **options)
    return buffer.getvalue()


def _imagecodecs() -> Any:
    try:
        return import_module("imagecodecs")
    except ImportError:
        raise missing_extra("JPEG-LS, JPEG XL and lossless AVIF need imagecodecs", "compression") from None


def _jpeg(pixels: np.ndarray, codec: Codec) -> bytes:
    return _pillow(pixels, "JPEG", quality=codec.quality, subsampling=codec.subsampling)


def _jpeg_ls(pixels: np.ndarray, codec: Codec) -> bytes:
    return bytes(_imagecodecs().jpegls_encode(pixels))


def _jpeg2000(pixels: np.ndarray, codec: Codec) -> bytes:
    return _pillow(pixels, "JPEG2000", irreversible=False, mct=int(codec.color_transform))


def _webp(pixels: np.ndarray, codec: Codec) -> bytes:
    if codec.quality is None:
        return _pillow(pixels, "WEBP", lossless=True, exact=True)
    return _pillow(pixels, "WEBP", quality=codec.quality)


def _avif(pixels: np.ndarray, codec: Codec) -> bytes:
    if codec.quality is None:  # Pillow always converts to YCbCr, which rounds
        return bytes(_imagecodecs().avif_encode(pixels, level=100, speed=6, numthreads=1))
    return _pillow(pixels, "AVIF", quality=codec.quality, subsampling=codec.subsampling, max_threads=1)


def _jpeg_xl(pixels: np.ndarray, codec: Codec) -> bytes:
    lossless = codec.quality is None
    return bytes(_imagecodecs().jpegxl_encode(pixels, level=codec.quality, lossless=lossless, numthreads=1))


_PILLOW = {"jpeg": "JPEG", "jpeg2000": "JPEG2000", "webp": "WEBP", "avif": "AVIF"}
_CODECS: dict[str, Callable[[np.ndarray, Codec], bytes]] = {
    "jpeg": _jpeg,
    "jpeg-ls": _jpeg_ls,
    "jpeg2000": _jpeg2000,
    "webp": _webp,
    "avif": _avif,
    "jpeg-xl": _jpeg_xl,
}
