"""What the parsers of the subcommands have in common. Light: ``--help`` imports no other library."""

import argparse

KEY_HELP = "key file from hf-etc keygen (default: HF_ETC_KEY_FILE, or HF_ETC_KEY)"
SOURCE_HELP = "image, folder of images, dataset folder, or dataset on the Hub"


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
