"""Stopping a run early without loss: Ctrl-C, SIGTERM or the end of its time saves a checkpoint, then it ends.

transformers has ``enable_jit_checkpoint``; it knows SIGTERM only, waits three seconds, and each process
decides alone, so that several processes stop at different steps and wait for each other forever.
"""

import math
import signal
import threading
import time
from types import FrameType
from typing import Any

import torch
import torch.distributed as dist
from transformers import TrainerCallback

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_TIME_IS_UP = getattr(signal, "SIGALRM", signal.SIGTERM)  # Windows has none


class Interrupted(Exception):
    """Leaves an evaluation in the middle of a training; raised at the same batch in all processes."""


class StopOnSignal(TrainerCallback):
    """Ends the training with a checkpoint at the first step after a signal to any of the processes, or after its time.

    Use it as a context around ``trainer.train()``; the former handlers are back afterwards. In a thread
    other than the main one only the time counts: signals do not arrive there.

    Args:
        minutes: from now to the end, for a machine that is lent for so long; None: no end.

    Attributes:
        signal: number of the signal that ended the training, SIGALRM after its time, or None.
    """

    def __init__(self, minutes: float | None = None) -> None:
        self.signal: int | None = None
        self._end = math.inf if minutes is None else time.monotonic() + 60 * minutes
        self._received = 0
        self._previous: dict[int, Any] = {}
        self._group: Any = None

    def __enter__(self) -> "StopOnSignal":
        if threading.current_thread() is threading.main_thread():
            self._previous = {number: signal.signal(number, self._receive) for number in _SIGNALS}
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous = {}
        if self._received and self.signal is None:  # it came after the last step
            signal.raise_signal(self._received)

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if args.world_size > 1:
            self._group = dist.new_group(backend="gloo")  # on the CPU: asking costs the device nothing

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step < state.max_steps:  # else it ends anyway, and has nothing to go on with
            self._stop_if_agreed(control)

    def on_epoch_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self.signal is not None:  # the epoch was cut short: nothing to evaluate, and the checkpoint is there
            control.should_evaluate = control.should_save = False

    def on_prediction_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self._previous:  # else an evaluation outside of training
            self._stop_if_agreed(control)
            if self.signal is not None:
                raise Interrupted

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self._received = number

    def _stop_if_agreed(self, control: Any) -> None:
        """All processes must leave at the same step: one that went on would wait for the others' gradients."""
        received = torch.tensor(self._received or (_TIME_IS_UP if time.monotonic() > self._end else 0))
        if self._group is not None:
            dist.all_reduce(received, dist.ReduceOp.MAX, group=self._group)
        if received:
            self.signal = int(received)
            control.should_save = control.should_training_stop = True
            control.should_evaluate = False
