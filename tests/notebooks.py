"""Runs the notebooks in examples/notebooks, against a Hub on this machine.

Store what their cells give, after a change: python -m tests.notebooks
"""

import os
import tempfile
from pathlib import Path
from unittest.mock import patch

import nbformat
from nbclient import NotebookClient

from .hub_server import serve_hub

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "examples" / "notebooks").glob("*.ipynb"))


def run(path: Path, folder: Path, after: str = "") -> tuple[nbformat.NotebookNode, bytes]:
    """Run a notebook as a user of the Hub does.

    Args:
        path: of the notebook.
        folder: for temporary files and caches.
        after: code to run behind its last cell.

    Returns:
        It, with what its cells gave, and all bytes that the Hub got.

    Raises:
        CellExecutionError: a cell failed.
    """
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(after))
    with serve_hub() as hub:
        environment = hub.environment | {
            "HF_HOME": str(folder / "home"),
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": str(ROOT),
            "PYTHONWARNINGS": "ignore",
            "TMPDIR": str(folder),
        }
        with patch.dict(os.environ, environment):
            NotebookClient(notebook, timeout=600, kernel_name="python3").execute(cwd=str(folder))
        sent = hub.everything_stored()
    del notebook.cells[-1]
    return notebook, sent


def stored(notebook: nbformat.NotebookNode) -> str:
    """The text of a notebook, without warnings, times, and pictures in a second format."""
    for cell in notebook.cells:
        cell.metadata.clear()
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
            for output in cell.outputs:
                if "image/png" in output.get("data", {}):
                    output.data = {"image/png": output.data["image/png"]}
    return nbformat.writes(notebook)


def main() -> None:
    for path in NOTEBOOKS:
        with tempfile.TemporaryDirectory() as folder:
            path.write_text(stored(run(path, Path(folder))[0]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
