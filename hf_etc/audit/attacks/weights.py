"""Weights: what the position embedding of a model trained on ciphertexts says about the order of the blocks."""

from dataclasses import replace

import numpy as np

from ...blocks import Layout
from ...cipher import CipherSpec, EtcSpec
from ...cipher.keys import EtcKey
from ...errors import KeyMismatchError, ParameterError
from ..attack import AttackFailure, Compiled, Evidence, Recovery, register
from ..puzzle.matching import assign
from ..puzzle.pieces import layout_of, pieces_of
from ..puzzle.seriation import arrange, flatten, grid_model
from .dataset_jigsaw import BlockAttack

_MOST_BLOCKS = 400
_MIRRORED, _STARTS = 0.6, 12


@register
class Weights(BlockAttack):
    """Block permutation from a ViT's position embedding.

    A model adapted from public weights holds the public embedding in the order of the key (paper Eq. 6): matching
    the two gives the permutation. A model trained from random weights learns like embeddings for neighbouring
    blocks: their likeness gives the arrangement up to a turn.
    """

    name = "weights"
    goal = "the block permutation, from a trained model alone"
    given = "the weights of a ViT trained on ciphertexts of the key; the public weights it came from, if it did"
    source = "this package; the paper's Eq. 6 read backwards"
    needs = frozenset({"weights"})
    measure = "places_right"
    positive = EtcSpec(steps=("permutation",))
    enough = 0.5
    positive_evidence = "the positions of an ideal model"
    negative_evidence = "the model's positions in a random order"
    advice = "The trained model gives the order of the blocks away: guard it as you guard the ciphertexts."

    def run(self, evidence: Evidence) -> Recovery:
        assert evidence.weights is not None
        trained, public = evidence.weights
        height, width = evidence.size
        size = self.block_size(evidence)
        rows, columns = height // size, width // size
        if len(trained) != rows * columns:
            raise AttackFailure(f"the model has {len(trained)} positions, the images have {rows * columns} blocks")
        if public is not None:
            cells = match_positions(trained, public)
        else:
            cells = np.argsort(order_positions(trained, rows, columns))
        layout = layout_of(cells, 0, rows, columns, size)
        note = "turns, signs and colours of the blocks were not sought"
        return Recovery(layout.undo(evidence.targets), (layout,), True, note=note)

    def applies_to(self, spec: CipherSpec, height: int, width: int) -> str | None:
        size = spec.grid
        if (height // size) * (width // size) > _MOST_BLOCKS:
            return f"there are more than {_MOST_BLOCKS} blocks"
        if spec.key_scope == "image":
            return "with a plan for each image a model has no order of blocks to learn"
        return super().applies_to(spec, height, width)

    def ideal(self, evidence: Evidence, compiled: tuple[Compiled, ...]) -> Evidence:
        assert evidence.weights is not None and isinstance(compiled[0], Layout)
        return replace(evidence, weights=ideal_weights(evidence.weights[1], compiled[0]))

    def senseless(self, evidence: Evidence) -> Evidence:
        assert evidence.weights is not None
        trained, public = evidence.weights
        return replace(evidence, weights=(np.random.default_rng(0).permutation(trained), public))


def match_positions(trained: np.ndarray, public: np.ndarray) -> np.ndarray:
    """int (N,): the public position of each trained one; embeddings (N,D), compared after centring.

    Raises:
        AttackFailure: they are of different shapes.
    """
    if trained.shape != public.shape:
        raise AttackFailure(f"the public model has embeddings {public.shape}, the trained one {trained.shape}")
    return assign(-_normed(trained) @ _normed(public).T)


def order_positions(trained: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """The position that belongs in each place, up to a turn, from the likeness of the embeddings alone.

    Likeness is expected to fall with the distance. Photographs are alike on the left and on the right, and
    embeddings learn that, too: so it is also expected, to a lesser degree, from the mirrored place.

    Args:
        trained: position embedding, float (N,D).
        rows, columns: of the grid.

    Returns:
        int (N,).
    """
    likeness, near = _likeness(trained), grid_model(rows, columns, 2.0)
    mirrored = near.reshape(rows, columns, -1)[:, ::-1].reshape(near.shape)
    model = near + _MIRRORED * mirrored
    off = ~np.eye(len(model), dtype=bool)
    model = np.where(off, model - model[off].mean(), 0)
    return arrange(likeness, model, restarts=_STARTS, first=flatten(likeness, rows, columns))


def ideal_weights(public: np.ndarray | None, layout: Layout) -> tuple[np.ndarray, np.ndarray | None]:
    """Evidence from a model that holds the order of a key's blocks without a fault, for the positive control.

    Args:
        public: the public model's position embedding, float (N,D), or None for one trained from random weights.
        layout: the key's.

    Returns:
        Both models' position embeddings, as :class:`~hf_etc.audit.Evidence` has them.
    """
    size, columns = layout.block_size, layout.width // layout.block_size
    plain = smooth_positions(layout.height // size, columns) if public is None else public
    return plain[pieces_of(layout)[0] @ (columns, 1)], public


def smooth_positions(rows: int, columns: int, width: int = 32) -> np.ndarray:
    """float32 (rows*columns,width): sines and cosines of row and column, much as ViTs learn."""
    row, column = np.divmod(np.arange(rows * columns), columns)
    frequency = 0.15 * np.arange(1, width // 4 + 1)
    parts = [wave(np.outer(axis, frequency)) for axis in (row, column) for wave in (np.sin, np.cos)]
    return np.concatenate(parts, 1).astype(np.float32)


def load_positions(name_or_path: str, key: EtcKey | None = None) -> np.ndarray:
    """The position embedding of a ViT without its class token, float32 (N,D).

    Args:
        name_or_path: folder or Hub id.
        key: the key that the model must have been trained under.

    Raises:
        ParameterError: it cannot be loaded or is no ViT.
        KeyMismatchError: it was trained under another key.
    """
    from transformers import AutoModelForImageClassification

    from ...processor.image_processing import EtcImageProcessor

    try:
        model = AutoModelForImageClassification.from_pretrained(name_or_path)
    except (OSError, ValueError) as error:
        raise ParameterError(f"cannot load the model {name_or_path}: {str(error).splitlines()[0]}") from None
    positions = next((value for name, value in model.named_parameters() if name.endswith("position_embeddings")), None)
    if positions is None:
        raise ParameterError(f"{name_or_path} has no position embeddings; give a ViT")
    if key is not None:
        try:
            EtcImageProcessor.from_pretrained(name_or_path, key=key, allow_weak=True)  # no picture goes through it
        except (OSError, ValueError):
            raise KeyMismatchError(
                f"the model {name_or_path} was not trained under this key; use the other key"
            ) from None
    return positions.detach().numpy()[0, 1:].astype(np.float32)


def _normed(values: np.ndarray) -> np.ndarray:
    centred = values - values.mean(0)
    return centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-9)


def _likeness(values: np.ndarray) -> np.ndarray:
    normed = _normed(values)
    likeness = normed @ normed.T
    np.fill_diagonal(likeness, 0)
    return likeness
