"""How the images of a dataset are encrypted, read from their markers without a key."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

from ..errors import EtcError, ImageError, ParameterError
from ..images.ciphertext import Marker, read_ciphertext
from ..images.containers import kind_of
from .batches import image_source
from .columns import image_column, image_features, looks_like_image, refuse_lazy_transform


def common_marker(dataset: Any, column: str | None = None, limit: int | None = None) -> Marker:
    """Check that every image of a dataset is a ciphertext, all of one kind, and say of which.

    Reads the headers of the image files alone, thousands of images per second.

    Args:
        dataset: a Dataset or IterableDataset, or a dictionary of splits.
        column: the image column; None finds it when there is exactly one.
        limit: look at the first `limit` rows of each split only; a stream is read up to there.

    Returns:
        Cipher, size and id shared by all; nonces and tags, which differ, are left out. Where each image has its own
        key, they may be of several owners, or of none: the id is "" then.

    Raises:
        NotACiphertextError: a plain image; the error names the row.
        ParameterError: the images were encrypted in different ways, or the dataset has a lazy transform: what it
            shows may be encrypted, what it stores is not.
        ImageError: a row without a readable image, or no rows at all.
        MarkerError, GeometryError: a damaged marker, or an image resized after encryption.

    Example:
        >>> from datasets import Dataset
        >>> from PIL import Image
        >>> from hf_etc import EncryptImages, EtcKey
        >>> plain = Dataset.from_dict({"image": [Image.new("RGB", (32, 48))]})
        >>> marker = common_marker(plain.map(EncryptImages(EtcKey.generate()), batched=True))
        >>> marker.height, marker.width
        (48, 32)
    """
    parts = dataset.items() if isinstance(dataset, dict) else [("", dataset)]
    common: Marker | None = None
    for split, part in parts:
        for row, image in enumerate(islice(stored_images(part, column), limit)):
            name = f"{split} row {row}".lstrip()
            try:
                marker = common_part(peek(image)[0])
            except EtcError as error:
                raise type(error)(f"{name}: {error}") from None
            if common is None:
                common = marker
            elif marker.spec.key_scope == "image" and marker.cipher_id != common.cipher_id:
                common, marker = replace(common, cipher_id=""), replace(marker, cipher_id="")
            if marker != common:
                fact, *values = first_difference(marker.to_dict(), common.to_dict())
                here, there = ("its default" if value is None else value for value in values)
                raise ParameterError(f"{name} has {fact} {here}, the first image {there}; encrypt them in one way")
    if common is None:
        raise ImageError("the dataset has no rows")
    return common


def common_part(marker: Marker) -> Marker:
    """A marker without what may differ from image to image: nonce, tag, and whether anybody has the key."""
    id_ = "" if marker.spec.disposable else marker.cipher_id
    return replace(marker, spec=marker.spec.with_kept_key(), cipher_id=id_, nonce=None, tag="")


def first_difference(one: dict[str, Any], other: dict[str, Any]) -> tuple[str, Any, Any]:
    """The name of the first member in which two different dictionaries differ, and its two values.

    Example:
        >>> first_difference({"a": 1, "b": 2}, {"a": 1, "b": 3})
        ('b', 2, 3)
    """
    name = next(name for name in [*one, *other] if one.get(name) != other.get(name))
    return name, one.get(name), other.get(name)


def peek(image: Any) -> tuple[Marker, str]:
    """The marker and the file format of one value of an image column; pixels are not decoded.

    Raises:
        NotACiphertextError: a plain image.
        ImageError: no readable image.
        MarkerError, GeometryError: a damaged marker, or an image resized after encryption.
    """
    source = image_source(image)
    marker = read_ciphertext(source).marker
    return marker, (kind_of(source) if isinstance(source, bytes) else source.format) or ""


def stored_images(dataset: Any, column: str | None) -> Iterator[Any]:
    from datasets import Image as ImageFeature

    refuse_lazy_transform(dataset)
    if dataset.features is None:
        first: dict[str, Any] = next(iter(dataset), {})
        column = image_column(first, [name for name, value in first.items() if looks_like_image(value)], column)
        return (row[column] for row in dataset)
    column = image_column(dataset.features, image_features(dataset.features), column)
    dataset = dataset.select_columns([column]).cast_column(column, ImageFeature(decode=False))
    return (image for batch in dataset.iter(batch_size=100) for image in batch[column])
