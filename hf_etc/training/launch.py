"""``accelerate launch --cpu --num_processes N`` starts one process, whatever N is; this starts all N."""

import os
import sys

import psutil
from torch.distributed import run as torchrun
from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError


def start_cpu_processes() -> None:
    """Run this script in N processes, and exit, where accelerate was asked for N and started one.

    accelerate leaves the start of several CPU processes to MPI and says nothing when MPI is not used: the
    run would go on with a fraction of the intended batch. In all other cases this function does nothing.
    Call it first thing in a script. Where accelerate's configuration file asks for several, their number
    cannot be seen from here; then it ends the script with one line that says what to run.
    """
    environ = os.environ
    several = "MASTER_ADDR" in environ and environ.get("ACCELERATE_USE_CPU", "").lower() == "true"
    if not several or any(name.endswith(("RANK", "RANK_ID", "WORLD_SIZE")) for name in environ):
        return
    number = _asked_for(psutil.Process().parent())
    if number is None:
        command = "accelerate launch --multi_gpu --num_processes N SCRIPT ... --use_cpu"
        print(f"hf-etc: error: accelerate has started one of several CPU processes; run: {command}", file=sys.stderr)
        sys.exit(2)
    port = environ.pop("MASTER_PORT", "29500")
    del environ["MASTER_ADDR"]
    try:
        torchrun.main(["--nproc-per-node", str(number), "--master-port", port, *sys.argv])
    except SignalException as stopped:
        sys.exit(128 + stopped.sigval)
    except ChildFailedError as failed:
        sys.exit(failed.get_first_failure()[1].exitcode)
    sys.exit(0)


def _asked_for(launcher: psutil.Process | None) -> int | None:
    """The number of processes in the launcher's command line."""
    words = launcher.cmdline() if launcher else []
    for flag, following in zip(words, [*words[1:], ""], strict=True):
        name, _, joined = flag.partition("=")
        if name in ("--num_processes", "--num-processes"):
            return int(joined or following)
    return None
