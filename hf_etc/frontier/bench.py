"""What the measurements of the frontier work with: models, labelled pictures, and an attacker's own pictures."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from transformers import PreTrainedModel

from ..audit.attack import Scale
from ..cipher import EtcSpec
from ..experiments.cells import NotMeasured
from ..experiments.store import SEED
from ..metrics.similarity import Lpips
from ..models import load_model, logits_of
from ..sealing import Sealer
from ..training.arguments import SourceArguments
from ..training.data import Split, load_eval_split
from ..training.evaluation import model_labels

# Pictures to classify, to attack, and of the attacker's own.
AMOUNTS: dict[Scale, tuple[int | None, int, int]] = {
    "smoke": (64, 4, 24),
    "small": (1000, 20, 1000),
    "paper": (None, 100, 3000),
}


@dataclass
class FrontierBench:
    """Models and pictures of one dataset.

    Args:
        scale: how much to measure.
        dataset: name on the Hub, or folder; with a training and an evaluation split.
        models: folders or Hub ids, each for blocks of the size of its patches.
        size: (height, width) of the pictures before encryption.
        lpips: folder of LPIPS weights, or None.
        seed: of the choice of pictures.
        words: the command line, for the records.
    """

    scale: Scale
    dataset: str
    models: Sequence[str]
    size: tuple[int, int]
    lpips: Path | None = None
    seed: int = SEED
    words: Sequence[str] = field(default_factory=list)
    _plain: dict[int, float] = field(default_factory=dict, init=False)

    @property
    def data_name(self) -> str:
        return f"{Path(self.dataset).name} {self.size[0]}x{self.size[1]}"

    @property
    def name(self) -> str:
        """Of the experiment."""
        return f"frontier_{Path(self.dataset).name}_{self.size[0]}"

    def command(self, experiment: str) -> list[str]:
        return ["hf-etc", "frontier", *self.words]

    @cached_property
    def split(self) -> Split:
        """The pictures to classify and to attack."""
        count = AMOUNTS[self.scale][0]
        return load_eval_split(SourceArguments(self.dataset, max_eval_samples=count), self.seed)

    @cached_property
    def pictures(self) -> np.ndarray:
        """All of the split, uint8 (N,H,W,3)."""
        return self.split.pictures(self.size)

    @property
    def targets(self) -> np.ndarray:
        """Those that are attacked."""
        return self.pictures[: AMOUNTS[self.scale][1]]

    @property
    def collected(self) -> np.ndarray:
        """Those of which the attacker holds more ciphertexts."""
        return self.pictures[-50:]

    @cached_property
    def public(self) -> np.ndarray:
        """The attacker's own: of the training split, so none of the others."""
        count = AMOUNTS[self.scale][2]
        split = SourceArguments(self.dataset, eval_split="train", max_eval_samples=count)
        return load_eval_split(split, self.seed).pictures(self.size)

    @cached_property
    def metric(self) -> Lpips | None:
        return None if self.lpips is None else Lpips(self.lpips)

    @cached_property
    def networks(self) -> dict[int, PreTrainedModel]:
        """The models by the size of their patches."""
        models = [load_model(name).eval() for name in self.models]
        return {model.config.patch_size: model for model in models}

    def model(self, spec: EtcSpec) -> tuple[PreTrainedModel, np.ndarray]:
        """The model for a setting, and the pictures' labels in its numbering.

        Raises:
            NotMeasured: there is none.
        """
        if spec.block_size not in self.networks:
            raise NotMeasured(f"no model for blocks of {spec.block_size}; give one with --model")
        model = self.networks[spec.block_size]
        return model, np.array(model_labels(model, self.split))

    def top1(self, spec: EtcSpec, sealer: Sealer | None) -> float:
        """Accuracy of the model for a setting on all pictures as a sealer encrypts them; on plain ones without."""
        model, labels = self.model(spec)
        logits = logits_of(model, self.pictures, None if sealer is None else sealer.encrypt)
        return float((logits.argmax(-1) == labels).mean())

    def plain_top1(self, spec: EtcSpec) -> float:
        """The same on plain pictures, measured once for each model."""
        if spec.block_size not in self._plain:
            self._plain[spec.block_size] = self.top1(spec, None)
        return self._plain[spec.block_size]
