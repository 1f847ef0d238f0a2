"""What the tables and figures declare: published values, protocols, and measurements on embedded data."""

import json
import signal
from functools import partial
from unittest.mock import patch

import numpy as np
import pytest
import torch

from hf_etc import get_cipher
from hf_etc.cli import main as hf_etc
from hf_etc.experiments import runner
from hf_etc.experiments.cells import NotMeasured
from hf_etc.experiments.figures import pack, unpack
from hf_etc.experiments.lab import Lab
from hf_etc.experiments.store import Store
from hf_etc.metrics.compression import Codec, encode
from hf_etc.models import build_model
from hf_etc.records import scrub
from hf_etc.reproduce import fig5, fig7, kodak, losses, table1, table2, table3, table4, training
from hf_etc.reproduce.plots import box
from hf_etc.reproduce.training import Training, measure, trained
from hf_etc.training.arguments import arguments_from
from hf_etc.training.train import TrainingResult
from hf_etc.training.trainer import EtcTrainer

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    return Lab("smoke", tmp_path_factory.mktemp("lab"))


# Table II of the paper, typed from it.
TABLE_II = {
    ("plain", "ViT-B/16", "CIFAR-10"): 99.06,
    ("plain", "ViT-B/16", "Imagenette"): 99.64,
    ("EtC (the paper's)", "ViT-B/16", "CIFAR-10"): 87.89,
    ("EtC (the paper's)", "ViT-B/16", "Imagenette"): 90.62,
    ("plain", "ConvMixer-256/8", "CIFAR-10"): 96.07,
    ("EtC (the paper's)", "ConvMixer-256/8", "CIFAR-10"): 92.72,
    ("plain", "ConvMixer-384/8", "Imagenette"): 96.10,
    ("EtC (the paper's)", "ConvMixer-384/8", "Imagenette"): 90.11,
    ("plain", "ShakeDrop", "CIFAR-10"): 96.70,
    ("LE", "LE-Adapt + ShakeDrop", "CIFAR-10"): 94.49,
    ("ELE", "ELE-Adapt + ShakeDrop", "CIFAR-10"): 83.06,
    ("EtC, small blocks", "ELE-Adapt + ShakeDrop", "CIFAR-10"): 89.09,
    ("plain", "ResNet-18", "CIFAR-10"): 95.53,
    ("PE", "ResNet-18", "CIFAR-10"): 91.33,
}
TABLE_IV = {
    "jpeg 85 4:4:4": (68.70, 69.00, 134.50),
    "jpeg 80 4:4:4": (64.40, 64.70, 122.40),
    "jpeg-ls": (135.90, 139.70, 222.10),
    "jpeg2000": (157.30, 163.80, 228.60),
}


def test_table2_has_every_row_of_the_paper_under_both_protocols():
    rows = {}
    for cell in table2.ACCURACY:
        key = (cell.labels["encryption"], cell.labels["network"], cell.labels["dataset"])
        rows.setdefault(key, {})[cell.protocol] = cell.published
    assert {key: set(protocols.values()) for key, protocols in rows.items()} == {k: {v} for k, v in TABLE_II.items()}
    for (encryption, *_), protocols in rows.items():
        assert set(protocols) == ({"plain"} if encryption == "plain" else {"static", "re-encrypted"})


def test_table3_has_every_figure_of_the_paper():
    rows = {}
    for cell in table3.CELLS:
        rows.setdefault((cell.labels["network"], cell.labels["dataset"]), []).append(cell.published)
    published = [(92.72, 90.43, 89.95), (90.11, 89.17, 88.91), (87.89, 81.99, 81.84), (90.62, 89.63, 89.60)]
    published += [(83.06, 31.50, 30.51)]
    assert sorted(tuple(values) for values in rows.values()) == sorted(values * 2 for values in published)


def test_table4_has_every_figure_of_the_paper():
    rows = {}
    for cell in (cell for row in table4.PUBLISHED for cell in row):
        rows.setdefault(cell.labels["codec"], []).append(cell.published)
    assert {codec: tuple(values) for codec, values in rows.items()} == TABLE_IV
    assert table4.BARE.published == 178.20


@pytest.mark.parametrize("name", table2.PARAMETERS)
def test_parameters_are_counted_without_building_the_network(name, lab):
    found = table2.count_parameters(name, lab)["parameters"]
    published = table2.PARAMETERS[name]
    if name == "le-adapt":
        assert found == 28_500_165
    elif name == "ele-adapt":
        assert found == 29_310_661
        assert round(found / 1e6 + 33.661825, 2) == published
    else:
        assert abs(found / 1e6 - published) < 0.0101
    if name in ("convmixer-256/8", "resnet-18"):
        assert found == build_model(name, 10).num_parameters()


def test_files_are_measured_as_they_are_written(lab):
    images = lab.images("cifar10", 200, ("train", None))
    assert table4.measure(None, "plain", lab)["bytes"] == images.nbytes == 200 * 3072
    etc = get_cipher("etc", lab.key, block_size=16).encrypt(images)
    expected = sum(len(encode(image, Codec("jpeg", 85))) for image in etc)
    assert table4.measure(Codec("jpeg", 85), "EtC", lab)["bytes"] == expected
    plain = table4.measure(Codec("jpeg", 85), "plain", lab)["bytes"]
    assert abs(expected / plain - 1) < 0.02 < table4.measure(Codec("jpeg", 85), "ELE", lab)["bytes"] / plain - 1


def test_photographs_lose_chroma_at_block_borders_with_420_alone(lab):
    points = {
        (sampling, cipher): kodak.curve([Codec("jpeg", 85, sampling)], cipher, lab)["curve"][0]["psnr"]
        for sampling in ("4:4:4", "4:2:0")
        for cipher in ("plain", "EtC-16")
    }
    assert abs(points["4:4:4", "EtC-16"] - points["4:4:4", "plain"]) < 0.3
    assert points["4:2:0", "EtC-16"] < points["4:2:0", "plain"] - 0.5


def test_lossless_files_are_decrypted_exactly(lab):
    assert kodak.lossless(Codec("webp"), "EtC-8", lab)["value"] > kodak.lossless(Codec("webp"), "plain", lab)["value"]
    bits, level, similarity = kodak.point(lab.photographs(1)[0], Codec("webp"), "EtC-8", lab)
    assert bits > 0 and level == float("inf") and similarity == 1


def test_ssim_boxes(lab):
    found = fig7.measure("cifar10", "EtC", "ssim", lab)
    assert found["quartile_low"] <= found["median"] == found["value"] <= found["quartile_high"] < 0.5
    assert found["images"] == 32 and found["edge"] == 32


def test_box_is_the_papers():
    values = np.array([0.0, 1, 2, 3, 4, 5, 6, 7, 8, 100])
    found = box(values)
    assert found["quartile_low"] == np.percentile(values, 25) and found["mean"] == 13.6
    assert (found["whisker_low"], found["whisker_high"], found["outliers"]) == (0, 8, [100])


def test_table1_measures_adaptation_networks_and_sizes(lab):
    assert table1.adaptation("LE", lab)["parameters"] == {"32": 12_800, "224": 12_800}
    assert table1.adaptation("ELE", lab)["parameters"] == {"32": 823_296, "224": 49_975_296}
    assert table1.adaptation("EtC (the paper's)", lab)["value"] == 0
    factors = {scheme: table1.compressed(scheme, lab)["value"] for scheme in table1.SCHEMES}
    marks = dict(zip(table1.SCHEMES, table1.PUBLISHED["compressibility"], strict=True))
    assert {scheme: factor < table1.FACTOR for scheme, factor in factors.items()} == marks


# --- training -------------------------------------------------------------------------------------------------------

ETC = table2.ETC
ROWS = {
    "plain": Training("convmixer-plain-cifar10", "cifar10", "plain"),
    "static": Training("convmixer-etc-cifar10", "cifar10", "static", ETC),
    "re-encrypted": Training("convmixer-etc-cifar10", "cifar10", "re-encrypted", ETC),
    "static JPEG": Training("convmixer-etc-cifar10", "cifar10", "static", ETC, 80),
    "re-encrypted JPEG": Training("convmixer-etc-cifar10", "cifar10", "re-encrypted", ETC, 80),
}


@pytest.mark.parametrize("name", ROWS)
def test_a_row_is_trained_under_its_protocol(name, lab, monkeypatch):
    training_ = ROWS[name]
    found = measure(training_, lab)
    result, recipe = trained(training_, lab)
    assert recipe["protocol"] == training_.protocol
    assert 0 <= found["value"] <= 100 and (found["train_images"], found["test_images"]) == (64, 32)
    assert "digits, 32 px, 64 images" in found["how"]
    assert found["value"] == 100 * result.metrics["eval_accuracy"]
    assert ("key_file" in recipe) == name.startswith("re-encrypted"), "a server has no key"
    assert recipe.get("jpeg_quality") == (80 if name == "re-encrypted JPEG" else None)
    assert not any(text.startswith("/") for text in map(str, found["recipe"].values()))
    if training_.protocol == "static":
        assert recipe["dataset_name"].endswith("jpeg80" if "JPEG" in name else "png")
        assert (recipe["crop_scale"], recipe["flip"]) == (1.0, 0.0)
    monkeypatch.setattr(training, "train", lambda *arguments: pytest.fail("trained twice"))
    assert measure(training_, lab) == found


def test_every_row_of_the_tables_has_settings_that_parse(tmp_path):
    cells = [cell.measure for cell in [*table2.ACCURACY, *table3.CELLS, *fig5.CELLS.values()]]
    assert all(isinstance(one, partial) and isinstance(one.args[0], Training) for one in cells)
    rows = {str(one.args[0]): one.args[0] for one in cells}  # the tables share rows
    assert len(rows) == 42
    for row in rows.values():
        for scale in ("small", "paper"):
            one = Lab(scale, tmp_path / scale, data=tmp_path)
            one.source = lambda name: {"dataset_name": name, "dataset_config_name": None}
            one.plain = lambda *arguments: tmp_path / "plain"
            one.encrypted = lambda *arguments: tmp_path / "ciphertexts"
            settings = row.settings(one) | {"output_dir": str(tmp_path / "run"), "bf16": False, "use_cpu": True}
            model, data, arguments = arguments_from(settings)
            assert data.protocol == row.protocol
            if scale == "paper":
                assert arguments.num_train_epochs in (200, 300, 305) or arguments.max_steps in (10_000, 20_000)
                assert model.model_config is None


def test_lossless_rows_of_table3_are_those_of_table2(lab):
    rows = {cell.name: cell.measure.args[0] for cell in table2.ACCURACY}
    for cell in table3.CELLS:
        if cell.labels["files"] == "lossless":
            assert cell.measure.args[0] == rows[cell.name.removesuffix("-lossless")]


def test_a_training_goes_on_in_slices_of_time(tmp_path):
    sliced = Lab("smoke", tmp_path, minutes=0)
    with pytest.raises(KeyboardInterrupt):  # after the first of two steps
        trained(ROWS["plain"], sliced)
    result, _ = trained(ROWS["plain"], sliced)
    assert result.signal is None and result.history[-1]["step"] == 2


def test_scale_medium_trains_on_all_images_and_starts_from_weights(tmp_path):
    data = tmp_path / "data"
    for name in ("cifar10", "imagenette"):
        (data / name).mkdir(parents=True)
    lab = Lab("medium", tmp_path / "work", data)
    for cell in (*table2.ACCURACY, *table3.CELLS):
        one = cell.measure.args[0]
        if one.protocol == "static":  # which would encrypt first
            continue
        if one.family == "vit" and not (data / "deit-tiny-patch16-224").exists():
            with pytest.raises(NotMeasured, match=r"no folder deit-tiny-patch16-224 in .*; save"):
                one.settings(lab)
            (data / "deit-tiny-patch16-224").mkdir()
        settings = one.settings(lab)
        assert settings["bf16"] and settings["dataset_name"] == str(data / one.dataset)
        assert "max_train_samples" not in settings
        arguments_from(settings | {"output_dir": str(tmp_path / "run")})
        if one.family == "vit":
            assert settings["model_name_or_path"] == str(data / "deit-tiny-patch16-224")


def test_scale_medium_is_of_trainings_alone(tmp_path, capsys):
    assert hf_etc(["reproduce", "fig6", "--scale", "medium", "--out", str(tmp_path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    with patch.object(runner, "measure") as measured:
        assert hf_etc(["reproduce", "table2", "--scale", "medium", "--out", str(tmp_path)]) == 0
    assert {call.args[1].protocol for call in measured.call_args_list} == {"plain", "static", "re-encrypted"}


def test_a_stopped_training_goes_on_from_its_checkpoint(tmp_path, monkeypatch):
    step, done = EtcTrainer.training_step, []

    def counted(self, *arguments, **named):
        done.append(self.state.global_step)
        if done == [0, 1, 2]:
            signal.raise_signal(signal.SIGTERM)
        return step(self, *arguments, **named)

    monkeypatch.setattr(EtcTrainer, "training_step", counted)
    monkeypatch.setattr(training, "STEPS", training.STEPS | {"max_steps": 6})
    lab = Lab("smoke", tmp_path)
    with pytest.raises(KeyboardInterrupt):
        trained(ROWS["plain"], lab)
    (checkpoint,) = tmp_path.glob("runs/*/checkpoint-3")
    assert not list(tmp_path.glob("runs/*/all_results.json"))
    result, _ = trained(ROWS["plain"], lab)
    assert done == [0, 1, 2, 3, 4, 5] and not checkpoint.exists()
    assert result.folder == checkpoint.parent and 0 <= result.metrics["eval_accuracy"] <= 1


def test_filters_are_those_of_the_trained_network(lab):
    from safetensors.numpy import load_file

    found = fig5.filters(ROWS["plain"], lab)
    weight = load_file(trained(ROWS["plain"], lab)[0].folder / "model.safetensors")["network.stem.0.weight"]
    pixels = unpack(found["filters"])
    assert pixels.shape == weight.shape == (8, 3, 4, 4)
    largest = np.abs(weight).max((1, 2, 3), keepdims=True)
    assert np.abs((pixels.astype(float) - 128) / 127 - weight / largest).max() < 0.01


def test_filter_sheet():
    filters = np.full((5, 3, 4, 4), 7, np.uint8)
    image = fig5.sheet(filters)
    assert image.ndim == 3 and (image == 7).any() and (image == 255).any()
    assert (image[..., 0] == 7).sum() == 5 * 12 * 12
    assert np.array_equal(unpack(pack(filters)), filters)


def test_packed_pixels_survive_the_scrubbing_of_a_record():
    pixels = np.random.default_rng(0).integers(0, 256, (50, 50, 3), np.uint8)
    assert np.array_equal(unpack(scrub(pack(pixels))), pixels)


# --- faults of public implementations that touch the tables -----------------------------------------------------------


def test_fault_best_epoch_instead_of_the_last(lab, monkeypatch, tmp_path):
    """The authors' ViT reports the best test accuracy of a run, which is chosen on the test images."""
    results = {"eval_accuracy": 0.5, "epoch": 1}
    (tmp_path / "all_results.json").write_text(json.dumps(results))
    history = [{"eval_accuracy": 0.9, "epoch": 0.5}, {"eval_accuracy": 0.5, "epoch": 1}]
    (tmp_path / "trainer_state.json").write_text(json.dumps({"log_history": history, "best_metric": 0.9}))
    data = str(lab.plain("cifar10", 32, (64, 32)))
    settings = {"model_name_or_path": "vit", "image_size": 32, "dataset_name": data}
    monkeypatch.setattr(training, "trained", lambda *arguments: (TrainingResult.read(tmp_path), settings))
    assert measure(ROWS["plain"], lab)["value"] == 50


@pytest.mark.parametrize("name", ["le-adapt", "ele-adapt", "shake-pyramidnet", "resnet"])
def test_fault_parameters_that_are_never_used(name):
    """The authors' ELE-Adapt holds 33.66 million of them, which the paper counts."""
    model = build_model(name, 10, **({} if name == "resnet" else {"depth": 8, "alpha": 12})).train()
    model(torch.rand(4, 3, 32, 32), labels=torch.arange(4)).loss.backward()
    unused = [name for name, parameter in model.named_parameters() if parameter.grad is None]
    assert unused == []


def test_fault_small_blocks_that_lose_a_channel():
    """The authors' colour step overwrites a channel before it is read: three different components become two."""
    plain = np.zeros((32, 32, 3), np.uint8) + np.array([10, 60, 90], np.uint8)
    etc = get_cipher("etc", Lab("smoke", "unused").key, block_size=4).encrypt(plain)
    colors = {tuple(sorted(min(int(v), 255 - int(v)) for v in pixel)) for pixel in etc.reshape(-1, 3)}
    assert colors == {(10, 60, 90)}


def test_fault_augmentation_after_encryption(lab):
    """Crops and flips of ciphertexts would destroy the blocks: the static protocol has none."""
    for cell in [*table2.ACCURACY, *table3.CELLS]:
        if cell.protocol == "static" and "cifar10" in cell.name and "convmixer" in cell.name:
            settings = cell.measure.args[0].settings(lab)
            assert (settings["crop_scale"], settings["flip"]) == (1.0, 0.0)
            assert not settings.get("rand_augment") and not settings.get("random_erasing")


def test_only_what_was_measured_at_one_scale_is_compared(tmp_path):
    store = Store(tmp_path)

    def write(cell, scale, value):
        store.write("table2", cell, scale, 42, {"results": {"value": value}})

    write("convmixer-plain-cifar10", "small", 60.0)
    write("convmixer-etc-cifar10-re-encrypted", "small", 55.0)
    write("convmixer-plain-cifar10", "medium", 90.0)
    assert store.find("table2", "convmixer-plain-cifar10").value == 90
    names = "convmixer-etc-cifar10-re-encrypted", "convmixer-plain-cifar10"
    assert [one.value for one in store.pair("table2", *names)] == [55, 60]
    scale, steps = losses.measured(store, "convmixer", "cifar10", "re-encrypted")
    assert scale == "small" and [one and one.value for one in steps] == [60, 55, None, None]
    assert losses.measured(store, "vit", "cifar10", "static") is None
    write("convmixer-etc-cifar10-re-encrypted", "medium", 86.0)
    assert [one.value for one in store.pair("table2", *names)] == [86, 90]
    assert losses.measured(store, "convmixer", "cifar10", "re-encrypted")[0] == "medium"
    table3.draw(store, tmp_path)
    assert (tmp_path / "losses.png").stat().st_size > 10_000
