"""Uploads that go through the guard first, from copies that stay as they were when the guard saw them."""

import json
import re
import struct
from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from huggingface_hub import CommitOperationAdd, DatasetCard, HfApi
from transformers import AutoImageProcessor

from ..errors import EtcError, ParameterError
from .cards import dataset_card, model_card
from .connection import hub_errors
from .contents import open_file
from .guard import check_dataset, check_storage
from .private_copy import private_copy, private_dataset
from .remote_code import with_remote_code
from .results import RECORD_NAME
from .scan import check_file

if TYPE_CHECKING:
    import datasets

# What a Trainer leaves behind and nobody needs to load the model.
_LEFT_OUT = re.compile(
    r"checkpoint-\d+|runs|training_args\.bin|trainer_state\.json|(optimizer|scheduler|scaler)\.(pt|bin)|"
    r"rng_state.*\.pth|README\.md|__pycache__|\..*"
)


def push_model(
    folder: str | Path,
    repo_id: str,
    *,
    records: Sequence[str | Path] | None = None,
    datasets: Sequence[str] = (),
    private: bool | None = None,
    token: str | None = None,
    revision: str | None = None,
    commit_message: str = "Upload model, processor and card",
) -> str:
    """Upload a trained model with its processor and a generated card, in one commit.

    Args:
        folder: output folder of a training, with config.json and preprocessor_config.json. Checkpoints, the Trainer's
            own state and hidden files stay here; a README.md gives way to the generated card.
        repo_id: "user/name".
        records: JSON files of ``hf-etc evaluate``; their accuracies go into the card. Default: evaluation.json in
            the folder, where ``hf-etc evaluate`` writes it, if there is one.
        datasets: Hub ids of the datasets trained on.
        private: visibility of a new repository.
        token: of the Hub; default: the one you are logged in with.
        revision: branch to commit to; default: main.
        commit_message: of the commit.

    Returns:
        The address of the commit. After an interruption, call it again: what has arrived is not sent twice.

    Raises:
        ParameterError: the folder holds no model with its processor, or a record is not one of an evaluation.
        KeyMismatchError: a record is of a model with another key.
        UploadRefusedError: a file holds a key, a token or a plain image, or changed meanwhile. Nothing was sent.
        OutputError: no room for a copy of the files in the folder of the Hub's caches (HF_HOME).
        HubError: not logged in, no permission, no connection.
    """
    folder = Path(folder)
    processor = _load_processor(folder)
    if records is None:
        records = [folder / RECORD_NAME] if (folder / RECORD_NAME).exists() else []
    card = model_card(repo_id, processor, _network(folder), records, datasets)
    originals = {file.relative_to(folder).as_posix(): file for file in model_files(folder)}
    originals |= {Path(record).name: Path(record) for record in records}
    made = with_remote_code(folder) | {"README.md": str(card).encode()}
    copied = {name: path for name, path in originals.items() if name not in made}
    with private_copy(copied) as copies:
        files: dict[str, Any] = copies.files | made
        for name, content in files.items():
            check_file(name, open_file(content) if isinstance(content, Path) else content)
        copies.refuse_changes()
        with hub_errors(repo_id, token):
            api = HfApi(token=token)
            repo_id = api.create_repo(repo_id, private=private, exist_ok=True).repo_id
            operations = [CommitOperationAdd(name, content) for name, content in files.items()]
            commit = api.create_commit(repo_id, operations, commit_message=commit_message, revision=revision)
            return str(commit.commit_url)


def push_dataset(
    dataset: "str | Path | datasets.Dataset | datasets.DatasetDict",
    repo_id: str,
    *,
    private: bool | None = None,
    token: str | None = None,
    max_shard_size: int | str | None = None,
) -> str:
    """Upload an encrypted dataset with a generated card.

    Use this in place of ``dataset.push_to_hub(...)``, which uploads the plain images behind a lazy transform.

    Args:
        dataset: materialised ciphertexts, or the folder that ``hf-etc encrypt`` or ``save_to_disk`` wrote.
        repo_id: "user/name".
        private: visibility of a new repository.
        token: of the Hub; default: the one you are logged in with.
        max_shard_size: of a parquet file, such as "500MB" (default).

    Returns:
        The address of the last commit. After an interruption, call it again: what has arrived is not sent twice.

    Raises:
        UploadRefusedError: an image is plain, the dataset has a lazy transform, or a column holds a secret. Nothing
            was sent.
        OutputError: no room for a copy of the dataset in the folder of the Hub's caches (HF_HOME).
        HubError: not logged in, no permission, no connection.
    """
    if isinstance(dataset, str | Path):
        from ..data.convert.source import read_splits

        dataset = read_splits(str(dataset))
    check_storage(dataset)
    with private_dataset(dataset) as copy:
        encryption = check_dataset(copy)
        with hub_errors(repo_id, token):
            api = HfApi(token=token)
            repo_id = api.create_repo(repo_id, repo_type="dataset", private=private, exist_ok=True).repo_id
            copy.push_to_hub(repo_id, token=token, max_shard_size=max_shard_size)
            card = dataset_card(repo_id, encryption, DatasetCard.load(repo_id, token=token))
            check_file("README.md", str(card).encode())
            message = "Describe the encryption"
            return str(card.push_to_hub(repo_id, repo_type="dataset", token=token, commit_message=message).commit_url)


def _load_processor(folder: Path) -> Any:
    for name in ("config.json", "preprocessor_config.json"):
        if not (folder / name).is_file():
            raise ParameterError(f"{folder} has no {name}; give the output folder of a training")
    try:
        return AutoImageProcessor.from_pretrained(folder)
    except EtcError:
        raise
    except (OSError, ValueError) as error:
        raise ParameterError(f"{folder / 'preprocessor_config.json'}: {str(error).splitlines()[0]}") from None


def model_files(folder: Path) -> list[Path]:
    """The files of a trained model's folder that are uploaded: none that a Trainer leaves behind, none hidden."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return [path for path in files if not any(map(_LEFT_OUT.fullmatch, path.relative_to(folder).parts))]


def _network(folder: Path) -> str:
    """Class and number of parameters, from the files alone."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    name = (config.get("architectures") or ["unknown network"])[0]
    weights = list(folder.glob("*.safetensors"))
    return f"{name}, {sum(map(_parameters, weights)):,} parameters" if weights else name


def _parameters(weights: Path) -> int:
    with weights.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
    return sum(prod(tensor["shape"]) for name, tensor in header.items() if name != "__metadata__")
