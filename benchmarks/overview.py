"""The figure at the top of the README: pictures, what is sent of them, what the audit restores, and the label.

Run: python benchmarks/overview.py DATASET MODEL     (minutes; writes docs/figures/overview.png, results/overview.json)

MODEL takes private ciphertexts of the pictures' classes (docs/base-model.md). The figure shows the first test pictures
that it labels rightly; how many of all it does, stands in the record and in the figure.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch
from measuring import parser
from transformers import AutoModelForImageClassification

from hf_etc import EtcCipher, EtcImageProcessor, EtcKey
from hf_etc.audit import audit
from hf_etc.experiments.figures import figure, save
from hf_etc.records import result_record, write_json
from hf_etc.training.arguments import DataArguments
from hf_etc.training.data import Split, load_splits

SIZE, BLOCK, ROWS, COLLECTED, PUBLIC, TESTED, BATCH = (224, 224), 16, 2, 8, 1000, 1000, 50


def main() -> None:
    options = _options()
    splits = load_splits(DataArguments(protocol="plain", dataset_name=options.dataset))
    test, classes = splits["eval"], splits["eval"].class_names
    drawn = np.random.default_rng(options.seed).permutation(len(test))[:TESTED]
    pictures = _pictures(test, drawn)
    answers = _answers(options.model, pictures)
    right = answers.argmax(1) == np.asarray(test.labels)[drawn]
    shown, others = np.flatnonzero(right)[:ROWS], np.flatnonzero(~right)[:COLLECTED]

    targets, collected = pictures[shown], pictures[others]
    public = _pictures(splits["train"], np.arange(min(PUBLIC, len(splits["train"]))))
    one_key = audit(
        np.concatenate([targets, collected]),
        EtcCipher(EtcKey.generate(), BLOCK),
        attacks=["dataset-jigsaw"],
        targets=ROWS,
        progress=print,
    )
    private = audit(
        np.concatenate([targets, public]),
        EtcCipher.private(EtcKey.generate()),
        attacks=["pair-score"],
        scale="small",
        targets=ROWS,
        progress=print,
    )
    labels = [f"{classes[answers[i].argmax()]}, {100 * answers[i].max():.0f} %" for i in shown]
    found: dict[str, Any] = {
        "labelled_right": float(right.mean()),
        "tested_images": len(right),
        "shown_labels": labels,
        "one_key": one_key.results[0].to_dict(),
        "private": private.results[0].to_dict(),
    }
    data = {"name": Path(options.dataset).name, "size": SIZE, "public_images": len(public)}
    write_json(options.out, result_record("overview", found, data=data, seed=options.seed))
    _draw(targets, one_key, private, labels, found["labelled_right"], options.figure)


def _options() -> argparse.Namespace:
    found = parser(__doc__, "overview")
    found.add_argument("dataset")
    found.add_argument("model")
    found.add_argument("--seed", type=int, default=7)
    found.add_argument("--figure", type=Path, default=Path("docs/figures/overview.png"))
    return found.parse_args()


def _pictures(split: Split, rows: np.ndarray) -> np.ndarray:
    return Split(split.table.select(rows), split.image, [], split.class_names, split.name).pictures(SIZE)


def _answers(folder: str, pictures: np.ndarray) -> np.ndarray:
    """Probabilities (N,classes) on private ciphertexts."""
    client = EtcImageProcessor.from_pretrained(folder, key=EtcKey.generate())
    model = AutoModelForImageClassification.from_pretrained(folder).eval()
    batches = (list(pictures[start : start + BATCH]) for start in range(0, len(pictures), BATCH))
    with torch.inference_mode():
        logits = [model(**client(batch, return_tensors="pt")).logits for batch in batches]
    return torch.cat(logits).float().softmax(-1).numpy()


def _draw(targets: np.ndarray, one_key: Any, private: Any, labels: list[str], right: float, path: Path) -> None:
    heads = ["picture", "sent, one key for all", "restored by the audit", "sent, private mode", "restored by the audit"]
    drawn = figure(11, 2.45 * len(targets) + 0.5)
    panels = drawn.subplots(len(targets), len(heads), squeeze=False)
    for i, (row, label) in enumerate(zip(panels, labels, strict=True)):
        shown = [targets[i], one_key.ciphertexts[i], one_key.results[0].restored[i]]
        shown += [private.ciphertexts[i], private.results[0].restored[i]]
        for axes, picture in zip(row, shown, strict=True):
            axes.imshow(picture)
            axes.set_xticks([])
            axes.set_yticks([])
        row[3].set_xlabel(f"label: {label}", fontsize=9, weight="bold")
    for axes, head in zip(panels[0], heads, strict=True):
        axes.set_title(head, fontsize=10)
    for axes, result in ((panels[-1][2], one_key.results[0]), (panels[-1][4], private.results[0])):
        axes.set_xlabel(f"{result.attack}: {100 * result.value:.0f} % of the\nneighbouring blocks found", fontsize=8)
    panels[-1][0].set_xlabel(f"private mode at this scale:\n{100 * right:.0f} % of labels right", fontsize=8)
    save(drawn, path)


if __name__ == "__main__":
    main()
