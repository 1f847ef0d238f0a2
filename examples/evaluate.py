#!/usr/bin/env python
"""Evaluate a trained model: right key, wrong key, no encryption, and after JPEG.

The owner's side, with plain images and the key:

    python examples/evaluate.py --model_name_or_path run --dataset_name PLAIN_DATASET --key_file owner.key

The server's side, with ciphertexts and no key:

    python examples/evaluate.py --model_name_or_path run --dataset_name ciphertexts

Prints a table and writes evaluation.json into the model's folder; --help lists the options, such as
--jpeg_quality 85 80 --jpeg_subsampling 4:2:0.
"""

import sys
from pathlib import Path

# Python puts this folder first, where evaluate.py would hide the library of that name.
sys.path = [path for path in sys.path if Path(path).resolve() != Path(__file__).resolve().parent]

from hf_etc.cli import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main(["evaluate", *sys.argv[1:]]))
