"""Per-position statistics: what M ciphertexts of one key say about ciphers that do not move whole blocks."""

import numpy as np

from ...blocks import COLORS, TURNS, turn_block
from ...cipher import CipherSpec
from ...cipher.legacy import PeSpec
from ...cipher.plan import Plan
from ...cipher.spec import Cells
from ..attack import Attack, AttackFailure, Evidence, Recovery, register
from ..puzzle.matching import symbol_numbers, symbols_of
from ..puzzle.naturalness import natural_reading
from ..puzzle.seriation import arrange, grid_model

# What statistics are written for: PE, LE and ELE, and whatever else shuffles like them.
_BLOCK, _HALF = 4, 48  # pixels; nibbles of a block that are high ones
_PIXELS, _NIBBLES, _MOVED = Cells(1), Cells(_BLOCK, 4, alike=True), Cells(_BLOCK, 4, moved=True)
_MOST_MOVED = 256
_MODELS = ((6.0, 0.97), (12.0, 0.85), (12.0, 0.95), (24.0, 0.97))  # reach in pixels, likeness of two components
_RIDGE = 0.1
_BRIGHTNESS = [(0, negative, color) for negative in (0, 1) for color in range(6)]


@register
class Statistics(Attack):
    """Positions that are near each other in the picture vary together over the ciphertexts of one key.

    PE: pixel by pixel, the order and signs of the components that agree best with the pixels before it. LE: the
    high nibbles correlate, the low ones hardly do; the order of the high ones is that whose correlation falls with
    distance. ELE: the same separation gives each block's brightness, and the correlation of blocks their places.
    """

    name = "statistics"
    goal = "the key of pixel-based and nibble-based ciphers, from ciphertexts alone"
    given = "some ciphertexts of one key"
    source = "this package; sign and order from correlations over images"
    needs = frozenset({"ciphertexts"})
    measure = "ssim"
    control_ciphertexts = 50
    positive = PeSpec()
    enough = 0.5

    def run(self, evidence: Evidence) -> Recovery:
        assert evidence.ciphertexts is not None
        cells, collected = evidence.spec.cells, evidence.ciphertexts
        if cells == _MOVED:
            note = "only the brightness of each block is sought"
            restored = brightness(collected, evidence.targets)
            return Recovery(restored, up_to_symmetry=True, ciphertexts_used=len(collected), note=note)
        if cells not in (_PIXELS, _NIBBLES):
            raise AttackFailure(f"no statistics are written for the cipher {evidence.spec.name!r}")
        plan = (pixel_plan if cells == _PIXELS else nibble_plan)(collected).inverse()
        return Recovery(plan.undo(evidence.targets), (plan,), ciphertexts_used=len(collected))

    def applies_to(self, spec: CipherSpec, height: int, width: int) -> str | None:
        if spec.cells not in (_PIXELS, _NIBBLES, _MOVED):
            return "it is for shuffled pixels and nibbles; where whole blocks move, the jigsaw attacks are stronger"
        if spec.cells == _MOVED and height * width > _MOST_MOVED * _BLOCK**2:
            return f"there are more than {_MOST_MOVED} blocks at this size; try smaller pictures with --size"
        return None


def pixel_plan(ciphertexts: np.ndarray) -> Plan:
    """PE's decryption plan from uint8 (M,H,W,3), in the most natural of the readings that are left."""
    count, height, width, _ = ciphertexts.shape
    y = ciphertexts.astype(np.float32).transpose(1, 2, 3, 0) / 127.5 - 1  # row, column, component, ciphertext
    x = np.zeros_like(y)
    code, sign = np.zeros((height, width), np.int64), np.ones((height, width, 3), np.float32)
    x[0, 0] = y[0, 0]
    for diagonal in range(1, height + width - 1):
        row = np.arange(max(0, diagonal - width + 1), min(height, diagonal + 1))
        column = diagonal - row
        known = np.zeros((len(row), 3, count), np.float32)
        for down, right, weight in ((1, 0, 1.0), (0, 1, 1.0), (1, 1, 0.7)):
            inside = (row >= down) & (column >= right)
            known[inside] += weight * x[row[inside] - down, column[inside] - right]
        match = known @ y[row, column].swapaxes(1, 2)  # plain component, ciphertext component
        fits = np.abs(match[:, [0, 1, 2], COLORS]).sum(-1)  # pixel, code
        code[row, column] = fits.argmax(1)
        chosen = COLORS[fits.argmax(1)]
        signs = np.where(np.take_along_axis(match, chosen[:, :, None], 2)[..., 0] < 0, -1, 1)
        sign[row, column] = signs
        x[row, column] = np.take_along_axis(y[row, column], chosen[:, :, None], 1) * signs[..., None]
    together = np.sign(np.corrcoef(x.swapaxes(0, 2).reshape(3, -1))[0])  # components vary together in pictures
    sign = sign * np.where(together == 0, 1, together)
    index = np.arange(height * width)[:, None] * 3 + COLORS[code.reshape(-1)]
    plan = _plan(index, sign.reshape(-1, 3) < 0, height, width)
    _, negative, color = natural_reading(plan.apply(ciphertexts[:64]), _BRIGHTNESS)
    return _plan(index[:, COLORS[color]], (sign.reshape(-1, 3)[:, COLORS[color]] < 0) ^ bool(negative), height, width)


def _plan(index: np.ndarray, negative: np.ndarray, height: int, width: int) -> Plan:
    return Plan(index.reshape(-1), negative.reshape(-1).astype(np.uint8) * np.uint8(255), height, width)


def nibble_plan(ciphertexts: np.ndarray) -> Plan:
    """LE's decryption plan from uint8 (M,H,W,3); the order of the low nibbles stays open."""
    height, width = ciphertexts.shape[1:3]
    samples = symbols_of(ciphertexts, _NIBBLES).reshape(-1, 2 * _HALF)
    high, low, sign = _high_nibbles(samples)
    values = samples[:, high] * sign
    likeness = np.corrcoef(values.T)
    off = ~np.eye(_HALF, dtype=bool)
    scaled = (likeness - likeness[off].mean()) / (likeness[off].std() + 1e-9)
    plans = []
    for reach, color in _MODELS:
        model = np.kron(grid_model(_BLOCK, _BLOCK, reach), _color_model(color))
        model = (model - model[off].mean()) / model[off].std() * off
        order = arrange(scaled * off, model).reshape(_BLOCK, _BLOCK, 3)
        turned = (turn_block(order, turn).reshape(-1) for turn in range(TURNS))
        plans += [_le_plan(high, low, sign, one, height, width) for one in turned]
    plan = min(plans, key=lambda one: _roughness(one.apply(ciphertexts[:8])))
    _, negative, color = natural_reading(plan.apply(ciphertexts[:64]), _BRIGHTNESS)
    index = plan.index.reshape(2, -1, 3)[..., COLORS[color]].reshape(-1)
    mask = plan.mask.reshape(2, -1, 3)[..., COLORS[color]].reshape(-1) ^ np.uint8(15 * negative)
    return Plan(index, mask, height, width, symbol_bits=4)


def _color_model(likeness: float) -> np.ndarray:
    """float (3,3): red and blue are less alike than either and green."""
    return likeness ** np.abs(np.subtract.outer(np.arange(3), np.arange(3)))


def _high_nibbles(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The 48 positions that vary together, the other 48, and the signs of the former; from float (S,96)."""
    correlation = np.nan_to_num(np.corrcoef(samples.T))
    order = np.argsort(-np.abs(correlation).sum(1), kind="stable")
    high, low = np.sort(order[:_HALF]), np.sort(order[_HALF:])
    return high, low, np.where(np.linalg.eigh(correlation[np.ix_(high, high)])[1][:, -1] < 0, -1, 1)


def _le_plan(high: np.ndarray, low: np.ndarray, sign: np.ndarray, order: np.ndarray, height: int, width: int) -> Plan:
    """Low nibbles first, as in a plan of 4-bit symbols; `order` says which high nibble is in which place."""
    source = np.concatenate([low, high[order]])
    negative = np.concatenate([np.zeros(_HALF, bool), sign[order] < 0])
    numbers = symbol_numbers(height, width, _NIBBLES)
    index, mask = np.empty(numbers.size, np.int64), np.empty(numbers.size, np.uint8)
    index[numbers], mask[numbers] = numbers[:, source], negative * np.uint8(15)
    return Plan(index, mask, height, width, symbol_bits=4)


def _roughness(images: np.ndarray) -> float:
    """The mean jump over the borders of 4x4 blocks."""
    pixels = images.astype(np.int16)
    down = np.abs(pixels[:, _BLOCK::_BLOCK] - pixels[:, _BLOCK - 1 : -1 : _BLOCK]).mean()
    right = np.abs(pixels[:, :, _BLOCK::_BLOCK] - pixels[:, :, _BLOCK - 1 : -1 : _BLOCK]).mean()
    return float(down + right)


def brightness(ciphertexts: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """ELE: grey blocks in their likely places, uint8 (T,H,W,3)."""
    height, width = targets.shape[1:3]
    rows, columns = height // _BLOCK, width // _BLOCK
    collected = len(ciphertexts)
    values = block_brightness(np.concatenate([ciphertexts, targets]), collected)
    correlation = np.nan_to_num(np.corrcoef(values[:collected].T))
    sign = np.where(np.linalg.eigh(correlation)[1][:, -1] < 0, -1, 1)
    # What neighbours share beyond all others: in the inverse covariance only they are linked.
    inverse = np.linalg.inv(correlation * sign * sign[:, None] + _RIDGE * np.eye(len(sign)))
    scale = np.sqrt(np.diag(inverse))
    order = arrange(-inverse / scale / scale[:, None], grid_model(rows, columns, 1.0), restarts=12, steps=1500)
    grey = np.clip((values * sign)[:, order] * 17 + 127.5, 0, 255).astype(np.uint8).reshape(-1, rows, columns, 1)
    images = grey.repeat(_BLOCK, 1).repeat(_BLOCK, 2).repeat(3, 3)
    if natural_reading(images[:64], [(0, 0, 0), (0, 1, 0)])[1]:
        images = 255 - images
    return np.ascontiguousarray(images[collected:])


def block_brightness(ciphertexts: np.ndarray, collected: int) -> np.ndarray:
    """The mean of each ciphertext block's high nibbles around 0, up to its sign, float (N, blocks).

    Args:
        ciphertexts: uint8 (N,H,W,3).
        collected: the first so many say which nibbles are high ones.
    """
    nibbles = symbols_of(ciphertexts, _NIBBLES)
    values = np.empty(nibbles.shape[:2], np.float32)
    for block in range(nibbles.shape[1]):
        high, _, sign = _high_nibbles(nibbles[:collected, block])
        values[:, block] = (nibbles[:, block][:, high] * sign).mean(1)
    return values
