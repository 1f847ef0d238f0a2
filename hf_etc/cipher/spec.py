"""What every cipher provides, and the registry of names."""

import json
import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from math import lgamma, log
from typing import Any, ClassVar, Literal

from ..blocks import Layout
from ..errors import GeometryError, KeyMismatchError, ParameterError
from . import keys
from .keys import EtcKey
from .keystream import Streams, streams_of
from .plan import Plan

NONCE_BYTES = ID_BYTES = 16
PLAN_KEY_BYTES = 32
KeyScope = Literal["dataset", "image"]
_REGISTRY: dict[str, type["CipherSpec"]] = {}


@dataclass(frozen=True)
class Cells:
    """What everybody may know of a cipher that shuffles symbols within the cells of a grid.

    Attributes:
        edge: of a cell, in pixels.
        symbol_bits: as of a :class:`~hf_etc.cipher.plan.Plan`.
        alike: all cells are shuffled in the same way.
        moved: cells change places, too.
    """

    edge: int
    symbol_bits: Literal[8, 4] = 8
    alike: bool = False
    moved: bool = False


@dataclass(frozen=True)
class CipherSpec(ABC):
    """The public parameters of a cipher; with a key and an image size it compiles to a plan.

    Attributes:
        key_scope: "dataset": one plan for every image of a size (the paper's setting). "image": the
            plan also depends on a public 16-byte nonce, so every image has its own.
    """

    name: ClassVar[str]
    always: ClassVar[frozenset[str]] = frozenset()  # parameters that the settings hold even at their default
    later: ClassVar[frozenset[str]] = frozenset()  # that came later: nothing shows them at their default
    key_scope: KeyScope = "dataset"

    def __post_init__(self) -> None:
        if not isinstance(self.key_scope, str) or self.key_scope not in ("dataset", "image"):
            raise ParameterError(f"key_scope {self.key_scope!r}: use 'dataset' or 'image'")

    @abstractmethod
    def check_size(self, height: int, width: int) -> None:
        """Raise GeometryError unless an image of this size can be encrypted."""

    def output_size(self, height: int, width: int) -> tuple[int, int]:
        """(height, width) of the ciphertext of a picture; smaller than the picture where parts are left out.

        Raises:
            GeometryError: such a picture cannot be encrypted.
        """
        self.check_size(height, width)
        return height, width

    @property
    def sends_all(self) -> bool:
        """Whether every pixel is in the ciphertext, which is then of the picture's size."""
        return True

    @property
    def disposable(self) -> bool:
        """Whether the key of each image is random, used once and thrown away."""
        return False

    def with_kept_key(self) -> "CipherSpec":
        """The same, with a key that its owner keeps: for a model the two are one."""
        return self

    @property
    @abstractmethod
    def grid(self) -> int:
        """Heights and widths must be multiples of this many pixels."""

    @property
    def layout_block(self) -> int | None:
        """Edge of the blocks that this cipher moves whole, in pixels; None where it compiles to a plan of bytes."""
        return None

    @property
    def cells(self) -> Cells | None:
        """In which cells this cipher shuffles symbols; None where it moves whole blocks."""
        return None

    def key_bits(self, height: int, width: int) -> float | None:
        """log2 of the number of different things that it compiles to at one size; None: nobody counted."""
        return None

    @abstractmethod
    def _compile(self, streams: Streams, height: int, width: int) -> Layout | Plan: ...

    def weakness(self, size: tuple[int, int] | None = None) -> str | None:
        """Why nobody should rely on this cipher for images of this (height, width); None where it is the whole EtC.

        A client takes such settings from others only when its user allows it (docs/spec.md, section 7).
        """
        return f"the cipher {self.name} is broken"

    def settings(self, size: tuple[int, int] | None = None) -> str:
        """The one text of these parameters and a (height, width) to which keys and ids are bound.

        None: for pictures of any size. Defaults are left out, so that a later version can add parameters.

        Example:
            >>> make_spec("etc", block_size=8).settings((32, 48))
            '{"cipher":"etc","block_size":8,"height":32,"width":48}'
        """
        return _settings(self, size)

    def compile(
        self, key: EtcKey | None, height: int, width: int, nonce: bytes | Sequence[bytes] | None = None
    ) -> Layout | Plan:
        """What is done to an image, for one key, image size and (key_scope="image") nonce.

        Args:
            key: the secret key; None where it is disposable, and another one is made in each call.
            height, width: of the image, in pixels.
            nonce: 16 bytes, or several for a batch, which makes one layout with an entry for each; only ciphers
                with a `layout_block` take several.

        Raises:
            GeometryError: the size does not fit the block grid.
            ParameterError: a nonce is missing, superfluous or not 16 bytes, or there are several for a plan of bytes.
        """
        self.check_key(key)
        self.check_size(height, width)
        if isinstance(nonce, list | tuple) and self.layout_block is None:
            raise ParameterError(f"the cipher {self.name!r} makes a plan for one image; compile its nonces one by one")
        for one in nonce if isinstance(nonce, list | tuple) else [nonce]:
            self.check_nonce(one)
        return self._compile(self.streams(key, height, width, nonce), height, width)

    def streams(
        self, key: EtcKey | None, height: int, width: int, nonce: bytes | Sequence[bytes] | None = None
    ) -> Streams:
        """The key streams behind one plan (docs/spec.md, sections 2 and 3), or behind that of each nonce."""
        if key is None:
            if nonce is None or isinstance(nonce, bytes):
                return streams_of(os.urandom(PLAN_KEY_BYTES))
            return streams_of([os.urandom(PLAN_KEY_BYTES) for _ in nonce])
        info = f"hf-etc/2/plan/{self.settings((height, width))}".encode("ascii")
        if nonce is None:
            return streams_of(key.derive(info))
        if isinstance(nonce, bytes):
            return streams_of(key.derive(info + f"/{nonce.hex()}".encode("ascii")))
        return streams_of([key.derive(info + f"/{one.hex()}".encode("ascii")) for one in nonce])

    def check_key(self, key: EtcKey | None) -> None:
        """Raise unless this is a key, or None where keys are disposable.

        Raises:
            MissingKeyError, ParameterError: there is none, or one too many.
        """
        if not self.disposable:
            keys.check_key(key)
        elif key is not None:
            raise ParameterError("a disposable key is made for each image; leave the key out")

    def check_decryptable(self) -> None:
        """Raise KeyMismatchError where nobody has the keys."""
        if self.disposable:
            raise KeyMismatchError("the key of this image was thrown away; nobody can decrypt it")

    def check_nonce(self, nonce: Any) -> None:
        """Raise ParameterError unless this is a nonce for one image, or None where there is one key for all."""
        if self.key_scope == "image" and (not isinstance(nonce, bytes) or len(nonce) != NONCE_BYTES):
            raise ParameterError(f"key_scope='image' needs a nonce of {NONCE_BYTES} bytes; see cipher.new_nonces()")
        if self.key_scope == "dataset" and nonce is not None:
            raise ParameterError("key_scope='dataset' takes no nonce; use key_scope='image'")

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready parameters with the cipher's name; :func:`spec_from_dict` reads it back."""
        written = self._written().items()
        return {"cipher": self.name, **{k: list(v) if isinstance(v, tuple) else v for k, v in written}}

    def _written(self) -> dict[str, Any]:
        every = {field: getattr(self, field.name) for field in fields(self)}
        return {f.name: value for f, value in every.items() if f.name not in self.later or value != f.default}


@lru_cache  # every picture of a size asks for the same
def _settings(spec: CipherSpec, size: tuple[int, int] | None) -> str:
    defaults = {field.name: field.default for field in fields(spec) if field.name not in spec.always}
    values = {name: value for name, value in spec.to_dict().items() if not _is_default(value, defaults.get(name))}
    values |= {} if size is None else {"height": size[0], "width": size[1]}
    return json.dumps(values, separators=(",", ":"))


def check_grid(height: int, width: int, block_size: int) -> None:
    """Raise GeometryError unless height and width are positive multiples of the block size."""
    if type(height) is not int or type(width) is not int:
        raise GeometryError(f"the size {height!r}x{width!r} is not in whole pixels; give height and width as integers")
    if height < block_size or width < block_size:
        raise GeometryError(
            f"the block size {block_size} is larger than the image, {height}x{width}; use a smaller block"
        )
    if height % block_size or width % block_size:
        remedy = "resize, crop (fit='crop') or pad (fit='pad') first"
        raise GeometryError(f"{height}x{width} is not a multiple of the block size {block_size}; {remedy}")


def cipher_id(key: EtcKey | None, spec: CipherSpec, size: tuple[int, int] | None) -> str:
    """The public id of a key with these parameters and this (height, width): 32 hexadecimal digits.

    It stands in markers, processors and cards. Nobody can make it without the key, and ids of different
    settings have nothing in common, so it also tells a changed configuration from the owner's (docs/spec.md,
    section 2). None: the id for pictures of any size. Where the key is disposable, it is another random one each time.
    """
    spec.check_key(key)
    if key is None:
        return os.urandom(ID_BYTES).hex()
    return key.derive(f"hf-etc/2/id/{spec.settings(size)}".encode("ascii"), length=ID_BYTES).hex()


def register(spec: type[CipherSpec]) -> type[CipherSpec]:
    """Class decorator: make a cipher reachable by its name; a second use of a name raises."""
    if spec.name in _REGISTRY:
        raise ParameterError(f"a cipher named {spec.name!r} is registered already")
    _REGISTRY[spec.name] = spec
    return spec


def unregister(name: str) -> None:
    """Take a cipher out again, such as one that was only tried out."""
    del _REGISTRY[name]


def list_ciphers() -> list[str]:
    """Names of all registered ciphers.

    Example:
        >>> "etc" in list_ciphers()
        True
    """
    return sorted(_REGISTRY)


def all_parameters() -> set[str]:
    """Names of the parameters of all registered ciphers."""
    return {field.name for spec in _REGISTRY.values() for field in fields(spec)}


def make_spec(name: str, **params: Any) -> CipherSpec:
    """The spec of a registered cipher.

    Raises:
        ParameterError: unknown name or parameter.
    """
    if not isinstance(name, str) or name not in _REGISTRY:
        raise ParameterError(f"unknown cipher {name!r}; choose from {', '.join(list_ciphers())}")
    known = {field.name for field in fields(_REGISTRY[name])}
    if unknown := set(params) - known:
        raise ParameterError(
            f"cipher {name!r} has no parameter {sorted(unknown)[0]!r}; it has {', '.join(sorted(known))}"
        )
    return _REGISTRY[name](**params)


def spec_from_dict(values: dict[str, Any]) -> CipherSpec:
    """Inverse of :meth:`CipherSpec.to_dict`.

    Raises:
        ParameterError: no or an unknown cipher name, an unknown parameter, or none where there is no default.
    """
    params = {str(k): tuple(v) if isinstance(v, list) else v for k, v in values.items()}
    name = params.pop("cipher", None)
    spec = make_spec(name, **params)  # type: ignore[arg-type]
    if missing := spec.always - params.keys():
        raise ParameterError(f"cipher {spec.name!r} without {min(missing)}; give it")
    return spec


def log2_factorial(n: int) -> float:
    """log2 of the number of orders of n things."""
    return lgamma(n + 1) / log(2)


def _is_default(value: Any, default: Any) -> bool:
    default = list(default) if isinstance(default, tuple) else default
    return type(value) is type(default) and value == default
