"""Everything that must not leave, planted in everything it can hide in: name -> (file, content, what is said)."""

from .homes import HOMES
from .images import CLOSED_FILES, IMAGES
from .keys import KEYS
from .tokens import NAMES, TOKENS

_KINDS = {"home": HOMES, "key": KEYS, "token": TOKENS, "name": NAMES, "image": IMAGES, "closed": CLOSED_FILES}
PLANTED = {f"{kind}: {name}": case for kind, cases in _KINDS.items() for name, case in cases.items()}
