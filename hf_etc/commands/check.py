"""``hf-etc check``: whether a model takes pictures that are each encrypted under a key of their own."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ParameterError
from ..usage import CommandParser
from .options import hide_bars, print_json

if TYPE_CHECKING:
    import numpy as np

TOLERANCE = 1e-4  # of the largest logit: what rounding leaves
NOT_INVARIANT = 1
_PICTURES, _KEEP_PICTURES = 8, 256


def parser() -> CommandParser:
    """Of ``hf-etc check``."""
    parser = CommandParser(
        "check",
        "Check whether a model takes pictures that are each encrypted under a key of their own: its logits must not "
        "change. With --keep-blocks also how many labels change when only a share of the blocks is sent. Exit status 1 "
        "where something changes the logits.",
        "hf-etc check runs/bag-vit",
        "hf-etc check runs/bag-vit --images pictures --keep-blocks 0.5",
    )
    parser.add_argument("model", metavar="MODEL", help="folder or Hub id of an image classifier")
    parser.add_argument("--images", metavar="DIR", help="folder of pictures to check with (default: random pixels)")
    parser.add_argument("--block-size", type=int, metavar="PIXELS", help="(default: the model's patches)")
    parser.add_argument(
        "--keep-blocks",
        "--keep",
        dest="keep",
        type=float,
        metavar="SHARE",
        help="of the blocks: how many labels of --images change",
    )
    parser.add_json(
        "bag_of_blocks, block_size, changes (of the largest logit, by what is done to the blocks), causes, labels "
        "(share that changes, null without --keep-blocks)"
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``hf-etc check``; see its ``--help``.

    Returns:
        0, or 1 where something changes the logits; what --keep changes has no say in it.

    Raises:
        EtcError: bad input.
    """
    options = parser().parse_args(argv)
    if options.keep is not None and options.images is None:
        raise ParameterError("--keep-blocks is measured on real pictures; give --images")

    from ..models import load_model
    from ..models.invariance import CHANGES, label_changes, logit_changes, what_sees

    if options.quiet:
        hide_bars()
    model = load_model(options.model).eval()
    block = options.block_size or getattr(model.config, "patch_size", None)
    size = getattr(model.config, "image_size", None)
    if not isinstance(size, int):
        raise ParameterError(f"{options.model} does not say the size of its pictures; set image_size in its config")
    if not isinstance(block, int):
        raise ParameterError(f"{options.model} does not say its patches; give --block-size")
    found = logit_changes(model, _pictures(options.images, size, block, _PICTURES), block)
    broken = [name for name, change in found.items() if change > TOLERANCE]
    share = None
    if options.keep is not None:
        pictures = _pictures(options.images, size, block, _KEEP_PICTURES)
        share = label_changes(model, pictures, block, options.keep)
    if options.json:
        causes = {name: what_sees(model, name) for name in broken if name != "everything"}
        print_json(
            {"bag_of_blocks": not broken, "block_size": block, "changes": found, "causes": causes, "labels": share}
        )
        return NOT_INVARIANT if broken else 0
    for name, change in found.items():
        why = f": {what_sees(model, name)}" if name in broken and name != "everything" else ""
        verdict = "CHANGES" if name in broken else "nothing"
        print(f"{verdict}  {CHANGES[name]:<36} {change:8.1e} of the largest logit{why}")
    if share is not None:
        print(f"{share:7.1%}  of {len(pictures)} labels change when {options.keep:g} of the blocks are sent")
    if broken:
        print(
            f"{options.model} is no bag of blocks of {block}x{block} pixels: for a key per picture train a bag-vit, "
            "which may start from a plain ViT (from_pretrained)"
        )
        return NOT_INVARIANT
    print(f"{options.model} is a bag of blocks of {block}x{block} pixels: pictures may have a key each")
    return 0


def _pictures(folder: str | None, size: int, block: int, count: int) -> "np.ndarray":
    import numpy as np

    if folder is None:
        return np.random.default_rng(0).integers(0, 256, (count, size, size, 3), np.uint8)
    from ..images import Preparation, load_rgb

    files = sorted(path for path in Path(folder).glob("*") if path.is_file())[:count]
    if not files:
        raise ParameterError(f"no pictures in {folder}; give a folder with some")
    preparation = Preparation((size, size))
    return np.stack([preparation.apply(load_rgb(path), block) for path in files])
