"""Known plaintext: one plain image with its ciphertext, and what of the key follows."""

from ...cipher import EtcSpec
from ..attack import Attack, Evidence, Recovery, register
from ..puzzle.matching import match


@register
class KnownPlaintext(Attack):
    """Each block (pixel, nibble) of the ciphertext is looked up in the plain image."""

    name = "known-plaintext"
    goal = "the key, or the part of it that one known picture decides"
    given = "one plain image and its ciphertext under the key"
    source = "folklore; block matching by squared difference over the 96 variants"
    needs = frozenset({"pairs"})
    measure = "key_share"
    positive = EtcSpec()
    enough = 0.9
    advice = "Keep plain pictures and their ciphertexts apart, and let nobody choose what is encrypted."

    def run(self, evidence: Evidence) -> Recovery:
        assert evidence.pairs is not None
        plain, ciphertexts = (one[:1] for one in evidence.pairs)
        found = match(evidence.spec, plain, ciphertexts)
        return Recovery(found.undo(evidence.targets), (found,), ciphertexts_used=1)
