"""The server ends while a visitor is at work, and comes back: the page stays, with key and picture."""

import pytest

from hf_etc import EtcKey

from ..secrets import find_secret
from .page import Visitor
from .support import file_of, picture, save_model, serve

FILE = file_of(picture(3))


@pytest.fixture(scope="module")
def mortal(tmp_path_factory):
    """A server that a test may end."""
    folder, key = tmp_path_factory.mktemp("mortal"), EtcKey.generate()
    model = save_model(folder / "model", key, 32, block_size=8)
    with serve(model, key, folder / "home") as served:
        yield served


def test_key_and_picture_stay(chromium, mortal):
    """It ends before a request, while an answer is waited for, and between the two parts of one request."""
    with Visitor(chromium, mortal) as visitor:
        page = visitor.page
        visitor.open_key(mortal.key.reveal())
        visitor.open_picture(FILE)
        visitor.wait_until_ready()
        page.evaluate("window.isTheSame = true")
        held = []

        mortal.stop()
        visitor.part("send").click()
        said(page)

        mortal.start()
        hold = lambda route: held.append(route)  # noqa: E731
        page.route("**/queue/data?*", hold)
        visitor.part("send").click()
        wait_until(page, held)
        mortal.stop()
        held.pop().continue_()
        said(page)

        mortal.start()
        visitor.part("send").click()
        wait_until(page, held)
        mortal.stop()
        mortal.start()
        held.pop().continue_()  # to a server that knows neither page nor request
        said(page)
        page.unroute("**/queue/data?*", hold)

        page.wait_for_timeout(2500)  # Gradio asks every two seconds whether to load the page anew
        assert page.evaluate("window.isTheSame")
        assert len(visitor.classify()) == 5
        assert find_secret(mortal.key, visitor.stored() + page.content()) == []


def said(page) -> None:
    """The page says what happened, in words; the line is taken away for the next time."""
    line = page.locator(".toast-body", has_text="Your key and picture are still in this page")
    line.wait_for()
    assert page.locator("text=Attempting reconnection").count() == 0
    line.locator("button").first.click()
    line.wait_for(state="detached")


def wait_until(page, held: list) -> None:
    while not held:
        page.wait_for_timeout(20)
