"""Small trials that several test files attack: smooth synthetic pictures, of which photographs are no worse prey."""

from functools import cache

from hf_etc import EtcKey
from hf_etc.audit.attack import Recovery
from hf_etc.audit.attacks import get_attack
from hf_etc.audit.owner import Owner, Shares, Trial, make_trial, synthetic_pictures
from hf_etc.audit.record import Scores
from hf_etc.audit.scores import score


@cache
def pictures(count=12, edge=32):
    images = synthetic_pictures(count, edge, edge)
    images.flags.writeable = False
    return images


def trial_of(spec, images=None, targets=2, codec=None, weights=None, others=None) -> Trial:
    images = pictures() if images is None else images
    rest = images[targets:]
    owner = Owner.of(EtcKey(bytes(range(32))), spec, codec)
    return make_trial(owner, Shares(images[:targets], rest, rest[:1], rest), "smoke", weights, others)


def run(name: str, trial: Trial) -> tuple[Recovery, Scores]:
    attack = get_attack(name)
    recovery = attack.run(trial.evidence.only(attack.needs))
    return recovery, score(recovery, trial)


def fresh_keys(spec, codec=None):
    """For make_trial: evidence that says nothing, every image under a key of its own."""
    return lambda: Owner.new(spec, codec)
