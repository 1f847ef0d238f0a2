"""Section 6 of docs/spec.md in plain loops: conversion to RGB, geometry and resampling.

An image here is a list of rows, each a list of (red, green, blue).
"""

import math
import re

from .refusal import Refusal
from .settings_reference import check_size

# To RGB


def over_white(component, alpha):
    return (component * alpha + 255 * (255 - alpha) + 127) // 255


def under_ink(ink, black):
    left = 255 - black
    return left - (2 * ink * left + 255) // 510


TO_RGB = {
    "L": lambda gray: (gray, gray, gray),
    "LA": lambda gray, alpha: (over_white(gray, alpha),) * 3,
    "RGBA": lambda red, green, blue, alpha: tuple(over_white(value, alpha) for value in (red, green, blue)),
    "CMYK": lambda c, m, y, black: tuple(under_ink(ink, black) for ink in (c, m, y)),
}
SAMPLE_BYTES = {"L": 1, "LA": 2, "RGBA": 4, "CMYK": 4, "I;16": 2}


def to_rgb(mode, samples, window):
    """Samples of one of the modes (16-bit gray is little-endian, and by a window), as RGB bytes."""
    convert = TO_RGB.get(mode) or sixteen_bits(window)
    step = SAMPLE_BYTES[mode]
    pixels = [convert(*samples[i : i + step]) for i in range(0, len(samples), step)]
    return bytes(value for pixel in pixels for value in pixel)


def sixteen_bits(window):
    if window is None:
        raise Refusal("MissingWindowError", "window")
    if window == "full":
        return lambda low, high: (high, high, high)
    number = r"([-+]?[0-9]+(?:\.[0-9]+)?)"
    found = re.fullmatch(rf"\s*{number}\s*([:/])\s*{number}\s*", window)
    if not found:
        raise Refusal("ParameterError", "window")
    black, white = float(found[1]), float(found[3])
    if found[2] == "/":
        black, white = black - white / 2, black + white / 2
    if black >= white:
        raise Refusal("ParameterError", "window")
    return lambda low, high: (gray_of(low + 256 * high, black, white),) * 3


def gray_of(value, black, white):
    return math.floor(min(max((value - black) * 255 / (white - black), 0), 255) + 0.5)


# Geometry


def divide_rounded(a, b):
    return (2 * a + b) // (2 * b)


def scaled_size(height, width, rows, columns, fit):
    """What a picture is resampled to before it is cut or filled up to rows x columns."""
    if fit == "stretch":
        return rows, columns
    tall_enough = rows * width >= columns * height
    if tall_enough == (fit == "crop"):
        return rows, max(1, divide_rounded(width * rows, height))
    return max(1, divide_rounded(height * columns, width)), columns


def _window(have, want):
    """For each wanted row, the row it is taken from: the middle when cut, the nearest one when filled up."""
    if have >= want:
        first = (have - want) // 2
        return range(first, first + want)
    before = (want - have) // 2
    return [min(max(i - before, 0), have - 1) for i in range(want)]


def grid_size(height, width, block_size, fit):
    """The size that a picture gets when none is wanted."""
    if fit == "exact":
        return height, width
    if fit == "pad":
        return -(-height // block_size) * block_size, -(-width // block_size) * block_size
    return height // block_size * block_size, width // block_size * block_size


def check_limits(height, width, pixels=89_478_485):
    if max(height, width) > 65_535 or height * width > pixels:
        raise Refusal("ImageError", "limits")


def between_axes(height, width, rows, columns):
    """The size after the first of the two axes is resampled."""
    return (rows, width) if height > 100 * width and rows < height else (height, columns)


def prepare(image, size, fit, resample, block_size):
    """All of "To size": `size` is the wanted (rows, columns) or None."""
    if fit not in (("exact", "crop", "pad") if size is None else ("stretch", "crop", "pad")):
        raise Refusal("ParameterError", "fit")
    if resample not in KERNELS:
        raise Refusal("ParameterError", "resample")
    rows, columns = size or grid_size(len(image), len(image[0]), block_size, fit)
    check_size(rows, columns, block_size)
    check_limits(rows, columns, 2**25)
    if size is not None:
        scaled = scaled_size(len(image), len(image[0]), rows, columns, fit)
        check_limits(*scaled)
        check_limits(*between_axes(len(image), len(image[0]), *scaled))
        image = scale(image, *scaled, resample)
    lines = [image[i] for i in _window(len(image), rows)]
    keep = _window(len(image[0]), columns)
    return [[line[j] for j in keep] for line in lines]


# Resampling


def bicubic(x):
    x = abs(x)
    if x < 1:
        return (1.5 * x - 2.5) * x * x + 1
    if x < 2:
        return (((x - 5) * x + 8) * x - 4) * -0.5
    return 0.0


def bilinear(x):
    return max(0.0, 1 - abs(x))


KERNELS = {"bicubic": (bicubic, 2.0), "bilinear": (bilinear, 1.0)}


def weights(n, m, resample):
    """For each of m outputs: (first, integer weights)."""
    kernel, support = KERNELS[resample]
    s = n / m
    f = max(s, 1.0)
    support *= f
    result = []
    for i in range(m):
        center = (i + 0.5) * s
        first = max(0, int(center - support + 0.5))
        last = min(n, int(center + support + 0.5))
        w = [kernel((j + first - center + 0.5) * (1 / f)) for j in range(last - first)]
        total = sum_in_order(w)
        w = [value / total for value in w]
        result.append((first, [int(value * 2**22 + (0.5 if value >= 0 else -0.5)) for value in w]))
    return result


def sum_in_order(values):
    """Left to right: sum() of recent Pythons compensates and so rounds otherwise."""
    total = 0.0
    for value in values:
        total += value
    return total


def rows_of(pixels, height, width):
    """Bytes in byte-offset order as rows of pixels."""
    flat = [tuple(pixels[i : i + 3]) for i in range(0, len(pixels), 3)]
    return [flat[row * width : (row + 1) * width] for row in range(height)]


def bytes_of(image):
    return bytes(value for row in image for pixel in row for value in pixel)


def scale(image, rows, columns, resample):
    """Horizontal axis first (last for a very tall picture that shrinks), each axis only when its size changes."""
    axes = [lambda image: scale_width(image, columns, resample), lambda image: scale_height(image, rows, resample)]
    if len(image) > 100 * len(image[0]) and rows < len(image):
        axes.reverse()
    for axis in axes:
        image = axis(image)
    return image


def scale_width(image, columns, resample):
    if columns == len(image[0]):
        return image
    table = weights(len(image[0]), columns, resample)
    return [_resample_line(row, table) for row in image]


def scale_height(image, rows, resample):
    turned = [list(column) for column in zip(*image, strict=True)]
    return [list(row) for row in zip(*scale_width(turned, rows, resample), strict=True)]


def _resample_line(line, table):
    return [tuple(_weighted(line, first, w, component) for component in range(3)) for first, w in table]


def _weighted(line, first, w, component):
    total = 2**21
    for j, weight in enumerate(w):
        total += line[first + j][component] * weight
    return min(max(total >> 22, 0), 255)
