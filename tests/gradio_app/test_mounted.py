"""The page of an app that is part of another application."""

import fastapi
import pytest

from hf_etc import EtcKey
from hf_etc.gradio import build_app, mount

from ..secrets import find_secret
from .page import Visitor
from .support import Served, file_of, mounted, picture, recording_proxy, save_model

KEY = EtcKey.generate()


def test_the_page_below_another_path(tmp_path, chromium):
    model = save_model(tmp_path / "model", KEY, 32, block_size=8)
    parent = mount(fastapi.FastAPI(), build_app(model), "/some/where")
    with mounted(parent) as url, recording_proxy(int(url.rpartition(":")[2])) as (proxied, record):
        served = Served(KEY, model, f"{proxied}/some/where/", record, list, lambda: None, lambda: None)
        with Visitor(chromium, served) as visitor:
            visitor.open_key(KEY.reveal())
            visitor.open_picture(file_of(picture(1)))
            visitor.wait_until_ready()
            answer, expected = visitor.classify(), served.expected(served.client.encrypt(picture(1))[0])
            assert answer == pytest.approx({label: expected[label] for label in answer}, abs=1e-4) and len(answer) == 5
            elsewhere = [url for url in visitor.urls if not url.startswith((served.url, "data:", "blob:"))]
            assert elsewhere == [] and find_secret(KEY, record.everything()) == []
