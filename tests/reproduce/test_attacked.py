"""Figures 6 and 8 on embedded images: every cipher and attack, measured, drawn and reported."""

import json

import pytest
from PIL import Image

from hf_etc.audit.attacks import get_attack
from hf_etc.experiments.lab import Lab
from hf_etc.experiments.runner import run
from hf_etc.experiments.store import Store
from hf_etc.reproduce import fig6, fig8, load
from hf_etc.reproduce.attacked import ATTACKS, CIPHERS


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """The store with FR, the attack that does not train, and the working folder."""
    folder = tmp_path_factory.mktemp("figures")
    store = Store(folder / "results")
    run(load(["fig6", "fig8"]), Lab("smoke", folder / "work"), store, only="fr-*", say=lambda line: None)
    return store, folder


def test_fr_sees_the_outlines_of_pe_and_not_of_the_block_ciphers(measured):
    store, _ = measured
    outlines = {name: store.find("fig8", f"fr-advanced-{name}").results["outlines"] for name in ("le", "ele", "pe")}
    assert outlines["pe"] > max(outlines["le"], outlines["ele"]) + 0.1
    assert all(store.find("fig8", f"fr-{name}-control").results["outlines"] > 0.3 for name in ("basic", "advanced"))


def test_the_page_names_attacks_that_did_not_beat_their_control(measured, tmp_path):
    store, _ = measured
    assert "figures to mean anything: none here." in fig8.report(store)
    weak = store.find("fig8", "fr-basic-control")
    record = json.loads((store.folder / "fig8" / "fr-basic-control.smoke.json").read_text())
    record["results"]["outlines"] = 0.1
    (tmp_path / "fig8").mkdir()
    (tmp_path / "fig8" / "fr-basic-control.smoke.json").write_text(json.dumps(record))
    assert weak and "figures to mean anything: FR (basic)." in fig8.report(Store(tmp_path))
    assert {get_attack(name.split()[0]).enough for name in ATTACKS} == {fig8.ENOUGH}


def test_both_figures_measure_the_same_pictures(measured):
    store, folder = measured
    for cipher in CIPHERS:
        name = f"fr-basic-{cipher.lower()}"
        grid, plot = (store.find(figure, name).results for figure in ("fig6", "fig8"))
        assert grid["value"] == pytest.approx(plot["value"], abs=1e-3) and grid["images"] == plot["images"]
    assert len(list((folder / "work" / "attacks").glob("*.npz"))) == 2 * len(fig8.COLUMNS)


@pytest.mark.parametrize("figure", [fig6, fig8])
def test_drawn_and_reported(figure, measured):
    store, folder = measured
    figure.draw(store, folder)
    with Image.open(folder / f"{figure.EXPERIMENT.name}.png") as drawn:
        assert len(drawn.convert("L").getcolors(256)) > 100
    text = figure.report(store)
    columns = len(figure.EXPERIMENT.cells) // len(ATTACKS)
    assert text.count("not measured") == (len(ATTACKS) - 2) * columns
    assert text.count("| FR (basic) |") == columns >= len(CIPHERS)
