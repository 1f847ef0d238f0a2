"""New processes for the tests of the Hub: forked from one that has only loaded the libraries, so each takes moments.

The libraries are told of the Hub by HF_ENDPOINT before they are imported, as they want it; hf_etc is not imported.
"""

import json
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_TEMPLATE = """
import json, os, sys, traceback
import datasets, huggingface_hub, timm, torch, torchvision, transformers
from transformers import AutoImageProcessor, AutoModelForImageClassification, Trainer, pipeline
torch.set_num_threads(1)
assert not any(name.startswith("hf_etc") for name in sys.modules)
for line in sys.stdin:
    task = json.loads(line)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            log = os.open(task["log"], os.O_CREAT | os.O_WRONLY)
            os.dup2(log, 1), os.dup2(log, 2)
            os.chdir(task["folder"])
            os.environ.update(task["environment"])
            for name in task["without"]:
                os.environ.pop(name, None)
            exec(compile(task["code"], "<task>", "exec"), {"__name__": "__main__"})
            status = 0
        except SystemExit as error:
            status = error.code or 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            os._exit(status)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@dataclass(frozen=True)
class Outcome:
    """Of one process: its exit status, and all that it printed."""

    status: int
    text: str

    @property
    def last_line(self) -> str:
        return self.text.strip().splitlines()[-1]


class Processes:
    """Runs code in new processes, one at a time.

    Args:
        folder: logs, caches and working folders go there.
        environment: of the libraries.
    """

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder, self._environment, self._count = folder, environment, 0
        self._template: subprocess.Popen | None = None

    def __call__(self, code: str, *, without: tuple[str, ...] = (), **environment: str) -> Outcome:
        """Run `code` in a new process.

        Args:
            code: Python.
            without: variables that its environment lacks.
            environment: more variables.
        """
        if self._template is None:
            self._template = subprocess.Popen(
                [sys.executable, "-W", "ignore", "-c", _TEMPLATE],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env=self._environment,
                cwd=ROOT,
            )
        self._count += 1
        log = self.folder / f"{self._count}.log"
        task = {
            "code": textwrap.dedent(code),
            "log": str(log),
            "folder": str(self.folder),
            "environment": environment,
            "without": without,
        }
        self._template.stdin.write(json.dumps(task) + "\n")
        self._template.stdin.flush()
        status = int(self._template.stdout.readline())
        return Outcome(status, log.read_text(errors="replace"))

    def fresh(self, code: str) -> Outcome:
        """Run `code` in a process that has loaded nothing before."""
        command = [sys.executable, "-W", "ignore", "-c", textwrap.dedent(code)]
        done = subprocess.run(command, env=self._environment, cwd=self.folder, capture_output=True, text=True)
        return Outcome(done.returncode, done.stdout + done.stderr)

    def close(self) -> None:
        if self._template is not None:
            self._template.kill()
            self._template.communicate()
