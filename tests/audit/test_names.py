"""A new cipher and a new attack are one file each: no other file knows them by name."""

import ast
import re
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

import hf_etc
from hf_etc.audit import list_attacks
from hf_etc.audit.audit import audit
from hf_etc.blocks import Layout
from hf_etc.cipher import CipherSpec, list_ciphers
from hf_etc.cipher.spec import check_grid, make_spec, register, unregister
from hf_etc.sealing.cipher import Cipher

from .helpers import pictures

PACKAGE = Path(hf_etc.__file__).parent
OWN = re.compile(r'    name(: ClassVar\[str\])? = "')
# Files and folders that may name some, and why.
MAY = {
    "commands/auditing.py": "default of an option",
    "training/arguments.py": "default of an option",
    "processor/image_processing.py": "default of a parameter",
    "sealing/recipe.py": "default of a member",
    "data/decrypt.py": "default of a parameter",
    "models/adaptation.py": "networks that are named after the cipher they adapt to",
    "reproduce": "what the paper compares",
    "demo/leak.py": "what the demo shows",
    "audit/measure.py": "measurements, which the page tells how to run",
    "audit/report/tables.py": "records of these, as they are named on disk",
}


@dataclass(frozen=True)
class Shift(CipherSpec):
    """A cipher of whole blocks that is no EtC: they move on by one random number, turned and recoloured at random."""

    name: ClassVar[str] = "shift"

    @property
    def grid(self):
        return 8

    @property
    def layout_block(self):
        return 8

    def check_size(self, height, width):
        check_grid(height, width, 8)

    def _compile(self, streams, height, width):
        columns, blocks = width // 8, height * width // 64
        start = streams("permutation").integers(1, blocks).item()
        top, left = np.divmod((np.arange(blocks) + start) % blocks, columns)
        turn, color = streams("rotation").integers(blocks, 8), streams("color").integers(blocks, 6)
        return Layout(height, width, 8, columns, top * 8, left * 8, turn, np.zeros(1, int), color)


@pytest.fixture
def cipher(key):
    register(Shift)
    yield Cipher(key, make_spec("shift"))
    unregister("shift")


def test_attacks_apply_to_a_cipher_that_nobody_told_them_of(cipher):
    names = ["dataset-jigsaw", "jigsaw", "known-plaintext", "chosen-plaintext"]
    jigsaw, single, *known = audit(pictures(), cipher, attacks=names).results
    assert jigsaw.trusted and jigsaw.scores.neighbours_right == 1
    assert jigsaw.verdict.startswith("Everything is disclosed: 4 of 4 pictures decrypted exactly")
    assert single.outcome == "ran" and single.scores.neighbours_right > 0.5
    for result in known:
        assert result.trusted and result.scores.key_share == 1 and result.scores.exact == 4


def named(path):
    """The names of ciphers and attacks that stand in a file as strings, without one that it declares as its own."""
    names, tree = {*list_ciphers(), *list_attacks()}, ast.parse(path.read_text(encoding="utf-8"))
    strings = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    own = {line.split('"')[1] for line in path.read_text(encoding="utf-8").splitlines() if OWN.match(line)}
    return strings & names - own


def test_no_file_knows_ciphers_or_attacks_of_others_by_name():
    found = {path.relative_to(PACKAGE).as_posix(): named(path) for path in PACKAGE.rglob("*.py")}
    found = {name: words for name, words in found.items() if words}
    outside = {name: words for name, words in found.items() if not any(name.startswith(one) for one in MAY)}
    assert not outside, "declare it with the cipher or the attack, or say above why not"
    assert all(any(name.startswith(one) for name in found) for one in MAY), "the list names what needs no exception"
