"""A folder that is ready to be a Space: the app, and the wheel of this package, which its requirements name by address.

Run: python spaces/build.py USER/NAME OUT
Then: hf upload USER/NAME OUT --repo-type space

A Space installs its requirements before it holds any other of its files, so a wheel beside them is named by where the
Hub serves it from. The Space must therefore be public. Who duplicates it installs the wheel of the original.
"""

import argparse
import re
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from huggingface_hub import constants

ROOT = Path(__file__).resolve().parents[1]
APP = ROOT / "spaces" / "encrypted-classifier"


def build(repo_id: str, out: Path, wheel: Path) -> None:
    """Write the folder.

    Args:
        repo_id: of the Space, such as "clinic/encrypted-classifier".
        out: a new folder.
        wheel: of this package.
    """
    shutil.copytree(APP, out)
    shutil.copy(wheel, out)
    address = f"{constants.ENDPOINT}/spaces/{repo_id}/resolve/main/{wheel.name}"
    (out / "requirements.txt").write_text(f"hf-etc[space] @ {address}\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("repo_id", metavar="USER/NAME", help="of the Space on the Hub")
    parser.add_argument("out", type=Path, help="folder to write; must be new")
    parser.add_argument("--wheel", type=Path, help="of this package (default: built from this checkout)")
    options = parser.parse_args()
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", options.repo_id):
        parser.error(f"{options.repo_id!r} is not the name of a Space, such as clinic/encrypted-classifier")
    if options.out.exists():
        parser.error(f"{options.out} exists; name a new folder")
    if options.wheel is not None:
        build(options.repo_id, options.out, options.wheel)
        return
    with TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "build", "--outdir", folder, str(ROOT)], check=True)
        (wheel,) = Path(folder).glob("*.whl")
        build(options.repo_id, options.out, wheel)


if __name__ == "__main__":
    main()
