"""The compiler: what it makes is right for arrays and tensors, kept once for each size, and never more than allowed."""

import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from hf_etc import EtcKey
from hf_etc.cipher import EtcSpec
from hf_etc.cipher.compiler import Compiler
from hf_etc.cipher.spec import make_spec

from ..helpers import noise

KEY = EtcKey(bytes(range(32)))
SPEC = EtcSpec(block_size=8)
LIMIT = 3 * SPEC.compile(KEY, 16, 16).nbytes


def tensor_of(images):
    return torch.from_numpy(images).permute(0, 3, 1, 2)


@pytest.mark.parametrize("name", ["etc", "le", "ele", "pe"])
def test_a_batch_with_nonces_is_its_images_one_by_one(name):
    spec = make_spec(name, key_scope="image", **({"block_size": 4} if name == "etc" else {}))
    compiler, images, nonces = Compiler(KEY, spec), noise(3, 8, 12, 3), [bytes([i]) * 16 for i in range(3)]
    out = compiler.apply(images, nonces)
    for image, nonce, expected in zip(images, nonces, out, strict=True):
        assert (spec.compile(KEY, 8, 12, nonce).apply(image) == expected).all()
        assert (compiler.apply(image, nonce) == expected).all() and (compiler.apply(image, [nonce]) == expected).all()
    assert (compiler.undo(out, nonces) == images).all()
    assert torch.equal(compiler.apply(tensor_of(images), nonces), tensor_of(out))
    assert torch.equal(compiler.undo(tensor_of(out), nonces), tensor_of(images))
    assert not compiler.kept, "a nonce is used once"


def test_each_size_is_compiled_once(monkeypatch):
    compiler, compiled, original = Compiler(KEY, SPEC), [], EtcSpec.compile
    monkeypatch.setattr(EtcSpec, "compile", lambda self, *args: compiled.append(args[1:3]) or original(self, *args))
    for _ in range(3):
        for size in ((16, 16), (16, 24)):
            images = noise(1, *size, 3)
            assert (compiler.undo(compiler.apply(images)) == images).all()
            assert torch.equal(compiler.undo(compiler.apply(tensor_of(images))), tensor_of(images))
    assert compiled == [(16, 16), (16, 24)]


def test_what_is_kept_is_bounded_and_right_when_sizes_alternate():
    sizes = [(16, 16), (16, 24), (32, 16), (8, 8), (40, 40)]
    expected = {size: SPEC.compile(KEY, *size).apply(noise(*size, 3)) for size in sizes}
    compiler = Compiler(KEY, SPEC, LIMIT)
    for size in sizes * 3 + sizes[::-1]:
        assert (compiler.apply(noise(*size, 3)) == expected[size]).all()
        assert torch.equal(compiler.apply(tensor_of(noise(1, *size, 3))), tensor_of(expected[size][None]))
        kept = sum(one.nbytes for one in compiler.kept.values())
        assert kept <= LIMIT or len(compiler.kept) == 1, "what is larger than the limit is kept alone"


def test_least_recently_used_goes_first():
    compiler = Compiler(KEY, SPEC, 2 * SPEC.compile(KEY, 16, 16).nbytes + 10)
    for size in ((16, 16), (8, 16), (16, 16), (16, 8), (8, 8)):
        compiler.compile(*size)
    assert list(compiler.kept) == [(16, 16), (16, 8), (8, 8)]


def test_threads_share_a_compiler():
    """A store that is full all the time, and threads that switch as often as they can."""
    sizes = [(8 * rows, 8 * columns) for rows in range(1, 4) for columns in range(1, 4)]
    images = {size: noise(*size, 3) for size in sizes}
    expected = {size: SPEC.compile(KEY, *size).apply(image) for size, image in images.items()}
    compiler, interval = Compiler(KEY, SPEC, LIMIT), sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            order = [sizes[(i * 7 + i // 9) % 9] for i in range(1500)]
            for size, out in zip(order, pool.map(lambda size: compiler.apply(images[size]), order), strict=True):
                assert np.array_equal(out, expected[size])
    finally:
        sys.setswitchinterval(interval)


def test_compilers_of_other_keys_share_nothing():
    first, second, image = Compiler(KEY, SPEC), Compiler(EtcKey(bytes(32)), SPEC), noise(16, 16, 3)
    assert (first.apply(image) != second.apply(image)).any()
    assert (first.undo(first.apply(image)) == image).all()
