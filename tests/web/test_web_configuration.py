"""Configurations are the key's owner's, or refused: docs/spec.md, section 7."""

import pytest

from hf_etc import EtcKey

from .checks import KEY
from .engines import NodeEngine, find_node
from .weakened import OWNERS, WEAK, WEAKENED

pytestmark = pytest.mark.skipif(find_node() is None, reason="node is not installed")
TEXT = KEY.reveal()


@pytest.fixture(scope="module")
def node():
    return NodeEngine()


@pytest.fixture(scope="module")
def owners(node):
    """The configuration that the owner published."""
    return OWNERS | {"cipher_id": _id_of(node, OWNERS)}


def test_the_owners_own_is_taken(node, owners):
    written_out = {"key_scope": "dataset", "shared_block_key": False}
    for configuration in (owners, owners | {"cipher": owners["cipher"] | written_out}):
        found = node.result("checkConfiguration", key=TEXT, configuration=configuration)
        assert found["weaknesses"] == []
        assert (found["spec"]["block_size"], found["size"], found["fit"]) == (8, [64, 64], "crop")
        assert found["spec"]["steps"] == ["permutation", "rotation", "negative-positive", "color"]


@pytest.mark.parametrize("allow_weak", [False, True])
def test_weakened_configurations_are_refused(node, owners, allow_weak):
    assert len(WEAKENED) >= 12
    given = {"op": "checkConfiguration", "key": TEXT, "options": {"allowWeak": allow_weak}}
    found = node.outcomes([given | {"configuration": owners | one} for one in WEAKENED.values()])
    refusals = {name: outcome.get("error") for name, outcome in zip(WEAKENED, found, strict=True)}
    assert refusals == dict.fromkeys(WEAKENED, "KeyMismatchError")


def test_other_ids_are_refused(node, owners):
    """A stranger's key, and texts that are no id of 32 lower-case digits."""
    stranger = EtcKey.generate().reveal()
    assert node.error("checkConfiguration", key=stranger, configuration=owners)[0] == "KeyMismatchError"
    right = owners["cipher_id"]
    others = [None, "", right.upper(), right[:16], right + "0", [right], True, "0" * 32]
    configurations = [OWNERS, *(owners | {"cipher_id": other} for other in others)]
    found = node.outcomes([{"op": "checkConfiguration", "key": TEXT, "configuration": one} for one in configurations])
    assert {outcome.get("error") for outcome in found} == {"KeyMismatchError"}


def test_what_makes_no_sense_is_refused(node, owners):
    cases = [
        (None, "ParameterError"),
        ({"cipher": None}, "ParameterError"),
        ({"cipher": {"cipher": "etc"}}, "ParameterError"),
        ({"cipher": {"cipher": "etc", "block_size": 8, "steps": 2}}, "ParameterError"),
        ({"cipher": {"cipher": "etc", "block_size": 8, "steps": [["color"]]}}, "ParameterError"),
        ({"cipher": {"cipher": "etc", "block_size": 8, "rounds": 3}}, "ParameterError"),
        ({"size": "64"}, "ParameterError"),
        ({"fit": "fill"}, "ParameterError"),
        ({"size": [60, 64]}, "GeometryError"),
    ]
    configurations = [None if change is None else owners | change for change, _ in cases]
    found = node.outcomes([{"op": "checkConfiguration", "key": TEXT, "configuration": one} for one in configurations])
    assert [outcome.get("error") for outcome in found] == [error for _, error in cases]


@pytest.mark.parametrize(("settings", "message"), WEAK.values(), ids=WEAK)
def test_weak_settings_need_the_owners_word(node, settings, message):
    configuration = OWNERS | settings
    configuration["cipher_id"] = _id_of(node, configuration)
    name, found = node.error("checkConfiguration", key=TEXT, configuration=configuration)
    assert name == "ParameterError"
    assert message in found
    given = {"key": TEXT, "configuration": configuration, "options": {"allowWeak": True}}
    (weakness,) = node.result("checkConfiguration", **given)["weaknesses"]
    assert message in weakness


def test_sixteen_blocks_are_not_weak(node):
    configuration = OWNERS | {"size": [32, 32]}
    configuration["cipher_id"] = _id_of(node, configuration)
    assert node.result("checkConfiguration", key=TEXT, configuration=configuration)["weaknesses"] == []


def _id_of(node, configuration) -> str:
    return node.result("cipherId", key=TEXT, params=configuration["cipher"], size=configuration["size"])
