"""One way from a plain picture to a ciphertext file and back, used by everything that encrypts.

`Recipe` says how, `Sealer` does it with a key, `Unsealer` undoes it. `Cipher` is the step between them, for arrays,
tensors and files of one key; `KeyHolder` keeps a key out of the pickles and copies of what uses it.
"""

from .cipher import Cipher, EtcCipher, get_cipher
from .holder import KeyHolder
from .recipe import Recipe
from .sealer import Sealer, Unsealer

__all__ = ["Cipher", "EtcCipher", "KeyHolder", "Recipe", "Sealer", "Unsealer", "get_cipher"]
