"""How many processes of a stage the memory of this machine holds."""

import logging
from collections.abc import Sequence
from pathlib import Path

from dada.recipe.catalog import StageEntry
from dada.recipe.job import Job
from dada.recipe.recipe import Recipe

GB = 1e9
# Gigabytes that a process takes, by stage, and by `input.kind` where it computes with a network. A batch that
# is scored holds at most 200 s of audio (dada/data/dataset.py).
WITH_PYTORCH = 1.0
NEED = {
    "prepare_data": 1.0,
    "transcribe": 3.0,
    "prepare_text": 2.0,
    "extract_features": 2.0,
    "train_fusion": 1.5,
    "evaluate": 2.0,
    "report": 1.0,
}
NETWORKS = {
    "train_audio": {"waveform": 11.0, "features": 4.0},
    "train_text": {"text": 4.0},
    "score": {"waveform": 4.0, "features": 3.0},
    "explain": {"waveform": 6.0, "features": 3.0},
}
MEMINFO = Path("/proc/meminfo")
CGROUP = Path("/sys/fs/cgroup")

log = logging.getLogger("dada")


def need(recipe: Recipe, job: Job) -> float:
    """Return the gigabytes that a process with a task of a job may take."""
    by_kind = NETWORKS.get(job.stage, {})
    kinds = [recipe.under(job.protocol).system(name).input.kind for name in job.systems] if by_kind else []
    return max([NEED.get(job.stage, WITH_PYTORCH), *(by_kind.get(kind, WITH_PYTORCH) for kind in kinds)])


def most_processes(recipe: Recipe, stage: StageEntry, jobs: Sequence[Job]) -> int:
    """Return how many tasks of some jobs may run at once: `--nj`, or what the free memory holds.

    One runs in any case. A line of the log tells where memory is the limit.
    """
    wanted, free = recipe.options.nj, available()
    if wanted == 1 or free is None or not jobs:
        return wanted
    each = max(need(recipe, job) for job in jobs)
    held = max(1, int(free // each))
    if held < wanted:
        message = "stage %d %s: %d processes instead of %d, since one may take %.1f GB and %.1f GB are free"
        log.info(message, stage.number, stage.name, held, wanted, each, free)
    return min(held, wanted)


def available() -> float | None:
    """Return the gigabytes that programs can still take, within the limit of a container; None if unknown."""
    found = [_free_of_machine(), _free_of_container()]
    known = [value for value in found if value is not None]
    return min(known) / GB if known else None


def _free_of_machine() -> float | None:
    try:
        lines = MEMINFO.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    values = [line.split()[1] for line in lines if line.startswith("MemAvailable:")]
    return int(values[0]) * 1024 if values else None


def _free_of_container() -> float | None:
    """Return what is left of the limit of a control group (version 2), whose file cache can be freed."""
    try:
        limit = (CGROUP / "memory.max").read_text(encoding="ascii").strip()
        used = int((CGROUP / "memory.current").read_text(encoding="ascii"))
        rows = (CGROUP / "memory.stat").read_text(encoding="ascii").splitlines()
    except (OSError, ValueError):
        return None
    cached = sum(int(row.split()[1]) for row in rows if row.startswith("inactive_file "))
    return float(limit) - used + cached if limit.isdecimal() else None
