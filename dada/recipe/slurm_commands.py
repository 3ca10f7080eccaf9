"""The programs of Slurm: sbatch, squeue, scancel, scontrol.

None of them needs the accounting database that sacct asks. They run in sessions of their own, so that Ctrl-C
does not end sbatch between the cluster and us.
"""

import contextlib
import logging
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from dada.errors import ConfigError

TIMEOUT = 120  # seconds that a program of Slurm may take; a busy controller answers slowly
MAX_ARRAY_SIZE = 1001  # Slurm's default
GONE = "GONE"  # an element that the queue no longer knows
ENDED = {
    *("BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY"),
    *("PREEMPTED", "REVOKED", "TIMEOUT", GONE),
}
# Reasons of waiting that need no word.
ORDINARY = {"None", "Priority", "Resources", "JobArrayTaskLimit", ""}
log = logging.getLogger(__name__)


class SlurmError(Exception):
    """A program of Slurm failed, with what it said."""


def require() -> None:
    """Raise ConfigError where there is no sbatch and squeue."""
    missing = [name for name in ("sbatch", "squeue", "scancel") if shutil.which(name) is None]
    if missing:
        raise ConfigError(
            f"--cmd slurm finds no {' and no '.join(missing)}: call it on a node of the cluster that may "
            "submit jobs"
        )


def max_array_size() -> int:
    """Return how many elements a job array may have."""
    try:
        found = re.search(r"^MaxArraySize\s*=\s*(\d+)", _call(["scontrol", "show", "config"]), re.MULTILINE)
    except SlurmError:
        found = None
    return max(1, int(found[1])) if found else MAX_ARRAY_SIZE


def submit(script: Path) -> str:
    """Submit a script and return the number of its job. Raise SlurmError where sbatch refuses it."""
    answer = _call(["sbatch", "--parsable", str(script)]).strip()
    job = answer.splitlines()[-1].partition(";")[0] if answer else ""
    if not job.isdigit():
        raise SlurmError(f"sbatch answered {answer!r} instead of the number of the job")
    return job


def states(job: str) -> dict[int, tuple[str, str]] | None:
    """Return element -> state and reason of a job array, without those that the queue has forgotten.

    None where squeue fails, which says nothing about the job.
    """
    command = ["squeue", f"--jobs={job}", "--states=all", "--array", "--noheader", "--format=%K|%T|%r"]
    try:
        lines = _call(command).splitlines()
    except SlurmError as error:
        if "invalid job id" in str(error).lower():
            return {}
        log.warning("squeue does not tell the state of job %s: %s; asking again", job, error)
        return None
    found = {}
    for line in lines:
        element, _, rest = line.strip().partition("|")
        state, _, reason = rest.partition("|")
        if element.isdigit():
            found[int(element)] = (state, reason.strip("()"))
    return found


def has_ended(state: str) -> bool:
    """Whether an element in a state will not run any more. One that is requeued is PENDING again."""
    return state in ENDED


def cancel(job: str) -> None:
    """Cancel a job; one that has ended is none to cancel."""
    with contextlib.suppress(SlurmError):
        _call(["scancel", job])


def _call(command: Sequence[str]) -> str:
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=TIMEOUT,
            start_new_session=True,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SlurmError(str(error)) from error
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()
        raise SlurmError(said or f"{command[0]} ended with exit code {done.returncode}")
    return done.stdout
