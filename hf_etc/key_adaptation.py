"""A plain model made to take the ciphertexts of one key, without training."""

from typing import Any

from transformers import PreTrainedModel

from .blocks import Layout
from .cipher import EtcSpec
from .cipher.etc import STEPS
from .cipher.keys import EtcKey
from .models.absorb import HALF, adapt_to
from .models.isotropic import IsotropicForImageClassification
from .processor import EtcImageProcessor


def adapt(
    model: PreTrainedModel,
    key: EtcKey,
    image_mean: tuple[float, ...] = HALF,
    image_std: tuple[float, ...] = HALF,
    **preparation: Any,
) -> tuple[PreTrainedModel, EtcImageProcessor]:
    """The model that gives a plain model's logits on ciphertexts under `key`, and the client that makes them.

    The cipher is EtC with the model's patches as blocks, one key for all pictures and one block key
    (``shared_block_key=True``); a ConvMixer's blocks stay in their places. WEAK: a few ciphertexts are enough to
    decrypt all of them, and so are the plain and the adapted weights together. It serves to compare with training.

    Args:
        model: a plain ViT or DeiT of transformers, or a ConvMixer of this package.
        key: the secret key; the model that is returned does not hold it, but its weights depend on it.
        image_mean, image_std: what the plain model was trained with, over values of 0 to 1.
        preparation: fit and resample of the client.

    Returns:
        The adapted copy, in evaluation mode, and a client's processor; ``EtcImageProcessor.from_pretrained`` of its
        saved folder needs ``allow_weak=True`` with a key.

    Raises:
        GeometryError, ParameterError: see :func:`hf_etc.models.absorb.adapt_to`.

    Example:
        >>> from transformers import ViTConfig, ViTForImageClassification
        >>> tiny = dict(hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8)
        >>> plain = ViTForImageClassification(ViTConfig(image_size=32, patch_size=8, **tiny))
        >>> model, client = adapt(plain, EtcKey.generate())
        >>> client.spec.shared_block_key
        True
    """
    moves = not isinstance(model, IsotropicForImageClassification)
    spec = EtcSpec(
        block_size=_edge(model.config.patch_size), steps=STEPS if moves else STEPS[1:], shared_block_key=True
    )
    size = _edge(model.config.image_size)
    layout = spec.compile(key, size, size)
    assert isinstance(layout, Layout)
    client = EtcImageProcessor(key, cipher=spec, size=size, **preparation)
    return adapt_to(model, layout, image_mean, image_std), client


def _edge(size: Any) -> int:
    return size if isinstance(size, int) else size[0]
