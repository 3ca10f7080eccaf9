"""Tasks grouped into the elements of a job array.

Starting Python and loading a model takes seconds, and a place in a queue minutes, so that a shard of a
fraction of a second needs company. A job that is not cut into shards is an element of its own. Of the shards
of a job the first two run first, and the shorter time of the two, which holds no loading, is the cost of a
shard. The other shards are cut into elements of ELEMENT_SECONDS or more. Results do not depend on the
grouping, since a shard is computed alone.
"""

import concurrent.futures
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from dada.recipe.tasks import Task

ELEMENT_SECONDS = 600.0
NUM_PROBES = 2  # shards of a job that run before the others


@dataclass
class Work:
    """A task with the function that runs it, and the future of its seconds."""

    function: Callable[[Task], float]
    task: Task
    future: concurrent.futures.Future = field(default_factory=concurrent.futures.Future)

    def refresh(self) -> None:
        """List the folders of the outputs: a network file system may keep an earlier listing otherwise."""
        paths = (*self.task.job.outputs, *filter(None, [self.task.part]))
        for folder in {path.parent for path in paths}:
            with contextlib.suppress(OSError):
                list(folder.iterdir())


class Costs:
    """Seconds of a shard of each job, as measured on those that have ended."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def add(self, task: Task, seconds: float) -> None:
        """Note a measurement. The lowest counts: others contain the loading of a model."""
        key = _key(task)
        self.seconds[key] = min(seconds, self.seconds.get(key, seconds))

    def give_up(self, task: Task) -> None:
        """Note that a task was lost: without another measurement, every shard of its job runs alone."""
        self.seconds.setdefault(_key(task), ELEMENT_SECONDS)

    def of(self, task: Task) -> float | None:
        """The seconds of a task, or None where no shard of its job has run."""
        return self.seconds.get(_key(task))


def elements(queue: Sequence[Work], costs: Costs, most: int) -> list[list[Work]]:
    """Return the elements of the next array, at most `most`: of the first stage in the queue, all that can be
    grouped now.
    """
    stage = queue[0].task.stage
    alone: list[list[Work]] = []
    probes: dict[str, list[Work]] = {}
    known: list[tuple[Work, float]] = []
    for work in queue:
        if work.task.stage != stage:
            continue
        if work.task.shard is None:
            alone.append([work])
        elif (seconds := costs.of(work.task)) is not None:
            known.append((work, seconds))
        elif len(probe := probes.setdefault(_key(work.task), [])) < NUM_PROBES:
            probe.append(work)
    first = [*alone, *probes.values()]
    # Known shards wait for the probes of others, so that they fill elements together.
    return first[:most] if first else packed(known, most)


def packed(works: Sequence[tuple[Work, float]], most: int) -> list[list[Work]]:
    """Return works in order, in at most `most` elements of ELEMENT_SECONDS or more where there is so much."""
    target = max(ELEMENT_SECONDS, sum(seconds for _, seconds in works) / most)
    groups: list[list[Work]] = [[]]
    spent = 0.0
    for work, seconds in works:
        if spent >= target:
            groups.append([])
            spent = 0.0
        groups[-1].append(work)
        spent += seconds
    if spent < ELEMENT_SECONDS and len(groups) > 1:
        rest = groups.pop()
        groups[-1] += rest
    return groups


def _key(task: Task) -> str:
    return f"{task.stage} {task.job.name}"
