"""Configurations of ``accelerate launch``; sharded training and its checkpoints, in two processes on the CPU."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from accelerate.commands.config.config_args import load_config_from_file
from accelerate.commands.launch import _validate_launch_command, launch_command_parser
from accelerate.utils import DistributedType, FullyShardedDataParallelPlugin
from accelerate.utils.dataclasses import get_module_class_from_name
from accelerate.utils.fsdp_utils import fsdp2_prepare_auto_wrap_policy
from safetensors.torch import load_file

from hf_etc import EtcKey
from hf_etc.cli import main
from hf_etc.models import build_model
from hf_etc.models.registry import list_families
from tests.training.training_helpers import flags, save_both

ROOT = Path(__file__).parents[2]
CONFIGS = {path.stem: path for path in (ROOT / "examples" / "accelerate").glob("*.yaml")}
TINY_VIT = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16}
NETWORKS = {
    "convmixer": ({"dim": 16, "depth": 2, "patch_size": 16, "kernel_size": 3}, {"SequentialBlock"}, 2),
    "mixer": ({"dim": 16, "depth": 3, "patch_size": 16}, {"MixerBlock"}, 3),
    "resmlp": ({"dim": 16, "depth": 2, "patch_size": 16}, {"ResBlock"}, 2),
    "gmlp": ({"dim": 16, "depth": 2, "patch_size": 16}, {"SpatialGatingBlock"}, 2),
    "timm": ({"architecture": "vit_tiny_patch16_224", "model_args": {"depth": 2}}, {"Block"}, 2),
    "resnet": ({"depth": 18}, {"BasicBlock"}, 8),
    "shake-pyramidnet": ({"depth": 8, "alpha": 12}, {"PyramidBlock"}, 3),
    "le-adapt": ({"depth": 8, "alpha": 12}, {"PyramidBlock"}, 3),
    "ele-adapt": ({"depth": 8, "alpha": 12}, {"PyramidBlock"}, 3),
    "bag-vit": ({**TINY_VIT, "patch_size": 16}, {"BagEmbeddings", "ViTLayer"}, 3),
    "vit": ({**TINY_VIT, "patch_size": 16}, {"ViTEmbeddings", "ViTLayer"}, 3),
}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("multi_gpu", DistributedType.MULTI_GPU),
        ("fsdp", DistributedType.FSDP),
        ("deepspeed", DistributedType.DEEPSPEED),
    ],
)
def test_accelerate_reads_the_configuration(name, kind):
    config = load_config_from_file(str(CONFIGS[name]))  # raises for fields that it does not know
    assert config.distributed_type == kind
    options = launch_command_parser().parse_args(["--config_file", str(CONFIGS[name]), "examples/train.py", "x.yaml"])
    options = _validate_launch_command(options)[0]
    chosen = {
        DistributedType.MULTI_GPU: options.multi_gpu,
        DistributedType.FSDP: options.use_fsdp,
        DistributedType.DEEPSPEED: options.use_deepspeed,
    }
    assert [which for which, on in chosen.items() if on] == [kind]
    assert (options.num_processes, options.mixed_precision) == (8, "bf16")


def test_every_configuration_and_every_network_is_tested():
    assert set(CONFIGS) == {"multi_gpu", "fsdp", "deepspeed"}
    assert set(NETWORKS) == set(list_families())


@pytest.mark.parametrize("name", NETWORKS)
def test_fsdp_finds_the_blocks_of_each_network(name):
    settings, classes, count = NETWORKS[name]
    model = build_model(name, id2label={0: "a", 1: "b"}, image_size=32, **settings)
    assert set(model._no_split_modules) == classes  # noqa: SLF001  # what accelerate reads
    assert all(get_module_class_from_name(model, one) for one in classes)
    plugin = FullyShardedDataParallelPlugin(fsdp_version=2, auto_wrap_policy="transformer_based_wrap")
    is_sharded = fsdp2_prepare_auto_wrap_policy(plugin, model)
    blocks = [module for module in model.modules() if is_sharded(module)]
    assert len(blocks) == count
    assert not any(inner is not block and is_sharded(inner) for block in blocks for inner in block.modules())


# accelerate turns FSDP on for processes with GPUs and the like, and on CPUs trains with whole copies instead, without
# a word. Only what it thinks of the device is replaced here; the rest is what runs on GPUs.
SHARDED = """
import json, os, shutil, sys
from pathlib import Path
import torch
from accelerate import state
from accelerate.utils import DistributedType
from torch.distributed.fsdp import FSDPModule
from hf_etc.training import trainer
from hf_etc.cli import main

torch.set_num_threads(1)
os.environ["ACCELERATE_TORCH_DEVICE"] = "cpu"
state.PartialState._prepare_backend = lambda self, *_: ("gloo", DistributedType.MULTI_GPU)

def compute_loss(self, model, *arguments, **options):
    sharded = [name for name, part in model.named_modules() if isinstance(part, FSDPModule)]
    assert sharded, "nothing is sharded"
    if self.args.process_index == 0:
        Path(self.args.output_dir, "sharded.json").write_text(json.dumps(sharded))
    return before(self, model, *arguments, **options)

before, trainer.EtcTrainer.compute_loss = trainer.EtcTrainer.compute_loss, compute_loss
for number, (copied, arguments) in enumerate(json.loads(Path(sys.argv[1]).read_text())):
    if copied and os.environ["RANK"] == "0":
        shutil.copytree(*copied)
    if number:
        torch.distributed.barrier()
    assert main(["train", *arguments]) == 0
torch.distributed.destroy_process_group()
"""
CHANGES = {"per_device_train_batch_size": 8, "num_train_epochs": 2, "save_strategy": "epoch", "use_cpu": None}


def test_two_processes_train_shards_and_go_on_from_a_checkpoint(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.set_num_threads(1)
    save_both(tmp_path, EtcKey.generate(), key_scope="image")
    (tmp_path / "sharded.py").write_text(SHARDED)
    runs = []
    for name in ("convmixer", "bag-vit"):
        network = ",".join(f"{field}={value}" for field, value in NETWORKS[name][0].items())
        changes = CHANGES | {"model_name_or_path": name, "model_config": network}
        runs.append((None, flags(name, "ciphertexts", **changes)))
        runs.append(
            (
                [f"{name}/checkpoint-4", f"{name}-resumed/checkpoint-4"],
                flags(f"{name}-resumed", "ciphertexts", **changes),
            )
        )
    (tmp_path / "runs.json").write_text(json.dumps(runs))
    launch = [sys.executable, "-m", "accelerate.commands.launch", "--config_file", str(CONFIGS["fsdp"])]
    launch += ["--num_processes", "2", "--mixed_precision", "no", "--main_process_port", "0", "sharded.py", "runs.json"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(launch, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]

    for name in ("convmixer", "bag-vit"):
        assert (tmp_path / name / "checkpoint-4" / "pytorch_model_fsdp.bin").exists()
        parts = json.loads((tmp_path / name / "sharded.json").read_text())
        assert len(parts) > NETWORKS[name][2]  # the blocks, and the network itself
        assert f"resuming from {name}-resumed" in done.stdout
        straight, resumed = (
            load_file(folder / "model.safetensors") for folder in (Path(name), Path(f"{name}-resumed"))
        )
        assert all(torch.equal(straight[field], resumed[field]) for field in straight)
        begun = load_file(f"{name}/checkpoint-4/model.safetensors")
        assert any(not torch.equal(straight[field], begun[field]) for field in straight), "it did not train on"

    # without batch norm, which sees the images of its own process alone, shards come to what one process comes to
    changes = CHANGES | {"per_device_train_batch_size": 16, "use_cpu": True, "save_strategy": "no"}
    network = ",".join(f"{field}={value}" for field, value in NETWORKS["bag-vit"][0].items())
    words = flags("alone", "ciphertexts", **changes, model_name_or_path="bag-vit", model_config=network)
    assert main(["train", *words]) == 0
    alone = load_file("alone/model.safetensors")
    assert straight.keys() == alone.keys()
    assert all(torch.allclose(straight[field], alone[field], atol=1e-4) for field in alone)
