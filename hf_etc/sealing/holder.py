"""The one rule for what holds a key and travels: the key stays, and its id goes."""

from collections.abc import Callable
from typing import Any

from ..cipher import CipherSpec
from ..cipher.handover import offer
from ..cipher.keys import KEY_ID, EtcKey, check_key, find_key
from ..errors import MissingKeyError
from .cipher import Cipher


class KeyHolder:
    """A key and its ciphers, for objects that are pickled, copied, printed and cached.

    A pickle or a repr holds the id alone; so do those of the object around it. Whoever reads the pickle finds the
    key again where it is first needed: in the memory that a worker process inherited (fork) or was given when it was
    started (spawn and forkserver, :mod:`hf_etc.cipher.handover`), or in its environment. Copies within a process
    share the key, and the plans that were made with it.

    Args:
        key: the secret key; None where the key of each image is disposable.
        id_of: its id, which may be seen where the object goes; a function that pickle can name.

    Raises:
        MissingKeyError: `key` is neither None nor an :class:`hf_etc.EtcKey`.

    Example:
        >>> import pickle
        >>> key = EtcKey.generate()
        >>> pickle.loads(pickle.dumps(KeyHolder(key))).find() is key
        True
    """

    __slots__ = ("_ciphers", "_id_of", "_key", "id")

    def __init__(self, key: EtcKey | None, id_of: Callable[[EtcKey], str] = KEY_ID) -> None:
        if key is not None:
            check_key(key)
            offer(key)
        self.id = None if key is None else id_of(key)
        self._id_of, self._key = id_of, key
        self._ciphers: dict[CipherSpec, Cipher] = {}

    def find(self) -> EtcKey:
        """The key.

        Raises:
            MissingKeyError: this process has no such key, or there is none at all.
        """
        if self.id is None:
            raise MissingKeyError("there is no key: that of each image is thrown away")
        if self._key is None:
            self._key = find_key(self.id, self._id_of)
            offer(self._key)
        return self._key

    def cipher(self, spec: CipherSpec) -> Cipher:
        """The cipher with these parameters under this key, made once."""
        if spec not in self._ciphers:
            self._ciphers[spec] = Cipher(None if self.id is None else self.find(), spec)
        return self._ciphers[spec]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({getattr(self, 'id', None)!r})"  # None in the traceback of a refused key

    def __copy__(self) -> "KeyHolder":
        return self

    def __deepcopy__(self, memo: dict) -> "KeyHolder":
        return self

    def __reduce__(self) -> tuple[Callable, tuple[Any, ...]]:
        if self._key is not None:
            offer(self._key)  # once more: datasets may have been imported since
        return _without_key, (self.id, self._id_of)


def _without_key(id: str | None, id_of: Callable[[EtcKey], str]) -> KeyHolder:
    holder = object.__new__(KeyHolder)
    holder.id, holder._id_of, holder._key, holder._ciphers = id, id_of, None, {}
    return holder
