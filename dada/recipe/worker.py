"""A training task in several processes: torchrun starts `python -m dada.recipe.worker TASK` for each GPU.

Accelerate gives the training loop its rank (dada/train/processes.py). Only the main process writes files.
"""

import pickle
import subprocess
import sys
import tempfile
from pathlib import Path

from dada import devices
from dada.errors import DadaError
from dada.storage.allocator import keep_memory

TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--standalone")


def run_distributed(task: object, log: Path, num_processes: int) -> None:
    """Run a task under torchrun on this machine, and append the output to a log. Raise DadaError where it
    fails.

    The task is passed as a pickle in a folder that only this user can read and write.
    """
    with tempfile.TemporaryDirectory(prefix="dada_") as folder, open(log, "a", encoding="utf-8") as output:
        path = Path(folder) / "task.pickle"
        path.write_bytes(pickle.dumps(task))
        command = [*TORCHRUN, f"--nproc_per_node={num_processes}", "-m", __name__, str(path)]
        code = subprocess.run(
            command, stdout=output, stderr=subprocess.STDOUT, check=False, env=devices.all_gpus()
        ).returncode
    if code != 0:
        raise DadaError(f"torchrun ended with exit code {code}; the messages of every process are in {log}")


def main(path: str) -> None:
    """Run the task in one of the processes. Its file is a pickle that `run_distributed` wrote."""
    from dada.program import set_up_logging
    from dada.recipe.catalog import find

    task = pickle.loads(Path(path).read_bytes())
    set_up_logging(task.recipe.options.log_level)
    keep_memory()
    devices.configure(task.recipe.config.devices)
    find(task.stage).module.run(task.recipe.under(task.job.protocol), task.job)


if __name__ == "__main__":
    main(sys.argv[1])
