"""docs/related-work.md says what the records say, and the script measures what it shows."""

import json
import runpy
import shutil
from pathlib import Path

import pytest

from hf_etc.experiments.figures import unpack
from hf_etc.experiments.page import rewrite
from hf_etc.experiments.runner import run
from hf_etc.experiments.store import Store

ROOT = Path(__file__).parents[2]
SCRIPT = runpy.run_path(str(ROOT / "benchmarks" / "related.py"))
STORE = Store(ROOT / "results")


def test_the_page_is_that_of_the_records():
    assert rewrite(ROOT / "docs" / "related-work.md", SCRIPT["tables"](STORE), check=True)


@pytest.mark.parametrize("name", ["etc-one-key", "instahide-2", "instahide-4", "neuracrypt", "unet"])
def test_the_attack_beats_its_control(name):
    found = STORE.find("related", f"{name}-attack").results
    assert found["value"] > found["control"] + 0.1
    assert found.get("matched", 1) > 0.9 > 0.1 > found.get("control_matched", 0)


def test_another_record_makes_another_page(tmp_path):
    shutil.copytree(ROOT / "results" / "related", tmp_path / "related")
    record = json.loads((tmp_path / "related" / "neuracrypt-attack.small.json").read_text())
    record["results"]["value"] = 0.123
    (tmp_path / "related" / "neuracrypt-attack.small.json").write_text(json.dumps(record))
    assert "| 0.12 |" in SCRIPT["report"](Store(tmp_path)) != SCRIPT["report"](STORE)
    (tmp_path / "related" / "neuracrypt-attack.small.json").unlink()
    assert "not measured" in SCRIPT["report"](Store(tmp_path))


def test_cells_are_measured_on_embedded_pictures(tmp_path, one_thread):
    pytest.importorskip("sklearn.datasets", reason="embedded pictures are those of scikit-learn, of the demo extra")
    store, lab = Store(tmp_path / "results"), SCRIPT["RelatedLab"]("smoke", tmp_path / "work")
    missing = run([SCRIPT["EXPERIMENT"]], lab, store, only="[ei]*-[2p]*-a*", say=lambda line: None)
    assert not missing
    attacked, trained = (store.find("related", f"instahide-2-{what}").results for what in ("attack", "accuracy"))
    assert 0 <= trained["value"] <= 100 and attacked["encodings"] == attacked["control_encodings"] == 24
    assert {name: unpack(one).shape for name, one in attacked["pictures"].items()} == dict.fromkeys(
        ("plain", "encoded", "restored"), (6, 32, 32, 3)
    )
    assert store.find("related", "etc-private-attack").results["matched"] > 0.1
