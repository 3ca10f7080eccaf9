"""Progress of a stage: how far its trainings are, and the time that is left."""

import contextlib
import csv
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from dada.errors import DataError
from dada.experiment.folder import LOG, ExperimentFolder
from dada.program import duration
from dada.recipe.job import Job
from dada.recipe.tasks import Task
from dada.storage.reading import read_text

INTERVAL = 60.0  # seconds between two lines about a running training
log = logging.getLogger("dada")


@dataclass(frozen=True)
class Epochs:
    """Epochs of a training and its folds that are done and left, and the seconds of those that are done."""

    done: int
    left: int
    seconds: float

    @property
    def seconds_left(self) -> float:
        """The time that the other epochs take at the same rate."""
        return self.seconds / self.done * self.left if self.done else 0.0

    def __str__(self) -> str:
        text = f"{self.done} of {self.done + self.left} epochs"
        return f"{text}, about {duration(self.seconds_left)} left" if self.done else text


def epochs_of(job: Job) -> Epochs | None:
    """Return the epochs of a training by gradient; None for other jobs, and before it begins."""
    train = job.settings.get("train")
    if not train:
        return None
    phases = [phase.get("epochs", train["epochs"]) for phase in train["phases"]] or [train["epochs"]]
    done, seconds, rest = 0, 0.0, [sum(phases)] * (1 + train["folds"])
    tables = [*job.home.glob(LOG), *job.home.glob(f"*/{LOG}")]
    with contextlib.suppress(DataError, KeyError, ValueError, IndexError):  # of a damaged table
        for place, path in enumerate(tables):
            rows = list(csv.DictReader(read_text(path, "").splitlines()))
            if rows:
                phase, epoch = int(rows[-1]["phase"]), int(rows[-1]["epoch"])
                rest[place] = phases[phase - 1] - epoch + sum(phases[phase:])
                done, seconds = done + len(rows), seconds + float(rows[-1]["seconds"])
            if ExperimentFolder(path.parent).weights.exists():  # it may have stopped early
                rest[place] = 0
        return Epochs(done, sum(rest), seconds) if tables else None
    return None


class Progress:
    """The tasks of a stage that are not finished, of which `num_jobs` run at once."""

    def __init__(
        self, stage: str, tasks: Sequence[Task], num_jobs: int, clock: Callable[[], float] = time.monotonic
    ):
        self.stage, self.num_tasks, self.num_jobs, self.clock = stage, len(tasks), num_jobs, clock
        self.unfinished = {task.label: task for task in tasks}
        self.seconds: list[float] = []  # of the tasks that are done
        self.last = clock()

    def end(self, task: Task, seconds: float | None = None) -> None:
        """Count a task as ended, and log it where it took `seconds`: where it did not fail."""
        del self.unfinished[task.label]
        if seconds is not None:
            self.seconds.append(seconds)
            log.info("  %s: %s done in %.1f s (%s)", self.stage, task.label, seconds, self)

    def report(self, running: Iterable[Task]) -> None:
        """Log a line for each running training, unless the last lines are less than INTERVAL old."""
        if self.clock() - self.last < INTERVAL:
            return
        self.last = self.clock()
        trainings = [(task, epochs) for task in running if (epochs := epochs_of(task.job))]
        for task, epochs in trainings:
            log.info("  %s: %s: %s", self.stage, task.label, epochs)
        if len(trainings) < len(self.unfinished) and trainings:
            log.info("  %s: %s", self.stage, self)

    def __str__(self) -> str:
        text, left = f"{self.num_tasks - len(self.unfinished)} of {self.num_tasks}", self.seconds_left()
        return f"{text}, about {duration(left)} left" if left else text

    def seconds_left(self) -> float | None:
        """Return the time until all tasks end; None where nothing is known, 0 where all have ended.

        A training takes as long as its epochs, another task as long as the mean task.
        """
        trainings = {label: epochs_of(task.job) for label, task in self.unfinished.items()}
        known = {label: epochs for label, epochs in trainings.items() if epochs and epochs.done}
        lengths = [*self.seconds, *(epochs.seconds + epochs.seconds_left for epochs in known.values())]
        if not lengths:
            return None
        mean = sum(lengths) / len(lengths)
        left = [known[label].seconds_left if label in known else mean for label in self.unfinished]
        return max(*left, sum(left) / self.num_jobs) if left else 0.0
