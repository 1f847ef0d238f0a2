"""Decrypting the ciphertext images of a dataset: they say themselves how they were encrypted."""

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from ..ciphertext import Marker, decode_ciphertext
from ..errors import KeyMismatchError
from ..images import ImageSource
from ..keys import EtcKey
from .batches import ImageMap, positions


class DecryptImages(ImageMap):
    """Decrypts the image column of a dataset into PNG files, for ``dataset.map(..., batched=True)``.

    What was stored without loss comes back bit for bit.

    Args:
        key: the secret key the images were encrypted with.
        column: the image column; None finds it when there is exactly one.
        skip_bad: leave bad and plain images out, with a warning in the log, instead of raising.

    Raises:
        MissingKeyError: `key` is not an :class:`hf_etc.EtcKey`.

    Example:
        >>> from hf_etc import EncryptImages
        >>> key, picture = EtcKey.generate(), Image.new("RGB", (32, 32), "red")
        >>> ciphertexts = EncryptImages(key)({"image": [picture]})
        >>> plain = DecryptImages(key)(ciphertexts)["image"][0]["bytes"]
        >>> Image.open(io.BytesIO(plain)).getpixel((0, 0))
        (255, 0, 0)
    """

    operation = "decrypt"

    def __init__(self, key: EtcKey, *, column: str | None = None, skip_bad: bool = False) -> None:
        super().__init__(key, column, skip_bad)

    def facts(self) -> dict[str, Any]:
        return {"key_id": self.key_id}

    @property
    def suffix(self) -> str:
        return ".png"

    def _read(self, source: ImageSource) -> list[tuple[np.ndarray, Marker]]:
        pixels, marker = decode_ciphertext(source)
        if marker.key_id != self.key_id:
            raise KeyMismatchError(f"encrypted under key {marker.key_id}, this is key {self.key_id}; use the other key")
        return [(pixels, marker)]

    def _write(self, read: Sequence[tuple[np.ndarray, Marker]]) -> list[bytes]:
        files = [b""] * len(read)
        alike = positions((marker.spec, marker.height, marker.width) for _, marker in read)
        for (spec, _, _), members in alike.items():
            nonces = [nonce for i in members if (nonce := read[i][1].nonce) is not None]
            pixels = np.stack([read[i][0] for i in members])
            plain = self.cipher(spec).decrypt(pixels, nonces or None)
            for i, picture in zip(members, plain, strict=True):
                files[i] = _png(picture)
        return files


def _png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()
