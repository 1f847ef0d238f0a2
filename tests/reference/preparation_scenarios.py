"""The scenarios about pictures on their way to 8-bit RGB of the right size."""

from . import runner
from .scenario import FILL, scenario


def conversions():
    values = [0, 1, 2, 63, 64, 127, 128, 129, 191, 200, 253, 254, 255, 17, 99, 250]
    samples = {
        "L": bytes(range(256)),
        "LA": bytes(v for gray in values for alpha in values for v in (gray, alpha)),
        "RGBA": bytes(v for c in values for a in values for v in (c, 255 - c, (c * 3) % 256, a)),
        "CMYK": bytes(v for c in values for k in values for v in (c, 255 - c, (c * 3) % 256, k)),
    }
    for mode, data in samples.items():
        given = {"mode": mode, "height": 16, "width": 16, "samples": data.hex()}
        yield scenario(f"to_rgb-{mode.lower()}", f"16x16 samples of mode {mode}", given)
    sixteen = bytes(v for high in values for low in values for v in (low, high))
    given = {"mode": "I;16", "height": 16, "width": 16, "samples": sixteen.hex()}
    for name, window in (
        ("full", "full"),
        ("ends", "0:4095"),
        ("center", "40/400"),
        ("fractions", "-1000.5:40000.25"),
        ("beyond", "32768/70000"),
        ("spaces", " 64 : 255 "),
    ):
        yield scenario(f"to_rgb-i16-{name}", f"16-bit gray by the window {window!r}", given | {"window": window})
    yield scenario("to_rgb-i16-no-window", "16-bit gray, and nobody said", given, "MissingWindowError")
    for name, window in (
        ("empty", "9:9"),
        ("narrow", "400/-40"),
        ("words", "auto"),
        ("three", "1:2:3"),
        ("nothing", ""),
    ):
        given = given | {"window": window}
        yield scenario(f"to_rgb-i16-refused-{name}", f"the window {window!r} is none", given, "ParameterError")


def preparations():
    black_and_white = bytes(255 * (v >> 3 & 1) for v in runner.read_pixels({"height": 9, "width": 9, "pixels": FILL}))
    cases = [
        ("crop-wide-up", "10x17 scaled up to cover 32x32", picture(10, 17, [32, 32], "crop")),
        ("crop-wide-down", "40x70 scaled down to cover 16x16", picture(40, 70, [16, 16], "crop")),
        ("crop-tall", "17x10 to 16x16", picture(17, 10, [16, 16], "crop")),
        ("crop-to-non-square", "20x30 to 16x8", picture(20, 30, [16, 8], "crop", block_size=8)),
        (
            "crop-odd-spare",
            "an odd number of columns falls away: fewer at the left",
            picture(8, 13, [8, 8], "crop", block_size=8),
        ),
        ("crop-rounded-half", "5 * 2 / 4 columns is 3", picture(4, 5, [2, 2], "crop", block_size=2)),
        ("crop-one-pixel-tall", "1x20 to 8x8", picture(1, 20, [8, 8], "crop", block_size=8)),
        ("pad-wide", "10x17 into 32x32", picture(10, 17, [32, 32], "pad")),
        ("pad-tall", "17x10 into 32x32", picture(17, 10, [32, 32], "pad")),
        ("pad-down", "40x70 into 16x16", picture(40, 70, [16, 16], "pad")),
        (
            "pad-odd-missing",
            "an odd number of rows is added: fewer at the top",
            picture(5, 8, [8, 8], "pad", block_size=8),
        ),
        (
            "pad-at-least-one-pixel",
            "1x40 scaled to 8 columns keeps one row",
            picture(1, 40, [8, 8], "pad", block_size=8),
        ),
        ("stretch-up", "6x5 to 16x32", picture(6, 5, [16, 32], "stretch")),
        ("stretch-down", "50x41 to 16x16", picture(50, 41, [16, 16], "stretch")),
        ("stretch-up-and-down", "50x6 to 16x16", picture(50, 6, [16, 16], "stretch")),
        (
            "stretch-one-axis",
            "rows keep their number: the vertical pass is skipped",
            picture(16, 21, [16, 16], "stretch"),
        ),
        ("stretch-other-axis", "the horizontal pass is skipped", picture(21, 16, [16, 16], "stretch")),
        ("stretch-one-pixel", "1x1 to 8x8", picture(1, 1, [8, 8], "stretch", block_size=8)),
        ("stretch-to-one-pixel", "7x9 to 1x1", picture(7, 9, [1, 1], "stretch", block_size=1)),
        ("same-size", "nothing is resampled", picture(16, 16, [16, 16], "stretch")),
        ("exact-without-size", "on the grid already", picture(16, 32, None, "exact")),
        ("crop-without-size", "21x18 is cut to 16x16", picture(21, 18, None, "crop", block_size=8)),
        ("pad-without-size", "21x18 is filled up to 24x24", picture(21, 18, None, "pad", block_size=8)),
        ("pad-without-size-smaller-than-a-block", "5x3 is filled up to 16x16", picture(5, 3, None, "pad")),
        ("crop-224", "150x200 to 224x224", picture(150, 200, [224, 224], "crop")),
    ]
    for name, description, given in cases:
        yield scenario(f"prepare-{name}", description, given)
        if given["size"] is not None:
            yield scenario(f"prepare-{name}-bilinear", description, given | {"resample": "bilinear"})
    for size in (6, 16):
        given = picture(9, 9, [size, size], "stretch", block_size=2) | {"pixels": black_and_white.hex()}
        yield scenario(f"prepare-clamped-to-{size}", "black and white: bicubic overshoots and is clamped", given)
    refused = [
        ("exact-off-the-grid", "20x16, block size 16", picture(20, 16, None, "exact"), "GeometryError"),
        ("crop-smaller-than-a-block", "10x40 cannot be cut to 16", picture(10, 40, None, "crop"), "GeometryError"),
        ("size-off-the-grid", "the wanted size does not fit", picture(32, 32, [30, 32], "crop"), "GeometryError"),
        ("stretch-without-size", "stretch needs a size", picture(32, 32, None, "stretch"), "ParameterError"),
        ("exact-with-size", "exact takes no size", picture(32, 32, [32, 32], "exact"), "ParameterError"),
        ("unknown-fit", "no such fit", picture(32, 32, [32, 32], "cover"), "ParameterError"),
        ("unknown-resample", "no such filter", picture(32, 32, [16, 16], "crop", "nearest"), "ParameterError"),
        ("edge-over-the-limit", "65536 columns", picture(1, 65536, None, "exact", block_size=1), "ImageError"),
        ("result-over-the-limit", "2^26 pixels", picture(1, 1, [8192, 8192], "stretch"), "ImageError"),
        (
            "padded-over-the-limit",
            "1x40000 is filled up to 1024x40960",
            picture(1, 40000, None, "pad", block_size=1024),
            "ImageError",
        ),
        ("scaled-edge-over-the-limit", "1x70 scaled to 1024x71680", picture(1, 70, [1024, 16], "crop"), "ImageError"),
        ("scaled-over-the-limit", "1x30 scaled to 1760x52800", picture(1, 30, [1760, 16], "crop"), "ImageError"),
        (
            "between-the-axes-over-the-limit",
            "1366x14 to 16x65520 has 1366x65520 pixels between its two axes",
            picture(1366, 14, [16, 65520], "stretch"),
            "ImageError",
        ),
    ]
    for name, description, given, error in refused:
        yield scenario(f"prepare-{name}", description, given, error)


def picture(height, width, size, fit, resample="bicubic", block_size=16):
    given = {"height": height, "width": width, "pixels": FILL, "size": size, "fit": fit}
    return given | {"resample": resample, "block_size": block_size}
