"""A folder tree of image files, converted into a tree of the same names."""

from dataclasses import dataclass
from pathlib import Path

from ...errors import ParameterError
from ...files import is_local
from ..batches import ImageMap
from .finished import Outputs, read_picture
from .plan import Plan
from .pool import check_stop
from .report import Report
from .source import IMAGE_SUFFIXES, files_below

_FILES_PER_TASK = 16


def plan_tree(source: Path, images: ImageMap) -> Plan:
    """Every image file below `source`; other files are reported and not copied.

    A second run does only what is missing, or no longer belongs to its image: see ``finished.py``.
    """
    targets, left_out = _targets(source, images.suffix)
    facts = {
        "operation": images.operation,
        **images.facts(),
        "id": images.conversion_id,
        "layout": "mirror",
        "source": images.source_id(str(source.resolve() if is_local(source) else source)),
    }
    tasks = [targets[i : i + _FILES_PER_TASK] for i in range(0, len(targets), _FILES_PER_TASK)]
    return Plan(facts, [new for _, new in targets], tasks, _Tree(images, source).do, len(targets), left_out)


@dataclass(frozen=True)
class _Tree:
    images: ImageMap
    source: Path

    def do(self, outputs: Outputs, names: list[tuple[str, str]]) -> Report:
        report = Report()
        for name, new in names:
            check_stop()
            self._one(name, new, outputs, report)
        return report

    def _one(self, name: str, new: str, outputs: Outputs, report: Report) -> None:
        picture, digest = read_picture(self.source / name)
        if outputs.finished(new, digest):
            report.resumed += 1
            return
        files, bad = self.images.convert([picture], [name])
        for file in files[0]:
            outputs.write(new, file, digest)
        if bad:
            outputs.remove(new)
        report.images += len(files[0])
        report.bad += bad


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
