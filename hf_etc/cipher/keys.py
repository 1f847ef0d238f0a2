"""Secret keys: the only module that touches key bytes.

Use :class:`EtcKey`. A key lives in a file that only its owner can read (``key.save``), or in the
environment of a process (``HF_ETC_KEY``, ``HF_ETC_KEY_FILE``). It has no pickle, its repr shows the
public ``key_id`` alone, and nothing else in this package ever receives its bytes: ciphers ask it
for subkeys. Functions here delete their secret arguments before an error leaves them, because some
tools print or send the local variables of a traceback.
"""

import base64
import hashlib
import hmac
import os
import re
import stat
import unicodedata
import warnings
import weakref
from collections.abc import Callable, Mapping
from operator import attrgetter
from pathlib import Path
from typing import NoReturn

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from ..errors import KeyExposureError, KeyFileError, KeyFormatError, KeyMismatchError, MissingKeyError

KEY_BYTES = 32
SALT_BYTES = 25  # cost, 16 random bytes, check value
KEY_ENV, KEY_FILE_ENV, PASSPHRASE_ENV = "HF_ETC_KEY", "HF_ETC_KEY_FILE", "HF_ETC_PASSPHRASE"
KEY_ID: Callable[["EtcKey"], str] = attrgetter("key_id")  # as a function that pickle can name
KEY_PREFIX, _SALT_PREFIX = "hfetc2-", "hfetc2-scrypt-"
_SPACE = " \t\r\n"
_PASSPHRASE_CHECK = b"hf-etc/2/passphrase"
CHECKSUM_BYTES = 4
MIN_PASSPHRASE = 12
_COSTS = range(17, 21)  # scrypt's N is 2**17 (128 MiB, about 0.5 s) to 2**20 (1 GiB)

# Live keys of this process, each under its id(): equal ones may end at different times. Forked workers inherit
# it, so a pickled function that holds a key id alone finds its key again without the key ever entering a pickle.
_live_keys: "weakref.WeakValueDictionary[int, EtcKey]" = weakref.WeakValueDictionary()


class EtcKey:
    """A 256-bit master key.

    Make one with :meth:`generate`, :meth:`parse`, :meth:`load`, :meth:`from_passphrase` or
    :meth:`from_env`; the constructor takes the 32 raw bytes.

    Attributes:
        key_id: 16 hexadecimal digits derived one-way from the key (docs/spec.md, section 2), by which its
            owner tells keys apart. What leaves the owner holds :meth:`hf_etc.Cipher.cipher_id` instead.

    Raises:
        KeyFormatError: the secret is not 32 bytes.

    Example:
        >>> key = EtcKey.generate()
        >>> EtcKey.parse(key.reveal()) == key
        True
    """

    __slots__ = ("__weakref__", "_key_id", "_secret")

    def __init__(self, secret: bytes) -> None:
        if not isinstance(secret, bytes) or len(secret) != KEY_BYTES:
            del secret
            raise KeyFormatError(f"a key is {KEY_BYTES} bytes; make one with EtcKey.generate()")
        self._secret = secret
        self._key_id = self.derive(b"hf-etc/2/key-id", length=8).hex()
        _live_keys[id(self)] = self

    @property
    def key_id(self) -> str:
        return self._key_id

    @classmethod
    def generate(cls) -> "EtcKey":
        """A fresh key from the operating system's random generator."""
        return cls(os.urandom(KEY_BYTES))

    @classmethod
    def parse(cls, text: str) -> "EtcKey":
        """Read the text form ``hfetc2-...`` (surrounding white space and letter case do not matter).

        Raises:
            KeyFormatError: not a key text, truncated, or mistyped (the checksum tells).
        """
        try:
            if _is_salt(text):
                raise KeyFormatError("this is a passphrase salt, not a key; load it with its passphrase")
            return cls(_decode(text, KEY_PREFIX, KEY_BYTES, "key"))
        finally:
            del text

    @classmethod
    def from_passphrase(cls, passphrase: str, salt: str) -> "EtcKey":
        """The key of a passphrase and the salt that :func:`passphrase_salt` made for it.

        Args:
            passphrase: as it was, in any Unicode normalisation form.
            salt: text ``hfetc2-scrypt-...``; it also holds scrypt's cost.

        Raises:
            KeyFormatError: the passphrase is too short or the salt is malformed.
            KeyMismatchError: it is not the passphrase of this salt.
        """
        try:
            secret = _passphrase_bytes(passphrase)
            payload = _decode(salt, _SALT_PREFIX, SALT_BYTES, "salt")
            key = _stretched(secret, payload[0], payload[1:17])
            if not hmac.compare_digest(key.derive(_PASSPHRASE_CHECK, 8), payload[17:]):
                raise KeyMismatchError("this is not the passphrase of this salt; type it again")
            return key
        finally:
            del passphrase
            secret = b""

    @classmethod
    def load(cls, path: str | Path, passphrase: str | None = None) -> "EtcKey":
        """Read a key file, or a salt file together with its passphrase.

        Args:
            path: file written by :meth:`save` or by ``hf-etc keygen``.
            passphrase: for salt files; default: the environment variable ``HF_ETC_PASSPHRASE``.

        Raises:
            KeyFileError: the file is missing or unreadable.
            KeyFormatError: its content is not a key.
            MissingKeyError: it is a salt file and there is no passphrase.

        Warns:
            UserWarning: others than the owner may read the file.
        """
        path = Path(path)
        try:
            readable_by_others = os.name == "posix" and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)
            with path.open("rb") as file:
                text = file.read(4096).decode("ascii", errors="replace")
        except FileNotFoundError:
            raise KeyFileError(f"no key file at {path}; make one with: hf-etc keygen {path}") from None
        except OSError as error:
            raise KeyFileError(f"cannot read the key file {path}: {error.strerror}") from None
        if readable_by_others:
            warnings.warn(f"other users can read the key file {path}; run: chmod 600 {path}", stacklevel=2)
        try:
            if not _is_salt(text):
                return _named(path, cls.parse, text)
            passphrase = passphrase or os.environ.get(PASSPHRASE_ENV)
            if not passphrase:
                raise MissingKeyError(f"{path} is a passphrase salt; set {PASSPHRASE_ENV} or pass passphrase=")
            return _named(path, cls.from_passphrase, passphrase, text)
        finally:
            del text, passphrase

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> "EtcKey":
        """The key in ``HF_ETC_KEY`` (text form), or in the file named by ``HF_ETC_KEY_FILE``.

        Raises:
            MissingKeyError: neither variable is set.
        """
        environ = os.environ if environ is None else environ  # not as default: datasets.map replaces os.environ
        text, path = environ.get(KEY_ENV), environ.get(KEY_FILE_ENV)
        del environ  # its repr shows the key
        try:
            if text:
                return cls.parse(text)
        finally:
            del text
        if path:
            return cls.load(path)
        raise MissingKeyError(f"no key: pass key=, or set {KEY_FILE_ENV} to a key file (or {KEY_ENV} to its text)")

    def save(self, path: str | Path) -> None:
        """Write the text form to a new file with mode 0600; an existing file is never overwritten.

        Raises:
            KeyFileError: the file exists or cannot be written.
        """
        write_private(path, self.reveal() + "\n")

    def reveal(self) -> str:
        """The secret text form ``hfetc2-...``. Show it to its owner only."""
        return _encode(KEY_PREFIX, self._secret)

    def derive(self, info: bytes, length: int = 32) -> bytes:
        """HKDF-SHA256 of the master key with an empty salt (RFC 5869): the subkey named `info`."""
        return HKDF(algorithm=SHA256(), length=length, salt=None, info=info).derive(self._secret)

    def __repr__(self) -> str:
        key_id = getattr(self, "_key_id", None)  # None while the constructor refuses its argument
        return f"EtcKey(key_id={key_id!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, EtcKey) and hmac.compare_digest(self._secret, other._secret)

    def __hash__(self) -> int:
        return hash(self._key_id)

    def __copy__(self) -> "EtcKey":
        return self

    def __deepcopy__(self, memo: dict) -> "EtcKey":
        return self

    def __getstate__(self) -> NoReturn:  # what pickle in all its protocols, dill and torch.save ask for
        raise KeyExposureError(f"a key is never pickled; set {KEY_FILE_ENV} in the other process instead")


def check_key(key: object) -> None:
    """Raise MissingKeyError for what is no key, such as the text of one."""
    if not isinstance(key, EtcKey):
        del key
        raise MissingKeyError("key must be an EtcKey: EtcKey.load(path), EtcKey.from_env() or EtcKey.generate()")


def load_key(path: str | Path | None) -> EtcKey:
    """The key in this file; without a path, the environment's.

    Raises:
        KeyFileError, KeyFormatError, MissingKeyError: see :meth:`EtcKey.load` and :meth:`EtcKey.from_env`.
    """
    return EtcKey.load(path) if path else EtcKey.from_env()


def live_keys() -> "list[EtcKey]":
    """The keys of this process, those that it inherited through fork among them."""
    return list(_live_keys.values())


def find_key(wanted: str, id_of: Callable[[EtcKey], str] = KEY_ID) -> EtcKey:
    """The key with this id: one alive in this process (inherited by fork, or handed over), else the environment's.

    Args:
        wanted: a key id, or another id that is derived from a key.
        id_of: how it is derived.

    Raises:
        MissingKeyError: there is none, or the environment holds another one.
    """
    for key in live_keys():
        if id_of(key) == wanted:
            return key
    if not (os.environ.get(KEY_ENV) or os.environ.get(KEY_FILE_ENV)):
        raise MissingKeyError(
            f"this process does not have the key of {wanted}; set {KEY_FILE_ENV} to a key file in its environment, "
            "or start it after the key was loaded"
        )
    key = EtcKey.from_env()
    if id_of(key) != wanted:
        raise MissingKeyError(f"need the key of {wanted}, the environment holds another; set {KEY_FILE_ENV}")
    return key


def passphrase_salt(passphrase: str, cost: int = _COSTS[0]) -> str:
    """A fresh salt ``hfetc2-scrypt-...`` for a passphrase; store it, :meth:`EtcKey.from_passphrase` needs both.

    Args:
        passphrase: at least 12 characters. Whoever has the salt or a ciphertext can test guesses offline, so
            choose it long and random, or use :meth:`EtcKey.generate`.
        cost: log2 of scrypt's N, 17 (about 0.5 s and 128 MiB) to 20.

    Raises:
        KeyFormatError: the passphrase is too short.
    """
    try:
        random = os.urandom(16)
        key = _stretched(_passphrase_bytes(passphrase), cost, random)
        return _encode(_SALT_PREFIX, bytes([cost]) + random + key.derive(_PASSPHRASE_CHECK, 8))
    finally:
        del passphrase


def write_private(path: str | Path, text: str) -> None:
    """Write `text` whole to a new file that only the owner can read.

    Raises:
        KeyFileError: the file exists or cannot be written; a partial file is removed.
    """
    path = Path(path)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            path.unlink(missing_ok=True)
            raise
    except FileExistsError:
        raise KeyFileError(f"{path} exists and is not overwritten; choose another name") from None
    except OSError as error:
        raise KeyFileError(f"cannot write {path}: {error.strerror}") from None
    finally:
        del text


def _passphrase_bytes(passphrase: str) -> bytes:
    try:
        text = unicodedata.normalize("NFC", passphrase) if isinstance(passphrase, str) else ""
        if len(text) < MIN_PASSPHRASE:
            raise KeyFormatError(f"the passphrase has fewer than {MIN_PASSPHRASE} characters; use a longer one")
        if re.search("[\ud800-\udfff]", text):
            raise KeyFormatError("the passphrase is not valid Unicode text; pass it as UTF-8")
        return text.encode()
    finally:
        del passphrase
        text = ""


def _stretched(secret: bytes, cost: int, salt: bytes) -> EtcKey:
    try:
        if cost not in _COSTS:
            raise KeyFormatError(
                f"the salt has scrypt cost {cost}, allowed are {_COSTS[0]} to {_COSTS[-1]}; copy it whole"
            )
        return EtcKey(Scrypt(salt=salt, length=KEY_BYTES, n=2**cost, r=8, p=1).derive(secret))
    finally:
        del secret


def _named(path: Path, parse, *secrets: str) -> EtcKey:
    """Add the file's name to a format error, and nothing of its content."""
    try:
        return parse(*secrets)
    except (KeyFormatError, KeyMismatchError) as error:
        raise type(error)(f"{path}: {error}") from None
    finally:
        del secrets


def _encode(prefix: str, payload: bytes) -> str:
    checked = payload + hashlib.sha256(payload).digest()[:CHECKSUM_BYTES]
    return prefix + base64.b32encode(checked).decode().rstrip("=").lower()


def _is_salt(text: str) -> bool:
    return isinstance(text, str) and text.strip(_SPACE).lower().startswith(_SALT_PREFIX)


def _decode(text: str, prefix: str, size: int, what: str) -> bytes:
    expected = -(-8 * (size + CHECKSUM_BYTES) // 5)
    digits = ""
    try:
        if not isinstance(text, str):
            raise KeyFormatError(f"a {what} is text that starts with {prefix}")
        text = text.strip(_SPACE)
        text = text.lower() if text.isascii() else text  # lower() makes a k of the Kelvin sign
        digits = text.removeprefix(prefix)
        if len(digits) == len(text):
            raise KeyFormatError(f"not a {what}: it must start with {prefix}")
        if len(digits) != expected:
            raise KeyFormatError(
                f"the {what} has {len(digits)} characters after {prefix}, not {expected}; copy it whole"
            )
        if not re.fullmatch("[a-z2-7]+", digits):
            raise KeyFormatError(f"the {what} has a character outside a-z and 2-7; copy it again")
        payload = base64.b32decode(digits.upper() + "=" * (-expected % 8))[:size]
        if _encode(prefix, payload) != text:
            del payload
            raise KeyFormatError(f"the checksum of the {what} is wrong: a typing error; copy it again")
        return payload
    finally:
        del text, digits
