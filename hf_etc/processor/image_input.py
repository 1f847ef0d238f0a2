"""The many forms in which the transformers libraries hand over an image, reduced to what Pillow opens."""

import base64
import binascii
import http.client
import os
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from PIL import Image
from transformers.image_utils import ChannelDimension
from transformers.utils import is_torch_tensor

from ..errors import ImageError
from ..images.load import ImageSource

_TIMEOUT = 60  # seconds to wait for a picture from the web
_LONGEST_SHOWN = 80  # characters of a path or text in an error, which must not print a whole picture


def to_list(images: Any) -> list[Any]:
    """Single images out of any nesting of lists and batches.

    Raises:
        ImageError: no image at all, or something that cannot be one.
    """
    flat = list(_flatten(images))
    if not flat:
        raise ImageError("the batch is empty; pass at least one image")
    return flat


def is_array(image: Any) -> bool:
    """True for NumPy arrays and torch tensors: pixels without a place for a marker."""
    return isinstance(image, np.ndarray) or is_torch_tensor(image)


def to_source(image: Any, input_data_format: Any = None) -> ImageSource:
    """One image as :func:`hf_etc.images.load.open_image` takes it.

    Raises:
        ImageError: an array that is not uint8 or has no clear channel axis; a URL or text without an image.
    """
    if is_array(image):
        array = image if isinstance(image, np.ndarray) else image.detach().cpu().numpy()
        return _array_to_pil(array, input_data_format)
    if isinstance(image, str) and not os.path.isfile(image):  # noqa: PTH113, Path raises on very long text
        return _fetch(image)
    return image


def _flatten(images: Any) -> Iterator[Any]:
    if isinstance(images, (list, tuple)):
        for image in images:
            yield from _flatten(image)
    elif is_array(images) and images.ndim == 4:
        yield from images
    elif is_array(images) and images.ndim != 3:
        raise ImageError(f"expected an array (H,W,C), (C,H,W) or a batch of those, got shape {tuple(images.shape)}")
    elif isinstance(images, Mapping) and {"bytes", "path"} <= images.keys():  # as datasets stores an image
        yield from _flatten(images["path"] if images["bytes"] is None else images["bytes"])
    elif is_array(images) or isinstance(images, (str, os.PathLike, bytes, Image.Image)):
        yield images
    else:
        raise ImageError(f"cannot use a {type(images).__name__} as an image; pass a PIL image, path, bytes or array")


def _array_to_pil(array: np.ndarray, input_data_format: Any) -> Image.Image:
    if array.dtype != np.uint8:
        raise ImageError(f"pixels must be uint8, not {array.dtype}; scale to 0..255 and round first")
    first, last = (array.shape[axis] in (1, 3, 4) for axis in (0, 2))
    if input_data_format is not None:
        first, last = (input_data_format == layout.value for layout in (ChannelDimension.FIRST, ChannelDimension.LAST))
    if first == last:
        remedy = "pass input_data_format='channels_first' or 'channels_last'"
        raise ImageError(f"cannot tell the channel axis of an array of shape {array.shape}; {remedy}")
    pixels = np.ascontiguousarray(np.moveaxis(array, 0, -1) if first else array)
    if pixels.shape[-1] not in (1, 3, 4):
        raise ImageError(f"expected 1, 3 or 4 channels, got an array of shape {array.shape}")
    return Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)


def _fetch(text: str) -> str | bytes:
    """The file behind a URL, a data URI or base64 text; other text is a path, for open_image to refuse."""
    shown = text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."
    try:
        if text.startswith(("http://", "https://")):
            with urllib.request.urlopen(text, timeout=_TIMEOUT) as response:
                return response.read()
        if text.startswith("data:image/") or len(text) > _LONGEST_SHOWN:
            payload = text.partition(",")[2] if text.startswith("data:") else text
            return base64.b64decode("".join(payload.split()), validate=True)
    except (OSError, http.client.HTTPException, binascii.Error, ValueError) as error:
        raise ImageError(f"no image at {shown}: {error}; pass a file, a URL or base64 text") from None
    return text
