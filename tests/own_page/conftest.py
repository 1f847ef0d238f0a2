"""The real classifier of tests/gradio_app, the browser, and the page in a file."""

import pytest

from hf_etc.client.own_page import single_file

from ..gradio_app.conftest import chromium, served  # noqa: F401
from ..web.engines import serve


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """Path of the page for any server."""
    path = tmp_path_factory.mktemp("built") / "own-page.html"
    single_file.write(path)
    return path


@pytest.fixture(scope="session")
def hosted(built):
    """Address of the page in a file on a static web server of this machine."""
    with serve(built.parent) as address:
        yield f"{address}/{built.name}"
