"""A folder tree of image files, converted into a tree of the same names."""

from dataclasses import dataclass
from pathlib import Path

from ..data.batches import ImageMap
from ..errors import ParameterError
from .convert import Report
from .output import output_folder, source_id, whole_file
from .pool import check_stop, run
from .source import IMAGE_SUFFIXES, files_below

_FILES_PER_TASK = 16


def convert_tree(source: Path, destination: Path, images: ImageMap, num_proc: int, progress: bool) -> Report:
    """Convert every image file below `source`; other files are reported and not copied.

    An output that is not older than its image is finished: a second run does only what is missing.
    """
    targets, left_out = _targets(source, images.suffix)
    facts = {
        "operation": images.operation,
        **images.facts(),
        "id": images.conversion_id,
        "layout": "mirror",
        "source": source_id(images.key, str(source.resolve())),
    }
    with output_folder(destination, facts):
        todo = [(name, new) for name, new in targets if not _finished(source / name, destination / new)]
        tasks = [todo[i : i + _FILES_PER_TASK] for i in range(0, len(todo), _FILES_PER_TASK)]
        report = Report(resumed=len(targets) - len(todo), left_out=left_out)
        done = run(_TreeJob(images, source, destination), tasks, num_proc)
        return report.follow(done, len(targets), images.operation, progress)


@dataclass(frozen=True)
class _TreeJob:
    images: ImageMap
    source: Path
    destination: Path

    def __call__(self, names: list[tuple[str, str]]) -> Report:
        report = Report()
        for name, new in names:
            check_stop()
            files, bad = self.images.convert([self.source / name], [name])
            for file in files[0]:
                with whole_file(self.destination / new) as out:
                    out.write(file)
            report.images += len(files[0])
            report.bad += bad
        return report


def _targets(source: Path, suffix: str) -> tuple[list[tuple[str, str]], list[str]]:
    """Pairs of an image's name and its output's, relative to their folders; and the names of other files."""
    outputs: dict[str, str] = {}
    left_out = []
    for name in files_below(source):
        if name.suffix.lower() not in IMAGE_SUFFIXES:
            left_out.append(str(name))
            continue
        new = str(name.with_suffix(suffix))
        if new in outputs:
            raise ParameterError(f"{outputs[new]} and {name} would both become {new}; rename one of them")
        outputs[new] = str(name)
    return [(name, new) for new, name in outputs.items()], left_out


def _finished(image: Path, output: Path) -> bool:
    try:
        made = output.stat()
    except FileNotFoundError:
        return False
    return made.st_size > 0 and made.st_mtime_ns >= image.stat().st_mtime_ns
