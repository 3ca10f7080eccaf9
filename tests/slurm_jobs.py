"""What the elements of an array run in the tests on a real cluster."""

import time
from pathlib import Path

from dada.recipe.tasks import Task


def work(task: Task) -> float:
    """Note the call."""
    _note(task)
    return 1.5


def wait(task: Task) -> float:
    """Note the call, and wait for the file `go` in the home of the job."""
    _note(task)
    deadline = time.monotonic() + 300
    while not (Path(task.job.home) / "go").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    return 2.5


def _note(task: Task) -> None:
    with open(task.log, "a", encoding="utf-8") as file:
        file.write("called\n")
