"""From plain images and their ciphertexts to the decryption plan: what known and chosen plaintexts give."""

import numpy as np

from ...blocks import COLORS
from ...cipher import CipherSpec
from ...cipher.plan import Plan
from ..attack import AttackFailure, block_size_of
from .pieces import TURNS, Layout, split_blocks, turn_block

LE_BLOCK = 4


def match_plan(spec: CipherSpec, plain: np.ndarray, ciphertexts: np.ndarray) -> Plan:
    """The decryption plan that explains pairs best; where they do not decide, any that fits.

    Works on lossy ciphertexts too, since it minimises squared differences.

    Args:
        spec: the public cipher; all pairs are of one plan.
        plain, ciphertexts: uint8 (K,H,W,3).

    Raises:
        AttackFailure: there is no matching for this cipher.
    """
    size = block_size_of(spec)
    if size is not None:
        return match_layout(plain, ciphertexts, size).decryption_plan()
    if spec.name == "pe":
        return _match_pixels(plain, ciphertexts)
    if spec.name in ("le", "ele"):
        return _match_nibbles(plain, ciphertexts, moved=spec.name == "ele")
    raise AttackFailure(f"no matching is written for the cipher {spec.name!r}")


def match_layout(plain: np.ndarray, ciphertexts: np.ndarray, block_size: int) -> Layout:
    """For each ciphertext block the cell and the state, out of N x 96, of least squared difference."""
    here = _centred(split_blocks(ciphertexts, block_size))
    there = _centred(split_blocks(plain, block_size))
    blocks, energy = here.shape[1], np.square(there).sum((0, 2, 3, 4))
    best = np.full((blocks, blocks), np.inf, np.float32)  # ciphertext block, cell
    state = np.zeros((blocks, blocks), np.int64)
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
            state = np.where(better, (turn * 6 + color) * 2 + negative, state)
    assigned = assign(best)
    chosen = state[np.arange(blocks), assigned]
    rows, columns = plain.shape[1] // block_size, plain.shape[2] // block_size
    return Layout(rows, columns, block_size, assigned, chosen // 12, chosen % 2, chosen // 2 % 6)


def assign(cost: np.ndarray) -> np.ndarray:
    """One column for each row of a square (N,N) matrix, cheapest regret first; exact when matches are clear."""
    out = np.full(len(cost), -1)
    if len(cost) == 1:
        return np.zeros(1, np.int64)
    cost = cost.astype(np.float64)
    while (left := np.flatnonzero(out < 0)).size:
        column = cost[left].argmin(1)
        best, second = np.partition(cost[left], 1, axis=1)[:, :2].T
        order = np.argsort(best - second, kind="stable")
        _, first = np.unique(column[order], return_index=True)  # one row per wanted column, the surest
        sure = order[first]
        out[left[sure]] = column[sure]
        cost[:, column[sure]] = np.inf
    return out


def _match_pixels(plain: np.ndarray, ciphertexts: np.ndarray) -> Plan:
    """PE: for each pixel the best of 6 component orders, with the best sign of each component."""
    height, width = plain.shape[1:3]
    x, y = (_centred(one).reshape(len(one), -1, 3) for one in (plain, ciphertexts))
    product = np.einsum("kpc,kpd->pcd", x, y)  # plain component c with ciphertext component d
    fit = np.stack([np.abs(product[:, [0, 1, 2], code]).sum(1) for code in COLORS], 1)
    code = COLORS[fit.argmax(1)]
    negative = np.take_along_axis(product, code[:, :, None], 2)[..., 0] < 0
    index = np.arange(len(code))[:, None] * 3 + code
    return Plan(index.reshape(-1), negative.reshape(-1).astype(np.uint8) * np.uint8(255), height, width)


def _match_nibbles(plain: np.ndarray, ciphertexts: np.ndarray, moved: bool) -> Plan:
    """LE and ELE: one order of 96 nibbles for all blocks, or one per block whose place is unknown too."""
    height, width = plain.shape[1:3]
    x, y = (nibbles_of(one) for one in (plain, ciphertexts))  # (K, blocks, 96)
    source = _match_moved(x, y) if moved else np.arange(x.shape[1])  # the ciphertext block of each cell
    y = y[:, source]
    numbers = nibble_numbers(height, width)
    index, mask = np.empty(numbers.size, np.int64), np.empty(numbers.size, np.uint8)
    if moved:
        found = [_match_one_order(x[:, i], y[:, i]) for i in range(x.shape[1])]
    else:
        found = [_match_one_order(x.reshape(-1, x.shape[2]), y.reshape(-1, x.shape[2]))] * x.shape[1]
    for block, (order, negative) in enumerate(found):
        index[numbers[block]] = numbers[source[block]][order]
        mask[numbers[block]] = negative * np.uint8(15)
    return Plan(index, mask, height, width, symbol_bits=4)


def _match_one_order(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For samples (S, 96) of plain and encrypted nibbles: which encrypted one each plain one is, and its sign."""
    x, y = x - 7.5, y - 7.5
    match = x.T @ y
    cost = np.square(x).sum(0)[:, None] + np.square(y).sum(0) - 2 * np.abs(match)
    order = assign(cost)
    return order, match[np.arange(len(order)), order] < 0


def _match_moved(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """ELE's block scrambling: an order of nibbles keeps the histogram of their distances from the middle."""

    def histograms(nibbles: np.ndarray) -> np.ndarray:
        folded = np.abs(nibbles - 7.5)
        return (
            np.stack([(folded == level + 0.5).sum(2) for level in range(8)], -1)
            .swapaxes(0, 1)
            .reshape(nibbles.shape[1], -1)
            .astype(np.float32)
        )

    a, b = histograms(x), histograms(y)
    return assign(np.square(a).sum(1)[:, None] + np.square(b).sum(1) - 2 * a @ b.T)


def nibbles_of(images: np.ndarray) -> np.ndarray:
    """uint8 (K,H,W,3) -> float32 (K, blocks, 96): of each 4x4 block the low nibbles, then the high ones."""
    flat = split_blocks(images, LE_BLOCK).reshape(len(images), -1, 48)
    return np.concatenate([flat & 15, flat >> 4], 2).astype(np.float32)


def nibble_numbers(height: int, width: int) -> np.ndarray:
    """The plan's symbol numbers of these nibbles, int (blocks, 96)."""
    offsets = np.arange(height * width * 3).reshape(1, height, width, 3)
    low = split_blocks(offsets, LE_BLOCK).reshape(-1, 48)
    return np.concatenate([low, low + height * width * 3], 1)


def _centred(images: np.ndarray) -> np.ndarray:
    return images.astype(np.float32) / 127.5 - 1


def _by_block(component: np.ndarray) -> np.ndarray:
    """(K,N,B,B) -> (N, K*B*B)."""
    return component.swapaxes(0, 1).reshape(component.shape[1], -1)
