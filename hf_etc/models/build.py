"""One door to every model: a preset, a family with fields, a folder, or an id on the Hub."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from huggingface_hub.errors import StrictDataclassError
from transformers import ImageProcessingMixin, PreTrainedConfig, PreTrainedModel
from transformers.models.auto.configuration_auto import AutoConfig
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING,
    AutoModel,
    AutoModelForImageClassification,
)

from ..errors import EtcError, ParameterError
from .absorb import HALF
from .base import PROBLEM_TYPE
from .registry import check_fields, config_fields, find_family, list_families, list_presets
from .vit import resize_positions


def build_model(
    name_or_path: str,
    num_labels: int | None = None,
    id2label: Mapping[int, str] | None = None,
    label2id: Mapping[str, int] | None = None,
    image_size: int | None = None,
    from_pretrained: str | None = None,
    **overrides: Any,
) -> PreTrainedModel:
    """Build or load an image classifier.

    Args:
        name_or_path: a preset (:func:`list_presets`), a family (:func:`list_families`), both from random
            weights; else a folder or Hub id for AutoModelForImageClassification. A folder whose name is
            that of a preset or family is reached as "./name".
        num_labels: number of classes; not needed beside `id2label`.
        id2label, label2id: class names, ids 0 to num_labels - 1. A checkpoint keeps its own without them.
        image_size: edge in pixels. A ViT checkpoint of another size has its position embeddings interpolated.
        from_pretrained: for a "bag-vit": folder or Hub id of a plain ViT, whose shape and weights it starts from;
            DeiT, ViT-MAE and encoders without a classifier are such, too. `image_size` may differ from its own.
        overrides: fields of the model's config.

    Returns:
        The model, in training mode when new and in evaluation mode when loaded, as from transformers.

    Raises:
        ParameterError: unknown name or override, labels that contradict each other, or a checkpoint that
            does not fit the overrides.
        GeometryError: the image size does not fit the patch size.

    Example:
        >>> model = build_model("convmixer-256/8", num_labels=10)
        >>> model.num_parameters()
        706570
        >>> build_model("convmixer", 10, dim=64, depth=4, patch_size=4, kernel_size=5).config.hidden_size
        64
    """
    labels = _label_fields(num_labels, id2label, label2id)
    values = overrides if image_size is None else overrides | {"image_size": image_size}
    found = find_family(name_or_path)
    if found is None:
        if from_pretrained is not None:
            raise ParameterError(f"{name_or_path!r} has weights already; leave out from_pretrained, or name a family")
        return _load(name_or_path, labels, values)
    if not labels:
        raise ParameterError(f"a new {name_or_path!r} needs num_labels or id2label")
    family, preset = found
    check_fields(name_or_path, values, family.fields)
    if from_pretrained is None:
        return family.build(**preset | values, **labels, problem_type=PROBLEM_TYPE)
    if not hasattr(family.model_class, "take_over"):
        raise ParameterError(f"a {name_or_path!r} cannot start from another model; leave out from_pretrained")
    plain = _load(from_pretrained, labels, {}, encoder=True)
    shape = {field: value for field, value in plain.config.to_dict().items() if field in family.fields}
    model: Any = family.build(**preset | shape | values, **labels, problem_type=PROBLEM_TYPE)
    model.take_over(plain, *_normalisation(from_pretrained))
    return model


def load_model(name_or_path: str | Path) -> PreTrainedModel:
    """Load a trained image classifier, in evaluation mode: a folder, whatever its name is, or a Hub id.

    Raises:
        ParameterError: there is none, or its weights are not complete.
    """
    return _load(str(name_or_path), {}, {})


def _normalisation(name: str) -> tuple[Any, Any]:
    """Mean and standard deviation that a model's pictures are normalised with; 0.5 where it does not say."""
    try:
        values, _ = ImageProcessingMixin.get_image_processor_dict(name)
    except OSError:
        return HALF, HALF
    if not values.get("do_normalize", True):
        return (0.0,) * 3, (1.0,) * 3
    return values.get("image_mean") or HALF, values.get("image_std") or HALF


def _load(name: str, labels: dict[str, Any], values: dict[str, Any], encoder: bool = False) -> PreTrainedModel:
    """A classifier; with `encoder` also the encoder alone of what is made for something else."""
    try:
        config = AutoConfig.from_pretrained(name)
        check_fields(name, values, config_fields(type(config)))
        new_size = values.get("image_size") if config.model_type == "vit" else None
        kept = {key: value for key, value in values.items() if key != "image_size" or new_size is None}
        classifier = not encoder or type(config) in MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING
        kind: Any = AutoModelForImageClassification if classifier else AutoModel
        model, report = kind.from_pretrained(
            name, config=_changed(config, labels, kept), ignore_mismatched_sizes=True, output_loading_info=True
        )
    except EtcError:
        raise
    except StrictDataclassError as error:
        raise ParameterError(" ".join(str(error).split())) from error
    except (OSError, ValueError) as error:
        names, reason = ", ".join([*list_presets(), *list_families()]), str(error).splitlines()[0]
        raise ParameterError(f"cannot load a model from {name!r}, and it is none of {names}: {reason}") from error
    _check_report(name, model, report, labels)
    if new_size is not None and new_size != config.image_size:
        resize_positions(model, new_size)
    return model


def _changed(config: PreTrainedConfig, labels: dict[str, Any], values: dict[str, Any]) -> PreTrainedConfig:
    """A config built anew, because transformers sets overrides on a finished one, past its checks."""
    old = config.to_dict()
    for name in ("id2label", "label2id") if labels else ():
        old.pop(name, None)
    return type(config).from_dict(old | values | {"problem_type": PROBLEM_TYPE}, **labels)


def _check_report(name: str, model: PreTrainedModel, report: dict[str, Any], labels: dict[str, Any]) -> None:
    """New labels call for a new classifier; any other new weights would be a silent loss."""
    new = {*report["missing_keys"], *(key for key, *_ in report["mismatched_keys"])}
    state = model.state_dict()
    classifier = {key for key in new if state[key].shape[:1] == (model.config.num_labels,)}
    if others := sorted(new - classifier):
        what = f"does not fill {len(others)} weights of this model, such as {others[0]!r}"
        raise ParameterError(f"the checkpoint {name!r} {what}; leave out the overrides or the image size")
    if classifier and not labels:
        raise ParameterError(f"the checkpoint {name!r} has no classifier; give num_labels or id2label")


def _label_fields(
    num_labels: int | None, id2label: Mapping[int, str] | None, label2id: Mapping[str, int] | None
) -> dict[str, Any]:
    """Fields for a config: both maps, or the number, or nothing."""
    if id2label is None and label2id is None:
        if num_labels is not None and (type(num_labels) is not int or num_labels < 2):
            raise ParameterError(f"num_labels {num_labels!r}: a classifier needs 2 or more classes")
        return {} if num_labels is None else {"num_labels": num_labels}
    names = id2label if id2label is not None else {index: name for name, index in (label2id or {}).items()}
    names = {int(index): str(names[index]) for index in sorted(names, key=int)}
    ids = {name: index for index, name in names.items()}
    if list(names) != list(range(len(names))) or len(ids) != len(names) or len(names) < 2:
        raise ParameterError(f"id2label {dict(names)}: needs 2 or more different names for the ids 0, 1, ...")
    if num_labels not in (None, len(names)):
        raise ParameterError(f"num_labels {num_labels} contradicts the {len(names)} classes of id2label")
    if label2id is not None and {name: int(index) for name, index in label2id.items()} != ids:
        raise ParameterError("label2id contradicts id2label; give one of them")
    return {"id2label": names, "label2id": ids}
