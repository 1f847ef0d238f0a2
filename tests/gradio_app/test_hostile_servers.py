"""Servers that ask the Python client for another cipher than its owner chose: nothing reaches them."""

from typing import Any

import gradio as gr
import pytest

from hf_etc import EtcImageProcessor, EtcKey
from hf_etc.client.classify import EncryptedClassifier
from hf_etc.commands.classify import main
from hf_etc.errors import KeyMismatchError, ParameterError

from ..web.weakened import OWNERS, WEAKENED
from .support import file_of, picture

KEY = EtcKey(bytes(range(32)))
CLIENT = EtcImageProcessor(KEY, **OWNERS["cipher"], size=OWNERS["size"])


@pytest.fixture(scope="module")
def hostile():
    """A running server whose settings are what the test puts into the dictionary, and what was sent to it."""
    settings, received = {}, []

    def settings_asked() -> dict[str, Any]:
        return dict(settings)

    def classify(data: str) -> dict[str, Any]:
        received.append(data)
        return {"confidences": [{"label": "cat", "confidence": 1.0}]}

    with gr.Blocks(analytics_enabled=False) as app:
        gr.api(settings_asked, api_name="settings")
        gr.api(classify, api_name="classify")
    _, address, _ = app.launch(prevent_thread_lock=True, quiet=True, share=False, server_name="127.0.0.1")
    yield address, settings, received
    app.close()


def ask(hostile, configuration, **options):
    address, settings, _ = hostile
    settings.clear()
    settings.update(configuration)
    with EncryptedClassifier(address, KEY, **options) as classify:
        return classify(file_of(picture(1)))


def saved(change):
    """A change of the owner's configuration, as a processor saves it."""
    change = dict(change)
    if "size" in change:
        height, width = change["size"] or (None, None)
        change["size"] = {"encrypted_height": height, "encrypted_width": width}
        change["fit"] = change.get("fit") or ("exact" if height is None else "crop")
    return change


def test_the_owners_own_settings_reach_the_server(hostile):
    """Whoever refuses everything would pass the tests below."""
    assert ask(hostile, CLIENT.to_dict()) == [{"label": "cat", "score": 1.0}]
    assert len(hostile[2]) == 1 and hostile[2].pop().startswith("data:image/png;base64,")


@pytest.mark.parametrize("change", WEAKENED.values(), ids=WEAKENED)
def test_weakened_settings_get_nothing(hostile, change):
    with pytest.raises(KeyMismatchError, match="its cipher or size was changed; nothing was encrypted"):
        ask(hostile, CLIENT.to_dict() | saved(change), allow_weak=True)
    assert hostile[2] == []


def test_settings_of_the_attackers_own_key_get_nothing(hostile):
    attackers = EtcImageProcessor(EtcKey.generate(), cipher="pe", size=64).to_dict()
    with pytest.raises(KeyMismatchError):
        ask(hostile, attackers, allow_weak=True)
    assert hostile[2] == []


def test_what_the_owner_once_published_in_a_weak_way_gets_nothing_unasked(hostile):
    replayed = EtcImageProcessor(KEY, cipher="pe", size=64).to_dict()
    with pytest.raises(ParameterError, match=r"this configuration is weak \(the cipher pe is broken\)"):
        ask(hostile, replayed)
    assert hostile[2] == []


def test_pins_that_the_served_cipher_does_not_have(hostile):
    replayed = EtcImageProcessor(KEY, cipher="pe", size=64).to_dict()
    with pytest.raises(ParameterError, match="block_size=None, expected 8"):
        ask(hostile, replayed, allow_weak=True, block_size=8)
    assert hostile[2] == []


def test_owners_may_allow_weak_settings_of_theirs(hostile, tmp_path, capsys):
    address, settings, received = hostile
    settings.clear()
    settings.update(EtcImageProcessor(KEY, cipher="pe", size=64).to_dict())
    KEY.save(tmp_path / "clinic.key")
    (tmp_path / "a.png").write_bytes(file_of(picture(1)))
    arguments = [str(tmp_path / "a.png"), "--url", address, "--key", str(tmp_path / "clinic.key")]
    with pytest.raises(ParameterError, match="--allow-weak"):
        main(arguments)
    assert received == []
    assert main([*arguments, "--allow-weak"]) == 0
    assert "cat 100.0 %" in capsys.readouterr().out and len(received) == 1
    received.clear()
