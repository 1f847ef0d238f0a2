"""Linkage: whoever has a picture finds its ciphertext among many. It restores nothing."""

from dataclasses import replace

import numpy as np
import torch

from ...cipher import EtcSpec
from ..attack import Evidence, Recovery, register
from ..puzzle.cells import Cells
from ..puzzle.pieces import split_blocks
from .dataset_jigsaw import BlockAttack

_RINGS = ((1, 1.5), (1.5, 2.5), (2.5, 3.5))  # of frequencies, in periods per block; copies may have lost finer ones


@register
class Linkage(BlockAttack):
    """Blocks are compared by what no turn, negation or order of colours changes, and in any order.

    Each ciphertext block is matched with the most similar window of the picture; the ciphertext whose blocks are
    nearest on average is the picture's. So a near copy does as well, and so does a part of the blocks.
    """

    name = "linkage"
    goal = "which ciphertext belongs to a picture that the attacker has already; it restores nothing"
    given = "near copies of the plain pictures (half as large, JPEG 75), and many ciphertexts"
    source = "this package"
    needs = frozenset({"copies", "ciphertexts"})
    measure = "linked"
    partial = True
    positive = EtcSpec(key_scope="image", steps=("permutation",))
    enough = 0.9
    negative_evidence = "noise instead of the copies"
    advice = (
        "Whoever has a picture, or a near copy, finds its ciphertext and what is stored with it, such as its label: "
        "send no ciphertexts of pictures that are known elsewhere, if it must not be known that they are among yours."
    )

    def run(self, evidence: Evidence) -> Recovery:
        assert evidence.copies is not None and evidence.ciphertexts is not None
        candidates = np.concatenate([evidence.targets, evidence.ciphertexts])
        distance = distances(evidence.copies, candidates, self.cells(evidence))
        return Recovery(None, linked=distance.argmin(1), note=f"{len(candidates)} ciphertexts to choose from")

    def senseless(self, evidence: Evidence) -> Evidence:
        assert evidence.copies is not None
        noise = np.random.default_rng(0).integers(0, 256, evidence.copies.shape, np.uint8)
        return replace(evidence, copies=noise)


def distances(copies: np.ndarray, ciphertexts: np.ndarray, cells: Cells) -> np.ndarray:
    """How far each ciphertext is from each picture, float (T,M).

    Args:
        copies: uint8 (T,H,W,3), plain.
        ciphertexts: uint8 (M,h,w,3), all or some of the blocks of such pictures.
        cells: where blocks may lie in the pictures.
    """
    there = np.stack([invariants(split_blocks(one[None], cells.block_size)[0]) for one in ciphertexts])
    scale = there.reshape(-1, there.shape[2]).std(0) + 1e-6
    blocks = torch.from_numpy(there / scale)
    out = np.empty((len(copies), len(ciphertexts)), np.float32)
    for row, copy in enumerate(copies):
        own = torch.from_numpy(invariants(cells.windows(copy)) / scale)
        out[row] = torch.cdist(blocks, own).amin(2).mean(1).numpy()
    return out


def invariants(blocks: np.ndarray) -> np.ndarray:
    """What is the same of a block in all of its 96 variants: uint8 (N,B,B,3) -> float32 (N,9).

    The distances of the components' means from the middle, in order; that of all together; how much changes within
    the block at low frequencies, whatever their direction, in all components and in their sum.
    """
    pixels = blocks.astype(np.float32) / 127.5 - 1
    means, size = pixels.mean((1, 2)), blocks.shape[1]
    frequency = np.abs(np.fft.fftfreq(size, 1 / size))
    distance = np.hypot(frequency[:, None], frequency)
    found = [np.sort(np.abs(means), 1), np.abs(means.sum(1, keepdims=True))]
    for parts in (pixels, pixels.sum(3, keepdims=True)):
        power = np.square(np.abs(np.fft.fft2(parts, axes=(1, 2)))).sum(3) / size**4
        rings = [power[:, (distance >= low) & (distance < high)].sum(1) for low, high in _RINGS]
        found.append(np.sqrt(np.stack(rings[: 3 if parts is pixels else 2], 1)))
    return np.concatenate(found, 1).astype(np.float32)
