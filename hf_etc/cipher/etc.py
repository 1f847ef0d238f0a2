"""EtC: block-wise encryption that still compresses as JPEG (paper section II-B, Fig. 2).

Four steps on blocks of B x B pixels, each with its own key stream: block permutation, rotation and
inversion, negative-positive transformation (Eq. 1), colour component shuffling.
"""

from dataclasses import dataclass, fields, replace
from math import log2
from typing import ClassVar

import numpy as np

from ..blocks import Layout, turn_after
from ..errors import GeometryError, ParameterError
from .keystream import Streams
from .spec import CipherSpec, check_grid, log2_factorial, register

STEPS = ("permutation", "rotation", "negative-positive", "color")
_CODES = {"rotation": 16, "negative-positive": 2, "color": 6}
_TURNED = {"rotation": 8}  # of 16 codes two each turn alike
_LARGEST = 65535  # edge of a block, and gap, as in JPEG; every language writes such numbers alike
_FEW_BLOCKS = 16  # fewer have less than 2^150 keys, and 4 can be searched through
# Code = rotation + 4 * inversion: turned counter-clockwise by 90 degrees * rotation, then mirrored left-right where
# inversion has bit 0, and top-bottom where it has bit 1.
TURN_OF_CODE = turn_after(np.array([0, 4, 6, 2])[:, None], np.arange(4)).reshape(-1)


@dataclass(frozen=True)
class _Cells:
    """Where the blocks of a picture may lie: rows and columns of cells, from (top, left) on, and the rows sent."""

    top: int
    left: int
    rows: int
    columns: int
    kept_rows: int

    @property
    def count(self) -> int:
        return self.rows * self.columns

    @property
    def sent(self) -> int:
        return self.kept_rows * self.columns


@register
@dataclass(frozen=True, repr=False)
class EtcSpec(CipherSpec):
    """Parameters of the EtC cipher.

    Attributes:
        key_scope: "dataset" (the paper) or "image".
        block_size: edge of a block in pixels; 16 keeps JPEG's 4:2:0 macroblocks whole.
        steps: the steps to apply, a subset of ("permutation", "rotation", "negative-positive", "color").
        shared_block_key: draw steps 2 to 4 once for all blocks, so that a patch embedding can absorb
            them exactly (paper Eq. 5). Weaker: 96 variants in all instead of 96 per block.
        gap: pixels between neighbouring blocks that are never sent, so that no edges of blocks fit each other.
        jitter: each block lies 0 to this many pixels down and right of its place, drawn for each; at most `gap`.
        keep: share of the rows of blocks that is sent, 0.01 to 1 in hundredths; which blocks is drawn.
        disposable: the key of each image is random, used once and kept nowhere: nobody can decrypt.

    The last four need key_scope "image"; see `docs/spec.md`, section 4.1.

    Raises:
        ParameterError: block_size below 1, no or unknown steps, or parameters that do not go together.
    """

    name: ClassVar[str] = "etc"
    always: ClassVar[frozenset[str]] = frozenset(["block_size"])
    later: ClassVar[frozenset[str]] = frozenset(["gap", "jitter", "keep", "disposable"])
    block_size: int = 16
    steps: tuple[str, ...] = STEPS
    shared_block_key: bool = False
    gap: int = 0
    jitter: int = 0
    keep: float = 1
    disposable: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if type(self.block_size) is not int or not 1 <= self.block_size <= _LARGEST:
            raise ParameterError(f"block_size {self.block_size!r}: must be a whole number of pixels, 1 or more")
        for name in ("shared_block_key", "disposable"):
            if type(getattr(self, name)) is not bool:
                raise ParameterError(f"{name} {getattr(self, name)!r}: use True or False")
        listed = isinstance(self.steps, tuple | list) and all(isinstance(step, str) for step in self.steps)
        if not listed or not self.steps or not set(self.steps) <= set(STEPS):
            raise ParameterError(f"steps {self.steps!r}: choose one or more of {', '.join(STEPS)}")
        object.__setattr__(self, "steps", tuple(step for step in STEPS if step in self.steps))
        self._check_options()

    def __repr__(self) -> str:
        return f"EtcSpec({', '.join(f'{name}={value!r}' for name, value in self._written().items())})"

    def _check_options(self) -> None:
        if type(self.gap) is not int or not 0 <= self.gap <= _LARGEST:
            raise ParameterError(f"gap {self.gap!r}: must be a whole number of pixels, 0 to {_LARGEST}")
        if type(self.jitter) is not int or not 0 <= self.jitter <= self.gap:
            raise ParameterError(
                f"jitter {self.jitter!r}: must be a whole number of pixels, 0 to the gap of {self.gap}"
            )
        if type(self.keep) not in (int, float) or not 0 < self.keep <= 1 or self.keep != self._hundredths / 100:
            raise ParameterError(f"keep {self.keep!r}: must be a multiple of 0.01, from 0.01 to 1")
        object.__setattr__(self, "keep", 1 if self.keep == 1 else self.keep)  # one way to write it
        if self.keep < 1 and "permutation" not in self.steps:
            raise ParameterError(f"keep {self.keep} needs the step permutation, which chooses the blocks; add it")
        chosen = [f for f in fields(self) if f.name in self.later and getattr(self, f.name) != f.default]
        if chosen and self.key_scope != "image":
            raise ParameterError(f"{chosen[0].name} needs a key for each image; use key_scope='image'")

    @property
    def _hundredths(self) -> int:
        return round(100 * self.keep)

    @property
    def sends_all(self) -> bool:
        return self.gap == 0 and self.keep == 1

    def with_kept_key(self) -> "EtcSpec":
        return replace(self, disposable=False)

    @property
    def grid(self) -> int:
        return 1 if self.gap else self.block_size

    @property
    def layout_block(self) -> int:
        return self.block_size

    def check_size(self, height: int, width: int) -> None:
        self._cells(height, width)

    def output_size(self, height: int, width: int) -> tuple[int, int]:
        """As :meth:`CipherSpec.output_size`.

        Example:
            >>> EtcSpec("image", 16, gap=4, jitter=4, keep=0.5).output_size(224, 224)
            (96, 176)
        """
        cells = self._cells(height, width)
        return cells.kept_rows * self.block_size, cells.columns * self.block_size

    def _cells(self, height: int, width: int) -> _Cells:
        check_grid(height, width, self.grid)
        size, pitch = self.block_size + self.jitter, self.block_size + self.gap
        if height < size or width < size:
            raise GeometryError(
                f"{height}x{width} is smaller than a block of {self.block_size} with a jitter of {self.jitter}; "
                "use a larger image or a smaller block"
            )
        rows, columns = (height - size) // pitch + 1, (width - size) // pitch + 1
        if self.gap and rows * columns < 2:
            raise GeometryError(
                f"a gap of {self.gap} pixels leaves one block of {height}x{width}; use a smaller gap or smaller blocks"
            )
        kept_rows = (rows * self._hundredths + 50) // 100
        if not kept_rows:
            raise GeometryError(f"keep {self.keep} leaves no block of the {rows} x {columns} blocks; keep more")
        top, left = (height - (rows - 1) * pitch - size) // 2, (width - (columns - 1) * pitch - size) // 2
        return _Cells(top, left, rows, columns, kept_rows)

    def weakness(self, size: tuple[int, int] | None = None) -> str | None:
        if len(self.steps) < len(STEPS):
            return f"only {', '.join(self.steps)} of the {len(STEPS)} steps"
        if self.shared_block_key:
            return "one block key shared by all blocks"
        blocks = _FEW_BLOCKS if size is None else self._cells(*size).sent
        return f"only {blocks} blocks" if blocks < _FEW_BLOCKS else None

    def key_bits(self, height: int, width: int) -> float:
        """As :meth:`CipherSpec.key_bits`.

        Example:
            >>> round(EtcSpec().key_bits(32, 32), 1)
            30.9
        """
        cells = self._cells(height, width)
        each = sum(log2(_TURNED.get(step, _CODES[step])) for step in self.steps if step in _CODES)
        moved = log2_factorial(cells.count) - log2_factorial(cells.count - cells.sent)
        placed = 2 * log2(self.jitter + 1) * cells.sent + (moved if "permutation" in self.steps else 0.0)
        return placed + each * (1 if self.shared_block_key else cells.sent)

    def _compile(self, streams: Streams, height: int, width: int) -> Layout:
        cells = self._cells(height, width)
        draws = self._draw(streams, cells)
        changes = TURN_OF_CODE[draws["rotation"]], draws["negative-positive"], draws["color"]
        arrays = np.broadcast_arrays(*self._windows(streams, cells, draws["permutation"]), *changes)
        return Layout(height, width, self.block_size, cells.columns, *arrays)  # of (N,), or (M,N) for M nonces

    def _windows(self, streams: Streams, cells: _Cells, shown: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(top, left) of the window of the cell that each output block shows."""
        row, column = np.divmod(shown, cells.columns)
        pitch = self.block_size + self.gap
        top, left = cells.top + row * pitch, cells.left + column * pitch
        if not self.jitter:
            return top, left
        shifts = streams("jitter").integers(2 * cells.count, self.jitter + 1)
        shown = np.broadcast_to(shown, (*shifts.shape[:-1], cells.sent))
        return top + np.take_along_axis(shifts, shown, -1), left + np.take_along_axis(shifts, shown + cells.count, -1)

    def _draw(self, streams: Streams, cells: _Cells) -> dict[str, np.ndarray]:
        """One value per output block and step; steps that are off draw their identity."""
        count = 1 if self.shared_block_key else cells.sent
        draws = {step: np.zeros(1, np.int64) for step in STEPS[1:]}
        draws |= {step: streams(step).integers(count, _CODES[step]) for step in self.steps if step in _CODES}
        moved = "permutation" in self.steps
        shown = streams("permutation").permutation(cells.count) if moved else np.arange(cells.count)
        return draws | {"permutation": shown[..., : cells.sent]}
