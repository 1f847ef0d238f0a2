"""``hf-etc check``: whether a model takes pictures that are each encrypted under a key of their own, or a preset."""

import argparse
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import EtcError, GeometryError, ParameterError
from ..usage import CommandParser
from .options import add_etc_options, hide_bars, print_json

if TYPE_CHECKING:
    import numpy as np

    from ..cipher import CipherSpec
    from ..processor import EtcImageProcessor

TOLERANCE = 1e-4  # of the largest logit: what rounding leaves
NOT_SERVED = 1
_PICTURES, _LABELLED = 8, 256


def parser() -> CommandParser:
    """Of ``hf-etc check``."""
    parser = CommandParser(
        "check",
        "Check whether a model takes pictures that are each encrypted under a key of their own: its logits must not "
        "change. With --preset, or options of etc, whether it serves these: takes what they send, has clients send "
        "it, and with --images how many labels change. Exit status 1 where it does not.",
        "hf-etc check runs/bag-vit",
        "hf-etc check runs/bag-vit --preset private",
        "hf-etc check runs/bag-vit --images pictures --keep-blocks 0.5",
    )
    parser.add_argument("model", metavar="MODEL", help="folder or Hub id of an image classifier")
    parser.add_argument("--images", metavar="DIR", help="folder of pictures to check with (default: random pixels)")
    add_etc_options(parser.add_argument_group("cipher"), "the model's patches", "image, unless the preset has another")
    parser.add_argument("--keep", type=float, help=argparse.SUPPRESS)  # --keep-blocks, as in a training's recipe
    parser.add_json(
        "bag_of_blocks, block_size, changes (of the largest logit, by what is done to the blocks), causes, serves "
        "(null without a preset or options of etc), reasons against it, labels (share that changes, null without "
        "--images)"
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``hf-etc check``; see its ``--help``.

    Returns:
        0, or 1 where something changes the logits or the model does not serve the preset; how many labels change has
        no say in it.

    Raises:
        EtcError: bad input.
    """
    options = parser().parse_args(argv)

    from ..models import load_model
    from ..models.invariance import CHANGES, logit_changes, what_sees

    if options.quiet:
        hide_bars()
    model = load_model(options.model).eval()
    edge, block = _shape(model, options)
    processor = _processor(options.model)
    size = (processor and processor.preparation.size) or (edge, edge)
    spec = _spec(options, size, block)
    changes = logit_changes(model, _pictures(options.images, (edge, edge), block, _PICTURES), block)
    broken = [name for name, change in changes.items() if change > TOLERANCE]
    causes = {name: what_sees(model, name) for name in broken if name != "everything"}
    one_key = spec is not None and spec.key_scope == "dataset"
    reasons, labels = ([], None) if spec is None else _against(model, spec, options, size)
    if spec is not None and processor is not None and options.preset:
        reasons += _other_settings(processor.spec, spec)
    serves = not reasons and (one_key or not broken)
    if options.json:
        print_json(
            {"bag_of_blocks": not broken, "block_size": block, "changes": changes, "causes": causes}
            | {"serves": None if spec is None else serves, "reasons": reasons, "labels": labels}
        )
        return 0 if serves else NOT_SERVED
    for name, change in () if one_key else changes.items():
        verdict, why = "CHANGES" if name in broken else "nothing", f": {causes[name]}" if name in causes else ""
        print(f"{verdict}  {CHANGES[name]:<36} {change:8.1e} of the largest logit{why}")
    for reason in reasons:
        print(f"REFUSED  {reason}")
    if labels is not None:
        print(f"{labels:7.1%}  of the labels change under {_named(options)}")
    if not one_key:
        print(f"{options.model} is {_kind(not broken, block)}")
    if spec is not None:
        print(f"{options.model} {_verdict(options, spec, size, serves)}")
    return 0 if serves else NOT_SERVED


def _kind(bag: bool, block: int) -> str:
    if bag:
        return f"a bag of blocks of {block}x{block} pixels: pictures may have a key each"
    return (
        f"no bag of blocks of {block}x{block} pixels: for a key per picture train a bag-vit, which may start from a "
        "plain ViT (from_pretrained)"
    )


def _verdict(options: argparse.Namespace, spec: "CipherSpec", size: tuple[int, int], serves: bool) -> str:
    if not serves:
        return f"does not serve {_named(options)}"
    height, width = spec.output_size(*size)
    sent = f"serves {_named(options)}, {height}x{width} pixels of {size[0]}x{size[1]}"
    if spec.key_scope == "image":
        return sent
    return f"{sent}, under the one key that it is trained with: hf-etc evaluate --key FILE measures it"


def _named(options: argparse.Namespace) -> str:
    """The settings asked for, as typed."""
    given = [f"{name} {value}" for name, value in _single(options).items() if value is not None]
    return ", ".join([options.preset, *given] if options.preset else given)


def _single(options: argparse.Namespace) -> dict[str, Any]:
    return {name: getattr(options, name) for name in ("key_scope", "gap", "jitter", "keep")}


def _shape(model: Any, options: argparse.Namespace) -> tuple[int, int]:
    """Edges of what the model was made for, and of its blocks, in pixels."""
    size, block = getattr(model.config, "image_size", None), options.block_size
    if block is None:
        block = getattr(model.config, "patch_size", None)
    if not isinstance(size, int):
        raise ParameterError(f"{options.model} does not say the size of its pictures; set image_size in its config")
    if not isinstance(block, int):
        raise ParameterError(f"{options.model} does not say its patches; give --block-size")
    return size, block


def _processor(model: str) -> "EtcImageProcessor | None":
    """That of a model which says how clients encrypt; None for a network alone."""
    from transformers import AutoImageProcessor

    from ..processor import EtcImageProcessor

    try:
        processor = AutoImageProcessor.from_pretrained(model)
    except EtcError:
        raise
    except (OSError, ValueError):
        return None
    return processor if isinstance(processor, EtcImageProcessor) else None


def _spec(options: argparse.Namespace, size: tuple[int, int], block: int) -> "CipherSpec | None":
    """The settings asked for, with a key for each picture unless the preset says otherwise; None for none."""
    from ..sealing.recipe import to_spec

    single = _single(options)
    if options.preset is None:
        if set(single.values()) == {None}:
            return None
        single["key_scope"] = single["key_scope"] or "image"
    spec = to_spec(preset=options.preset, block_size=block, **single)
    spec.check_size(*size)
    if weakness := spec.weakness(size):
        warnings.warn(f"weak settings, {weakness}; clients refuse them from others", stacklevel=2)
    return spec


def _against(
    model: Any, spec: "CipherSpec", options: argparse.Namespace, size: tuple[int, int]
) -> tuple[list[str], float | None]:
    """Why a model does not take what a cipher sends, and the share of labels that it changes where that tells much."""
    from ..cipher.keys import EtcKey
    from ..models.invariance import label_changes
    from ..sealing import Recipe, Sealer

    pictures = _pictures(options.images, size, spec.grid, _LABELLED if options.images else 1)
    try:
        labels = label_changes(model, pictures, Sealer(EtcKey.generate(), Recipe(spec)).encrypt)
    except GeometryError as error:
        return [str(error)], None
    return [], labels if options.images and spec.key_scope == "image" else None


def _other_settings(asked: "CipherSpec", wanted: "CipherSpec") -> list[str]:
    """In what a model asks clients for another cipher."""
    found, expected = asked.differences(wanted)
    return [f"its configuration has {found}, not {expected}: clients with this preset refuse it"] if found else []


def _pictures(folder: str | None, size: tuple[int, int], block: int, count: int) -> "np.ndarray":
    import numpy as np

    if folder is None:
        return np.random.default_rng(0).integers(0, 256, (count, *size, 3), np.uint8)
    from ..images import Preparation, load_rgb

    files = sorted(path for path in Path(folder).glob("*") if path.is_file())[:count]
    if not files:
        raise ParameterError(f"no pictures in {folder}; give a folder with some")
    preparation = Preparation(size)
    return np.stack([preparation.apply(load_rgb(path), block) for path in files])
