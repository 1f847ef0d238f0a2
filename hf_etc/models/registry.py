"""The registry of model families and presets; each model file registers its own."""

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any

from huggingface_hub.errors import StrictDataclassError
from transformers import PreTrainedConfig, PreTrainedModel

from ..errors import ParameterError

_FAMILIES: dict[str, "Family"] = {}
_PRESETS: dict[str, tuple[str, dict[str, Any]]] = {}


@dataclasses.dataclass(frozen=True)
class Family:
    """One kind of network that can be built from scratch.

    Attributes:
        config_class, model_class, feature_class: its transformers classes; see :func:`register_family`.
        fixed: fields of the config that make it this family.
        fields: the other fields that it has.
        check: raises for a config that the classes accept although it cannot work.
    """

    name: str
    config_class: type[PreTrainedConfig]
    model_class: type[PreTrainedModel] | None
    feature_class: type[PreTrainedModel] | None
    fixed: dict[str, Any]
    fields: set[str]
    check: Callable[[Any], None] | None = None

    def build(self, **values: Any) -> PreTrainedModel:
        """A model with new weights from fields of the config and label fields.

        Raises:
            ParameterError, GeometryError: values of the wrong type or range, or that do not fit each other.
        """
        try:
            config = self.config_class(**self.fixed, **values)
        except StrictDataclassError as error:
            raise ParameterError(" ".join(str(error).split())) from error
        if self.check is not None:
            self.check(config)
        if self.model_class is None:
            from transformers.models.auto.modeling_auto import AutoModelForImageClassification

            return AutoModelForImageClassification.from_config(config)
        return self.model_class(config)


def register_family(
    name: str,
    config_class: type[PreTrainedConfig],
    model_class: type[PreTrainedModel] | None = None,
    feature_class: type[PreTrainedModel] | None = None,
    check: Callable[[Any], None] | None = None,
    fields: Iterable[str] | None = None,
    **fixed: Any,
) -> None:
    """Make a family reachable by name, and by AutoConfig, AutoModelForImageClassification and AutoModel.

    Args:
        name: what `build_model` calls it.
        config_class, model_class: its transformers classes. Leave out the model's where transformers has it: it may
            be loading right now, and import this package on its way.
        feature_class: what AutoModel makes of it, with the same weights and parameter names.
        check: raises for a config that the classes accept although it cannot work.
        fields: the fields of the config that it has; all by default.
        fixed: fields of the config that make it this family.

    Raises:
        ParameterError: the name is taken.

    Example:
        >>> from transformers import ViTConfig
        >>> register_family("vit", ViTConfig)
        Traceback (most recent call last):
        hf_etc.errors.ParameterError: a model named 'vit' is registered already
    """
    _check_new(name)
    own = (config_fields(config_class) if fields is None else set(fields)) - fixed.keys()
    _FAMILIES[name] = Family(name, config_class, model_class, feature_class, fixed, own, check)
    _announce(_FAMILIES[name])


def announce_families() -> None:
    """Make the auto classes know all families, once more: transformers may have loaded its auto classes anew."""
    for family in _FAMILIES.values():
        _announce(family)


def _announce(family: Family) -> None:
    # Those that are loaded now; the names in `transformers` may still be of modules whose import failed halfway.
    from transformers.models.auto.configuration_auto import AutoConfig
    from transformers.models.auto.modeling_auto import AutoModel, AutoModelForImageClassification

    if family.model_class is not None and not family.config_class.__module__.startswith("transformers."):
        AutoConfig.register(family.config_class.model_type, family.config_class, exist_ok=True)
        AutoModelForImageClassification.register(family.config_class, family.model_class, exist_ok=True)
        if family.feature_class is not None:
            AutoModel.register(family.config_class, family.feature_class, exist_ok=True)


def register_preset(name: str, family: str, **values: Any) -> None:
    """Name a family with fields of its config, e.g. the networks of the paper."""
    _check_new(name)
    _PRESETS[name] = (family, values)


def find_family(name: str) -> tuple[Family, dict[str, Any]] | None:
    """The family of a family or preset name, with the preset's fields; None for any other name."""
    family, values = _PRESETS.get(name, (name, {}))
    return (_FAMILIES[family], values) if family in _FAMILIES else None


def list_families() -> list[str]:
    """Names of all registered families.

    Example:
        >>> "convmixer" in list_families()
        True
    """
    return sorted(_FAMILIES)


def list_presets() -> list[str]:
    """Names of all registered presets.

    Example:
        >>> "convmixer-256/8" in list_presets()
        True
    """
    return sorted(_PRESETS)


def config_fields(config_class: type[PreTrainedConfig]) -> set[str]:
    """The fields and aliases that a config class adds to those of every config."""
    own, common = ({field.name for field in dataclasses.fields(c)} for c in (config_class, PreTrainedConfig))
    return own - common | config_class.attribute_map.keys()


def check_fields(name: str, values: dict[str, Any], known: set[str]) -> None:
    """Raise ParameterError for the first of `values` that is not `known`."""
    if unknown := sorted(set(values) - known):
        raise ParameterError(f"model {name!r} has no field {unknown[0]!r}; it has {', '.join(sorted(known))}")


def _check_new(name: str) -> None:
    if name in _FAMILIES or name in _PRESETS:
        raise ParameterError(f"a model named {name!r} is registered already")
