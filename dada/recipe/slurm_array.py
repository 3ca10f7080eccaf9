"""A job array in its folder, and the program that an element runs:
`python -m dada.recipe.slurm_array FOLDER ELEMENT`.

The folder, exp/log/slurm/<stage>-xxxx, can be read and written by its user only. It holds

    array.sh        the script for sbatch
    array.json      the number of the job, and the process that waits for it
    3.tasks         pickle: the functions and tasks of element 3
    3.0.outcome     pickle: seconds and error of its first task, renamed into place
    3.log           what element 3 printed

What a finished element had is removed; the folder of an array stays where an element was lost.
"""

import contextlib
import json
import logging
import os
import pickle
import re
import shlex
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dada.errors import DadaError
from dada.program import set_up_logging
from dada.recipe import slurm_commands
from dada.recipe.slurm_elements import Work
from dada.storage.atomic import atomic_path, is_alive, refusing_os_errors, write_text

OUTCOME = re.compile(r"(\d+)\.(\d+)\.outcome")
log = logging.getLogger("dada.recipe.slurm_array")  # in an element, this file is __main__


@dataclass
class Array:
    """A job array that was submitted."""

    folder: Path
    job: str

    @classmethod
    def submit(
        cls,
        parent: Path,
        stage: str,
        options: Mapping[str, str],
        groups: Sequence[Sequence[Work]],
        at_once: int,
    ) -> "Array":
        """Submit an array with an element for each group of tasks, `at_once` of which run at a time.

        Raise SlurmError where sbatch refuses it, UserError where the disk does.
        """
        with refusing_os_errors(parent):
            parent.mkdir(parents=True, exist_ok=True)
            folder = Path(tempfile.mkdtemp(prefix=f"{stage}-", dir=parent))
        job = None
        try:
            with refusing_os_errors(folder):
                for i, group in enumerate(groups):
                    content = pickle.dumps([(work.function, work.task) for work in group])
                    (folder / f"{i}.tasks").write_bytes(content)
                script = folder / "array.sh"
                write_text(script, script_text(folder, stage, options, len(groups), at_once))
                job = slurm_commands.submit(script)
                waiting = {"job": job, "host": socket.gethostname(), "process": os.getpid()}
                write_text(folder / "array.json", json.dumps(waiting) + "\n")
        except BaseException:
            if job is not None:
                slurm_commands.cancel(job)
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return cls(folder, job)

    def outcomes(self) -> list[tuple[int, int]]:
        """Return element and number of all tasks that have an outcome."""
        matches = (OUTCOME.fullmatch(path.name) for path in self.folder.iterdir())
        return sorted((int(match[1]), int(match[2])) for match in matches if match)

    def outcome(self, element: int, number: int) -> Path:
        """The file of the outcome of a task."""
        return outcome_path(self.folder, element, number)

    def remove(self, element: int) -> None:
        """Remove the files of an element with all its outcomes: its tasks have logs of their own."""
        for path in self.folder.glob(f"{element}.*"):
            path.unlink(missing_ok=True)

    def close(self) -> None:
        """Remove the folder, unless the log of a lost element is in it."""
        (self.folder / "array.json").unlink(missing_ok=True)
        if not any(self.folder.glob("*.log")):
            shutil.rmtree(self.folder, ignore_errors=True)


def script_text(folder: Path, stage: str, options: Mapping[str, str], number: int, at_once: int) -> str:
    """Return the script of an array of `number` elements.

    An element that Slurm requeues, after preemption or the failure of its node, goes on from its outcomes.
    """
    given = [f"--{name}={value}" if str(value) else f"--{name}" for name, value in options.items()]
    asked = [
        *(f"--job-name=dada-{stage}", "--requeue", *given),
        *(f"--array=0-{number - 1}%{at_once}", f"--output={folder}/%a.log", "--open-mode=append"),
    ]
    command = shlex.join([sys.executable, "-m", "dada.recipe.slurm_array", str(folder)])
    lines = [f"#SBATCH {shlex.quote(option)}" for option in asked]
    return "\n".join(["#!/bin/bash", *lines, f'exec {command} "$SLURM_ARRAY_TASK_ID"', ""])


def element_log(folder: Path, element: int) -> Path:
    """What an element printed."""
    return folder / f"{element}.log"


def outcome_path(folder: Path, element: int, number: int) -> Path:
    """The outcome of a task of an element."""
    return folder / f"{element}.{number}.outcome"


def read_outcome(path: Path) -> tuple[float, Exception | None]:
    """Return the seconds of a task, and its error."""
    seconds, error = pickle.loads(path.read_bytes())
    return seconds, error


def cancel_orphans(parent: Path) -> None:
    """Cancel the arrays whose process on this machine is gone: the next run submits their tasks again."""
    for path in parent.glob("*/array.json"):
        try:
            waiting = json.loads(path.read_text(encoding="utf-8"))
            job, host, process = waiting["job"], waiting["host"], waiting["process"]
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if host != socket.gethostname() or is_alive(process):
            continue
        log.info("cancelling job %s of a run that was killed", job)
        slurm_commands.cancel(str(job))
        shutil.rmtree(path.parent, ignore_errors=True)


def main(folder: Path, element: int) -> None:
    """Run the tasks of an element one after the other, and write the outcome of each."""
    works = pickle.loads((folder / f"{element}.tasks").read_bytes())
    set_up_logging(works[0][1].recipe.options.log_level)
    for number, (function, task) in enumerate(works):
        path = outcome_path(folder, element, number)
        if path.exists():  # the element was requeued
            continue
        start, error = time.monotonic(), None
        log.info("%s: %s", task.stage, task.label)
        try:
            seconds = function(task)
        except Exception as caught:
            seconds, error = time.monotonic() - start, _portable(caught)
        with atomic_path(path) as partial:
            partial.write_bytes(pickle.dumps((seconds, error)))


def _portable(error: Exception) -> Exception:
    """Return the error, or one with its text where another process cannot restore it."""
    with contextlib.suppress(Exception):
        pickle.loads(pickle.dumps(error))
        return error
    return DadaError(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
