"""The Trainer's arguments, with the defaults of this task in place of transformers' own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

import torch
from transformers import HfArgumentParser, PreTrainedModel, TrainingArguments
from transformers.training_args import OptimizerNames

from ..errors import EtcError, ParameterError
from .options import Schedules, option

_DEFAULT_RATE, _DEFAULT_DECAY = 5e-5, 0.0  # transformers'


@dataclass
class EtcTrainingArguments(Schedules, TrainingArguments):
    """The Trainer's own arguments, and the schedules of ConvMixer and of the adaptation networks.

    `learning_rate` and `weight_decay` are None until :meth:`suit` knows the network. `do_eval` stays None where
    `max_steps` leaves the evaluation at the end out, which nobody asked for.
    """

    per_device_train_batch_size: int = option(64, "images of a step on each device")
    per_device_eval_batch_size: int = option(64, "images of an evaluation batch on each device")
    learning_rate: float | None = option(None, "see suit")  # type: ignore[assignment]
    weight_decay: float | None = option(None, "see suit")  # type: ignore[assignment]
    lr_scheduler_type: str = option("cosine", "how the learning rate falls")
    warmup_steps: float = option(0.05, "linear rise before that, in steps, or below 1 as a share of all")
    do_train: bool = option(True, "train")
    do_eval: bool | None = option(None, "evaluate at the end")  # type: ignore[assignment]
    remove_unused_columns: bool = option(False, "stays off: a batch holds pixel_values and labels only")
    ddp_find_unused_parameters: bool | None = option(False, "off: every parameter of these networks is used")
    hub_strategy: str = option("end", "stays at end: only a finished training is looked through and uploaded")

    def __post_init__(self) -> None:
        if self.bf16 and not torch.accelerator.is_available():
            self.use_cpu = True  # without it transformers refuses bfloat16, which CPUs do multiply in, too
        super().__post_init__()
        if self.do_eval is None and (self.max_steps <= 0 or self.eval_strategy != "no"):
            self.do_eval = True
        if self.triangular_schedule or self.lr_milestones:
            self.warmup_steps = 0
        if self.push_to_hub and self.hub_strategy != "end":
            raise ParameterError("--hub_strategy uploads unseen what the Trainer saves on its way; leave it out")
        if self.triangular_schedule and self.lr_milestones:
            raise ParameterError("--triangular_schedule and --lr_milestones are two schedules; give one of them")
        if any(not 0 < epoch < self.num_train_epochs for epoch in self.lr_milestones):
            raise ParameterError(f"--lr_milestones: give epochs between 0 and {self.num_train_epochs:g}")

    def suit(self, model: PreTrainedModel, pretrained: bool) -> None:
        """Fill in what was not given: AdamW's learning rate and weight decay for this kind of network.

        Args:
            model: the network.
            pretrained: whether its weights were loaded.
        """
        adamw = OptimizerNames(self.optim).value.startswith("adamw")
        convmixer = getattr(model.config, "family", None) == "convmixer"
        if self.learning_rate is None:
            new = 0.01 if convmixer else 0.001
            self.learning_rate = (3e-4 if pretrained else new) if adamw else _DEFAULT_RATE
        if self.weight_decay is None:
            self.weight_decay = (0.01 if convmixer else 0.05) if adamw else _DEFAULT_DECAY


class _Parser(HfArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ParameterError(f"{message}; see hf-etc train --help")


def parse_trainer_arguments(words: Sequence[str]) -> EtcTrainingArguments:
    """Parse options by transformers' own names.

    Raises:
        ParameterError: values that do not go with each other, or with this machine.
    """
    try:
        parser = _Parser(EtcTrainingArguments, allow_abbrev=False)  # type: ignore[arg-type]
        (args,) = parser.parse_args_into_dataclasses(list(words), look_for_args_file=False)
    except EtcError:
        raise
    except (ValueError, TypeError) as error:  # a check of TrainingArguments
        raise ParameterError(str(error).splitlines()[0]) from None
    return args
