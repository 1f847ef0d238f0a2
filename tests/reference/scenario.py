"""One vector file, and the values that most of them use."""

from . import runner
from .refusal import Refusal
from .settings_reference import STEPS as STEPS

KEY = bytes(range(32))
OTHER_KEY = bytes(range(1, 33))
PLAN_KEY = bytes(range(32, 64))
NONCE = bytes(range(0xA0, 0xB0))
OTHER_NONCE = NONCE[:-1] + b"\xae"  # one bit differs
SALT = bytes(range(16))
FILL = {"fill": runner.FILL}


def scenario(name, description, given, error=None):
    """One file: `name` is `<group>-<what>`. The group's runner supplies the result, or must meet `error`."""
    group = name.split("-")[0]
    content = {"group": group, "description": description, "input": given}
    try:
        content["result"] = runner.run(group, given)
        met = None
    except Refusal as refusal:
        content["error"] = met = refusal.kind
    assert met == error, f"{name}: expected {error}, met {met}"
    return f"{name}.json", content
