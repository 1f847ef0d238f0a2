"""Markdown from records: tables, and the generated blocks of a page."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from ..errors import ParameterError
from ..records import write_text
from .cells import Cell
from .store import Measured, Store

NOT_YET = "not measured"
_BLOCK = re.compile(r"(<!-- table: ([\w-]+) -->(\n+)).*?(<!-- end -->)", re.DOTALL)


def rewrite(page: Path, tables: Mapping[str, Callable[[], str]], check: bool = False) -> bool:
    """Make the generated blocks of a page anew, ``<!-- table: NAME --> ... <!-- end -->``.

    Args:
        page: a Markdown file with one block for each table.
        tables: the makers of the blocks' content.
        check: leave the file as it is.

    Returns:
        Whether the page was up to date.

    Raises:
        ParameterError: the page has other blocks.
    """
    before = page.read_text(encoding="utf-8")
    after = fill(before, tables)
    if after != before and not check:
        write_text(page, after)
    return after == before


def fill(text: str, tables: Mapping[str, Callable[[], str]]) -> str:
    """The text of a page with its blocks made anew; blank lines at their edges stay.

    Raises:
        ParameterError: the page has other blocks.

    Example:
        >>> fill("<!-- table: a -->\\nold\\n<!-- end -->", {"a": lambda: "new"})
        '<!-- table: a -->\\nnew\\n<!-- end -->'
    """
    there = [match[2] for match in _BLOCK.finditer(text)]
    if sorted(there) != sorted(tables):
        raise ParameterError(f"the page must have one block each of {', '.join(tables)}; it has {', '.join(there)}")
    return _BLOCK.sub(lambda match: match[1] + tables[match[2]]() + match[3] + match[4], text)


def table(header: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table.

    Example:
        >>> print(table(["a", "b"], [["1", 2]]))
        | a | b |
        | --- | --- |
        | 1 | 2 |
    """
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def comparison(
    experiment: str,
    cells: Sequence[Cell],
    store: Store,
    number: Callable[[float], str] = "{:.2f}".format,
) -> str:
    """A table of cells: their labels, then protocol, published, measured, scale, hardware, and what was trained.

    Args:
        experiment: name of the cells' experiment.
        cells: all with the same labels, and all with a protocol or none.
        store: of the records.
        number: writes a value.
    """
    trained = cells[0].protocol is not None
    rows = []
    for cell in cells:
        found = store.find(experiment, cell.name)
        row = [*cell.labels.values(), *([str(cell.protocol)] if trained else [])]
        row += ["" if cell.published is None else number(cell.published), *_measured(found, number)]
        rows.append([*row, *_trained(found)] if trained else row)
    header = [*cells[0].labels, *(["protocol"] if trained else []), "published", "measured", "scale", "hardware"]
    return table([*header, "what was trained", "test images"] if trained else header, rows)


def _trained(found: Measured | None) -> list[str]:
    return [str(found.results["how"]), f"{found.results['test_images']:,}"] if found else ["", ""]


def _measured(found: Measured | None, number: Callable[[float], str]) -> list[str]:
    if found is None:
        return [NOT_YET, "", ""]
    value = number(found.value)
    if found.spread is not None:
        value += f" ± {number(found.spread)} ({len(found.records)} seeds)"
    return [value, found.scale, found.hardware]


def hardware(store: Store, experiment: str, names: Iterable[str]) -> str:
    """One line: scale and machine of some cells, for tables that have no such columns."""
    found = [one for name in names if (one := store.find(experiment, name))]
    kinds = sorted({(one.scale, one.hardware) for one in found})
    return "; ".join(f"scale {scale}, {machine}" for scale, machine in kinds) or NOT_YET
