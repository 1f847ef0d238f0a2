"""Events that nobody collects: no work, a bounded number, a bounded time, and others are served meanwhile."""

import json
import threading
import time
import urllib.error
import urllib.request

import gradio as gr
import pytest

from hf_etc.gradio import events, launch

from .support import free_port, post

ECHO = "/gradio_api/call/echo"


@pytest.fixture
def echo(monkeypatch):
    """An app that repeats a text, what it repeated, and its address."""
    monkeypatch.setattr(events, "UNHEARD_SECONDS", 1000.0)
    repeated, port = [], free_port()

    def repeat(text: str) -> str:
        repeated.append(text)
        return text

    with gr.Blocks() as app:
        gr.api(repeat, api_name="echo", concurrency_limit=None)
    launch(app, server_port=port, quiet=True, prevent_thread_lock=True)
    yield app, repeated, f"http://127.0.0.1:{port}"
    app.close()


def send(url: str, text: str = "a", **more) -> str:
    status, answer = post(url, json.dumps({"data": [text], **more}).encode(), ECHO)
    return json.loads(answer)["event_id"] if status == 200 else f"{status} {answer}"


def collect(url: str, event_id: str) -> str:
    return urllib.request.urlopen(f"{url}{ECHO}/{event_id}", timeout=30).read().decode()


def held(app) -> dict[str, int]:
    """Entries by the names of what Gradio and the queue keep for calls."""
    queue = app._queue  # noqa: SLF001
    kept = {name: len(getattr(queue, name)) for name in ("pending_messages_per_session", "pending_event_ids_session")}
    return kept | {
        "events": len(queue.event_ids_to_events),
        "waiting": len(queue),
        "unheard": len(queue.unheard),
        "visitors": len(queue.visitors),
        "listeners": len(queue.listeners),
        "states": len(app.state_holder.session_data),
        "times": len(app.state_holder.time_last_used),
    }


def wait_until(true) -> None:
    for _ in range(300):
        if true():
            return
        time.sleep(0.1)
    raise AssertionError("not within 30 seconds")


def test_nothing_is_kept_of_a_collected_event(echo):
    app, repeated, url = echo
    for number in range(5):
        assert f'["{number}"]' in collect(url, send(url, str(number)))
        assert "event: complete" in collect(url, send(url, "mine", session_hash="mine"))
    mine = {"states": 1, "times": 1, "visitors": 1}  # of the session 'mine', which may come back
    wait_until(lambda: held(app) == dict.fromkeys(held(app), 0) | mine)
    assert len(repeated) == 10


def test_uncollected_events_are_few_and_cost_no_work(echo):
    app, repeated, url = echo
    kept = [send(url, "uncollected") for _ in range(events.MAX_UNHEARD + 50)]
    found = held(app)
    assert {found[name] for name in ("events", "waiting", "unheard")} == {events.MAX_UNHEARD}
    assert found["pending_messages_per_session"] == found["pending_event_ids_session"] == events.MAX_UNHEARD
    assert '["good"]' in collect(url, send(url, "good"))
    assert repeated == ["good"]
    assert '["uncollected"]' in collect(url, kept[-1]), "a slow client is served"
    with pytest.raises(urllib.error.HTTPError, match="404"):
        collect(url, kept[0])


def test_uncollected_events_end_after_a_while(echo, monkeypatch):
    app, repeated, url = echo
    for number in range(10):
        send(url, session_hash=f"other-{number % 2}")
        send(url)
    assert held(app)["waiting"] == 20
    monkeypatch.setattr(events, "UNHEARD_SECONDS", 0.0)
    wait_until(lambda: held(app)["waiting"] == 0)
    assert repeated == []
    assert held(app) == dict.fromkeys(held(app), 0)


def test_one_session_has_a_limit(echo):
    url = echo[2]
    answers = [send(url, session_hash="greedy") for _ in range(events.MAX_PER_SESSION + 3)]
    assert [answer.startswith("503") for answer in answers] == [False] * events.MAX_PER_SESSION + [True] * 3
    assert "of one session; read answers first" in answers[-1]
    assert '["good"]' in collect(url, send(url, "good", session_hash="modest"))


def test_a_listener_that_leaves_is_no_listener(echo, monkeypatch):
    """The stream of a session is opened and shut before anything is sent; the event still waits."""
    app, repeated, url = echo
    event = send(url, "first", session_hash="page")
    assert (
        "process_completed"
        in urllib.request.urlopen(f"{url}/gradio_api/queue/data?session_hash=page", timeout=30).read().decode()
    )
    wait_until(lambda: held(app)["listeners"] == 0)
    second = send(url, "second", session_hash="page")
    assert held(app)["unheard"] == 1 and repeated == ["first"] and event != second
    assert '["second"]' in collect(url, second)


def test_many_listen_at_once(echo):
    _, repeated, url = echo
    answers: list[str] = []
    threads = [
        threading.Thread(target=lambda number=number: answers.append(collect(url, send(url, f"text {number}"))))
        for number in range(60)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(repeated) == sorted(f"text {number}" for number in range(60))
    assert sum("event: complete" in answer for answer in answers) == 60
