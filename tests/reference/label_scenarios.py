"""The scenarios about finding the marker in a file: section 5.1."""

import base64

from .marked_files import mark_jpeg, mark_pixels
from .sample_files import JPEG, LOSSY_WEBP, PNG, PROGRESSIVE_JPEG, WEBP
from .scenario import scenario
from .small_files import (
    before_scan,
    comment,
    description,
    jpeg,
    labelled,
    png,
    png_chunk,
    riff,
    riff_chunk,
    segment,
    stored,
    text_chunk,
    tiff,
    webp,
)

EXIF, END = b"Exif\0\0", b"\xff\xd9"
TEXT, JPEG_TEXT = mark_pixels(), mark_jpeg()
OTHER = tiff(description(b"a sunny day"))


def labels():
    for found in (_png(), _jpeg(), _webp(), _exif()):
        yield from placed(found)
    for found in (_no_png_label(), _no_jpeg_label(), _no_webp_label(), _no_exif_label()):
        yield from placed(found, "NotACiphertextError")
    for found in (_two_labels(), _out_of_place()):
        yield from placed(found, "MarkerError")


def placed(cases, error=None):
    for name, about, data in cases:
        yield scenario(f"marker_place-{name}", about, {"file": base64.b64encode(data).decode()}, error)


def _png():
    label = text_chunk(TEXT)
    others = [(b"tEXt", b"Author\0x"), label, (b"tEXt", b"hf-etc2\0" + TEXT)]
    return [
        ("png", "a tEXt chunk", png([label])),
        ("png-behind-the-pixels", "a tEXt chunk after the image data", png([], [label])),
        ("png-between-the-pixels", "the image data in four chunks", png([label], parts=4)),
        ("png-among-other-texts", "other tEXt chunks", png(others)),
        ("png-and-other-description", "an EXIF description without the label", png([label, (b"eXIf", OTHER)])),
        ("png-second-label-behind-the-end", "IEND is the end", png([label]) + png_chunk(*label)),
    ]


def _no_png_label():
    return [
        ("plain-png", "no text", png()),
        ("plain-png-of-an-encoder", "no text", PNG),
        ("png-other-keyword", "another keyword", png([(b"tEXt", b"hf-etc2\0" + TEXT)])),
        ("png-keyword-in-upper-case", "another keyword", png([(b"tEXt", b"HF-ETC\0" + TEXT)])),
        ("png-keyword-without-value", "no zero byte ends the keyword", png([(b"tEXt", b"hf-etc")])),
        ("png-label-in-the-value", "the label does not begin the chunk", png([(b"tEXt", b"Comment\0hf-etc " + TEXT)])),
        ("png-label-behind-the-end", "IEND is the end", png() + png_chunk(*text_chunk(TEXT))),
        ("png-label-in-another-chunk", "a private chunk", png([(b"prVt", b"hf-etc\0" + TEXT)])),
    ]


def _jpeg():
    label = comment(JPEG_TEXT)
    return [
        ("jpeg", "a COM segment", jpeg(label)),
        ("jpeg-comment-before", "another comment before the label", jpeg(segment(0xFE, b"made by hand"), label)),
        ("jpeg-comment-behind", "another comment after the label", jpeg(label, segment(0xFE, b"hf-etc"))),
        ("jpeg-last-segment", "the label right before the scan", before_scan(JPEG, label)),
        ("jpeg-fill-bytes", "fill bytes before every kind of segment", _with_fill_bytes(label)),
        ("jpeg-second-label-behind-the-scan", "what follows the scan is no label", jpeg(label)[:-2] + label + END),
        ("jpeg-other-description", "EXIF without the label", jpeg(segment(0xE1, EXIF + OTHER), label)),
        ("jpeg-label-in-app2", "APP2 is no place of a label", jpeg(segment(0xE2, b"hf-etc " + JPEG_TEXT), label)),
        (
            "jpeg-progressive",
            "several scans",
            jpeg(comment(mark_jpeg(PROGRESSIVE_JPEG)), source=PROGRESSIVE_JPEG),
        ),
        ("jpeg-bytes-behind-the-end", "without the key nobody sees them", jpeg(label) + b"more"),
    ]


def _with_fill_bytes(label):
    data = jpeg(b"\xff\xff\xff", label, b"\xff")
    return before_scan(data, b"\xff\xff")


def _no_jpeg_label():
    label = comment(JPEG_TEXT)
    return [
        ("plain-jpeg", "no comment", JPEG),
        ("jpeg-other-comment", "a comment without the label", jpeg(segment(0xFE, JPEG_TEXT))),
        ("jpeg-label-inside", "the label does not begin it", jpeg(segment(0xFE, b"made by hf-etc " + JPEG_TEXT))),
        ("jpeg-label-without-space", "the space is part of the label", jpeg(segment(0xFE, b"hf-etc" + JPEG_TEXT))),
        ("jpeg-label-in-upper-case", "letter case matters", jpeg(segment(0xFE, b"HF-ETC " + JPEG_TEXT))),
        ("jpeg-label-behind-the-scan", "what follows the scan is no label", JPEG[:-2] + label + END),
        ("jpeg-label-behind-the-end", "what follows the scan is no label", JPEG + label),
        ("jpeg-exif-without-prefix", "APP1 that is no EXIF", jpeg(segment(0xE1, labelled(JPEG_TEXT)))),
        ("jpeg-exif-in-app2", "EXIF is in APP1", jpeg(segment(0xE2, EXIF + labelled(JPEG_TEXT)))),
        ("jpeg-label-begins-app1", "EXIF has entries", jpeg(segment(0xE1, b"hf-etc " + JPEG_TEXT))),
    ]


def _webp():
    block = labelled(TEXT)
    return [
        ("webp", "EXIF, little-endian, with its prefix", webp(EXIF + block)),
        ("webp-without-prefix", "EXIF, little-endian", webp(block)),
        ("webp-big-endian", "EXIF, big-endian, without its prefix", webp(labelled(TEXT, "big"))),
        ("webp-big-endian-with-prefix", "EXIF, big-endian", webp(EXIF + labelled(TEXT, "big"))),
        ("webp-without-vp8x", "the image and EXIF, no more", riff([], WEBP[12:], [(b"EXIF", block)])),
        ("webp-exif-before-the-image", "chunks in another order", webp(before=[(b"EXIF", block)])),
        ("webp-odd-chunk", "a chunk of odd length has a byte of padding", webp(block, before=[(b"ABCD", b"odd")])),
        ("webp-second-exif-without-label", "one of two blocks has the label", webp(OTHER, block)),
        ("webp-without-exif-flag", "the chunk counts, not the flag", webp(block, flags=0)),
        ("webp-lossy", "the headers tell no more", webp(block, source=LOSSY_WEBP)),
        (
            "webp-second-label-behind-riff",
            "the size in RIFF is the end",
            webp(block) + riff_chunk(b"EXIF", block),
        ),
    ]


def _no_webp_label():
    block = labelled(TEXT)
    return [
        ("plain-webp", "no EXIF", WEBP),
        ("plain-webp-with-vp8x", "no EXIF", webp(flags=0)),
        ("webp-other-description", "a description without the label", webp(OTHER)),
        ("webp-label-behind-riff", "the size in RIFF is the end", webp(flags=0) + riff_chunk(b"EXIF", block)),
        ("webp-label-in-xmp", "XMP is no EXIF", webp(flags=4, after=[(b"XMP ", b"hf-etc " + TEXT)])),
    ]


def _exif():
    """EXIF blocks that have a label, in WebP."""
    value = b"hf-etc " + TEXT
    orientation, whole = (0x0112, 3, 1, 1), description(value)
    lost = (0x010E, 2, 5000, 26)
    blocks = [
        (
            "among-other-entries",
            "a maker before it, an orientation behind it",
            tiff((0x010F, 2, 5, b"me\0\0\0"), whole),
        ),
        ("behind-other-entries", "an orientation before it", tiff(orientation, whole)),
        ("other-description", "the second entry has the label", tiff(description(b"a sunny day"), whole)),
        ("entry-leaves-the-block", "the other entry has the label", tiff(lost, whole)),
        ("entry-cut-off", "a count of nine, one entry and the label within the block", _cut(value)),
        ("value-without-zero", "the count ends it", tiff((0x010E, 2, len(value), value))),
        ("value-with-more-behind-zero", "its first zero byte ends it", tiff(description(value + b"\0more"))),
        ("value-before-the-directory", "a value stands anywhere", _value_first(value)),
        ("other-magic-number", "what stands at 2 is not read", tiff(whole, magic=43)),
    ]
    return [(f"exif-{name}", about, webp(block)) for name, about, block in blocks]


def _cut(value):
    """The value stands before the directory, whose count is larger than what is left of the block."""
    return _value_first(value)[:-4].replace(b"\x01\0\x0e\x01", b"\x09\0\x0e\x01")


def _value_first(value):
    place = 8 + len(value) + 1 + (len(value) + 1) % 2
    head = b"II\x2a\0" + place.to_bytes(4, "little") + (value + b"\0").ljust(place - 8, b"\0")
    entry = b"\x0e\x01\x02\0" + (len(value) + 1).to_bytes(4, "little") + (8).to_bytes(4, "little")
    return head + b"\x01\0" + entry + bytes(4)


def _no_exif_label():
    value = b"hf-etc " + TEXT
    block = labelled(TEXT)
    blocks = [
        ("empty", "no block", b""),
        ("too-short", "it ends in its head", block[:7]),
        ("other-byte-order", "neither II nor MM", b"IM" + block[2:]),
        ("wrong-byte-order", "MM before little-endian numbers", b"MM" + block[2:]),
        ("prefix-of-another-kind", "one zero byte of two", b"Exif\0" + block),
        ("directory-outside", "the directory leaves the block", block[:4] + b"\xff\xff\xff\x7f" + block[8:]),
        ("directory-cut-off", "the only entry leaves the block", block[:20]),
        ("no-entries", "a count of zero", tiff(description(value), count=0)),
        ("value-outside", "the value leaves the block", block[:18] + b"\xff\xff\xff\x7f" + block[22:]),
        ("value-cut-off", "the last byte is missing", tiff(description(value))[: -1 - (len(value) + 1) % 2]),
        ("count-too-large", "the value leaves the block", tiff((0x010E, 2, len(value) + 9, value))),
        ("other-tag", "ImageDescription alone counts", tiff((0x9286, 2, len(value) + 1, value + b"\0"))),
        ("other-type", "bytes are no text", tiff(description(value, kind=7))),
        ("space-before", "the label begins the value", tiff(description(b" " + value))),
        ("short-value", "a value of four bytes stands in its entry", tiff((0x010E, 2, 4, 0x0065_6668))),
        ("second-directory", "the first directory alone counts", _second_directory(value)),
    ]
    return [(f"exif-{name}", about, webp(block)) for name, about, block in blocks]


def _second_directory(value):
    """An empty directory at 8, and behind it one with the description."""
    entry = b"\x0e\x01\x02\0" + (len(value) + 1).to_bytes(4, "little") + (32).to_bytes(4, "little")
    return b"II\x2a\0\x08\0\0\0" + b"\0\0\x0e\0\0\0" + b"\x01\0" + entry + bytes(4) + value + b"\0"


def _two_labels():
    label, com, block = text_chunk(TEXT), comment(JPEG_TEXT), labelled(TEXT)
    exif = segment(0xE1, EXIF + labelled(JPEG_TEXT))
    twice = tiff(description(b"hf-etc " + TEXT), description(b"hf-etc " + TEXT))
    return [
        ("png-two-labels", "the same tEXt twice", png([label, label])),
        ("png-label-on-both-sides", "before and behind the pixels", png([label], [label])),
        ("png-other-second-label", "a tEXt with the keyword and without a marker", png([label, text_chunk(b"")])),
        ("png-text-and-ztxt", "a compressed one as well", png([label, _ztxt()])),
        ("png-text-and-itxt", "an international one as well", png([label, _itxt()])),
        ("png-text-and-exif", "an EXIF description as well", png([label, (b"eXIf", block)])),
        ("jpeg-two-labels", "the same COM twice", jpeg(com, com)),
        ("jpeg-labels-apart", "at the start and before the scan", before_scan(jpeg(com), com)),
        ("jpeg-comment-and-exif", "an EXIF description as well", jpeg(com, exif)),
        ("jpeg-exif-and-comment", "an EXIF description before", jpeg(exif, com)),
        ("webp-two-labels", "two EXIF chunks", webp(block, block)),
        ("webp-two-entries", "two descriptions in one directory", webp(twice)),
        ("webp-label-before-and-behind", "around the image", webp(block, before=[(b"EXIF", block)])),
    ]


def _ztxt():
    return b"zTXt", b"hf-etc\0\0" + stored(TEXT)


def _itxt():
    return b"iTXt", b"hf-etc\0\0\0\0\0" + TEXT


def _out_of_place():
    exif = EXIF + labelled(JPEG_TEXT)
    return [
        ("png-ztxt", "a compressed text", png([_ztxt()])),
        ("png-itxt", "an international text", png([_itxt()])),
        ("png-exif", "an EXIF description", png([(b"eXIf", labelled(TEXT))])),
        ("png-exif-big-endian", "an EXIF description", png([(b"eXIf", labelled(TEXT, "big"))])),
        ("png-exif-with-prefix", "an EXIF description", png([(b"eXIf", EXIF + labelled(TEXT))])),
        ("png-exif-behind-the-pixels", "an EXIF description", png([], [(b"eXIf", labelled(TEXT))])),
        ("jpeg-exif", "an EXIF description", jpeg(segment(0xE1, exif))),
        ("jpeg-exif-big-endian", "an EXIF description", jpeg(segment(0xE1, EXIF + labelled(JPEG_TEXT, "big")))),
        ("jpeg-exif-in-the-second-app1", "XMP before it", jpeg(segment(0xE1, b"http://ns"), segment(0xE1, exif))),
    ]
