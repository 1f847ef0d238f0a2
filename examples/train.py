#!/usr/bin/env python
"""Train an image classifier on encrypted or plain images.

The server's side, from a folder of ciphertexts; there is no key in this process:

    hf-etc encrypt DATASET ciphertexts --key owner.key --format jpeg --quality 85
    accelerate launch examples/train.py --dataset_name ciphertexts --output_dir run \\
        --model_name_or_path convmixer --model_config dim=256,depth=8,patch_size=4,kernel_size=5

A recipe of the paper, on the owner's side (augment, then encrypt anew in every epoch):

    HF_ETC_KEY_FILE=owner.key accelerate launch examples/train.py examples/recipes/convmixer-etc-cifar10.yaml

Options after a recipe override it; --help lists them. This is hf-etc train. Several GPUs, or two processes on the CPU:

    accelerate launch --multi_gpu --num_processes 8 examples/train.py RECIPE --per_device_train_batch_size 8
    accelerate launch --cpu --num_processes 2 examples/train.py RECIPE --per_device_train_batch_size 32

examples/accelerate holds configurations for several GPUs, FSDP and DeepSpeed:

    accelerate launch --config_file examples/accelerate/fsdp.yaml examples/train.py RECIPE

The batch of a step is per_device_train_batch_size x processes x gradient_accumulation_steps.

Ctrl-C or SIGTERM saves a checkpoint and ends the run; the same command goes on from the last one, also
after a kill. Signals go to the training processes: `accelerate launch` passes SIGTERM on only where it
starts several.
"""

import sys
from pathlib import Path

# Python puts this folder first, where evaluate.py would hide the library of that name.
sys.path = [path for path in sys.path if Path(path).resolve() != Path(__file__).resolve().parent]

from hf_etc.cli import main  # noqa: E402
from hf_etc.training.launch import start_cpu_processes  # noqa: E402

if __name__ == "__main__":
    start_cpu_processes()
    sys.exit(main(["train", *sys.argv[1:]]))
