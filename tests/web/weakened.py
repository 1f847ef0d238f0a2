"""What a server, repository or page may ask for instead of the owner's own cipher."""

OWNERS = {"cipher": {"cipher": "etc", "block_size": 8}, "size": [64, 64], "fit": "crop", "resample": "bicubic"}
_STEPS = ["permutation", "rotation", "negative-positive", "color"]


def _etc(**parameters) -> dict:
    return {"cipher": {"cipher": "etc", "block_size": 8} | parameters}


WEAKENED = {
    "color alone": _etc(steps=["color"]),
    "permutation alone": _etc(steps=["permutation"]),
    "without permutation": _etc(steps=_STEPS[1:]),
    "without color": _etc(steps=_STEPS[:-1]),
    "shared block key": _etc(shared_block_key=True),
    "blocks of one pixel": _etc(block_size=1),
    "larger blocks": _etc(block_size=16),
    "one block": _etc(block_size=64),
    "another key scope": _etc(key_scope="image"),
    "le": {"cipher": {"cipher": "le"}},
    "ele": {"cipher": {"cipher": "ele"}},
    "pe": {"cipher": {"cipher": "pe"}},
    "pe without colors": {"cipher": {"cipher": "pe", "shuffle_colors": False}},
    "smaller pictures": {"size": [32, 32]},
    "any size": {"size": None, "fit": None},
}
"""Each with the id that the owner published for :data:`OWNERS`."""

WEAK = {
    "color alone": (_etc(steps=["color"]), "left out: permutation, rotation, negative-positive"),
    "without color": (_etc(steps=_STEPS[:-1]), "left out: color"),
    "shared block key": (_etc(shared_block_key=True), "alike"),
    "four blocks": (_etc(block_size=32), "has 4 blocks only"),
    "fifteen blocks": ({"size": [40, 24]}, "has 15 blocks only"),
    "le": ({"cipher": {"cipher": "le"}}, '"le" is broken'),
    "ele": ({"cipher": {"cipher": "ele"}}, '"ele" is broken'),
    "pe": ({"cipher": {"cipher": "pe"}, "size": None, "fit": None}, '"pe" is broken'),
}
"""Settings of the owner's own, with their own id, and what is said against them."""
