"""The command ``hf-etc serve``: the encrypted classifier on this machine."""

import ipaddress
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from ..errors import ParameterError
from ..usage import CommandParser
from .options import hide_bars, say_to

_PICTURES = (".png", ".jpg", ".jpeg", ".webp")


def main(argv: Sequence[str] | None = None) -> int:
    """Serve one model until Ctrl-C; see ``hf-etc serve --help``.

    Returns:
        The exit status, 0.

    Raises:
        EtcError: the model, an example or the address cannot be used.
    """
    options = parser().parse_args(argv)
    _check_address(options.host, options.port)
    examples = _pictures(options.examples)
    _check_folder(options.model)

    from ..gradio.app import build_app
    from ..gradio.serving import launch

    if options.quiet:
        hide_bars()
    app = build_app(options.model, format=options.format, examples=examples, max_batch=options.max_batch)
    say = say_to(sys.stdout, options.quiet)
    say(f"http://{options.host}:{options.port}  (Ctrl-C ends)")
    if not _is_local(options.host):
        say("Browsers encrypt on https or localhost only: put a proxy with TLS in front for other machines.")
    launch(app, server_name=options.host, server_port=options.port, quiet=True)
    return 0


def parser() -> CommandParser:
    """Of ``hf-etc serve``."""
    parser = CommandParser(
        "serve",
        "Classify pictures that the visitors' browsers encrypt: the server gets ciphertexts, no key.",
        "hf-etc serve demo-out/provider/model --port 7860",
    )
    parser.add_argument("model", metavar="MODEL", help="folder or Hub id of a model trained on ciphertexts")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at (default: 127.0.0.1, this machine)")
    parser.add_argument("--port", type=int, default=7860, help="(default: 7860)")
    parser.add_argument(
        "--format", choices=["png", "jpeg"], default="png", help="of the ciphertexts sent; png is lossless (default)"
    )
    parser.add_argument("--examples", metavar="DIR", help="folder of pictures to offer; they become public")
    parser.add_argument(
        "--max-batch", type=int, metavar="N", help="images at a time (default: 16 on a GPU, 4 on a CPU)"
    )
    return parser


def _pictures(folder: str | None) -> list[Path]:
    if folder is None:
        return []
    found = [path for path in sorted(Path(folder).glob("*")) if path.suffix.lower() in _PICTURES]
    if not found:
        raise ParameterError(f"no pictures (png, jpeg, webp) in the folder {folder}; leave --examples out or fill it")
    return found


def _check_folder(model: str) -> None:
    """Of a name that no model on the Hub can have, before anything is imported."""
    folder = Path(model).expanduser()
    if not folder.exists() and (model.startswith((".", "/", "~")) or model.count("/") > 1):
        raise ParameterError(f"no such folder: {model}; give the output folder of a training, or the Hub id of a model")
    if folder.is_dir() and not (folder / "config.json").is_file():
        raise ParameterError(f"{model} holds no model (no config.json); give the output folder of a training")


def _check_address(host: str, port: int) -> None:
    """Before the model is loaded, which takes a while."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((address[0], port, *address[2:]))
    except (OSError, OverflowError) as error:
        raise ParameterError(f"cannot listen at {host}, port {port} ({error}); choose --host and --port") from None


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
