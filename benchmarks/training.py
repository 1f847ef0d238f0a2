"""How fast networks train on this machine's processor, and what each change gave, with the accuracy beside it.

Run: python benchmarks/training.py              (one core; writes results/training_speed.json)
     python benchmarks/training.py --dataset ../shared/data/cifar10     (adds loader and accuracy; half an hour)
     python benchmarks/training.py --threads 2 --out results/training_threads.json     (on an idle machine)

Every way takes its turn in every round, so that all meet the same state of the machine; medians of processor time of
whole steps: batch in, weights changed. "as before" is float32 with PyTorch's own gradients and memory layout.
"""

import os
import statistics
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any
from unittest.mock import patch

from measuring import cpu_time, parser, pin_to_one_core, seconds

BEFORE, LAYOUT, GRADIENT, BFLOAT, COMPILED = (
    "as before",
    "channels last",
    "and fast depth-wise gradient",
    "and bfloat16",
    "and torch.compile",
)
CONVOLUTIONS = (BEFORE, LAYOUT, GRADIENT, BFLOAT)
NETWORKS: dict[str, tuple[dict[str, Any], int, tuple[str, ...]]] = {  # arguments of build_model, batch, ways
    "ConvMixer-128/6, patch 2, 32 px": (
        {"name": "convmixer", "image_size": 32, "patch_size": 2, "dim": 128, "depth": 6, "kernel_size": 9},
        64,
        (*CONVOLUTIONS, COMPILED),
    ),
    "ConvMixer-256/8, patch 1, 32 px (the paper's)": ({"name": "convmixer-256/8"}, 16, CONVOLUTIONS),
    "ResNet-18, 32 px": ({"name": "resnet-18"}, 32, (BEFORE, LAYOUT, BFLOAT)),
    "DeiT-Tiny's shape, 224 px": (
        {
            "name": "vit",
            "image_size": 224,
            "patch_size": 16,
            "hidden_size": 192,
            "num_hidden_layers": 12,
            "num_attention_heads": 3,
            "intermediate_size": 768,
        },
        32,
        (BEFORE, BFLOAT),
    ),
}
SHORT = {  # a training whose accuracy is compared; the small scale of hf-etc reproduce
    "model_name_or_path": "convmixer",
    "model_config": "dim=96,depth=4,patch_size=4,kernel_size=5",
    "protocol": "plain",
    "max_train_samples": 5000,
    "max_eval_samples": 2000,
    "crop_scale": 0.75,
    "flip": 0.5,
    "num_train_epochs": 8,
    "per_device_train_batch_size": 64,
    "learning_rate": 0.01,
    "weight_decay": 0.01,
    "adam_epsilon": 0.001,
    "triangular_schedule": True,
    "save_strategy": "no",
    "report_to": "none",
    "disable_tqdm": True,
    "use_cpu": True,
    "dataloader_pin_memory": False,
}


def main() -> None:
    arguments = parser(__doc__, "training_speed", rounds=1, seeds=0)
    arguments.add_argument(
        "--rounds", type=int, default=5, help="timed steps of each way; the median counts (default 5)"
    )
    arguments.add_argument("--dataset", metavar="NAME", help="CIFAR-10: measure its loader, and train it both ways")
    arguments.add_argument("--seeds", type=int, default=3, help="trainings of each way for the accuracy (default 3)")
    arguments.add_argument("--threads", type=int, help="measure nothing but so many threads against one, by the clock")
    options = arguments.parse_args()
    if options.threads:
        os.environ["OMP_NUM_THREADS"] = str(options.threads)
        write_threads(options)
        return
    pin_to_one_core()

    from hf_etc.records import result_record, write_json

    measured: dict[str, Any] = {"images per second, one thread": {}, "times as fast": {}}
    for network, (build, batch, ways) in NETWORKS.items():
        rates = images_per_second(build, batch, ways, options.rounds)
        measured["images per second, one thread"][network] = rates
        measured["times as fast"][network] = {way: rate / rates[ways[0]] for way, rate in rates.items()}
        for way, rate in rates.items():
            print(f"{network:<46} {way:<30} {rate:9.1f} images/s {rate / rates[ways[0]]:6.2f} x", flush=True)
    if options.dataset:
        measured["loader, images per second"] = loading(options.dataset, options.rounds)
        measured["accuracy, percent"] = accuracy(options.dataset, options.seeds)
        print(measured["loader, images per second"], measured["accuracy, percent"], sep="\n")
    settings = {"rounds": options.rounds, "accuracy": SHORT if options.dataset else None}
    write_json(
        options.out,
        result_record(
            "training_speed", measured, data="random pixels; CIFAR-10 for accuracy", seed=0, settings=settings
        ),
    )


def write_threads(options: Any) -> None:
    """The record of several threads over one: the first network with everything that pays, whole steps."""
    import torch

    from hf_etc.records import result_record, write_json

    network, (build, batch, _) = next(iter(NETWORKS.items()))
    step = training_step(build, batch, BFLOAT)
    times: dict[int, list[float]] = {1: [], options.threads: []}
    for _ in range(options.rounds + 1):  # the first warms up
        for threads, spent in times.items():
            torch.set_num_threads(threads)
            spent.append(seconds(step))
    rates = {
        f"{threads} thread{'s' * (threads > 1)}": batch / statistics.median(spent[1:])
        for threads, spent in times.items()
    }
    print(network, rates)
    settings = {"rounds": options.rounds, "load average": round(os.getloadavg()[0], 2)}
    about = {"data": "random pixels", "seed": 0, "settings": settings}
    write_json(options.out, result_record("training_threads", {network: rates}, **about))


@contextmanager
def convolutions(way: str) -> Iterator[None]:
    """Networks built inside have PyTorch's own depth-wise convolution where `way` comes before the fast gradient."""
    slow = way in (BEFORE, LAYOUT)
    with patch("hf_etc.models.isotropic.with_depthwise", lambda network: network) if slow else nullcontext():
        yield


def images_per_second(build: Mapping[str, Any], batch: int, ways: tuple[str, ...], rounds: int) -> dict[str, float]:
    """Of whole training steps, by way."""
    steps = {way: training_step(build, batch, way) for way in ways}
    times = [{way: cpu_time(step) for way, step in steps.items()} for _ in range(rounds + 1)][1:]  # the first warms up
    return {way: batch / statistics.median(one[way] for one in times) for way in ways}


def training_step(build: Mapping[str, Any], batch: int, way: str) -> Callable[[], object]:
    """One step of a network on random pixels: uint8 in, weights changed."""
    import torch
    from torch.nn import functional as F

    from hf_etc.models import build_model

    torch.set_num_threads(1)
    torch.manual_seed(0)
    arguments = dict(build)
    with convolutions(way):
        model: Any = build_model(arguments.pop("name"), 10, **arguments).train()
    layout = torch.contiguous_format if way == BEFORE else torch.channels_last
    model.to(memory_format=layout)
    forward = torch.compile(model) if way == COMPILED else model
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=way != BEFORE)
    edge = model.config.image_size
    pixels = torch.randint(0, 256, (batch, 3, edge, edge), dtype=torch.uint8)
    labels = torch.randint(0, 10, (batch,))

    def step() -> None:
        inputs = pixels.float().div_(127.5).sub_(1).contiguous(memory_format=layout)
        with torch.autocast("cpu", torch.bfloat16, enabled=way in (BFLOAT, COMPILED)):
            logits = forward(inputs).logits
        F.cross_entropy(logits.float(), labels).backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def loading(dataset: str, rounds: int) -> dict[str, float]:
    """Of re-encrypted batches: picture by picture on the host, and whole batches on the device."""
    import numpy as np
    import torch

    from hf_etc import EtcKey
    from hf_etc.training.arguments import arguments_from
    from hf_etc.training.data import load_splits
    from hf_etc.training.protocols import prepare

    device = "cuda" if torch.cuda.is_available() else "cpu"
    settings = {"dataset_name": dataset, "protocol": "re-encrypted", "image_size": 32, "crop_scale": 0.75, "flip": 0.5}
    settings |= {"max_train_samples": 1024, "max_eval_samples": 64, "disable_tqdm": True}
    rates = {}
    with tempfile.TemporaryDirectory() as folder:
        EtcKey.generate().save(f"{folder}/owner.key")
        settings |= {"key_file": f"{folder}/owner.key", "output_dir": folder}
        for way, on_device in (("on the host", False), (f"on the device, {device}", True)):
            _, data, _ = arguments_from(settings | {"augment_on_device": on_device})
            prepared = prepare(data, load_splits(data))
            rng, images, augment = np.random.default_rng(0), prepared.datasets["train"], prepared.device_augment

            def epoch(images: Any = images, augment: Any = augment, rng: Any = rng) -> None:
                for start in range(0, len(images), 64):
                    batch = images.__getitems__(range(start, start + 64))["pixel_values"].to(device)
                    if augment is not None:
                        augment(batch, rng)
                if device == "cuda":
                    torch.cuda.synchronize()

            epoch()
            clock = seconds if device == "cuda" else cpu_time
            rates[way] = len(images) / statistics.median(clock(epoch) for _ in range(rounds))
    return rates


def accuracy(dataset: str, seeds: int) -> dict[str, list[float]]:
    """Top-1 in percent of the same short training as before and with everything, one figure for each seed."""
    from hf_etc.training.arguments import arguments_from
    from hf_etc.training.train import train

    changes = {BEFORE: {}, BFLOAT: {"bf16": True, "channels_last": True, "optim": "adamw_torch_fused"}}
    found: dict[str, list[float]] = {way: [] for way in changes}
    for seed in range(seeds):
        for way, changed in changes.items():
            with tempfile.TemporaryDirectory() as folder, convolutions(way):
                settings = SHORT | changed | {"dataset_name": dataset, "output_dir": folder, "seed": seed}
                result = train(*arguments_from(settings))
            found[way].append(100 * result.metrics["eval_accuracy"])
    return found


if __name__ == "__main__":
    main()
