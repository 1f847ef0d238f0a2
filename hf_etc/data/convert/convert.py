"""The main entry: convert whatever the user points at, with a progress bar."""

from pathlib import Path
from typing import Any, Literal, get_args

from ...errors import OutputError, ParameterError
from ...files import is_local, place, whole_file
from ..batches import ImageMap
from .conversion import ARRANGEMENTS, Arrangement, Conversion
from .report import Report
from .source import Kind, kind_of

Executor = Literal["processes", "ray", "ranks"]
EXECUTORS = get_args(Executor)


def convert(
    source: str | Path,
    destination: str | Path,
    images: ImageMap,
    *,
    layout: Arrangement | None = None,
    split: str | None = None,
    limit: int | None = None,
    num_proc: int | None = 1,
    executor: Executor = "processes",
    progress: bool = False,
) -> Report:
    """Encrypt or decrypt a file, a folder tree of images, or a dataset, on disk or in a store.

    Outputs appear whole or not at all. A folder can be resumed with the same arguments; with others it is refused.
    Then everything is made anew that is missing, damaged, or not of the content that its source has now.

    Args:
        source: an image file; a folder of images; a folder or file of parquet or arrow tables; a folder written by
            ``save_to_disk``; the address of one of these in a store (``s3://...``, ``hf://...``, whatever fsspec
            knows); or a dataset's name on the Hub.
        destination: for a file, the new file or an existing folder; else a new folder, or with the layout parquet an
            address, too.
        images: :class:`hf_etc.data.EncryptImages` or :class:`hf_etc.data.DecryptImages`.
        layout: "mirror": the tree of files as it is (default for a folder of images). "parquet": shards that
            ``load_dataset(destination)`` reads, all columns kept (default for a dataset). "imagefolder":
            ``destination/split/label/row`` files; it sorts class names, so class numbers may change.
        split: only this split of a dataset.
        limit: only the first rows of each split, in stored order.
        num_proc: processes. None: as many as the executor finds processors.
        executor: who does the work; all write the same files. "processes": of this machine. "ray": of a Ray cluster,
            the one that ``RAY_ADDRESS`` names or one on this machine. "ranks": all processes that ``torchrun`` or
            ``accelerate launch`` started, each of which must call this. Workers elsewhere read the key from the file
            named by ``HF_ETC_KEY_FILE``, which is nowhere sent (docs/scale.md).
        progress: show a progress bar if stderr is a terminal.

    Raises:
        OutputError: an output cannot be written, exists, or belongs to another conversion; or the folder holds the
            output of a picture that the source no longer has.
        ParameterError: arguments that do not go together.
        MissingExtraError: the package of an executor or a store is not installed.
        EtcError: an image is bad; the error names its file or row. What was finished stays.

    Example:
        >>> import tempfile
        >>> from PIL import Image
        >>> from hf_etc import EncryptImages, EtcKey
        >>> folder = Path(tempfile.mkdtemp())
        >>> Image.new("RGB", (32, 32)).save(folder / "cat.bmp")
        >>> convert(folder / "cat.bmp", folder / "cat.png", EncryptImages(EtcKey.generate())).images
        1
    """
    kind = kind_of(str(source))
    chosen = _layout(kind, layout, split, limit)
    if executor not in EXECUTORS:
        raise ParameterError(f"executor {executor!r}: use one of {', '.join(EXECUTORS)}")
    if num_proc is not None and num_proc < 1:
        raise ParameterError(f"num_proc {num_proc}: use 1 or more processes")
    if limit is not None and limit < 1:
        raise ParameterError(f"limit {limit}: use 1 or more rows")
    if chosen == "mirror" and images.copies > 1:
        raise ParameterError("views need the layout parquet or imagefolder")
    if kind == "file" and executor == "ranks":
        raise ParameterError("one file cannot be shared among ranks; use the executor processes")
    if kind == "file":
        return _convert_file(place(source), place(destination), images)
    _check_apart(place(source), place(destination))
    _check_store(place(destination), images, chosen)
    if executor != "processes":
        _check_elsewhere(images)
    asked = Conversion(str(source), str(destination), images, chosen, split, limit)
    report = _engine(executor)(asked, num_proc, progress)
    report.bad.sort()
    return report


def _engine(executor: Executor) -> Any:
    if executor == "ray":
        from .on_ray import convert_on_ray

        return convert_on_ray
    if executor == "ranks":
        from .ranks import convert_in_ranks

        return convert_in_ranks
    from .processes import convert_in_processes

    return convert_in_processes


def _layout(kind: Kind, layout: Arrangement | None, split: str | None, limit: int | None) -> Arrangement:
    chosen = layout or ("parquet" if kind == "dataset" else "mirror")
    if chosen not in ARRANGEMENTS:
        raise ParameterError(f"layout {chosen!r}: use one of {', '.join(ARRANGEMENTS)}")
    if kind == "dataset" and chosen == "mirror":
        raise ParameterError("the layout mirror is for folders of images; use parquet or imagefolder for a dataset")
    if kind == "file" and chosen != "mirror":
        raise ParameterError(f"the layout {chosen} is for folders and datasets, the source is one file")
    if chosen == "mirror" and (split is not None or limit is not None):
        raise ParameterError("split and limit are for the layouts parquet and imagefolder")
    return chosen


def _convert_file(source: Path, destination: Path, images: ImageMap) -> Report:
    if destination.is_dir():
        destination /= source.stem + images.suffix
    if destination.suffix.lower() not in (images.suffix, *([".jpeg"] if images.suffix == ".jpg" else [])):
        raise ParameterError(f"{destination} would be a {images.suffix} file; name it so, or choose another format")
    if destination.exists():
        raise OutputError(f"{destination} exists and is not overwritten; choose another name")
    files, bad = images.convert([source], [str(source)])
    for file in files[0]:
        with whole_file(destination, sync=True) as out:
            out.write(file)
    return Report(images=len(files[0]), bad=bad)


def _check_apart(source: Path, destination: Path) -> None:
    here, there = (path.resolve() if is_local(path) else path for path in (source, destination))
    if source.exists() and (here == there or here in there.parents or there in here.parents):
        raise OutputError(f"{destination} and {source} lie within each other; choose a folder of its own")


def _check_store(destination: Path, images: ImageMap, layout: Arrangement) -> None:
    if is_local(destination):
        return
    if layout != "parquet":
        raise ParameterError(f"{destination}: a store takes shards, not a file for each image; use the layout parquet")
    if images.operation == "decrypt":
        raise ParameterError(f"{destination}: plain pictures are written to this machine alone; choose a folder here")


def _check_elsewhere(images: ImageMap) -> None:
    if images.converter.held.id is None:
        raise ParameterError("disposable keys are for one machine: their tags need a secret that no worker is sent")
