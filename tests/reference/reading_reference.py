"""Section 5.2 of docs/spec.md: reading a file without and with the key; and section 7: configurations."""

import hashlib

from .file_reference import jpeg_data, read_file
from .marker_reference import OTHERS, check_marked_size, make_tag, read_marker, without_tag
from .pixel_reference import png_pixels, webp_pixels
from .refusal import Refusal
from .settings_reference import cells, cipher_id, complete, settings


def read(data):
    """The format of a file, the text of its marker and the values of it: steps 1 to 5, which need no key."""
    file = read_file(data)
    if not file.labels:
        raise Refusal("NotACiphertextError", "no marker")
    if len(file.labels) > 1 or not file.labels[0][0]:
        raise Refusal("MarkerError", "several labels, or one out of its place")
    try:
        text = file.labels[0][1].decode("ascii")
    except UnicodeDecodeError:
        raise Refusal("MarkerError", "not ASCII") from None
    marker = read_marker(text)
    if not file.is_rgb:
        raise Refusal("MarkerError", "not 8-bit RGB")
    check_marked_size(marker, file.height, file.width)
    return file.format, text, marker


def authenticate(key, data, expected=None):
    """The id, kind and authenticated data of a ciphertext; `expected` is (cipher, parameters)."""
    form, text, marker = read(data)
    cipher, size = marker["cipher"], (marker["height"], marker["width"])
    parameters = {name: value for name, value in marker.items() if name not in OTHERS}
    if expected is not None and settings(*expected) != settings(cipher, parameters):
        raise Refusal("ParameterError", "not the expected parameters")
    if parameters.get("disposable"):
        raise Refusal("KeyMismatchError", "its key was thrown away")
    if marker["id"] not in (cipher_id(key, cipher, parameters, *size), cipher_id(key, cipher, parameters)):
        raise Refusal("KeyMismatchError", "the id is not this key's")
    kind, authentic = tagged(form, data)
    if make_tag(key, without_tag(text), kind, authentic) != marker["tag"]:
        raise Refusal("AuthenticationError", "tag")
    return {"id": marker["id"], "kind": kind, "data": hashlib.sha256(authentic).hexdigest()}


def tagged(form, data):
    """(kind, data) of the tag of a file."""
    if form == "jpeg":
        return "jpeg", jpeg_data(data)
    return "pixels", png_pixels(data) if form == "png" else webp_pixels(data)


def check_configuration(key, configuration, allow_weak):
    """The id of a configuration, if a client under this key accepts it."""
    parameters = dict(configuration["cipher"])
    cipher, size = parameters.pop("cipher", None), configuration["size"]
    whole = complete(cipher, parameters)
    expected = cipher_id(key, cipher, whole, *(size or (None, None)))
    if configuration.get("cipher_id") is None and whole["key_scope"] == "image":
        expected = None
    if configuration.get("cipher_id") != expected:
        raise Refusal("KeyMismatchError", "the id is not this key's for this cipher and size")
    if not allow_weak and is_weak(cipher, whole, size):
        raise Refusal("ParameterError", "weak settings")
    return expected


def is_weak(cipher, parameters, size):
    if cipher != "etc" or len(parameters["steps"]) < 4 or parameters["shared_block_key"]:
        return True
    if size is None:
        return False
    found = cells(parameters, *size)
    return found["kept_rows"] * found["columns"] < 16
