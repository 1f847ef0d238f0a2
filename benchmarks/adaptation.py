"""What ``hf_etc.adapt`` changes: the logits of a plain ViT against those of its adapted copies on ciphertexts.

Run: python benchmarks/adaptation.py frgfm/imagenette --model facebook/deit-tiny-patch16-224 --size 224 --size 384
     (writes results/adaptation.json; with --model the accuracy on the whole evaluation split, too)

Without --model the weights are random, of DeiT-Tiny's shape: the logits say as much, the accuracy nothing. A model with
other classes than the dataset's needs fine-tuning first: ``hf-etc train --protocol plain``.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from measuring import parser
from transformers import PreTrainedModel, ViTConfig, ViTForImageClassification

from hf_etc import EtcKey, adapt
from hf_etc.encoding import Encoding
from hf_etc.models import load_model, logits_of
from hf_etc.models.vit import resize_positions
from hf_etc.records import write_rows
from hf_etc.sealing import Sealer
from hf_etc.training.arguments import SourceArguments
from hf_etc.training.data import Split, load_eval_split
from hf_etc.training.evaluation import model_labels

PNG, JPEG = Encoding(), Encoding("jpeg", 85)
TINY = {"hidden_size": 192, "num_hidden_layers": 12, "num_attention_heads": 3, "intermediate_size": 768}


def main() -> None:
    arguments = parser(__doc__, "adaptation")
    arguments.add_argument("dataset", help="Hub id or folder")
    arguments.add_argument("--model", help="plain ViT or DeiT with the dataset's classes (default: random weights)")
    arguments.add_argument("--size", type=int, action="append", help="edge in pixels; repeat it (default: 224)")
    arguments.add_argument("--images", type=int, default=100, help="to compare logits on")
    arguments.add_argument("--keys", type=int, default=3)
    options = arguments.parse_args()
    few = load_eval_split(SourceArguments(options.dataset, max_eval_samples=options.images))
    split = load_eval_split(SourceArguments(options.dataset)) if options.model else few
    write_rows(
        options.out,
        "adaptation",
        rows(options, few, split),
        data={"name": options.dataset, "images": len(split)},
        settings={"model": options.model or "random weights", "keys": options.keys, "logits_on": len(few)},
    )


def rows(options: Any, few: Split, split: Split) -> Iterator[dict[str, Any]]:
    for edge in options.size or [224]:
        model = plain_model(options.model, edge)
        pictures = few.pictures((edge, edge))
        plain = logits_of(model, pictures)
        row = {"size": edge, "largest_logit": float(np.abs(plain).max()), "largest_difference": []}
        for _ in range(options.keys):
            adapted, client = adapt(model, EtcKey.generate())
            difference = logits_of(adapted, pictures, sent(client)) - plain
            row["largest_difference"].append(float(np.abs(difference).max()))
        if options.model:
            labels, pictures = np.array(model_labels(model, split)), split.pictures((edge, edge))
            found = {
                "plain": logits_of(model, pictures),
                "adapted": logits_of(adapted, pictures, sent(client)),
                "adapted, JPEG 85": logits_of(adapted, pictures, sent(client, JPEG)),
            }
            row["accuracy"] = {name: float((one.argmax(-1) == labels).mean()) for name, one in found.items()}
        yield row


def plain_model(name: str | None, edge: int) -> PreTrainedModel:
    if name is None:
        torch.manual_seed(0)
        return ViTForImageClassification(ViTConfig(image_size=edge, num_labels=10, **TINY)).eval()
    model = load_model(name)
    if model.config.image_size != edge:
        resize_positions(model, edge)
    return model.eval()


def sent(client: Any, encoding: Encoding = PNG) -> Callable[[np.ndarray], np.ndarray]:
    """What a server gets of plain pictures: a client's ciphertexts, in files of an encoding."""
    return Sealer(client.sealer().held, replace(client.sealer().recipe, encoding=encoding)).encrypt


if __name__ == "__main__":
    main()
