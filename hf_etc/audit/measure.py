"""The figures of docs/audit.md: ``python -m hf_etc.audit.measure NAME SOURCE [options]``.

Each run writes one record, results/audit_NAME_LABEL.json, anew after every row. ``python -m
hf_etc.audit.report.tables`` turns the records into the tables of the page.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch

from ..blocks import Layout
from ..cipher import CipherSpec, EtcSpec
from ..cipher.spec import make_spec
from ..encoding import Encoding
from ..records import write_rows
from .attack import Compiled, Recovery, Scale
from .attacks import get_attack
from .attacks.linkage import distances
from .owner import Owner, Shares, Trial, make_trial, near_copies
from .pictures import read_pictures
from .puzzle import compatibility
from .puzzle.assembly import assemble
from .puzzle.board import Board
from .puzzle.cells import cells_of
from .puzzle.compatibility import PairCosts, pair_costs
from .puzzle.pieces import pieces_of, split_blocks
from .scores import score, score_layout

_UNSEEN = 4
_COUNTS = (2, 3, 4, 5, 6, 8, 12, 16, 24, 32, 50)
_SEED = 1
Row = dict[str, Any]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one measurement and write its record."""
    words = list(sys.argv[1:] if argv is None else argv)
    parser = argparse.ArgumentParser(prog="python -m hf_etc.audit.measure", description=__doc__)
    parser.add_argument("name", choices=sorted({**MEASUREMENTS, **PRIVATE}))
    parser.add_argument("source", help="folder of images, or dataset")
    parser.add_argument("--images", type=int, default=100, help="drawn at random (default: 100)")
    parser.add_argument("--size", type=int, help="edge in pixels (default: the pictures' own, or 224)")
    parser.add_argument("--block-size", type=int, default=16)
    parser.add_argument("--gap", type=int, default=0, help="of private ciphertexts, and their jitter (default: 0)")
    parser.add_argument("--split", help="of a dataset, to draw from")
    parser.add_argument("--public", help="split of the same dataset with the attacker's own pictures")
    parser.add_argument("--public-images", type=int, default=1200, help="of these at most (default: 1200)")
    parser.add_argument("--scale", choices=get_args(Scale), default="small", help="of what is trained (default: small)")
    parser.add_argument("--folder", type=Path, help="where trained networks are kept for the next run")
    parser.add_argument("--out", type=Path, default=Path("results"), help="folder of the record (default: results)")
    options = parser.parse_args(words)
    size = (options.size, options.size) if options.size else None
    spec = EtcSpec(block_size=options.block_size)
    images = read_pictures(
        options.source, spec, limit=options.images, size=size, split=options.split, seed=_SEED
    ).pixels
    measurement = MEASUREMENTS.get(options.name)
    if measurement is None:
        many = options.public_images
        public = read_pictures(options.source, spec, limit=many, size=size, split=options.public, seed=_SEED).pixels
        private = EtcSpec("image", options.block_size, gap=options.gap, jitter=options.gap)
        outsider = Outsider(public, options.scale, options.folder)
        measurement = partial(PRIVATE[options.name], spec=private, outsider=outsider)
    source = Path(options.source).name
    label = f"{source}_{images.shape[1]}_{options.block_size}" + (f"_gap{options.gap}" if options.gap else "")
    data: dict[str, Any] = {"name": source, "images": len(images), "height": images.shape[1], "width": images.shape[2]}
    write_rows(
        options.out / f"audit_{options.name.replace('-', '_')}_{label}.json",
        f"audit {options.name}",
        attacked(measurement(images, options.block_size), data),
        data=data,
        seed=_SEED,
        settings={"block_size": options.block_size}
        | ({"gap": options.gap, "scale": options.scale} if options.name in PRIVATE else {}),
        command=["python", "-m", "hf_etc.audit.measure", *words],
    )
    return 0


def attacked(rows: Iterable[Row], data: dict[str, Any]) -> Iterator[Row]:
    """The rows; `data` gets the number of pictures attacked so far, since a run may be interrupted."""
    seen = set()
    for row in rows:
        if "image" in row:
            seen.add(row["image"])
            data["images"] = len(seen)
        yield row


@dataclass(frozen=True, repr=False)
class Outsider:
    """Who attacks single ciphertexts.

    Attributes:
        public: uint8 (L,H,W,3), the attacker's own pictures.
        scale: of what is trained.
        folder: where it is kept, or None.
    """

    public: np.ndarray
    scale: Scale
    folder: Path | None


def dataset_jigsaw(images: np.ndarray, block_size: int) -> Iterator[Row]:
    """The share of neighbours found and of unseen images decrypted, by the number of ciphertexts."""
    shares = Shares(images[:_UNSEEN], images[_UNSEEN:], images[:1], images[:0])
    for codec in (None, Encoding("jpeg", 85), Encoding("jpeg", 80), Encoding("jpeg", 80, "4:2:0")):
        yield from _by_count(make_trial(Owner.new(EtcSpec(block_size=block_size), codec), shares), "dataset", codec)
    yield from _by_count(make_trial(Owner.new(EtcSpec("image", block_size)), shares), "image", None)


def _by_count(trial: Trial, scope: str, codec: Encoding | None) -> Iterator[Row]:
    """Up to success, and then once more with 50 ciphertexts."""
    attack, done = get_attack("dataset-jigsaw"), False
    assert trial.evidence.ciphertexts is not None
    for count in _COUNTS:
        if (done or scope == "image") and count != _COUNTS[-1]:
            continue
        part = replace(trial.evidence, ciphertexts=trial.evidence.ciphertexts[:count])
        start = time.process_time()
        recovery = attack.run(part.only(attack.needs))
        seconds = time.process_time() - start
        found = score(recovery, trial)
        assert found.neighbours_right is not None
        done = done or (found.neighbours_right >= 0.99 and found.exact_up_to_symmetry == found.images)
        yield {
            "key_scope": scope,
            "format": str(codec or "lossless"),
            "ciphertexts": count,
            "neighbours_right": found.neighbours_right,
            "pieces_right": found.pieces_right_up_to_symmetry,
            "unseen": found.images,
            "decrypted": found.exact,
            "decrypted_up_to_symmetry": found.exact_up_to_symmetry,
            "cpu_seconds": round(seconds, 1),
        }


def jigsaw(images: np.ndarray, block_size: int) -> Iterator[Row]:
    """Single ciphertexts, a key per image: best partners right, by plain boundary prediction and by the audit's
    measure, then what assembly makes of the latter."""
    spec = EtcSpec("image", block_size)
    for number, image in enumerate(images):
        ciphertexts, (truth,) = Owner.new(spec).encrypt(image[None])
        assert isinstance(truth, Layout)
        blocks = split_blocks(ciphertexts, block_size)
        start = time.process_time()
        costs = pair_costs(blocks)
        found = score_layout(assemble(costs, truth.height // block_size, truth.columns, block_size), truth)
        yield {
            "image": number,
            "baseline_best_right": right_partners(boundary_prediction(blocks[0]), truth),
            "best_right": right_partners(costs, truth),
            "neighbours_right": found.neighbours_right,
            "largest_component": found.largest_component,
            "pieces_right": found.pieces_right_up_to_symmetry,
            "cpu_seconds": round(time.process_time() - start, 1),
        }


def known_plaintext(images: np.ndarray, block_size: int) -> Iterator[Row]:
    """One known pair for every cipher, lossless and after JPEG: the share of the key, and what it decrypts."""
    shares = Shares(images[1 : 1 + _UNSEEN], images[:0], images[:1], images[:0])
    jpeg = (None, Encoding("jpeg", 85))
    rows: list[tuple[str, CipherSpec, tuple[Encoding | None, ...]]] = [
        ("etc", EtcSpec(block_size=block_size), jpeg),
        ("etc (shared block key)", EtcSpec(block_size=block_size, shared_block_key=True), jpeg),
        *((name, make_spec(name), (None,)) for name in ("le", "ele", "pe")),  # not made for JPEG
    ]
    attack = get_attack("known-plaintext")
    for name, spec, codecs in rows:
        for codec in codecs:
            trial = make_trial(Owner.new(spec, codec), shares)
            start = time.process_time()
            recovery = attack.run(trial.evidence.only(attack.needs))
            seconds = time.process_time() - start
            found = score(recovery, trial)
            assert found.ssim is not None
            yield {
                "cipher": name,
                "format": str(codec or "lossless"),
                "key_share": found.key_share,
                "blocks": found.blocks,
                "undecidable": found.undecidable,
                "blocks_restored": found.blocks_restored,
                "unseen": found.images,
                "decrypted": found.exact,
                "ssim": found.ssim.median,
                "cpu_seconds": round(seconds, 1),
            }


def statistics(images: np.ndarray, block_size: int) -> Iterator[Row]:
    """PE and LE under one key, from ciphertexts alone, by the number of ciphertexts."""
    attack = get_attack("statistics")
    for name in ("pe", "le"):
        trial = make_trial(Owner.new(make_spec(name)), Shares(images[:8], images[8:], images[:0], images[:0]))
        for count in (5, 16, 50):
            assert trial.evidence.ciphertexts is not None
            part = replace(trial.evidence, ciphertexts=trial.evidence.ciphertexts[:count])
            found = score(attack.run(part), trial)
            assert found.ssim is not None
            yield {
                "cipher": name,
                "ciphertexts": count,
                "key_share": found.key_share,
                "unseen": found.images,
                "decrypted": found.exact,
                "ssim": found.ssim.median,
            }


def jigsaws(
    names: Sequence[str], images: np.ndarray, block_size: int, spec: EtcSpec, outsider: Outsider
) -> Iterator[Row]:
    """Attacks on single ciphertexts, on the same, whole and in part; and what a wrong key reaches."""
    for keep in (1, 0.5):
        owner = Owner.new(replace(spec, keep=keep))
        for number, image in enumerate(images):
            shares = Shares(image[None], images[:0], images[:0], outsider.public)
            trial = make_trial(owner, shares, outsider.scale, folder=outsider.folder, progress=print)
            row: Row = {"image": number, "keep": keep}
            for name in names:
                attack, start = get_attack(name), time.process_time()
                figures = _figures(attack.run(trial.evidence.only(attack.needs)), trial)
                row[name] = figures | {"cpu_seconds": round(time.process_time() - start, 1)}
            compiled = owner.without_gaps(owner.another().encrypt(image[None])[1], *image.shape[:2])
            wrong = Recovery(replace(trial, compiled=compiled).decrypted, compiled, up_to_symmetry=True)
            yield row | {"chance": _figures(wrong, trial)}


def _figures(recovery: Recovery, trial: Trial) -> Row:
    found = score(recovery, trial)
    assert found.ssim_up_to_symmetry is not None and recovery.compiled is not None
    return {
        "neighbours_right": found.neighbours_right,
        "places_right": found.places_right,
        "largest_component": found.largest_component,
        "pieces_right": found.pieces_right_up_to_symmetry,
        "cells_right": cells_right(recovery.compiled[0], trial.compiled[0]),
        "ssim": found.ssim_up_to_symmetry.median,
    }


def cells_right(found: Compiled, truth: Compiled) -> float:
    """The share of blocks in their cells, whatever their states, of the picture or of its mirror image."""
    assert isinstance(found, Layout) and isinstance(truth, Layout)
    (places, _), (cells, _) = pieces_of(found), pieces_of(truth)
    mirrored = places * (1, -1) + (0, found.width // found.block_size - 1)
    return max(float((one == cells).all(1).mean()) for one in (places, mirrored))


def linkage(images: np.ndarray, block_size: int, spec: EtcSpec, outsider: Outsider) -> Iterator[Row]:
    """The share of pictures of which a copy finds the ciphertext among those of all: the picture itself, saved as
    JPEG 75, and at half the size."""
    cells = cells_of(spec, *images.shape[1:3])
    for keep in (1, 0.5):
        ciphertexts, _ = Owner.new(replace(spec, keep=keep)).encrypt(images)
        for copies in ("same", "jpeg 75", "half as large, jpeg 75"):
            known = images if copies == "same" else near_copies(images, 1 if copies == "jpeg 75" else 2)
            found = distances(known, ciphertexts, cells).argmin(1)
            linked = float(np.mean(found == np.arange(len(images))))
            yield {"keep": keep, "copies": copies, "among": len(images), "linked": linked}


PRIVATE: dict[str, Callable[..., Iterator[Row]]] = {
    "linkage": linkage,
    "pair-score": partial(jigsaws, ("jigsaw", "pair-score")),
    "position-transformer": partial(jigsaws, ("jigsaw", "pair-score", "position-transformer")),
}
MEASUREMENTS: dict[str, Callable[[np.ndarray, int], Iterator[Row]]] = {
    "dataset-jigsaw": dataset_jigsaw,
    "jigsaw": jigsaw,
    "known-plaintext": known_plaintext,
    "statistics": statistics,
}


def right_partners(costs: PairCosts, truth: Layout) -> float:
    """The share of sides inside the picture whose best partner, of all sides in all variants, is the true one."""
    return float(np.mean(Board.of_layout(costs, truth).best_partners()))


def boundary_prediction(blocks: np.ndarray) -> PairCosts:
    """The baseline: each edge line predicts the next one linearly; squared differences, in both directions.

    Args:
        blocks: uint8 (N,B,B,3) of one ciphertext.
    """
    strips = compatibility.strips_of(torch.from_numpy(blocks))
    edge, ahead = strips[:, 0], 2 * strips[:, 0] - strips[:, 1]
    energy = edge.square().sum((1, 2)) + ahead.square().sum((1, 2))
    count = len(edge)
    costs = torch.empty(count, 2, 6, 2, count)
    for color, code in enumerate(compatibility.COLOR_LISTS):
        for flip in range(2):
            other = [one[..., code] if flip else one[..., code].flip(1) for one in (edge, ahead)]
            match = ahead.flatten(1) @ other[0].flatten(1).T + edge.flatten(1) @ other[1].flatten(1).T
            costs[:, flip, color, 0] = energy[:, None] + energy - 2 * match
            costs[:, flip, color, 1] = energy[:, None] + energy + 2 * match
    block = torch.arange(count) % (count // 4)
    costs = costs.reshape(count, compatibility.VARIANTS, count)
    return PairCosts(costs.masked_fill_((block[:, None] == block)[:, None], 1e9))


if __name__ == "__main__":
    sys.exit(main())
