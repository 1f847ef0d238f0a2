"""Loading a dataset from wherever it is."""

from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ParameterError
from ..files import is_local, place

if TYPE_CHECKING:
    from datasets import DatasetDict


def load_tables(source: str | Path, config: str | None = None, revision: str | None = None) -> "DatasetDict":
    """All splits of a parquet or arrow file, a folder of those or of images, a ``save_to_disk`` folder, or a Hub name.

    Args:
        source: a path, an address such as ``s3://bucket/folder``, or a name.
        config: configuration of the dataset, where it has several.
        revision: branch, tag or commit on the Hub.

    Raises:
        ParameterError: it cannot be loaded; says why.
    """
    from datasets import Dataset, DatasetDict, load_dataset, load_from_disk

    path = place(source)
    try:
        if path.is_file():
            loaded = load_dataset(path.suffix.lower()[1:], data_files=str(path))
        elif (path / "dataset_dict.json").exists() or (path / "state.json").exists():
            loaded = load_from_disk(str(path))
        elif not is_local(path):
            loaded = _load_store(path)
        else:
            loaded = load_dataset(str(source), config, revision=revision)
    except (OSError, ValueError, RuntimeError) as error:  # not found, no such configuration, a dataset script
        first_line = (str(error).splitlines() or [type(error).__name__])[0]
        raise ParameterError(f"cannot load the dataset {source}: {first_line}") from None
    if isinstance(loaded, Dataset):
        name = str(loaded.split or "train").split("[")[0]  # a saved part of a split is named "train[:100]"
        return DatasetDict({name: loaded})
    return loaded


def _load_store(folder: Path) -> "DatasetDict":
    """Tables or images in a store, with the splits that their names say, as ``load_dataset`` does with a folder."""
    from datasets import load_dataset
    from datasets.data_files import DataFilesDict, get_data_patterns

    files = DataFilesDict.from_patterns(get_data_patterns(str(folder)), base_path=str(folder))
    kinds = {Path(name).suffix.lower() for names in files.values() for name in names}
    builder = next((kind for kind in ("parquet", "arrow") if f".{kind}" in kinds), "imagefolder")
    return load_dataset(builder, data_files=dict(files))
