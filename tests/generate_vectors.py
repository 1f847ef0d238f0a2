"""Write tests/vectors/*.json with the reference implementation: ``python -m tests.generate_vectors``.

Every scenario is listed in tests/reference/*_scenarios.py with what it is about; a refusal is listed with the
error that it must meet. hf_etc is not imported: the vectors are the specification's, not the package's.
"""

import json
from pathlib import Path

from .reference.authentication_scenarios import authentications
from .reference.cipher_scenarios import ciphers, refused_ciphers
from .reference.configuration_scenarios import configurations
from .reference.damage_scenarios import damaged_files
from .reference.derivation_scenarios import derivations, draws, tags
from .reference.key_scenarios import keys, passphrases
from .reference.label_scenarios import labels
from .reference.layout_scenarios import layouts, refused_layouts
from .reference.legacy_scenarios import legacy, refused_legacy
from .reference.marker_scenarios import markers
from .reference.option_scenarios import options, refused_options
from .reference.preparation_scenarios import conversions, preparations

FOLDER = Path(__file__).parent / "vectors"

PARTS = (
    keys,
    passphrases,
    derivations,
    tags,
    draws,
    ciphers,
    refused_ciphers,
    options,
    refused_options,
    layouts,
    refused_layouts,
    legacy,
    refused_legacy,
    markers,
    labels,
    damaged_files,
    authentications,
    configurations,
    conversions,
    preparations,
)


def scenarios():
    """File name -> content of every vector file."""
    found = [pair for part in PARTS for pair in part()]
    assert len(dict(found)) == len(found), "two scenarios of one name"
    return dict(found)


def dump(content):
    """JSON with one line per member of the input and the result."""
    lines = [f'  "group": {json.dumps(content["group"])}', f'  "description": {json.dumps(content["description"])}']
    for part in ("input", "result"):
        if part in content:
            members = ",\n".join(f"    {json.dumps(k)}: {json.dumps(v)}" for k, v in content[part].items())
            lines.append(f'  "{part}": {{\n{members}\n  }}')
    if "error" in content:
        lines.append(f'  "error": {json.dumps(content["error"])}')
    return "{\n" + ",\n".join(lines) + "\n}\n"


def main():
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.json"):
        old.unlink()
    for name, content in scenarios().items():
        (FOLDER / name).write_text(dump(content), encoding="ascii")


if __name__ == "__main__":
    main()
