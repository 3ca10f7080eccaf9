"""The flags of a run."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """How to run. No flag changes a result, but that GPUs compute other last digits."""

    nj: int = 1  # processes side by side, each with one CPU thread
    cmd: str = "local"
    ngpu: int = 0  # GPUs of the machine, or of a job on a cluster; a training job takes all
    force: bool = False  # run what is up to date as well, and replace experiments with other settings
    exp: str = "exp"  # folder of the experiments, below the recipe's
    log_level: str = "info"
