"""The scenarios about files that a reader refuses, and the order of its checks: steps 1 to 5 of section 5.2."""

from .label_scenarios import JPEG_TEXT, TEXT, placed
from .marked_files import mark_jpeg, mark_pixels
from .sample_files import ALPHA_WEBP, ANIMATED_WEBP, CMYK_JPEG, GRAY_JPEG, JPEG, WEBP
from .small_files import comment, jpeg, labelled, png, png_chunk, riff, segment, text_chunk, webp

ALPHA = (b"\x08\x06", b"".join(b"\0" + bytes(48) for _ in range(8)))


def damaged_files():
    for cases in (_no_image(), _damaged_png(), _damaged_jpeg(), _damaged_webp()):
        yield from placed(cases, "ImageError")
    for cases in (_damaged_texts(), _not_rgb()):
        yield from placed(cases, "MarkerError")
    yield from placed(_other_size(), "GeometryError")
    for error, cases in _orders().items():
        yield from placed([(f"order-{name}", about, data) for name, about, data in cases], error)


def _no_image():
    return [
        ("no-image", "a text file", b"hf-etc " + TEXT),
        ("no-bytes", "an empty file", b""),
    ]


def _damaged_png():
    label = text_chunk(TEXT)
    whole = png([label])
    wrong = whole.replace(png_chunk(*label), png_chunk(*label)[:-1] + b"\0")
    assert wrong != whole
    control = (b"acTL", (2).to_bytes(4, "big") + bytes(4))
    return [
        ("png-start-alone", "no chunk", whole[:8]),
        ("png-truncated", "cut off in the pixels", whole[: whole.index(b"IDAT") + 50]),
        ("png-truncated-behind-the-label", "cut off between chunks", whole[: whole.index(b"IDAT") - 4]),
        ("png-without-end", "no IEND", whole[:-12]),
        ("png-wrong-checksum", "the CRC of the label's chunk", wrong),
        ("png-without-header", "IHDR is not the first chunk", whole[:8] + png_chunk(*label) + whole[8:]),
        ("png-no-rows", "an image without pixels", png([label], size=(0, 12), pixels=b"")),
        ("png-too-large", "9460x9459 pixels, one row too many", png([label], size=(9460, 9459), raw=b"\0")),
        ("png-animated", "acTL", png([control, label])),
    ]


def _damaged_jpeg():
    whole = jpeg(comment(JPEG_TEXT))
    at = whole.index(b"\xff\xc0")
    frame = whole[at : at + 19]
    return [
        ("jpeg-start-alone", "no segment", whole[:2]),
        ("jpeg-truncated-in-a-segment", "a length that leaves the file", whole[: at + 6]),
        ("jpeg-without-scan", "the file ends behind a segment", whole[: whole.index(b"\xff\xda")]),
        ("jpeg-without-end", "no FF D9 behind the scan", whole[:-2]),
        ("jpeg-half-an-end", "no FF D9 behind the scan", whole[:-1]),
        (
            "jpeg-end-in-a-comment",
            "FF D9 before the scan alone",
            jpeg(segment(0xFE, b"\xff\xd9"), comment(JPEG_TEXT))[:-2],
        ),
        ("jpeg-restart-in-the-header", "FF D0 has no length", jpeg(b"\xff\xd0", comment(JPEG_TEXT))),
        ("jpeg-last-restart-in-the-header", "FF D7 has no length", jpeg(comment(JPEG_TEXT), b"\xff\xd7")),
        ("jpeg-second-start", "FF D8 has no length", jpeg(b"\xff\xd8", comment(JPEG_TEXT))),
        ("jpeg-end-in-the-header", "FF D9 has no length", jpeg(b"\xff\xd9", comment(JPEG_TEXT))),
        ("jpeg-marker-01", "FF 01 has no length", jpeg(b"\xff\x01", comment(JPEG_TEXT))),
        ("jpeg-marker-00", "FF 00 is no marker", jpeg(b"\xff\0", comment(JPEG_TEXT))),
        ("jpeg-restart-with-a-length", "not even then", jpeg(segment(0xD0, b""), comment(JPEG_TEXT))),
        ("jpeg-marker-01-with-a-length", "not even then", jpeg(segment(0x01, b""), comment(JPEG_TEXT))),
        ("jpeg-marker-00-with-a-length", "not even then", jpeg(segment(0x00, b""), comment(JPEG_TEXT))),
        ("jpeg-bytes-between-segments", "a marker begins with FF", jpeg(comment(JPEG_TEXT), b"\0\0")),
        ("jpeg-length-1", "a length counts its two bytes", jpeg(comment(JPEG_TEXT), b"\xff\xfe\0\x01")),
        ("jpeg-without-frame-header", "no size", whole.replace(frame, b"")),
        ("jpeg-two-frame-headers", "two sizes", whole.replace(frame, frame + frame)),
        ("jpeg-no-rows", "an image without pixels", whole.replace(frame, frame[:5] + b"\0\0" + frame[7:])),
    ]


def _damaged_webp():
    whole = webp(labelled(TEXT))
    at = whole.index(b"EXIF") + 4
    longer = whole[:at] + bytes([whole[at] ^ 0xFF, 0x7F]) + whole[at + 2 :]
    animated = ANIMATED_WEBP[12:]
    header = b"VP8X\x0a\0\0\0\x0a" + animated[9:18]  # with the EXIF flag
    return [
        ("webp-start-alone", "no chunk", whole[:12]),
        ("webp-truncated", "the size in RIFF leaves the file", whole[:-1]),
        ("webp-chunk-leaves-riff", "a chunk longer than the rest", longer),
        ("webp-without-image", "EXIF alone", riff([], b"", [(b"EXIF", labelled(TEXT))])),
        ("webp-two-sizes", "8x13 in VP8X, 8x12 in the image", whole[:24] + b"\x0c" + whole[25:]),
        ("webp-animated", "the flag in VP8X", riff([], header + animated[18:], [(b"EXIF", labelled(TEXT))])),
    ]


def _damaged_texts():
    return [
        ("png-empty-label", "the keyword and no marker", png([text_chunk(b"")])),
        ("png-no-marker", "another text", png([text_chunk(b"hello")])),
        ("png-zero-behind-the-marker", "a zero byte", png([text_chunk(TEXT + b"\0")])),
        ("png-not-ascii", "Latin-1", png([text_chunk(TEXT.replace(b"etc", b"\xe9tc"))])),
        ("png-prefix-in-the-value", "`hf-etc ` belongs to the other formats", png([text_chunk(b"hf-etc " + TEXT)])),
        ("jpeg-empty-label", "the label and no marker", jpeg(comment(b""))),
        ("jpeg-two-spaces", "one space", jpeg(comment(b" " + JPEG_TEXT))),
        ("jpeg-zero-behind-the-marker", "a zero byte", jpeg(comment(JPEG_TEXT + b"\0"))),
        ("webp-empty-label", "the label and no marker", webp(labelled(b""))),
        ("webp-space-behind-the-marker", "a space", webp(labelled(TEXT + b" "))),
    ]


def _not_rgb():
    label = text_chunk(TEXT)
    wide = b"".join(b"\0" + bytes(72) for _ in range(8))
    gray = b"".join(b"\0" + bytes(12) for _ in range(8))
    palette = (b"PLTE", bytes(range(6)))
    opaque = WEBP[12:]
    hinted = opaque[:12] + bytes([opaque[12] | 0x10]) + opaque[13:]
    return [
        ("png-16-bit", "16 bits per component", png([label], form=b"\x10\x02", raw=wide)),
        ("png-transparent-color", "tRNS", png([(b"tRNS", bytes(6)), label])),
        ("png-alpha", "four components", png([label], form=ALPHA[0], raw=ALPHA[1])),
        ("png-palette", "colours from a table", png([palette, label], form=b"\x08\x03", raw=gray)),
        ("png-gray", "one component", png([label], form=b"\x08\0", raw=gray)),
        ("jpeg-gray", "one component", jpeg(comment(mark_jpeg(GRAY_JPEG)), source=GRAY_JPEG)),
        ("jpeg-cmyk", "four components", jpeg(comment(mark_jpeg(CMYK_JPEG)), source=CMYK_JPEG)),
        ("webp-alpha", "transparency in VP8X and VP8L", webp(labelled(TEXT), source=ALPHA_WEBP, flags=0x18)),
        ("webp-alpha-in-vp8x", "the flag alone", webp(labelled(TEXT), flags=0x18)),
        ("webp-alpha-in-vp8l", "the bit alone", riff([], hinted, [(b"EXIF", labelled(TEXT))])),
    ]


def _other_size():
    turned, larger = mark_pixels(size=(12, 8)), mark_pixels(size=(16, 24))
    return [
        ("png-other-size", "16x24 in the marker, 8x12 in the file", png([text_chunk(larger)])),
        ("png-turned", "12x8 in the marker, 8x12 in the file", png([text_chunk(turned)])),
        ("jpeg-turned", "12x8 in the marker, 8x12 in the file", jpeg(comment(mark_jpeg(size=(12, 8))))),
        ("webp-turned", "12x8 in the marker, 8x12 in the file", webp(labelled(turned))),
    ]


def _orders():
    """Files with two faults: the earlier step gives the error."""
    label, other = text_chunk(TEXT), mark_pixels(size=(12, 8))
    return {
        "ImageError": [
            ("image-before-label", "a JPEG without a label and without its end", JPEG[:-2]),
            ("image-before-two-labels", "a PNG with two labels and without its end", png([label, label])[:-12]),
            (
                "image-before-text",
                "an animation whose marker is none",
                png([(b"acTL", b"\0\0\0\2\0\0\0\0"), text_chunk(b"")]),
            ),
        ],
        "NotACiphertextError": [
            ("label-before-rgb", "a gray JPEG without a label", GRAY_JPEG),
            ("label-before-rgb-in-png", "transparency and no label", png(form=ALPHA[0], raw=ALPHA[1])),
        ],
        "MarkerError": [
            ("labels-before-size", "two markers of another size", png([text_chunk(other), text_chunk(other)])),
            ("text-before-size", "another size, and a space too many", png([text_chunk(other + b" ")])),
            ("rgb-before-size", "another size, and transparency", png([(b"tRNS", bytes(6)), text_chunk(other)])),
        ],
    }
