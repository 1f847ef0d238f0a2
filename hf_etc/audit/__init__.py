"""The leakage audit: what would someone without the key recover from the user's own ciphertexts?

No attack here touches a key; scores are taken afterwards against the plan that the owner holds.
"""

from .attack import Attack, Evidence, Recovery
from .attacks import get_attack, list_attacks
from .audit import audit, default_attacks
from .outsider import audit_ciphertexts
from .record import AttackResult, Audit, Control, Quartiles, Scores

__all__ = [
    "Attack",
    "AttackResult",
    "Audit",
    "Control",
    "Evidence",
    "Quartiles",
    "Recovery",
    "Scores",
    "audit",
    "audit_ciphertexts",
    "default_attacks",
    "get_attack",
    "list_attacks",
]
