"""The specified byte streams of a plan key, and the draws made from them (docs/spec.md, section 3).

One key for each plan, one stream for each step: AES-256-CTR over zeros, the step's number in the upper half of
the counter. All words are little-endian, all arithmetic is
on integers, so every implementation in every language draws the same values.
"""

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from ..errors import ParameterError

STEP_NUMBERS = {"permutation": 0, "rotation": 1, "negative-positive": 2, "color": 3, "nibbles": 4}


class KeyStream:
    """Reads one step's stream from its start; every draw advances it.

    Args:
        plan_key: 32 bytes from :meth:`hf_etc.EtcKey.derive`.
        step: a name in `STEP_NUMBERS`.

    Example:
        >>> KeyStream(bytes(32), "permutation").permutation(5).tolist()
        [4, 1, 0, 3, 2]
    """

    def __init__(self, plan_key: bytes, step: str) -> None:
        counter = STEP_NUMBERS[step].to_bytes(8, "big") + bytes(8)
        self._encryptor = Cipher(algorithms.AES256(plan_key), modes.CTR(counter)).encryptor()

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
