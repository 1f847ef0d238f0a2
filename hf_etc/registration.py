"""Makes the auto classes of transformers know this package's image processor and models, and refuse a key elsewhere.

``import hf_etc`` is enough, before or after transformers, and imports neither transformers nor torch:
what transformers has loaded already is registered at once, the rest as soon as it loads it.

A processor of transformers ignores arguments that it does not know, a key among them, and would go on to hand plain
pixels to whoever thinks them encrypted. Its loaders are wrapped, and look for a key; without one they do what they did.
Its pipelines open pictures themselves, and know no file that is in memory; our processor does, and is given those.
"""

import sys
from collections.abc import Callable, Mapping
from functools import cache, partial, wraps
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from .errors import ParameterError


def register() -> None:
    """Register everything now, loading transformers if need be. Calling it again does no harm."""
    for registrar in REGISTRARS.values():
        registrar()


def install() -> None:
    """Register with the auto modules that are loaded and wait for the others; ``import hf_etc`` calls this."""
    waiting = {name for name in REGISTRARS if name not in sys.modules}
    if waiting and not any(isinstance(finder, _AutoModuleWatcher) for finder in sys.meta_path):
        sys.meta_path.insert(0, _AutoModuleWatcher(waiting))
    for name in REGISTRARS.keys() - waiting:
        REGISTRARS[name]()


@cache
def _register_image_processor() -> None:
    from transformers import AutoImageProcessor, PreTrainedConfig

    from .processor.image_processing import EtcImageProcessor

    class EtcImageProcessorConfig(PreTrainedConfig):
        """The entry of the processor, which the auto class finds by its name, whatever the model.

        Never the configuration of a real model: there the auto class could choose a processor that
        does not encrypt.
        """

    # The same class for each backend: no choice of backend leads to another one.
    backends: dict[str, type] = {"torchvision": EtcImageProcessor, "pil": EtcImageProcessor}
    AutoImageProcessor.register(EtcImageProcessorConfig, image_processor_classes=backends, exist_ok=True)


def _register_models() -> None:
    import_module("hf_etc.models")  # each model registers its classes; the package may be loading right now


def _guard_image_processors() -> None:
    from transformers.image_processing_base import ImageProcessingMixin

    for name in ("__init__", "from_dict", "from_pretrained"):
        _guard(ImageProcessingMixin, name, _refuse_key)


def _guard_auto_processor() -> None:
    from transformers.models.auto.processing_auto import AutoImageProcessor, AutoProcessor

    # It tries one class after another and drops their errors, so ask the one whose error matters first.
    _guard(
        AutoProcessor, "from_pretrained", lambda _, *args, **kwargs: AutoImageProcessor.from_pretrained(*args, **kwargs)
    )


def _guard(owner: type, name: str, check: Callable[..., Any]) -> None:
    """Call `check` before a method of `owner`, with the same arguments, if one of them is a key."""
    method = owner.__dict__[name]
    function = getattr(method, "__func__", method)
    if hasattr(function, "guarded_by_hf_etc"):
        return

    @wraps(function)
    def guarded(self: Any, *args: Any, **kwargs: Any) -> Any:
        from .cipher.keys import EtcKey

        if any(isinstance(value, EtcKey) for value in (*args, *kwargs.values())):
            check(self, *args, **kwargs)
        return function(self, *args, **kwargs)

    guarded.guarded_by_hf_etc = True  # type: ignore[attr-defined]
    setattr(owner, name, guarded if function is method else type(method)(guarded))


def _refuse_key(processor: Any, *_: Any, **__: Any) -> None:
    from .processor.image_processing import EtcImageProcessor

    kind = processor if isinstance(processor, type) else type(processor)
    if not issubclass(kind, EtcImageProcessor):
        raise ParameterError(
            f"{kind.__name__} does not encrypt and would ignore the key; "
            "make a processor that does with EtcImageProcessor(key, ...), and save it beside the model"
        )


@cache
def _take_files_in(module: str, name: str) -> None:
    """Let a pipeline with our processor take the bytes of a file, and what datasets stores of one."""
    pipeline = getattr(import_module(module), name)
    preprocess: Callable[..., Any] = pipeline.preprocess

    @wraps(preprocess)
    def taking_files(self: Any, image: Any, timeout: float | None = None, **kwargs: Any) -> Any:
        from .processor.image_processing import EtcImageProcessor

        process: Any = self.image_processor
        if isinstance(image, bytes | Mapping) and isinstance(self.image_processor, EtcImageProcessor):
            return process(image, return_tensors="pt", **kwargs).to(self.dtype)
        return preprocess(self, image, timeout=timeout, **kwargs)

    pipeline.preprocess = taking_files


_PIPELINES = {
    "transformers.pipelines.image_classification": "ImageClassificationPipeline",
    "transformers.pipelines.image_feature_extraction": "ImageFeatureExtractionPipeline",
}
REGISTRARS: dict[str, Callable[[], None]] = {
    "transformers.image_processing_base": _guard_image_processors,
    "transformers.models.auto.image_processing_auto": _register_image_processor,
    "transformers.models.auto.modeling_auto": _register_models,
    "transformers.models.auto.processing_auto": _guard_auto_processor,
    **{module: partial(_take_files_in, module, name) for module, name in _PIPELINES.items()},
}


class _AutoModuleWatcher:
    """An import finder: runs a registrar right after its auto module has loaded, and leaves after the last one.

    It finds nothing itself: it asks the other finders, and the module loads as ever.
    """

    def __init__(self, waiting: set[str]) -> None:
        self._waiting = waiting

    def find_spec(self, name: str, path: Any = None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name not in self._waiting:
            return None
        others = [finder for finder in sys.meta_path if finder is not self]
        spec = next(filter(None, (finder.find_spec(name, path, target) for finder in others)), None)
        if spec is not None:
            self._follow(name, spec.loader)
        return spec

    def _follow(self, name: str, loader: Any) -> None:
        load = loader.exec_module

        def load_and_register(module: ModuleType) -> None:
            loader.exec_module = load
            load(module)
            REGISTRARS[name]()
            self._waiting.discard(name)
            if not self._waiting and self in sys.meta_path:
                sys.meta_path.remove(self)

        loader.exec_module = load_and_register
