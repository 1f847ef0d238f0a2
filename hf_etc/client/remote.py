"""The two questions that a client asks a served classifier, and as little as possible believed of the answers.

This is no task for gradio_client: there the server says which arguments a call has, and can name a file of the
client's machine as the default of one. The library then reads the file, a key for instance, and uploads it.
"""

import json
import math
import re
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.client import HTTPException
from typing import Any

from ..cipher.keys import EtcKey
from ..errors import EtcError, ParameterError, RemoteError
from ..processor.image_processing import EtcImageProcessor

_SPACE = re.compile(r"[\w.-]+/[\w.-]+")
_URL = re.compile(r"https?://[^\s/?#@]+(/[^\s?#]*)?")
_HERE = re.compile(r"(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?(/[^\s?#]*)?")
_ELSEWHERE = re.compile(r"[\w.-]+(:\d{1,5}(/[^\s?#]*)?|\.[a-z]{2,}/?)")
_EVENT_ID = re.compile(r"[\w-]{1,64}")
_MAX_SETTINGS = 2**16  # bytes
_MAX_ABOUT = 2**18
_MAX_ANSWER = 2**25  # the classifier also shows the ciphertext that it got
_MAX_LABELS = 100
_TIMEOUT = 60  # seconds without a byte; the server sends a sign of life every fifteen
_PATIENCE = 300  # seconds for one answer


class RemoteClassifier:
    """A classifier served by ``hf-etc serve`` or ``hf_etc.gradio.build_app``, asked over HTTP.

    The address is the only one that is spoken to: redirections are refused. Nothing that comes back is run, and
    all texts lose their control characters.

    Args:
        space_or_url: "user/space" on the Hub, or the address of a server, without "http://" where it is this machine.
        token: of the Hub, for a private Space; sent to that Space.

    Raises:
        ParameterError: neither an address nor a Space, or a token for something that is no Space.
        RemoteError: the Hub has no such Space.

    Example::

        remote = RemoteClassifier("http://127.0.0.1:7860")
        (file,) = remote.processor(key).encrypt("photo.jpg")
        remote.classify("data:image/png;base64," + base64.b64encode(file).decode())
    """

    def __init__(self, space_or_url: str, token: str | None = None) -> None:
        if _HERE.fullmatch(space_or_url):
            space_or_url = f"http://{space_or_url}"
        self.name = space_or_url
        self._headers = {"User-Agent": "hf-etc"}
        if _URL.fullmatch(space_or_url):
            if token:
                raise ParameterError("a token of the Hub is for a Space: give USER/SPACE, or leave the token out")
            self.address = space_or_url.rstrip("/")
        elif _SPACE.fullmatch(space_or_url):
            self.address = _address_of_space(space_or_url, token)
            self._headers |= {"x-hf-authorization": f"Bearer {token}"} if token else {}
        elif _ELSEWHERE.fullmatch(space_or_url):
            raise ParameterError(f"{space_or_url}: write https://{space_or_url}, or http:// where it has no TLS")
        else:
            raise ParameterError(f"{printable(space_or_url)}: give USER/SPACE, or an address as http://127.0.0.1:7860")

    def processor(self, key: EtcKey | None = None, **options: Any) -> EtcImageProcessor:
        """How to encrypt for the model: a client's image processor with a key, a server's without.

        Args:
            key: of the model.
            options: `allow_weak` and what is expected, see :meth:`hf_etc.EtcImageProcessor.from_dict`.

        Raises:
            KeyMismatchError: the model belongs to another key, or the server changed its configuration.
            ParameterError, GeometryError: settings that no model of this package has.
            RemoteError: not a classifier of encrypted images.
        """
        settings = self.ask("settings", [], _MAX_SETTINGS)[0]
        if not isinstance(settings, dict):
            raise RemoteError(f"{self.name} is not a classifier of encrypted images (it has no settings)")
        try:
            return EtcImageProcessor.from_dict(settings, key=key, **options)
        except EtcError as error:  # it may quote the settings
            raise type(error)(printable(str(error))) from None
        except Exception as error:
            raise RemoteError(f"{self.name}: damaged settings ({type(error).__name__})") from None

    def about(self) -> dict[str, Any] | None:
        """What the server says of its model: `name`, `hub_id` or None, `classes` and their `count`.

        None: it says nothing of this form, as earlier versions do not.
        """
        try:
            said = self.ask("about", [], _MAX_ABOUT)[0]
        except EtcError:
            return None
        match said:
            case {"name": str(name), "hub_id": str() | None as hub_id, "classes": list(names), "count": int(count)}:
                classes = [printable(one, 100) for one in names if isinstance(one, str)]
                return {"name": printable(name, 100), "hub_id": hub_id, "classes": classes, "count": count}
        return None

    def classify(self, data_url: str) -> list[dict[str, Any]]:
        """Labels of a ciphertext file in a data URL: dictionaries with "label" and "score" (0 to 1).

        Raises:
            RemoteError: the server refused it, is gone, or gave no labels.
        """
        answer = self.ask("classify", [data_url], _MAX_ANSWER)
        try:
            return [_label(one) for one in answer[0]["confidences"][:_MAX_LABELS]]
        except (LookupError, TypeError, ValueError, OverflowError):
            raise RemoteError(f"{self.name} gave no labels; is it a classifier of encrypted images?") from None

    def ask(self, name: str, values: list, limit: int) -> list:
        """The results of one of the server's functions."""
        try:
            answer = self._results(name, values, limit)
        except EtcError:
            raise
        except (OSError, HTTPException, LookupError, TypeError, ValueError, RecursionError) as error:
            raise self._no_classifier(error.reason if isinstance(error, urllib.error.URLError) else error) from None
        if not isinstance(answer, list) or not answer:
            raise self._no_classifier("no results")
        return answer

    def _results(self, name: str, values: list, limit: int) -> Any:
        url = f"{self.address}/gradio_api/call/{name}"
        body = json.dumps({"data": values}).encode()
        with self._open(url, body) as response:
            event_id = json.loads(response.read(2**10))["event_id"]
        if not isinstance(event_id, str) or not _EVENT_ID.fullmatch(event_id):
            raise ValueError("no event id")
        with self._open(f"{url}/{event_id}") as response:
            for event, data in _events(response, limit):
                if event == "complete":
                    return data
                if event == "error":
                    said = data.get("error") if isinstance(data, dict) else data
                    raise RemoteError(f"{self.name}: {printable(said) if isinstance(said, str) else 'it failed'}")
        raise ValueError("the answer is cut off")

    def _open(self, url: str, body: bytes | None = None) -> Any:
        headers = self._headers | ({"Content-Type": "application/json"} if body else {})
        try:
            return _OPENER.open(urllib.request.Request(url, body, headers), timeout=_TIMEOUT)
        except urllib.error.HTTPError as error:
            with error:
                raise self._no_classifier(_detail(error)) from None

    def _no_classifier(self, why: object) -> RemoteError:
        text = printable(str(why)) or type(why).__name__
        return RemoteError(f"{self.name} does not answer as a classifier of encrypted images: {text}")


class _NoRedirection(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """None: another address is not the one that the user named."""


_OPENER = urllib.request.build_opener(_NoRedirection)


def printable(text: str, limit: int = 300) -> str:
    """A text of someone else on one line: no control characters, no marks that turn the writing round.

    Example:
        >>> printable("cat\\x1b[31m\\n\\u202edog")
        'cat[31m dog'
    """
    kept = "".join(one for one in " ".join(text[: 4 * limit].split()) if one.isprintable())
    return kept if len(kept) <= limit else kept[: limit - 1] + "…"


def _address_of_space(space: str, token: str | None) -> str:
    from huggingface_hub import HfApi

    try:
        host = getattr(HfApi().space_info(space, token=token or False), "host", None)
    except Exception as error:  # of the network, of the Hub, of a malformed name
        raise RemoteError(f"no Space {space} on the Hub ({type(error).__name__}); private ones need a token") from None
    if not isinstance(host, str) or not _URL.fullmatch(host):
        raise RemoteError(f"the Space {space} does not run; start it on the Hub")
    return host.rstrip("/")


def _events(response: Any, limit: int) -> Iterator[tuple[str, Any]]:
    """Name and content of each event of a stream of server-sent events."""
    end, left, name = time.monotonic() + _PATIENCE, limit, ""
    while line := response.readline(left + 1):
        left -= len(line)
        if left < 0:
            raise ValueError(f"the answer has more than {limit} bytes")
        if time.monotonic() > end:
            raise ValueError(f"no answer in {_PATIENCE} seconds")
        field, _, value = line.decode().rstrip("\r\n").partition(": ")
        if field == "event":
            name = value
        elif field == "data" and name in ("complete", "error"):
            yield name, json.loads(value)


def _label(one: dict) -> dict[str, Any]:
    label, score = one["label"], one["confidence"]
    if not isinstance(label, str) or not isinstance(score, int | float) or not 0 <= score <= 1 or math.isnan(score):
        raise ValueError("label")
    return {"label": printable(label, 100), "score": float(score)}


def _detail(error: urllib.error.HTTPError) -> str:
    """What a refusal says, or its status."""
    try:
        detail = json.loads(error.read(2**12))["detail"]
        return detail if isinstance(detail, str) else f"HTTP {error.code}"
    except (OSError, HTTPException, ValueError, LookupError, TypeError):
        return f"HTTP {error.code}"
