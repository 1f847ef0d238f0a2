# ruff: noqa: SLF001  (argparse has no public list of its options)
"""One grammar over all subcommands: help, names of options, complaints, completion, and JSON alone on stdout."""

import json
import os
import re
import subprocess
import sys
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from PIL import Image
from transformers import TrainingArguments

from hf_etc import EtcKey, cli
from hf_etc.audit.attack import Scale
from hf_etc.cli import COMMANDS
from hf_etc.commands import audit, demo
from hf_etc.commands.completion import every_command
from hf_etc.demo import run as run_demo
from hf_etc.training.arguments import training_parser
from hf_etc.training.options import LISTED, Schedules, trainer_options
from hf_etc.training.trainer_arguments import EtcTrainingArguments

ROOT = Path(__file__).parents[1]
HEAVY = {"torch", "transformers", "datasets", "gradio", "huggingface_hub", "matplotlib", "numpy", "PIL"}
KEYED = {"encrypt", "decrypt", "train", "evaluate", "classify", "client", "audit"}
NOT_THERE = {
    "keygen": "nowhere/my.key",
    "encrypt": "nowhere out --key my.key",
    "decrypt": "nowhere out --key my.key",
    "inspect": "nowhere",
    "train": "nowhere.yaml",
    "evaluate": "--model ./nowhere --dataset ./nowhere",
    "serve": "/nowhere --port 0",
    "classify": "picture.png --url 127.0.0.1:9 --key nowhere.key",
    "client": "127.0.0.1:9 --key nowhere.key",
    "check": "./nowhere",
    "push": "nowhere user/name",
    "audit": "nowhere --out report",
    "frontier": "nowhere --size 32 --block-sizes 16 --only *leakage --out frontier",
    "reproduce": "kodak --data nowhere",
    "demo": "--out photos",
    "completion": "nushell",
}


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A folder with a key and photos."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("COLUMNS", "80")
    EtcKey.generate().save("my.key")
    Path("photos").mkdir()
    for seed in range(3):
        picture = np.random.default_rng(seed).integers(0, 256, (32, 48, 3), np.uint8)
        Image.fromarray(picture).save(f"photos/{seed}.png")


@pytest.fixture
def run(capfd):
    """Status, stdout and stderr of a line."""

    def run(line):
        capfd.readouterr()
        return (cli.main(line.split()), *capfd.readouterr())

    return run


@pytest.fixture
def help_of(capfd):
    def show(*words):
        with pytest.raises(SystemExit) as raised:
            cli.main([*words, "--help"])
        assert raised.value.code == 0
        return capfd.readouterr().out

    return show


# Help


def test_help_and_complaints_import_no_other_library():
    code = f"""
import contextlib, io, json, sys
from hf_etc.cli import COMMANDS, main

loaded = {{}}
for name in COMMANDS:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        for option in ("--help", "--no-such-option"):
            with contextlib.suppress(SystemExit):
                main([name, option])
        if name == "train":
            main(["train", "--dataset", "x", "--out", "y", "--learning-rate", "fast"])
    loaded[name] = sorted({HEAVY!r} & set(sys.modules))
print(json.dumps(loaded))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert json.loads(done.stdout) == {name: [] for name in COMMANDS}, done.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_each_help_has_an_example_and_fits_a_terminal(help_of, name):
    text = help_of(name)
    assert re.search(rf"examples?:\n  .*hf-etc {name}", text) and text.startswith(f"usage: hf-etc {name} ")
    lines = text.partition("\nexample")[0].splitlines()
    assert max(map(len, lines)) <= 80
    assert "--quiet" in text


def test_the_help_of_all_names_each_command_and_the_rule(help_of):
    text = help_of()
    assert all(f"\n  {name} " in text for name in COMMANDS)
    assert "--key FILE names the key" in text and "kebab case" in text
    assert max(map(len, text.splitlines())) <= 80


def test_the_help_of_train_is_short_and_help_all_has_everything(help_of, capfd):
    short = help_of("train")
    assert "--learning-rate" in short and "--fsdp" not in short
    with pytest.raises(SystemExit):
        cli.main(["train", "--help-all"])
    everything = capfd.readouterr().out
    for name in trainer_options():
        assert f"--{name.replace('_', '-')} " in everything.replace("\n", " \n"), name


def test_the_options_of_the_trainer_are_those_of_the_installed_one():
    assert list(trainer_options()) == [one.name for one in fields(TrainingArguments)]
    assert trainer_options()["learning_rate"].help == "The initial learning rate for the optimizer"


def test_the_help_of_train_says_the_defaults():
    args = EtcTrainingArguments("run", use_cpu=True)
    help = {name: text for names in LISTED.values() for name, text in names.items()}
    for name, text in help.items():
        number = re.search(r"\(default: ([\d.]+)[,)]", text)
        if number:
            assert float(number[1]) == float(getattr(args, name)), name
    assert "(default: no)" in help["eval_strategy"] and args.eval_strategy == "no"
    assert "(default: cosine)" in help["lr_scheduler_type"] and args.lr_scheduler_type == "cosine"
    assert "steps, every 500" in help["save_strategy"] and (args.save_strategy, args.save_steps) == ("steps", 500)


def test_what_other_helps_say_is_so():
    assert get_args(Scale) == audit.SCALES
    assert demo.EPOCHS == run_demo.EPOCHS


# Names of options


@pytest.mark.parametrize("name", COMMANDS)
def test_options_are_kebab_case_and_the_key_is_key(name):
    options = [word for action in import_module(f"hf_etc.commands.{name}").parser()._actions
               for word in action.option_strings]  # fmt: skip
    assert not [word for word in options if "_" in word]
    assert ("--key" in options) == (name in KEYED)


def test_snake_case_means_the_same(run):
    for line in ("--block-size 8 --num-proc 1", "--block_size=8 --num_proc 1"):
        assert run(f"encrypt photos {len(line)} --key my.key {line}")[0] == 0
    first, second = (
        run(f"inspect {len(line)}")[1] for line in ("--block-size 8 --num-proc 1", "--block_size=8 --num_proc 1")
    )
    assert first == second and "block_size 8" in first


def test_train_takes_the_names_of_the_others_and_those_of_transformers():
    short = (
        "--dataset d --model m --out o --key k --size 32 --column c --quality 85 --subsampling 4:2:0 --keep-blocks 0.5"
    )
    long = (
        "--dataset_name d --model_name_or_path m --output_dir o --key_file k --image_size 32 --image_column_name c "
        "--jpeg_quality 85 --jpeg_subsampling 4:2:0 --keep 0.5"
    )
    parser = training_parser()
    assert vars(parser.parse_args(short.split())) == vars(parser.parse_args(long.split()))
    assert vars(parser.parse_args(long.replace("_", "-").split())) == vars(parser.parse_args(long.split()))


def test_every_field_of_the_arguments_is_an_option_of_train():
    known = {action.dest for action in training_parser()._actions}
    assert known > {one.name for one in (*fields(TrainingArguments), *fields(Schedules))}


# Complaints


@pytest.mark.parametrize("name", COMMANDS)
def test_an_unknown_option(run, name):
    line = f"hf-etc: error: unknown option --zzz; see hf-etc {name} --help\n"
    assert run(f"{name} --zzz") == (2, "", line)
    line = f"hf-etc: error: unknown option --quite (did you mean --quiet?); see hf-etc {name} --help\n"
    assert run(f"{name} --quite") == (2, "", line)


@pytest.mark.parametrize("name", COMMANDS)
def test_what_is_not_there(run, name):
    status, out, error = run(f"{name} {NOT_THERE[name]}")
    assert (status, error.count("\n")) == (2, 1), error
    assert error.startswith("hf-etc: error: ") and (out == "" or name in ("frontier", "reproduce"))
    named = {"completion": "nushell", "demo": "photos"}.get(name, "nowhere")
    assert named in error
    assert not re.search(r"--[a-z-]*_|\bkey=", error), "an argument of Python, or snake case"


@pytest.mark.parametrize(
    "line", ["encrypt photos out", "train --train-dir photos --out run --protocol re-encrypted --do-eval no"]
)
def test_no_key(run, monkeypatch, line):
    for name in ("HF_ETC_KEY", "HF_ETC_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)
    for number, path in enumerate(sorted(Path("photos").glob("*.png"))):
        Path(f"photos/{number % 2}").mkdir(exist_ok=True)
        path.rename(f"photos/{number % 2}/{path.name}")
    status, _, error = run(line)
    assert (status, error.splitlines()[-1]) == (
        2,
        "hf-etc: error: no key: pass --key FILE, or set HF_ETC_KEY_FILE to a key file (or HF_ETC_KEY to its text)",
    )


# Quiet, and JSON


def test_quiet_leaves_results_and_errors(run):
    assert run("keygen quiet.key --quiet") == (0, "", "")
    assert run("encrypt photos quiet --key quiet.key -q") == (0, "", "")
    assert run("inspect quiet --quiet")[1].startswith("3 encrypted: ")
    assert run("keygen quiet.key --quiet")[2].startswith("hf-etc: error: quiet.key exists")


def test_json_stands_alone(run):
    status, out, _ = run("keygen a.key --json")
    assert (status, json.loads(out)) == (0, {"path": "a.key", "holds": "key", "key_id": EtcKey.load("a.key").key_id})
    Path("photos/notes.txt").touch()
    status, out, error = run("encrypt photos a --key a.key --json")
    assert (status, json.loads(out)) == (0, {"images": 3, "resumed": 0, "left_out": ["notes.txt"], "bad": []})
    assert error == ""
    status, out, _ = run("inspect a --json")
    assert (status, json.loads(out)["ciphertexts"][0]["images"], json.loads(out)["plain"]) == (0, 3, 0)
    status, out, error = run("audit photos --block-size 16 --attacks fr-basic --out report --json")
    assert (status, json.loads(out)["images"], json.loads(out)["report"]) == (0, 3, "report/report.html")
    assert "fr-basic" in error


# Completion


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_knows_every_command_and_option(run, shell):
    status, script, _ = run(f"completion {shell}")
    (commands,) = (action.choices for action in every_command()._actions if action.dest == "==SUPPRESS==")
    assert status == 0 and list(commands) == list(COMMANDS)
    options = {word for one in commands.values() for action in one._actions for word in action.option_strings}
    assert {"--key", "--learning-rate", "--fsdp", "--no-do-eval", "--keep-blocks"} <= options
    bare = script.replace("-l ", "--") if shell == "fish" else script
    assert not [word for word in (*COMMANDS, *options) if word not in bare]


def test_bash_completes(run):
    Path("completion.bash").write_text(run("completion bash")[1])

    def complete(*words):
        listed = " ".join(f"'{word}'" for word in words)
        code = (
            f"source completion.bash; COMP_WORDS=({listed}); COMP_CWORD={len(words) - 1}; "
            f"_shtab_hf_etc hf-etc '{words[-1]}' '{words[-2]}'; printf '%s\\n' \"${{COMPREPLY[@]}}\""
        )
        return set(subprocess.run(["bash", "-c", code], capture_output=True, text=True, env=os.environ).stdout.split())

    assert complete("hf-etc", "in") == {"inspect"}
    assert complete("hf-etc", "train", "--learning") == {"--learning-rate"}
    assert {"--key", "--key-scope"} <= complete("hf-etc", "encrypt", "--key")
    assert complete("hf-etc", "inspect", "my") == {"my.key"}
