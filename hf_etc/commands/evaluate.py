"""``hf-etc evaluate``: accuracy with the right key, a wrong one, without encryption, and after JPEG."""

import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from ..errors import ParameterError
from ..training.arguments import EvaluationArguments, SourceArguments, with_recipe
from ..training.options import add_options, made
from ..usage import CommandParser
from .options import hide_bars, print_json, say_to


def parser() -> CommandParser:
    """Of ``hf-etc evaluate``."""
    parser = CommandParser(
        "evaluate",
        "Measure how well a trained model classifies: from plain images and the key with that key, a wrong one, none, "
        "and after JPEG; from ciphertexts as they are, without a key. Writes a record for the model's card.",
        "hf-etc evaluate --model run --dataset uoft-cs/cifar10 --key clinic.key",
        "hf-etc evaluate --model run --dataset encrypted",
        usage="hf-etc evaluate --model MODEL --dataset DATASET [OPTIONS]",
    )
    first = ("model_name_or_path", "dataset_name", "key_file", "output")
    images = {one.name for one in fields(SourceArguments)} - {*first}
    how = {one.name for one in fields(EvaluationArguments)} - {*first, *images}
    add_options(parser.add_argument_group("what"), EvaluationArguments, first)
    add_options(parser.add_argument_group("images"), EvaluationArguments, images)
    add_options(parser.add_argument_group("how"), EvaluationArguments, how)
    parser.add_json("images, chance, top1 by condition (0 to 1), spread where measured several times, record")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Evaluate one model, print a table and write a record; see ``hf-etc evaluate --help``.

    Returns:
        The exit status, 0.

    Raises:
        EtcError: bad input, in one line that says what to do.
    """
    options = parser().parse_args(with_recipe(sys.argv[1:] if argv is None else argv))
    args = made(EvaluationArguments, options)
    if args.model_name_or_path is None:
        raise ParameterError("no model: give --model, the output folder of a training")

    from ..records import write_json
    from ..training.data import load_eval_split
    from ..training.evaluation import evaluate_model, evaluation_record, key_for, load, table

    if options.quiet:
        hide_bars()
    model, processor = load(args.model_name_or_path)
    split = load_eval_split(args, args.seed)
    key = key_for(split, args.key_file, processor)
    accuracy = evaluate_model(
        model,
        split,
        key,
        tuple(quality for quality in args.jpeg_quality if quality),
        args.jpeg_subsampling,  # type: ignore[arg-type]
        args.batch_size,
        args.device,
        processor,
        args.num_nonces,
        progress=not options.quiet,
    )
    folder = Path(args.model_name_or_path)
    output = Path(args.output) if args.output else (folder if folder.is_dir() else Path()) / "evaluation.json"
    spread = {name: value.spread for name, value in accuracy.items() if value.spread is not None}
    chance = 1 / len(split.class_names)
    results = {"top1": accuracy, "chance": chance} | ({"spread": spread} if spread else {})
    write_json(output, evaluation_record(args, split, processor, results))
    if options.json:
        print_json({"images": len(split)} | results | {"record": str(output)})
        return 0
    print(table(accuracy, chance, len(split)))
    say_to(sys.stdout, options.quiet)(f"record: {output}")
    return 0
