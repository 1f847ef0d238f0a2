"""Known plaintext: plain images with their ciphertexts, and what of the key follows."""

from ...cipher import EtcSpec
from ..attack import Attack, AttackFailure, Evidence, Recovery, block_size_of, register
from ..puzzle.matching import match, undecidable


@register
class KnownPlaintext(Attack):
    """Each block (pixel, nibble) of the ciphertext is looked up in the plain images."""

    name = "known-plaintext"
    goal = "the key, or the part of it that known pictures decide"
    given = "plain images and their ciphertexts under the key"
    source = "folklore; block matching by squared difference over the 96 variants"
    needs = frozenset({"pairs"})
    measure = "key_share"
    positive = EtcSpec()
    enough = 0.9
    advice = "Keep plain pictures and their ciphertexts apart, and let nobody choose what is encrypted."

    def run(self, evidence: Evidence) -> Recovery:
        assert evidence.pairs is not None
        plain, ciphertexts = evidence.pairs
        size = block_size_of(evidence.spec)
        alike = undecidable(plain, size) if size else None
        if alike is not None and alike.all():
            raise AttackFailure("the blocks of the known pictures are all alike")
        found = match(evidence.spec, plain, ciphertexts)
        return Recovery(found.undo(evidence.targets), (found,), undecidable=alike, ciphertexts_used=len(plain))
