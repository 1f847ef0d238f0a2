"""Plans: apply, inverse and then, with NumPy and torch, and what they refuse."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hf_etc.cipher.plan import Plan, check_pixels
from hf_etc.cipher.torch_plan import TorchPlan
from hf_etc.errors import GeometryError, ImageError, ParameterError

from ..helpers import noise


def random_plan(height=4, width=6, bits=8, seed=0):
    generator = np.random.default_rng(seed)
    symbols = height * width * 3 * (8 // bits)
    mask = generator.integers(0, 2**bits, symbols).astype(np.uint8)
    return Plan(generator.permutation(symbols), mask, height, width, bits)


def channels_first(images):
    return torch.tensor(images).permute(0, 3, 1, 2)


def with_torch(plan, images):
    return TorchPlan(plan).apply(channels_first(images)).permute(0, 2, 3, 1).numpy()


plans = st.builds(random_plan, st.integers(1, 7), st.integers(1, 7), st.sampled_from([8, 4]), st.integers(0, 2**32 - 1))


def test_example_by_hand():
    """Two pixels: the left one becomes the inverted right one in reverse component order, and so on."""
    plan = Plan(np.array([5, 4, 3, 0, 1, 2]), np.array([255, 255, 255, 0, 0, 15], np.uint8), 1, 2)
    image = np.array([[[1, 2, 3], [10, 20, 30]]], np.uint8)
    expected = [[[225, 235, 245], [1, 2, 3 ^ 15]]]
    assert plan.apply(image).tolist() == expected
    assert with_torch(plan, image[None])[0].tolist() == expected


def test_nibble_example_by_hand():
    """One pixel 0x12 0x34 0x56: low nibbles 2 4 6, high nibbles 1 3 5, read backwards, the first inverted."""
    plan = Plan(np.arange(6)[::-1].copy(), np.array([15, 0, 0, 0, 0, 0], np.uint8), 1, 1, 4)
    image = np.array([[[0x12, 0x34, 0x56]]], np.uint8)
    expected = [[[0x6A, 0x43, 0x21]]]  # low nibbles 10 3 1, high nibbles 6 4 2
    assert plan.apply(image).tolist() == expected
    assert with_torch(plan, image[None])[0].tolist() == expected


@given(plans, st.integers(1, 3))
def test_inverse_undoes_and_torch_agrees(plan, count):
    images = noise(count, plan.height, plan.width, 3)
    encrypted = plan.apply(images)
    assert (plan.inverse().apply(encrypted) == images).all()
    assert (with_torch(plan, images) == encrypted).all()
    assert (TorchPlan(plan).undo(channels_first(encrypted)) == channels_first(images)).all()
    assert (plan.undo(encrypted) == images).all()
    assert (plan.apply(images[0]) == encrypted[0]).all(), "a batch is its images one by one"


@given(st.sampled_from([8, 4]), st.integers(0, 999), st.integers(0, 999))
def test_then_is_one_after_the_other(bits, first, second):
    a, b = random_plan(bits=bits, seed=first), random_plan(bits=bits, seed=second)
    images = noise(2, 4, 6, 3)
    assert (a.then(b).apply(images) == b.apply(a.apply(images))).all()
    neutral = a.then(a.inverse())
    assert (neutral.index == np.arange(len(neutral.index))).all() and not neutral.mask.any()
    c = random_plan(bits=bits, seed=5)
    left, right = a.then(b).then(c), a.then(b.then(c))
    assert (left.index == right.index).all() and (left.mask == right.mask).all()


def test_then_refuses_what_does_not_fit():
    with pytest.raises(GeometryError, match="cannot compose plans for 4x6 and 6x4"):
        random_plan().then(random_plan(6, 4))
    with pytest.raises(ParameterError, match="one of nibbles"):
        random_plan().then(random_plan(bits=4))


@pytest.mark.parametrize(
    "view",
    [
        lambda x: x[:, ::-1],
        lambda x: x[..., ::-1],
        lambda x: x[::2],
        lambda x: np.asfortranarray(x),
        lambda x: x.transpose(0, 2, 1, 3).copy().transpose(0, 2, 1, 3),
        lambda x: np.broadcast_to(x[:1], x.shape),
    ],
    ids=["mirrored", "components-reversed", "every-second", "fortran", "transposed", "broadcast"],
)
def test_memory_order_does_not_matter(view):
    plan, images = random_plan(), view(noise(4, 4, 6, 3))
    expected = plan.apply(np.ascontiguousarray(images))
    assert (plan.apply(images) == expected).all()
    strided = torch.tensor(np.ascontiguousarray(images)).permute(0, 3, 1, 2)  # channels last in memory
    assert not strided.is_contiguous()
    assert (TorchPlan(plan).apply(strided).permute(0, 2, 3, 1).numpy() == expected).all()


def test_input_is_neither_changed_nor_shared():
    plan, images = random_plan(), noise(2, 4, 6, 3)
    images.flags.writeable = False
    before = images.copy()
    out = plan.apply(images)
    assert (images == before).all() and not np.shares_memory(out, images) and out.flags.writeable
    tensor = channels_first(before)
    result = TorchPlan(plan).apply(tensor)
    assert (tensor == channels_first(before)).all() and result.data_ptr() != tensor.data_ptr()


def test_plan_is_frozen_and_shows_nothing():
    plan = random_plan()
    with pytest.raises(ValueError, match="read-only"):
        plan.index[0] = 1
    with pytest.raises(ValueError, match="read-only"):
        plan.mask[0] = 1
    with pytest.raises(AttributeError):
        plan.height = 8
    assert repr(plan) == "Plan(height=4, width=6)" and repr(TorchPlan(plan)) == "TorchPlan(height=4, width=6)"
    assert plan.nbytes == TorchPlan(plan).nbytes == 4 * 6 * 3 * (8 + 1)


def test_plan_of_the_wrong_length():
    with pytest.raises(GeometryError, match="a plan for 2x2 needs 12 symbols"):
        Plan(np.arange(9), np.zeros(12, np.uint8), 2, 2)
    with pytest.raises(GeometryError, match="a plan for 2x2 needs 24 symbols"):
        Plan(np.arange(12), np.zeros(12, np.uint8), 2, 2, 4)


def test_image_of_another_size():
    plan = random_plan()
    with pytest.raises(GeometryError, match="the plan is for 4x6, the image is 6x4"):
        plan.apply(noise(6, 4, 3))
    with pytest.raises(GeometryError, match="the plan is for 4x6, the image is 6x4"):
        TorchPlan(plan).apply(channels_first(noise(1, 6, 4, 3)))


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((4, 6, 3)), "must be uint8, not float64; scale to 0..255 and round first"),
        (np.zeros((4, 6, 3), np.float16), "must be uint8, not float16; scale"),
        (np.zeros((4, 6, 3), np.int64), "must be uint8, not int64$"),
        (np.zeros((4, 6, 3), np.uint16), "must be uint8, not uint16"),
        (np.zeros((4, 6, 3), bool), "must be uint8, not bool"),
        (np.zeros((4, 6, 3), object), "must be uint8, not object"),
        (np.zeros((4, 6), np.uint8), r"expected shape \(H,W,3\) or \(N,H,W,3\), got \(4, 6\)"),
        (np.zeros((1, 1, 4, 6, 3), np.uint8), "expected shape"),
        (np.zeros((), np.uint8), "expected shape"),
        (np.zeros((0, 4, 6, 3), np.uint8), "the batch is empty; pass at least one image"),
        (np.zeros((3, 4, 6), np.uint8), "move the channels last"),
        (np.zeros((2, 3, 4, 6), np.uint8), "move the channels last"),
        (np.zeros((4, 6, 1), np.uint8), "convert to RGB first"),
        (np.zeros((4, 6, 4), np.uint8), "convert to RGB first"),
    ],
)
def test_arrays_that_are_no_images(array, message):
    with pytest.raises(ImageError, match=message):
        check_pixels(array)
    with pytest.raises(ImageError, match=message):
        random_plan().apply(array)


@pytest.mark.parametrize(
    ("tensor", "message"),
    [
        (torch.zeros(1, 3, 4, 6), "must be torch.uint8, not torch.float32; scale to 0..255 and round first"),
        (torch.zeros(1, 3, 4, 6, dtype=torch.bfloat16), "not torch.bfloat16; scale"),
        (torch.zeros(1, 3, 4, 6, dtype=torch.int32), "must be torch.uint8, not torch.int32$"),
        (torch.zeros(3, 4, 6, dtype=torch.uint8), r"expected a tensor of shape \(N,3,H,W\), got \(3, 4, 6\)"),
        (torch.zeros(1, 4, 6, 3, dtype=torch.uint8), r"use permute\(0, 3, 1, 2\)"),
        (torch.zeros(1, 1, 4, 6, dtype=torch.uint8), "expected a tensor of shape"),
        (torch.zeros(0, 3, 4, 6, dtype=torch.uint8), "the batch is empty"),
    ],
)
def test_tensors_that_are_no_images(tensor, message):
    with pytest.raises(ImageError, match=message):
        TorchPlan(random_plan()).apply(tensor)
