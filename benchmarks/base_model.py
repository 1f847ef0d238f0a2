"""What a base model saves: accuracy and AUROC on a small private set, by the number of its training pictures.

The base model is pre-trained by anybody on public pictures that are scrambled afresh (``disposable: true``). The owner
of a small set then fine-tunes it on ciphertexts. Beside it: the same networks from scratch, on plain pictures, under
one key for all, and under a key for each.

Run: python benchmarks/base_model.py PRIVATE --base runs/base --image-size 32 --block-size 4 \\
         --model hidden_size=128,num_hidden_layers=6,num_attention_heads=4,intermediate_size=512
     (a stopped run goes on; writes results/base_model/*.json, and a table to the terminal and the page; another
     private set gets another --name)
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.metrics import roc_auc_score

from hf_etc import EtcKey
from hf_etc.cipher import EtcSpec
from hf_etc.experiments.cells import Cell, Experiment
from hf_etc.experiments.page import NOT_YET, hardware, rewrite, table
from hf_etc.experiments.runner import run
from hf_etc.experiments.store import SEED, Scale, Store
from hf_etc.models import load_model, logits_of
from hf_etc.sealing import Recipe, Sealer
from hf_etc.training.arguments import SourceArguments, arguments_from
from hf_etc.training.data import Split, load_eval_split
from hf_etc.training.evaluation import model_labels
from hf_etc.training.train import train

SETS = {"base_model": (100, 400, 798), "base_model_imagenette": (100, 400, 800)}
"""Private sets that the page shows, and how many of their pictures are trained on."""


@dataclass
class PrivateBench:
    """The private set, and where trained models are kept.

    Args:
        options: of the command line.
    """

    options: argparse.Namespace
    scale: Scale = "small"

    @property
    def seed(self) -> int:
        return self.options.seed

    @property
    def data_name(self) -> str:
        return f"{Path(self.options.private).name} {self.options.image_size}"

    def command(self, experiment: str) -> list[str]:
        return ["python", "benchmarks/base_model.py", self.data_name]

    @cached_property
    def split(self) -> Split:
        return load_eval_split(SourceArguments(self.options.private, max_eval_samples=self.options.test), self.seed)

    @cached_property
    def pictures(self) -> np.ndarray:
        return self.split.pictures((self.options.image_size,) * 2)


def settings_of(block: int) -> dict[str, EtcSpec | None]:
    """What happens to the pictures: nothing, one key for all, or a key for each with more and more left out."""
    presets: Any = {name: Recipe.of(preset=name, block_size=block).spec for name in ("private", "strict")}
    return {"plain": None, "one key": EtcSpec("dataset", block), "key per image": EtcSpec("image", block)} | presets


def measure(setting: str, start: str, count: int, bench: PrivateBench) -> dict[str, Any]:
    """Train on `count` pictures and test: "value" is the accuracy under fresh keys."""
    options = bench.options
    spec, folder = settings_of(options.block_size)[setting], f"{setting}-{start}-{count}".replace(" ", "-")
    folder += f"-seed{bench.seed}"
    arguments = common(options) | model_of(options, spec, start) | cipher_of(options, spec)
    arguments |= {"output_dir": str(options.work / folder), "seed": bench.seed, "max_train_samples": count}
    train(*arguments_from(arguments), verbose=False)
    model = load_model(options.work / folder).eval()
    labels, draws = np.array(model_labels(model, bench.split)), []
    for _ in range(3 if spec is not None and spec.key_scope == "image" else 1):
        key = EtcKey.load(options.key)  # of the training, where there is one for all; nonces are fresh
        draws.append(tested(model, bench.pictures, labels, None if spec is None else Sealer(key, Recipe(spec))))
    accuracy, auroc = np.mean(draws, 0)
    return {"value": float(accuracy), "auroc": float(auroc), "draws": draws, "test_images": len(labels)}


def tested(model: Any, pictures: np.ndarray, labels: np.ndarray, sealer: Sealer | None) -> tuple[float, float]:
    """Accuracy, and the area under the ROC curve (of two classes, or the mean of each against the others)."""
    logits = logits_of(model, pictures, None if sealer is None else sealer.encrypt)
    share = torch.from_numpy(logits).softmax(-1).numpy()
    score = share[:, 1] if share.shape[1] == 2 else share
    return float((share.argmax(1) == labels).mean()), float(roc_auc_score(labels, score, multi_class="ovr"))


def common(options: argparse.Namespace) -> dict[str, Any]:
    """What all trainings share: the same number of pictures seen, whatever the size of the set."""
    return {
        "dataset_name": options.private,
        "image_size": options.image_size,
        "crop_scale": 0.6,
        "flip": 0.5,
        "max_steps": options.steps,
        "per_device_train_batch_size": 50,
        "optim": "adamw_torch",
        "learning_rate": 5e-4,
        "weight_decay": 0.05,
        "warmup_steps": options.steps // 10,
        "lr_scheduler_type": "cosine",
        "label_smoothing_factor": 0.1,
        "bf16": True,
        "use_cpu": not torch.cuda.is_available(),
        "do_eval": False,
        "save_steps": 200,
        "save_total_limit": 1,
        "report_to": "none",
        "disable_tqdm": True,
    }


def model_of(options: argparse.Namespace, spec: EtcSpec | None, start: str) -> dict[str, Any]:
    """A bag of blocks, from the base model or from scratch, or a ViT with positions where those mean something."""
    if start == "base":
        return {"model_name_or_path": options.base}
    bag = spec is not None and spec.key_scope == "image"
    patches = f"patch_size={options.block_size},{options.model}"
    return {"model_name_or_path": "bag-vit" if bag else "vit", "model_config": patches}


def cipher_of(options: argparse.Namespace, spec: EtcSpec | None) -> dict[str, Any]:
    if spec is None:
        return {"protocol": "plain"}
    chosen = {name: getattr(spec, name) for name in ("block_size", "key_scope", "gap", "jitter", "keep")}
    default = EtcSpec(spec.key_scope, spec.block_size)
    changed = {name: value for name, value in chosen.items() if name == "block_size" or value != getattr(default, name)}
    scope = {"key_scope": spec.key_scope, "key_file": str(options.key)}
    drop = {"block_drop": 0.5} if spec.key_scope == "image" and spec.keep == 1 else {}
    return {"protocol": "re-encrypted"} | scope | changed | drop


ROWS = [("plain", "scratch"), ("one key", "scratch"), ("key per image", "scratch"), ("private", "scratch")]
ROWS += [("key per image", "base"), ("private", "base"), ("strict", "base")]


def cells(sizes: Sequence[int]) -> list[Cell]:
    return [
        Cell(f"{setting}-{start}-{count}".replace(" ", "-"), partial(measure, setting, start, count))
        for count in sizes
        for setting, start in ROWS
    ]


def report(name: str, sizes: Sequence[int], store: Store) -> str:
    """Accuracy, AUROC of each row that was measured, the mean over seeds; a column for each number of pictures."""

    def shown(setting: str, start: str, count: int) -> str:
        found = store.find(name, f"{setting}-{start}-{count}".replace(" ", "-"))
        if found is None:
            return NOT_YET
        auroc = np.mean([record["results"]["auroc"] for record in found.records])
        spread = f" ± {100 * found.spread:.1f}" if found.spread is not None else ""
        return f"{100 * found.value:.1f}{spread} % ({auroc:.3f})"

    rows = [[setting, start, *(shown(setting, start, count) for count in sizes)] for setting, start in ROWS]
    rows = [row for row in rows if set(row[2:]) != {NOT_YET}]
    header = ["pictures", "starts from", *(f"{count} pictures" for count in sizes)]
    machine = hardware(store, name, [cell.name for cell in cells(sizes)])
    return f"{table(header, rows)}\n\nMeasured at: {machine}."


def tables(store: Store) -> dict[str, Callable[[], str]]:
    """The tables of the page."""
    return {name.replace("_", "-"): partial(report, name, sizes, store) for name, sizes in SETS.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("private", help="labelled dataset, Hub id or folder")
    add("--base", required=True, help="base model, folder or Hub id")
    add("--image-size", type=int, default=224)
    add("--block-size", type=int, default=16)
    add("--model", default="", help="fields of the networks from scratch, name=value,name=value")
    add("--sizes", type=int, nargs="+", help="training pictures; each choice holds the last (default: the page's)")
    add("--steps", type=int, default=600, help="of each training, of 50 pictures")
    add("--test", type=int, help="test on this many pictures")
    add("--seed", type=int, default=SEED)
    add("--only", default="*", help="only the cells whose name matches, such as 'private-base-*'")
    add("--name", choices=SETS, default="base_model", help="of the records' folder, and of the table on the page")
    add("--work", type=Path, default=Path("runs/base_model"), help="trained models")
    add("--out", type=Path, default=Path("results"))
    add("--page", type=Path, default=Path("docs/base-model.md"), help="its tables are made anew")
    options = parser.parse_args()
    sizes = options.sizes or SETS[options.name]
    options.work.mkdir(parents=True, exist_ok=True)
    options.key = options.work / "owner.key"
    if not options.key.is_file():
        EtcKey.generate().save(options.key)
    store = Store(options.out)
    experiment = Experiment(options.name, "Base model", cells(sizes), partial(report, options.name, sizes))
    run([experiment], PrivateBench(options), store, options.only)
    print(experiment.report(store))
    rewrite(options.page, tables(store))


if __name__ == "__main__":
    main()
