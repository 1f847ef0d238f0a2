"""A stub for ``trust_remote_code``: a repository names the classes of its network, and holds none of their code.

Copying code of this package into every repository would freeze it there, each at its own version, out of reach of a
fix. So the stub only imports the classes from the installed package, which then makes its image processor known, too;
where the package is missing, it stops with the command that installs it.

The image processor gets no such entry: transformers would then look for a *video* processor in the same stub whenever
a pipeline is built, and ask the user about custom code. Without the package it does not load, as it should be; nor is
there a stub for networks that transformers knows itself: their weights load anywhere.
"""

import json
from pathlib import Path
from typing import Any

from ..errors import INSTALL

STUB = "modeling_hf_etc.py"
_TEMPLATE = '''"""Imports the network of this repository from the package hf-etc; the code is there, not here."""

try:
    from {module} import {config} as _{config}
    from {module} import {model} as _{model}
except ModuleNotFoundError as error:
    if error.name != "hf_etc":
        raise
    raise ImportError("this model needs the package hf_etc; run: {install}") from None


# Classes of their own: transformers marks what it loads from a repository, and saves the file with the class
# beside the model. That file is this one, and not one of the package.
class {config}(_{config}):
    """:class:`{module}.{config}`"""


class {model}(_{model}):
    """:class:`{module}.{model}`"""

    config_class = {config}
'''


def with_remote_code(folder: Path) -> dict[str, bytes]:
    """The configuration of a saved model with ``auto_map``, and the stub that it names.

    Args:
        folder: of a saved model.

    Returns:
        File name -> content; nothing for a network that is not one of this package.
    """
    from transformers import CONFIG_MAPPING, MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING

    import hf_etc.models  # noqa: F401  (registers them)

    saved = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    if saved.get("model_type") not in CONFIG_MAPPING:
        return {}
    config_class: Any = CONFIG_MAPPING[saved["model_type"]]
    if not config_class.__module__.startswith("hf_etc."):
        return {}
    model_class: Any = MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING[config_class]
    config, model, place = config_class.__name__, model_class.__name__, STUB.removesuffix(".py")
    saved["auto_map"] = {"AutoConfig": f"{place}.{config}", "AutoModelForImageClassification": f"{place}.{model}"}
    stub = _TEMPLATE.format(module=config_class.__module__, config=config, model=model, install=INSTALL)
    return {"config.json": (json.dumps(saved, indent=2) + "\n").encode(), STUB: stub.encode()}
