"""Every error that hf_etc raises on purpose: one line that says what is wrong and what to do."""

SOURCE = "hf_etc-0.1.0-py3-none-any.whl"
"""What pip is given to install this package: its wheel, as long as no index has it (docs/releasing.md)."""
INSTALL = f"pip install {SOURCE}  # or, in a checkout of hf_etc: pip install ."


class EtcError(Exception):
    """Base class of all errors raised by hf_etc."""


class KeyFormatError(EtcError, ValueError):
    """A key text, passphrase or salt is malformed."""


class KeyFileError(EtcError, OSError):
    """A key file cannot be read or written."""


class MissingKeyError(EtcError, LookupError):
    """An operation needs a key and none was found."""


class KeyMismatchError(EtcError, ValueError):
    """The key at hand is not the one something was made with, or somebody changed the settings since."""


class KeyExposureError(EtcError, TypeError):
    """Something tried to serialise a key."""


class ParameterError(EtcError, ValueError):
    """A parameter of a cipher, format or preparation is out of range."""


class GeometryError(EtcError, ValueError):
    """The size of an image does not fit the block grid, or is not the size it was encrypted at."""


class ImageError(EtcError, ValueError):
    """An input cannot be used as an image."""


class MissingWindowError(ImageError):
    """Grayscale of more than 8 bits, and nobody said which values become black and white."""


class NotACiphertextError(ImageError):
    """A ciphertext was expected and the image carries no marker."""


class AlreadyEncryptedError(ImageError):
    """A plain image was expected and the image carries a ciphertext marker."""


class MarkerError(EtcError, ValueError):
    """The marker of a ciphertext image is damaged or of an unknown version."""


class AuthenticationError(EtcError, ValueError):
    """A ciphertext is not what was encrypted under this key: it was changed, re-encoded or made up."""


class OutputError(EtcError, OSError):
    """An output file or folder cannot be written, or is not the one to write to."""


class UploadRefusedError(EtcError, ValueError):
    """Something that is about to be uploaded holds a key, an access token or a plain image."""


class HubError(EtcError, OSError):
    """The Hub cannot be reached, or does not let this user write."""


class RemoteError(EtcError, ConnectionError):
    """A server cannot be reached, refused a ciphertext, or is not one of encrypted images."""


class MissingExtraError(EtcError, ImportError):
    """An optional dependency is not installed."""


def missing_extra(what: str, extra: str) -> MissingExtraError:
    """The error that ends in the command that installs an extra, wherever this package itself came from.

    Args:
        what: the lack, in words.
        extra: as pyproject.toml names it.

    Example:
        >>> missing_extra("there is no Ray", "ray")
        MissingExtraError('there is no Ray; run: pip install "ray>=2.50"')
    """
    from importlib.metadata import PackageNotFoundError, requires

    try:
        lines = [line.split("; ") for line in requires("hf-etc") or []]
        wanted = [f'"{parts[0]}"' for parts in lines if parts[1:] == [f'extra == "{extra}"']]
    except PackageNotFoundError:  # run from its sources
        wanted = [f'".[{extra}]"']
    return MissingExtraError(f"{what}; run: pip install {' '.join(wanted)}")
