"""Ask a Space for the labels of a picture that it never sees: encrypted here, classified there."""

import base64
from typing import Any

from ..cipher.keys import EtcKey, check_key
from ..cipher.spec import all_parameters
from ..encoding import JPEG_QUALITY, Encoding, ImageFormat, Subsampling
from ..errors import ParameterError
from ..images.ciphertext import load_plain
from ..images.load import ImageSource
from ..images.prepare import Preparation
from ..processor.image_processing import EtcImageProcessor
from .remote import RemoteClassifier


class EncryptedClassifier:
    """Client of a classifier served by ``hf-etc serve`` or ``hf_etc.gradio.build_app``.

    The picture is prepared and encrypted in this process; what is sent is the ciphertext. The key is never
    sent, nor is a Hugging Face token unless you pass one.

    Args:
        space_or_url: "user/space" on the Hub, or the address of a server.
        key: the model's secret key; any of your own for a model that takes them, or None with ``disposable=True``:
            then a random one for each picture, which is thrown away.
        token: of the Hub, for a private Space.
        format, quality, subsampling: of the files sent, see :class:`hf_etc.encoding.Encoding`.
        window: of pictures with more than 8 bits, see :func:`hf_etc.load_rgb`.
        allow_weak: encrypt as the server asks also where that is weak and yours, see
            :class:`hf_etc.EtcImageProcessor`.
        expected: what the server must ask for: `cipher` (a name), `size`, `cipher_id` or parameters of the cipher.
            Without any of these it can still ask only for what the key's owner once chose.

    Raises:
        MissingKeyError: neither a key nor ``disposable=True``.
        KeyMismatchError: the server's model belongs to another key, or it changed the configuration.
        ParameterError: the server asks for a weak cipher or not for what is expected, or a bad argument.
        RemoteError: no such Space or server, or not one of encrypted images.

    Example::

        classify = EncryptedClassifier("clinic/encrypted-classifier", EtcKey.load("clinic.key"))
        classify("photo.jpg")  # [{"label": "cat", "score": 0.93}, ...]
    """

    def __init__(
        self,
        space_or_url: str,
        key: EtcKey | None,
        *,
        token: str | None = None,
        format: ImageFormat = "png",
        quality: int = JPEG_QUALITY,
        subsampling: Subsampling = "4:4:4",
        window: str | None = None,
        allow_weak: bool = False,
        **expected: Any,
    ) -> None:
        if unknown := expected.keys() - all_parameters() - {"cipher", "cipher_id", "size"}:
            raise ParameterError(f"unknown argument {min(unknown)!r}; see EncryptedClassifier")
        if not expected.get("disposable"):
            check_key(key)
        self._encoding, self._window = Encoding(format, quality, subsampling), Preparation(window=window).window
        self._remote = RemoteClassifier(space_or_url, token)
        self.processor: EtcImageProcessor = self._remote.processor(key, allow_weak=allow_weak, **expected)

    def __call__(self, image: ImageSource) -> list[dict[str, Any]]:
        """The likeliest labels of one picture, as a transformers pipeline gives them.

        Args:
            image: path, bytes of an image file, or PIL image; plain.

        Returns:
            Dictionaries with "label" and "score" (0 to 1), the likeliest first.

        Raises:
            AlreadyEncryptedError, ImageError: not a plain picture.
            RemoteError: the server refused the ciphertext, or is gone.
        """
        if self._window is not None:
            image = load_plain(image, window=self._window)
        (file,) = self.processor.encrypt([image], self._encoding)
        data = f"data:image/{self._encoding.format};base64,{base64.b64encode(file).decode()}"
        return self._remote.classify(data)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._remote.name!r}, cipher_id={self.processor.cipher_id!r})"

    def close(self) -> None:
        """Nothing is held open between two calls."""

    def __enter__(self) -> "EncryptedClassifier":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()
