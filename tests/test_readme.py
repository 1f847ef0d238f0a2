"""Every command and every Python block of the README, in its order, as a new user types them.

The Hub is one on localhost with a few small pictures under the name of the README's dataset. What makes or tests the
whole project (`make`, `pip install`) or takes minutes (`reproduce`, `frontier`) is left to tests of its own.
"""

import re
import shlex
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features
from datasets import Image as ImageFeature
from PIL import Image

from tests.helpers import noise
from tests.hub_server import OWNER, serve_hub

ROOT = Path(__file__).parents[1]
ELSEWHERE = ("make ", "pip install", "hf-etc reproduce", "hf-etc frontier")
SERVED = "http://127.0.0.1:7860"


def blocks():
    """(language, text) of each fenced block."""
    return re.findall(
        r"^```(\w*)\n(.*?)^```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )


def commands(block):
    """The commands of a shell block, without comments, each in one line."""
    joined = re.sub(r"\\\n\s*", " ", block)
    lines = (shlex.join(shlex.split(line, comments=True)) for line in joined.splitlines())
    return [line for line in lines if line]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with what the README takes for granted: photographs and the checkout's examples."""
    folder = tmp_path_factory.mktemp("user")
    (folder / "examples").symlink_to(ROOT / "examples")
    (folder / "photos").mkdir()
    for i in range(6):
        smooth = Image.fromarray(noise(6, 6, 3, seed=i)).resize((96, 96), Image.Resampling.BICUBIC)
        smooth.save(folder / "photos" / f"{i}.png")
    smooth.save(folder / "photo.jpg", quality=95)
    return folder


@pytest.fixture(scope="module")
def environment(home):
    with serve_hub() as server:
        values = server.environment | {
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "HOME": str(home),
            "PYTHONPATH": str(ROOT),
            "HF_HOME": str(home / "cache"),
            "OMP_NUM_THREADS": "1",
        }
        upload = f"from datasets import load_from_disk; load_from_disk('few').push_to_hub('{OWNER}/cifar10')"
        small_cifar(home / "few")
        subprocess.run([sys.executable, "-c", upload], cwd=home, env=values, check=True, capture_output=True)
        server.repositories["datasets", "uoft-cs/cifar10"] = server.repositories["datasets", f"{OWNER}/cifar10"]
        yield values


def small_cifar(folder):
    features = Features({"img": ImageFeature(), "label": ClassLabel(names=["cat", "dog"])})
    rng = np.random.default_rng(0)

    def split(rows):
        images = [Image.fromarray(rng.integers(0, 256, (32, 32, 3), np.uint8)) for _ in range(rows)]
        return Dataset.from_dict({"img": images, "label": [i % 2 for i in range(rows)]}, features=features)

    DatasetDict({"train": split(32), "test": split(24)}).save_to_disk(folder)


def test_the_readme_runs_from_top_to_bottom(home, environment):
    served, ran = None, []
    try:
        for language, block in blocks():
            if language == "python":
                run([sys.executable, "-c", block], home, environment)
                ran.append("python")
            for command in commands(block) if not language else []:
                if command.startswith(ELSEWHERE):
                    continue
                command = command.replace("clinic/", f"{OWNER}/")
                if command.startswith("hf-etc serve"):
                    served = subprocess.Popen(shlex.split(command), cwd=home, env=environment, stderr=subprocess.PIPE)
                    wait_for(served)
                else:
                    run(shlex.split(command), home, environment)
                ran.append(" ".join(command.split()[:2]))
    finally:
        if served:
            served.terminate()
            served.communicate()
    assert {"python", "hf-etc encrypt", "accelerate launch", "hf-etc push", "hf-etc classify", "hf-etc audit"} <= set(
        ran
    )
    assert Image.open(home / "sent.png").size == (128, 128)
    assert (home / "report" / "report.html").exists()


def run(command, home, environment):
    done = subprocess.run(command, cwd=home, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, f"{shlex.join(command)}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"


def wait_for(server):
    for _ in range(600):
        assert server.poll() is None, server.stderr.read().decode()
        try:
            urllib.request.urlopen(SERVED, timeout=1).close()
            return
        except OSError:
            time.sleep(0.2)
    raise AssertionError("the server did not start")
