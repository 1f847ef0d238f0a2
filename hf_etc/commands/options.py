"""What the parsers of the subcommands have in common. Light: ``--help`` imports no other library."""

import argparse
from typing import Any

KEY_HELP = "key file from hf-etc keygen (default: HF_ETC_KEY_FILE, or HF_ETC_KEY)"
SOURCE_HELP = "image, folder of images, dataset folder, address of one (s3://...), or dataset on the Hub"


CIPHER_OPTIONS = ("cipher", "preset", "block_size", "key_scope", "gap", "jitter", "keep")


def add_cipher_options(group: argparse._ActionsContainer, **given: Any) -> None:
    """Options for the parameters of a cipher, named `CIPHER_OPTIONS` where they are parsed.

    Args:
        group: of a parser.
        given: more arguments for each of them, such as a default.
    """
    add = group.add_argument
    add("--cipher", metavar="NAME", help="registered cipher (default: etc)", **given)
    add(
        "--preset",
        metavar="NAME",
        help="options of etc by one name: paper, private or strict; those beside it override single ones",
        **given,
    )
    add("--block-size", type=int, metavar="PIXELS", help="edge of a block (default: 16)", **given)
    add(
        "--key-scope",
        choices=["dataset", "image"],
        help="dataset: one plan for all images, the paper's; a few ciphertexts give it away (default). "
        "image: a plan of its own for each",
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


def add_window_option(group: argparse._ActionsContainer, **given: Any) -> None:
    """The option for grayscale pictures with more than 8 bits, named "window"."""
    group.add_argument(
        "--window",
        metavar="MIN:MAX",
        help="values that become black and white, of 16-bit and DICOM pictures; or CENTER/WIDTH, full, or dicom: as "
        "the DICOM file says. With a minus in front: --window=-600/1500",
        **given,
    )


def command_parser(name: str, description: str, *examples: str) -> argparse.ArgumentParser:
    """The parser of ``hf-etc NAME``, whose help ends with examples."""
    heading = "example" if len(examples) == 1 else "examples"
    return argparse.ArgumentParser(
        prog=f"hf-etc {name}",
        description=description,
        epilog="\n  ".join([f"{heading}:", *examples]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
