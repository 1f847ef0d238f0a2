"""Decrypting the ciphertext images of a dataset: their markers, authenticated, say how they were encrypted."""

from collections.abc import Mapping
from typing import Any

from ..cipher import CipherSpec
from ..cipher.keys import EtcKey
from ..errors import ParameterError
from ..sealing import Unsealer
from ..sealing.recipe import to_spec
from .batches import ImageMap


class DecryptImages(ImageMap):
    """Decrypts the image column of a dataset into PNG files, for ``dataset.map(..., batched=True)``.

    What was stored without loss comes back bit for bit; what was changed after encryption is refused.

    Args:
        key: the secret key the images were encrypted with.
        cipher: what they must have been encrypted with: a registered name with `params`, or a spec as object or
            dictionary. None takes what each image's marker says, which its tag makes the key owner's word.
        column: the image column; None finds it when there is exactly one.
        skip_bad: leave bad, changed and plain images out, with a warning in the log, instead of raising.
        unauthenticated: DANGER, see :meth:`hf_etc.Cipher.decrypt_unauthenticated`: decrypt without checking the
            tag what somebody honest stored in another format. Needs `cipher`.
        params: parameters of a cipher given by name.

    Raises:
        MissingKeyError: `key` is not an :class:`hf_etc.EtcKey`.
        ParameterError: unknown cipher or parameter, or `unauthenticated` without `cipher`.

    Example:
        >>> import io
        >>> from PIL import Image
        >>> from hf_etc import EncryptImages
        >>> key, picture = EtcKey.generate(), Image.new("RGB", (32, 32), "red")
        >>> ciphertexts = EncryptImages(key)({"image": [picture]})
        >>> plain = DecryptImages(key)(ciphertexts)["image"][0]["bytes"]
        >>> Image.open(io.BytesIO(plain)).getpixel((0, 0))
        (255, 0, 0)
    """

    operation = "decrypt"

    def __init__(
        self,
        key: EtcKey,
        *,
        cipher: str | Mapping[str, Any] | CipherSpec | None = None,
        column: str | None = None,
        skip_bad: bool = False,
        unauthenticated: bool = False,
        **params: Any,
    ) -> None:
        if cipher is None and any(value is not None for value in params.values()):
            cipher = "etc"
        if cipher is None and unauthenticated:
            raise ParameterError("without authentication nothing vouches for the markers; name the cipher")
        self.spec = None if cipher is None else to_spec(cipher, **params)
        self.unauthenticated = unauthenticated
        super().__init__(Unsealer(key, self.spec, unauthenticated), column, skip_bad)

    def facts(self) -> dict[str, Any]:
        expected = {} if self.spec is None else self.spec.to_dict()
        return expected | ({"unauthenticated": True} if self.unauthenticated else {})

    @property
    def suffix(self) -> str:
        return ".png"
