"""What the measurements work with: the scale, the data, the key and a working folder."""

import hashlib
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

import numpy as np
from PIL import Image

from ..cipher.keys import EtcKey
from ..data import encrypt_dataset
from ..errors import ParameterError
from ..files import whole_folder
from ..images.load import load_rgb
from ..images.prepare import Preparation
from ..training.arguments import SourceArguments
from ..training.data import Split, load_eval_split
from .cells import NotMeasured
from .embedded import load_digits, load_photographs
from .store import SEED, Scale

if TYPE_CHECKING:
    from ..metrics.similarity import Lpips

T = TypeVar("T")
DatasetName = Literal["cifar10", "imagenette"]
HUB: dict[str, tuple[str, str | None]] = {
    "cifar10": ("uoft-cs/cifar10", None),
    "imagenette": ("frgfm/imagenette", "full_size"),
}
KODAK = ("Freed-Wu/kodak", "refs/convert/parquet")
PHOTOGRAPHS = 24
EDGE = {"cifar10": 32, "imagenette": 224}
DIGITS_EDGE = {"cifar10": 32, "imagenette": 64}


class Bench(Protocol):
    """What a runner must know of that which the cells work with."""

    seed: int

    @property
    def scale(self) -> Scale:
        """How much is measured."""

    @property
    def data_name(self) -> str:
        """For the records."""

    def command(self, experiment: str) -> list[str]:
        """That measures an experiment, for the records."""


class Lab:
    """Everything a cell may ask for.

    Args:
        scale: how much to measure: "smoke", "small", "medium" (trained networks alone) or "paper".
        work: folder of prepared datasets and trained models; a later run goes on with what it holds.
        data: folder with cifar10/, imagenette/, kodak/ and lpips/; None takes the datasets from the Hub, or,
            at scale "smoke", the digits and photographs that scikit-learn carries.
        seed: of the training and of the choice of images.
        minutes: after which a training stops with a checkpoint; None: none does.

    Attributes:
        key: the same in every reproduction, so that everyone measures the same ciphertexts. It is public: the
            data are, too.
    """

    def __init__(
        self,
        scale: Scale,
        work: str | Path,
        data: str | Path | None = None,
        seed: int = SEED,
        minutes: float | None = None,
    ) -> None:
        self.scale, self.work, self.seed = scale, Path(work), seed
        self._end = None if minutes is None else time.monotonic() + 60 * minutes
        self.data = None if data is None else Path(data)
        self.embedded = self.data is None and scale == "smoke"
        self._images: dict[tuple, np.ndarray] = {}
        self.key = EtcKey(hashlib.sha256(b"hf-etc reproduce").digest())

    @property
    def data_name(self) -> str:
        """For the records."""
        return "scikit-learn digits and photographs" if self.embedded else "CIFAR-10, Imagenette, Kodak"

    def command(self, experiment: str) -> list[str]:
        """For the records."""
        return ["hf-etc", "reproduce", experiment, "--scale", self.scale]

    @property
    def minutes_left(self) -> float | None:
        """For trainings; None: no limit."""
        return None if self._end is None else max(0, self._end - time.monotonic()) / 60

    def amount(self, smoke: T, small: T, paper: T) -> T:
        """The one of three values that belongs to the scale."""
        return {"smoke": smoke, "small": small, "paper": paper}[self.scale]

    def edge(self, name: str) -> int:
        """Edge in pixels of the images of a dataset."""
        return (DIGITS_EDGE if self.embedded else EDGE)[name]

    def source(self, name: str) -> dict[str, Any]:
        """The dataset in the names of hf_etc.training: dataset_name and dataset_config_name.

        Raises:
            ParameterError: the data folder lacks it.
        """
        if self.embedded:
            return {"dataset_name": str(self._digits()), "dataset_config_name": None}
        if self.data is None:
            return dict(zip(("dataset_name", "dataset_config_name"), HUB[name], strict=True))
        if not (self.data / name).is_dir():
            raise ParameterError(f"no folder {name} in {self.data}; leave --data out to take it from the Hub")
        return {"dataset_name": str(self.data / name), "dataset_config_name": None}

    def weights(self, network: str) -> str:
        """Where a published network is: its Hub id, or the folder of its name in the data folder.

        Args:
            network: a Hub id, or a preset or family of hf_etc.models, which has no weights.

        Raises:
            NotMeasured: the data folder lacks it.
        """
        if "/" not in network or self.data is None:
            return network
        folder = self.data / network.split("/")[1]
        if not folder.is_dir():
            raise NotMeasured(f"no folder {folder.name} in {self.data}; save {network} there, or leave --data out")
        return str(folder)

    def split(self, name: str, split: str | None = None) -> Split:
        """Encoded images and labels: "train", or the split to evaluate on."""
        return load_eval_split(SourceArguments(**self.source(name), eval_split=split), self.seed)

    def images(self, name: str, count: int | None, splits: tuple[str | None, ...] = (None,)) -> np.ndarray:
        """Plain images at the dataset's edge.

        Args:
            name: of the dataset.
            count: this many, chosen at random by the seed; None: all, in order.
            splits: which ones, one after the other; None is the split to evaluate on.

        Returns:
            uint8 (N,H,W,3).
        """
        wanted = (name, count, splits)
        if wanted not in self._images:
            self._images = {wanted: self._read(*wanted)}  # the last one alone: cells in a row use the same images
        return self._images[wanted]

    def _read(self, name: str, count: int | None, splits: tuple[str | None, ...]) -> np.ndarray:
        sources = [source for split in splits for source in self.split(name, split).sources()]
        rows = range(len(sources))
        if count is not None and count < len(sources):
            rows = np.sort(np.random.default_rng(self.seed).choice(len(sources), count, replace=False)).tolist()
        preparation = Preparation((self.edge(name),) * 2)
        return np.stack([preparation.read(sources[row]) for row in rows])

    def photographs(self, count: int) -> list[np.ndarray]:
        """The Kodak photographs, uint8 (512,768,3) or upright, or parts of scikit-learn's two."""
        if self.embedded:
            return [np.array(image.crop((0, 0, 384, 256))) for image in load_photographs()][:count]
        if self.data is None:
            from datasets import load_dataset

            rows = load_dataset(KODAK[0], revision=KODAK[1], split="test")
            return [np.asarray(load_rgb(row["image"])) for row in rows.select(range(count))]
        files = sorted(path for path in (self.data / "kodak").glob("*") if path.suffix in (".png", ".webp"))
        if len(files) < count:
            raise ParameterError(f"{len(files)} photographs in {self.data / 'kodak'}, {PHOTOGRAPHS} are needed")
        return [np.asarray(load_rgb(Image.open(path))) for path in files[:count]]

    def lpips(self) -> "Lpips":
        """LPIPS with the SqueezeNet backbone.

        Raises:
            NotMeasured: there is no data folder with its weights.
        """
        from ..metrics.similarity import Lpips

        if self.data is None or not (self.data / "lpips").is_dir():
            raise NotMeasured("the LPIPS weights are on no Hub dataset; give --data with lpips/v0.1/squeeze.pth")
        return Lpips(self.data / "lpips")

    def plain(self, name: str, size: int, rows: tuple[int, int]) -> Path:
        """A subset as a dataset on disk: images of one size, `rows` for training and testing."""
        from datasets import ClassLabel, Dataset, DatasetDict, Features
        from datasets import Image as ImageFeature

        def write(folder: Path) -> None:
            tables = {}
            for split, wanted, count in (("train", "train", rows[0]), ("test", None, rows[1])):
                found = self.split(name, wanted)
                chosen = np.random.default_rng(self.seed).permutation(len(found))[:count].tolist()
                sources, preparation = found.sources(), Preparation((size, size))
                images = [Image.fromarray(preparation.read(sources[row])) for row in chosen]
                features = Features({"image": ImageFeature(), "label": ClassLabel(names=found.class_names)})
                labels = [found.labels[row] for row in chosen]
                tables[split] = Dataset.from_dict({"image": images, "label": labels}, features=features)
            DatasetDict(tables).save_to_disk(folder)

        origin = "digits" if self.embedded else name
        return self.made(f"{origin}-{size}-{rows[0]}-{rows[1]}-seed{self.seed}", write)

    def encrypted(self, plain: Mapping[str, Any], cipher: Mapping[str, Any], quality: int | None, size: int) -> Path:
        """A dataset's ciphertexts on disk, what a server holds: lossless files, or JPEG of a quality.

        Args:
            plain: as from :meth:`source`.
            cipher: arguments of :class:`hf_etc.data.EncryptImages`.
            quality: of JPEG; None: PNG.
            size: edge in pixels that pictures get.
        """
        from ..training.arguments import DataArguments
        from ..training.data import load_splits

        def write(folder: Path) -> None:
            from datasets import DatasetDict

            splits = load_splits(DataArguments(protocol="plain", **plain))
            form = {"format": "png"} if quality is None else {"format": "jpeg", "quality": quality}
            tables = DatasetDict(train=splits["train"].table, test=splits["eval"].table)
            column = splits["train"].image
            encrypt_dataset(tables, self.key, size=size, column=column, **form, **cipher).save_to_disk(folder)

        kind = "-".join(str(value) for value in cipher.values())
        name = Path(plain["dataset_name"]).name
        return self.made(f"{name}-{size}-{kind}-{'png' if quality is None else f'jpeg{quality}'}", write)

    def key_file(self) -> Path:
        """A file with the public key of the reproductions."""
        path = self.work / "reproduce.key"
        if not path.is_file():
            self.work.mkdir(parents=True, exist_ok=True)
            self.key.save(path)
        return path

    def _digits(self) -> Path:
        return self.made("digits", lambda folder: load_digits().save_to_disk(folder))

    def made(self, name: str, write: Callable[[Path], None]) -> Path:
        """A folder of `work` that appears whole or not at all."""
        return whole_folder(self.work / "data" / name, write)


@lru_cache(maxsize=1)
def recipes_folder() -> Path:
    """The recipes of the source tree.

    Raises:
        ParameterError: this is an installed copy without them.
    """
    folder = Path(__file__).parents[2] / "examples" / "recipes"
    if not folder.is_dir():
        raise ParameterError("table2, table3 and fig5 read examples/recipes; run them from a clone of the repository")
    return folder
