"""The specified byte streams of a plan key, and the draws made from them (docs/spec.md, section 3).

One key for each plan, one stream for each step: AES-256 of counters, with the step's number in their upper half. All
words are little-endian, all arithmetic is on integers, so every implementation in every language draws the same values.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache, partial

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes

from ..errors import ParameterError

STEP_NUMBERS = {"permutation": 0, "rotation": 1, "negative-positive": 2, "color": 3, "nibbles": 4, "jitter": 5}
_BLOCK = 16  # bytes


class KeyStream:
    """Reads one step's stream from its start; every draw advances it.

    Args:
        plan_key: 32 bytes from :meth:`hf_etc.EtcKey.derive`, or the block cipher under them.
        step: a name in `STEP_NUMBERS`.

    Example:
        >>> KeyStream(bytes(32), "permutation").permutation(5).tolist()
        [4, 1, 0, 3, 2]
    """

    def __init__(self, plan_key: bytes | CipherContext, step: str) -> None:
        self._cipher = block_cipher(plan_key) if isinstance(plan_key, bytes) else plan_key
        self._step, self._position = STEP_NUMBERS[step], 0

    def __repr__(self) -> str:
        return "KeyStream()"

    def read(self, count: int) -> bytes:
        """The next `count` bytes."""
        first, skipped = divmod(self._position, _BLOCK)
        self._position += count
        counters = _counters(self._step, first, -(-(skipped + count) // _BLOCK))
        return self._cipher.update(counters)[skipped : skipped + count]

    def permutation(self, n: int) -> np.ndarray:
        """A permutation of 0..n-1, int64: the stable argsort of n 64-bit words."""
        return KeyStreams([self]).permutation(n)[0]

    def integers(self, n: int, below: int) -> np.ndarray:
        """`n` unbiased integers in 0..below-1, int64: 32-bit words, the biased tail rejected, modulo.

        Raises:
            ParameterError: `below` is not in 1..2**32.
        """
        return KeyStreams([self]).integers(n, below)[0]


class KeyStreams:
    """The streams of one step under several plan keys, read side by side: draws have a row for each, (M,n).

    Example:
        >>> KeyStreams([KeyStream(bytes(32), "color"), KeyStream(bytes(32), "nibbles")]).integers(3, 6).shape
        (2, 3)
    """

    def __init__(self, streams: Sequence[KeyStream]) -> None:
        self._streams = streams

    def permutation(self, n: int) -> np.ndarray:
        """As :meth:`KeyStream.permutation`, int64 (M,n)."""
        words = self._words("<u8", n)
        # Several times as fast as the stable sort, and the same unless words are equal.
        order = np.argsort(words, axis=1)
        ranked = np.take_along_axis(words, order, axis=1)
        return order if (ranked[:, 1:] > ranked[:, :-1]).all() else np.argsort(words, axis=1, kind="stable")

    def integers(self, n: int, below: int) -> np.ndarray:
        """As :meth:`KeyStream.integers`, int64 (M,n)."""
        if not 1 <= below <= 2**32:
            raise ParameterError(f"integers below {below}: must be in 1..2**32")
        limit = 2**32 - 2**32 % below
        words = self._words("<u4", n).astype(np.int64)
        if (words >= limit).any():
            words = np.stack([_accepted(row, self._streams[i], limit) for i, row in enumerate(words)])
        return words % below

    def _words(self, kind: str, n: int) -> np.ndarray:
        size = n * np.dtype(kind).itemsize
        read = b"".join([stream.read(size) for stream in self._streams])
        return np.frombuffer(read, kind).reshape(len(self._streams), n)


Streams = Callable[[str], KeyStream | KeyStreams]
"""From the name of a step to its stream."""


def streams_of(plan_key: bytes | Sequence[bytes]) -> Streams:
    """The streams of one plan key, or of several side by side; each key is set up only once."""
    if isinstance(plan_key, bytes):
        return partial(KeyStream, block_cipher(plan_key))
    ciphers = [block_cipher(one) for one in plan_key]
    return lambda step: KeyStreams([KeyStream(cipher, step) for cipher in ciphers])


def block_cipher(plan_key: bytes) -> CipherContext:
    """AES-256 under a plan key; it encrypts each block by itself, so every stream of the key can use it."""
    return Cipher(algorithms.AES256(plan_key), modes.ECB()).encryptor()


@lru_cache(maxsize=1)  # the same for every key, one after another
def _counters(step: int, first: int, count: int) -> bytes:
    blocks = np.empty((count, 2), ">u8")
    blocks[:, 0] = step
    blocks[:, 1] = np.arange(first, first + count)
    return blocks.tobytes()


def _accepted(words: np.ndarray, stream: KeyStream, limit: int) -> np.ndarray:
    """As many words as were drawn, all of them below the limit; the stream gives what is missing."""
    accepted = words[words < limit]
    while missing := len(words) - len(accepted):
        more = np.frombuffer(stream.read(4 * missing), "<u4").astype(np.int64)
        accepted = np.concatenate([accepted, more[more < limit]])
    return accepted
