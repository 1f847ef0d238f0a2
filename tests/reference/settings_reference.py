"""Section 2 of docs/spec.md, and the parameters of section 4: what a cipher's ids and keys are derived from."""

import json

from .key_reference import derive
from .refusal import Refusal

SCOPES = ["dataset", "image"]
STEPS = ["permutation", "rotation", "negative-positive", "color"]
REQUIRED = object()
PARAMETERS = {  # cipher -> its parameters in the order of the settings, with their defaults
    "etc": {"key_scope": "dataset", "block_size": REQUIRED, "steps": STEPS, "shared_block_key": False},
    "le": {"key_scope": "dataset"},
    "ele": {"key_scope": "dataset"},
    "pe": {"key_scope": "dataset", "shuffle_colors": True},
}


def complete(cipher, parameters):
    """All parameters of a cipher, checked, defaults filled in, steps in their order."""
    if type(cipher) is not str or cipher not in PARAMETERS:
        raise Refusal("ParameterError", "unknown cipher")
    defaults = PARAMETERS[cipher]
    if any(name not in defaults for name in parameters):
        raise Refusal("ParameterError", "unknown parameter")
    whole = {name: parameters.get(name, default) for name, default in defaults.items()}
    for name, value in whole.items():
        if value is REQUIRED or not CHECKS[name](value):
            raise Refusal("ParameterError", name)
    if "steps" in whole:
        whole["steps"] = [step for step in STEPS if step in whole["steps"]]
    return whole


CHECKS = {
    "key_scope": lambda value: value in SCOPES,
    "block_size": lambda value: type(value) is int and value >= 1,
    "steps": lambda value: type(value) is list and value != [] and all(step in STEPS for step in value),
    "shared_block_key": lambda value: type(value) is bool,
    "shuffle_colors": lambda value: type(value) is bool,
}


def settings(cipher, parameters, height=None, width=None):
    """The text; without height and width it is that of pictures of any size."""
    whole = complete(cipher, parameters)
    members = {name: value for name, value in whole.items() if value != PARAMETERS[cipher][name]}
    if height is not None:
        check_size(height, width, grid(cipher, whole))
        members |= {"height": height, "width": width}
    return json.dumps({"cipher": cipher} | members, separators=(",", ":"))


def grid(cipher, parameters):
    """Height and width are multiples of this."""
    return parameters["block_size"] if cipher == "etc" else {"le": 4, "ele": 4, "pe": 1}[cipher]


def check_size(height, width, multiple):
    if any(type(edge) is not int or edge < 1 or edge % multiple for edge in (height, width)):
        raise Refusal("GeometryError", f"{height}x{width} is not a positive multiple of {multiple}")


def check_nonce(key_scope, nonce):
    if (nonce is not None) != (key_scope == "image") or (nonce is not None and len(nonce) != 16):
        raise Refusal("ParameterError", "a nonce of 16 bytes belongs to the key scope `image`, and only there")


def cipher_id(key, cipher, parameters, height=None, width=None):
    return derive(key, "hf-etc/2/id/" + settings(cipher, parameters, height, width), 16).hex()


def derive_plan_key(key, cipher, parameters, height, width, nonce=None):
    """`nonce` is bytes, or None for the key scope `dataset`."""
    info = "hf-etc/2/plan/" + settings(cipher, parameters, height, width)
    check_nonce(complete(cipher, parameters)["key_scope"], nonce)
    return derive(key, info if nonce is None else info + "/" + nonce.hex(), 32)
