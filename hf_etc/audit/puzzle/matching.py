"""From plain images and their ciphertexts to what encryption does: what known and chosen plaintexts give."""

from collections import Counter

import numpy as np
from scipy.optimize import linear_sum_assignment

from ...blocks import COLORS, TURNS, Layout, turn_block
from ...cipher import CipherSpec
from ...cipher.plan import Plan
from ...cipher.spec import Cells
from ..attack import AttackFailure, Compiled, block_size_of
from .pieces import layout_of, pack, split_blocks


def match(spec: CipherSpec, plain: np.ndarray, ciphertexts: np.ndarray) -> Compiled:
    """What explains pairs best; where they do not decide, any that fits.

    Works on lossy ciphertexts too, since it minimises squared differences.

    Args:
        spec: the public cipher; all pairs are of one key.
        plain, ciphertexts: uint8 (K,H,W,3).

    Raises:
        AttackFailure: there is no matching for this cipher.
    """
    if size := block_size_of(spec):
        return match_layout(plain, ciphertexts, size)
    if spec.cells is None:
        raise AttackFailure(f"no matching is written for the cipher {spec.name!r}")
    return match_cells(spec.cells, plain, ciphertexts)


def match_layout(plain: np.ndarray, ciphertexts: np.ndarray, block_size: int) -> Layout:
    """For each ciphertext block the cell and the state, out of N x 96, of least squared difference."""
    here = _centred(split_blocks(ciphertexts, block_size))
    there = _centred(split_blocks(plain, block_size))
    blocks, energy = here.shape[1], np.square(there).sum((0, 2, 3, 4))
    best = np.full((blocks, blocks), np.inf)  # ciphertext block, cell
    state = np.zeros((blocks, blocks), np.uint8)
    cells = [_by_block(there[..., c]) for c in range(3)]
    for turn in range(TURNS):
        turned = turn_block(here, turn, (2, 3))
        product = [[_by_block(turned[..., d]) @ cell.T for d in range(3)] for cell in cells]
        for color, code in enumerate(COLORS):
            match = sum(product[c][code[c]] for c in range(3))
            negative = match < 0
            cost = energy - 2 * np.abs(match)
            better = cost < best
            best = np.where(better, cost, best)
            state = np.where(better, pack(turn, negative, color).astype(np.uint8), state)
    assigned = assign(best)
    rows, columns = plain.shape[1] // block_size, plain.shape[2] // block_size
    return layout_of(assigned, state[np.arange(blocks), assigned].astype(np.int64), rows, columns, block_size)


def undecidable(plain: np.ndarray, block_size: int) -> np.ndarray:
    """Which cells known pictures cannot tell: what lies there equals, in all of them, another cell or itself changed.

    Args:
        plain: uint8 (K,H,W,3), pictures of one key.
        block_size: in pixels.

    Returns:
        bool (N,), of the cells in raster order.

    Example:
        >>> picture = np.random.default_rng(0).integers(0, 256, (1, 4, 8, 3), np.uint8)
        >>> picture[:, :2, :2] = 200  # flat: no turn changes it
        >>> undecidable(picture, 2).tolist()
        [True, False, False, False, False, False, False, False]
    """
    blocks = split_blocks(plain, block_size)
    seen: Counter[int] = Counter()
    for turn in range(TURNS):
        turned = turn_block(blocks, turn, (2, 3))
        for code in COLORS:
            changed = turned[..., code]
            seen.update(hash(one.tobytes()) for each in (changed, 255 - changed) for one in each.swapaxes(0, 1))
    return np.array([seen[hash(one.tobytes())] > 1 for one in blocks.swapaxes(0, 1)])


def assign(cost: np.ndarray) -> np.ndarray:
    """One column for each row of a square matrix, at the least total cost."""
    return linear_sum_assignment(cost)[1]


def match_cells(cells: Cells, plain: np.ndarray, ciphertexts: np.ndarray) -> Plan:
    """The order and signs of the symbols of each cell, or of all alike, and the places of the cells if they move."""
    height, width = plain.shape[1:3]
    x, y = (symbols_of(one, cells).swapaxes(0, 1) for one in (plain, ciphertexts))  # (cells, K, S)
    source = _match_moved(x, y) if cells.moved else np.arange(len(x))  # the ciphertext's cell for each of the picture
    y = y[source]
    if cells.alike:
        x, y = (one.reshape(1, -1, one.shape[2]) for one in (x, y))
    fit = x.swapaxes(1, 2) @ y
    order = np.stack([assign(-np.abs(one)) for one in fit])  # at which it differs least, whatever the signs
    negative = np.take_along_axis(fit, order[..., None], 2)[..., 0] < 0
    numbers = symbol_numbers(height, width, cells)
    order, negative = (np.broadcast_to(one, numbers.shape) for one in (order, negative))
    index, mask = np.empty(numbers.size, np.int64), np.empty(numbers.size, np.uint8)
    index[numbers] = np.take_along_axis(numbers[source], order, 1)
    mask[numbers] = negative * np.uint8((1 << cells.symbol_bits) - 1)
    return Plan(index, mask, height, width, cells.symbol_bits).inverse()


def _match_moved(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Where cells went: an order of symbols keeps the histogram of their distances from the middle."""

    def histograms(symbols: np.ndarray) -> np.ndarray:
        folded = np.abs(symbols)
        counts = [(folded == level).sum(2) for level in np.unique(folded)]
        return np.concatenate(counts, 1).astype(np.float32)

    a, b = histograms(x), histograms(y)
    return assign(np.square(a).sum(1)[:, None] + np.square(b).sum(1) - 2 * a @ b.T)


def symbols_of(images: np.ndarray, cells: Cells) -> np.ndarray:
    """uint8 (K,H,W,3) -> float32 (K, cells, S), around 0: of each cell its bytes, or its low nibbles, then the high."""
    flat = split_blocks(images, cells.edge).reshape(len(images), -1, 3 * cells.edge**2)
    if cells.symbol_bits == 4:
        flat = np.concatenate([flat & 15, flat >> 4], 2)
    return flat.astype(np.float32) - ((1 << cells.symbol_bits) - 1) / 2


def symbol_numbers(height: int, width: int, cells: Cells) -> np.ndarray:
    """The plan's numbers of these symbols, int (cells, S)."""
    offsets = np.arange(height * width * 3).reshape(1, height, width, 3)
    low = split_blocks(offsets, cells.edge).reshape(-1, 3 * cells.edge**2)
    return np.concatenate([low, low + height * width * 3], 1) if cells.symbol_bits == 4 else low


def _centred(images: np.ndarray) -> np.ndarray:
    return images * 2.0 - 255  # whole numbers: sums of their products are exact, and blocks that hardly differ do


def _by_block(component: np.ndarray) -> np.ndarray:
    """(K,N,B,B) -> (N, K*B*B)."""
    return component.swapaxes(0, 1).reshape(component.shape[1], -1)
