"""Image classifiers for encrypted and plain images; they know no key.

Importing this package registers them with AutoConfig, AutoModelForImageClassification and AutoModel.

One file per model: its config, its network, its model class, its registration. To add one, derive from
:class:`NetworkForImageClassification`, call ``register_family`` at the end of the file, and import it here.
"""

from . import adaptation, bag, isotropic, resnet, shake_pyramidnet, vit  # noqa: F401  (each registers its families)
from .base import NetworkForImageClassification, classification_loss
from .build import build_model, load_model
from .isotropic import IsotropicConfig, IsotropicForImageClassification, patch_embedding
from .logits import logits_of
from .registry import announce_families, list_families, list_presets, register_family, register_preset
from .vit import check_takes, resize_positions

announce_families()  # an import of this package fails where transformers is loading a network; the next one comes here

__all__ = [
    "IsotropicConfig",
    "IsotropicForImageClassification",
    "NetworkForImageClassification",
    "build_model",
    "check_takes",
    "classification_loss",
    "list_families",
    "list_presets",
    "load_model",
    "logits_of",
    "patch_embedding",
    "register_family",
    "register_preset",
    "resize_positions",
]
