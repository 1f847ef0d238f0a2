"""One clear line for what can go wrong between here and the Hub."""

from collections.abc import Iterator
from contextlib import contextmanager

from huggingface_hub import constants, get_token
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, HTTPError, OfflineModeIsEnabled

from ..errors import HubError, ParameterError

LOGIN = "log in with: hf auth login (or set HF_TOKEN to a token that may write)"
AGAIN = "do the same again: what has arrived is not sent twice"


@contextmanager
def hub_errors(repo_id: str, token: str | None = None) -> Iterator[None]:
    """Turn the errors of an upload to `repo_id` into one line with its remedy.

    Raises:
        HubError: not logged in, no permission, no connection, or a failure of the Hub.
        ParameterError: `repo_id` cannot be a repository's name.
    """
    if not token and not get_token():
        raise HubError(f"there is no token for {constants.ENDPOINT}; {LOGIN}")
    try:
        yield
    except HFValidationError:
        raise ParameterError(f"{repo_id!r} is not a repository's name; give user/name") from None
    except OfflineModeIsEnabled:
        raise HubError("the Hub is switched off by HF_HUB_OFFLINE; unset it") from None
    except (HTTPError, ConnectionError, TimeoutError, RuntimeError) as error:
        reason = _reason(error, repo_id) or _reason(error.__cause__, repo_id)  # large files: RuntimeError from it
        if reason is None:
            raise
        raise HubError(reason) from None


def _reason(error: BaseException | None, repo_id: str) -> str | None:
    if isinstance(error, HfHubHTTPError):
        return _answer(error, repo_id)
    if isinstance(error, HTTPError | ConnectionError | TimeoutError):
        return f"{constants.ENDPOINT} cannot be reached ({type(error).__name__}); check the network and {AGAIN}"
    return None


def _answer(error: HfHubHTTPError, repo_id: str) -> str:
    status = getattr(error.response, "status_code", None)
    if status == 401:
        return f"the Hub does not accept your token; {LOGIN}"
    if status in (403, 404):
        return f"you may not write to {repo_id}; choose a repository of your own, or a token with write permission"
    if status is not None and status < 500:
        return f"the Hub refused {repo_id}: {error.server_message or f'status {status}'}"
    return f"the Hub failed (status {status}); wait a little and {AGAIN}"
