"""The image processor of a model that was trained on encrypted images.

With a key it is the client's: plain pictures in, encrypted pixel values out. Without one it is the
server's: it takes marked ciphertexts of the right key, cipher and size, and nothing else.
"""

import os
import re
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import fields
from functools import partial
from typing import Annotated, Any, TypedDict

import numpy as np
from transformers.image_processing_backends import PilBackend
from transformers.image_processing_base import BatchFeature
from transformers.image_utils import ChannelDimension, SizeDict
from transformers.processing_utils import ImagesKwargs
from transformers.utils import TensorType
from transformers.utils.type_validators import tensor_type_validator

from ..cipher import CipherSpec, spec_from_dict
from ..cipher.keys import EtcKey
from ..cipher.spec import all_parameters
from ..cipher.spec import cipher_id as id_of
from ..encoding import JPEG_QUALITY, Encoding, ImageFormat, Subsampling
from ..errors import (
    GeometryError,
    KeyMismatchError,
    MissingKeyError,
    NotACiphertextError,
    ParameterError,
)
from ..images.ciphertext import Marker, decode_ciphertext
from ..images.prepare import Fit, Preparation, to_size
from ..sealing import KeyHolder, Recipe, Sealer
from ..sealing.recipe import to_spec
from .image_input import is_array, to_list, to_source


class EtcImagesKwargs(TypedDict, total=False):
    """What a call may choose. The size, the cipher and the key belong to the model: they are fixed."""

    do_rescale: bool | None
    rescale_factor: float | None
    do_normalize: bool | None
    image_mean: float | list[float] | tuple[float, ...] | None
    image_std: float | list[float] | tuple[float, ...] | None
    input_data_format: str | ChannelDimension | None
    return_tensors: Annotated[str | TensorType | None, tensor_type_validator()]


_VALUE_OPTIONS = ("do_rescale", "rescale_factor", "do_normalize", "image_mean", "image_std")
_PREPARATION_OPTIONS = ("fit", "resample")
_SAVED = {"cipher", "cipher_id", "size", *_VALUE_OPTIONS, *_PREPARATION_OPTIONS}


class EtcImageProcessor(PilBackend):
    """Prepares and encrypts pictures (client), or checks and decodes ciphertexts (server).

    ``from_pretrained(folder, key=key)`` loads a client; without a key it loads a server. Whoever publishes the
    folder writes its configuration, but cannot weaken it: `cipher_id` is a keyed function of every parameter of
    the cipher and of the size, and a client raises KeyMismatchError unless it is its own key's for just those.
    What the owner once published under weak settings, for a comparison say, has such ids, too: a client refuses
    those settings unless ``allow_weak=True`` is given (docs/spec.md, section 7).

    A model whose ciphertexts have a key each (``key_scope="image"``) may belong to no owner: without a `cipher_id` in
    its configuration any key makes a client, or none at all with ``from_pretrained(folder, disposable=True)``, and the
    server takes what each of them encrypts.

    Both take other values for fit, resample and the value options. Parameters of the cipher, `size` and
    `cipher_id` given there are compared with the saved ones, never put in their place.

    The configuration, the repr and every saved file hold public parameters and the cipher id. The key
    itself is never serialised: an unpickled client finds it again in its own process or environment
    (:func:`hf_etc.cipher.keys.find_key`) and raises MissingKeyError where there is none.

    Args:
        key: the secret key makes a client; leave it out for a server. ``disposable=True`` makes a client without one.
        cipher: name of a registered cipher, or its spec. "etc" (default) is the paper's.
        size: edge or (height, width) in pixels, also {"height", "width"}; None keeps a picture's own, whatever it
            is, and makes an id for pictures of any size.
        fit, resample: see :class:`hf_etc.Preparation`. They act before encryption only.
        cipher_id: public id of key, cipher and size. A client's key must have it; a server needs it, or takes
            ciphertexts of any key where each has its own (``key_scope="image"``).
        do_rescale, rescale_factor, do_normalize, image_mean, image_std: how uint8 becomes float;
            0.5/0.5 by default, so that the negative-positive transform is a change of sign.
        params: parameters of the cipher, such as ``block_size=16``, ``key_scope="dataset"``.

    Raises:
        MissingKeyError: neither `key` nor `cipher_id`, and one key is for all images.
        KeyMismatchError: `key` does not give this cipher and size the id `cipher_id`.
        ParameterError: unknown cipher or parameter, bad size, fit or resample.
        GeometryError: `size` is off the block grid.

    Example:
        >>> key = EtcKey.generate()
        >>> client = EtcImageProcessor(key, size=32, block_size=16)
        >>> server = EtcImageProcessor(size=32, block_size=16, cipher_id=client.cipher_id)
        >>> picture = np.zeros((40, 50, 3), np.uint8)
        >>> sent = client.encrypt(picture)  # bytes of PNG files
        >>> received = server(sent, return_tensors="np").pixel_values
        >>> bool((received == client(picture, return_tensors="np").pixel_values).all())
        True
    """

    valid_kwargs = EtcImagesKwargs  # type: ignore[assignment]

    def __init__(
        self,
        key: EtcKey | None = None,
        *,
        cipher: str | CipherSpec = "etc",
        size: int | tuple[int, int] | dict[str, int] | None = None,
        fit: Fit | None = None,
        resample: str = "bicubic",
        cipher_id: str | None = None,
        do_rescale: bool = True,
        rescale_factor: float = 1 / 255,
        do_normalize: bool = True,
        image_mean: float | list[float] | tuple[float, ...] = (0.5, 0.5, 0.5),
        image_std: float | list[float] | tuple[float, ...] = (0.5, 0.5, 0.5),
        **params: Any,
    ) -> None:
        super().__init__(
            do_rescale=do_rescale,
            rescale_factor=rescale_factor,
            do_normalize=do_normalize,
            image_mean=image_mean,
            image_std=image_std,
        )
        preparation = Preparation(to_size(dict(size) if isinstance(size, SizeDict) else size), fit, resample)
        self._recipe = Recipe(to_spec(cipher, **params), preparation)
        is_client = key is not None or self.spec.disposable
        held = KeyHolder(key, partial(id_of, spec=self.spec, size=preparation.size)) if is_client else None
        self._cipher_id = _agree_on_id(None if held is None else held.id, cipher_id, self.spec)
        self._sealer = None if held is None else Sealer(held, self._recipe)

    @property
    def is_client(self) -> bool:
        """True with a key, or disposable ones: takes plain pictures. False without: takes ciphertexts only."""
        return self._sealer is not None

    @property
    def cipher_id(self) -> str | None:
        """Public id of key, parameters and size that the model was trained with; None: it takes any key."""
        return self._cipher_id

    @property
    def spec(self) -> CipherSpec:
        """Cipher and public parameters."""
        return self._recipe.spec

    @property
    def preparation(self) -> Preparation:
        """How a client brings a picture to size."""
        return self._recipe.preparation

    @property
    def size(self) -> SizeDict | None:
        """Height and width of the images before encryption; None: any that fits the block grid."""
        size = self.preparation.size
        return None if size is None else SizeDict(height=size[0], width=size[1])

    @property
    def output_size(self) -> tuple[int, int] | None:
        """(height, width) of the ciphertexts, and of the pixel values; None as for `size`."""
        size = self.preparation.size
        return None if size is None else self.spec.output_size(*size)

    def preprocess(self, images: Any, *args: Any, **kwargs: Any) -> BatchFeature:
        """Pixel values of one image or a batch; calling the processor does the same.

        Args:
            images: one image or a list. Client: PIL image, path, URL, file content (bytes), base64
                text, a {"bytes", "path"} dictionary of datasets, or uint8 array or tensor (H,W,C) or (C,H,W) or a
                batch of those. Server: the same without arrays and tensors, which cannot carry a marker.
            kwargs: return_tensors ("pt", "np" or None: a list), data_format and device of what is returned,
                input_data_format (arrays only), or another choice of do_rescale, rescale_factor, do_normalize,
                image_mean, image_std. do_convert_rgb may be True, which it always is.

        Returns:
            ``pixel_values``, float32 (N,3,h,w) with (h, w) = `output_size`, or (N,h,w,3) with
            ``data_format="channels_last"``; uint8 with do_rescale=False and do_normalize=False.

        Raises:
            AlreadyEncryptedError: a client got a ciphertext.
            NotACiphertextError: a server got a plain image.
            KeyMismatchError, ParameterError, GeometryError: a server got a ciphertext of another
                key, cipher or size.
            ParameterError: an argument that is fixed with the processor, or unknown.
            ImageError: not an image, wrong dtype, or an empty batch.
        """
        layout = kwargs.pop("data_format", None) or ChannelDimension.FIRST
        if layout not in (ChannelDimension.FIRST, ChannelDimension.LAST):
            raise ParameterError(f"data_format {layout!r}: use 'channels_first' or 'channels_last'")
        device = kwargs.pop("device", None)
        if not kwargs.pop("do_convert_rgb", True):
            raise ParameterError("do_convert_rgb=False: ciphers take RGB pictures alone; leave it out")
        unknown = sorted(kwargs.keys() - EtcImagesKwargs.__annotations__.keys())
        if args or unknown:
            what = repr(unknown[0]) if unknown else "a second positional argument"
            allowed = ", ".join(EtcImagesKwargs.__annotations__)
            raise ParameterError(f"a call cannot set {what}; it can set {allowed}. The rest is fixed for the model")
        if device is not None and kwargs.get("return_tensors") != "pt" and str(device) != "cpu":
            raise ParameterError(f"device {str(device)!r} is for tensors; pass return_tensors='pt'")
        values = super().preprocess(images, **kwargs)
        if layout == ChannelDimension.LAST:
            values["pixel_values"] = _channels_last(values["pixel_values"])
        return values if device is None or str(device) == "cpu" else values.to(device)

    def encrypt(
        self,
        images: Any,
        format: ImageFormat | Encoding = "png",
        quality: int = JPEG_QUALITY,
        subsampling: Subsampling = "4:4:4",
    ) -> list[bytes]:
        """The files a client sends: prepared, encrypted and marked, never plain.

        A server's processor takes them as they are; pipelines of transformers open images before any processor sees
        them, and take ``PIL.Image.open(io.BytesIO(file))``, a file on disk, or its base64 text.

        Args:
            images: as for a client's call.
            format, quality, subsampling: see :class:`hf_etc.encoding.Encoding`, which may stand for all three.

        Raises:
            MissingKeyError: this is a server's processor.
            ParameterError: unknown format, quality or subsampling.
            AlreadyEncryptedError, ImageError, GeometryError: as for a call.
        """
        encoding, sealer = Encoding.of(format, quality, subsampling), self.sealer()
        any_size = self.preparation.size is None
        return [sealer.files(self._pictures(image), encoding, any_size)[0] for image in to_list(images)]

    def process_image(self, image: Any, input_data_format: Any = None, **kwargs: Any) -> np.ndarray:  # type: ignore[override]
        """One image as encrypted uint8 (3,h,w): the step where nothing plain may pass."""
        if not self.is_client:
            return np.moveaxis(self._read_ciphertext(image), -1, 0)
        return np.moveaxis(self.sealer().encrypt(self._pictures(image, input_data_format))[0], -1, 0)

    def sealer(self) -> Sealer:
        """What encrypts, of a client.

        Raises:
            MissingKeyError: this is a server's processor, or a client's that was unpickled where its key is not.
        """
        if self._sealer is None:
            raise MissingKeyError("this is a server's processor, it has no key; load it with key= on the client")
        self._sealer.held.cipher(self.spec)  # finds the key before any picture is looked at
        return self._sealer

    def check(self, marker: Marker) -> None:
        """Raise unless a ciphertext with this marker is one that the model takes.

        Raises:
            KeyMismatchError, ParameterError, GeometryError: it has another key, cipher or size.
        """
        made, taken = marker.spec.with_kept_key(), self.spec.with_kept_key()
        if made != taken:
            found, wanted = made.differences(taken)
            raise ParameterError(f"encrypted with {found}, the model takes {wanted}; encrypt with those")
        rows, columns = self.preparation.size or (marker.height, marker.width)
        if (marker.height, marker.width) != (rows, columns):
            found = f"{marker.height}x{marker.width}"
            raise GeometryError(f"encrypted at {found}, the model takes {rows}x{columns}; resize before encrypting")
        if self._cipher_id is not None and marker.cipher_id != self._cipher_id:
            raise KeyMismatchError(
                f"encrypted as {marker.cipher_id}, the model takes {self._cipher_id}: another key, or an id for "
                "pictures of any size; encrypt with the model's own processor and key"
            )

    def to_dict(self) -> dict[str, Any]:
        """The public configuration, named one by one: nothing else on the instance can leak into it.

        The two names in ``size`` are deliberate. An image processor that does not encrypt refuses
        them, so a loader that ignores ``image_processor_type`` fails instead of passing plain pixels.
        """
        height, width = self.preparation.size or (None, None)
        return {
            "image_processor_type": type(self).__name__,
            "cipher": self.spec.with_kept_key().to_dict(),
            "cipher_id": self._cipher_id,
            "size": {"encrypted_height": height, "encrypted_width": width},
            "fit": self.preparation.fit,
            "resample": self.preparation.resample,
            **{name: deepcopy(getattr(self, name)) for name in _VALUE_OPTIONS},
        }

    @classmethod
    def from_dict(
        cls, image_processor_dict: dict[str, Any], key: EtcKey | None = None, allow_weak: bool = False, **kwargs: Any
    ) -> Any:
        """Build from :meth:`to_dict`; ``from_pretrained`` ends here, see the class for its arguments.

        Raises:
            ParameterError: not a saved processor of this class, not the expected cipher, or a weak one.
            KeyMismatchError: the model belongs to another key, or somebody changed its configuration.
        """
        saved = {"cipher_id": None} | image_processor_dict
        kind = saved.pop("image_processor_type", None)
        if kind != cls.__name__ or saved.keys() != _SAVED:
            odd = ", ".join(sorted(map(str, saved.keys() ^ _SAVED))) if kind == cls.__name__ else f"type {kind}"
            raise ParameterError(f"this is not a saved {cls.__name__} ({odd}); save the processor again")
        spec = _saved_spec(saved.pop("cipher"))
        of_any_key = saved["cipher_id"] is None and spec.key_scope == "image"
        saved["cipher_id"] = None if of_any_key else str(saved["cipher_id"])
        saved["size"] = _saved_size(saved["size"])
        if kwargs.pop("disposable", False):
            spec = _with_disposable_keys(spec, of_any_key)
        _check_expected(spec, saved, kwargs)
        unused_wanted = kwargs.pop("return_unused_kwargs", False)
        saved |= {name: kwargs.pop(name) for name in (*_VALUE_OPTIONS, *_PREPARATION_OPTIONS) if name in kwargs}
        if refused := sorted(kwargs.keys() & ImagesKwargs.__annotations__.keys()):
            raise ParameterError(f"{cls.__name__} has no option {refused[0]!r}; leave it out")
        processor = cls(key, cipher=spec, **saved)
        processor._cipher_id = saved["cipher_id"]  # a key of its own does not bind the model to it
        weakness = spec.weakness(processor.preparation.size)
        if processor.is_client and weakness and not allow_weak:
            raise ParameterError(
                f"this configuration is weak ({weakness}); if you know it to be yours and want it, "
                "pass allow_weak=True (--allow-weak)"
            )
        return (processor, kwargs) if unused_wanted else processor

    @classmethod
    def from_json_file(cls, json_file: str | os.PathLike) -> Any:
        """A server from a ``preprocessor_config.json``."""
        return cls.from_dict(cls.get_image_processor_dict(json_file)[0])

    def _pictures(self, image: Any, input_data_format: Any = None) -> list[np.ndarray]:
        source = to_source(image, input_data_format)
        return self.sealer().pictures(source, remedy="give it to the server's processor (no key)")

    def _read_ciphertext(self, image: Any) -> np.ndarray:
        if is_array(image):
            raise NotACiphertextError(
                "a server's processor takes marked ciphertext files: an array or tensor carries no marker; "
                "pass what the client's processor.encrypt(...) returns"
            )
        pixels, marker = decode_ciphertext(to_source(image))
        self.check(marker)
        return pixels

    def _prepare_images_structure(self, images: Any, expected_ndims: int = 3) -> list[Any]:
        return to_list(images)

    def _standardize_kwargs(self, **kwargs: Any) -> dict[str, Any]:  # type: ignore[override]
        # The base class would add sizes here, which are no arguments of this class.
        return {name: tuple(value) if isinstance(value, list) else value for name, value in kwargs.items()}

    def _preprocess(self, images: list[np.ndarray], return_tensors: Any = None, **kwargs: Any) -> BatchFeature:  # type: ignore[override]
        if return_tensors is not None and len({image.shape for image in images}) > 1:
            raise GeometryError("the images have different sizes; pass one at a time, or give the processor a size")
        table = self._value_table(**kwargs)
        values = [np.stack([row[channel] for row, channel in zip(table, image, strict=True)]) for image in images]
        return BatchFeature(data={"pixel_values": values}, tensor_type=return_tensors)

    def _value_table(
        self, do_rescale: bool, rescale_factor: float, do_normalize: bool, image_mean: Any, image_std: Any, **_: Any
    ) -> np.ndarray:
        """What each of the 256 byte values becomes, (3,256), by the base class's own arithmetic."""
        table = np.tile(np.arange(256, dtype=np.uint8), (3, 1, 1))
        if do_rescale:
            table = self.rescale(table, rescale_factor)
        if do_normalize:
            table = self.normalize(table, image_mean, image_std)
        return np.ascontiguousarray(table[:, 0])


def _channels_last(values: Any) -> Any:
    """(N,3,H,W) as (N,H,W,3), an array, a tensor or a list of arrays (3,H,W)."""
    if isinstance(values, list):
        return [np.moveaxis(value, 0, -1) for value in values]
    return np.moveaxis(values, 1, -1) if isinstance(values, np.ndarray) else values.movedim(1, -1)


def _saved_spec(values: Any) -> CipherSpec:
    if not isinstance(values, dict):
        raise ParameterError(f"the saved cipher {values!r} is damaged; save the processor again")
    spec = spec_from_dict(values)
    if spec.disposable:
        raise ParameterError("a client alone chooses disposable keys; save the processor again without them")
    return spec


def _with_disposable_keys(spec: CipherSpec, of_any_key: bool) -> CipherSpec:
    if not of_any_key:
        raise ParameterError("the model takes the ciphertexts of one key, no disposable ones; load it with that key")
    return spec_from_dict(spec.to_dict() | {"disposable": True})


def _saved_size(size: Any) -> tuple[int, int] | None:
    if not isinstance(size, Mapping) or size.keys() != {"encrypted_height", "encrypted_width"}:
        raise ParameterError(f"the saved size {size!r} is damaged; save the processor again")
    edges = size["encrypted_height"], size["encrypted_width"]
    return None if edges == (None, None) else edges


def _agree_on_id(own: str | None, given: str | None, spec: CipherSpec) -> str | None:
    """The id of a client's own key, which must be the one that is given; or that of a server, None for any key's."""
    if own is not None and given in (None, own):
        return own
    if own is not None:
        raise KeyMismatchError(
            "the configuration was not made with this key: it is another key's, or its cipher or size was changed; "
            "nothing was encrypted, use the model's key or load the model from its owner"
        )
    if given is None and spec.key_scope == "image":
        return None
    if given is None:
        raise MissingKeyError("give key= for a client's processor, or cipher_id= for a server's")
    if not isinstance(given, str) or not re.fullmatch("[0-9a-f]{32}", given):
        raise ParameterError(f"cipher_id {given!r}: it has 32 hexadecimal digits, see Cipher.cipher_id")
    return given


def _check_expected(spec: CipherSpec, saved: dict[str, Any], kwargs: dict[str, Any]) -> None:
    """Take what names the cipher, its parameters, the size or the id out of `kwargs`; each must be as saved."""
    found = {"cipher": spec.name, "cipher_id": saved["cipher_id"], "size": saved["size"]}
    found |= {field.name: getattr(spec, field.name) for field in fields(spec)}
    for name in kwargs.keys() & (found.keys() | all_parameters()):
        expected = kwargs.pop(name)
        expected = to_size(expected) if name == "size" else tuple(expected) if isinstance(expected, list) else expected
        if name not in found or expected != found[name]:
            error = KeyMismatchError if name == "cipher_id" else ParameterError
            raise error(f"the model has {name}={found.get(name)!r}, expected {expected!r}; load the model you meant")
