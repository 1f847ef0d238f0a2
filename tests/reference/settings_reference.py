"""Section 2 of docs/spec.md, and the parameters of section 4: what a cipher's ids and keys are derived from."""

import json

from .key_reference import derive
from .refusal import Refusal

SCOPES = ["dataset", "image"]
STEPS = ["permutation", "rotation", "negative-positive", "color"]
REQUIRED = object()
PARAMETERS = {  # cipher -> its parameters in the order of the settings, with their defaults
    "etc": {
        "key_scope": "dataset",
        "block_size": REQUIRED,
        "steps": STEPS,
        "shared_block_key": False,
        "gap": 0,
        "jitter": 0,
        "keep": 1,
        "disposable": False,
    },
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
    if cipher == "etc":
        whole["steps"] = [step for step in STEPS if step in whole["steps"]]
        _check_together(whole)
    return whole


def _check_together(whole):
    if whole["key_scope"] != "image" and any(whole[name] != PARAMETERS["etc"][name] for name in OPTIONS):
        raise Refusal("ParameterError", "an option without a nonce")
    if whole["jitter"] > whole["gap"]:
        raise Refusal("ParameterError", "windows could overlap")
    if whole["keep"] < 1 and "permutation" not in whole["steps"]:
        raise Refusal("ParameterError", "no blocks are chosen")


OPTIONS = ["gap", "jitter", "keep", "disposable"]  # of etc, since it has them
CHECKS = {
    "key_scope": lambda value: value in SCOPES,
    "block_size": lambda value: type(value) is int and 1 <= value <= 65535,
    "steps": lambda value: type(value) is list and value != [] and all(step in STEPS for step in value),
    "shared_block_key": lambda value: type(value) is bool,
    "gap": lambda value: type(value) is int and 0 <= value <= 65535,
    "jitter": lambda value: type(value) is int and 0 <= value <= 65535,
    "keep": lambda value: type(value) in (int, float) and 0 < value <= 1 and value == round(100 * value) / 100,
    "disposable": lambda value: type(value) is bool,
    "shuffle_colors": lambda value: type(value) is bool,
}


def settings(cipher, parameters, height=None, width=None):
    """The text; without height and width it is that of pictures of any size."""
    whole = complete(cipher, parameters)
    members = {name: value for name, value in whole.items() if value != PARAMETERS[cipher][name]}
    if height is not None:
        output_size(cipher, whole, height, width)
        members |= {"height": height, "width": width}
    return json.dumps({"cipher": cipher} | members, separators=(",", ":"))


def output_size(cipher, whole, height, width):
    """(height, width) of the ciphertext of a picture; refused where it cannot be encrypted."""
    if cipher != "etc":
        check_size(height, width, {"le": 4, "ele": 4, "pe": 1}[cipher])
        return height, width
    found = cells(whole, height, width)
    return found["kept_rows"] * whole["block_size"], found["columns"] * whole["block_size"]


def cells(whole, height, width):
    """Of the cipher `etc`: where the first cell begins, rows and columns of cells, and the rows that are sent."""
    size, gap, jitter = whole["block_size"], whole["gap"], whole["jitter"]
    if gap == 0:
        check_size(height, width, size)
    elif any(type(edge) is not int or edge < size + jitter for edge in (height, width)):
        raise Refusal("GeometryError", "smaller than one window")
    rows, columns = ((edge - size - jitter) // (size + gap) + 1 for edge in (height, width))
    if gap > 0 and rows * columns < 2:
        raise Refusal("GeometryError", "one block is left")
    kept_rows = (rows * round(100 * whole["keep"]) + 50) // 100
    if kept_rows == 0:
        raise Refusal("GeometryError", "no block is left")
    top = (height - ((rows - 1) * (size + gap) + size + jitter)) // 2
    left = (width - ((columns - 1) * (size + gap) + size + jitter)) // 2
    return {"top": top, "left": left, "rows": rows, "columns": columns, "kept_rows": kept_rows}


def check_size(height, width, multiple):
    if any(type(edge) is not int or edge < 1 or edge % multiple for edge in (height, width)):
        raise Refusal("GeometryError", f"{height}x{width} is not a positive multiple of {multiple}")


def check_nonce(key_scope, nonce):
    if (nonce is not None) != (key_scope == "image") or (nonce is not None and len(nonce) != 16):
        raise Refusal("ParameterError", "a nonce of 16 bytes belongs to the key scope `image`, and only there")


def refuse_key(cipher, parameters):
    if complete(cipher, parameters).get("disposable"):
        raise Refusal("ParameterError", "no owner's key takes part")


def cipher_id(key, cipher, parameters, height=None, width=None):
    refuse_key(cipher, parameters)
    return derive(key, "hf-etc/2/id/" + settings(cipher, parameters, height, width), 16).hex()


def derive_plan_key(key, cipher, parameters, height, width, nonce=None):
    """`nonce` is bytes, or None for the key scope `dataset`."""
    refuse_key(cipher, parameters)
    info = "hf-etc/2/plan/" + settings(cipher, parameters, height, width)
    check_nonce(complete(cipher, parameters)["key_scope"], nonce)
    return derive(key, info if nonce is None else info + "/" + nonce.hex(), 32)
