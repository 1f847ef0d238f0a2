"""One training run, top to bottom: arguments, data, model, Trainer, results."""

import json
import signal
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import EvalPrediction, PreTrainedModel, PrinterCallback, ProgressCallback, set_seed
from transformers.training_args import OptimizerNames

from ..errors import ParameterError
from ..metrics import load_accuracy
from ..models import build_model, check_takes, list_families, list_presets, load_model
from .arguments import DataArguments, ModelArguments, parse_overrides
from .augment import BatchAugment
from .block_augment import BlockAugment
from .checkpoints import check_place, find_checkpoint, remove_unfinished
from .data import load_splits
from .dataset import keep_batch
from .identity import check_same_run, run_facts, write_record
from .interruption import StopOnSignal
from .protocols import Prepared, prepare
from .trainer import BarAlone, EtcTrainer
from .trainer_arguments import EtcTrainingArguments


@dataclass(frozen=True)
class TrainingResult:
    """What a run came to.

    Attributes:
        folder: of the model and its checkpoints.
        metrics: of this training and of the evaluation at its end, such as "train_loss" and "eval_accuracy" (0..1).
        signal: number of the signal that stopped it, with a checkpoint to go on from; None: it is finished.
    """

    folder: Path
    metrics: Mapping[str, float]
    signal: int | None = None

    @classmethod
    def read(cls, folder: Path) -> "TrainingResult | None":
        """What a finished and evaluated run left in its folder; None if there is none."""
        path = folder / "all_results.json"
        metrics = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        return cls(folder, metrics) if "eval_accuracy" in metrics else None

    @property
    def history(self) -> list[dict[str, float]]:
        """What the Trainer logged while it trained, oldest first; each with its "epoch" and "step"."""
        return json.loads((self.folder / "trainer_state.json").read_text(encoding="utf-8"))["log_history"]


def train(
    model_args: ModelArguments, data_args: DataArguments, args: EtcTrainingArguments, verbose: bool = False
) -> TrainingResult:
    """Train and evaluate one model, from the last checkpoint where there is one.

    Ctrl-C, SIGTERM or the end of ``max_minutes`` saves a checkpoint and ends the training; the same call goes on.

    Args:
        model_args: which network.
        data_args: which images.
        args: the Trainer's; bars show the progress on stderr unless ``disable_tqdm``.
        verbose: print what is being done and the figures, too.

    Raises:
        EtcError: bad input; a folder that holds something else.

    Example:
        >>> from hf_etc.training.arguments import arguments_from
        >>> settings = {"dataset_name": "ciphertexts", "output_dir": "run", "model_name_or_path": "convmixer-256/8"}
        >>> result = train(*arguments_from(settings))                               # doctest: +SKIP
        >>> result.signal is None, result.metrics["eval_accuracy"]                  # doctest: +SKIP
        (True, 0.93)
    """
    # The output folder is new, or holds a run to go on with.
    output = Path(str(args.output_dir))
    check_place(output)
    checkpoint = find_checkpoint(output, args.resume_from_checkpoint) if args.do_train else None
    transformers.utils.logging.set_verbosity(args.get_process_log_level())
    if args.disable_tqdm:
        transformers.utils.logging.disable_progress_bar()
    set_seed(args.seed)
    first = args.process_index == 0
    say = partial(print, flush=True) if verbose and first else _ignore

    # Data. The first process fills the caches of datasets, the others read them.
    with args.main_process_first(desc="loading the dataset"):
        splits = load_splits(data_args, args.do_train, bool(args.do_eval), args.seed)
    data = prepare(data_args, splits, args.seed, progress=first and not args.disable_tqdm)
    class_names = next(iter(splits.values())).class_names

    # Model and Trainer. What the output folder holds already must be of the same run.
    model = build(model_args, data.size, class_names)
    if first:
        _warn_of_places(model, data)
    facts = facts_of(data_args, data, model, args)
    length = {"num_train_epochs": args.num_train_epochs, "max_steps": args.max_steps}
    finished = args.do_train and check_same_run(output, checkpoint, facts, length)
    if finished:
        model = _in_memory_format(load_model(str(output)), model_args)
        say(f"the run in {output} is finished; nothing is left to train")
    stop = StopOnSignal(args.max_minutes)
    trainer = make_trainer(model, model_args, data_args, args, data, len(class_names), stop, facts)
    if not verbose:
        _silence(trainer)
    metrics: dict[str, float] = {}

    # Training; an interrupted one ends here.
    if args.do_train and not finished:
        if first:
            remove_unfinished(output)
            write_record(output, facts)
        say(f"resuming from {checkpoint}" if checkpoint else f"training on {len(data.datasets['train'])} images")
        with stop:
            trained = trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
        if stop.signal is not None:
            name, step = signal.Signals(stop.signal).name, trainer.state.global_step
            say(f"\nstopped by {name}, step {step} is saved; run the same command again to go on")
            return TrainingResult(output, trained.metrics, stop.signal)
        trainer.save_model()
        metrics |= _kept(trainer, "train", trained.metrics, data, verbose)
        trainer.save_state()
        if first:
            write_record(output, facts, finished=length)

    # Results: train_results.json, eval_results.json, all_results.json.
    if args.do_eval:
        metrics |= _kept(trainer, "eval", trainer.evaluate(), data, verbose)
    elif args.do_eval is None:
        say("with --max-steps there is no evaluation at the end; ask for one with --do-eval")
    if args.push_to_hub:
        source = data_args.dataset_name
        trainer.push_to_hub(dataset=None if source is None or Path(source).exists() else source)
    return TrainingResult(output, metrics)


def _kept(trainer: EtcTrainer, split: str, metrics: dict[str, float], data: Prepared, show: bool) -> dict[str, float]:
    """Write the figures of one split and return them with the number of images."""
    metrics = metrics | {f"{split}_samples": len(data.datasets[split])}
    if show:
        trainer.log_metrics(split, metrics)
    trainer.save_metrics(split, metrics)
    return metrics


def _silence(trainer: EtcTrainer) -> None:
    """Leave stdout alone, where the Trainer's callbacks write its log; bars on stderr stay."""
    trainer.remove_callback(PrinterCallback)
    if trainer.pop_callback(ProgressCallback):
        trainer.add_callback(BarAlone)


def _ignore(line: str) -> None:
    pass


def build(args: ModelArguments, size: tuple[int, int], class_names: Sequence[str]) -> PreTrainedModel:
    """The network for images of this (height, width) and these classes."""
    overrides = parse_overrides(args.model_config)
    if size[0] == size[1]:
        overrides = {"image_size": size[0]} | overrides
    labels = dict(enumerate(class_names))
    model = build_model(args.model_name_or_path, id2label=labels, from_pretrained=args.from_pretrained, **overrides)
    check_takes(model, *size)
    return _in_memory_format(model, args)


def _in_memory_format(model: PreTrainedModel, args: ModelArguments) -> PreTrainedModel:
    if args.channels_last:
        model.to(memory_format=torch.channels_last)  # type: ignore[call-arg]
    return model


def facts_of(
    args: DataArguments, data: Prepared, model: PreTrainedModel, training: EtcTrainingArguments
) -> dict[str, Any]:
    """What a run is of; two runs that differ in it do not share a folder."""
    jpeg = [] if args.jpeg_quality is None else [args.jpeg_quality, args.jpeg_subsampling]
    images = len(data.datasets.get("train", ()))
    optim = OptimizerNames(training.optim).value
    return run_facts(args.protocol, data.processor, data.size, jpeg, model.config, images, data.data, optim)


def _warn_of_places(model: PreTrainedModel, data: Prepared) -> None:
    spec = getattr(data.processor, "spec", None)
    if spec is not None and spec.key_scope == "image" and not getattr(model, "takes_bags", False):
        warnings.warn(
            f"{model.config.model_type} sees where blocks lie, which a key for each image leaves to chance; train a "
            "bag-vit, which does not",
            stacklevel=3,
        )


def block_augment(model: PreTrainedModel, args: DataArguments) -> BlockAugment | None:
    """What is done to whole blocks of a batch, if anything.

    Raises:
        ParameterError: the model needs all blocks in their places.
    """
    if not (args.block_drop or args.block_mix_alpha):
        return None
    if not getattr(model, "takes_bags", False):
        raise ParameterError(
            f"--block_drop and --block_mix_alpha need a model that takes a bag of blocks, such as bag-vit, "
            f"not {model.config.model_type}"
        )
    return BlockAugment(model.config.patch_size, args.block_drop, args.block_mix_alpha)


def make_trainer(
    model: PreTrainedModel,
    model_args: ModelArguments,
    data_args: DataArguments,
    args: EtcTrainingArguments,
    data: Prepared,
    num_classes: int,
    stop: StopOnSignal,
    facts: dict[str, Any] | None = None,
) -> EtcTrainer:
    """The Trainer of a run."""
    accuracy = load_accuracy()
    new = model_args.model_name_or_path in (*list_families(), *list_presets()) and model_args.from_pretrained is None
    args.suit(model, pretrained=not new)

    def compute_metrics(prediction: EvalPrediction) -> dict[str, Any]:
        return accuracy.compute(predictions=prediction.predictions, references=prediction.label_ids) or {}

    return EtcTrainer(
        batch_augment=BatchAugment(
            num_classes,
            mixup_alpha=data_args.mixup_alpha,
            cutmix_alpha=data_args.cutmix_alpha,
            random_erasing=data_args.random_erasing,
            label_smoothing=args.label_smoothing_factor,
            blocks=block_augment(model, data_args),
        ),
        device_augment=data.device_augment,
        channels_last=model_args.channels_last,
        facts=facts,
        model=model,
        args=args,
        data_collator=keep_batch,
        train_dataset=data.datasets.get("train"),
        eval_dataset=data.datasets.get("eval"),
        processing_class=data.processor,
        preprocess_logits_for_metrics=lambda logits, labels: logits.argmax(-1),
        compute_metrics=compute_metrics,
        callbacks=[stop],
    )
