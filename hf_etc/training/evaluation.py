"""How well a trained model classifies: with the right key, a wrong key, no encryption, and after JPEG.

The owner's side holds plain images and the key and sees all of these; the server's side holds
ciphertexts, needs no key, and sees the accuracy on them.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from tqdm.auto import tqdm
from transformers import AutoImageProcessor, PreTrainedModel, ViTImageProcessor
from transformers.image_processing_utils import BaseImageProcessor

from ..cipher.keys import EtcKey, load_key
from ..cipher.spec import cipher_id
from ..encoding import Encoding, Subsampling
from ..errors import ParameterError
from ..images.ciphertext import as_received, load_plain, read_marker
from ..images.load import ImageSource
from ..images.prepare import Preparation
from ..metrics import load_accuracy
from ..models import load_model
from ..processor.image_processing import EtcImageProcessor
from ..records import result_record
from .arguments import JPEG_QUALITIES, EvaluationArguments
from .data import Split

Condition = Callable[[list[Any]], Tensor]
"""What happens to a batch of images on its way to the model: from their sources to pixel values."""

_PLAIN_PIXELS = "no encryption"
_REMEDY = "give plain images"


def load(name_or_path: str | Path | None) -> tuple[PreTrainedModel, BaseImageProcessor]:
    """A trained model and its processor, without a key.

    Raises:
        ParameterError: there is none.
    """
    if name_or_path is None:
        raise ParameterError("no model: give --model_name_or_path, the output folder of a training")
    try:
        processor = AutoImageProcessor.from_pretrained(name_or_path)
    except (OSError, ValueError) as error:
        raise ParameterError(f"cannot load the model {name_or_path}: {str(error).splitlines()[0]}") from None
    return load_model(name_or_path), processor


class Accuracy(float):
    """A mean accuracy, 0 to 1.

    Attributes:
        spread: the largest less the smallest accuracy behind it; None where it was measured once.
    """

    spread: float | None

    @classmethod
    def of(cls, values: Sequence[float]) -> "Accuracy":
        """The mean of some measurements."""
        mean = cls(np.mean(values))
        mean.spread = max(values) - min(values) if len(values) > 1 else None
        return mean


def evaluate_model(
    model: str | Path | PreTrainedModel,
    split: Split,
    key: EtcKey | None = None,
    jpeg_qualities: Sequence[int] = JPEG_QUALITIES,
    subsampling: Subsampling = "4:4:4",
    batch_size: int = 64,
    device: str | torch.device | None = None,
    processor: BaseImageProcessor | None = None,
    nonces: int = 3,
    progress: bool = True,
) -> dict[str, Accuracy]:
    """Top-1 accuracy under each condition that can be set up.

    Args:
        model: a trained model, or the folder or Hub id that holds it and its processor.
        split: plain images for a key holder or a plain model, else ciphertexts.
        key: the model's key: the owner's side, with the images encrypted here.
        jpeg_qualities: of the files that the client sends.
        subsampling: of their chroma.
        batch_size: images at a time.
        device: of the model; default: cuda where there is one.
        processor: the model's, where `model` is not a folder or id.
        nonces: how often each image is encrypted anew, where each has its own key.
        progress: show a bar if stderr is a terminal.

    Returns:
        Accuracy, 0 to 1, by condition: "right key", "wrong key" (a fresh random one, unless the model takes any),
        "no encryption", "right key, JPEG 85" and so on; without a key "ciphertexts", or, for a plain model, "plain"
        and "plain, JPEG 85".

    Raises:
        KeyMismatchError: `key` is not the model's, or a ciphertext was made with another key.
        NotACiphertextError: plain images without a key.
        AlreadyEncryptedError: ciphertexts with a key, or for a plain model.
        ParameterError: model and dataset have different classes, or no nonces.
    """
    if nonces < 1:
        raise ParameterError(f"num_nonces {nonces}: use 1 or more")
    if not isinstance(model, PreTrainedModel):
        model, processor = load(model)
    if processor is None:
        raise ParameterError("a model object needs its processor; pass processor=")
    times = 1
    if isinstance(processor, EtcImageProcessor):
        conditions = {"ciphertexts": _values(processor)}
        if key is not None:
            conditions = owner_conditions(processor, key, jpeg_qualities, subsampling)
            times = nonces if processor.spec.key_scope == "image" else 1
    else:
        conditions = plain_conditions(processor, jpeg_qualities, subsampling)
    device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    return _accuracies(
        model.to(device).eval(),  # type: ignore[arg-type]
        split,
        {name: [condition] * (1 if name == _PLAIN_PIXELS else times) for name, condition in conditions.items()},
        batch_size,
        device,
        progress,
    )


def owner_conditions(
    processor: EtcImageProcessor,
    key: EtcKey,
    jpeg_qualities: Sequence[int] = JPEG_QUALITIES,
    subsampling: Subsampling = "4:4:4",
) -> dict[str, Condition]:
    """What the key holder can try, each from a list of sources of plain images.

    Args:
        processor: of the model, the server's or the client's.
        key: the model's key.
        jpeg_qualities, subsampling: of the files that the client sends.

    Raises:
        KeyMismatchError: `key` is not the model's.
    """
    config, stranger = processor.to_dict(), EtcKey.generate()
    server = EtcImageProcessor.from_dict(config)
    client = EtcImageProcessor.from_dict(config, key=key, allow_weak=True)  # nothing leaves this process
    strange_id = cipher_id(stranger, server.spec, server.preparation.size)
    other = EtcImageProcessor.from_dict(config | {"cipher_id": strange_id}, key=stranger, allow_weak=True)
    names = ("do_rescale", "rescale_factor", "do_normalize", "image_mean", "image_std")
    plain = ViTImageProcessor(do_resize=False, **{name: getattr(server, name) for name in names})

    def prepared(condition: Condition) -> Condition:
        return lambda sources: condition([_prepared(client, source) for source in sources])

    def jpeg(quality: int) -> Condition:
        receive = _values(server)
        return prepared(lambda images: receive(client.encrypt(images, Encoding("jpeg", quality, subsampling))))

    def unencrypted(images: list[Image.Image]) -> Tensor:
        fitted = Preparation(server.output_size, None if server.output_size is None else "crop")
        return _values(plain)([Image.fromarray(fitted.apply(image, 1)) for image in images])

    conditions = {"right key": prepared(_values(client))}
    if server.cipher_id is not None:  # else none is wrong
        conditions["wrong key"] = prepared(_values(other))
    conditions[_PLAIN_PIXELS] = prepared(unencrypted)
    return conditions | {f"right key, {_jpeg_name(q, subsampling)}": jpeg(q) for q in jpeg_qualities}


def plain_conditions(
    processor: BaseImageProcessor,
    jpeg_qualities: Sequence[int] = JPEG_QUALITIES,
    subsampling: Subsampling = "4:4:4",
) -> dict[str, Condition]:
    """What can be tried on a model of plain images; JPEG acts on the stored picture, before the model's resize."""
    values = _values(processor)

    def jpeg(quality: int) -> Condition:
        encoding = Encoding("jpeg", quality, subsampling)
        return lambda sources: values([_through(encoding, _plain(source)) for source in sources])

    conditions: dict[str, Condition] = {"plain": lambda sources: values([_plain(source) for source in sources])}
    return conditions | {f"plain, {_jpeg_name(q, subsampling)}": jpeg(q) for q in jpeg_qualities}


def table(accuracy: Mapping[str, float], chance: float, images: int) -> str:
    """The accuracies as lines of text, in percent, with the spread of those that were measured several times.

    Example:
        >>> print(table({"right key": 0.5, "wrong key": 0.125}, 0.1, 1000))
        condition    top-1
        right key   50.0 %
        wrong key   12.5 %
        (chance     10.0 %, 1000 images)
    """
    width = max(map(len, [*accuracy, "condition"])) + 1
    rows = [f"{name:<{width}} {100 * value:5.1f} %{_spread_of(value)}" for name, value in accuracy.items()]
    last = f"{'(chance':<{width}} {100 * chance:5.1f} %, {images} images)"
    return "\n".join([f"{'condition':<{width}}   top-1", *rows, last])


def _spread_of(value: float) -> str:
    spread = getattr(value, "spread", None)
    return "" if spread is None else f"  +- {50 * spread:.1f}"


def _accuracies(
    model: PreTrainedModel,
    split: Split,
    conditions: dict[str, list[Condition]],
    batch_size: int,
    device: torch.device,
    progress: bool,
) -> dict[str, Accuracy]:
    labels, sources = model_labels(model, split), split.sources()
    metrics = {name: [load_accuracy() for _ in times] for name, times in conditions.items()}
    starts = range(0, len(split), batch_size)
    for start in tqdm(starts, "Evaluating", disable=None if progress else True, leave=False):
        rows = range(start, min(start + batch_size, len(split)))
        batch, references = [sources[row] for row in rows], [labels[row] for row in rows]
        for name, times in conditions.items():
            for metric, condition in zip(metrics[name], times, strict=True):
                with torch.inference_mode():
                    predictions = model(pixel_values=condition(batch).to(device)).logits.argmax(-1)
                metric.add_batch(predictions=predictions.cpu().numpy(), references=references)
    return {name: Accuracy.of([one.compute()["accuracy"] for one in times]) for name, times in metrics.items()}


def model_labels(model: PreTrainedModel, split: Split) -> list[int]:
    """The dataset's labels in the model's numbering, matched by the names of the classes."""
    ids: dict[str, int] = {name: int(number) for number, name in (model.config.id2label or {}).items()}
    if set(ids) != set(split.class_names):
        raise ParameterError(
            f"the model knows the classes {', '.join(ids)}, the dataset has {', '.join(split.class_names)}"
        )
    return [ids[split.class_names[label]] for label in split.labels]


def evaluation_record(
    args: EvaluationArguments, split: Split, processor: BaseImageProcessor, results: dict
) -> dict[str, Any]:
    """What ``hf-etc evaluate`` writes for the model's card."""
    data = {"name": args.dataset_name or args.validation_dir, "split": split.name, "images": len(split)}
    settings = {"model": args.model_name_or_path, "jpeg_subsampling": args.jpeg_subsampling}
    if isinstance(processor, EtcImageProcessor):
        settings |= {"cipher_id": processor.cipher_id} | processor.spec.to_dict()
    return result_record(
        "evaluation", results, data=data | {"classes": split.class_names}, seed=args.seed, settings=settings
    )


def key_for(split: Split, key_file: str | None, processor: BaseImageProcessor) -> EtcKey | None:
    """Plain images for an encrypted model need the key, or any where it takes them all; nothing else may have one."""
    marked = read_marker(split.sources()[0]) is not None
    if not isinstance(processor, EtcImageProcessor) or marked:
        if key_file:
            why = "this dataset holds ciphertexts" if marked else "this model takes plain images"
            raise ParameterError(f"{why}; leave --key_file out")
        return None
    if processor.cipher_id is None and key_file is None:
        return EtcKey.generate()
    return load_key(key_file)


def _values(processor: BaseImageProcessor) -> Condition:
    return lambda images: processor(images, return_tensors="pt").pixel_values


def _prepared(processor: EtcImageProcessor, source: ImageSource) -> Image.Image:
    """A plain image at the model's size: resized once for all conditions; another preparation changes nothing."""
    return Image.fromarray(processor.sealer().pictures(source, _REMEDY)[0])


def _plain(source: ImageSource) -> Image.Image:
    return load_plain(source, _REMEDY)


def _through(encoding: Encoding, image: Image.Image) -> Image.Image:
    return Image.fromarray(as_received(np.asarray(image), encoding))


def _jpeg_name(quality: int, subsampling: str) -> str:
    return f"JPEG {quality}" + ("" if subsampling == "4:4:4" else f" {subsampling}")
