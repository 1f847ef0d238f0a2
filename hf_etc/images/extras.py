"""Pictures in formats of optional packages: DICOM (pydicom) and HEIC (pillow-heif). Only owners of pictures open them.

Of a DICOM file nothing but its pixels is used, and errors quote nothing of it: the rest may name a patient.
"""

import io
import os
import warnings
from typing import Any

import numpy as np
from PIL import Image

from ..errors import ImageError, missing_extra
from .bounds import check_size
from .window import FULL, limits, missing, to_bytes

HEAD = 132  # bytes that tell the format
_HEIC = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}


def format_of(head: bytes) -> str | None:
    """The format of a file that begins so, "DICOM" or "HEIC"; None for any other."""
    if head[128:HEAD] == b"DICM":
        return "DICOM"
    return "HEIC" if head[4:8] == b"ftyp" and head[8:12] in _HEIC else None


def open_extra(source: str | os.PathLike | bytes, format: str, name: str, window: str | None) -> Image.Image:
    """Open a file of one of these formats.

    Args:
        source: its path or content.
        format: from :func:`format_of`.
        name: of the picture, in errors.
        window: of a DICOM file, see :mod:`hf_etc.images.window`.

    Returns:
        HEIC as Pillow opens files, not decoded yet; of DICOM the pixels alone, mode "L" or "RGB".

    Raises:
        MissingExtraError: the package is not installed.
        ImageError: no single picture of a known kind, or no window.
    """
    file = io.BytesIO(source) if isinstance(source, bytes) else source
    if format == "DICOM":
        return _dicom(file, name, window)
    try:
        from pillow_heif import HeifImageFile
    except ImportError:
        raise missing_extra(f"{name} is a HEIC picture", "heic") from None
    return HeifImageFile(file)


def _dicom(file: Any, name: str, window: str | None) -> Image.Image:
    try:
        import pydicom
        from pydicom.pixels import pixel_array
    except ImportError:
        raise missing_extra(f"{name} is a DICOM file", "dicom") from None

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they quote what stands in the file
        try:
            dataset = pydicom.dcmread(file)
            frames = int(dataset.get("NumberOfFrames") or 1)
            kind, bits = str(dataset.get("PhotometricInterpretation", "")), int(dataset.get("BitsStored", 0))
            rows, columns = int(dataset.get("Rows", 0)), int(dataset.get("Columns", 0))
        except Exception as error:
            raise ImageError(f"{name} is a damaged DICOM file ({type(error).__name__})") from None
        if "PixelData" not in dataset:
            raise ImageError(f"{name} is a DICOM file without a picture")
        if frames > 1:
            raise ImageError(f"{name} is a DICOM file of {frames} frames; extract one first")
        check_size(rows, columns, name)
        try:
            pixels = pixel_array(dataset)
        except Exception as error:
            syntax = dataset.file_meta.get("TransferSyntaxUID") if hasattr(dataset, "file_meta") else None
            how = getattr(syntax, "name", "no transfer syntax")
            raise ImageError(
                f"{name}: the pixels of this DICOM file cannot be decoded ({how}, {type(error).__name__}); "
                "store it without compression"
            ) from None
        if kind in ("MONOCHROME1", "MONOCHROME2"):
            shown = _gray(dataset, pixels, bits, window, name)
            return Image.fromarray(255 - shown if kind == "MONOCHROME1" else shown)
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        raise ImageError(f"{name}: of DICOM files grayscale and 8-bit RGB are read, not this; export it as PNG")
    return Image.fromarray(np.ascontiguousarray(pixels))


def _gray(dataset: Any, pixels: np.ndarray, bits: int, window: str | None, name: str) -> np.ndarray:
    """The uint8 picture of the stored values, before MONOCHROME1 is inverted."""
    from pydicom.pixels import apply_modality_lut

    if window is None and bits > 8:
        raise missing(name, f"{bits} bits per pixel")
    if window is None or window == FULL:
        least = -(1 << bits >> 1) if dataset.get("PixelRepresentation") else 0
        return ((pixels.astype(np.int64) - least << 8) >> bits).clip(0, 255).astype(np.uint8)
    try:
        values = apply_modality_lut(pixels, dataset)  # slope and intercept: windows are in units of the modality
        ends = limits(window)
        return _own(dataset, values, name) if ends is None else to_bytes(values, *ends)
    except ImageError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise ImageError(f"{name}: the window of this DICOM file is damaged ({type(error).__name__})") from None


def _own(dataset: Any, values: np.ndarray, name: str) -> np.ndarray:
    """As the file says that its values are to be seen: by its first table, or its first window (DICOM PS3.3 C.11.2)."""
    from pydicom.pixels import apply_voi

    if dataset.get("VOILUTSequence"):
        depth = int(dataset.VOILUTSequence[0].LUTDescriptor[2])
        return (apply_voi(values, dataset).astype(np.int64) << 8 >> depth).clip(0, 255).astype(np.uint8)
    if dataset.get("WindowCenter") is None or dataset.get("WindowWidth") is None:
        raise ImageError(f"{name} names no window of its own; give one, such as --window 40/400")
    center, width = (float(np.atleast_1d(dataset[tag].value)[0]) for tag in ("WindowCenter", "WindowWidth"))
    function = dataset.get("VOILUTFunction") or "LINEAR"
    if function == "SIGMOID":
        return to_bytes(1 / (1 + np.exp(-4 * (values - center) / width)), 0, 1)
    if function == "LINEAR_EXACT":
        return to_bytes(values, center - width / 2, center + width / 2)
    low, high = center - width / 2, center + width / 2 - 1
    return to_bytes(values, low, high) if high > low else np.where(values > low, 255, 0).astype(np.uint8)
