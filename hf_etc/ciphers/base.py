"""What every cipher provides, and the registry of names."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Literal

from ..errors import GeometryError, ParameterError
from ..keys import EtcKey
from ..keystream import KeyStream
from ..plan import Plan

NONCE_BYTES = 16
KeyScope = Literal["dataset", "image"]
_REGISTRY: dict[str, type["CipherSpec"]] = {}


@dataclass(frozen=True)
class CipherSpec(ABC):
    """The public parameters of a cipher; with a key and an image size it compiles to a plan.

    Attributes:
        key_scope: "dataset": one plan for every image of a size (the paper's setting). "image": the
            subkeys also depend on a public 16-byte nonce, so every image has its own plan.
    """

    name: ClassVar[str]
    key_scope: KeyScope = "dataset"

    def __post_init__(self) -> None:
        if self.key_scope not in ("dataset", "image"):
            raise ParameterError(f"key_scope {self.key_scope!r}: use 'dataset' or 'image'")

    @abstractmethod
    def check_size(self, height: int, width: int) -> None:
        """Raise GeometryError unless an image of this size can be encrypted."""

    @property
    @abstractmethod
    def grid(self) -> int:
        """Heights and widths must be multiples of this many pixels."""

    @abstractmethod
    def _compile(self, key: EtcKey, height: int, width: int, nonce: bytes | None) -> Plan: ...

    def compile(self, key: EtcKey, height: int, width: int, nonce: bytes | None = None) -> Plan:
        """The plan for one key, image size and (key_scope="image") nonce.

        Raises:
            GeometryError: the size does not fit the block grid.
            ParameterError: the nonce is missing, superfluous or not 16 bytes.
        """
        self.check_size(height, width)
        if self.key_scope == "image" and (not isinstance(nonce, bytes) or len(nonce) != NONCE_BYTES):
            raise ParameterError(f"key_scope='image' needs a nonce of {NONCE_BYTES} bytes; see cipher.new_nonces()")
        if self.key_scope == "dataset" and nonce is not None:
            raise ParameterError("key_scope='dataset' takes no nonce; use key_scope='image'")
        return self._compile(key, height, width, nonce)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready parameters with the cipher's name; :func:`spec_from_dict` reads it back."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {"cipher": self.name, **{k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}}


def check_grid(height: int, width: int, block_size: int) -> None:
    """Raise GeometryError unless height and width are positive multiples of the block size."""
    if height < block_size or width < block_size:
        raise GeometryError(
            f"the block size {block_size} is larger than the image, {height}x{width}; use a smaller block"
        )
    if height % block_size or width % block_size:
        remedy = "resize, crop (fit='crop') or pad (fit='pad') first"
        raise GeometryError(f"{height}x{width} is not a multiple of the block size {block_size}; {remedy}")


def stream(
    key: EtcKey, label: str, height: int, width: int, block_size: int, step: str, nonce: bytes | None
) -> KeyStream:
    """The key stream of one step (docs/spec.md, section 2)."""
    info = f"hf-etc/v1/{label}/{height}x{width}/{block_size}/{step}"
    if nonce is not None:
        info += f"/{nonce.hex()}"
    return KeyStream(key.derive(info.encode("ascii")))


def register(spec: type[CipherSpec]) -> type[CipherSpec]:
    """Class decorator: make a cipher reachable by its name; a second use of a name raises."""
    if spec.name in _REGISTRY:
        raise ParameterError(f"a cipher named {spec.name!r} is registered already")
    _REGISTRY[spec.name] = spec
    return spec


def list_ciphers() -> list[str]:
    """Names of all registered ciphers.

    Example:
        >>> "etc" in list_ciphers()
        True
    """
    return sorted(_REGISTRY)


def make_spec(name: str, **params: Any) -> CipherSpec:
    """The spec of a registered cipher.

    Raises:
        ParameterError: unknown name or parameter.
    """
    if name not in _REGISTRY:
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
        ParameterError: no or an unknown cipher name, or an unknown parameter.
    """
    params = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
    name = params.pop("cipher", None)
    return make_spec(str(name), **params)
