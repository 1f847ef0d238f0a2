"""The Hugging Face Trainer with what this package adds: uint8 batches normalised on the device, batch
augmentation with soft targets, the triangular schedule, and checkpoints that are whole or not there.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.lr_scheduler import LambdaLR
from transformers import ProgressCallback, Trainer, TrainerCallback
from transformers.modeling_outputs import ImageClassifierOutput
from transformers.trainer_utils import rotate_checkpoints

from ..errors import ParameterError
from ..hub import push_model
from ..hub.connection import hub_errors
from .augment import BatchAugment
from .checkpoints import checkpoint_folder, unfinished
from .device_augment import DeviceAugment
from .identity import write_record
from .interruption import Interrupted
from .trainer_arguments import EtcTrainingArguments


class EtcTrainer(Trainer):
    """Trains on batches of uint8 ``pixel_values`` (N,3,H,W) and int64 ``labels`` (N,).

    Args:
        batch_augment: acts on training batches only.
        device_augment: acts on their bytes before that.
        channels_last: memory format of the pixels; the model must have it, too.
        facts: what the run is of, see :func:`hf_etc.training.identity.run_facts`; goes into every checkpoint.
        kwargs: as for transformers.Trainer. `train_dataset` may have ``set_epoch``.
    """

    args: EtcTrainingArguments

    def __init__(
        self,
        batch_augment: BatchAugment | None = None,
        device_augment: DeviceAugment | None = None,
        channels_last: bool = False,
        facts: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(compute_loss_func=cross_entropy, **kwargs)
        self.batch_augment, self._device_augment, self._facts = batch_augment, device_augment, facts
        self._batch_of_step = (-1, 0)  # the optimiser step, and how many batches of it were drawn before
        self._memory_format = torch.channels_last if channels_last else torch.contiguous_format
        if hasattr(self.train_dataset, "set_epoch"):
            self.add_callback(_SetEpoch(self.train_dataset))

    def training_step(self, model: nn.Module, inputs: dict[str, Any], *args: Any, **kwargs: Any) -> Tensor:
        """Augment the bytes of a batch on the device, drawing by its place in the run: a resumed run draws the same."""
        if self._device_augment is not None:
            step, batch = self._batch_of_step
            self._batch_of_step = (self.state.global_step, batch + 1 if step == self.state.global_step else 0)
            rng = np.random.default_rng([self.args.seed, *self._batch_of_step, self.args.process_index])
            inputs = dict(super()._prepare_inputs(inputs))
            inputs["pixel_values"] = self._device_augment(inputs["pixel_values"], rng)
        return super().training_step(model, inputs, *args, **kwargs)

    def _prepare_inputs(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """Move the bytes to the device and normalise them there: 0.5/0.5 maps XOR 255 to a change of sign."""
        inputs = dict(super()._prepare_inputs(inputs))
        if inputs["pixel_values"].dtype == torch.uint8:
            pixels = inputs["pixel_values"].float().div_(127.5).sub_(1)
            inputs["pixel_values"] = pixels.contiguous(memory_format=self._memory_format)
        return inputs

    def compute_loss(self, model: nn.Module, inputs: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Augment a training batch, then let the Trainer do the rest with :func:`cross_entropy`.

        The Trainer counts the images of an accumulated batch before this point, on whole-number labels, so
        soft targets do not disturb the count.
        """
        if model.training and self.batch_augment is not None:
            pixels, targets = self.batch_augment(inputs["pixel_values"], inputs["labels"])
            inputs = inputs | {"pixel_values": pixels, "labels": targets}
        return super().compute_loss(model, inputs, *args, **kwargs)

    def get_decay_parameter_names(self, model: nn.Module) -> list[str]:
        """Weight decay spares biases and the scales of all normalisations, ConvMixer's batch norm included."""
        return [name for name, parameter in model.named_parameters() if parameter.ndim > 1]

    def create_scheduler(self, num_training_steps: int, optimizer: torch.optim.Optimizer | None = None) -> Any:
        shape: Any = Triangle(num_training_steps) if self.args.triangular_schedule else None
        if self.args.lr_milestones:
            shares = [epoch / self.args.num_train_epochs for epoch in self.args.lr_milestones]
            shape = Stairs([share * num_training_steps for share in shares])
        if self.lr_scheduler is None and shape is not None:
            self.lr_scheduler = LambdaLR(optimizer or self.optimizer, shape)  # type: ignore[arg-type]
            self._created_lr_scheduler = True
        return super().create_scheduler(num_training_steps, optimizer)

    def get_eval_dataloader(self, *args: Any, **kwargs: Any) -> Any:
        """--dataloader_drop_last is meant for training; the Trainer would leave out images of the evaluation, too."""
        with replaced(self.args, dataloader_drop_last=False):
            return super().get_eval_dataloader(*args, **kwargs)

    def get_test_dataloader(self, *args: Any, **kwargs: Any) -> Any:
        with replaced(self.args, dataloader_drop_last=False):
            return super().get_test_dataloader(*args, **kwargs)

    def _save_checkpoint(self, model: nn.Module, trial: Any) -> None:
        """Mark the folder as unfinished until every process has written its part; only then drop old ones."""
        output_dir = str(self.args.output_dir)
        folder = checkpoint_folder(output_dir, self.state.global_step)
        with replaced(self.args, save_total_limit=None), unfinished(folder, self.args.should_save):
            super()._save_checkpoint(model, trial)
            if self.args.should_save and self._facts is not None:
                write_record(folder, self._facts)
            self.accelerator.wait_for_everyone()
        if self.args.should_save:
            rotate_checkpoints(output_dir, self.args.save_total_limit, self.state.best_model_checkpoint)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: nn.Module | None = None) -> None:
        """Load the weights by from_pretrained: transformers writes those of a ViT under other names than it has.

        The Trainer only warns of names that it does not find, and goes on with random weights.
        """
        if self.is_fsdp_enabled or self.is_deepspeed_enabled:  # which have formats of their own
            super()._load_from_checkpoint(resume_from_checkpoint, model)
        else:
            self._load_whole(resume_from_checkpoint, self.model if model is None else model)

    def _load_best_model(self) -> None:
        if self.is_fsdp_enabled or self.is_deepspeed_enabled:
            super()._load_best_model()
        else:
            self._load_whole(str(self.state.best_model_checkpoint), self.model)

    def _load_whole(self, folder: str, model: Any) -> None:
        model = self.accelerator.unwrap_model(model)
        model.load_state_dict(type(model).from_pretrained(folder).state_dict())

    def init_hf_repo(self, token: str | None = None, private: bool | None = None) -> None:
        """Before the training, so that a missing login does not show at its end."""
        with hub_errors(self.args.hub_model_id or str(self.args.output_dir), token or self.args.hub_token):
            super().init_hf_repo(token, private)

    def push_to_hub(
        self,
        commit_message: str | None = "End of training",
        blocking: bool = True,
        token: str | None = None,
        revision: str | None = None,
        private: bool | None = None,
        dataset: str | None = None,
        **kwargs: Any,
    ) -> Any:
        """Upload the model through the guard of :func:`hf_etc.hub.push_model`, with its card.

        Args:
            commit_message, token, revision, private: as for transformers.Trainer; the upload always blocks.
            dataset: Hub id of the dataset trained on.

        Returns:
            The address of the commit; None in all processes but the first.

        Raises:
            ParameterError: another argument of transformers.Trainer; the card is generated.
        """
        if kwargs or not blocking:
            raise ParameterError(f"push_to_hub has no {', '.join(kwargs) or 'blocking=False'}; leave it out")
        if self.hub_model_id is None:
            self.init_hf_repo(token, private)
        self.save_model(_internal_call=True)
        if not self.is_world_process_zero():
            return None
        return push_model(
            str(self.args.output_dir),
            str(self.hub_model_id),
            datasets=[dataset] if dataset else [],
            token=token or self.args.hub_token,
            revision=revision or self.args.hub_revision,
            commit_message=commit_message or "End of training",
        )

    def _maybe_log_save_evaluate(self, tr_loss: Any, grad_norm: Any, model: nn.Module, trial: Any, *args, **kwargs):
        try:
            super()._maybe_log_save_evaluate(tr_loss, grad_norm, model, trial, *args, **kwargs)
        except Interrupted:  # in the middle of an evaluation, which may take longer than a scheduler's patience
            self._save_checkpoint(model, trial)


@contextmanager
def replaced(target: Any, **values: Any) -> Iterator[None]:
    """Other attributes inside the context."""
    before = {name: getattr(target, name) for name in values}
    vars(target).update(values)
    try:
        yield
    finally:
        vars(target).update(before)


class Triangle:
    """Share of the maximal learning rate at each step: 0, 1 at 2/5 of the steps, 1/20 at 4/5, 0 at the end.

    ConvMixer's schedule for CIFAR-10, which updates the rate at every step.

    Example:
        >>> rate = Triangle(100)
        >>> [round(rate(step), 3) for step in (0, 39, 79, 99)]
        [0.025, 1.0, 0.05, 0.0]
    """

    def __init__(self, steps: int) -> None:
        self._steps = steps

    def __call__(self, step: int) -> float:
        return float(np.interp((step + 1) / self._steps, [0, 2 / 5, 4 / 5, 1], [0, 1, 1 / 20, 0]))


class Stairs:
    """Share of the maximal learning rate at each step: 1, and a tenth of that after each milestone.

    Example:
        >>> [round(Stairs([150, 225])(step), 3) for step in (0, 149, 150, 224, 225)]
        [1.0, 1.0, 0.1, 0.1, 0.01]
    """

    def __init__(self, milestones: Sequence[float]) -> None:
        self._milestones = milestones

    def __call__(self, step: int) -> float:
        return 0.1 ** sum(step >= milestone for milestone in self._milestones)


def cross_entropy(
    outputs: ImageClassifierOutput, labels: Tensor, num_items_in_batch: Tensor | int | None = None
) -> Tensor:
    """Cross-entropy with class numbers or soft targets, summed and divided by the images of the whole step.

    Args:
        outputs: ``logits`` (N,C), and ``auxiliary_loss`` () where the network adds a mean loss of its own.
        labels: int64 (N,) or float (N,C).
        num_items_in_batch: images in all accumulated batches of all processes; None: N. Dividing by it, and
            not by each batch's N, makes accumulation equal to one large batch, also for a short last batch.
    """
    count = len(labels) if num_items_in_batch is None else num_items_in_batch
    loss = F.cross_entropy(outputs["logits"].float(), labels, reduction="sum") / count
    extra = outputs.get("auxiliary_loss")
    return loss if extra is None else loss + extra * (len(labels) / count)


class BarAlone(ProgressCallback):
    """The Trainer's progress bars, on stderr, without its log, which goes to stdout."""

    def on_log(self, *args: Any, **kwargs: Any) -> None:
        pass


class _SetEpoch(TrainerCallback):
    """accelerate tells the dataset the epoch with one process, and not with several."""

    def __init__(self, dataset: Any) -> None:
        self._dataset = dataset

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._dataset.set_epoch(int(state.epoch or 0))
