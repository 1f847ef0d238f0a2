"""Reading what is audited: plain pictures brought to one size, or ciphertexts of one kind."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..cipher import CipherSpec
from ..data.batches import image_source
from ..data.check import stored_images
from ..data.convert.source import IMAGE_SUFFIXES, files_below, kind_of, read_splits
from ..errors import EtcError, ImageError, NotACiphertextError, ParameterError
from ..files import place
from ..images.ciphertext import Ciphertext, Marker, read_ciphertext
from ..images.load import load_rgb
from ..images.prepare import Preparation

DEFAULT_SIZE = (224, 224)
_LARGEST_OWN = 256  # pixels; a common size up to this is kept
_Named = tuple[str, Any]


@dataclass(frozen=True, repr=False)
class Pictures:
    """What was read from a source.

    Attributes:
        pixels: uint8 (N,H,W,3), all plain or all ciphertexts.
        marker: None for plain pictures; of ciphertexts what their markers share, without nonces and tags.
        ciphertexts: as they were opened, with their own markers.
        names: of the images.
        remarks: what the user should know of how they were read, one sentence each.
    """

    pixels: np.ndarray
    marker: Marker | None = None
    ciphertexts: tuple[Ciphertext, ...] = ()
    names: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass
class _Found:
    """Opened images by kind, and what could not be opened."""

    plain: list[tuple[str, Image.Image]] = field(default_factory=list)
    ciphertexts: list[tuple[str, Ciphertext, np.ndarray]] = field(default_factory=list)
    bad: list[str] = field(default_factory=list)


def read_pictures(
    source: str | Path,
    spec: CipherSpec,
    *,
    limit: int,
    size: tuple[int, int] | None = None,
    window: str | None = None,
    split: str | None = None,
    column: str | None = None,
    seed: int = 0,
) -> Pictures:
    """Read up to `limit` images, drawn at random from all, as one array.

    Args:
        source: an image file, a folder of images, or a dataset; see :func:`hf_etc.data.convert.convert`.
        spec: the cipher to audit; plain pictures are brought to a size that fits its blocks.
        limit: of images.
        size: (height, width) of plain pictures in pixels. None keeps a common size that fits the cipher, up
            to 256x256; else 224x224.
        window: of pictures with more than 8 bits, see :func:`hf_etc.load_rgb`.
        split, column: of a dataset.
        seed: of the draw.

    Raises:
        ImageError: nothing readable is there.
        ParameterError: plain pictures and ciphertexts together, or a dataset that cannot be loaded.
        GeometryError: the size does not fit the cipher's blocks.
    """
    total, drawn = _draw(str(source), split, column, limit, seed)
    preparation = Preparation(window=window)
    found = _open(drawn, preparation.window)
    first_bad = found.bad[0] if found.bad else ""
    if found.plain and found.ciphertexts:
        raise ParameterError(
            f"{source} holds plain pictures ({found.plain[0][0]}) and ciphertexts ({found.ciphertexts[0][0]}); "
            "point at one of the two"
        )
    if not found.plain and not found.ciphertexts:
        raise ImageError(f"none of the images of {source} can be read ({len(found.bad)}); the first: {first_bad}")
    remarks = []
    if len(drawn) < total:
        remarks.append(f"{len(drawn)} of {total} images were drawn at random (seed {seed}).")
    if found.bad:
        remarks.append(f"Left out, since they cannot be read: {len(found.bad)}; the first: {first_bad}.")
    read = _plain(found, spec, size) if found.plain else _ciphertexts(found, size)
    return replace(read, remarks=(*remarks, *read.remarks))


def _draw(source: str, split: str | None, column: str | None, limit: int, seed: int) -> tuple[int, list[_Named]]:
    """How many images there are, and a random choice of them, named but not opened, in stored order."""
    kind, path = kind_of(source), place(source)
    if kind == "file":
        return 1, [(path.name, path)]
    if kind == "tree":
        names = [name for name in files_below(path) if name.suffix.lower() in IMAGE_SUFFIXES]
        return len(names), [(str(names[i]), path / names[i]) for i in _choice(len(names), limit, seed)]
    splits = read_splits(source, split)
    rows = [(name, row) for name, part in splits.items() for row in range(len(part))]
    chosen = [rows[i] for i in _choice(len(rows), limit, seed)]
    drawn: list[_Named] = []
    for name, part in splits.items():
        mine = [row for of, row in chosen if of == name]
        values = stored_images(part.select(mine), column) if mine else ()
        drawn += [(f"{name} row {row}", value) for row, value in zip(mine, values, strict=True)]
    return len(rows), drawn


def _choice(count: int, limit: int, seed: int) -> list[int]:
    return sorted(random.Random(seed).sample(range(count), min(limit, count)))


def _open(images: Sequence[_Named], window: str | None) -> _Found:
    found = _Found()
    for name, value in images:
        try:
            source = value if isinstance(value, Path) else image_source(value)
            try:
                ciphertext = read_ciphertext(source)
                found.ciphertexts.append((name, ciphertext, ciphertext.pixels()))
            except NotACiphertextError:
                found.plain.append((name, load_rgb(source, window)))
        except EtcError as error:
            text = str(error).splitlines()[0].replace(str(value) if isinstance(value, Path) else "the image", name)
            found.bad.append(text if name in text else f"{name}: {text}")
    return found


def _plain(found: _Found, spec: CipherSpec, size: tuple[int, int] | None) -> Pictures:
    names, images = zip(*found.plain, strict=True)
    sizes = Counter((image.height, image.width) for image in images)
    remarks = []
    if size is None:
        size, why = _own_size(sizes, spec)
        if why:
            remarks.append(f"{why}: each was scaled and cropped to {size[0]}x{size[1]} pixels; choose with --size.")
    spec.check_size(*size)
    kept, pixels = [], []
    for name, image in zip(names, images, strict=True):
        try:
            pixels.append(Preparation(size).apply(image, spec.grid))
            kept.append(name)
        except EtcError as error:  # an extreme aspect ratio
            remarks.append(f"{name} was left out: {error}.")
    if not pixels:
        raise ImageError(f"no picture can be brought to {size[0]}x{size[1]}: {remarks[-1]}")
    return Pictures(np.stack(pixels), names=tuple(kept), remarks=tuple(remarks))


def _own_size(sizes: Counter, spec: CipherSpec) -> tuple[tuple[int, int], str]:
    """The size to audit at, and why it is not the pictures' own, or ""."""
    if len(sizes) > 1:
        return DEFAULT_SIZE, f"The pictures have {len(sizes)} different sizes"
    size = next(iter(sizes))
    try:
        spec.check_size(*size)
    except EtcError:
        return DEFAULT_SIZE, f"The pictures' size, {size[0]}x{size[1]}, does not fit the cipher's blocks"
    if max(size) > _LARGEST_OWN:
        return DEFAULT_SIZE, f"The pictures are large ({size[0]}x{size[1]})"
    return size, ""


def _ciphertexts(found: _Found, size: tuple[int, int] | None) -> Pictures:
    if size is not None:
        raise ParameterError("ciphertexts cannot be resized; leave --size out")
    kinds = Counter(_kind(one) for _, one, _ in found.ciphertexts)
    marker, count = kinds.most_common(1)[0]
    remarks = []
    if len(kinds) > 1:
        remarks.append(
            f"{len(found.ciphertexts) - count} ciphertexts of other keys, sizes or parameters were left out; "
            f"the {count} of the most frequent kind were audited."
        )
    names, same, pixels = zip(*(one for one in found.ciphertexts if _kind(one[1]) == marker), strict=True)
    return Pictures(np.stack(pixels), marker, same, names, tuple(remarks))


def _kind(ciphertext: Ciphertext) -> Marker:
    return replace(ciphertext.marker, nonce=None, tag="")
