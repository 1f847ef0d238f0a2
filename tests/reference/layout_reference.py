"""Section 4.0 of docs/spec.md in plain loops: layouts of blocks.

A layout is an object of the fields that the section names. Pixels are `bytes` in byte-offset order, with their size.
"""

from .refusal import Refusal

COLORS = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]]
BELOW = {"turn": 8, "negative": 2, "color": 6}
LISTS = ["top", "left", "turn", "negative", "color"]
MARK = 128


def check(layout):
    numbers = [layout[name] for name in ("height", "width", "block_size", "columns")]
    if any(type(value) is not int for value in numbers + [entry for name in LISTS for entry in layout[name]]):
        raise Refusal("ParameterError", "not a whole number")
    count, size = len(layout["top"]), layout["block_size"]
    if any(len(layout[name]) != count for name in LISTS):
        raise Refusal("ParameterError", "lists of several lengths")
    if any(not 0 <= entry < below for name, below in BELOW.items() for entry in layout[name]):
        raise Refusal("ParameterError", "a change that does not exist")
    if not 1 <= size <= min(layout["height"], layout["width"]):
        raise Refusal("GeometryError", "no window of this size")
    if count == 0 or layout["columns"] < 1 or count % layout["columns"]:
        raise Refusal("GeometryError", "rows that are not full")
    taken = set()
    for top, left in zip(layout["top"], layout["left"], strict=True):
        if not (0 <= top <= layout["height"] - size and 0 <= left <= layout["width"] - size):
            raise Refusal("GeometryError", "a window that leaves the picture")
        window = {(top + r, left + c) for r in range(size) for c in range(size)}
        if window & taken:
            raise Refusal("GeometryError", "windows that share pixels")
        taken |= window


def output_size(layout):
    size, columns = layout["block_size"], layout["columns"]
    return len(layout["top"]) // columns * size, columns * size


def source(turn, size, r, c):
    """Which (row, column) of a window the pixel (r, c) of its block shows."""
    last = size - 1
    y, x = [(r, c), (c, last - r), (last - r, last - c), (last - c, r)][turn % 4]
    return (y, last - x) if turn >= 4 else (y, x)


def reads(layout):
    """For each byte of the output: the byte offset in the picture that it shows, and what is XORed to it."""
    size, columns = layout["block_size"], layout["columns"]
    height, width = output_size(layout)
    index, mask = [None] * (height * width * 3), [None] * (height * width * 3)
    for i in range(len(layout["top"])):
        for r in range(size):
            for c in range(size):
                row, column = i // columns * size + r, i % columns * size + c
                y, x = source(layout["turn"][i], size, r, c)
                pixel = (layout["top"][i] + y) * layout["width"] + layout["left"][i] + x
                for component in range(3):
                    offset = (row * width + column) * 3 + component
                    index[offset] = pixel * 3 + COLORS[layout["color"][i]][component]
                    mask[offset] = 255 * layout["negative"][i]
    return index, mask


def apply(layout, height, width, pixels):
    check(layout)
    if (height, width) != (layout["height"], layout["width"]):
        raise Refusal("GeometryError", "a picture of another size")
    index, mask = reads(layout)
    return bytes(pixels[place] ^ flip for place, flip in zip(index, mask, strict=True))


def undo(layout, height, width, pixels):
    """The picture, and for each of its pixels 1 where it was sent, else 0."""
    check(layout)
    if (height, width) != output_size(layout):
        raise Refusal("GeometryError", "a picture of another size")
    area = layout["height"] * layout["width"]
    picture, sent = [MARK] * (area * 3), [0] * area
    index, mask = reads(layout)
    for offset, place in enumerate(index):
        picture[place] = pixels[offset] ^ mask[offset]
        sent[place // 3] = 1
    return bytes(picture), bytes(sent)


def tiles(layout):
    return len(layout["top"]) * layout["block_size"] ** 2 == layout["height"] * layout["width"]


def inverse(layout):
    check(layout)
    if not tiles(layout):
        raise Refusal("GeometryError", "parts of the picture are in no window")
    size = layout["block_size"]
    height, width = output_size(layout)
    columns = layout["width"] // size
    lists = {name: [] for name in LISTS}
    windows = list(zip(layout["top"], layout["left"], strict=True))
    for j in range(len(windows)):
        i = windows.index((j // columns * size, j % columns * size))
        turn, order = layout["turn"][i], COLORS[layout["color"][i]]
        lists["top"].append(i // layout["columns"] * size)
        lists["left"].append(i % layout["columns"] * size)
        lists["turn"].append(turn if turn >= 4 else (4 - turn) % 4)
        lists["negative"].append(layout["negative"][i])
        lists["color"].append(COLORS.index([order.index(component) for component in range(3)]))
    return {"height": height, "width": width, "block_size": size, "columns": columns, **lists}


def then(first, second):
    check(first)
    check(second)
    size = first["block_size"]
    if (second["height"], second["width"], second["block_size"]) != (*output_size(first), size):
        raise Refusal("GeometryError", "a layout for another size")
    lists = {name: [] for name in LISTS}
    for j in range(len(second["top"])):
        if second["top"][j] % size or second["left"][j] % size:
            raise Refusal("GeometryError", "a window across blocks")
        i = second["top"][j] // size * first["columns"] + second["left"][j] // size
        s, t = first["turn"][i], second["turn"][j]
        lists["top"].append(first["top"][i])
        lists["left"].append(first["left"][i])
        lists["turn"].append((t - s if t >= 4 else t + s) % 4 + (4 if (s >= 4) != (t >= 4) else 0))
        lists["negative"].append(first["negative"][i] ^ second["negative"][j])
        order = [COLORS[first["color"][i]][component] for component in COLORS[second["color"][j]]]
        lists["color"].append(COLORS.index(order))
    form = {name: first[name] for name in ("height", "width", "block_size")}
    return {**form, "columns": second["columns"], **lists}


def plan(layout):
    check(layout)
    if not tiles(layout) or output_size(layout) != (layout["height"], layout["width"]):
        raise Refusal("GeometryError", "no permutation of the picture's own pixels")
    return reads(layout)
