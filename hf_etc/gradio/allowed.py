"""What may be asked of an app, read off the app itself: its functions, their inputs, the files of its page."""

import json
import re
from collections.abc import Iterable
from typing import Any

import gradio as gr

from ..errors import ParameterError
from .component import WEB, EncryptedImage

_API = "/gradio_api/"
_ID = re.compile(r"[\w-]{1,64}", re.ASCII)
_EXTRA_BYTES = 2**14  # of a request beside its pictures
_FILE_TYPE = "gradio.FileData"  # the mark of what Gradio reads from, or writes to, its folder of files
# What the page and the API clients get. Gradio's other routes fetch addresses, write files or show what was served.
_PAGE = re.compile(
    r"/|/config/?|/theme\.css|/manifest\.json|/robots\.txt|/favicon\.ico|/login_check/?|/logout"
    r"|/(assets|static|svelte)/[\w./@+~-]+"
    rf"|{_API}(info/?|theme\.css|app_id/?|startup-events|login_check/?|queue/data|heartbeat/{_ID.pattern})"
    rf"|{_API}call/(v2/)?\w+/{_ID.pattern}"
    rf"|{_API}file={re.escape(str(WEB))}/[\w./-]+",
    re.ASCII,
)
_STREAM = re.compile(rf"{_API}call/(?:v2/)?\w+/({_ID.pattern})", re.ASCII)
_CALL = re.compile(rf"{_API}call/(v2/)?(\w+)", re.ASCII)
_SEND = "send the data URL of a ciphertext image file made by hf-etc"


class Refusal(Exception):
    """A request that Gradio does not get to see: HTTP status, and a line that says what to send."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Allowed:
    """The requests that an app answers. Everything else is refused, so a route new in Gradio is shut.

    Args:
        app: its functions may take :class:`EncryptedImage` and plain values: text, numbers, choices, state.

    Attributes:
        max_body: bytes of the largest request with all the pictures that one function takes.

    Raises:
        ParameterError: an event of `app` needs what this server refuses, such as files.
    """

    def __init__(self, app: gr.Blocks) -> None:
        functions = [function for function in app.fns.values() if function.fn is not None]  # the others run in the page
        for function in functions:
            _check(function)
        self._by_index = {function._id: function for function in functions}  # noqa: SLF001
        self._by_name = {
            function.api_name: function
            for function in functions
            if isinstance(function.api_name, str) and function.api_visibility != "private"
        }
        self._blocks, self._pages = set(app.blocks), {f"/{name}" for name, *_ in app.pages}
        described: dict[str, Any] = app.get_api_info(all_endpoints=True)["named_endpoints"]
        self._parameters = {
            name: {one["parameter_name"] for one in described[f"/{name}"]["parameters"]} for name in self._by_name
        }
        self.max_body = _EXTRA_BYTES + max((_picture_bytes(function) for function in functions), default=0)

    def check_get(self, path: str) -> None:
        """Raises :class:`Refusal` for what is no part of the page or of the API."""
        if ".." in path or not (_PAGE.fullmatch(path) or path in self._pages):
            raise Refusal(403, "this server has no such page")

    def check_post(self, path: str, body: Any) -> None:
        """Raises :class:`Refusal` for anything but a call of a function of the app with plain values.

        Args:
            path: inside the app.
            body: the decoded JSON.
        """
        fields = body if isinstance(body, dict) else {}
        if path == f"{_API}queue/join":
            _check_fields(fields, {"data", "fn_index", "session_hash"}, {"trigger_id", "event_data", "event_id"})
            self._check_index(fields["fn_index"])
            if fields.get("trigger_id") is not None and not _is_one_of(fields["trigger_id"], self._blocks):
                raise Refusal(400, "trigger_id names no component of this app")
            if fields.get("event_data") or fields.get("event_id"):
                raise Refusal(400, "event_data and event_id have to be null")
            _check_data(fields["data"], self._by_index[fields["fn_index"]])
        elif path == f"{_API}cancel":
            _check_fields(fields, {"session_hash", "fn_index", "event_id"})
            self._check_index(fields["fn_index"])
        elif path == f"{_API}reset":
            _check_fields(fields, {"event_id"})
        else:
            self._check_call(path, fields)
        for name in ("session_hash", "event_id"):
            if fields.get(name) is not None and not (isinstance(fields[name], str) and _ID.fullmatch(fields[name])):
                raise Refusal(400, f"{name} has to be up to 64 letters, digits and hyphens")

    def is_post(self, path: str) -> bool:
        """Whether the app takes a body there; otherwise none is read."""
        call = _CALL.fullmatch(path)
        return path in {f"{_API}queue/join", f"{_API}cancel", f"{_API}reset"} or bool(call and call[2] in self._by_name)

    def _check_call(self, path: str, fields: dict) -> None:
        version, name = _CALL.fullmatch(path).groups()  # type: ignore[union-attr]
        if version:
            _check_fields(fields, set(), self._parameters[name])
            _check_values(fields.values())
        else:
            _check_fields(fields, {"data"}, {"session_hash"})
            _check_data(fields["data"], self._by_name[name])

    def _check_index(self, index: Any) -> None:
        if not _is_one_of(index, self._by_index):
            raise Refusal(403, "fn_index names no function of this app that answers requests")


def stream_of(path: str, query: dict[str, list[str]]) -> str | None:
    """Event id or session hash whose answers a GET waits for; None for any other GET.

    Raises:
        Refusal: no session hash, or several.
    """
    if found := _STREAM.fullmatch(path):
        return found[1]
    if path != f"{_API}queue/data":
        return None
    sessions = query.get("session_hash", [])
    if len(sessions) != 1 or not _ID.fullmatch(sessions[0]):
        raise Refusal(400, "name one session_hash")
    return sessions[0]


def _check(function: Any) -> None:
    """At the start, so that an app that needs files fails where its author sees it."""
    name = function.api_name or function.name
    for block in function.inputs:
        if getattr(block, "data_model", None) is not None:
            raise ParameterError(
                f"the event {name!r} takes a {type(block).__name__}, and this server takes no files or tables: "
                "use EncryptedImage, text, numbers and choices as inputs"
            )
    for block in function.outputs:
        model = getattr(block, "data_model", None)
        if model is not None and _FILE_TYPE in json.dumps(model.model_json_schema(), default=str):
            raise ParameterError(
                f"the event {name!r} answers with a {type(block).__name__}, which Gradio writes to disk: "
                "answer with gr.HTML and a data URL"
            )
    refused = {
        "queue=False": not function.queue,
        "component properties as inputs": function.component_prop_inputs,
        "a stream": function.connection == "stream",
    }
    for what, found in refused.items():
        if found:
            raise ParameterError(f"the event {name!r} has {what}, which this server refuses: leave that out")


def _picture_bytes(function: Any) -> int:
    pictures = [block for block in function.inputs if isinstance(block, EncryptedImage)]
    return sum(picture.max_bytes * 4 // 3 + 64 for picture in pictures)


def _is_one_of(value: Any, numbers: Iterable[int]) -> bool:
    return type(value) is int and value in numbers  # True would be taken for 1


def _check_fields(fields: dict, needed: set[str], optional: Iterable[str] = ()) -> None:
    if needed - fields.keys() or fields.keys() - needed - set(optional):
        names = ", ".join(sorted(needed)) or "the function's parameters"
        raise Refusal(422, f"the request has to be a JSON object with {names} and nothing else")


def _check_data(data: Any, function: Any) -> None:
    if not isinstance(data, list) or len(data) > len(function.inputs):
        raise Refusal(422, f"data has to be a list of {len(function.inputs)} values or fewer")
    _check_values(data)


def _check_values(values: Iterable[Any]) -> None:
    for value in values:
        if not all(_is_plain(one) for one in (value if isinstance(value, list) else [value])):
            raise Refusal(400, f"a path or URL of a file, or another object; {_SEND}")


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, (str, int, float))
