"""Who holds what: the three protocols turn encoded images into what the model is trained and evaluated on.

static: the server's side. The images are marked ciphertexts; there is no key in the process, and none
is looked for, so a key that happens to be in the environment is not read either.
re-encrypted: the owner's side. Plain images are augmented, then encrypted anew at every fetch.
plain: the baseline without a cipher.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from transformers import ViTImageProcessor
from transformers.image_processing_utils import BaseImageProcessor

from ..cipher import CipherSpec
from ..cipher.keys import EtcKey, load_key
from ..cipher.presets import preset_parameters
from ..data import common_marker
from ..errors import GeometryError, ParameterError
from ..images.ciphertext import decode_ciphertext, load_plain
from ..images.load import ImageSource
from ..images.prepare import Preparation, to_size
from ..processor.image_processing import EtcImageProcessor
from ..sealing import Recipe, Sealer
from .arguments import DataArguments
from .augment import plain_augment
from .data import Split
from .dataset import ImageDataset
from .device_augment import DeviceAugment
from .identity import data_digest

_PARAMETERS = ("block_size", "key_scope", "gap", "jitter", "keep")
_REMEDY = "train on a dataset of ciphertexts with --protocol static"


@dataclass(frozen=True)
class Prepared:
    """What a run trains and evaluates on.

    Attributes:
        datasets: "train" and "eval", as far as they were loaded.
        processor: saved beside the model. A key is never in it.
        size: (height, width) that the model gets.
        data: digest of the images and labels to train on, see :func:`hf_etc.training.identity.data_digest`; "" without.
        device_augment: what is done to training batches on the device before anything else, if anything.
    """

    datasets: dict[str, ImageDataset]
    processor: BaseImageProcessor
    size: tuple[int, int]
    data: str
    device_augment: DeviceAugment | None = None


def prepare(args: DataArguments, splits: dict[str, Split], seed: int = 0, progress: bool = False) -> Prepared:
    """Set up the protocol of `args` for the loaded splits.

    Raises:
        NotACiphertextError: a plain image under the static protocol.
        AlreadyEncryptedError: a ciphertext under one of the others.
        MissingKeyError: the re-encrypted protocol without a key.
        GeometryError, KeyMismatchError, ParameterError: images or arguments that do not fit together.
    """
    options = {"in_memory": args.in_memory, "seed": seed, "progress": progress}
    return _PROTOCOLS[args.protocol](args, splits, options)


def _static(args: DataArguments, splits: dict[str, Split], options: dict[str, Any]) -> Prepared:
    first = next(iter(splits.values()))
    marker = common_marker({name: split.table for name, split in splits.items()}, first.image)
    size = (marker.height, marker.width)
    _expect(args, marker.spec, size)
    datasets = {
        name: ImageDataset(split.sources(), split.labels, _read_ciphertext, **options) for name, split in splits.items()
    }
    processor = EtcImageProcessor(cipher=marker.spec, size=size, cipher_id=marker.cipher_id or None)
    return Prepared(datasets, processor, marker.size, _digest(splits))


def _reencrypted(args: DataArguments, splits: dict[str, Split], options: dict[str, Any]) -> Prepared:
    key, jpeg = None if args.disposable else load_key(args.key_file), {}
    if args.jpeg_quality is not None:
        jpeg = {"format": "jpeg", "quality": args.jpeg_quality, "subsampling": args.jpeg_subsampling}
    members = {name: getattr(args, name) for name in ("cipher", "preset", *_PARAMETERS, "fit", "resample")}
    members["disposable"] = args.disposable or None
    sealer = Sealer(key, Recipe.of(size=args.image_size, **members, **jpeg))
    spec, preparation = sealer.recipe.spec, sealer.recipe.preparation
    datasets, size = _from_plain(args, splits, options, preparation, sealer)
    fit = None if preparation.fit == "exact" else preparation.fit  # images of their own size had that very size
    id_ = None if spec.disposable else sealer.cipher.cipher_id(*size)  # without one, the model is for everybody's keys
    public = spec.with_kept_key()  # the model takes ciphertexts of keys that are kept, too
    processor = EtcImageProcessor(cipher=public, size=size, fit=fit, resample=args.resample, cipher_id=id_)
    on_device = _device_augment(args, sealer)
    return Prepared(datasets, processor, spec.output_size(*size), _digest(splits, key), on_device)


def _plain(args: DataArguments, splits: dict[str, Split], options: dict[str, Any]) -> Prepared:
    preparation = Preparation(to_size(args.image_size), args.fit, args.resample)  # type: ignore[arg-type]
    datasets, size = _from_plain(args, splits, options, preparation)
    processor = plain_processor(size, preparation.fit, args.resample)
    return Prepared(datasets, processor, size, _digest(splits), _device_augment(args))


_PROTOCOLS: dict[str, Callable[[DataArguments, dict[str, Split], dict[str, Any]], Prepared]] = {
    "static": _static,
    "re-encrypted": _reencrypted,
    "plain": _plain,
}


def _from_plain(
    args: DataArguments,
    splits: dict[str, Split],
    options: dict[str, Any],
    preparation: Preparation,
    sealer: Sealer | None = None,
) -> tuple[dict[str, ImageDataset], tuple[int, int]]:
    """The datasets of an owner, and the size of the first image after preparation."""
    grid, finish = (1, None) if sealer is None else (sealer.recipe.spec.grid, sealer.encrypt)
    prepared = partial(preparation.read, grid=grid, remedy=_REMEDY)
    first = next(iter(splits.values()))
    height, width = prepared(first.sources()[0]).shape[:2]
    if sealer is not None:
        sealer.recipe.spec.check_size(height, width)
    datasets = {}
    if "train" in splits:
        split, steps = splits["train"], (plain_augment(args, (height, width)), finish)
        read = _read_plain if args.crop_scale < 1 else prepared  # a random crop brings any image to size itself
        if args.augment_on_device:
            read, steps = prepared, (None, None)
        datasets["train"] = ImageDataset(split.sources(), split.labels, read, *steps, **options)
    if "eval" in splits:
        split = splits["eval"]
        datasets["eval"] = ImageDataset(split.sources(), split.labels, prepared, None, finish, once=True, **options)
    return datasets, (height, width)


def _device_augment(args: DataArguments, sealer: Sealer | None = None) -> DeviceAugment | None:
    if not args.augment_on_device:
        return None
    return DeviceAugment(args.crop_scale, args.flip, None if sealer is None else sealer.encrypt_tensor)


def _digest(splits: dict[str, Split], key: EtcKey | None = None) -> str:
    return data_digest(splits["train"], key) if "train" in splits else ""


def plain_processor(size: tuple[int, int], fit: str | None = "crop", resample: str = "bicubic") -> ViTImageProcessor:
    """transformers' processor for a plain model: the same size, 0.5/0.5.

    Its resampling is torchvision's, which differs from Pillow's by rounding.

    Raises:
        ParameterError: a fit that this processor does not have.
    """
    height, width = size
    options: dict[str, Any] = {"size": {"height": height, "width": width}}
    if fit == "crop":
        if height != width:
            raise ParameterError(f"a plain model of {height}x{width} cannot use --fit crop; use --fit stretch")
        options = {"size": {"shortest_edge": height}, "default_to_square": False}
        options |= {"do_center_crop": True, "crop_size": {"height": height, "width": width}}
    elif fit == "pad":
        raise ParameterError("--fit pad has no counterpart in ViTImageProcessor; use crop or stretch")
    half = [0.5, 0.5, 0.5]
    filters = {"bilinear": 2, "bicubic": 3}
    return ViTImageProcessor(image_mean=half, image_std=half, resample=filters[resample], **options)


def _read_ciphertext(source: ImageSource) -> np.ndarray:
    return decode_ciphertext(source)[0]


def _read_plain(source: ImageSource) -> np.ndarray:
    return np.asarray(load_plain(source, _REMEDY))


def _expect(args: DataArguments, spec: CipherSpec, size: tuple[int, int]) -> None:
    """Ciphertexts are taken as they are; what a recipe says about them must be true."""
    if args.image_size is not None and size != (args.image_size, args.image_size):
        raise GeometryError(
            f"the ciphertexts are {size[0]}x{size[1]}, --image_size is {args.image_size}; "
            "they cannot be resized, encrypt the plain images at that size"
        )
    expected = {name: getattr(args, name) for name in _PARAMETERS if getattr(args, name) is not None}
    if args.preset is not None:
        expected = preset_parameters(args.preset, args.block_size) | expected
    for name, wanted in expected.items():
        found = getattr(spec, name, None)
        if wanted != found:
            raise ParameterError(f"the ciphertexts have {name} {found}, not --{name} {wanted}; correct it")
