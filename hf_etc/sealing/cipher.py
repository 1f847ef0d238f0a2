"""The public cipher: a key and a spec, applied to PIL images, arrays, tensors and whole files.

What leaves as a file or a PIL image carries a tag, and comes back only if the tag is right.
"""

import hmac
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import repeat
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from PIL import Image

from ..blocks import Layout
from ..blocks.pixels import check_pixels
from ..cipher import CipherSpec, EtcSpec
from ..cipher.compiler import Compiler, Nonces
from ..cipher.etc import STEPS
from ..cipher.keys import EtcKey
from ..cipher.plan import Plan
from ..cipher.presets import preset_parameters
from ..cipher.spec import NONCE_BYTES, KeyScope, cipher_id, make_spec
from ..encoding import JPEG_QUALITY, Encoding, ImageFormat, Subsampling
from ..errors import AuthenticationError, KeyMismatchError, ParameterError
from ..images.ciphertext import (
    MARKER_NAME,
    Ciphertext,
    Marker,
    Signed,
    encode_ciphertext,
    load_plain,
    read_ciphertext,
)
from ..images.load import ImageSource, load_rgb

if TYPE_CHECKING:
    import torch

Images = TypeVar("Images", Image.Image, np.ndarray, "torch.Tensor")
_TAG_BYTES = 16
_TOGETHER, _SIZES = 2**21, 16
"""Bytes of the pictures that are encrypted at once, and of how many sizes some wait for more: enough to share the cost
of a call, and so few that they stay in one place, where larger memory would come anew from the system, page by page.
"""


class Cipher:
    """Encrypts and decrypts images under one key.

    Args:
        key: the secret key; None for a spec with `disposable`, which makes one for each image and keeps none.
        spec: cipher and parameters, see :func:`get_cipher` and :class:`EtcCipher`.

    Raises:
        MissingKeyError: `key` is not an :class:`EtcKey`.
        ParameterError: there is one, and keys are disposable.

    Example:
        >>> cipher = get_cipher("etc", EtcKey.generate(), block_size=8)
        >>> x = np.arange(16 * 24 * 3, dtype=np.uint8).reshape(16, 24, 3)
        >>> bool((cipher.unseal(cipher.seal(x, format="webp")) == x).all())
        True
    """

    def __init__(self, key: EtcKey | None, spec: CipherSpec) -> None:
        spec.check_key(key)
        self.key, self.spec = key, spec
        self._compiler = Compiler(key, spec)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(key_id={self.key_id!r}, spec={self.spec})"

    @property
    def key_id(self) -> str | None:
        """By which its owner tells the key apart; None where keys are disposable."""
        return None if self.key is None else self.key.key_id

    def cipher_id(self, height: int | None = None, width: int | None = None) -> str:
        """The public id of this key with these parameters and this size; without a size, the one for any size.

        32 hexadecimal digits for markers, processors and cards. Only the key can make it, so whoever publishes a
        configuration cannot give it weaker parameters (docs/spec.md, section 2).
        """
        return cipher_id(self.key, self.spec, None if height is None or width is None else (height, width))

    def new_nonces(self, count: int) -> list[bytes]:
        """Fresh random public nonces, 16 bytes each, for ``key_scope="image"``."""
        return [os.urandom(NONCE_BYTES) for _ in range(count)]

    def nonces_for(self, count: int) -> list[bytes] | None:
        """What :meth:`encrypt` takes for this many images: fresh nonces, or None where one key is for all."""
        return self.new_nonces(count) if self.spec.key_scope == "image" else None

    def compile(self, height: int, width: int, nonce: Nonces = None) -> Layout | Plan:
        """What encryption does to images of a size: a layout of blocks or a plan of bytes, as secret as the key."""
        return self._compiler.compile(height, width, nonce)

    def encrypt(self, images: Images, nonce: Nonces = None) -> Images:
        """Encrypt one image or a batch in memory; :meth:`seal` makes files.

        Args:
            images: PIL image (any still mode, see :func:`hf_etc.images.load.load_rgb`); uint8 array (H,W,3)
                or (N,H,W,3); or uint8 tensor (N,3,H,W) on any device.
            nonce: only for ``key_scope="image"``: 16 bytes, or one per image of a batch. A PIL image
                gets a fresh one when it is left out.

        Returns:
            The same kind and device, of the spec's `output_size`. A PIL result is RGB and carries its marker in
            ``.info``, which :func:`hf_etc.read_ciphertext` reads and ``image.save`` loses.

        Raises:
            AlreadyEncryptedError: a PIL image that carries a ciphertext marker.
            GeometryError: the size does not fit the block grid.
            ImageError: wrong dtype, layout or an empty batch.
            ParameterError: nonces missing, superfluous, repeated or of the wrong number.
        """
        if not isinstance(images, Image.Image):
            _refuse_repeated(nonce)
            return self._compiler.apply(images, nonce)
        picture = np.asarray(load_plain(images))
        nonce = _single(self.nonces_for(1) if nonce is None else nonce)
        pixels = self._compiler.apply(picture, nonce)
        marker = self.sign(self.marker(picture.shape[0], picture.shape[1], nonce), "pixels", pixels.tobytes())
        encrypted = Image.fromarray(pixels)
        encrypted.info[MARKER_NAME] = marker.to_json()
        return encrypted

    def decrypt(self, image: Image.Image | Ciphertext) -> Image.Image:
        """Undo :meth:`encrypt` of a PIL image, once its tag is found right; :meth:`unseal` does it for files.

        Args:
            image: what :meth:`encrypt` returned, or one opened from a PNG or WebP ciphertext.

        Raises:
            AuthenticationError: it is not what was encrypted under this key, or a JPEG whose file is needed to tell.
            NotACiphertextError: it carries no marker.
            KeyMismatchError: it was encrypted under another key.
            ParameterError: it was encrypted with other parameters, or is an array: see
                :meth:`decrypt_unauthenticated`.
        """
        if not isinstance(image, Image.Image | Ciphertext):
            raise ParameterError(
                f"a {type(image).__name__} carries no tag that could be checked; pass a PIL image, use unseal() for "
                "files, or decrypt_unauthenticated() for pixels that never left you"
            )
        return Image.fromarray(self.unseal(image))

    def decrypt_unauthenticated(
        self, images: Images, nonce: Nonces = None, size: tuple[int, int] | None = None
    ) -> Images:
        """Undo :meth:`encrypt` for whatever pixels come, with this cipher's parameters and the given nonces.

        DANGER: whoever chooses pixels and nonce and learns the result learns the plan behind that nonce, three
        images are enough, and with it the picture. Use it for pixels that never left you, or for your own
        ciphertexts that somebody honest stored in another format; never on behalf of others.

        Args:
            images: as for :meth:`encrypt`; the marker of a PIL image is not looked at.
            nonce: the nonce or nonces used to encrypt.
            size: (height, width) before encryption, where the parameters leave parts of a picture out.

        Returns:
            The same kind; exact unless the ciphertext went through a lossy format, and grey where nothing was sent.

        Raises:
            KeyMismatchError: the keys were disposable.
            GeometryError, ImageError, ParameterError: as for :meth:`encrypt`.
        """
        if isinstance(images, Image.Image):
            return Image.fromarray(self._compiler.undo(np.asarray(load_rgb(images)), _single(nonce), size))
        return self._compiler.undo(images, nonce, size)

    def seal(
        self,
        picture: np.ndarray | Image.Image,
        format: ImageFormat | Encoding = "png",
        quality: int = JPEG_QUALITY,
        subsampling: Subsampling = "4:4:4",
        nonce: bytes | None = None,
        any_size: bool = False,
    ) -> bytes:
        """Encrypt one picture into a ciphertext file with its marker and tag.

        Args:
            picture: plain, uint8 (H,W,3) or a PIL image of any still mode.
            format, quality, subsampling: see :class:`hf_etc.encoding.Encoding`, which may stand for all three.
            nonce: 16 bytes for ``key_scope="image"``; default: a fresh one.
            any_size: mark it with the id for pictures of any size instead of the one for this size.

        Returns:
            The file's bytes; :meth:`unseal` reads them.

        Raises:
            AlreadyEncryptedError, GeometryError, ImageError, ParameterError: as for :meth:`encrypt`.
        """
        if isinstance(picture, Image.Image):
            picture = np.asarray(load_plain(picture))
        check_pixels(picture)
        nonces = None if nonce is None else [nonce]
        return self.seal_all([picture], format, quality, subsampling, nonces, any_size)[0]

    def seal_all(
        self,
        pictures: Iterable[np.ndarray],
        format: ImageFormat | Encoding = "png",
        quality: int = JPEG_QUALITY,
        subsampling: Subsampling = "4:4:4",
        nonces: Sequence[bytes] | None = None,
        any_size: bool = False,
    ) -> list[bytes]:
        """:meth:`seal` for plain pictures, uint8 (H,W,3) each, of any mixture of sizes; a few are held at a time."""
        encoding = Encoding.of(format, quality, subsampling)
        _refuse_repeated(nonces)
        files: dict[int, bytes] = {}
        for numbers, batch in _batches(pictures):
            chosen = self.nonces_for(len(batch)) if nonces is None else [nonces[i] for i in numbers]
            height, width = batch.shape[1:3]
            marker = self.marker(height, width, any_size=any_size)
            encrypted = self._compiler.overwrite(batch, chosen)
            for i, pixels, nonce in zip(numbers, encrypted, chosen or repeat(None), strict=False):
                if self.key is None:  # a common id would say that two pictures have one owner
                    marker = self.marker(height, width, any_size=any_size)
                files[i] = encode_ciphertext(pixels, replace(marker, nonce=nonce), self.sign, encoding)
        return [files[i] for i in range(len(files))]

    def unseal(self, source: ImageSource | Ciphertext) -> np.ndarray:
        """The picture in a ciphertext file, once its tag is found right.

        Args:
            source: path or bytes of the file, a PIL image opened from a PNG or WebP one, or a
                :class:`hf_etc.images.ciphertext.Ciphertext`.

        Returns:
            uint8 (H,W,3), of the size before encryption; exact for PNG and WebP, and grey where nothing was sent.

        Raises:
            AuthenticationError: it was changed, re-encoded or made up; see :meth:`unseal_unauthenticated`.
            ImageError, NotACiphertextError, MarkerError, GeometryError: see :func:`hf_etc.read_ciphertext`.
            KeyMismatchError, ParameterError: it was encrypted under another key, or with other parameters.
        """
        ciphertext = source if isinstance(source, Ciphertext) else read_ciphertext(source)
        self.authenticate(ciphertext)
        return self._undone(ciphertext)

    def unseal_unauthenticated(self, source: ImageSource | Ciphertext) -> np.ndarray:
        """:meth:`unseal` without the check of the tag, for files that somebody honest stored in another format.

        DANGER: see :meth:`decrypt_unauthenticated`. Parameters are this cipher's; only the nonce is the marker's.
        """
        ciphertext = source if isinstance(source, Ciphertext) else read_ciphertext(source)
        self.check_marker(ciphertext.marker)
        return self._undone(ciphertext)

    def _undone(self, ciphertext: Ciphertext) -> np.ndarray:
        marker = ciphertext.marker
        return self._compiler.undo(ciphertext.pixels(), marker.nonce, (marker.height, marker.width))

    def marker(self, height: int, width: int, nonce: bytes | None = None, any_size: bool = False) -> Marker:
        """The public marker of a picture of this size encrypted by this cipher, without its tag."""
        id_ = self.cipher_id() if any_size else self.cipher_id(height, width)
        return Marker(self.spec, height, width, id_, nonce)

    def check_marker(self, marker: Marker) -> None:
        """Raise unless `marker` names these parameters and this key; its tag is not looked at."""
        if marker.spec != self.spec:
            raise ParameterError(f"encrypted with {marker.spec}, this cipher is {self.spec}")
        self.spec.check_decryptable()
        if marker.cipher_id not in (self.cipher_id(marker.height, marker.width), self.cipher_id()):
            raise KeyMismatchError(f"encrypted under another key than {self.key_id}; use the key it was made with")

    def sign(self, marker: Marker, signed: Signed, data: bytes) -> Marker:
        """The marker with its tag: HMAC-SHA256 of marker and data (docs/spec.md, section 5); random without a key.

        Args:
            marker: without a tag, or with one to be replaced.
            signed: "pixels" or "jpeg".
            data: the bytes of the encrypted pixels, or of the JPEG file without metadata.
        """
        if self.key is None:
            return replace(marker, tag=os.urandom(_TAG_BYTES).hex())
        return replace(marker, tag=tag_of(self.key, replace(marker, tag="").to_json(), signed, data))

    def authenticate(self, ciphertext: Ciphertext) -> None:
        """Raise unless a ciphertext is, to the bit, one that was encrypted under this key with these parameters.

        Raises:
            AuthenticationError: its tag is not the key's.
            KeyMismatchError, ParameterError: its marker names another key or other parameters.
        """
        self.check_marker(ciphertext.marker)
        expected = self.sign(ciphertext.marker, ciphertext.signed, ciphertext.data()).tag
        if not hmac.compare_digest(expected, ciphertext.marker.tag):
            raise AuthenticationError(
                "the ciphertext was changed or stored anew after encryption; use the original file "
                "(to decrypt it all the same, see decrypt_unauthenticated or hf-etc decrypt --unauthenticated)"
            )


class EtcCipher(Cipher):
    """The paper's block-wise cipher (section II-B).

    Args:
        key: the secret key.
        block_size: edge of a block in pixels. 16 (default) is the paper's.
        key_scope: "dataset" (default, the paper's: one plan for all images; a handful of ciphertexts
            give the key away) or "image" (a plan of its own per image, from a public nonce).
        steps: which of the four steps to apply; all by default.
        shared_block_key: draw steps 2 to 4 once for all blocks.
        gap, jitter, keep, disposable: what is left out of a picture, and keys that nobody keeps; see
            :class:`hf_etc.cipher.EtcSpec`. :meth:`private` has good ones.

    Raises:
        MissingKeyError, ParameterError: as for :class:`Cipher` and :class:`hf_etc.cipher.EtcSpec`.

    Example:
        >>> cipher = EtcCipher(EtcKey.generate(), block_size=16)
        >>> cipher.encrypt(np.zeros((2, 32, 48, 3), np.uint8)).shape
        (2, 32, 48, 3)
    """

    def __init__(
        self,
        key: EtcKey | None,
        block_size: int = 16,
        key_scope: KeyScope = "dataset",
        steps: tuple[str, ...] = STEPS,
        shared_block_key: bool = False,
        gap: int = 0,
        jitter: int = 0,
        keep: float = 1,
        disposable: bool = False,
    ) -> None:
        super().__init__(key, EtcSpec(key_scope, block_size, steps, shared_block_key, gap, jitter, keep, disposable))

    @classmethod
    def private(cls, key: EtcKey | None, **params: Any) -> "EtcCipher":
        """The preset "private": a key for each image, and blocks whose neighbours are hard to find.

        Args:
            key: the secret key; None with ``disposable=True``.
            params: in place of the preset's, see :class:`EtcCipher`.

        Example:
            >>> EtcCipher.private(EtcKey.generate()).encrypt(Image.new("RGB", (224, 224))).size
            (128, 128)
        """
        return cls(key, **preset_parameters("private", params.get("block_size")) | params)


def get_cipher(name: str, key: EtcKey | None, **params: Any) -> Cipher:
    """A registered cipher by name; :func:`hf_etc.list_ciphers` has the names.

    Raises:
        ParameterError: unknown name or parameter.
    """
    return Cipher(key, make_spec(name, **params))


def _refuse_repeated(nonce: Nonces) -> None:
    nonces = [one for one in nonce if isinstance(one, bytes)] if isinstance(nonce, list | tuple) else []
    if len(set(nonces)) < len(nonces):
        raise ParameterError("a nonce stands twice among these; every image needs its own, see cipher.new_nonces()")


def _single(nonce: Nonces) -> bytes | None:
    return nonce if nonce is None or isinstance(nonce, bytes) else nonce[0]


def tag_of(key: EtcKey, text: str, signed: Signed, data: bytes) -> str:
    """The tag of a marker's text and the data that it vouches for (docs/spec.md, section 5): 32 hexadecimal digits."""
    mac = hmac.new(key.derive(b"hf-etc/2/tag"), digestmod="sha256")
    mac.update(f"{text}\0{signed}\0".encode("ascii"))
    mac.update(data)
    return mac.digest()[:_TAG_BYTES].hex()


def _batches(pictures: Iterable[np.ndarray]) -> Iterator[tuple[list[int], np.ndarray]]:
    """The numbers of pictures of one size, and the pictures, (N,H,W,3), which may be overwritten."""
    waiting: dict[Any, tuple[list[int], np.ndarray]] = {}
    for number, picture in enumerate(pictures):
        kind = picture.shape, picture.dtype
        if kind not in waiting:
            if len(waiting) == _SIZES:
                yield from _filled(*waiting.pop(next(iter(waiting))))
            waiting[kind] = [], np.empty((max(1, _TOGETHER // (picture.nbytes or 1)), *picture.shape), picture.dtype)
        numbers, batch = waiting[kind]
        batch[len(numbers)] = picture
        numbers.append(number)
        if len(numbers) == len(batch):
            yield numbers, batch
            numbers.clear()
    for some in waiting.values():
        yield from _filled(*some)


def _filled(numbers: list[int], batch: np.ndarray) -> Iterator[tuple[list[int], np.ndarray]]:
    if numbers:
        yield numbers, batch[: len(numbers)]
