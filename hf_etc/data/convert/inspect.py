"""What the images of a file, folder or dataset say about themselves; no key is needed."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ...errors import EtcError, NotACiphertextError
from ...files import place
from ..check import peek
from .source import IMAGE_SUFFIXES, files_below, kind_of, read_splits

_EXAMPLES = 10
_PATIENCE = 2  # seconds without a bar


@dataclass
class Inspection:
    """Counts of ciphertexts by their public facts, of plain images, and of what cannot be read.

    Attributes:
        ciphertexts: number of images by the JSON text of their common facts (a lone file's includes its nonce).
        plain, unreadable: number of images.
        examples: the first of the plain and unreadable ones, with the reason.
    """

    ciphertexts: dict[str, int] = field(default_factory=dict)
    plain: int = 0
    unreadable: int = 0
    examples: list[str] = field(default_factory=list)

    @property
    def all_encrypted(self) -> bool:
        return not self.plain and not self.unreadable

    def to_dict(self) -> dict[str, Any]:
        largest_first = sorted(self.ciphertexts.items(), key=lambda group: -group[1])
        groups = [{"images": count, **json.loads(facts)} for facts, count in largest_first]
        return {
            "ciphertexts": groups,
            "plain": self.plain,
            "unreadable": self.unreadable,
            "examples": self.examples,
        }

    def __str__(self) -> str:
        lines = []
        for group in self.to_dict()["ciphertexts"]:
            count, *facts = group.items()
            lines.append(f"{count[1]} encrypted: " + ", ".join(f"{name} {_shown(value)}" for name, value in facts))
        lines += [
            f"{count} {kind}" for kind, count in (("plain", self.plain), ("unreadable", self.unreadable)) if count
        ]
        return "\n".join(lines + [f"  {example}" for example in self.examples])


def inspect(
    source: str | Path, column: str | None = None, limit: int | None = None, progress: bool = False
) -> Inspection:
    """Read the markers of all images; pixels are not decoded.

    Args:
        source: as for :func:`hf_etc.data.convert.convert`.
        column: the image column of a dataset; None finds it when there is exactly one.
        limit: look at the first images only (of each split).
        progress: count them in a bar, if stderr is a terminal and it takes a while.

    Raises:
        ImageError: there is nothing to inspect.
        ParameterError: a dataset cannot be loaded, or has no such column.
    """
    found = Inspection()
    alone = kind_of(str(source)) == "file"
    images = _images(str(source), column, limit)
    for name, image in tqdm(images, "inspect", unit="image", delay=_PATIENCE, disable=None if progress else True):
        try:
            marker, format = peek(image)
        except EtcError as error:
            plain = isinstance(error, NotACiphertextError)
            found.plain += plain
            found.unreadable += not plain
            if len(found.examples) < _EXAMPLES:
                found.examples.append(f"{name}: {error}")
            continue
        facts = marker.to_dict() | {"format": format.lower()}
        if marker.spec.disposable:
            del facts["cipher_id"]  # of this image alone
        if not marker.spec.sends_all:
            facts["sent"] = "{}x{}".format(*marker.size)
        if alone and marker.nonce is not None:
            facts["nonce"] = marker.nonce.hex()
        text = json.dumps(facts)
        found.ciphertexts[text] = found.ciphertexts.get(text, 0) + 1
    return found


def _images(source: str, column: str | None, limit: int | None) -> Iterator[tuple[str, Any]]:
    kind = kind_of(source)
    if kind == "file":
        yield source, place(source)
    elif kind == "tree":
        names = (name for name in files_below(place(source)) if name.suffix.lower() in IMAGE_SUFFIXES)
        yield from ((str(name), place(source) / name) for name in islice(names, limit))
    else:
        from ..check import stored_images

        for split, part in read_splits(source).items():
            for row, image in enumerate(islice(stored_images(part, column), limit)):
                yield f"{split} row {row}", image


def _shown(value: Any) -> str:
    return "+".join(map(str, value)) if isinstance(value, list) else str(value).lower()
