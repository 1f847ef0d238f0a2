"""One way from a plain picture to a ciphertext file and back, used by everything that encrypts."""

from .cipher import Cipher, EtcCipher, get_cipher

__all__ = ["Cipher", "EtcCipher", "get_cipher"]
