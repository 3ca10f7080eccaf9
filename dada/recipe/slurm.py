"""Tasks on a Slurm cluster, as job arrays: `--cmd slurm` on a login node, `--nj` elements of them at once.

All nodes must see Python, the recipe and the corpus under the same paths. The recipe's local.yaml holds the
options of sbatch by their long names:

    slurm:
      options: {partition: cpu, time: "4:00:00", mem: 8G}
      gpu: {partition: gpu}
      stages: {train_audio: {time: "2-00:00:00"}}

One array runs at a time. It has an element for every job of a stage, or for so many shards of a stage as take
ten minutes (dada/recipe/slurm_elements.py). An element writes the outcome of each of its tasks into the
folder of the array, from where this process reads it. The state of the elements comes from squeue, so that no
accounting database is needed.
"""

import concurrent.futures
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from dada.errors import ConfigError, DadaError
from dada.recipe import catalog, slurm_commands
from dada.recipe.recipe import Recipe
from dada.recipe.slurm_array import Array, cancel_orphans, element_log, read_outcome
from dada.recipe.slurm_elements import Costs, Work, elements
from dada.recipe.tasks import Task

POLL = 1.0  # seconds between two looks for outcomes
QUERY = 10.0  # seconds between two calls of squeue
# Calls of squeue in a row that say that an element has ended, before it counts as lost without its outcomes:
# a network file system may show a file later than the queue the end of its job.
PATIENCE = 3
TAIL_LINES = 15  # of the log of a lost element
log = logging.getLogger(__name__)


@dataclass
class _Running:
    """The array that runs: what its elements still owe, and how often squeue has called each ended."""

    array: Array
    owed: dict[int, dict[int, Work]]  # element -> number of the task in it -> task
    ended: dict[int, int] = field(default_factory=dict)
    queried: float = field(default_factory=time.monotonic)
    reasons: set[str] = field(default_factory=set)  # why elements wait, as far as the log says it


class Slurm:
    """`submit` as in concurrent.futures, and `close`, which cancels the running jobs.

    One thread calls Slurm.
    """

    def __init__(self, recipe: Recipe):
        slurm_commands.require()
        self.recipe, self.folder = recipe, (recipe.exp_root / "log" / "slurm").resolve()
        cancel_orphans(self.folder)
        self.max_elements = slurm_commands.max_array_size()
        self.costs = Costs()
        self.queue: list[Work] = []
        self.queued_before = 0
        self.running: _Running | None = None
        self.changed, self.stopped = threading.Lock(), threading.Event()
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def submit(self, function: Callable[[Task], float], task: Task) -> concurrent.futures.Future:
        """Return a future of function(task), which runs on a node of the cluster."""
        work = Work(function, task)
        with self.changed:
            self.queue.append(work)
        return work.future

    def close(self) -> None:
        """Cancel the jobs that have not ended."""
        self.stopped.set()
        self.thread.join()
        if self.running is not None:
            log.info("cancelling job %s", self.running.array.job)
            slurm_commands.cancel(self.running.array.job)

    def _serve(self) -> None:
        while not self.stopped.wait(POLL):
            try:
                if self.running is not None:
                    self._collect(self.running)
                if self.running is None:
                    self._send()
            except Exception as error:  # e.g. a full disk: the caller of `result` gets the error
                self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        works: list[Work] = []
        if self.running is not None:
            slurm_commands.cancel(self.running.array.job)
            works = [work for owed in self.running.owed.values() for work in owed.values()]
            self.running = None
        for work in works:
            work.future.set_exception(error)

    def _send(self) -> None:
        """Send the next array, once the caller has submitted all that it can."""
        with self.changed:
            grown, self.queued_before = len(self.queue) != self.queued_before, len(self.queue)
            if grown or not self.queue:
                return
            groups = elements(self.queue, self.costs, self.max_elements)
            chosen = {id(work) for group in groups for work in group}
            self.queue = [work for work in self.queue if id(work) not in chosen]
            self.queued_before = len(self.queue)
        alive = [[work for work in group if work.future.set_running_or_notify_cancel()] for group in groups]
        groups = [group for group in alive if group]
        if not groups:
            return
        stage = groups[0][0].task.stage
        try:
            array = Array.submit(
                self.folder, stage, options(self.recipe, stage), groups, self.recipe.options.nj
            )
        except Exception as error:  # any error of sbatch or of the disk concerns these tasks only
            for work in (work for group in groups for work in group):
                work.future.set_exception(self._refused(work.task, error))
            return
        owed = {i: dict(enumerate(group)) for i, group in enumerate(groups)}
        self.running = _Running(array, owed)
        number = sum(map(len, groups))
        log.info("  %s: %d tasks in %d elements are job %s", stage, number, len(groups), array.job)

    def _refused(self, task: Task, error: Exception) -> Exception:
        if not isinstance(error, slurm_commands.SlurmError):
            return error
        advice = f"correct slurm in {self.recipe.root / 'local.yaml'}"
        return ConfigError(f"sbatch did not take the job of {task.label}: {error}: {advice}")

    def _collect(self, running: _Running) -> None:
        """Set the futures of the tasks that have an outcome, and of those that will have none."""
        now, states = time.monotonic(), None
        if now - running.queried >= QUERY:
            running.queried = now
            states = slurm_commands.states(running.array.job)
        for element, number in running.array.outcomes():  # after squeue: what ended before has its outcome
            work = running.owed.get(element, {}).pop(number, None)
            if work is not None:
                self._settle(work, running.array.outcome(element, number))
        for element in [element for element, owed in running.owed.items() if not owed]:
            del running.owed[element]
            running.array.remove(element)
        if states is not None:
            self._look_for_lost(running, states)
        if not running.owed:
            running.array.close()
            self.running = None

    def _settle(self, work: Work, path: Path) -> None:
        seconds, error = read_outcome(path)
        self.costs.add(work.task, seconds)
        work.refresh()
        if error is None:
            work.future.set_result(seconds)
        else:
            work.future.set_exception(error)

    def _look_for_lost(self, running: _Running, states: dict[int, tuple[str, str]]) -> None:
        """Fail the tasks of elements that left the queue, or ended, without their outcomes."""
        for element in list(running.owed):
            state, reason = states.get(element, (slurm_commands.GONE, ""))
            if not slurm_commands.has_ended(state):
                running.ended.pop(element, None)
                self._report(running, state, reason)
                continue
            running.ended[element] = running.ended.get(element, 0) + 1
            if running.ended[element] >= PATIENCE:
                self._lose(running, element, state)

    def _report(self, running: _Running, state: str, reason: str) -> None:
        """Log once why elements do not start, where it is not that others run."""
        if state == "PENDING" and reason not in slurm_commands.ORDINARY and reason not in running.reasons:
            running.reasons.add(reason)
            log.info("  job %s waits in the queue: %s", running.array.job, reason)

    def _lose(self, running: _Running, element: int, state: str) -> None:
        path, name = element_log(running.array.folder, element), f"{running.array.job}_{element}"
        error = DadaError(f"job {name} ended without a result, in the state {state}; its log is {path}")
        tail = _tail(path)
        for work in running.owed.pop(element).values():
            self.costs.give_up(work.task)
            work.task.log.parent.mkdir(parents=True, exist_ok=True)
            with open(work.task.log, "a", encoding="utf-8") as file:
                file.write(f"job {name} ended in the state {state}; the last lines of {path}:\n{tail}")
            work.refresh()
            work.future.set_exception(error)


def options(recipe: Recipe, stage: str) -> dict[str, str]:
    """Return the options of sbatch for a stage: those of all stages, of GPU jobs, and of the stage itself."""
    config, entry = recipe.config.slurm, catalog.find(stage)
    chosen = {**config.options}
    if recipe.options.ngpu and entry.uses_gpu:
        chosen |= {"gres": f"gpu:{recipe.options.ngpu if entry.distributed else 1}", **config.gpu}
    return chosen | config.stages.get(stage, {})


def _tail(path: Path) -> str:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL_LINES:]
    except OSError as error:
        lines = [f"(no log: {error})"]
    return "".join(f"{line}\n" for line in lines)
