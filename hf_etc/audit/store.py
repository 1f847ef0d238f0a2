"""Finished attacks kept in the report's folder, so that an interrupted audit goes on where it stopped."""

import io
import json
from pathlib import Path

import numpy as np
from PIL import Image

from ..errors import OutputError
from ..files import whole_file
from ..records import write_json
from .record import AttackResult

_FOLDER = "attacks"


class Store:
    """One JSON file for each attack, and one picture with the restored targets below each other.

    Args:
        folder: of the report.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / _FOLDER

    @property
    def folder(self) -> Path:
        """For what attacks keep besides, such as trained networks."""
        return self._folder

    def get(self, attack: str) -> AttackResult | None:
        """What an earlier run with the same settings found, or None.

        Raises:
            OutputError: the files are damaged.
        """
        path = self._folder / f"{attack}.json"
        if not path.exists():
            return None
        try:
            result = AttackResult.from_dict(json.loads(path.read_bytes()))
            return result.with_pictures(self._pictures(path.with_suffix(".png")))
        except (OSError, ValueError, KeyError, TypeError):
            raise OutputError(f"{path} is damaged; remove it and run again") from None

    def put(self, result: AttackResult) -> None:
        """Keep a finished attack; the JSON file comes last and says that all is there."""
        path = self._folder / f"{result.attack}.json"
        if result.restored is not None:
            with whole_file(path.with_suffix(".png")) as file:
                Image.fromarray(np.concatenate(list(result.restored))).save(file, "PNG")
        values = result.to_dict() | {"pictures": 0 if result.restored is None else len(result.restored)}
        write_json(path, values)

    def _pictures(self, path: Path) -> np.ndarray | None:
        count = json.loads(path.with_suffix(".json").read_bytes())["pictures"]
        if not count:
            return None
        strip = np.asarray(Image.open(io.BytesIO(path.read_bytes())))
        return strip.reshape(count, -1, *strip.shape[1:])
