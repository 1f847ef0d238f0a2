"""What is said of the paper's conclusions follows from the records, and rows that say nothing are named."""

import pytest

from hf_etc.experiments.store import Store
from hf_etc.reproduce import table2, table3

PLAIN, ENCRYPTED = "convmixer-plain-cifar10", "convmixer-etc-cifar10-re-encrypted"


def write(store, cell, value, scale="medium", seed=42, train=50_000, test=10_000, experiment="table2"):
    results = {"value": value, "train_images": train, "test_images": test}
    store.write(experiment, cell, scale, seed, {"results": results})


def said(store, about, table=table2):
    """The two sentences on one conclusion."""
    return next(line for line in table.conclusions(store).splitlines() if line.startswith("- *") and about in line)


@pytest.mark.parametrize(
    "value, verdict",
    [(88.0, "**supported**"), (84.8, "**open**"), (80, "**not supported**"), (91, "**supported**")],
)
def test_a_loss_beyond_two_standard_errors_decides(value, verdict, tmp_path):
    store = Store(tmp_path)
    write(store, PLAIN, 90.0)
    write(store, ENCRYPTED, value)
    line = said(store, "lose few points")
    assert verdict in line and f"90.0 to {value:.1f} at scale medium; published 3.35" in line
    assert ("too close to tell" in line) == (verdict == "**open**")


@pytest.mark.parametrize("train, test, value", [(2_999, 10_000, 88.0), (50_000, 10_000, 10.5), (50_000, 100, 15.9)])
def test_a_row_near_chance_or_of_few_images_has_no_say(train, test, value, tmp_path):
    store = Store(tmp_path)
    write(store, PLAIN, 90.0)
    write(store, ENCRYPTED, value, train=train, test=test)
    for about in ("lose few points", "learn from EtC"):
        line = said(store, about)
        assert "**open**" in line and "without a say: ConvMixer-256/8 on EtC of CIFAR-10" in line
        assert "Points lost" not in line


def test_rows_without_a_say_qualify_what_the_others_say(tmp_path):
    store = Store(tmp_path)
    write(store, PLAIN, 90.0)
    write(store, ENCRYPTED, 88.0)
    write(store, "vit-plain-cifar10", 34.0, train=2_500)
    write(store, "vit-etc-cifar10-re-encrypted", 30.0, train=2_500)
    line = said(store, "lose few points")
    assert "**supported, as far as these rows tell**" in line and "without a say: ViT-B/16 on EtC of CIFAR-10." in line


def test_seeds_give_the_error_where_there_are_several(tmp_path):
    store = Store(tmp_path)
    for seed, plain, encrypted in ((42, 89.0, 85.0), (1, 90.0, 87.0), (2, 91.0, 89.0)):
        write(store, PLAIN, plain, seed=seed)
        write(store, ENCRYPTED, encrypted, seed=seed)
    assert "3.0 ± 1.3 (3 seeds, 90.0 to 87.0 at scale medium" in said(store, "lose few points")


def test_the_largest_scale_of_both_counts(tmp_path):
    store = Store(tmp_path)
    for scale, value in (("small", 50.0), ("medium", 88.0)):
        write(store, PLAIN, 90.0, scale)
        write(store, ENCRYPTED, value, scale)
    write(store, PLAIN, 96.0, "paper")
    assert "2.0 ± 0.4 (90.0 to 88.0 at scale medium" in said(store, "lose few points")


def test_adaptation_is_held_against_convmixer(tmp_path):
    store = Store(tmp_path)
    write(store, "shake-pyramidnet-plain-cifar10", 96.0)
    write(store, "ele-adapt-ele-cifar10-re-encrypted", 83.0)
    assert "**open**" in said(store, "adaptation network lose more"), "ConvMixer was not measured"
    write(store, PLAIN, 96.0)
    write(store, ENCRYPTED, 92.0)
    assert "**supported**" in said(store, "adaptation network lose more")
    write(store, "ele-adapt-etc-cifar10-re-encrypted", 95.0)
    assert "**supported in part**" in said(store, "adaptation network lose more")


def test_jpeg_costs_etc_little_and_ele_much(tmp_path):
    store = Store(tmp_path)
    for cell, lossless, jpeg in (("convmixer-etc", 92.0, 90.0), ("ele-adapt-ele", 83.0, 31.0)):
        for files, value in (("lossless", lossless), ("jpeg85", jpeg)):
            write(store, f"{cell}-cifar10-re-encrypted-{files}", value, experiment="table3")
    for about in ("JPEG costs few points of EtC", "JPEG ruins ELE"):
        assert "**supported**" in said(store, about, table3)
    write(store, "ele-adapt-ele-cifar10-re-encrypted-jpeg85", 82.0, experiment="table3")
    assert "**not supported**" in said(store, "JPEG ruins ELE", table3)
    assert "**open**. Not measured." in said(Store(tmp_path / "empty"), "JPEG ruins ELE", table3)
