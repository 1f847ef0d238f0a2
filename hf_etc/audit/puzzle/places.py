"""Where each block lies in the picture and in which state, learned from the attacker's own pictures.

A transformer sees all blocks of one ciphertext at once, as a bag: each in its canonical form, so that neither their
order nor their variants say anything, whatever the key. For each it answers with the likelihood of every cell of the
grid and of every state. A picture and its mirror image make the same bags, so at first left and right are alike; some
blocks may therefore be given in their places, and the others are asked for beside them: first none, then those that
were surest, round by round.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor, nn
from torch.nn import functional as F

from ...models.canonical import CanonicalBlocks
from ..training import Budget, best_device, fit_network
from .cells import Cells
from .pieces import STATE_AFTER, STATE_INVERSE, STATES

_HEAD = 32  # width of a head of attention
_RATE = 0.256  # of learning, over the width
_ROUNDS = 12
_AT_ONCE = 16  # ciphertexts
_EPOCHS = 200  # of few pictures: at most as many
_NONE, _LEAST_SENT = 0.3, 0.25  # the share of batches without a given block; the least share of blocks in a bag
_IGNORED = -100


class Placer(nn.Module):
    """Blocks to the cell and the state of each.

    Args:
        cells: of the cipher.
        width, depth: of the transformer.
    """

    def __init__(self, cells: Cells, width: int, depth: int) -> None:
        super().__init__()
        self.cells, self.width = cells, width
        self.waiting, self.placed = (_embedding(3 * cells.block_size**2, width) for _ in range(2))
        self.row, self.column = nn.Embedding(cells.rows, width), nn.Embedding(cells.columns, width)
        heads, inner = max(1, width // _HEAD), 4 * width
        layer = nn.TransformerEncoderLayer(width, heads, inner, 0.0, "gelu", batch_first=True, norm_first=True)
        self.mix = nn.TransformerEncoder(layer, depth, nn.LayerNorm(width), enable_nested_tensor=False)
        self.answer = nn.Linear(width, cells.count + STATES)

    def forward(self, bag: tuple[Tensor, Tensor]) -> Tensor:
        """The logits of all cells and then of all states, float (M, N, cells + 96).

        Args:
            bag: float (M, N, 3 * B * B) from -1 to 1, and int64 (M, N): the cell of a block that is given in its
                place, and then shown as it is in the picture; -1 for another, shown in its canonical form.
        """
        blocks, cells = bag
        with torch.autocast(blocks.device.type, torch.bfloat16):
            given = (cells >= 0)[..., None]
            at = cells.clamp_min(0)
            placed = self.placed(blocks) + self.row(at // self.cells.columns) + self.column(at % self.cells.columns)
            answer = self.answer(self.mix(torch.where(given, placed, self.waiting(blocks))))
        return answer.float()


def _embedding(values: int, width: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(values, 2 * width), nn.GELU(), nn.Linear(2 * width, width))


@dataclass(frozen=True, repr=False)
class Bag:
    """Blocks in their canonical forms.

    Attributes:
        forms: float (M, N, 3 * B * B) from -1 to 1.
        states: int64 (M, N), what was done to each block to make them.
    """

    forms: Tensor
    states: Tensor

    @classmethod
    def of(cls, blocks: np.ndarray) -> "Bag":
        """Those of uint8 (M,N,B,B,3)."""
        canonical, levels = _canonical(blocks.shape[2]), _levels(blocks)
        variant, sign = canonical.variant(levels)
        return cls(canonical.changed(levels, variant, sign) / 255, 2 * variant + (sign < 0))

    def shown(self, states: Tensor) -> Tensor:
        """The forms, each in a state, int64 (M,N)."""
        canonical = _canonical(round((self.forms.shape[2] / 3) ** 0.5))
        return canonical.changed(self.forms, states // 2, 1 - 2 * (states % 2))


@cache
def _canonical(block_size: int) -> CanonicalBlocks:
    return CanonicalBlocks(block_size)


def _levels(blocks: np.ndarray) -> Tensor:
    """uint8 (M,N,B,B,3) -> the levels that :class:`CanonicalBlocks` works with."""
    values = torch.from_numpy(np.ascontiguousarray(blocks.transpose(0, 1, 4, 2, 3))).flatten(2)
    return values.to(_canonical(blocks.shape[2]).exact) * 2 - 255


def fit_placer(
    pictures: np.ndarray,
    make: Callable[[], Placer],
    budget: Budget,
    progress: Callable[[str], None] = lambda line: None,
    seed: int = 0,
) -> Placer:
    """Train on plain pictures, mirrored at random: all their blocks, or a random share of them.

    Args:
        pictures: uint8 (L,H,W,3).
        make: a new network.
        budget: its batch counts blocks.
        progress: receives some lines.
        seed: of all random choices.
    """
    torch.manual_seed(seed)
    device, random = best_device(), np.random.default_rng(seed)
    network = make().to(device)
    cells, rate = network.cells, _RATE / network.width

    def batch() -> tuple[tuple[Tensor, Tensor], Tensor]:
        some = pictures[random.integers(0, len(pictures), max(1, budget.batch // cells.count))]
        mirrored = random.integers(0, 2, (len(some), 1, 1, 1)) > 0
        bag, answers = examples(np.where(mirrored, some[:, :, ::-1], some), cells, random)
        return (bag[0].to(device), bag[1].to(device)), answers.to(device)

    budget = Budget(min(budget.steps, _EPOCHS * len(pictures)), budget.batch)
    fit_network(network, batch, _loss, budget, rate, progress)
    return network


def examples(pictures: np.ndarray, cells: Cells, random: np.random.Generator) -> tuple[tuple[Tensor, Tensor], Tensor]:
    """What :class:`Placer` takes, of plain pictures uint8 (M,H,W,3), some blocks given in their places; and int64
    (M,N,2), the cell and the state of each of the others."""
    blocks = cells.cut(pictures, random)
    sent = cells.count if random.random() < 0.5 else round(cells.count * random.uniform(_LEAST_SENT, 1))
    places = random.permuted(np.tile(np.arange(cells.count), (len(blocks), 1)), axis=1)[:, : max(2, sent)]
    bag = Bag.of(np.take_along_axis(blocks, places[..., None, None, None], 1))
    states = torch.from_numpy(STATE_INVERSE)[bag.states]
    count = 0 if random.random() < _NONE else random.integers(0, places.shape[1])
    given = torch.from_numpy(random.permuted(np.tile(np.arange(places.shape[1]) < count, (len(blocks), 1)), axis=1))
    at = torch.from_numpy(places)
    shown = torch.where(given[..., None], bag.shown(states), bag.forms)
    answers = torch.stack([at, states], -1).masked_fill(given[..., None], _IGNORED)
    return (shown.float(), torch.where(given, at, -1)), answers


def _loss(logits: Tensor, answers: Tensor) -> Tensor:
    where, state = logits.flatten(0, 1).tensor_split([logits.shape[-1] - STATES], 1)
    of_cells, of_states = answers.flatten(0, 1).T
    return F.cross_entropy(where, of_cells) + F.cross_entropy(state, of_states)


def place(network: Placer, blocks: np.ndarray, rounds: int = _ROUNDS) -> tuple[np.ndarray, np.ndarray]:
    """Put the blocks of ciphertexts together.

    In each round all blocks that wait are assigned to free cells, as likely as possible together, and the surest are
    left there.

    Args:
        network: trained.
        blocks: uint8 (M,N,B,B,3).
        rounds: more take longer and let blocks be placed beside more others.

    Returns:
        The cell of each block and its state in the picture, each int64 (M,N).
    """
    parts = [_place(network, Bag.of(blocks[i : i + _AT_ONCE]), rounds) for i in range(0, len(blocks), _AT_ONCE)]
    cells, states = (np.concatenate(part) for part in zip(*parts, strict=True))
    return cells, states


@torch.no_grad()
def _place(network: Placer, bag: Bag, rounds: int) -> tuple[np.ndarray, np.ndarray]:
    shape, device = bag.states.shape, next(network.parameters()).device
    cells, states = np.full(shape, -1), np.zeros(shape, np.int64)
    for goal in np.unique(np.ceil(shape[1] * np.linspace(1 / rounds, 1, rounds) ** 2).astype(int)):
        given = torch.from_numpy(cells)
        seen = torch.where(given[..., None] >= 0, bag.shown(torch.from_numpy(states)), bag.forms)
        logits = network((seen.float().to(device), given.to(device))).cpu()
        where, state = (part.log_softmax(-1).numpy() for part in logits.tensor_split([logits.shape[-1] - STATES], -1))
        for picture, taken in enumerate(cells):
            _settle(where[picture], state[picture], taken, states[picture], goal)
    return cells, STATE_AFTER[bag.states.numpy(), states]


def _settle(where: np.ndarray, state: np.ndarray, cells: np.ndarray, states: np.ndarray, goal: int) -> None:
    """Place blocks of one picture, surest first, until `goal` are; `cells` and `states` are written to."""
    waiting = np.flatnonzero(cells < 0)
    free = np.setdiff1d(np.arange(where.shape[1]), cells)
    likely = where[np.ix_(waiting, free)]
    block, cell = linear_sum_assignment(likely, maximize=True)
    sure = np.argsort(-(likely[block, cell] + state[waiting].max(1)[block]))[: goal - (cells >= 0).sum()]
    chosen = waiting[block[sure]]
    cells[chosen], states[chosen] = free[cell[sure]], state[chosen].argmax(1)
