"""Section 5 of docs/spec.md in plain loops: markers, and where the three file formats keep them."""

import json

from .etc_reference import STEPS, Refusal, check_size, etc_parameters

HEXADECIMAL = set("0123456789abcdef")
PARAMETERS = ["key_scope", "block_size", "steps", "shared_block_key"]
MEMBERS = ["hf-etc", "cipher", *PARAMETERS, "height", "width", "key_id"]


def write_marker(height, width, key_id, nonce=None, **parameters):
    """The one line of JSON."""
    values = {"hf-etc": 1, "cipher": "etc", **{name: parameters[name] for name in PARAMETERS}}
    values |= {"height": height, "width": width, "key_id": key_id}
    if nonce is not None:
        values["nonce"] = nonce.hex()
    return json.dumps(values, separators=(",", ":"))


def read_marker(text, height=None, width=None):
    """Check the JSON of a marker and, when given, that it names the size of its image."""
    try:
        marker = json.loads(text)
    except ValueError:
        raise Refusal("MarkerError", "not JSON") from None
    if type(marker) is not dict or type(marker.get("hf-etc")) is not int or marker["hf-etc"] != 1:
        raise Refusal("MarkerError", "version")
    members = MEMBERS + (["nonce"] if marker.get("key_scope") == "image" else [])
    if sorted(marker) != sorted(members) or marker["cipher"] != "etc":
        raise Refusal("MarkerError", "members")
    if any(type(marker[name]) is not int for name in ("height", "width")):
        raise Refusal("MarkerError", "size")
    if not _is_hexadecimal(marker["key_id"], 16) or not _is_hexadecimal(marker.get("nonce", "0" * 32), 32):
        raise Refusal("MarkerError", "key id or nonce")
    try:
        etc_parameters(**{name: marker[name] for name in PARAMETERS})
        check_size(marker["height"], marker["width"], marker["block_size"])
    except Refusal as refusal:
        raise Refusal("MarkerError", str(refusal)) from None
    if marker["steps"] != [step for step in STEPS if step in marker["steps"]]:
        raise Refusal("MarkerError", "order of the steps")
    if height is not None and (height, width) != (marker["height"], marker["width"]):
        raise Refusal("GeometryError", "the image is not of the size in its marker")
    return marker


def _is_hexadecimal(value, length):
    return type(value) is str and len(value) == length and set(value) <= HEXADECIMAL


# Files


def find_marker(data):
    """The marker's JSON in the bytes of a PNG, JPEG or WebP file."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        text = next((body[7:] for kind, body in png_chunks(data) if kind == b"tEXt" and body[:7] == b"hf-etc\0"), None)
    elif data.startswith(b"\xff\xd8"):
        text = _labelled(body for kind, body in jpeg_segments(data) if kind == 0xFE)
    elif data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        text = _labelled(image_description(body) for kind, body in webp_chunks(data) if kind == b"EXIF")
    else:
        raise Refusal("ImageError", "another format")
    if text is None:
        raise Refusal("NotACiphertextError", "no marker")
    return text.decode("ascii")


def _labelled(texts):
    return next((text[7:] for text in texts if text is not None and text.startswith(b"hf-etc ")), None)


def png_chunks(data):
    at = 8
    while at < len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        yield data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        at += 12 + length


def jpeg_segments(data):
    """(marker, content) of the segments before the first scan."""
    at = 2
    while data[at + 1] != 0xDA:
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        yield data[at + 1], data[at + 4 : at + 2 + length]
        at += 2 + length


def webp_chunks(data):
    at = 12
    while at < len(data):
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        yield data[at : at + 4], data[at + 8 : at + 8 + length]
        at += 8 + length + length % 2


def image_description(exif):
    """The ASCII value of tag 0x010E in the first image file directory of a TIFF structure."""
    tiff = exif.removeprefix(b"Exif\0\0")
    order = "little" if tiff[:2] == b"II" else "big"

    def number(at, size):
        return int.from_bytes(tiff[at : at + size], order)

    directory = number(4, 4)
    for entry in range(directory + 2, directory + 2 + 12 * number(directory, 2), 12):
        if number(entry, 2) == 0x010E:
            count = number(entry + 4, 4)
            start = number(entry + 8, 4) if count > 4 else entry + 8
            return tiff[start : start + count].rstrip(b"\0")
    return None
