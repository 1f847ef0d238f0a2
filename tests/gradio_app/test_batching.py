"""Concurrent requests go through the network together, and stay apart otherwise."""

import threading

import pytest
import torch

from hf_etc import EtcImageProcessor, EtcKey
from hf_etc.gradio.app import Classifier
from hf_etc.gradio.batching import MicroBatcher
from hf_etc.images.load import open_image

from .support import picture, save_model


def together(count, ask):
    """Ask `count` times at the same moment; the answers, or the errors, in order."""
    answers: list = [None] * count
    barrier = threading.Barrier(count)

    def one(number):
        barrier.wait()
        try:
            answers[number] = ask(number)
        except Exception as error:
            answers[number] = error

    threads = [threading.Thread(target=one, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return answers


def test_waiting_items_form_the_next_batch():
    sizes, started, release = [], threading.Event(), threading.Event()

    def work(items):
        sizes.append(len(items))
        started.set()
        release.wait(30)
        return [2 * item for item in items]

    double = MicroBatcher(work, limit=4)
    first = threading.Thread(target=double, args=(0,))
    first.start()
    started.wait(30)
    threading.Timer(0.3, release.set).start()
    assert together(9, double) == [2 * number for number in range(9)]
    first.join(30)
    assert sizes == [1, 4, 4, 1]


def test_an_error_reaches_every_caller_of_its_batch_and_ends_there():
    def work(items):
        if 3 in items:
            raise ValueError("three")
        return items

    echo = MicroBatcher(work, limit=1)
    answers = together(6, echo)
    assert [str(answer) for answer in answers] == ["0", "1", "2", "three", "4", "5"]
    assert echo(7) == 7


def test_too_few_results_are_an_error():
    with pytest.raises(ValueError):
        MicroBatcher(lambda items: [])(1)


def test_classifier_batches_and_answers_as_one_by_one(tmp_path):
    key = EtcKey.generate()
    classify = Classifier(save_model(tmp_path, key, 32, block_size=8), max_batch=8)
    client = EtcImageProcessor.from_pretrained(tmp_path, key=key)
    images = [open_image(file) for file in client.encrypt([picture(seed) for seed in range(16)])]
    sizes: list[int] = []
    classify.model.register_forward_pre_hook(
        lambda _, args, kwargs: sizes.append(len(kwargs["pixel_values"])), with_kwargs=True
    )
    alone = [classify(image) for image in images]
    assert sizes == [1] * 16
    sizes.clear()
    torch.set_num_threads(1)
    answers = together(16, lambda number: classify(images[number]))
    assert sum(sizes) == 16 and max(sizes) <= 8 and len(sizes) < 16
    for answer, expected in zip(answers, alone, strict=True):
        assert answer == pytest.approx(expected, abs=1e-5)
