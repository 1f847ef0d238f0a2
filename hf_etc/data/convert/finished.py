"""Which outputs of a folder are finished: those of the content that their source has now, whole, and made by this
conversion. Names and dates say nothing about that.

Beside the manifest lies a journal, one line per output: its name, and a tag of its source's content, its own
content and the manifest's facts. The tag is keyed, so the journal of a public folder confirms no guess at a plain
picture. A line is appended after its file has its name; whatever an interruption leaves without a line is made again.
"""

import hashlib
import json
import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from hmac import compare_digest
from pathlib import Path
from typing import Any

from ...errors import ImageError, OutputError
from ...files import cannot_write, whole_file
from ..batches import ImageMap, image_source
from .output import JOURNAL, output_folder
from .source import IMAGE_SUFFIXES, TABLE_SUFFIXES, files_below


class Outputs:
    """The outputs of one conversion. Its pickle, for worker processes, holds no key.

    Args:
        folder: of the outputs.
        images: the conversion; its key makes the tags.
        facts: of the manifest.
    """

    def __init__(self, folder: Path, images: ImageMap, facts: Mapping[str, Any]) -> None:
        self._folder, self._images = folder, images
        self._facts = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).digest()
        self.tags = _read_journal(folder / JOURNAL)

    def recorded(self, name: str) -> bool:
        """Whether an output of this name was finished once."""
        return name in self.tags

    def finished(self, name: str, source: bytes) -> bool:
        """Whether the output `name` is whole and was made from the source with this digest."""
        tag = self.tags.get(name)
        return tag is not None and compare_digest(tag, self._tag(name, source) or "")

    def write(self, name: str, content: bytes, source: bytes) -> None:
        """Write a whole output, made from the source with this digest."""
        with whole_file(self.path(name)) as out:
            out.write(content)
        self.record(name, source)

    def record(self, name: str, source: bytes) -> None:
        """Note that the output `name` was written, from the source with this digest."""
        line = json.dumps([name, self._tag(name, source)]) + "\n"
        try:
            # One write at the end of the file, so that lines of several processes do not mix.
            journal = os.open(self._folder / JOURNAL, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            try:
                os.write(journal, line.encode())
            finally:
                os.close(journal)
        except OSError as error:
            raise cannot_write(self._folder / JOURNAL, error) from None

    def remove(self, name: str) -> None:
        """Take away what an earlier run made of a source that is now bad."""
        try:
            self.path(name).unlink(missing_ok=True)
        except OSError as error:
            raise cannot_write(self.path(name), error) from None

    def path(self, name: str) -> Path:
        return self._folder / name

    def _tag(self, name: str, source: bytes) -> str | None:
        """None where there is no such file."""
        try:
            with self.path(name).open("rb") as file:
                content = hashlib.file_digest(file, "sha256").digest()
        except OSError:
            return None
        digest = hashlib.sha256(self._facts + source + content + name.encode(errors="surrogateescape")).digest()
        return self._images.tag(b"hf-etc/2/finished/" + digest)


@contextmanager
def conversion(folder: Path, images: ImageMap, facts: Mapping[str, Any], names: Collection[str]) -> Iterator[Outputs]:
    """Begin or resume a folder of outputs with these names.

    Raises:
        OutputError: see :func:`output_folder`; or the folder holds an image or a table of another name, such as the
            output of a picture that is no longer there. It is not removed: it may be the last copy.
    """
    with output_folder(folder, facts):
        _refuse_strays(folder, names)
        outputs = Outputs(folder, images, facts)
        with whole_file(folder / JOURNAL) as journal:  # without repeated and torn lines
            for line in outputs.tags.items():
                journal.write((json.dumps(line) + "\n").encode())
        yield outputs


def read_picture(image: Any) -> tuple[Any, bytes]:
    """The bytes of one value of an image column, read once, and their SHA-256: the digest is of what is converted.

    An image that cannot be read stays as it is, for the conversion to say what is wrong with it.
    """
    try:
        image = image_source(image)
    except ImageError:
        return image, hashlib.sha256().digest()
    return image, hashlib.sha256(image if isinstance(image, bytes) else b"").digest()


def _read_journal(path: Path) -> dict[str, str]:
    """The last tag of each name; a line that was cut off counts for nothing."""
    tags = {}
    for line in path.read_bytes().splitlines() if path.exists() else ():
        try:
            name, tag = json.loads(line)
        except (ValueError, TypeError):
            continue
        if isinstance(name, str) and isinstance(tag, str) and tag.isascii():
            tags[name] = tag
    return tags


def _refuse_strays(folder: Path, names: Collection[str]) -> None:
    suffixes, expected = IMAGE_SUFFIXES | TABLE_SUFFIXES, set(names)
    strays = [name for name in files_below(folder) if name.suffix.lower() in suffixes and str(name) not in expected]
    if strays:
        more = f" and {len(strays) - 1} more" if len(strays) > 1 else ""
        raise OutputError(
            f"{folder / strays[0]}{more}: the source as it is now has nothing for it; remove it, or choose a new folder"
        )
