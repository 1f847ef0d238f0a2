"""The first half of section 5 of docs/spec.md: the text of a marker, and the tag in it."""

import hmac
import json

from .key_reference import derive
from .refusal import Refusal
from .settings_reference import OPTIONS, check_nonce, complete, output_size, settings

HEXADECIMAL = set("0123456789abcdef")
OTHERS = ["hf-etc", "cipher", "height", "width", "id", "nonce", "tag"]  # the members that are no parameters


def marker_text(cipher, parameters, height, width, cipher_id, nonce=None, tag=None):
    """`nonce` is bytes; `cipher_id` and `tag` are hexadecimal. Without a tag it is what the tag is made from."""
    members = [f'"id":"{cipher_id}"']
    if nonce is not None:
        members.append(f'"nonce":"{nonce.hex()}"')
    if tag is not None:
        members.append(f'"tag":"{tag}"')
    return '{"hf-etc":2,' + settings(cipher, parameters, height, width)[1:-1] + "," + ",".join(members) + "}"


def make_tag(key, text, kind, data):
    """`text` is the marker without its tag, `kind` is `pixels` or `jpeg`."""
    message = text.encode("ascii") + b"\0" + kind.encode("ascii") + b"\0" + data
    return hmac.new(derive(key, "hf-etc/2/tag", 32), message, "sha256").digest()[:16].hex()


def without_tag(text):
    """The tag is the last member: `,"tag":"` and 32 digits and `"` before the closing brace."""
    return text[:-42] + "}"


def read_marker(text):
    """The values of a marker, defaults filled in, if its text is the one that these values have."""
    try:
        marker = json.loads(text)
    except (ValueError, RecursionError):
        raise Refusal("MarkerError", "not JSON") from None
    if type(marker) is not dict or not all(_is_id(marker.get(name)) for name in ("id", "tag")):
        raise Refusal("MarkerError", "no object with an id and a tag")
    if "nonce" in marker and not _is_id(marker["nonce"]):
        raise Refusal("MarkerError", "nonce")
    nonce = bytes.fromhex(marker["nonce"]) if "nonce" in marker else None
    parameters = {name: value for name, value in marker.items() if name not in OTHERS}
    cipher, height, width = marker.get("cipher"), marker.get("height", 0), marker.get("width", 0)
    try:
        whole = complete(cipher, parameters)
        check_nonce(whole["key_scope"], nonce)
        written = marker_text(cipher, whole, height, width, marker["id"], nonce, marker["tag"])
    except Refusal as refusal:
        raise Refusal("MarkerError", str(refusal)) from None
    if written != text:
        raise Refusal("MarkerError", "not as it would be written")
    shown = {name: value for name, value in whole.items() if name not in OPTIONS or name in marker}
    values = {"cipher": cipher, **shown, "height": height, "width": width, "id": marker["id"]}
    return values | {name: marker[name] for name in ("nonce", "tag") if name in marker}


def check_marked_size(marker, height, width):
    parameters = {name: value for name, value in marker.items() if name not in OTHERS}
    whole = complete(marker["cipher"], parameters)
    if (height, width) != output_size(marker["cipher"], whole, marker["height"], marker["width"]):
        raise Refusal("GeometryError", "the image is not of the size that its marker gives")


def _is_id(value):
    return type(value) is str and len(value) == 32 and set(value) <= HEXADECIMAL
