"""A torch network as a transformers image classifier, or as what gives features: forward pass, loss, initial weights,
checkpointing.

Networks know nothing of keys and ciphers: they see normalised pixels, encrypted or not.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint
from transformers import PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutputWithPooling, ImageClassifierOutput

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
        network: the wrapped module, (N, C, H, W) floats -> (N, num_labels) logits. As in timm, `forward_features` gives
            what `forward_head` makes logits of, or with ``pre_logits=True`` one vector (N, dim) for each picture.
        records: what it can give beside, for which its `forward` and `forward_features` take further arguments of these
            names, and then return a dictionary. Hidden states are recorded here where the network does not.
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
            `loss` (with labels) and `logits` (N, num_labels), then `hidden_states` (what the first block takes, and
            what each block makes of it) and `attentions` where asked for.

        Raises:
            GeometryError: the image size does not fit the network.
            ImageError: wrong number of dimensions or channels, or integers.
            ParameterError: labels that do not fit, or something asked for that the network does not have.
        """
        values = self._run(self.network, "logits", pixel_values, output_hidden_states, output_attentions)
        loss = None if labels is None else classification_loss(values["logits"], labels)
        output = ImageClassifierOutput(loss=loss, **values)
        return output if (self.config.return_dict if return_dict is None else return_dict) else output.to_tuple()

    def _run(
        self, function: Callable, name: str, pixels: Tensor, hidden_states: bool | None, attentions: bool | None
    ) -> dict[str, Any]:
        """What a function of the network makes of checked pixels, under this name, and what is asked for beside."""
        wanted = self._wanted(output_hidden_states=hidden_states, output_attentions=attentions)
        if pixels.ndim != 4 or not pixels.is_floating_point():
            raise ImageError(
                f"pixel_values of shape {tuple(pixels.shape)} and {pixels.dtype}; "
                "pass the (N, C, H, W) floats of the image processor"
            )
        self.check_size(*pixels.shape[1:])
        pixels = pixels.to(next(self.network.parameters()).dtype)
        by_network = {option: True for option in wanted if option in self.records}
        if len(by_network) == len(wanted):
            found = function(pixels, **by_network)
            return found if by_network else {name: found}
        with _recorded(list(self.blocks())) as states:
            return {name: function(pixels), "hidden_states": tuple(states)}

    def _wanted(self, **options: bool | None) -> list[str]:
        wanted = [name for name, value in options.items() if (getattr(self.config, name) if value is None else value)]
        for name in wanted:
            by_blocks = name == "output_hidden_states" and any(True for _ in self.blocks())
            if name not in self.records and not by_blocks:
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
        if enable:
            _check_checkpointing(gradient_checkpointing_func)
        self.gradient_checkpointing = enable
        self.network.set_grad_checkpointing(enable)


def _check_checkpointing(function: Any) -> None:
    """Networks call torch's checkpoint themselves, as transformers does by default; they would drop other wishes."""
    options = dict(getattr(function, "keywords", {}))
    if getattr(function, "func", checkpoint) is not checkpoint:
        options["offload"] = True
    if options.get("use_reentrant") is False:
        del options["use_reentrant"]
    if options:
        name, value = next(iter(options.items()))
        raise ParameterError(f"{name}={value!r}: these networks checkpoint with use_reentrant=False; leave it out")


class NetworkModel(NetworkForImageClassification):
    """Base of what AutoModel loads: a network, with the weights of its classifier, that gives features.

    A subclass names this class first, then the classifier: ``class MyModel(NetworkModel, MyForImageClassification)``.
    """

    def forward(  # type: ignore[override]
        self,
        pixel_values: Tensor,
        output_hidden_states: bool | None = None,
        output_attentions: bool | None = None,
        return_dict: bool | None = None,
    ) -> BaseModelOutputWithPooling | tuple[Tensor, ...]:
        """Features of a batch.

        Args:
            pixel_values, output_hidden_states, output_attentions, return_dict: as for the classifier.

        Returns:
            `last_hidden_state`, what the network has before its head, (N, tokens, dim) or (N, dim, h, w), and
            `pooler_output` (N, dim), what its classifier sees; then `hidden_states` and `attentions` where asked for.

        Raises:
            GeometryError, ImageError, ParameterError: as the classifier.
        """
        features = self.network.forward_features
        values = self._run(features, "last_hidden_state", pixel_values, output_hidden_states, output_attentions)
        pooled = self.network.forward_head(values["last_hidden_state"], pre_logits=True)
        output = BaseModelOutputWithPooling(pooler_output=pooled, **values)
        return output if (self.config.return_dict if return_dict is None else return_dict) else output.to_tuple()


@contextmanager
def _recorded(blocks: list[nn.Module]) -> Iterator[list[Tensor]]:
    """Collects what the first block takes, and what each returns, inside the with statement."""
    states: list[Tensor] = []
    hooks = [blocks[0].register_forward_pre_hook(lambda _block, inputs: states.append(inputs[0]))]
    hooks += [block.register_forward_hook(lambda _block, _inputs, output: states.append(output)) for block in blocks]
    try:
        yield states
    finally:
        for hook in hooks:
            hook.remove()
