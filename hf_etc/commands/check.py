"""Check whether a model takes pictures that are each encrypted under a key of their own: its logits must not change."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ParameterError
from .options import command_parser

if TYPE_CHECKING:
    import numpy as np

TOLERANCE = 1e-4  # of the largest logit: what rounding leaves
NOT_INVARIANT = 1
_PICTURES = 8


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``hf-etc check``; see its ``--help``.

    Returns:
        0, or 1 where something changes the logits.

    Raises:
        EtcError: bad input.
    """
    from ..models import load_model
    from ..models.invariance import CHANGES, logit_changes

    parser = command_parser("check", __doc__, "hf-etc check runs/bag-vit")
    parser.add_argument("model", metavar="MODEL", help="folder or Hub id of an image classifier")
    parser.add_argument("--images", metavar="DIR", help="folder of pictures to check with (default: random pixels)")
    parser.add_argument("--block-size", type=int, metavar="PIXELS", help="(default: the model's patches)")
    options = parser.parse_args(argv)
    model = load_model(options.model).eval()
    block = options.block_size or getattr(model.config, "patch_size", None)
    size = getattr(model.config, "image_size", None)
    if not isinstance(block, int) or not isinstance(size, int):
        raise ParameterError(f"{options.model} does not say its patches and its size; give --block-size")
    found = logit_changes(model, _pictures(options.images, size, block), block)
    broken = [name for name, change in found.items() if change > TOLERANCE]
    for name, change in found.items():
        print(f"{'CHANGES' if name in broken else 'nothing'}  {CHANGES[name]:<36} {change:8.1e} of the largest logit")
    if broken:
        print(f"{options.model} is no bag of blocks of {block}x{block} pixels: train a bag-vit for a key per picture")
        return NOT_INVARIANT
    print(f"{options.model} is a bag of blocks of {block}x{block} pixels: pictures may have a key each")
    return 0


def _pictures(folder: str | None, size: int, block: int) -> "np.ndarray":
    import numpy as np

    if folder is None:
        return np.random.default_rng(0).integers(0, 256, (_PICTURES, size, size, 3), np.uint8)
    from ..images import Preparation, load_rgb

    files = sorted(path for path in Path(folder).glob("*") if path.is_file())[:_PICTURES]
    if not files:
        raise ParameterError(f"no pictures in {folder}; give a folder with some")
    preparation = Preparation((size, size))
    return np.stack([preparation.apply(load_rgb(path), block) for path in files])
