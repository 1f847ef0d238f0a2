"""What the parsers of the subcommands have in common. Light: ``--help`` imports no other library."""

import argparse

from ..errors import ParameterError

KEY_HELP = "key file from hf-etc keygen (default: HF_ETC_KEY_FILE, or HF_ETC_KEY)"
SOURCE_HELP = "image, folder of images, dataset folder, or dataset on the Hub"


def command_parser(name: str, description: str, example: str) -> argparse.ArgumentParser:
    """The parser of ``hf-etc NAME``, whose help ends with an example."""
    return argparse.ArgumentParser(
        prog=f"hf-etc {name}",
        description=description,
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def size(text: str) -> tuple[int, int]:
    """The type of ``--size``."""
    from ..images.prepare import to_size

    try:
        return to_size(text)
    except ParameterError as error:
        raise argparse.ArgumentTypeError(str(error).removeprefix("size ")) from None
