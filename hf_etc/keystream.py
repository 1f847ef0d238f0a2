"""The specified byte stream of a subkey, and the draws made from it (docs/spec.md, section 3).

Stream = AES-256-CTR over zeros with a zero counter. All words are little-endian, all arithmetic is
on integers, so every implementation in every language draws the same values.
"""

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from .errors import ParameterError

_ZERO_COUNTER = bytes(16)


class KeyStream:
    """Reads one subkey's stream from its start; every draw advances it.

    Args:
        subkey: 32 bytes from :meth:`hf_etc.EtcKey.derive`.

    Example:
        >>> KeyStream(bytes(32)).permutation(5).tolist()
        [4, 1, 0, 3, 2]
    """

    def __init__(self, subkey: bytes) -> None:
        self._encryptor = Cipher(algorithms.AES256(subkey), modes.CTR(_ZERO_COUNTER)).encryptor()

    def __repr__(self) -> str:
        return "KeyStream()"

    def read(self, count: int) -> bytes:
        """The next `count` bytes."""
        return self._encryptor.update(bytes(count))

    def permutation(self, n: int) -> np.ndarray:
        """A permutation of 0..n-1, int64: the stable argsort of n 64-bit words."""
        words = np.frombuffer(self.read(8 * n), dtype="<u8")
        return np.argsort(words, kind="stable")

    def integers(self, n: int, below: int) -> np.ndarray:
        """`n` unbiased integers in 0..below-1, int64: 32-bit words, the biased tail rejected, modulo.

        Raises:
            ParameterError: `below` is not in 1..2**32.
        """
        if not 1 <= below <= 2**32:
            raise ParameterError(f"integers below {below}: must be in 1..2**32")
        limit = 2**32 - 2**32 % below
        accepted = np.empty(0, dtype=np.int64)
        while len(accepted) < n:
            words = np.frombuffer(self.read(4 * (n - len(accepted))), dtype="<u4").astype(np.int64)
            accepted = np.concatenate([accepted, words[words < limit]])
        return accepted % below
