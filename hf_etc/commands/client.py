"""The command ``hf-etc client``: a page of one's own for a classifier that somebody else serves."""

import argparse
import sys
import webbrowser
from collections.abc import Sequence
from pathlib import Path

from ..encoding import JPEG_QUALITY, Encoding
from ..errors import OutputError, ParameterError
from ..usage import CommandParser
from .options import say_to


def main(argv: Sequence[str] | None = None) -> int:
    """Serve the page until Ctrl-C, or build it as a file; see ``hf-etc client --help``.

    Returns:
        The exit status, 0.

    Raises:
        EtcError: the server, the key, the port or the file cannot be used.
    """
    options = parser().parse_args(argv)
    if options.build is not None:
        return _build(options)
    if options.url is None:
        raise ParameterError("name the classifier: hf-etc client URL, or hf-etc client USER/SPACE")
    return _serve(options)


def _build(options: argparse.Namespace) -> int:
    from ..client.own_page.single_file import write

    if options.key or options.token:
        raise ParameterError("a page in a file holds neither key nor token; leave --key and --token out")
    try:
        digest = write(options.build, options.url)
    except OSError as error:
        raise OutputError(f"{options.build} cannot be written ({error.strerror}); choose another place") from None
    print(f"{digest}  {Path(options.build).name}")
    return 0


def _serve(options: argparse.Namespace) -> int:
    from ..cipher.keys import EtcKey
    from ..client.own_page.server import OwnPage
    from ..client.remote import RemoteClassifier

    encoding = Encoding(options.format, options.quality)
    key = EtcKey.load(options.key) if options.key else None
    remote = RemoteClassifier(options.url, _token() if options.token else None)
    processor = remote.processor(key, allow_weak=True)  # the page asks about weak settings
    with OwnPage(remote, processor, key=key, port=options.port, encoding=encoding) as server:
        whose = f"with the key of {options.key}" if options.key else "open your key there"
        print(server.link, flush=True)
        say_to(sys.stdout, options.quiet)(f"opens a page for {remote.name}, once; {whose}. Ctrl-C ends.")
        if not options.no_browser:
            webbrowser.open(server.link)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print("ended", file=sys.stderr)
    return 0


def _token() -> str:
    from huggingface_hub import get_token

    token = get_token()
    if not token:
        raise ParameterError("there is no token of the Hub on this machine; run: hf auth login")
    return token


def parser() -> CommandParser:
    """Of ``hf-etc client``."""
    parser = CommandParser(
        "client",
        "Classify pictures in a page that comes from this machine, not from the server that classifies: "
        "that one gets ciphertexts and runs nothing here. The key is never sent.",
        "hf-etc client http://127.0.0.1:7860 --key clinic.key",
        "hf-etc client clinic/encrypted-classifier",
        "hf-etc client --build own-page.html",
    )
    parser.add_argument("url", metavar="URL", nargs="?", help="address of the classifier, or USER/SPACE on the Hub")
    parser.add_argument("--key", metavar="FILE", help="the model's key file (default: the user opens it in the page)")
    parser.add_argument("--port", type=int, default=0, help="of this machine (default: any free one)")
    parser.add_argument(
        "--token", action="store_true", help="show the Hub's token of hf auth login to the Space, for a private one"
    )
    parser.add_argument("--no-browser", action="store_true", help="only print the address")
    parser.add_argument("--format", choices=["png", "jpeg"], default="png", help="of the ciphertexts (default: png)")
    parser.add_argument(
        "--quality", type=int, default=JPEG_QUALITY, metavar="1-100", help=f"of jpeg (default: {JPEG_QUALITY})"
    )
    parser.add_argument(
        "--build",
        metavar="FILE.html",
        help="write the page as one file that needs no Python, and print its SHA-256; with URL it can ask that server "
        "only",
    )
    return parser
