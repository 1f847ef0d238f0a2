"""One training run, top to bottom: arguments, data, model, Trainer, results."""

import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import EvalPrediction, PreTrainedModel, set_seed

from ..errors import EtcError
from ..metrics import load_accuracy
from ..models import build_model, load_model
from .arguments import DataArguments, EtcTrainingArguments, ModelArguments, parse_arguments, parse_overrides
from .augment import BatchAugment
from .checkpoints import find_checkpoint, remove_unfinished
from .data import load_splits
from .dataset import keep_batch
from .identity import check_same_run, run_facts, write_record
from .interruption import StopOnSignal
from .protocols import Prepared, prepare
from .trainer import EtcTrainer


def main(argv: Sequence[str] | None = None) -> int:
    """Train and evaluate one model; ``examples/train.py --help`` lists the arguments.

    Args:
        argv: a recipe file, flags, or both; default: this process's arguments.

    Returns:
        The exit status: 0, 2 for bad input (with one line that says what to do), or 128 + the number of
        the signal that stopped the run.
    """
    try:
        model_args, data_args, args = parse_arguments(sys.argv[1:] if argv is None else argv)
        return train(model_args, data_args, args)
    except EtcError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def train(model_args: ModelArguments, data_args: DataArguments, args: EtcTrainingArguments) -> int:
    """:func:`main` behind the parser."""
    # The output folder is new, or holds a run to go on with.
    checkpoint = find_checkpoint(str(args.output_dir), args.resume_from_checkpoint) if args.do_train else None
    transformers.utils.logging.set_verbosity(args.get_process_log_level())
    if args.disable_tqdm:
        transformers.utils.logging.disable_progress_bar()
    set_seed(args.seed)
    first = args.process_index == 0

    # Data. The first process fills the caches of datasets, the others read them.
    with args.main_process_first(desc="loading the dataset"):
        splits = load_splits(data_args, args.do_train, args.do_eval, args.seed)
    data = prepare(data_args, splits, args.seed, progress=first and not args.disable_tqdm)
    class_names = next(iter(splits.values())).class_names

    # Model and Trainer. What the output folder holds already must be of the same run.
    model = build(model_args, data.size, class_names)
    facts = facts_of(data_args, data, model)
    length = {"num_train_epochs": args.num_train_epochs, "max_steps": args.max_steps}
    finished = args.do_train and check_same_run(str(args.output_dir), checkpoint, facts, length)
    if finished:
        model = _in_memory_format(load_model(str(args.output_dir)), model_args)
        if first:
            print(f"the run in {args.output_dir} is finished; nothing is left to train")
    stop = StopOnSignal()
    trainer = make_trainer(model, model_args, data_args, args, data, len(class_names), stop, facts)

    # Training; an interrupted one ends here.
    if args.do_train and not finished:
        if first:
            remove_unfinished(str(args.output_dir))
            write_record(str(args.output_dir), facts)
            print(f"resuming from {checkpoint}" if checkpoint else f"training on {len(data.datasets['train'])} images")
        with stop:
            result = trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
        if stop.signal is not None:
            if first:
                name, step = signal.Signals(stop.signal).name, trainer.state.global_step
                print(f"\nstopped by {name}, step {step} is saved; run the same command again to go on", flush=True)
            return 128 + stop.signal
        trainer.save_model()
        metrics = result.metrics | {"train_samples": len(data.datasets["train"])}
        trainer.log_metrics("train", metrics)
        trainer.save_metrics("train", metrics)
        trainer.save_state()
        if first:
            write_record(str(args.output_dir), facts, finished=length)

    # Results: train_results.json, eval_results.json, all_results.json.
    if args.do_eval:
        metrics = trainer.evaluate() | {"eval_samples": len(data.datasets["eval"])}
        trainer.log_metrics("eval", metrics)
        trainer.save_metrics("eval", metrics)
    if args.push_to_hub:
        source = data_args.dataset_name
        trainer.push_to_hub(dataset=None if source is None or Path(source).exists() else source)
    return 0


def build(args: ModelArguments, size: tuple[int, int], class_names: Sequence[str]) -> PreTrainedModel:
    """The network for images of this (height, width) and these classes."""
    overrides = parse_overrides(args.model_config)
    if size[0] == size[1]:
        overrides = {"image_size": size[0]} | overrides
    model = build_model(args.model_name_or_path, id2label=dict(enumerate(class_names)), **overrides)
    return _in_memory_format(model, args)


def _in_memory_format(model: PreTrainedModel, args: ModelArguments) -> PreTrainedModel:
    if args.channels_last:
        model.to(memory_format=torch.channels_last)  # type: ignore[call-arg]
    return model


def facts_of(args: DataArguments, data: Prepared, model: PreTrainedModel) -> dict[str, Any]:
    """What a run is of; two runs that differ in it do not share a folder."""
    jpeg = [] if args.jpeg_quality is None else [args.jpeg_quality, args.jpeg_subsampling]
    images = len(data.datasets.get("train", ()))
    return run_facts(args.protocol, data.processor, data.size, jpeg, model.config, images, data.data)


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

    def compute_metrics(prediction: EvalPrediction) -> dict[str, Any]:
        return accuracy.compute(predictions=prediction.predictions, references=prediction.label_ids) or {}

    return EtcTrainer(
        batch_augment=BatchAugment(
            num_classes,
            mixup_alpha=data_args.mixup_alpha,
            cutmix_alpha=data_args.cutmix_alpha,
            random_erasing=data_args.random_erasing,
            label_smoothing=args.label_smoothing_factor,
        ),
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
