"""What a run is of: its images, cipher, network. Recorded in its folder and in every checkpoint, and compared before
a checkpoint is trained further, so that no model is a mixture of two runs that carries the label of the second.

The record is hidden, and so stays here when the model is uploaded. It holds public facts and no path.
"""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from transformers import PreTrainedConfig
from transformers.image_processing_utils import BaseImageProcessor

from ..cipher.keys import EtcKey
from ..data.check import first_difference
from ..errors import ParameterError
from ..records import write_json
from .data import Split

RECORD = ".hf-etc-run.json"
END_BYTES = 2**15  # bytes; the length and both ends of an image file are enough to tell it from another
_ROWS = 1000  # at a time
_SHOWN = 80  # characters of a value in an error
_NO_FACT = ("transformers_version", "architectures", "dtype", "id2label", "label2id")
_REMEDY = "choose another --output_dir"


def run_facts(
    protocol: str,
    processor: BaseImageProcessor,
    size: tuple[int, int],
    jpeg: Sequence[Any],
    config: PreTrainedConfig,
    images: int,
    data: str,
    optim: str,
) -> dict[str, Any]:
    """The public facts of a run, JSON-ready.

    Args:
        protocol: see :mod:`hf_etc.training.protocols`.
        processor: saved beside the model; it names the cipher and the key's public id.
        size: (height, width) of what the model gets.
        jpeg: quality and subsampling of the ciphertexts' round trip, or nothing.
        config: of the new model.
        images: how many are trained on.
        data: their :func:`data_digest`.
        optim: name of the optimiser; a fused one is the same.
    """
    network = {"model_type": config.model_type}  # first, as the difference that says most
    network |= {name: value for name, value in config.to_diff_dict().items() if name not in _NO_FACT}
    facts = {
        "protocol": protocol,
        "processor": dict(sorted(processor.to_dict().items(), key=lambda member: member[0] == "cipher_id")),
        "size": size,
        "jpeg": jpeg,
        "network": {name: value for name, value in network.items() if not name.startswith("_")},
        "classes": list((config.id2label or {}).values()),
        "images": images,
        "data": data,
        "optim": optim.removesuffix("_fused"),
    }
    return json.loads(json.dumps(facts, default=str))


def data_digest(split: Split, key: EtcKey | None = None) -> str:
    """A digest of the images and labels of a split, in their order: 32 hexadecimal digits.

    Args:
        split: of any format; of each file 32 KiB at both ends are read, of most the whole.
        key: of an owner. Nobody else can then check a guess at the plain images.
    """
    digest = hashlib.sha256(json.dumps(list(split.labels)).encode())
    for batch in split.table.select_columns([split.image]).with_format("arrow").iter(_ROWS):
        for image in batch[split.image].to_pylist():
            digest.update(_part(image))
    if key is None:
        return digest.hexdigest()[:32]
    return key.derive(b"hf-etc/2/training-data/" + digest.digest(), length=16).hex()


def write_record(folder: str | Path, facts: Mapping[str, Any], finished: Mapping[str, Any] | None = None) -> None:
    """Write the record of a run or a checkpoint; the file appears whole or not at all.

    Args:
        folder: of the run or the checkpoint.
        facts: from :func:`run_facts`.
        finished: of a run that came to its end: how long it was to be.
    """
    write_json(Path(folder) / RECORD, {"facts": dict(facts), "finished": finished and dict(finished)})


def is_run(folder: Path) -> bool:
    """Whether a run was begun in this folder."""
    return (folder / RECORD).is_file()


def check_same_run(
    output_dir: str | Path, checkpoint: Path | None, facts: Mapping[str, Any], length: Mapping[str, Any]
) -> bool:
    """Make sure that what the output folder and the checkpoint hold is of this run.

    Args:
        output_dir: of the run.
        checkpoint: to go on from, if there is one.
        facts: of the run that is asked for.
        length: how long it is to be.

    Returns:
        Whether the run has come to its end already.

    Raises:
        ParameterError: it is another run; says in what, and what to do.
    """
    output = Path(output_dir)
    if checkpoint is not None:
        _read(checkpoint, facts)
    finished = _read(output, facts) if is_run(output) else None
    if finished is None:
        return False
    if finished == dict(length):
        return True
    if checkpoint is None:
        name, there, here = first_difference(finished, dict(length))
        raise ParameterError(
            f"{output} holds a finished run with {name} {there}, not {here}, and no checkpoint to go on from; {_REMEDY}"
        )
    return False


def _read(folder: Path, facts: Mapping[str, Any]) -> dict[str, Any] | None:
    """What a record says of its end; raises unless its facts are these."""
    try:
        record = json.loads((folder / RECORD).read_bytes())
        there, finished = dict(record["facts"]), record["finished"]
    except FileNotFoundError:
        raise ParameterError(f"{folder} does not say what it was trained on; {_REMEDY}") from None
    except (OSError, ValueError, KeyError, TypeError):
        raise ParameterError(f"{folder / RECORD} is damaged; {_REMEDY}") from None
    if there | {"optim": there.get("optim", facts["optim"])} != facts:  # older records lack it
        raise ParameterError(f"{folder} was trained {_difference(there, dict(facts))}; {_REMEDY}")
    return finished


def _difference(there: Any, here: Any) -> str:
    name = ""
    while isinstance(there, dict) and isinstance(here, dict):
        name, there, here = first_difference(there, here)
    return "on other images or labels" if name == "data" else f"with {name} {_shown(there)}, not {_shown(here)}"


def _shown(value: Any) -> str:
    text = "nothing" if value is None else json.dumps(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _part(image: Mapping[str, Any]) -> bytes:
    """The digest of one image file; of one that cannot be read nothing, reading the images says why."""
    try:
        with (
            pa.BufferReader(image["bytes"])
            if image["bytes"] is not None
            else Path(image["path"] or "").open("rb") as file
        ):
            size = file.seek(0, os.SEEK_END)
            digest = hashlib.sha256(b"%d" % size)
            for start in (0, max(0, size - END_BYTES)):
                file.seek(start)
                digest.update(file.read(END_BYTES))
            return digest.digest()
    except OSError:
        return b""
