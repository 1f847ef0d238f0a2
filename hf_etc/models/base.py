"""A torch network as a transformers image classifier: forward pass, loss, initial weights, checkpointing.

Networks know nothing of keys and ciphers: they see normalised pixels, encrypted or not.
"""

from collections.abc import Callable, Iterable
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import ImageClassifierOutput

from ..errors import ImageError, ParameterError

PROBLEM_TYPE: Literal["single_label_classification"] = "single_label_classification"


def classification_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy with class ids or with soft targets, the mean over the batch.

    transformers' own loss turns float labels into multi-label targets without a word; this one does not.

    Args:
        logits: (N, C) floats.
        labels: (N,) integer class ids, or (N, C) float class probabilities (mixup, CutMix).

    Raises:
        ParameterError: labels of another shape or dtype.

    Example:
        >>> logits = torch.tensor([[2.0, 0.0], [0.0, 1.0]])
        >>> hard = classification_loss(logits, torch.tensor([0, 1]))
        >>> bool(torch.isclose(hard, classification_loss(logits, torch.eye(2))))
        True
    """
    soft = labels.is_floating_point()
    if labels.shape != (logits.shape if soft else logits.shape[:1]) or labels.dtype == torch.bool:
        raise ParameterError(
            f"labels of shape {tuple(labels.shape)} and {labels.dtype} do not fit logits {tuple(logits.shape)}; "
            "pass (N,) integer class ids or (N, C) float probabilities"
        )
    logits = logits.float()  # bf16 and fp16 lose too much in the log-sum-exp
    return F.cross_entropy(logits, labels.to(logits.device, logits.dtype if soft else torch.long))


class NetworkForImageClassification(PreTrainedModel):
    """Base of the image classifiers of this package: a subclass says how its network is built.

    Attributes:
        network: the wrapped module, (N, C, H, W) floats -> (N, num_labels) logits.
        records: what it can give beside, for which its `forward` takes further arguments of these names, and then
            returns a dictionary.
    """

    records: tuple[str, ...] = ()

    base_model_prefix = "network"
    main_input_name = "pixel_values"
    input_modalities = "image"
    accepts_loss_kwargs = False  # the loss is a mean over the batch

    def __init__(self, config: PreTrainedConfig) -> None:
        super().__init__(config)
        if config.problem_type not in (None, PROBLEM_TYPE):
            raise ParameterError(f"problem_type {config.problem_type!r}: these networks do {PROBLEM_TYPE} only")
        if not config.num_labels or config.num_labels < 2:
            raise ParameterError(f"num_labels {config.num_labels}: a classifier needs 2 or more classes")
        config.problem_type = PROBLEM_TYPE
        self.num_labels = config.num_labels
        self.network: Any = self.build_network(config)
        self.supports_gradient_checkpointing = hasattr(self.network, "set_grad_checkpointing")
        self.post_init()
        self._no_split_modules = {type(block).__name__ for block in self.blocks()}

    @classmethod
    def build_network(cls, config: Any) -> nn.Module:
        """A new network with its own initial weights."""
        raise NotImplementedError

    def blocks(self) -> Iterable[nn.Module]:
        """The parts that repeat, of classes of their own: FSDP shards each, ``device_map`` keeps each whole."""
        return self.network.blocks

    def get_input_embeddings(self) -> None:  # type: ignore[override]
        """None: there are no token embeddings. transformers would raise, and FSDP asks."""

    def check_size(self, channels: int, height: int, width: int) -> None:
        """Raise GeometryError or ImageError unless the network takes images of this size."""

    def forward(
        self,
        pixel_values: Tensor,
        labels: Tensor | None = None,
        return_dict: bool | None = None,
        output_hidden_states: bool | None = None,
        output_attentions: bool | None = None,
    ) -> ImageClassifierOutput | tuple[Tensor, ...]:
        """Classify a batch.

        Args:
            pixel_values: (N, C, H, W) floats, normalised by the image processor.
            labels: (N,) class ids or (N, num_labels) probabilities, see :func:`classification_loss`.
            return_dict: False gives a tuple; config.return_dict (True) by default.
            output_hidden_states, output_attentions: give them, too; as the config says by default.

        Returns:
            `loss` (with labels) and `logits` (N, num_labels), then `hidden_states` and `attentions` where asked for.

        Raises:
            GeometryError: the image size does not fit the network.
            ImageError: wrong number of dimensions or channels, or integers.
            ParameterError: labels that do not fit, or something asked for that the network does not have.
        """
        wanted = self._wanted(output_hidden_states=output_hidden_states, output_attentions=output_attentions)
        if pixel_values.ndim != 4 or not pixel_values.is_floating_point():
            raise ImageError(
                f"pixel_values of shape {tuple(pixel_values.shape)} and {pixel_values.dtype}; "
                "pass the (N, C, H, W) floats of the image processor"
            )
        self.check_size(*pixel_values.shape[1:])
        found = self.network(pixel_values.to(next(self.network.parameters()).dtype), **wanted)
        values = found if wanted else {"logits": found}
        loss = None if labels is None else classification_loss(values["logits"], labels)
        output = ImageClassifierOutput(loss=loss, **values)
        return output if (self.config.return_dict if return_dict is None else return_dict) else output.to_tuple()

    def _wanted(self, **options: bool | None) -> dict[str, bool]:
        wanted = {
            name: True for name, value in options.items() if (getattr(self.config, name) if value is None else value)
        }
        for name in wanted:
            if name not in self.records:
                raise ParameterError(f"a {type(self).__name__} has no {name.removeprefix('output_')}; leave out {name}")
        return wanted

    # Networks draw their initial weights when they are built. transformers would overwrite those with its own
    # normal distribution, so the two hooks below keep them, also for weights that a checkpoint lacks.

    def init_weights(self) -> None:
        """Keep the weights that the network was built with."""

    @torch.no_grad()
    def initialize_weights(self) -> None:
        """Give weights and buffers that no checkpoint filled the values of a newly built network."""
        tensors = [*self.network.named_parameters(), *self.network.named_buffers()]
        missing = {name: tensor for name, tensor in tensors if not getattr(tensor, "_is_hf_initialized", False)}
        if not missing:
            return
        fresh = self.build_network(self.config)
        values = dict([*fresh.named_parameters(), *fresh.named_buffers()])
        for name, tensor in missing.items():
            tensor.copy_(values[name])

    def _set_gradient_checkpointing(
        self, enable: bool = True, gradient_checkpointing_func: Callable | None = None, every_n_layers: int = 1
    ) -> None:
        """The network checkpoints each of its blocks; batch norm then sees every batch twice when it averages."""
        if every_n_layers != 1:
            raise ParameterError(f"every_n_layers={every_n_layers}: these networks checkpoint every block; use 1")
        self.gradient_checkpointing = enable
        self.network.set_grad_checkpointing(enable)
