"""The options of a training: those of a dataclass of this package, and those of transformers' TrainingArguments.

The names of the second are read from its source. To import it takes seconds, which help and complaints need not wait.
"""

import argparse
import ast
from collections.abc import Callable, Container
from dataclasses import dataclass, field, fields
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from ..usage import CommandParser

T = TypeVar("T")
Group = argparse._ActionsContainer  # noqa: SLF001
_FOLDERS = ("output_dir", "resume_from_checkpoint")
_LETTERS = {int: "N", float: "X", str: "TEXT"}


def option(default: Any, help: str, **more: Any) -> Any:
    """A dataclass field that is an option of the command line.

    Args:
        default: its value.
        help: what it does.
        more: `aliases`, other names, such as "--key", or `metavar`, what to show in place of a value.
    """
    metadata = {"help": help} | more
    if isinstance(default, list):
        return field(default_factory=lambda: list(default), metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass
class Schedules:
    """What this package adds to transformers' TrainingArguments."""

    triangular_schedule: bool = option(
        False,
        "ConvMixer's learning rate, in place of --lr-scheduler-type: 0 to max at 2/5, max/20 at 4/5, 0 at the end",
    )
    lr_milestones: list[float] = option(  # noqa: RUF009
        [], "in place of --lr-scheduler-type: the learning rate falls to a tenth at each of these epochs"
    )
    max_minutes: float | None = option(
        None, "stop with a checkpoint after so many minutes, with exit status 142; the same command goes on from it"
    )


# The most used of transformers' options, by group, with the defaults of EtcTrainingArguments.
LISTED: dict[str, dict[str, str]] = {
    "run": {
        "output_dir": "folder of the model and its checkpoints; an unfinished run in it goes on",
        "num_train_epochs": "how often each image is seen (default: 3)",
        "max_steps": "end after so many steps, in place of epochs, and without a final evaluation",
        "do_eval": "evaluate at the end (default: yes, but not after --max-steps)",
        "eval_strategy": "evaluate also on the way: no, steps or epoch (default: no)",
        "save_strategy": "checkpoints: no, steps or epoch (default: steps, every 500)",
        "save_total_limit": "keep so many checkpoints (default: all)",
        "resume_from_checkpoint": "from this one (default: the last in the folder)",
        "seed": "of weights, order and augmentation (default: 42)",
        "push_to_hub": "upload the finished model through the guard",
        "hub_model_id": "where to: user/name",
    },
    "optimisation": {
        "per_device_train_batch_size": "images of a step on each device (default: 64)",
        "gradient_accumulation_steps": "add up so many batches in a step (default: 1)",
        "optim": "optimiser (default: AdamW); others take transformers' rate and decay unless you give them",
        "learning_rate": "(default, AdamW: 0.01 for a ConvMixer, 0.001 for others, 0.0003 where weights are loaded)",
        "weight_decay": "(default, AdamW: 0.01 for a ConvMixer, 0.05 for others)",
        "lr_scheduler_type": "how the learning rate falls (default: cosine)",
        "warmup_steps": "linear rise before that, in steps, or below 1 as a share of all (default: 0.05)",
        "label_smoothing_factor": "(default: 0)",
        "max_grad_norm": "clip gradients to this norm; 0: off (default: 1)",
    },
    "machine": {
        "bf16": "mixed precision; faster on GPUs",
        "dataloader_num_workers": "processes that prepare images (default: 0, this one)",
        "per_device_eval_batch_size": "images of an evaluation batch on each device (default: 64)",
        "use_cpu": "leave the accelerator alone",
        "logging_steps": "steps between two lines of the log (default: 500)",
    },
}


@dataclass(frozen=True)
class TrainerOption:
    """One field of transformers' TrainingArguments as its source has it.

    Attributes:
        kind: its annotation.
        help: transformers' own.
    """

    kind: str
    help: str

    @property
    def is_switch(self) -> bool:
        return self.kind in ("bool", "bool | None")

    def value(self) -> dict[str, Any]:
        """How argparse reads it: checked, but as text, for transformers to parse."""
        if self.is_switch:
            return _SWITCH | {"type": _text_of(_boolean, "bool"), "const": "true"}
        words = set(self.kind.split(" | ")) - {"None"}
        number = next((kind for kind in (int, float) if words == {kind.__name__}), str)
        many = {"nargs": "+"} if "list[str]" in words else {}
        return {"type": _text_of(number, number.__name__), "metavar": _LETTERS[number]} | many


@cache
def trainer_options() -> dict[str, TrainerOption]:
    """The fields of transformers' TrainingArguments by name; transformers is not imported."""
    package = find_spec("transformers")
    assert package is not None and package.origin is not None
    tree = ast.parse(Path(package.origin).with_name("training_args.py").read_text(encoding="utf-8"))
    body = next(one.body for one in tree.body if isinstance(one, ast.ClassDef) and one.name == "TrainingArguments")
    found = {}
    for one in body:
        if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name):
            found[one.target.id] = TrainerOption(ast.unparse(one.annotation), _help_of(one.value))
    return found


def add_trainer_options(parser: CommandParser, every: bool = False) -> None:
    """All options of EtcTrainingArguments; transformers' with text values, as :func:`trainer_words` wants them.

    Args:
        parser: gets them.
        every: show also what is seldom used in its help.
    """
    known = trainer_options()
    listed = {name for names in LISTED.values() for name in names}
    for title, names in LISTED.items():
        group = parser.add_argument_group(title)
        for name, help in names.items():
            _add_trainer_option(group, name, known[name], help)
        if title == "optimisation":
            add_options(group, Schedules)
    rest = parser.add_argument_group("all others of transformers' TrainingArguments" if every else None)
    for name in known.keys() - listed if not every else [name for name in known if name not in listed]:
        _add_trainer_option(rest, name, known[name], known[name].help if every else argparse.SUPPRESS)


def trainer_words(options: argparse.Namespace) -> list[str]:
    """What was given for EtcTrainingArguments, for HfArgumentParser."""
    words = []
    for name in [*trainer_options(), *(one.name for one in fields(Schedules))]:
        if hasattr(options, name):
            value = getattr(options, name)
            words += [f"--{name}", *map(str, value if isinstance(value, list) else [value])]
    return words


def add_options(group: Group, kind: type, names: Container[str] | None = None) -> None:
    """An option for each field of a dataclass, without a default in the parser.

    Args:
        group: of a parser.
        kind: the dataclass, of fields made by :func:`option`.
        names: of these fields alone.
    """
    hints = get_type_hints(kind)
    for one in fields(kind):
        if names is None or one.name in names:
            more = dict(one.metadata)
            help, aliases = more.pop("help"), more.pop("aliases", [])
            default = one.default_factory() if callable(one.default_factory) else one.default
            if default not in (None, False, []) and "default" not in help:
                shown = " ".join(map(str, default)) if isinstance(default, list) else default
                help = f"{help} (default: {shown})"
            _add(group, one.name, aliases, help, _value(hints[one.name]) | more)


def made(kind: Callable[..., T], options: argparse.Namespace) -> T:
    """The dataclass with what was given on the command line."""
    given = vars(options)
    return kind(**{one.name: given[one.name] for one in fields(kind) if one.name in given})  # type: ignore[arg-type]


def _add_trainer_option(group: Group, name: str, one: TrainerOption, help: str) -> None:
    folder = {"metavar": "DIR"} if name in _FOLDERS else {}
    _add(group, name, ["--out"] if name == "output_dir" else [], help, one.value() | folder)
    if one.is_switch:
        group.add_argument(
            f"--no-{_kebab(name)}",
            dest=name,
            action="store_const",
            const="false",
            default=argparse.SUPPRESS,
            help=argparse.SUPPRESS,
        )


def _add(group: Group, name: str, aliases: list[str], help: str, value: dict[str, Any]) -> None:
    group.add_argument(*aliases, f"--{_kebab(name)}", dest=name, default=argparse.SUPPRESS, help=help, **value)


def _value(hint: Any) -> dict[str, Any]:
    """How argparse reads a value of this type."""
    if get_origin(hint) is UnionType:
        (hint,) = (one for one in get_args(hint) if one is not NoneType)
    if hint is bool:
        return _SWITCH | {"type": _text_of(_boolean, "bool", keep=False), "const": True}
    if get_origin(hint) is Literal:
        return {"choices": get_args(hint)}
    if get_origin(hint) is list:
        (hint,) = get_args(hint)
        return {"type": hint, "nargs": "+", "metavar": _LETTERS[hint]}
    return {"type": hint, "metavar": _LETTERS[hint]}


_SWITCH: dict[str, Any] = {"nargs": "?", "metavar": "no"}


_YES, _NO = ("yes", "true", "t", "y", "1"), ("no", "false", "f", "n", "0")


def _boolean(text: str) -> bool:
    return {**dict.fromkeys(_YES, True), **dict.fromkeys(_NO, False)}[text.lower()]


def _text_of(read: Callable[[str], Any], name: str, keep: bool = True) -> Callable[[str], Any]:
    """A type of argparse that checks a value and keeps its text, unless `keep` is false."""

    def check(text: str) -> Any:
        try:
            value = read(text)
        except KeyError:
            raise ValueError from None
        return text if keep else value

    check.__name__ = name
    return check


def _help_of(value: ast.expr | None) -> str:
    """The help in the metadata of a field, in its first sentence."""
    for one in ast.walk(value) if value is not None else ():
        if isinstance(one, ast.Dict):
            for key, text in zip(one.keys, one.values, strict=True):
                if isinstance(key, ast.Constant) and key.value == "help" and isinstance(text, ast.Constant):
                    return " ".join(str(text.value).split()).split(". ")[0].rstrip(".").replace("%", "%%")
    return ""


def _kebab(name: str) -> str:
    return name.replace("_", "-")
