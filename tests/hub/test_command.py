"""hf-etc push, as far as it comes without a Hub."""

import pytest

from hf_etc import cli
from hf_etc.commands import push as command
from hf_etc.errors import ParameterError
from hf_etc.training.arguments import parse_arguments
from tests.training.training_helpers import flags


@pytest.fixture
def line(capfd):
    """The one line of a refused command."""

    def run(*words):
        capfd.readouterr()
        assert cli.main(["push", *map(str, words)]) == 2
        return capfd.readouterr().err.strip().splitlines()[-1]

    return run


def test_kinds_of_folders(work, tmp_path):
    from PIL import Image

    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    assert command.kind_of_folder(str(work / "model")) == "model"
    assert command.kind_of_folder(str(work / "ciphertexts")) == "dataset"
    assert command.kind_of_folder(str(tmp_path)) == "dataset"


def test_neither_model_nor_dataset(line, tmp_path, work):
    (tmp_path / "notes.txt").write_text("a")
    expected = (
        f"hf-etc: error: {tmp_path} is neither a model (no config.json) nor a dataset (no parquet, arrow or images)"
    )
    assert line(tmp_path, "tester/x") == expected
    assert line(work / "owner.key", "tester/x").endswith("nor a dataset (no parquet, arrow or images)")
    for name in ("absent", "uoft-cs/cifar10"):
        expected = f"no such folder: {name}; give one on this machine, of a model or an encrypted dataset"
        assert line(name, "tester/x") == f"hf-etc: error: {expected}"


def test_options_of_the_wrong_kind(line, work):
    expected = f"hf-etc: error: --record and --dataset go into the card of a model, {work}/ciphertexts is a dataset"
    assert line(work / "ciphertexts", "tester/x", "--record", "a.json") == expected
    assert line(work / "ciphertexts", "tester/x", "--dataset", "a/b") == expected
    assert line(work / "model", "tester/x", "--record", "a.json").startswith("hf-etc: error: a.json is not a record")
    assert "is not a dataset's name" in line(work / "model", "tester/x", "--dataset", "../data")


def test_half_a_model(line, work, tmp_path):
    (tmp_path / "config.json").write_text("{}")
    assert line(tmp_path, "tester/x") == (
        f"hf-etc: error: {tmp_path} has no preprocessor_config.json; give the output folder of a training"
    )
    (tmp_path / "preprocessor_config.json").write_text('{"image_processor_type": "EtcImageProcessor"}')
    assert "this is not a saved EtcImageProcessor" in line(tmp_path, "tester/x")
    (tmp_path / "preprocessor_config.json").write_text("{")
    assert line(tmp_path, "tester/x").startswith(f"hf-etc: error: {tmp_path}/preprocessor_config.json: ")


def test_plain_images_do_not_get_far(line, work):
    assert "row 0: this is a plain image" in line(work / "plain", "tester/x")


def test_help(capfd):
    with pytest.raises(SystemExit) as caught:
        cli.main(["push", "--help"])
    assert caught.value.code == 0
    assert "hf-etc push encrypted clinic/xrays-etc --private" in capfd.readouterr().out


def test_a_training_uploads_only_what_is_finished(work):
    """The Trainer's own way sends its output folder as it is, training_args.bin with the token included."""
    words = [*flags("run", work / "ciphertexts"), "--push_to_hub", "True"]
    assert parse_arguments(words)[2].hub_strategy == "end"
    with pytest.raises(ParameterError, match="--hub_strategy uploads unseen what the Trainer saves"):
        parse_arguments([*words, "--hub_strategy", "every_save"])
