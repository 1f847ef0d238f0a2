"""Two servers for all of this folder: PNG under a dataset-wide key, JPEG under a key per image."""

import os

import pytest

from hf_etc import EtcKey

from ..web.engines import chromium_browser, find_chromium
from .support import file_of, picture, save_model, serve

CAMERA = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]


@pytest.fixture(scope="session")
def served(tmp_path_factory):
    """size 32, blocks of 8, one key for all images, PNG."""
    folder, key = tmp_path_factory.mktemp("served"), EtcKey.generate()
    model = save_model(folder / "model", key, 32, block_size=8)
    (folder / "examples").mkdir()
    for seed in (30, 31):
        (folder / "examples" / f"striped-{seed}.png").write_bytes(file_of(picture(seed)))
    with serve(model, key, folder / "home", "--examples", str(folder / "examples"), "--max-batch", "8") as server:
        yield server


@pytest.fixture(scope="session")
def served_per_image(tmp_path_factory):
    """48x32, blocks of 8, a plan of its own for every image, JPEG."""
    folder, key = tmp_path_factory.mktemp("per-image"), EtcKey.generate()
    model = save_model(folder / "model", key, (48, 32), block_size=8, key_scope="image")
    with serve(model, key, folder / "home", "--format", "jpeg") as server:
        yield server


@pytest.fixture(scope="module")  # Playwright runs once at a time in a process, and other folders want it, too
def chromium():
    if find_chromium() is None:
        missing = "chromium is not installed"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    with chromium_browser(CAMERA) as (browser, _):
        yield browser
