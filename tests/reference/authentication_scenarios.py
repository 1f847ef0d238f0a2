"""The scenarios about reading a ciphertext with the key: steps 6 and 7 of section 5.2."""

import base64
import json
from functools import partial

from .label_scenarios import END, EXIF
from .marked_files import BLOCKS, SIZE, mark_jpeg, mark_pixels
from .marker_reference import marker_text
from .sample_files import JPEG, PNG, PROGRESSIVE_JPEG, WEBP
from .scenario import KEY, NONCE, OTHER_KEY, OTHER_NONCE, scenario
from .settings_reference import cipher_id
from .small_files import (
    PIXELS,
    WIDTH,
    before_scan,
    comment,
    description,
    filtered,
    interlaced,
    jpeg,
    labelled,
    png,
    png_chunk,
    riff,
    segment,
    text_chunk,
    tiff,
    webp,
)

SCOPED = BLOCKS | {"key_scope": "image"}
OPTIONS = SCOPED | {"gap": 1, "jitter": 1, "keep": 0.5}
LARGE = (20, 15)  # of what becomes 8x12
ANY_SIZE = (None, None)
ORIENTATION = (0x0112, 3, 1, 6)  # turned by 90 degrees
FLIPPED = PIXELS[:-1] + bytes([PIXELS[-1] ^ 1])


def authentications():
    for cases in (_png(), _other_settings(), _jpeg(), _webp()):
        for name, about, data in cases:
            yield _authenticate(name, about, data)
    for name, about, data in [*_wrong_pixels(), *_wrong_bytes(), *_wrong_markers()]:
        yield _authenticate(name, about, data, error="AuthenticationError")
    for name, about, data in _wrong_ids():
        yield _authenticate(name, about, data, error="KeyMismatchError")
    for name, about, data in _damaged_markers():
        yield _authenticate(name, about, data, error="MarkerError")
    for name, about, data, expected, error in _expectations():
        yield _authenticate(f"expected-{name}", about, data, expected, error)
    for error, cases in _orders().items():
        for name, about, data, expected in cases:
            yield _authenticate(f"order-{name}", about, data, expected, error)


def _authenticate(name, about, data, expected=None, error=None):
    given = {"key": KEY.hex(), "file": base64.b64encode(data).decode(), "expected": expected}
    return scenario(f"authenticate-{name}", about, given, error)


def marked_png(pixels=PIXELS, **options):
    return png([text_chunk(mark_pixels(**options))], pixels=pixels)


def marked_jpeg(source=JPEG, **options):
    return jpeg(comment(mark_jpeg(source, **options)), source=source)


def changed(change, **options):
    """A PNG whose marker was changed after the tag was made."""
    values = json.loads(mark_pixels(**options))
    return png([text_chunk(json.dumps(change(values), separators=(",", ":")).encode())])


def _png():
    label = text_chunk(mark_pixels())
    gamma, srgb = (b"gAMA", (20000).to_bytes(4, "big")), (b"sRGB", b"\0")
    palette = (b"PLTE", bytes(768))
    encoded = PNG.replace(PNG[8:33], PNG[8:33] + png_chunk(*label))
    rows = WIDTH * 3
    return [
        ("png", "stored rows without filters", png([label])),
        ("png-of-an-encoder", "compressed, with filters", encoded),
        ("png-all-filters", "the five filter types", png([label], raw=filtered(PIXELS, rows))),
        ("png-interlaced", "Adam7", png([label], form=b"\x08\x02\0\0\x01", raw=interlaced(PIXELS, *SIZE))),
        ("png-parts", "five IDAT chunks", png([label], parts=5)),
        ("png-behind-the-pixels", "the label behind them", png([], [label])),
        ("png-gamma", "gAMA changes nothing", png([gamma, label])),
        ("png-srgb", "sRGB changes nothing", png([srgb, label])),
        ("png-orientation", "EXIF turns nothing", png([label, (b"eXIf", tiff(ORIENTATION))])),
        ("png-suggested-palette", "PLTE changes nothing", png([palette, label])),
        ("png-background", "bKGD changes nothing", png([(b"bKGD", b"\0\xff\0\0\0\0"), label])),
        ("png-other-texts", "other texts change nothing", png([(b"tEXt", b"Author\0x"), label], [(b"tEXt", b"a\0b")])),
        ("png-bytes-behind-the-end", "pixels are authentic, not the file", png([label]) + b"more"),
    ]


def _other_settings():
    rows = [("le", {}), ("ele", {"key_scope": "image"}), ("pe", {"shuffle_colors": False})]
    cases = [(f"png-{name}", "another cipher", name, parameters) for name, parameters in rows]
    cases.append(("png-image-scope", "with a nonce", "etc", SCOPED))
    cases.append(("png-all-parameters", "none has its default", "etc", _unusual()))
    for name, about, cipher, parameters in cases:
        nonce = NONCE if parameters.get("key_scope") == "image" else None
        yield name, about, marked_png(cipher=cipher, parameters=parameters, nonce=nonce)
    yield "png-gap-jitter-keep", "8x12 of 20x15", _left_out()
    yield (
        "jpeg-gap-jitter-keep",
        "8x12 of 20x15",
        marked_jpeg(parameters=OPTIONS, nonce=NONCE, size=LARGE, id_size=LARGE),
    )
    yield "png-any-size", "the id of pictures of any size", marked_png(id_size=ANY_SIZE)
    yield "jpeg-any-size", "the id of pictures of any size", marked_jpeg(id_size=ANY_SIZE)
    yield "jpeg-image-scope", "with a nonce", marked_jpeg(parameters=SCOPED, nonce=NONCE)
    yield "png-black", "pixels of zero bytes", _black()


def _left_out(**changes):
    return marked_png(parameters=OPTIONS | changes, nonce=NONCE, size=LARGE, id_size=LARGE)


def _disposable():
    """Of random bytes, which stand for an id and a tag."""
    values = ("etc", OPTIONS | {"disposable": True}, *LARGE, "0123456789abcdef" * 2, NONCE, "fedcba9876543210" * 2)
    return png([text_chunk(marker_text(*values).encode())])


def _black():
    return png([text_chunk(mark_pixels(pixels=bytes(len(PIXELS))))], pixels=bytes(len(PIXELS)))


def _unusual():
    return SCOPED | {"steps": ["rotation", "color"], "shared_block_key": True}


def _jpeg():
    label = comment(mark_jpeg())
    exif = segment(0xE1, EXIF + tiff(ORIENTATION))
    profile = segment(0xE2, b"ICC_PROFILE\0\x01\x01" + bytes(8))
    others = [segment(marker, b"metadata") for marker in (*range(0xE3, 0xEE), 0xEF)]
    return [
        ("jpeg", "a COM segment", jpeg(label)),
        ("jpeg-progressive", "several scans", marked_jpeg(PROGRESSIVE_JPEG)),
        ("jpeg-last-segment", "the label right before the scan", before_scan(JPEG, label)),
        (
            "jpeg-more-comments",
            "comments are metadata",
            before_scan(jpeg(segment(0xFE, b"a"), label), segment(0xFE, b"")),
        ),
        ("jpeg-exif", "APP1 is metadata", jpeg(label, exif)),
        ("jpeg-profile", "APP2 is metadata", jpeg(label, profile)),
        ("jpeg-other-metadata", "APP3 to APP13 and APP15", jpeg(label, *others)),
        ("jpeg-fill-bytes", "fill bytes are left out", before_scan(jpeg(b"\xff", label, b"\xff\xff"), b"\xff")),
    ]


def _webp():
    text = mark_pixels()
    whole = tiff(description(b"hf-etc " + text), ORIENTATION)
    return [
        ("webp", "lossless", webp(labelled(text))),
        ("webp-orientation", "EXIF turns nothing", webp(whole)),
        ("webp-without-vp8x", "the image and EXIF", riff([], WEBP[12:], [(b"EXIF", labelled(text))])),
        (
            "webp-other-chunks",
            "a profile and XMP",
            webp(labelled(text), before=[(b"ABCD", b"abc")], after=[(b"XMP ", b"x")]),
        ),
        ("webp-bytes-behind-riff", "pixels are authentic, not the file", webp(labelled(text)) + b"more"),
    ]


def _wrong_pixels():
    other = mark_pixels(pixels=FLIPPED)
    turned = b"".join(PIXELS[at : at + 3] for at in range(len(PIXELS) - 3, -1, -3))
    return [
        ("png-flipped-bit", "one bit of the last component", png([text_chunk(mark_pixels())], pixels=FLIPPED)),
        ("png-turned", "turned by 180 degrees", png([text_chunk(mark_pixels())], pixels=turned)),
        ("png-marker-of-another", "of the same size", png([text_chunk(other)])),
        ("webp-flipped-bit", "one bit of the last component", webp(labelled(other))),
        ("png-of-a-jpeg", "a file's tag is none of pixels", png([text_chunk(mark_jpeg())])),
        ("jpeg-of-a-png", "a tag of pixels is none of a file", jpeg(comment(mark_pixels()))),
    ]


def _wrong_bytes():
    whole = marked_jpeg()
    scan = whole.index(b"\xff\xda")
    middle, table = scan + 30, whole.index(b"\xff\xdb") + 20
    app0, label = whole.index(b"\xff\xe0"), comment(mark_jpeg())
    second = whole.index(b"\xff\xdb", table)
    tables = whole[whole.index(b"\xff\xdb") : second]
    return [
        ("jpeg-flipped-bit", "in the scan", flip(whole, middle)),
        ("jpeg-flipped-bit-in-the-scan-header", "a table number", flip(whole, scan + 6)),
        ("jpeg-quantization-changed", "one step of DQT", flip(whole, table)),
        ("jpeg-density-changed", "a byte of APP0", flip(whole, app0 + 13)),
        ("jpeg-without-app0", "APP0 is no metadata", whole.replace(whole[app0 : app0 + 18], b"")),
        ("jpeg-second-app0", "APP0 is no metadata", jpeg(label, segment(0xE0, b"JFXX\0\x10"))),
        ("jpeg-app14", "APP14 says how colours are meant", jpeg(label, segment(0xEE, b"Adobe\0\x64\0\0\0\0\0"))),
        ("jpeg-restart-interval", "another segment", before_scan(whole, segment(0xDD, b"\0\0"))),
        ("jpeg-segments-exchanged", "two tables in another order", before_scan(whole.replace(tables, b""), tables)),
        ("jpeg-comment-behind-the-scan", "whatever follows the scan counts", whole[:-2] + segment(0xFE, b"a") + END),
        ("jpeg-fill-byte-behind-the-scan", "whatever follows the scan counts", whole[:-2] + b"\xff" + END),
        ("jpeg-bytes-behind-the-end", "up to the end of the file", whole + b"\0"),
        ("jpeg-second-end", "up to the end of the file", whole + END),
        ("jpeg-marker-of-another", "the same picture, encoded anew", jpeg(label, source=PROGRESSIVE_JPEG)),
    ]


def flip(data, at):
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def _wrong_markers():
    set_to = partial(changed, parameters=SCOPED, nonce=NONCE)
    large, turned = (4, 24), (WIDTH, 8)
    moved = text_chunk(
        mark_pixels(id_size=ANY_SIZE, size=turned).replace(b'"height":12,"width":8', b'"height":8,"width":12')
    )
    reused = text_chunk(mark_pixels(id_size=ANY_SIZE))
    reused = reused[0], reused[1].replace(b'"height":8,"width":12', b'"height":4,"width":24')
    own, any_size = cipher_id(KEY, "etc", BLOCKS, *SIZE), cipher_id(KEY, "etc", BLOCKS)
    swapped = mark_pixels().replace(own.encode(), any_size.encode())
    return [
        (
            "nonce-changed",
            "another nonce gives another plan",
            set_to(lambda marker: marker | {"nonce": OTHER_NONCE.hex()}),
        ),
        ("tag-changed", "its last digit", changed(_other_tag)),
        ("tag-of-zeros", "any tag", changed(lambda marker: marker | {"tag": "0" * 32})),
        ("tag-of-another-key", "with this key's id", png([text_chunk(_forged())])),
        ("size-swapped", "an id of any size does not protect the size", png([moved])),
        ("size-changed", "the same bytes as 4x24", png([reused], size=large)),
        ("id-of-any-size", "this key's other id", png([text_chunk(swapped)])),
    ]


def _other_tag(marker):
    return marker | {"tag": _other_digit(marker["tag"])}


def _forged():
    """The tag of another key in a marker with the id of this one."""
    marker = mark_pixels(key=OTHER_KEY)
    return marker.replace(json.loads(marker)["id"].encode(), cipher_id(KEY, "etc", BLOCKS, *SIZE).encode())


def _wrong_ids():
    text = mark_pixels(parameters=SCOPED, nonce=NONCE)
    without_nonce = text.replace(b'"key_scope":"image",', b"").replace(b'"nonce":"%s",' % NONCE.hex().encode(), b"")
    replace = [
        ("cipher-changed", "to a broken one", mark_pixels(cipher="le", parameters={}), b'"le"', b'"ele"'),
        ("steps-changed", "to one of four", mark_pixels(), b'"height"', b'"steps":["color"],"height"'),
        ("shared-block-key-changed", "a flag", mark_pixels(), b'"height"', b'"shared_block_key":true,"height"'),
        ("block-size-changed", "blocks of 2", mark_pixels(), b'"block_size":4', b'"block_size":2'),
    ]
    cases = [(name, about, png([text_chunk(marker.replace(old, new))])) for name, about, marker, old, new in replace]
    return [
        *cases,
        ("key-scope-changed", "one plan for all pictures", png([text_chunk(without_nonce)])),
        ("disposable", "the key was thrown away", _disposable()),
        ("keep-changed", "to what gives the same size", png([text_chunk(_fuller())])),
        ("id-changed", "its last digit", changed(lambda marker: marker | {"id": _other_digit(marker["id"])})),
        ("other-key", "a file of another key", marked_png(key=OTHER_KEY)),
        ("other-key-jpeg", "a file of another key", marked_jpeg(key=OTHER_KEY)),
        ("other-key-any-size", "a file of another key", marked_png(key=OTHER_KEY, id_size=ANY_SIZE)),
        ("id-of-another-size", "this key's id of 12x8", marked_png(id_size=(WIDTH, 8))),
        ("id-of-other-settings", "this key's id of blocks of 2", changed(_other_settings_id)),
    ]


def _fuller():
    text = mark_pixels(parameters=OPTIONS, nonce=NONCE, size=LARGE, id_size=LARGE)
    return text.replace(b'"keep":0.5', b'"keep":0.51')


def _other_digit(digits):
    return digits[:-1] + ("1" if digits[-1] == "0" else "0")


def _other_settings_id(marker):
    return marker | {"id": cipher_id(KEY, "etc", {"block_size": 2}, *SIZE)}


def _damaged_markers():
    scoped = {"parameters": SCOPED, "nonce": NONCE}
    return [
        ("tag-cut-off", "30 digits", changed(lambda marker: marker | {"tag": marker["tag"][:-2]})),
        ("no-tag", "a marker is not without", changed(lambda marker: without(marker, "tag"))),
        ("no-nonce", "scope image without it", changed(lambda marker: without(marker, "nonce"), **scoped)),
        ("key-scope-alone-changed", "a nonce, and scope dataset", changed(lambda m: without(m, "key_scope"), **scoped)),
    ]


def without(marker, member):
    return {name: value for name, value in marker.items() if name != member}


def _expectations():
    plain, scoped = marked_png(), marked_png(parameters=SCOPED, nonce=NONCE)
    written = BLOCKS | {"steps": ["color", "permutation", "rotation", "negative-positive"], "shared_block_key": False}
    refused = "ParameterError"
    return [
        ("same", "what has a default is left out", plain, expect(BLOCKS), None),
        ("same-written-out", "defaults, and steps in another order", plain, expect(written), None),
        ("same-image-scope", "the nonce is no parameter", scoped, expect(SCOPED), None),
        ("other-block-size", "blocks of 2", plain, expect({"block_size": 2}), refused),
        ("other-key-scope", "a nonce per picture is expected", plain, expect(SCOPED), refused),
        ("dataset-scope", "no nonce is expected", scoped, expect(BLOCKS), refused),
        ("same-gap-jitter-keep", "in another order", _left_out(), expect(dict(reversed(OPTIONS.items()))), None),
        ("no-jitter", "which is more than expected", _left_out(), expect(OPTIONS | {"jitter": 0}), refused),
        ("other-keep", "more blocks", _left_out(), expect(OPTIONS | {"keep": 0.51}), refused),
        ("other-disposable", "a key is expected", _disposable(), expect(OPTIONS), refused),
        ("disposable", "nobody's key", _disposable(), expect(OPTIONS | {"disposable": True}), "KeyMismatchError"),
        ("other-steps", "three steps", plain, expect(BLOCKS | {"steps": ["rotation", "color"]}), refused),
        ("other-cipher", "pe", plain, expect({}, "pe"), refused),
        ("jpeg-other-block-size", "blocks of 2", marked_jpeg(), expect({"block_size": 2}), refused),
    ]


def expect(parameters, cipher="etc"):
    return {"cipher": cipher, "parameters": parameters}


def _orders():
    """Files with two faults: the earlier step gives the error."""
    cut = PIXELS[:-WIDTH]
    raw = b"".join(b"\0" + cut[at : at + 36] for at in range(0, len(cut), 36))
    foreign, fine = text_chunk(mark_pixels(key=OTHER_KEY)), text_chunk(mark_pixels())
    blocks_of_2 = expect({"block_size": 2})
    turned = text_chunk(mark_pixels(size=(WIDTH, 8), key=OTHER_KEY))
    garbage = b"\x78\x01\x07" + bytes(20)  # no such kind of block
    return {
        "NotACiphertextError": [("label-before-parameters", "a plain picture", png(), blocks_of_2)],
        "MarkerError": [("marker-before-parameters", "transparency", png([(b"tRNS", bytes(6)), fine]), blocks_of_2)],
        "GeometryError": [("size-before-id", "another size, another key", png([turned]), None)],
        "ParameterError": [("parameters-before-id", "another key, other parameters", png([foreign]), blocks_of_2)],
        "KeyMismatchError": [
            ("id-before-tag", "another key, and other pixels", png([foreign], pixels=FLIPPED), None),
            ("id-before-pixels", "another key, and rows are missing", png([foreign], raw=raw), None),
        ],
        "ImageError": [
            ("rows-missing", "the pixels end too early", png([fine], raw=raw), None),
            ("no-zlib-stream", "the pixels cannot be decoded", _png_of(fine, garbage), None),
        ],
        "AuthenticationError": [
            ("tag-before-decoding", "a JPEG whose scan is garbage", _garbage_scan(), None),
        ],
    }


def _png_of(label, stream):
    """A PNG whose IDAT is this stream."""
    return png()[:33] + png_chunk(*label) + png_chunk(b"IDAT", stream) + png_chunk(b"IEND", b"")


def _garbage_scan():
    data = marked_jpeg()
    at = data.index(b"\xff\xda") + 14
    return data[:at] + b"\xff\xc0" + END
