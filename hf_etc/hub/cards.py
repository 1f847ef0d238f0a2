"""Model and dataset cards, generated from what the files themselves say and from measured records."""

import re
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from huggingface_hub import DatasetCard, DatasetCardData, ModelCard, ModelCardData

from ..cipher import CipherSpec
from ..errors import INSTALL, ParameterError
from ..processor.image_processing import EtcImageProcessor
from .guard import Encryption
from .results import eval_results, read_evaluation, results_text

_ANY_KEY = "Any key does, or disposable=True in place of one."
_HUB_ID = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?")
_THREATS = {
    "dataset": "One key encrypts every image. Whoever collects a handful of ciphertexts, or one picture in plain and "
    "encrypted form, can recover that key and decrypt the rest.",
    "image": "Every image has its own encryption, from the key and a public nonce. The blocks of a single photograph "
    "can be put together again like a jigsaw puzzle, mostly or in part.",
    "gap": "Every image has its own encryption, and the pixels between its blocks are left out: the wider the gap, the "
    "fewer blocks can be put beside their neighbours. Each block stays visible, and whoever has a picture can tell "
    "which ciphertext is of it.",
}


def model_card(
    repo_id: str,
    processor: Any,
    network: str,
    records: Sequence[str | Path] = (),
    datasets: Sequence[str] = (),
) -> ModelCard:
    """The card of a classifier.

    Args:
        repo_id: where it will be.
        processor: of the model: an EtcImageProcessor, or another one for a model of plain images.
        network: what it is, such as "IsotropicForImageClassification, 706,570 parameters".
        records: JSON files written by ``hf-etc evaluate``.
        datasets: Hub ids of the datasets trained on.

    Raises:
        ParameterError: a record is not one of an evaluation, or a dataset's name not one of the Hub.
        KeyMismatchError: a record is of a model with another key.
    """
    for name in datasets:
        if not _HUB_ID.fullmatch(name):
            raise ParameterError(f"{name!r} is not a dataset's name on the Hub, such as user/name; leave it out")
    encrypted = isinstance(processor, EtcImageProcessor)
    evaluations = [read_evaluation(path, processor.cipher_id if encrypted else None) for path in records]
    title = repo_id.split("/")[-1]
    data = ModelCardData(
        library_name="transformers",
        pipeline_tag="image-classification",
        tags=["hf-etc", "image-classification", *(["encrypted-images", "privacy"] if encrypted else [])],
        datasets=list(datasets) or None,
        model_name=title if evaluations else None,
        eval_results=eval_results(evaluations) or None,
    )
    size = _size(processor.size)
    trained = f"Trained on {', '.join(f'`{name}`' for name in datasets)}.\n\n" if datasets else ""
    body = _encrypted_model(repo_id, processor, network) if encrypted else _plain_model(repo_id, network)
    threats = f"\n\n{_threats(processor.spec)}" if encrypted else ""
    return ModelCard(f"""---
{data.to_yaml()}
---

# {title}

{body}

## Results

{trained}{results_text(evaluations, size)}{threats}
""")


def dataset_card(repo_id: str, encryption: Encryption, card: DatasetCard | None = None) -> DatasetCard:
    """The card of an encrypted dataset.

    Args:
        repo_id: where it is.
        encryption: of its images.
        card: the one that ``datasets`` wrote; its metadata is kept.
    """
    data = card.data if card is not None else DatasetCardData()
    data["tags"] = sorted({*(data.get("tags") or []), "hf-etc", "encrypted-images", "privacy"})
    data["task_categories"] = ["image-classification"]
    spec, ids = encryption.spec, sorted(encryption.cipher_ids)
    sizes = sorted(f"{height}x{width}" for height, width in encryption.sizes)
    size = sizes[0] if len(sizes) == 1 else f"{len(sizes)} different ones"
    several = "of several keys" if len(ids) > len(sizes) else "one for each size"
    id_ = ids[0] if len(ids) == 1 else f"{len(ids)} different ones, {several}" if ids else "none"
    images = {f"images, split {split}": f"{count:,}" for split, count in encryption.images.items()}
    return DatasetCard(f"""---
{data.to_yaml()}
---

# {repo_id.split("/")[-1]}

Encrypted (EtC) images for training and testing image classifiers. Labels and all other columns are in the clear. The
key is not in this repository.

{_facts({**spec.to_dict(), "size (height x width)": size, "cipher id": id_, **images})}

## How to use it

```python
from datasets import load_dataset

dataset = load_dataset("{repo_id}")
```

No key is needed to train on it; never resize, crop or turn a ciphertext:

```
{INSTALL}
hf-etc train --dataset_name {repo_id} --protocol static --model_name_or_path convmixer-256/8 --output_dir run
```

{_decryption(repo_id, spec.disposable)}

{_threats(spec)}
""")


def _decryption(repo_id: str, disposable: bool) -> str:
    if disposable:
        return "The key of each image was used once and thrown away: nobody can decrypt it."
    return f"""The owner of the key gets the pictures back:

```
hf-etc decrypt {repo_id} decrypted --key my.key
```"""


def _encrypted_model(repo_id: str, processor: EtcImageProcessor, network: str) -> str:
    facts = {"network": network, **processor.spec.to_dict(), "size (height x width)": _size(processor.size)}
    bound = processor.cipher_id is not None
    return f"""An image classifier for encrypted (EtC) images: it classifies what was encrypted {_taken(processor)}

{_facts({**facts, "cipher id": processor.cipher_id or "none: it takes any key"})}

## How to use it

```
{INSTALL}
```

```python
from transformers import AutoModelForImageClassification
from hf_etc import EtcImageProcessor, EtcKey

# The client's side: plain pictures in, ciphertexts out. {"It needs the key." if bound else _ANY_KEY}
client = EtcImageProcessor.from_pretrained("{repo_id}", key=EtcKey.load("my.key"))
ciphertext = client.encrypt(picture)[0]

# The server's side: no key.
server = EtcImageProcessor.from_pretrained("{repo_id}")
model = AutoModelForImageClassification.from_pretrained("{repo_id}")
logits = model(**server(ciphertext, return_tensors="pt")).logits
```

`pipeline("image-classification", model="{repo_id}", image_processor=client)` takes plain pictures and encrypts them
first. Without the package the processor does not load: nothing plain is classified by mistake."""


def _taken(processor: EtcImageProcessor) -> str:
    if processor.cipher_id is None:
        return "with the parameters\nbelow, under any key: each user has a key of their own, and shares it with nobody."
    return f"under the cipher id\n`{processor.cipher_id}`, and takes nothing else. The key is not in this repository."


def _plain_model(repo_id: str, network: str) -> str:
    return f"""An image classifier for **plain** images, the baseline of an encrypted-domain model. It protects nothing.

{_facts({"network": network}, "model")}

## How to use it

```
{INSTALL}
```

```python
import hf_etc
from transformers import pipeline

classify = pipeline("image-classification", model="{repo_id}")
```"""


def _size(size: Any) -> str:
    edges = dict(size or {})
    return f"{edges['height']}x{edges['width']}" if edges.get("height") else "each picture's own"


def _facts(facts: dict[str, Any], title: str = "encryption") -> str:
    rows = [
        f"| {name.replace('_', ' ')} | {', '.join(value) if isinstance(value, list | tuple) else value} |"
        for name, value in facts.items()
    ]
    return "\n".join([f"| {title} | |", "| --- | --- |", *rows])


def _threats(spec: CipherSpec) -> str:
    threat = _THREATS["gap" if getattr(spec, "gap", 0) else spec.key_scope]
    text = (
        f"This is perceptual encryption, without proof of security. {threat} Do not let it be the only "
        "protection of pictures that could hurt someone. `hf-etc audit` measures what an attacker gets out of your "
        "own images."
    )
    return "## What this does not protect\n\n" + textwrap.fill(text, 120, break_on_hyphens=False)
