"""A training task in several processes, one GPU each: torchrun starts `python -m dada.recipe.worker TASK` once
for each GPU.

Accelerate tells the training loop its rank (dada/train/processes.py). The main process alone writes files.
"""

import pickle
import subprocess
import sys
from pathlib import Path

from dada.errors import DadaError
from dada.storage.atomic import atomic_path


def run_distributed(task, num_processes: int) -> None:
    """Run a task under torchrun on this machine, with its output appended to the task's log. Raises DadaError
    where it fails.
    """
    path = task.log.with_suffix(".task")
    with atomic_path(path) as partial:
        partial.write_bytes(pickle.dumps(task))
    torchrun = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        f"--nproc_per_node={num_processes}",
    ]
    command = [*torchrun, "-m", __name__, str(path)]
    with open(task.log, "a", encoding="utf-8") as output:
        code = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, check=False).returncode
    path.unlink(missing_ok=True)
    if code != 0:
        raise DadaError(f"torchrun ended with exit code {code}; every process says why in {task.log}")


def main(path: str) -> None:
    """What each process does. The task is a pickle that `run_distributed` of the same user wrote a moment
    ago.
    """
    from dada.program import set_up_logging
    from dada.recipe.catalog import find

    task = pickle.loads(Path(path).read_bytes())
    set_up_logging(task.recipe.options.log_level)
    find(task.stage).module.run(task.recipe.under(task.job.protocol), task.job)


if __name__ == "__main__":
    main(sys.argv[1])
