"""The one way from a plain picture to a ciphertext, and back.

Both ways have two halves: `pictures` opens a source, `files` writes what came out of it.
"""

import io
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from ..cipher import CipherSpec
from ..cipher.keys import EtcKey, check_key
from ..encoding import Encoding
from ..images.ciphertext import DECRYPT_FIRST, Ciphertext, as_received, load_plain, read_ciphertext
from ..images.load import ImageSource
from ..images.prepare import RESAMPLE
from .cipher import Cipher
from .holder import KeyHolder
from .recipe import Recipe

if TYPE_CHECKING:
    import torch


class Sealer:
    """Turns plain pictures into ciphertexts by a recipe and a key, step by step.

    Its pickle and its repr hold the recipe and the id of the key, see :class:`KeyHolder`.

    Args:
        key: the secret key, or its holder; None where the recipe has `disposable` keys.
        recipe: all that is public.

    Raises:
        MissingKeyError: `key` is not an :class:`hf_etc.EtcKey`.
        ParameterError: there is one, and keys are disposable.

    Example:
        >>> sealer = Sealer(EtcKey.generate(), Recipe.of(size=32, format="webp"))
        >>> pictures = sealer.pictures(Image.new("RGB", (40, 50), "red"))  # plain, at the size to encrypt
        >>> (file,) = sealer.files(pictures)
        >>> bool((sealer.unseal(file) == pictures[0]).all())
        True
    """

    def __init__(self, key: EtcKey | KeyHolder | None, recipe: Recipe) -> None:
        if not isinstance(key, KeyHolder):
            recipe.spec.check_key(key)
            key = KeyHolder(key)
        self.held, self.recipe = key, recipe

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.held!r}, {self.recipe})"

    @property
    def cipher(self) -> Cipher:
        """The cipher of the recipe under the key."""
        return self.held.cipher(self.recipe.spec)

    def pictures(self, source: ImageSource, remedy: str = DECRYPT_FIRST) -> list[np.ndarray]:
        """What is encrypted of one plain picture: it at the recipe's size, or its views.

        Args:
            source: path, bytes of an image file, or PIL image; any still picture that is no ciphertext.
            remedy: what the error for a ciphertext tells the user to do.

        Returns:
            uint8 (H,W,3) each, on the block grid.

        Raises:
            AlreadyEncryptedError: it is a ciphertext.
            ImageError, GeometryError: it cannot be read or brought to size.
        """
        preparation, views, spec = self.recipe.preparation, self.recipe.views, self.recipe.spec
        image, size = load_plain(source, remedy, preparation.window), preparation.size
        if views is None or size is None:  # views are crops of the picture's own size, once that is on the grid
            prepared = preparation.apply(image, spec.grid)
            size = prepared.shape[:2]
            spec.check_size(*size)
            if views is None:
                return [prepared]
            image = Image.fromarray(prepared)
        return views.draw(image, size, RESAMPLE[preparation.resample])

    def encrypt(self, pictures: np.ndarray | Sequence[np.ndarray], nonces: Sequence[bytes] | None = None) -> np.ndarray:
        """The encrypted pixels of prepared pictures as a receiver gets them: after the recipe's JPEG, if it has one.

        Args:
            pictures: uint8 (N,H,W,3), or a list of N of one size.
            nonces: one each for ``key_scope="image"``; default: fresh ones, which are thrown away.

        Returns:
            uint8 (N,h,w,3) of the spec's `output_size`.

        Raises:
            ImageError, GeometryError, ParameterError: see :meth:`hf_etc.Cipher.encrypt`.
        """
        cipher = self.cipher
        nonces = cipher.nonces_for(len(pictures)) if nonces is None else nonces
        return as_received(cipher.encrypt(np.asarray(pictures), nonces), self.recipe.encoding)

    def encrypt_tensor(self, pictures: "torch.Tensor") -> "torch.Tensor":
        """Prepared pictures, encrypted with fresh nonces where they need them, without the recipe's file format.

        Args:
            pictures: uint8 (N,3,H,W) on any device.

        Returns:
            uint8 (N,3,h,w) on the same device.
        """
        cipher = self.cipher
        return cipher.encrypt(pictures, cipher.nonces_for(len(pictures)))

    def files(
        self, pictures: Iterable[np.ndarray], encoding: Encoding | None = None, any_size: bool = False
    ) -> list[bytes]:
        """The marked ciphertext files of prepared pictures, uint8 (H,W,3) each, of any mixture of sizes.

        A few are held at a time, so that they may be made as they are asked for.

        Args:
            pictures: plain, from :meth:`pictures`.
            encoding: in place of the recipe's.
            any_size: mark them with the id for pictures of any size.
        """
        return self.cipher.seal_all(pictures, encoding or self.recipe.encoding, any_size=any_size)

    def unseal(self, source: ImageSource | Ciphertext) -> np.ndarray:
        """The prepared picture in a ciphertext file, once its tag is found right: see :meth:`hf_etc.Cipher.unseal`."""
        return self.cipher.unseal(source)


class Unsealer:
    """Turns ciphertexts of one key, each encrypted in its own way, into PNG files of the pictures.

    Args:
        key: the secret key, or its holder.
        spec: what they must have been encrypted with; None takes what each marker says.
        unauthenticated: DANGER, see :meth:`hf_etc.Cipher.decrypt_unauthenticated`.
    """

    def __init__(self, key: EtcKey | KeyHolder, spec: CipherSpec | None = None, unauthenticated: bool = False) -> None:
        if not isinstance(key, KeyHolder):
            check_key(key)
            key = KeyHolder(key)
        self.held = key
        self.spec, self.unauthenticated = spec, unauthenticated

    def pictures(self, source: ImageSource) -> list[np.ndarray]:
        """The one picture in a ciphertext; errors are those of :meth:`hf_etc.Cipher.unseal`."""
        ciphertext = read_ciphertext(source)
        ciphertext.marker.spec.check_decryptable()
        cipher = self.held.cipher(self.spec or ciphertext.marker.spec)
        return [cipher.unseal_unauthenticated(ciphertext) if self.unauthenticated else cipher.unseal(ciphertext)]

    def files(self, pictures: Iterable[np.ndarray]) -> list[bytes]:
        """Each picture, uint8 (H,W,3), as a PNG file."""
        return list(map(_png, pictures))


def _png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()
