"""Which outputs of a folder are finished: those of the content that their source has now, whole, and made by this
conversion. Names and dates say nothing about that.

Beside the manifest lies a journal, one line per output: its name, and a tag of its source's content, its own
content and the manifest's facts. The tag is keyed, so the journal of a public folder confirms no guess at a plain
picture. A line is added after its file has its name; whatever an interruption leaves without a line is made again.
While a conversion runs, each process has a journal of its own, since neither a network folder nor a store appends the
lines of several; they become one, in the order of the outputs, at its end or when it is resumed.
"""

import hashlib
import json
import os
import secrets
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from hmac import compare_digest
from pathlib import Path
from typing import Any

from ...errors import ImageError, OutputError
from ...files import cannot_write, is_local, remove_file, whole_file
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
        self._journal, self._owner, self._lines = folder / JOURNAL, 0, ""
        self.tags = _read_journals(folder)

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
        if self._owner != os.getpid():  # new, forked, or unpickled elsewhere
            self._journal, self._owner, self._lines = _new_journal(self._folder), os.getpid(), ""
        line = json.dumps([name, self._tag(name, source)]) + "\n"
        if not is_local(self._journal):
            self._lines += line
            with whole_file(self._journal) as journal:
                journal.write(self._lines.encode())
            return
        try:
            with self._journal.open("ab") as journal:
                journal.write(line.encode())
        except OSError as error:
            raise cannot_write(self._journal, error) from None

    def remove(self, name: str) -> None:
        """Take away what an earlier run made of a source that is now bad."""
        try:
            remove_file(self.path(name))
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
def begun(folder: Path, images: ImageMap, facts: Mapping[str, Any], names: Collection[str]) -> Iterator[Outputs]:
    """Begin or resume a folder of outputs with these names.

    Raises:
        OutputError: see :func:`output_folder`; or the folder holds an image or a table of another name, such as the
            output of a picture that is no longer there. It is not removed: it may be the last copy.
    """
    with output_folder(folder, facts):
        _refuse_strays(folder, names)
        _unite_journals(folder, names)
        yield Outputs(folder, images, facts)
        _unite_journals(folder, names)


def read_picture(image: Any) -> tuple[Any, bytes]:
    """The bytes of one value of an image column, read once, and their SHA-256: the digest is of what is converted.

    An image that cannot be read stays as it is, for the conversion to say what is wrong with it.
    """
    try:
        image = image_source(image)
    except ImageError:
        return image, hashlib.sha256().digest()
    return image, hashlib.sha256(image if isinstance(image, bytes) else b"").digest()


def _new_journal(folder: Path) -> Path:
    return folder / f"{JOURNAL}-{secrets.token_hex(8)}"


def _journals(folder: Path) -> list[Path]:
    return sorted(folder.glob(f"{JOURNAL}*"), key=str)


def _unite_journals(folder: Path, names: Collection[str]) -> None:
    """One journal in the order of `names`, without repeated and torn lines."""
    tags, parts = _read_journals(folder), [path for path in _journals(folder) if path.name != JOURNAL]
    with whole_file(folder / JOURNAL) as journal:
        for name in names:
            if name in tags:
                journal.write((json.dumps([name, tags[name]]) + "\n").encode())
    for part in parts:
        remove_file(part)


def _read_journals(folder: Path) -> dict[str, str]:
    """The last tag of each name; a line that was cut off counts for nothing."""
    tags = {}
    if not is_local(folder):
        folder.fs.invalidate_cache()  # type: ignore[attr-defined]  # of what other processes wrote since
    for line in (line for path in _journals(folder) for line in path.read_bytes().splitlines()):
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
