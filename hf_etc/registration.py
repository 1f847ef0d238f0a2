"""Makes the auto classes of transformers know this package's image processor and models.

``import hf_etc`` is enough, before or after transformers, and imports neither transformers nor torch:
what transformers has loaded already is registered at once, the rest as soon as it loads it.
"""

import sys
from collections.abc import Callable
from functools import cache
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


def register() -> None:
    """Register everything now, loading transformers if need be. Calling it again does no harm."""
    for registrar in _REGISTRARS.values():
        registrar()


def install() -> None:
    """Register with the auto modules that are loaded and wait for the others; ``import hf_etc`` calls this."""
    waiting = {name for name in _REGISTRARS if name not in sys.modules}
    if waiting and not any(isinstance(finder, _AutoModuleWatcher) for finder in sys.meta_path):
        sys.meta_path.insert(0, _AutoModuleWatcher(waiting))
    for name in _REGISTRARS.keys() - waiting:
        _REGISTRARS[name]()


@cache
def _register_image_processor() -> None:
    from transformers import AutoImageProcessor, PreTrainedConfig

    from .image_processing import EtcImageProcessor

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


_REGISTRARS: dict[str, Callable[[], None]] = {
    "transformers.models.auto.image_processing_auto": _register_image_processor,
    "transformers.models.auto.modeling_auto": _register_models,
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
            _REGISTRARS[name]()
            self._waiting.discard(name)
            if not self._waiting and self in sys.meta_path:
                sys.meta_path.remove(self)

        loader.exec_module = load_and_register
