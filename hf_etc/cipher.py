"""The public cipher: a key and a spec, applied to PIL images, arrays and tensors.

It compiles one plan per image size (and nonce), keeps recent plans, and applies them.
"""

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from PIL import Image

from .ciphers import CipherSpec, EtcSpec
from .ciphers.base import NONCE_BYTES, KeyScope, make_spec
from .ciphers.etc import STEPS
from .ciphertext import MARKER_NAME, Marker, decode_ciphertext, read_marker
from .errors import AlreadyEncryptedError, ImageError, KeyMismatchError, MissingKeyError, ParameterError
from .images import load_rgb, open_image
from .keys import EtcKey
from .plan import Plan, check_pixels

if TYPE_CHECKING:
    import torch

    from .torch_plan import TorchPlan

Images = TypeVar("Images", Image.Image, np.ndarray, "torch.Tensor")
Nonces = bytes | Sequence[bytes] | None
_CACHE_BYTES = 256 * 2**20


class Cipher:
    """Encrypts and decrypts images under one key.

    Args:
        key: the secret key.
        spec: cipher and parameters, see :func:`get_cipher` and :class:`EtcCipher`.

    Raises:
        MissingKeyError: `key` is not an :class:`EtcKey`.

    Example:
        >>> cipher = get_cipher("etc", EtcKey.generate(), block_size=8)
        >>> x = np.arange(16 * 24 * 3, dtype=np.uint8).reshape(16, 24, 3)
        >>> bool((cipher.decrypt(cipher.encrypt(x)) == x).all())
        True
    """

    def __init__(self, key: EtcKey, spec: CipherSpec) -> None:
        if not isinstance(key, EtcKey):
            raise MissingKeyError("key must be an EtcKey: EtcKey.load(path), EtcKey.from_env() or EtcKey.generate()")
        self.key, self.spec = key, spec
        self._plans: dict[tuple, Plan | TorchPlan] = {}  # the last used one is last

    def __repr__(self) -> str:
        return f"{type(self).__name__}(key_id={self.key.key_id!r}, spec={self.spec})"

    def new_nonces(self, count: int) -> list[bytes]:
        """Fresh random public nonces, 16 bytes each, for ``key_scope="image"``."""
        return [os.urandom(NONCE_BYTES) for _ in range(count)]

    def plan(self, height: int, width: int, nonce: bytes | None = None) -> Plan:
        """The encryption plan for one size; as secret as the key."""
        if nonce is not None:  # a nonce is used for one image: nothing to gain from keeping its plan
            return self.spec.compile(self.key, height, width, nonce)
        return self._cached((height, width), lambda: self.spec.compile(self.key, height, width, nonce))

    def encrypt(self, images: Images, nonce: Nonces = None) -> Images:
        """Encrypt one image or a batch.

        Args:
            images: PIL image (any still mode, see :func:`hf_etc.images.load_rgb`); uint8 array (H,W,3)
                or (N,H,W,3); or uint8 tensor (N,3,H,W) on any device.
            nonce: only for ``key_scope="image"``: 16 bytes, or one per image of a batch. A PIL image
                gets a fresh one when it is left out.

        Returns:
            The same kind, shape and device. A PIL result is RGB and carries its marker in ``.info``;
            write it with :func:`hf_etc.ciphertext.encode_ciphertext` to keep the marker.

        Raises:
            AlreadyEncryptedError: a PIL image that carries a ciphertext marker.
            GeometryError: the size does not fit the block grid.
            ImageError: wrong dtype, layout or an empty batch.
            ParameterError: nonces missing, superfluous or of the wrong number.
        """
        if isinstance(images, Image.Image):
            return self._encrypt_pil(images, nonce)
        return self._apply(images, nonce, inverse=False)

    def decrypt(self, images: Images, nonce: Nonces = None) -> Images:
        """Undo :meth:`encrypt`; exact unless the ciphertext went through a lossy format.

        Args:
            images: as for :meth:`encrypt`. A PIL image with a marker brings its own nonce.
            nonce: the nonce or nonces used to encrypt.

        Raises:
            KeyMismatchError: a marker names another key.
            ParameterError: a marker names another cipher or parameters.
        """
        if isinstance(images, Image.Image):
            return self._decrypt_pil(images, nonce)
        return self._apply(images, nonce, inverse=True)

    def marker(self, height: int, width: int, nonce: bytes | None = None) -> Marker:
        """The public marker of an image encrypted by this cipher."""
        return Marker(self.spec, height, width, self.key.key_id, nonce)

    def check_marker(self, marker: Marker) -> None:
        """Raise unless `marker` was made with this key and these parameters."""
        if marker.key_id != self.key.key_id:
            raise KeyMismatchError(
                f"encrypted under key {marker.key_id}, this is key {self.key.key_id}; use the other key"
            )
        if marker.spec != self.spec:
            raise ParameterError(f"encrypted with {marker.spec}, this cipher is {self.spec}")

    def _encrypt_pil(self, image: Image.Image, nonce: Nonces) -> Image.Image:
        if read_marker(open_image(image)) is not None:  # opened whole: some markers stand behind the pixels
            raise AlreadyEncryptedError("this image is encrypted already; decrypt it first")
        if nonce is None and self.spec.key_scope == "image":
            nonce = self.new_nonces(1)[0]
        pixels = self._apply(np.asarray(load_rgb(image)), nonce, inverse=False)
        encrypted = Image.fromarray(pixels)
        encrypted.info[MARKER_NAME] = self.marker(pixels.shape[0], pixels.shape[1], _single(nonce)).to_json()
        return encrypted

    def _decrypt_pil(self, image: Image.Image, nonce: Nonces) -> Image.Image:
        if read_marker(open_image(image)) is None:
            return Image.fromarray(self._apply(np.asarray(load_rgb(image)), nonce, inverse=True))
        pixels, marker = decode_ciphertext(image)
        self.check_marker(marker)
        return Image.fromarray(self._apply(pixels, marker.nonce, inverse=True))

    def _apply(self, images: Any, nonce: Nonces, inverse: bool) -> Any:
        if isinstance(images, np.ndarray):
            check_pixels(images)
            height, width = images.shape[-3:-1]
            return self._each(images, nonce, lambda one: self._numpy_plan(height, width, one, inverse))
        if type(images).__module__.split(".")[0] != "torch":
            raise ImageError(
                f"cannot encrypt a {type(images).__name__}; pass a PIL image, a uint8 array or a uint8 tensor"
            )
        from .torch_plan import check_tensor

        check_tensor(images)
        height, width = images.shape[-2:]
        return self._each(images, nonce, lambda one: self._torch_plan(height, width, one, inverse, images.device))

    def _each(self, images: Any, nonce: Nonces, make_plan: Callable[[bytes | None], Any]) -> Any:
        """One plan for the whole batch, or one per image when there is a nonce for each."""
        batched = images.ndim == 4
        if nonce is None or (isinstance(nonce, bytes) and not batched):
            return make_plan(nonce).apply(images)
        if not isinstance(nonce, Sequence):
            raise ParameterError(f"nonce is a {type(nonce).__name__}; pass bytes, or a list with one per image")
        nonces = [nonce] if isinstance(nonce, bytes) else list(nonce)
        if not batched and len(nonces) == 1:
            return make_plan(nonces[0]).apply(images)
        if not batched or len(nonces) != len(images):
            raise ParameterError(f"{len(nonces)} nonces for {len(images) if batched else 1} images; pass one per image")
        out = images.copy() if isinstance(images, np.ndarray) else images.clone()
        for i, one in enumerate(nonces):
            out[i : i + 1] = make_plan(one).apply(images[i : i + 1])
        return out

    def _numpy_plan(self, height: int, width: int, nonce: bytes | None, inverse: bool) -> Plan:
        if not inverse:
            return self.plan(height, width, nonce)
        if nonce is not None:
            return self.plan(height, width, nonce).inverse()
        return self._cached((height, width, "inverse"), lambda: self.plan(height, width).inverse())

    def _torch_plan(
        self, height: int, width: int, nonce: bytes | None, inverse: bool, device: "torch.device"
    ) -> "TorchPlan":
        from .torch_plan import TorchPlan

        def build() -> TorchPlan:
            return TorchPlan(self._numpy_plan(height, width, nonce, inverse), device)

        return build() if nonce is not None else self._cached((height, width, inverse, str(device)), build)

    def _cached(self, name: tuple, build: Callable[[], Any]) -> Any:
        """Least recently used plans are dropped when all together exceed 256 MiB.

        Threads may share a cipher: each step on the store is one operation, and a plan lost to another
        thread is only built again.
        """
        plan = self._plans.pop(name, None)
        if plan is None:
            plan = build()
        self._plans[name] = plan
        stored = list(self._plans.items())
        excess = sum(kept.nbytes for _, kept in stored) - _CACHE_BYTES
        for oldest, kept in stored[:-1]:
            if excess <= 0:
                break
            self._plans.pop(oldest, None)
            excess -= kept.nbytes
        return plan


class EtcCipher(Cipher):
    """The paper's block-wise cipher (section II-B).

    Args:
        key: the secret key.
        block_size: edge of a block in pixels. 16 (default) is the paper's.
        key_scope: "dataset" (default, the paper's: one plan for all images; a handful of ciphertexts
            give the key away) or "image" (a plan of its own per image, from a public nonce).
        steps: which of the four steps to apply; all by default.
        shared_block_key: draw steps 2 to 4 once for all blocks.

    Raises:
        MissingKeyError, ParameterError: as for :class:`Cipher` and :class:`hf_etc.ciphers.EtcSpec`.

    Example:
        >>> cipher = EtcCipher(EtcKey.generate(), block_size=16)
        >>> cipher.encrypt(np.zeros((2, 32, 48, 3), np.uint8)).shape
        (2, 32, 48, 3)
    """

    def __init__(
        self,
        key: EtcKey,
        block_size: int = 16,
        key_scope: KeyScope = "dataset",
        steps: tuple[str, ...] = STEPS,
        shared_block_key: bool = False,
    ) -> None:
        super().__init__(key, EtcSpec(key_scope, block_size, steps, shared_block_key))


def get_cipher(name: str, key: EtcKey, **params: Any) -> Cipher:
    """A registered cipher by name; :func:`hf_etc.list_ciphers` has the names.

    Raises:
        ParameterError: unknown name or parameter.
    """
    return Cipher(key, make_spec(name, **params))


def _single(nonce: Nonces) -> bytes | None:
    return nonce if nonce is None or isinstance(nonce, bytes) else nonce[0]
