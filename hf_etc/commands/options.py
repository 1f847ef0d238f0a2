"""What the subcommands have in common."""

import argparse
import json
import os
import sys
from collections.abc import Callable
from typing import Any, TextIO

KEY_HELP = "key file from hf-etc keygen (default: HF_ETC_KEY_FILE, or HF_ETC_KEY)"
SOURCE_HELP = "image, folder of images, dataset folder, address of one (s3://...), or dataset on the Hub"


CIPHER_OPTIONS = ("cipher", "preset", "block_size", "key_scope", "gap", "jitter", "keep")


def add_cipher_options(group: argparse._ActionsContainer, **given: Any) -> None:
    """Options for the parameters of a cipher, named `CIPHER_OPTIONS` where they are parsed.

    Args:
        group: of a parser.
        given: more arguments for each of them, such as a default.
    """
    group.add_argument("--cipher", metavar="NAME", help="registered cipher (default: etc)", **given)
    add_etc_options(group, **given)


def add_etc_options(
    group: argparse._ActionsContainer, block_size: str = "16", key_scope: str = "dataset", **given: Any
) -> None:
    """Those of them for etc: a preset, and what overrides it.

    Args:
        group: of a parser.
        block_size, key_scope: what the help says of their defaults.
        given: more arguments for each of them.
    """
    add = group.add_argument
    add(
        "--preset",
        metavar="NAME",
        help="options of etc by one name: paper, private or strict; those beside it override single ones",
        **given,
    )
    add("--block-size", type=int, metavar="PIXELS", help=f"edge of a block (default: {block_size})", **given)
    add(
        "--key-scope",
        choices=["dataset", "image"],
        help="dataset: one plan for all images, the paper's; a few ciphertexts give it away. "
        f"image: a plan of its own for each (default: {key_scope})",
        **given,
    )
    add("--gap", type=int, metavar="PIXELS", help="between blocks, never sent (default: 0)", **given)
    add("--jitter", type=int, metavar="PIXELS", help="by which blocks are moved at random (default: 0)", **given)
    add(
        "--keep-blocks",
        dest="keep",
        type=float,
        metavar="SHARE",
        help="of the rows of blocks, such as 0.5; the others are never sent (default: 1)",
        **given,
    )


def print_json(value: Any) -> None:
    """One JSON value on stdout."""
    print(json.dumps(value, indent=2))


def say_to(stream: TextIO, quiet: bool = False) -> Callable[[str], None]:
    """Takes lines for the user, and drops them where these are not wanted."""
    return (lambda line: None) if quiet else lambda line: print(line, file=stream, flush=True)


def hide_bars() -> None:
    """No progress bars of the libraries, of those that are imported and of those to come."""
    os.environ |= {"HF_DATASETS_DISABLE_PROGRESS_BARS": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    for library, function in (
        ("datasets", "disable_progress_bars"),
        ("huggingface_hub.utils", "disable_progress_bars"),
        ("transformers.utils.logging", "disable_progress_bar"),
    ):
        if library in sys.modules:
            getattr(sys.modules[library], function)()


def add_window_option(group: argparse._ActionsContainer, **given: Any) -> None:
    """The option for grayscale pictures with more than 8 bits, named "window"."""
    group.add_argument(
        "--window",
        metavar="MIN:MAX",
        help="values that become black and white, of 16-bit and DICOM pictures; or CENTER/WIDTH, full, or dicom: as "
        "the DICOM file says. With a minus in front: --window=-600/1500",
        **given,
    )
