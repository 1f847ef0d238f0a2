"""Layouts: what they do to pictures, by the definition, with NumPy and torch; how they compose; what they refuse."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hf_etc.blocks import COLOR_AFTER, COLOR_INVERSE, COLORS, MARK, TURNS, Layout, turn_after, turn_block, turn_inverse
from hf_etc.blocks.torch_layout import TorchLayout
from hf_etc.errors import GeometryError, ImageError, ParameterError
from tests.helpers import noise

CHANGES = ("turn", "negative", "color")


def random_layout(size, rows, columns, pictures=None, gap=0, seed=0):
    """Windows in cells of size + gap pixels, each somewhere in its cell; with a gap, a third of the cells stays out."""
    generator = np.random.default_rng(seed)
    cells = rows * columns
    kept = cells if not gap else -(-2 * cells // 3)
    across = max(divisor for divisor in range(1, kept + 1) if kept % divisor == 0 and divisor * divisor <= kept)
    layouts = []
    for _ in range(pictures or 1):
        row, column = np.divmod(generator.permutation(cells)[:kept], columns)
        top, left = (cell * (size + gap) + generator.integers(gap + 1, size=kept) for cell in (row, column))
        changes = (generator.integers(below, size=kept) for below in (TURNS, 2, len(COLORS)))
        sizes = rows * (size + gap), columns * (size + gap), size, across if gap else columns
        layouts.append(Layout(*sizes, top, left, *changes))
    return layouts[0] if pictures is None else Layout.stack(layouts)


layouts = st.builds(
    random_layout,
    st.sampled_from([1, 2, 3, 5, 8, 16]),
    st.integers(1, 5),
    st.integers(1, 5),
    st.sampled_from([None, 1, 3]),
    st.sampled_from([0, 0, 1, 2]),
    st.integers(0, 2**32 - 1),
)


def pictures_for(layout, shape=None, seed=0):
    return noise(3 if layout.shared else len(layout.top), *(shape or (layout.height, layout.width)), 3, seed=seed)


def by_definition(layout, picture):
    """Block after block, as docs/spec.md has it: turned, negated, recoloured; and which pixels were sent."""
    size = layout.block_size
    out, sent = np.empty((*layout.output, 3), np.uint8), np.zeros(picture.shape[:2], bool)
    for i, (top, left, turn, negative, color) in enumerate(zip(*layout.arrays, strict=True)):
        block = picture[top : top + size, left : left + size]
        sent[top : top + size, left : left + size] = True
        block = block[:, ::-1] if turn >= 4 else block
        for _ in range(turn % 4):
            block = block.swapaxes(0, 1)[::-1]  # counter-clockwise
        block = np.stack([block[..., component] for component in COLORS[color]], -1)
        row, column = i // layout.columns * size, i % layout.columns * size
        out[row : row + size, column : column + size] = 255 - block if negative else block
    return out, sent


@given(layouts)
def test_a_layout_does_what_its_definition_says(layout):
    pictures = pictures_for(layout)
    out, back, sent = layout.apply(pictures), layout.undo(layout.apply(pictures)), layout.sent()
    assert sent.shape == (pictures.shape[1:3] if layout.shared else pictures.shape[:3])
    for i, picture in enumerate(pictures):
        own = layout[i]
        expected, shown = by_definition(own, picture)
        assert (out[i] == expected).all() and ((sent if layout.shared else sent[i]) == shown).all()
        assert (back[i] == np.where(shown[..., None], picture, MARK)).all()
        assert (own.apply(picture) == expected).all() and (own.undo(expected) == back[i]).all()
        assert (picture.reshape(-1)[own.index()] ^ own.mask() == expected).all()
    if not layout.shared:
        assert (layout.index() == np.stack([layout[i].index() for i in range(len(pictures))])).all()
        assert (layout.mask() == np.stack([layout[i].mask() for i in range(len(pictures))])).all()


@given(layouts)
def test_torch_equals_numpy(layout):
    pictures, form = pictures_for(layout), TorchLayout(layout)
    out = layout.apply(pictures)
    assert (form.apply(planes(pictures)).permute(0, 2, 3, 1).numpy() == out).all()
    assert (form.undo(planes(out)).permute(0, 2, 3, 1).numpy() == layout.undo(out)).all()


def planes(pictures):
    return torch.from_numpy(pictures).permute(0, 3, 1, 2)


@pytest.mark.parametrize("pictures", [None, 40])
def test_batches_that_are_moved_in_several_goes(pictures):
    """Larger than what is handled together, and not a multiple of it; then one picture that is larger than that."""
    layout, images = random_layout(16, 7, 10, pictures), noise(40, 112, 160, 3)
    out = layout.apply(images)
    assert all((layout[i].apply(images[i]) == out[i]).all() for i in range(40))
    assert (layout.undo(out) == images).all()
    large, image = random_layout(32, 20, 24), noise(640, 768, 3)
    assert (large.apply(image) == by_definition(large, image)[0]).all()


@pytest.mark.parametrize("color", range(len(COLORS)))
@pytest.mark.parametrize("turn", range(TURNS))
def test_each_change_alone(turn, color):
    """Runs as long as a picture: all blocks have the same change."""
    same = np.full(300, 1)
    layout = Layout.identity(80, 60, 4)
    layout = Layout(80, 60, 4, 15, layout.top, layout.left, turn * same, same, color * same)
    image = noise(80, 60, 3)
    assert (layout.apply(image) == by_definition(layout, image)[0]).all()


@pytest.mark.parametrize("view", [lambda x: x[:, ::-1], lambda x: x[..., ::-1], lambda x: x[::2], np.asfortranarray])
def test_memory_order_does_not_matter_and_the_input_stays(view):
    for layout in (random_layout(4, 4, 4), random_layout(3, 4, 4, gap=1)):
        images = view(noise(4, 16, 16, 3))
        before = images.copy()
        images.flags.writeable = False
        out = layout.apply(images)
        assert (out == layout.apply(np.ascontiguousarray(images))).all() and out.flags.writeable
        encrypted = view(noise(2, *layout.output, 3))
        assert (layout.undo(encrypted) == layout.undo(np.ascontiguousarray(encrypted))).all()
        assert (images == before).all() and not np.shares_memory(out, images)
        assert torch.equal(TorchLayout(layout).apply(planes(before)), planes(out)), "channels last in memory"


def test_output_takes_the_place_of_the_input_only_where_it_may(monkeypatch):
    monkeypatch.setattr("hf_etc.blocks.moves._TOGETHER", 3 * 16 * 16 * 3)  # in several groups
    for layout in (random_layout(4, 4, 4), random_layout(3, 4, 4, gap=1)):
        images = noise(7, layout.height, layout.width, 3)
        expected = layout.apply(images)
        out = layout.apply(images, overwrite=True)
        assert (out == expected).all()
        assert np.shares_memory(out, images) == (layout.output == (layout.height, layout.width))


def test_tables_of_changes_are_what_happens_to_a_block():
    block = noise(5, 5, 3)
    for first in range(TURNS):
        once = turn_block(block, first)
        assert (turn_block(once, turn_inverse(np.array(first)).item()) == block).all()
        for second in range(TURNS):
            both = turn_after(np.array(second), np.array(first)).item()
            assert (turn_block(once, second) == turn_block(block, both)).all()
    for first, order in enumerate(COLORS):
        assert (block[..., order][..., COLORS[COLOR_INVERSE[first]]] == block).all()
        for second, then in enumerate(COLORS):
            assert (block[..., order][..., then] == block[..., COLORS[COLOR_AFTER[first, second]]]).all()


@given(st.integers(1, 4), st.sampled_from([None, 3]), st.sampled_from([None, 3]), st.integers(0, 999))
def test_inverse_and_then(size, first_pictures, second_pictures, seed):
    first = random_layout(size, 3, 4, first_pictures, seed=seed)
    second = random_layout(size, 3, 4, second_pictures, seed=seed + 1)
    pictures = noise(3, 3 * size, 4 * size, 3)
    assert first.tiles and (first.inverse().apply(first.apply(pictures)) == pictures).all()
    assert (first.then(second).apply(pictures) == second.apply(first.apply(pictures))).all()
    assert (Layout.identity(3 * size, 4 * size, size).then(first).apply(pictures) == first.apply(pictures)).all()


def test_then_follows_blocks_out_of_a_larger_picture():
    first, pictures = random_layout(4, 3, 4, gap=2), noise(2, 18, 24, 3)
    second = random_layout(4, first.output[0] // 4, first.output[1] // 4, seed=1)
    assert (first.then(second).apply(pictures) == second.apply(first.apply(pictures))).all()


def test_stack_and_parts_of_a_batch():
    shared, batch = random_layout(4, 2, 3), random_layout(4, 2, 3, pictures=3)
    assert shared.shared and not batch.shared and batch[1].shared
    again = Layout.stack([batch[i] for i in range(3)])
    assert all((a == b).all() for a, b in zip(again.arrays, batch.arrays, strict=True))
    assert shared.blocks == batch.blocks == 6 and shared.output == (8, 12)
    assert (
        repr(batch) == "Layout(8x12, 6 blocks of 4)" and repr(TorchLayout(batch)) == "TorchLayout(8x12, 6 blocks of 4)"
    )
    assert batch.nbytes == 3 * shared.nbytes == 3 * 5 * 6 * 8
    assert TorchLayout(shared).nbytes > 8 * 12 * 3 * 8 and TorchLayout(batch).nbytes > batch.nbytes
    with pytest.raises(GeometryError, match="layouts of different sizes; stack those of one size"):
        Layout.stack([shared, random_layout(4, 3, 2)])
    with pytest.raises(ValueError, match="read-only"):
        shared.top[0] = 1


def build(**given):
    """A layout of two blocks of 8 side by side in 16x48, with some of its arguments replaced."""
    zeros = [0, 0]
    default = {"height": 16, "width": 48, "block_size": 8, "columns": 2, "top": zeros, "left": [0, 8]}
    return Layout(**(default | dict.fromkeys(CHANGES, zeros) | given))


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"left": [0, 41]}, GeometryError, "a window leaves the picture of 16x48; keep it within"),
        ({"left": [-1, 20]}, GeometryError, "leaves the picture"),
        ({"top": [9, 0]}, GeometryError, "leaves the picture"),
        ({"top": [0, -1]}, GeometryError, "leaves the picture"),
        ({"left": [8, 8]}, GeometryError, "two windows show the same pixels; keep them apart"),
        ({"left": [0, 7]}, GeometryError, "the same pixels"),
        ({"left": [9, 2]}, GeometryError, "the same pixels"),
        ({"top": [0, 7], "left": [8, 8]}, GeometryError, "the same pixels"),
        ({"top": [0, 7], "left": [8, 1]}, GeometryError, "the same pixels"),
        ({"top": [0, 7], "left": [5, 12]}, GeometryError, "the same pixels"),
        ({"top": [[0, 0], [0, 0]], "left": [[0, 8], [0, 7]]}, GeometryError, "the same pixels"),
        ({"block_size": 17}, GeometryError, "windows of 17x17 pixels in a picture of 16x48; use a smaller block"),
        ({"block_size": 0}, GeometryError, "windows of 0x0 pixels"),
        ({"columns": 3}, GeometryError, "2 blocks do not fill rows of 3; choose a number of columns that divides them"),
        ({"columns": 0}, GeometryError, "2 blocks do not fill rows of 0"),
        ({name: [] for name in ("top", "left", *CHANGES)}, GeometryError, "0 blocks do not fill rows of 2"),
        ({"turn": [0, 8]}, ParameterError, "a turn outside of 0..7"),
        ({"negative": [2, 0]}, ParameterError, "a negative outside of 0..1"),
        ({"color": [-1, 0]}, ParameterError, "a color outside of 0..5"),
        ({"top": [[[0, 0]]]}, ParameterError, r"windows of shape \(1, 1, 2\): give \(N,\), or \(M,N\)"),
        ({"left": [0, 8, 16]}, ParameterError, r"left of shape \(3,\) beside \(2,\) windows; give one for each"),
        ({"color": [[0, 0]]}, ParameterError, r"color of shape \(1, 2\) beside \(2,\) windows"),
    ],
)
def test_layouts_that_cannot_be(given, error, message):
    with pytest.raises(error, match=message):
        build(**given)


def test_windows_may_touch_and_lie_off_the_grid():
    layout = build(left=[3, 11], top=[5, 5])
    assert layout.sent().sum() == 128 and not layout.tiles
    with pytest.raises(GeometryError, match=r"do not cover the picture, so no layout undoes this one; use undo\(\)"):
        layout.inverse()


@pytest.mark.parametrize("form", [Layout, TorchLayout])
def test_pictures_that_do_not_fit(form):
    """Both ways, in both forms."""

    def run(layout, operation, pictures):
        return getattr(layout if form is Layout else TorchLayout(layout), operation)(
            pictures if form is Layout else planes(pictures)
        )

    layout, batch = build(), random_layout(8, 2, 6, pictures=3)
    with pytest.raises(GeometryError, match="the layout takes 16x48, the image is 16x40"):
        run(layout, "apply", noise(1, 16, 40, 3))
    with pytest.raises(GeometryError, match="the layout takes 8x16, the image is 16x48"):
        run(layout, "undo", noise(1, 16, 48, 3))
    for operation in ("apply", "undo"):
        with pytest.raises(GeometryError, match="layouts for 3 images, got 2; pass one image for each"):
            run(batch, operation, noise(2, 16, 48, 3))
        with pytest.raises(ImageError, match="must be"):
            run(layout, operation, noise(1, 16, 48, 3).astype(np.int64))


def test_layouts_that_do_not_compose():
    layout = build()
    with pytest.raises(GeometryError, match="makes 8x16 of blocks of 8, the second takes 16x48 of blocks of 8"):
        layout.then(layout)
    with pytest.raises(GeometryError, match="shows parts of several blocks"):
        layout.then(build(height=8, width=16, columns=1, top=[0], left=[4], **{name: [0] for name in CHANGES}))
