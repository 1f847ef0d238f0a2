"""Start an app, or mount it in another one: the same limits in both cases."""

import os
import sys
from collections.abc import Sequence
from typing import Any

import gradio as gr
from starlette.middleware import Middleware

from ..errors import ParameterError
from .events import HeardQueue
from .header_timeout import HeaderTimeout
from .light_page import LightPage
from .limits import FRAME_ANCESTORS, RequestLimits

_SESSIONS = 256  # each session of a page holds its latest ciphertext in memory
_CSS = """
.he-seen { margin: 0; }
.he-seen img { display: block; width: 100%; max-width: 20rem; margin: 0 auto; image-rendering: pixelated;
  border-radius: var(--radius-md); }
.he-said { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
.he-seen figcaption { text-align: center; margin-top: 0.4rem; }
"""
# Whatever would store, share or report, and other servers that would answer without the limits.
_OFF: dict[str, Any] = {"run_history": False, "enable_monitoring": False, "mcp_server": False, "ssr_mode": False}
_NOT_YOURS = {*_OFF, "share", "num_workers", "app_kwargs", "debug", "allowed_paths"}


def launch(app: gr.Blocks, *, frame_ancestors: Sequence[str] = FRAME_ANCESTORS, **options: Any) -> Any:
    """Start an app whose inputs are :class:`EncryptedImage`: no uploads, no analytics, no sharing, nothing on disk.

    Args:
        app: from :func:`build_app`, or your own.
        frame_ancestors: origins of the pages that may show the app in a frame; default: its own and the Hub's.
        options: of ``gradio.Blocks.launch``, such as ``server_port``, ``auth`` or ``prevent_thread_lock``.

    Raises:
        ParameterError: an event of the app needs files, or an option would open what this server shuts.
    """
    _check_options(options)
    if os.environ.get("GRADIO_DEBUG", "0") != "0":
        raise ParameterError("GRADIO_DEBUG is set, which shows the server's errors to visitors; unset it")
    stay = not options.pop("prevent_thread_lock", False) and not getattr(sys, "ps1", sys.flags.interactive)
    started = app.launch(
        prevent_thread_lock=True,
        share=False,
        num_workers=0,
        state_session_capacity=_SESSIONS,
        _frontend=False,  # no check that ends the server when its first page takes three seconds
        app_kwargs=_protected(app, frame_ancestors),
        **_OFF,
        **_look(options),
    )
    app.server.config.http_protocol_class = HeaderTimeout  # asked for at each connection; Gradio takes no server option
    if stay:
        app.block_thread()
    return started


def mount(
    parent: Any, app: gr.Blocks, path: str, *, frame_ancestors: Sequence[str] = FRAME_ANCESTORS, **options: Any
) -> Any:
    """Mount an app in a FastAPI application, with the limits of :func:`launch` on everything below `path`.

    What `parent` serves beside it has no limits. The server is yours: start it with
    ``uvicorn.run(parent, http=hf_etc.gradio.HeaderTimeout)``, or put a proxy with time limits in front.

    Args:
        parent: a ``fastapi.FastAPI``.
        app: from :func:`build_app`, or your own.
        path: such as "/classify".
        frame_ancestors: as for :func:`launch`.
        options: of ``gradio.mount_gradio_app``, such as ``auth`` or ``root_path``.

    Returns:
        `parent`.

    Raises:
        ParameterError: as :func:`launch`, or the path does not begin with a slash.

    Example::

        parent = fastapi.FastAPI()
        mount(parent, build_app("runs/convmixer"), "/classify")
        uvicorn.run(parent, http=HeaderTimeout)
    """
    _check_options(options)
    if not path.startswith("/"):
        raise ParameterError(f"path {path!r}: begin it with a slash, as in /classify")
    app.state_session_capacity = _SESSIONS
    return gr.mount_gradio_app(
        parent,
        app,
        path,
        app_kwargs=_protected(app, frame_ancestors),
        **_OFF,
        **{"show_error": False, **_look(options)},
    )


def _check_options(options: dict[str, Any]) -> None:
    if refused := sorted(options.keys() & _NOT_YOURS):
        raise ParameterError(f"{refused[0]} cannot be set: it could open what this server shuts; leave it out")


def _look(options: dict[str, Any]) -> dict[str, Any]:
    system, mono = ["system-ui", "sans-serif"], ["ui-monospace", "monospace"]  # nothing to load
    theme = gr.themes.Default(primary_hue="indigo", font=system, font_mono=mono)
    return {"footer_links": ["api"], "css": _CSS, "theme": theme, **options}


def _protected(app: gr.Blocks, frame_ancestors: Sequence[str]) -> dict[str, Any]:
    """Give the app its queue, and what its FastAPI application has to be made with."""
    limits: dict[str, Any] = {"blocks": app, "frame_ancestors": tuple(frame_ancestors)}
    RequestLimits(None, **limits)  # the server makes its own when it starts; an app that does not fit fails here
    if not isinstance(app._queue, HeardQueue):  # noqa: SLF001
        app._queue = HeardQueue(app._queue)  # noqa: SLF001
    return {"middleware": [Middleware(RequestLimits, **limits), Middleware(LightPage, blocks=app)]}
