"""The scenarios of layouts: windows that tile a picture and others, what is done with them, and what is refused."""

from .layout_reference import output_size
from .scenario import FILL, scenario


def layout(height, width, size, columns, windows, **changes):
    """Windows as (top, left); turns, signs and colours that differ from block to block, unless given."""
    top, left = ([window[axis] for window in windows] for axis in (0, 1))
    count = range(len(windows))
    usual = {
        "turn": [i % 8 for i in count],
        "negative": [i // 5 % 2 for i in count],
        "color": [i // 8 % 6 for i in count],
    }
    form = {"height": height, "width": width, "block_size": size, "columns": columns, "top": top, "left": left}
    return form | usual | changes


def tiling(height, width, size, columns=None, step=1, **changes):
    """Every cell of the grid; block i shows cell i * step + 1, counted round."""
    across = width // size
    count = height // size * across
    cells = [(i * step + 1) % count for i in range(count)]
    windows = [(cell // across * size, cell % across * size) for cell in cells]
    return layout(height, width, size, columns or across, windows, **changes)


TILINGS = {
    "square": ("9x9, nine blocks of 3", tiling(9, 9, 3, step=4, color=[0, 1, 2, 3, 4, 5, 0, 1, 2])),
    "non-square": ("6x12, eight blocks of 3", tiling(6, 12, 3, step=3, color=[5, 4, 3, 2, 1, 0, 5, 4])),
    "block-size-1": ("4x5, every pixel is a block", tiling(4, 5, 1, step=7)),
    "block-size-16": ("32x48, six blocks of 16", tiling(32, 48, 16, step=5, color=[3, 4, 0, 1, 2, 5])),
    "every-turn-and-color": ("18x24, 48 blocks of 3 that all differ", tiling(18, 24, 3, step=7)),
    "one-block": ("16x16, a single block", tiling(16, 16, 16, turn=[7], negative=[1], color=[3])),
    "other-shape": ("6x12 becomes 12x6", tiling(6, 12, 3, columns=2, step=3, color=[4, 3, 2, 1, 0, 5, 4, 3])),
}
CELLS = [(0, 3), (6, 0), (3, 9), (0, 0), (6, 9), (3, 3)]
JITTERED = [(0, 9), (7, 10), (1, 1), (5, 4), (7, 0), (2, 5)]
PARTS = {
    "gaps": ("10x13, six windows of 3 off the grid", layout(10, 13, 3, 3, JITTERED)),
    "touching-windows": ("7x7, four windows side by side", layout(7, 7, 3, 2, [(1, 1), (4, 4), (4, 1), (1, 4)])),
    "left-out-blocks": ("9x12, six of twelve blocks", layout(9, 12, 3, 3, CELLS, color=[5, 4, 3, 2, 1, 0])),
    "smaller-output": ("12x12 becomes a column of 9x3", layout(12, 12, 3, 1, [(9, 9), (4, 2), (0, 5)], turn=[6, 1, 4])),
    "one-window": ("one block out of 20x19", layout(20, 19, 16, 1, [(4, 2)], turn=[5], negative=[1], color=[4])),
}
SQUARE, GAPS, OTHER_SHAPE = TILINGS["square"][1], PARTS["gaps"][1], TILINGS["other-shape"][1]
LEFT_OUT, EVERY = PARTS["left-out-blocks"][1], TILINGS["every-turn-and-color"][1]


def picture(given, height, width):
    return {"layout": given, "height": height, "width": width, "pixels": FILL}


def applied(given):
    return picture(given, given["height"], given["width"])


def layouts():
    for name, (description, given) in (TILINGS | PARTS).items():
        yield scenario(f"layout_apply-{name}", description, applied(given))
        if name not in ("non-square", "block-size-1", "touching-windows"):
            yield scenario(f"layout_undo-{name}", description, picture(given, *output_size(given)))
    for name in ("square", "block-size-16", "every-turn-and-color", "other-shape"):
        description, given = TILINGS[name]
        yield scenario(f"layout_inverse-{name}", description, {"layout": given})
    for name in ("square", "non-square", "block-size-1", "every-turn-and-color"):
        description, given = TILINGS[name]
        yield scenario(f"layout_plan-{name}", description, {"layout": given})
    pairs = [
        ("square", "a tiling twice", SQUARE, SQUARE),
        ("every-turn-and-color", "48 different blocks before 48", EVERY, tiling(18, 24, 3, step=31)),
        (
            "gaps",
            "windows off the grid, then some of them in another order",
            GAPS,
            layout(6, 9, 3, 1, [(3, 6), (0, 3)]),
        ),
        ("other-shape", "6x12 becomes 12x6, then 3x24", OTHER_SHAPE, tiling(12, 6, 3, columns=8, step=5)),
    ]
    for name, description, first, second in pairs:
        yield scenario(f"layout_then-{name}", description, {"layout": first, "second": second})


def refused_layouts():
    def two(*windows, **changes):
        return layout(9, 9, 3, 2, windows, **changes)

    form = two((0, 0), (0, 3))
    geometry = {
        "leaves-at-the-bottom": ("row 9 of nine", two((7, 0), (0, 3))),
        "leaves-at-the-right": ("column 9 of nine", two((0, 0), (0, 7))),
        "leaves-at-the-left": ("column -1", two((0, -1), (0, 3))),
        "same-window-twice": ("9 shared pixels", two((3, 3), (3, 3))),
        "shared-column": ("windows side by side that share a column", two((1, 0), (0, 2))),
        "shared-pixel": ("one shared pixel, at the lower right", two((1, 1), (3, 3))),
        "shared-pixel-at-the-left": ("one shared pixel, at the lower left", two((3, 2), (1, 4))),
        "larger-than-the-picture": ("windows of 10", form | {"block_size": 10}),
        "block-size-0": ("windows without pixels", form | {"block_size": 0}),
        "rows-not-full": ("two blocks in rows of 3", form | {"columns": 3}),
        "no-columns": ("rows without blocks", form | {"columns": 0}),
        "no-blocks": ("no output", layout(9, 9, 3, 1, [])),
    }
    parameter = {
        "turn-8": ("turns are 0 to 7", form | {"turn": [0, 8]}),
        "turn-below-0": ("turns are 0 to 7", form | {"turn": [-1, 0]}),
        "negative-2": ("0 or 1", form | {"negative": [0, 2]}),
        "color-6": ("colours are 0 to 5", form | {"color": [6, 0]}),
        "fewer-turns": ("three for four windows", layout(9, 9, 3, 2, [*CELLS[:2], (6, 6), (6, 3)], turn=[0, 1, 2])),
        "more-left-edges": ("a left edge too many", form | {"left": [0, 3, 6]}),
        "fractional-window": ("half a pixel", two((0, 0), (0, 3.5))),
        "turn-as-text": ("a text is no number", form | {"turn": ["1", "2"]}),
        "fractional-height": ("half a pixel", form | {"height": 9.5}),
    }
    for error, cases in (("GeometryError", geometry), ("ParameterError", parameter)):
        for name, (description, given) in cases.items():
            yield scenario(f"layout_apply-{name}", description, picture(given, 9, 9), error)
    others = [
        ("layout_apply-other-size", "a picture turned on its side", picture(OTHER_SHAPE, 12, 6)),
        ("layout_undo-other-size", "a picture of the picture's size", applied(LEFT_OUT)),
        ("layout_inverse-left-out-blocks", "nothing undoes what was not sent", {"layout": LEFT_OUT}),
        ("layout_plan-gaps", "no permutation", {"layout": GAPS}),
        ("layout_plan-other-shape", "it tiles, but the output has another size", {"layout": OTHER_SHAPE}),
        ("layout_then-other-size", "6x12 after 9x9", {"layout": SQUARE, "second": OTHER_SHAPE}),
        ("layout_then-other-block-size", "blocks of 1 after 3", {"layout": SQUARE, "second": tiling(9, 9, 1)}),
        (
            "layout_then-across-blocks",
            "parts of two blocks",
            {"layout": SQUARE, "second": layout(9, 9, 3, 1, [(3, 1)])},
        ),
    ]
    for name, description, given in others:
        yield scenario(name, description, given, "GeometryError")
