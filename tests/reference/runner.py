"""Runs the scenarios of tests/vectors/ (see its README.md) on the reference implementation."""

import base64
import hashlib

from . import etc_legacy_reference as legacy
from . import etc_reference as etc
from . import key_reference as keys
from . import layout_reference as layouts
from . import marker_reference as markers
from . import preparation_reference as preparation
from . import reading_reference as reading
from . import settings_reference as settings

FILL = "((i * 2654435761) mod 2^32) div 2^24"
INLINE_BYTES = 1024  # longer results are stored as their SHA-256


def run(group, given):
    """The result of one scenario; raises Refusal where it must be refused."""
    return RUNNERS[group](given)


def read_pixels(given, count=None):
    """The pixels of a scenario, `count` bytes: hexadecimal, or made by the rule FILL for byte offset i."""
    if isinstance(given["pixels"], str):
        return bytes.fromhex(given["pixels"])
    assert given["pixels"] == {"fill": FILL}, given["pixels"]
    count = given["height"] * given["width"] * 3 if count is None else count
    return bytes((i * 2654435761 % 2**32) >> 24 for i in range(count))


def show_bytes(data):
    return data.hex() if len(data) <= INLINE_BYTES else {"sha256": hashlib.sha256(data).hexdigest()}


def show_index(index):
    """Whole when short, else the SHA-256 of the entries as 32-bit little-endian words."""
    if len(index) <= INLINE_BYTES:
        return list(index)
    return {"sha256": hashlib.sha256(b"".join(int(entry).to_bytes(4, "little") for entry in index)).hexdigest()}


def read_nonce(given):
    return None if given["nonce"] is None else bytes.fromhex(given["nonce"])


def _key(given):
    return bytes.fromhex(given["key"])


def _key_parse(given):
    key = keys.parse_key(given["text"])
    return {"key": key.hex(), "key_id": keys.key_id(key), "text": keys.format_key(key)}


def _passphrase(given):
    key = keys.key_from_passphrase(given["passphrase"], given["salt"])
    return {"key": key.hex(), "key_id": keys.key_id(key)}


def _derive(given):
    key, nonce = _key(given), read_nonce(given)
    size = (given["height"], given["width"])
    cipher = (given["cipher"], given["parameters"])
    found = {"settings": settings.settings(*cipher, *size), "cipher_id": settings.cipher_id(key, *cipher, *size)}
    secret = None if size == (None, None) else settings.derive_plan_key(key, *cipher, *size, nonce).hex()
    return found | {"plan_key": secret}


def _tag(given):
    return {"tag": markers.make_tag(_key(given), given["text"], given["kind"], bytes.fromhex(given["data"]))}


def _plan_key(given):
    return bytes.fromhex(given["plan_key"])


def _stream(given):
    stream = etc.Stream(_plan_key(given), given["step"])
    return {"bytes": bytes(stream.word(1) for _ in range(given["length"])).hex()}


def _permutation(given):
    return {"values": etc.permutation(_plan_key(given), given["step"], given["n"])}


def _integers(given):
    return {"values": etc.integers(_plan_key(given), given["step"], given["count"], given["below"])}


def read_cipher_name(given):
    return given.get("cipher", "etc")


def _plan_of(given):
    make = {"etc": etc.etc_plan, **legacy.PLANS}[read_cipher_name(given)]
    return make(_key(given), given["height"], given["width"], read_nonce(given), **given["parameters"])


def _plan(given):
    index, mask = _plan_of(given)
    nibbles = {"symbol_bits": 4} if read_cipher_name(given) in legacy.NIBBLE_CIPHERS else {}
    return {"index": show_index(index), "mask": show_bytes(bytes(mask))} | nibbles


def _layout_of(given):
    return etc.etc_layout(_key(given), given["height"], given["width"], read_nonce(given), **given["parameters"])


def _apply(plan, given):
    apply = legacy.encrypt if read_cipher_name(given) in legacy.NIBBLE_CIPHERS else etc.encrypt
    return {"pixels": show_bytes(apply(plan, read_pixels(given)))}


def _encrypt(given):
    if read_cipher_name(given) != "etc":
        return _apply(_plan_of(given), given)
    layout = _layout_of(given)
    pixels = show_bytes(layouts.apply(layout, given["height"], given["width"], read_pixels(given)))
    return {"pixels": pixels} | show_size(layouts.output_size(layout), given)


def show_size(size, given):
    """Only where it is not that of the picture."""
    return {} if size == (given["height"], given["width"]) else {"height": size[0], "width": size[1]}


def _decrypt(given):
    if read_cipher_name(given) != "etc":
        return _apply(etc.inverse(_plan_of(given)), given)
    layout = _layout_of(given)
    height, width = layouts.output_size(layout)
    return {"pixels": show_bytes(layouts.undo(layout, height, width, read_pixels(given, height * width * 3))[0])}


def _layout_apply(given):
    pixels = layouts.apply(given["layout"], given["height"], given["width"], read_pixels(given))
    height, width = layouts.output_size(given["layout"])
    return {"height": height, "width": width, "pixels": show_bytes(pixels)}


def _layout_undo(given):
    pixels, sent = layouts.undo(given["layout"], given["height"], given["width"], read_pixels(given))
    return {"pixels": show_bytes(pixels), "sent": show_bytes(sent)}


def _layout_plan(given):
    index, mask = layouts.plan(given["layout"])
    return {"index": show_index(index), "mask": show_bytes(bytes(mask))}


def _marker(given):
    marker = markers.read_marker(given["text"])
    markers.check_marked_size(marker, given["height"], given["width"])
    return {"marker": marker}


def _authenticate(given):
    expected = given["expected"]
    if expected is not None:
        expected = (expected["cipher"], expected["parameters"])
    return reading.authenticate(_key(given), _file(given), expected)


def _file(given):
    return base64.b64decode(given["file"])


def _configuration(given):
    return {"cipher_id": reading.check_configuration(_key(given), given["configuration"], given["allow_weak"])}


def _to_rgb(given):
    pixels = preparation.to_rgb(given["mode"], bytes.fromhex(given["samples"]), given.get("window"))
    return {"pixels": show_bytes(pixels)}


def _prepare(given):
    image = preparation.rows_of(read_pixels(given), given["height"], given["width"])
    image = preparation.prepare(image, given["size"], given["fit"], given["resample"], given["block_size"])
    pixels = preparation.bytes_of(image)
    return {"height": len(image), "width": len(image[0]), "pixels": show_bytes(pixels)}


RUNNERS = {
    "key_parse": _key_parse,
    "passphrase": _passphrase,
    "key_id": lambda given: {"key_id": keys.key_id(_key(given))},
    "derive": _derive,
    "tag": _tag,
    "stream": _stream,
    "permutation": _permutation,
    "integers": _integers,
    "plan": _plan,
    "encrypt": _encrypt,
    "decrypt": _decrypt,
    "layout": lambda given: {"layout": _layout_of(given)},
    "layout_apply": _layout_apply,
    "layout_undo": _layout_undo,
    "layout_inverse": lambda given: {"layout": layouts.inverse(given["layout"])},
    "layout_then": lambda given: {"layout": layouts.then(given["layout"], given["second"])},
    "layout_plan": _layout_plan,
    "marker": _marker,
    "marker_place": lambda given: {"text": reading.read(_file(given))[1]},
    "authenticate": _authenticate,
    "configuration": _configuration,
    "to_rgb": _to_rgb,
    "prepare": _prepare,
}
